//! A router that votes alike for every token: the control of one that looks at them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::Precision;
use super::peft::write_tensors;
use crate::output::write_json;
use crate::types::RouterActivation;
use crate::{Error, Result};

/// What a module's layer votes, whatever it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct ConstantVotes {
    /// Inputs of the module.
    pub inputs: usize,
    /// A gate per output.
    pub gates: Vec<f32>,
}

/// Writes a router expert's folder whose layers have no weights, and the votes as their bias; nothing follows them.
///
/// `outputs` names the LoRA experts that each module has a gate for, in order; a module with another number of them is
/// refused.
pub fn write_constant_router(
    folder: &Path,
    preference: &[f64],
    outputs: &[String],
    votes: &BTreeMap<String, ConstantVotes>,
) -> Result<()> {
    let mut tensors = Vec::with_capacity(2 * votes.len());
    for (module, votes) in votes {
        if votes.gates.len() != outputs.len() {
            let problem = format!(
                "has {} gates at `{module}` for {} experts",
                votes.gates.len(),
                outputs.len()
            );
            return Err(Error::option("votes", problem));
        }
        let bytes = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let zeros = vec![0.0; outputs.len() * votes.inputs];
        let shape = vec![outputs.len(), votes.inputs];
        tensors.push((format!("{module}.weight"), shape, bytes(&zeros)));
        let bias: Vec<u8> = bytes(&votes.gates);
        tensors.push((format!("{module}.bias"), vec![outputs.len()], bias));
    }
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let path = folder.join("router.safetensors");
    write_tensors(&path, &tensors, Precision::F32, [("format", "pt")])?;
    let config = json!({
        "preference": preference, "outputs": outputs, "activation": RouterActivation::None,
    });
    write_json(&folder.join("router_config.json"), &config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::RouterExpert;

    #[test]
    fn what_is_written_is_read_as_votes_that_look_at_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = ["a", "b"].map(str::to_owned);
        let votes = |gates: &[f32]| {
            let votes = ConstantVotes {
                inputs: 3,
                gates: gates.to_vec(),
            };
            BTreeMap::from([("m".to_owned(), votes)])
        };
        write_constant_router(folder.path(), &[0.5, 0.5], &outputs, &votes(&[0.7, 0.3])).unwrap();
        let linears = [("m".to_owned(), [5, 3])];
        let router = RouterExpert::load(folder.path(), &linears, &outputs).unwrap();
        assert_eq!(router.activation, RouterActivation::None);
        let site = &router.sites["m"];
        assert_eq!(
            (site.weight.as_slice(), site.bias.as_slice()),
            ([0.0; 6].as_slice(), [0.7, 0.3].as_slice())
        );
        let few = write_constant_router(folder.path(), &[0.5, 0.5], &outputs, &votes(&[1.0]));
        assert!(
            few.unwrap_err()
                .to_string()
                .contains("1 gates at `m` for 2 experts")
        );
    }
}
