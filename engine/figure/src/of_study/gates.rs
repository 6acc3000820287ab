//! The routing of an answer.

use paretoscope_core::study::{Stored, Study, Uid};
use paretoscope_core::types::{BundleInfo, GateRecord, Point, Prompt, Sampling, TokenPiece};

use super::named_file;
use crate::error::Result;
use crate::glyph::{expert_letter, value_letter};
use crate::plot::{Expert, Gates, Token};
use crate::words;

/// An answer whose routing is drawn: a study's, or one that a window shows.
#[derive(Debug, Clone, Copy)]
pub struct Routed<'a> {
    /// What it was made with, where that is known.
    pub bundle: Option<&'a BundleInfo>,
    /// What was asked.
    pub prompt: &'a Prompt,
    /// Where it stands.
    pub point: Option<&'a Point>,
    /// How tokens were chosen.
    pub sampling: &'a Sampling,
    /// The answer.
    pub text: &'a str,
    /// Its tokens.
    pub tokens: &'a [TokenPiece],
}

impl Routed<'_> {
    /// Its gates, as means over some of the record's modules, over all where none is named: of the experts where it stands
    /// at a preference, of the value vectors where it stands at weights. It is called after `uid`, where it has one.
    pub fn gates(&self, uid: Option<&Uid>, record: &GateRecord, sites: &[usize]) -> Gates {
        let shown = shown(self.point, record, self.bundle);
        let texts: Vec<String> = self
            .tokens
            .iter()
            .map(|piece| {
                let text = self.text.get(piece.start..piece.end);
                text.unwrap_or_default().to_owned()
            })
            .collect();
        let mut tokens = Token::of(record, sites, &texts);
        for token in &mut tokens {
            token.gates = shown.iter().map(|(at, _)| token.gates[*at]).collect();
        }
        let names: Vec<String> = shown
            .iter()
            .map(|(_, expert)| expert.name.clone())
            .collect();
        let at = self.point.map(|p| words::point(p, &names));
        let mut facts = Vec::new();
        let mut title = "Answer".to_owned();
        if let Some(uid) = uid.map(ToString::to_string) {
            title = format!("Answer {}", uid.get(..8).unwrap_or(&uid));
            facts.push(("answer".to_owned(), uid));
        }
        if let Some(info) = self.bundle {
            facts.push(("bundle".to_owned(), info.name.clone()));
            facts.push(("model".to_owned(), info.model.digest.clone()));
        }
        facts.push((
            "sampling".to_owned(),
            format!(
                "seed {}, temperature {}",
                self.sampling.seed, self.sampling.temperature
            ),
        ));
        let site = match sites {
            [one] => record.sites.get(*one).cloned().unwrap_or_default(),
            [] => format!("mean of {}", words::count(record.sites.len(), "module")),
            several => format!("mean of {}", words::count(several.len(), "module")),
        };
        Gates {
            title,
            experts: shown.into_iter().map(|(_, expert)| expert).collect(),
            tokens,
            site,
            prompt: self.prompt.words().unwrap_or("").to_owned(),
            notes: at.map(|at| format!("At {at}")).into_iter().collect(),
            facts,
        }
    }
}

/// A stored answer with the routing that made it, as means over all modules.
pub fn gates(study: &Study, answer: &Stored, record: &GateRecord) -> Result<Gates> {
    let info = match answer.bundle {
        Some(bundle) => study.bundle_info(bundle)?,
        None => None,
    };
    let routed = Routed {
        bundle: info.as_ref(),
        prompt: &answer.prompt,
        point: answer.point.as_ref(),
        sampling: &answer.sampling,
        text: &answer.text,
        tokens: &answer.tokens,
    };
    let mut gates = routed.gates(Some(&answer.uid), record, &[]);
    gates.facts.insert(0, named_file(study));
    Ok(gates)
}

/// The adapters that speak for the kind of point, with the letters and colours of the window: LoRA experts come first in
/// the bank, then value vectors of their own.
fn shown(
    point: Option<&Point>,
    record: &GateRecord,
    info: Option<&BundleInfo>,
) -> Vec<(usize, Expert)> {
    let loras = info.map_or(record.adapters.len(), BundleInfo::lora_experts);
    let speaks = |at: usize| match (info, point) {
        (Some(info), Some(Point::Weights(_))) => info.value_adapters.contains(&at),
        _ => at < loras,
    };
    let all = record.adapters.iter().enumerate();
    let expert = |(at, name): (usize, &String)| {
        let (color, letter) = match at.checked_sub(loras) {
            None => (at, expert_letter(at)),
            Some(value) => (value, value_letter(value)),
        };
        let name = name.clone();
        (
            at,
            Expert {
                name,
                letter,
                color,
            },
        )
    };
    all.filter(|(at, _)| speaks(*at)).map(expert).collect()
}
