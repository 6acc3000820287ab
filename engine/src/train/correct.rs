//! Models that correct answers (Aligner, Ji et al. 2024; MetaAligner, Yang et al. 2024): from a question and an answer
//! to a better one.
//!
//! A first run learns to copy: the worse answer of a part of the pairs is its own correction. What it left goes on with
//! the better answers of all pairs, so that a correction begins as a copy. Both are supervised fine-tuning.

use std::collections::BTreeMap;
use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::base::{digest, settings};
use super::batch::Example;
use super::config::Start;
use super::data::{TextExample, TextPair};
use super::out_folder::check_writable;
use super::progress::TrainReporter;
use super::runner::TrainReport;
use super::sft::sft;
use super::staged::{self, Before};
use crate::stage::digest_of;
use crate::text::{Correction, Tokenizer};
use crate::types::{CorrectionConfig, Method, SftConfig};
use crate::{Error, Result};

/// A pair, and at which aspects its better answer is better; none where the prompt names none.
pub(super) type AspectPair = (TextPair, Vec<usize>);

/// Pairs about several aspects: what stands in several sets is better at several.
pub(super) fn by_aspects(sets: Vec<Vec<TextPair>>) -> Vec<AspectPair> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut all: Vec<AspectPair> = Vec::new();
    for (aspect, pairs) in sets.into_iter().enumerate() {
        for pair in pairs {
            let next = all.len();
            let place = *places.entry(format!("{pair:?}")).or_insert(next);
            match all.get_mut(place) {
                Some((_, aspects)) if aspects.last() != Some(&aspect) => aspects.push(aspect),
                Some(_) => {}
                None => all.push((pair, vec![aspect])),
            }
        }
    }
    all
}

/// What is learnt from.
pub(super) struct Lessons {
    /// Answers that are their own corrections.
    pub(super) copies: Vec<Example>,
    /// Worse answers with the better ones.
    pub(super) corrections: Vec<Example>,
}

impl Lessons {
    /// From pairs, of which a share is copied.
    pub(super) fn of(
        pairs: &[AspectPair],
        asked: &Correction,
        (share, seed): (f64, u64),
        tokenizer: &Tokenizer,
    ) -> Result<Self> {
        let example = |(pair, aspects): &AspectPair, better: &str| -> Result<Example> {
            let worse = &pair.rejected;
            let prompt = asked.prompt(&worse.prompt, &worse.response, aspects);
            let prompt = prompt.ok_or_else(|| {
                Error::option(
                    "data",
                    "holds a prompt of token ids; corrections are asked for in words",
                )
            })?;
            let text = TextExample {
                prompt,
                response: better.to_owned(),
            };
            text.tokenise(tokenizer)
        };
        let mut order: Vec<&AspectPair> = pairs.iter().collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let copied = (pairs.len() as f64 * share).ceil() as usize;
        let copies = order.iter().take(copied);
        Ok(Self {
            copies: copies
                .map(|pair| example(pair, &pair.0.rejected.response))
                .collect::<Result<_>>()?,
            corrections: pairs
                .iter()
                .map(|pair| example(pair, &pair.0.chosen.response))
                .collect::<Result<_>>()?,
        })
    }
}

/// Trains on pairs and leaves a model's folder (full) or a PEFT folder (LoRA) in `out`, with what it is to be asked.
pub(super) fn correct(
    config: &CorrectionConfig,
    base: &Path,
    (lessons, asked): (&Lessons, &Correction),
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    config.check()?;
    let run = &config.train.run;
    check_writable(out, run, &[base])?;
    let stages = staged::open(out, run)?;
    let mut last = SftConfig {
        train: config.train.clone(),
        method: config.method.clone(),
        ..SftConfig::default()
    };
    let mut start = Start::Folder(base.to_path_buf());
    if !lessons.copies.is_empty() {
        let mut first = last.clone();
        first.train.run.overwrite = false;
        let wanted = settings("copies", &first, digest(&lessons.copies));
        let done = stages.stage("copies", &wanted, &[&digest_of(base)?], |stage| {
            first.train.run.resume = stage.resumes;
            let what = "learning to copy";
            let mut before = Before {
                what,
                reporter: &mut *reporter,
            };
            sft(&first, &start, &lessons.copies, &mut before, stage.folder).map(drop)
        })?;
        match config.method {
            Method::Full => start = Start::Folder(done.folder),
            Method::Lora(_) => last.begin_with = Some(done.folder),
        }
    }
    let report = sft(&last, &start, &lessons.corrections, reporter, out)?;
    asked.save(out)?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Prompt;

    fn pair(question: &str, chosen: &str, rejected: &str) -> TextPair {
        let answer = |response: &str| TextExample {
            prompt: Prompt::Text(question.to_owned()),
            response: response.to_owned(),
        };
        TextPair {
            chosen: answer(chosen),
            rejected: answer(rejected),
        }
    }

    #[test]
    fn what_is_better_in_several_sets_is_better_at_several_aspects() {
        let [same, other, turned] =
            [("a", "b"), ("c", "d"), ("b", "a")].map(|(c, r)| pair("q", c, r));
        let sets = vec![
            vec![same.clone(), other.clone(), same.clone()],
            vec![turned.clone(), same.clone()],
        ];
        let found = by_aspects(sets);
        assert_eq!(
            found,
            [(same, vec![0, 1]), (other, vec![0]), (turned, vec![1])]
        );
    }
}
