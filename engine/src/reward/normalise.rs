//! From logits to the one number that an objective means: larger is better.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::turns::Marks;
use super::{Dialogue, Preset};
use crate::{Bounds, Error, Problem, Result};

/// How a bundle reads a reward model (`objectives[i].reward` of `bundle.json`, beside `path`): a
/// preset by name, or each field by itself, or both, where fields go before the preset's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// One of [`super::PRESETS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// 1 (the default), or -1 for a model whose larger scores are worse (a cost).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign: Option<f64>,
    /// Index of the logit; by default the only one, the second of two, or the first of more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<usize>,
    /// How prompt and response become one text, with `{prompt}` and `{response}` in it; by default
    /// they are the tokenizer's pair, prompt first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The tokenizer's pair in another way: two templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<[String; 2]>,
    /// What is done to both before: `plain` (nothing, the default), `hh` or `post`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialogue: Option<Dialogue>,
    /// Tokens of a text, at most; by default as many as the model reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// Whether the tokenizer's end token stands after the text; by default as the model was trained: what its
    /// folder or preset says, else not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_token: Option<bool>,
    /// Whether the score is the output's share of the softmax over all of them, not its logit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<bool>,
    /// Subtracted from the logit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// What the difference is divided by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
    /// Decimals that the score is rounded to (RiC reports 1); by default it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<i32>,
}

/// How texts are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// One text.
    Template(String),
    /// The tokenizer's pair of two.
    Pair([String; 2]),
}

/// A [`Reading`] with its preset and all defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The preset's name.
    pub preset: Option<&'static str>,
    /// Logits that the preset's model has.
    pub outputs: Option<usize>,
    /// Index of the logit, where it is said.
    pub output: Option<usize>,
    /// 1 or -1.
    pub sign: f64,
    /// How texts are put together.
    pub layout: Layout,
    /// Whether a person or a preset said so; a model's own way of reading gives way to it.
    pub layout_said: bool,
    /// How turns are told apart in a conversation without a chat template.
    pub marks: Marks,
    /// What is done to them before.
    pub dialogue: Dialogue,
    /// Tokens of a text, at most.
    pub max_tokens: Option<usize>,
    /// Whether an end token stands after the text, where it is said.
    pub end_token: Option<bool>,
    /// Whether the softmax is taken.
    pub probability: bool,
    /// Subtracted.
    pub mean: f64,
    /// Divided by.
    pub std: f64,
    /// Rounded to.
    pub decimals: Option<i32>,
}

impl Rules {
    /// How the model is read, for people: `preset beaver-cost, logit 1, sign turned`.
    pub fn in_words(&self) -> String {
        let mut words = vec![match self.preset {
            Some(preset) => format!("preset {preset}"),
            None => "no preset".to_owned(),
        }];
        if let Some(output) = self.output {
            words.push(format!("logit {output}"));
        }
        if let Some(end) = self.end_token {
            words.push(
                if end {
                    "end token read"
                } else {
                    "no end token"
                }
                .to_owned(),
            );
        }
        if self.probability {
            words.push("its share of the softmax".to_owned());
        }
        words.push(if (self.mean, self.std) == (0.0, 1.0) {
            "raw".to_owned()
        } else {
            format!("(raw \u{2212} {}) / {}", self.mean, self.std)
        });
        if let Some(decimals) = self.decimals {
            words.push(format!("rounded to {decimals} decimals"));
        }
        if self.sign < 0.0 {
            words.push("sign turned".to_owned());
        }
        words.join(", ")
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            preset: None,
            outputs: None,
            output: None,
            sign: 1.0,
            layout: Layout::Pair(["{prompt}".to_owned(), "{response}".to_owned()]),
            layout_said: false,
            marks: Marks::default(),
            dialogue: Dialogue::Plain,
            max_tokens: None,
            end_token: None,
            probability: false,
            mean: 0.0,
            std: 1.0,
            decimals: None,
        }
    }
}

