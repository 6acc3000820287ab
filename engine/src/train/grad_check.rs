//! Proof that every trainable weight gets a gradient: candle ends some gradients without a word.

use candle_core::Tensor;

use super::params::NamedVars;
use crate::{Error, Result};

/// All gradients, or an error that names the variables without one.
pub fn all(vars: &NamedVars, gradients: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
    let missing: Vec<&str> = vars
        .keys()
        .zip(&gradients)
        .filter(|(_, g)| g.is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(gradients.into_iter().flatten().collect());
    }
    let shown = missing
        .iter()
        .take(5)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let problem = format!(
        "{} of {} trainable tensors got no gradient: {shown}",
        missing.len(),
        vars.len()
    );
    Err(Error::Tensor(candle_core::Error::Msg(problem)))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn names_the_variable_whose_gradient_was_dropped() {
        let var = |v: f32| Var::new(&[v], &Device::Cpu).unwrap();
        let vars = NamedVars::from([
            ("kept".to_owned(), var(1.0)),
            ("dropped".to_owned(), var(2.0)),
        ]);
        let loss = (vars["kept"].as_tensor() * vars["dropped"].detach())
            .unwrap()
            .sum_all()
            .unwrap();
        let store = loss.backward().unwrap();
        let gradients = vars.values().map(|v| store.get(v).cloned()).collect();
        let error = all(&vars, gradients).unwrap_err().to_string();
        assert!(
            error.contains("1 of 2") && error.contains("dropped"),
            "{error}"
        );
    }
}
