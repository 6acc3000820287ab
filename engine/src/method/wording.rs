//! Methods that write the preference into the prompt.

use super::gates::{base, preference};
use super::made::{alone, averaged};
use super::row::{RowPlan, StreamPlan};
use crate::bundle::Bundle;
use crate::types::{Message, Point, Preference, Prompt};
use crate::{Error, Result};

/// The base model, told the preference.
pub(super) fn prompting(bundle: &Bundle, point: &Point, prompt: &Prompt) -> Result<RowPlan> {
    let preference = preference(bundle, point)?;
    Ok(RowPlan::alone(StreamPlan {
        prompt: Some(told(bundle, preference, prompt)?),
        ..StreamPlan::of(base(bundle))
    }))
}

/// Personalised soups (Jang et al. 2023): factors averaged, and the preference told.
pub(super) fn personalised_soup(
    bundle: &Bundle,
    point: &Point,
    prompt: &Prompt,
) -> Result<RowPlan> {
    let recipe = averaged(bundle, point)?;
    Ok(RowPlan::alone(StreamPlan {
        prompt: Some(told(bundle, preference(bundle, point)?, prompt)?),
        ..alone(bundle, recipe)
    }))
}

/// A prompt whose last turn says how much each objective counts.
pub(super) fn told(bundle: &Bundle, preference: &Preference, prompt: &Prompt) -> Result<Prompt> {
    let objectives = bundle.info.objectives.iter().map(|o| o.name.as_str());
    let guide = guide(objectives, preference);
    let with = |question: &str| format!("{guide}\n\n{question}");
    Ok(match prompt {
        Prompt::Text(text) => Prompt::Text(with(text)),
        Prompt::Chat(turn) => Prompt::Chat(with(turn)),
        Prompt::Messages(turns) => {
            let mut turns: Vec<Message> = turns.clone();
            if let Some(last) = turns.last_mut() {
                last.content = with(&last.content);
            }
            Prompt::Messages(turns)
        }
        Prompt::Tokens(_) => {
            let problem = "is token ids; a method that tells the model its preference needs text";
            return Err(Error::option("prompt", problem));
        }
    })
}

/// The objectives that count, the weightiest first, with their shares in percent.
fn guide<'n>(objectives: impl Iterator<Item = &'n str>, preference: &Preference) -> String {
    let mut shares: Vec<(&str, f64)> = objectives
        .zip(preference.as_slice().iter().copied())
        .filter(|(_, share)| *share > 0.0)
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shares: Vec<String> = shares
        .into_iter()
        .map(|(name, share)| format!("{name} ({:.0} %)", share * 100.0))
        .collect();
    format!(
        "Answer the question below so that the answer is, in this order of weight: {}.",
        shares.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weightiest_objective_is_told_first_and_none_of_no_weight() {
        let preference = Preference::new(vec![0.25, 0.0, 0.75]).unwrap();
        let words = guide(["helpful", "harmless", "humor"].into_iter(), &preference);
        assert!(words.ends_with("humor (75 %), helpful (25 %)."), "{words}");
        assert!(!words.contains("harmless"));
    }
}
