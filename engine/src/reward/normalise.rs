//! From logits to the one number that an objective means: larger is better.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How a bundle reads a reward model (`objectives[i].reward` of `bundle.json`, beside `path`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// 1, or -1 for a model whose larger scores are worse (a cost).
    #[serde(default = "one")]
    pub sign: f64,
    /// Index of the logit; by default the only one, the second of two, or the first of more.
    #[serde(default)]
    pub output: Option<usize>,
    /// How prompt and response become one text, with `{prompt}` and `{response}` in it; by default
    /// the tokenizer's pair.
    #[serde(default)]
    pub template: Option<String>,
    /// Subtracted from the logit.
    #[serde(default)]
    pub mean: Option<f64>,
    /// What the difference is divided by.
    #[serde(default)]
    pub std: Option<f64>,
}

const fn one() -> f64 {
    1.0
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            sign: 1.0,
            output: None,
            template: None,
            mean: None,
            std: None,
        }
    }
}

impl Reading {
    /// Refuses what makes no sense; `path` and `field` say where it stands, e.g. `bundle.json` and
    /// `objectives[0].reward`.
    pub fn check(&self, path: &Path, field: &str) -> Result<()> {
        let wrong = |name: &str, problem: String| {
            Err(Error::field(path, format!("{field}.{name}"), problem))
        };
        if self.sign != 1.0 && self.sign != -1.0 {
            return wrong("sign", format!("is {}; it must be 1 or -1", self.sign));
        }
        if let Some(mean) = self.mean.filter(|mean| !mean.is_finite()) {
            return wrong("mean", format!("is {mean}; it must be finite"));
        }
        if let Some(std) = self.std.filter(|std| !(std.is_finite() && *std > 0.0)) {
            return wrong("std", format!("is {std}; it must be above zero"));
        }
        match &self.template {
            Some(template) if !template.contains("{response}") => wrong(
                "template",
                "has no {response} in it, so every answer would score the same".to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// Which of `outputs` logits counts.
    pub fn index(&self, outputs: usize) -> Result<usize> {
        match self.output {
            Some(index) if index >= outputs => Err(Error::option(
                "output",
                format!(
                    "is {index}, but the reward model has {outputs} (0 to {})",
                    outputs.max(1) - 1
                ),
            )),
            Some(index) => Ok(index),
            None => Ok(usize::from(outputs == 2)),
        }
    }

    /// `sign * (logit - mean) / std`, in f64.
    pub fn apply(&self, logit: f32) -> f64 {
        self.sign * (f64::from(logit) - self.mean.unwrap_or(0.0)) / self.std.unwrap_or(1.0)
    }

    /// Fills a template in one pass, so that braces inside the texts stay as they are.
    pub(super) fn fill(template: &str, prompt: &str, response: &str) -> String {
        let mut text = String::with_capacity(template.len() + prompt.len() + response.len());
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{prompt}") {
                text.push_str(prompt);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("{response}") {
                text.push_str(response);
                rest = after;
            } else {
                text.push('{');
                rest = &rest[1..];
            }
        }
        text + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_changes_scale_and_sign() {
        let reading: Reading =
            serde_json::from_str(r#"{"path": "x", "sign": -1, "mean": 0.5, "std": 2}"#).unwrap();
        reading.check(Path::new("bundle.json"), "reward").unwrap();
        assert_eq!(reading.apply(2.5), -1.0);
        assert_eq!(Reading::default().apply(2.5), 2.5);
    }

    #[test]
    fn the_output_that_counts() {
        let of = |output| Reading {
            output,
            ..Reading::default()
        };
        assert_eq!(of(None).index(1).unwrap(), 0);
        assert_eq!(of(None).index(2).unwrap(), 1);
        assert_eq!(of(None).index(10).unwrap(), 0);
        assert_eq!(of(Some(3)).index(10).unwrap(), 3);
        assert!(of(Some(1)).index(1).unwrap_err().is_input());
    }

    #[test]
    fn nonsense_is_refused_by_field() {
        for (json, name) in [
            (r#"{"sign": 2}"#, "sign"),
            (r#"{"sign": 0}"#, "sign"),
            (r#"{"std": 0}"#, "std"),
            (r#"{"std": -1}"#, "std"),
            (r#"{"template": "{prompt}"}"#, "template"),
        ] {
            let reading: Reading = serde_json::from_str(json).unwrap();
            let error = reading
                .check(Path::new("bundle.json"), "objectives[0].reward")
                .unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains(&format!("objectives[0].reward.{name}")),
                "{error}"
            );
        }
    }

    #[test]
    fn texts_with_braces_go_through_a_template_unharmed() {
        let filled = Reading::fill(
            "USER: {prompt} {x} ASSISTANT:{response}",
            "say {response}",
            "{prompt}!",
        );
        assert_eq!(filled, "USER: say {response} {x} ASSISTANT:{prompt}!");
    }
}