impl Reading {
    /// Refuses what makes no sense; `path` and `field` say where it stands, e.g. `bundle.json` and
    /// `objectives[0].reward`.
    pub fn check(&self, path: &Path, field: &str) -> Result<()> {
        match self.wrong() {
            Some((name, problem)) => Err(Error::field(path, format!("{field}.{name}"), problem)),
            None => Ok(()),
        }
    }

    /// With its preset and all defaults. Refuses what [`Reading::check`] does.
    pub fn rules(&self) -> Result<Rules> {
        if let Some((name, problem)) = self.wrong() {
            return Err(Error::option(name, problem));
        }
        let preset = self.preset.as_deref().and_then(Preset::named);
        let usual = preset.map_or_else(Rules::default, Preset::rules);
        let layout = match (&self.template, &self.pair) {
            (Some(template), _) => Layout::Template(template.clone()),
            (None, Some(pair)) => Layout::Pair(pair.clone()),
            (None, None) => usual.layout,
        };
        Ok(Rules {
            sign: self.sign.unwrap_or(usual.sign),
            output: self.output.or(usual.output),
            layout_said: usual.layout_said || self.template.is_some() || self.pair.is_some(),
            layout,
            end_token: self.end_token.or(usual.end_token),
            dialogue: self.dialogue.unwrap_or(usual.dialogue),
            max_tokens: self.max_tokens.or(usual.max_tokens),
            probability: self.probability.unwrap_or(usual.probability),
            mean: self.mean.unwrap_or(usual.mean),
            std: self.std.unwrap_or(usual.std),
            decimals: self.decimals.or(usual.decimals),
            ..usual
        })
    }

    /// The first field that makes no sense, and why.
    fn wrong(&self) -> Option<(&'static str, Problem)> {
        if let Some(name) = &self.preset
            && Preset::named(name).is_none()
        {
            return Some(("preset", Problem::unknown(name, Preset::names())));
        }
        if let Some(sign) = self.sign.filter(|sign| sign.abs() != 1.0) {
            return Some(("sign", format!("is {sign}; it must be 1 or -1").into()));
        }
        let numbers = [
            ("mean", self.mean, Bounds::FINITE),
            ("std", self.std, Bounds::above(0.0)),
            (
                "max_tokens",
                self.max_tokens.map(|n| n as f64),
                Bounds::at_least(1.0),
            ),
            (
                "decimals",
                self.decimals.map(f64::from),
                Bounds::of(0.0, 12.0),
            ),
        ];
        for (name, value, bounds) in numbers {
            if let Some(Err(problem)) = value.map(|value| bounds.check(value)) {
                return Some((name, problem));
            }
        }
        if self.template.is_some() && self.pair.is_some() {
            let problem = "stands beside `template`; a text is put together in one way";
            return Some(("pair", problem.into()));
        }
        if let Some(problem) = self.template.as_deref().and_then(strange_field) {
            return Some(("template", problem.into()));
        }
        if let Some(problem) = self.pair.iter().flatten().find_map(|t| strange_field(t)) {
            return Some(("pair", problem.into()));
        }
        let unread = "has no {response} in it, so every answer would score the same";
        match (&self.template, &self.pair) {
            (Some(text), _) if !text.contains("{response}") => Some(("template", unread.into())),
            (None, Some(texts)) if !texts.iter().any(|text| text.contains("{response}")) => {
                Some(("pair", unread.into()))
            }
            _ => None,
        }
    }
}

