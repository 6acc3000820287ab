//! The routing of an answer.

use paretoscope_core::study::{Stored, Study};
use paretoscope_core::types::{BundleInfo, GateRecord, Point};

use super::named_file;
use crate::error::Result;
use crate::glyph::{expert_letter, value_letter};
use crate::plot::{Expert, Gates, Token};
use crate::words;

/// An answer with the routing that made it, as means over all modules: of the experts where it stands at a preference, of
/// the value vectors where it stands at weights.
pub fn gates(study: &Study, answer: &Stored, record: &GateRecord) -> Result<Gates> {
    let info = match answer.bundle {
        Some(bundle) => study.bundle_info(bundle)?,
        None => None,
    };
    let shown = shown(answer, record, info.as_ref());
    let texts: Vec<String> = answer
        .tokens
        .iter()
        .map(|piece| {
            let text = answer.text.get(piece.start..piece.end);
            text.unwrap_or_default().to_owned()
        })
        .collect();
    let mut tokens = Token::of(record, &[], &texts);
    for token in &mut tokens {
        token.gates = shown.iter().map(|(at, _)| token.gates[*at]).collect();
    }
    let uid = answer.uid.to_string();
    let short = uid.get(..8).unwrap_or(&uid);
    let names: Vec<String> = shown
        .iter()
        .map(|(_, expert)| expert.name.clone())
        .collect();
    let at = answer.point.as_ref().map(|p| words::point(p, &names));
    let sampling = &answer.sampling;
    let mut facts = vec![named_file(study), ("answer".to_owned(), uid.clone())];
    if let Some(info) = &info {
        facts.push(("bundle".to_owned(), info.name.clone()));
        facts.push(("model".to_owned(), info.model.digest.clone()));
    }
    facts.push((
        "sampling".to_owned(),
        format!(
            "seed {}, temperature {}",
            sampling.seed, sampling.temperature
        ),
    ));
    Ok(Gates {
        title: format!("Answer {short}"),
        experts: shown.into_iter().map(|(_, expert)| expert).collect(),
        tokens,
        site: format!("mean of {}", words::count(record.sites.len(), "module")),
        prompt: answer.prompt.words().unwrap_or("").to_owned(),
        notes: at.map(|at| format!("At {at}")).into_iter().collect(),
        facts,
    })
}

/// The adapters that speak for the kind of point, with the letters and colours of the window: LoRA experts come first in
/// the bank, then value vectors of their own.
fn shown(answer: &Stored, record: &GateRecord, info: Option<&BundleInfo>) -> Vec<(usize, Expert)> {
    let loras = info.map_or(record.adapters.len(), BundleInfo::lora_experts);
    let speaks = |at: usize| match (info, &answer.point) {
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