impl Rules {
    /// Which of `outputs` logits counts.
    pub fn index(&self, outputs: usize) -> Result<usize> {
        if let (Some(preset), Some(expected)) = (self.preset, self.outputs)
            && expected != outputs
        {
            let problem = format!(
                "`{preset}` is for a model with {expected} outputs; this one has {outputs}"
            );
            return Err(Error::option("preset", problem));
        }
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

    /// `sign * (x - mean) / std` in f64, where x is the logit, or its share of the softmax.
    pub fn apply(&self, logits: &[f32], index: usize) -> f64 {
        let Some(&logit) = logits.get(index) else {
            return f64::NAN;
        };
        let value = if self.probability {
            share(logits, logit)
        } else {
            f64::from(logit)
        };
        let score = self.sign * (value - self.mean) / self.std;
        match self.decimals {
            None => score,
            Some(decimals) => {
                let scale = 10.0_f64.powi(decimals);
                (score * scale).round_ties_even() / scale
            }
        }
    }

    /// Whether the prompt is part of the text.
    pub fn reads_prompt(&self) -> bool {
        match &self.layout {
            Layout::Template(template) => template.contains("{prompt}"),
            Layout::Pair(texts) => texts.iter().any(|text| text.contains("{prompt}")),
        }
    }

    /// The text or the pair of texts that a prompt and its answer become; without a prompt, what
    /// would be the prompt alone is left out.
    pub fn write(&self, prompt: Option<&str>, response: &str) -> Vec<String> {
        let response = self.dialogue.response(response);
        let filled = |template: &str| {
            let prompt = prompt.map(|prompt| self.dialogue.prompt(prompt));
            fill(template, &prompt.unwrap_or_default(), &response)
        };
        match &self.layout {
            Layout::Template(template) => vec![filled(template)],
            Layout::Pair(texts) => texts
                .iter()
                .filter(|text| prompt.is_some() || text.contains("{response}"))
                .map(|text| filled(text))
                .collect(),
        }
    }
}

fn share(logits: &[f32], logit: f32) -> f64 {
    if logits.len() == 1 {
        // One logit is the log odds of yes.
        return 1.0 / (1.0 + (-f64::from(logit)).exp());
    }
    let total: f64 = logits
        .iter()
        .map(|&other| (f64::from(other) - f64::from(logit)).exp())
        .sum();
    1.0 / total
}

/// What is wrong with a `{name}` of a template that stands for nothing; braces around anything else are text.
fn strange_field(template: &str) -> Option<String> {
    const FIELDS: [&str; 2] = ["prompt", "response"];
    let named = |part: &&str| {
        let mut letters = part.chars();
        letters
            .next()
            .is_some_and(|c| c.is_alphabetic() || c == '_')
            && letters.all(|c| c.is_alphanumeric() || c == '_')
    };
    template
        .split('{')
        .skip(1)
        .filter_map(|after| after.split_once('}').map(|(name, _)| name))
        .filter(named)
        .find(|name| !FIELDS.contains(name))
        .map(|name| format!("has {{{name}}}: {}", Problem::unknown(name, FIELDS)))
}

/// Fills a template in one pass, so that braces inside the texts stay as they are.
fn fill(template: &str, prompt: &str, response: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Rules {
        let reading: Reading = serde_json::from_str(json).unwrap();
        reading.check(Path::new("bundle.json"), "reward").unwrap();
        reading.rules().unwrap()
    }

    #[test]
    fn readings_have_words() {
        assert_eq!(rules("{}").in_words(), "no preset, raw");
        let words = rules(r#"{"preset": "beaver-cost"}"#).in_words();
        assert!(
            words.starts_with("preset beaver-cost") && words.ends_with("sign turned"),
            "{words}"
        );
        let words = rules(r#"{"mean": 2.5, "std": 0.5, "output": 3}"#).in_words();
        assert_eq!(words, "no preset, logit 3, (raw \u{2212} 2.5) / 0.5");
    }

    #[test]
    fn a_reading_changes_scale_and_sign() {
        let changed = rules(r#"{"path": "x", "sign": -1, "mean": 0.5, "std": 2}"#);
        assert_eq!(changed.apply(&[2.5], 0), -1.0);
        assert_eq!(Rules::default().apply(&[2.5], 0), 2.5);
        let rounded = rules(r#"{"decimals": 1}"#);
        assert_eq!(rounded.apply(&[2.25], 0), 2.2);
        assert_eq!(rounded.apply(&[-0.16], 0), -0.2);
        let probability = rules(r#"{"probability": true}"#);
        assert!((probability.apply(&[1.0, 1.0 + 3.0_f32.ln()], 1) - 0.75).abs() < 1e-7);
        assert_eq!(probability.apply(&[0.0], 0), 0.5);
    }

    #[test]
    fn the_output_that_counts() {
        let of = |output| Rules {
            output,
            ..Rules::default()
        };
        assert_eq!(of(None).index(1).unwrap(), 0);
        assert_eq!(of(None).index(2).unwrap(), 1);
        assert_eq!(of(None).index(10).unwrap(), 0);
        assert_eq!(of(Some(3)).index(10).unwrap(), 3);
        assert!(of(Some(1)).index(1).unwrap_err().is_input());
    }

    #[test]
    fn a_preset_fills_in_what_is_not_said() {
        let cost = rules(r#"{"preset": "beaver-cost"}"#);
        assert_eq!(cost.sign, -1.0);
        assert_eq!(
            cost.write(Some("Hi?"), "Ho."),
            ["BEGINNING OF CONVERSATION: USER: Hi? ASSISTANT:Ho."]
        );
        assert_eq!(rules(r#"{"preset": "beaver-cost", "sign": 1}"#).sign, 1.0);
        let helpful = rules(r#"{"preset": "gpt2-helpful"}"#);
        assert_eq!(
            helpful.write(Some("Hi?"), " Ho.\n\nHuman: more"),
            ["\n\nHuman: Hi? \n\nAssistant:", "Ho."]
        );
        let faithful = rules(r#"{"preset": "bart-faithful"}"#);
        assert_eq!(faithful.write(Some("post"), "sum"), ["sum", "post"]);
        assert_eq!(faithful.write(None, "sum"), ["sum"]);
        assert_eq!(faithful.index(2).unwrap(), 1);
        let wrong = faithful.index(1).unwrap_err();
        assert!(
            wrong.to_string().contains("2 outputs; this one has 1"),
            "{wrong}"
        );
        let summary = rules(r#"{"preset": "gpt2-summary"}"#);
        assert_eq!(
            summary.write(Some("post"), "sum"),
            ["sum <|endoftext|> post"]
        );
    }

    #[test]
    fn nonsense_is_refused_by_field() {
        for (json, name) in [
            (r#"{"sign": 2}"#, "sign"),
            (r#"{"sign": 0}"#, "sign"),
            (r#"{"std": 0}"#, "std"),
            (r#"{"std": -1}"#, "std"),
            (r#"{"template": "{prompt}"}"#, "template"),
            (r#"{"pair": ["{prompt}", "x"]}"#, "pair"),
            (
                r#"{"pair": ["{prompt}", "{response}"], "template": "{response}"}"#,
                "pair",
            ),
            (r#"{"template": "{response} {Prompt}"}"#, "template"),
            (r#"{"template": "{promt} {response}"}"#, "template"),
            (r#"{"pair": ["{question}", "{response}"]}"#, "pair"),
            (r#"{"preset": "gpt3"}"#, "preset"),
            (r#"{"max_tokens": 0}"#, "max_tokens"),
            (r#"{"decimals": -1}"#, "decimals"),
        ] {
            let reading: Reading = serde_json::from_str(json).unwrap();
            let error = reading
                .check(Path::new("bundle.json"), "objectives[0].reward")
                .unwrap_err();
            let place = format!("objectives[0].reward.{name}");
            assert!(error.to_string().contains(&place), "{error}");
            assert!(reading.rules().unwrap_err().is_input());
        }
    }

    #[test]
    fn a_name_in_braces_that_stands_for_nothing_is_refused_with_the_nearest() {
        let problem = strange_field("{promt} {response}").unwrap();
        assert!(
            problem.contains("{promt}") && problem.contains("`prompt`"),
            "{problem}"
        );
        for text in [
            "{prompt} {response}",
            "{}",
            "{ x }",
            "{\"a\": 1}",
            "{1}",
            "{a",
        ] {
            assert_eq!(strange_field(text), None, "{text}");
        }
    }

    #[test]
    fn texts_with_braces_go_through_a_template_unharmed() {
        let filled = fill(
            "USER: {prompt} {x} ASSISTANT:{response}",
            "say {response}",
            "{prompt}!",
        );
        assert_eq!(filled, "USER: say {response} {x} ASSISTANT:{prompt}!");
    }
}
