//! Claims that hold: what was settled beforehand, what validation chose, and what the test, read once, then says.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | settle | objectives, scale, seeds, arms, contrasts → a protocol, whose digest names every result | `protocol`, `plan`, `frozen` |
//! | gather | scores of answers → arms under settings | `rows` |
//! | choose | scores on validation → settings and points, with what they were chosen by | `choices` |
//! | seal | a digest of the choices → which reading of the test this is | `seal` |
//! | weigh | scores on test → contrasts over training seeds and prompts, under Holm's rule | `weigh`, `view`, `contrast` |
//! | say | contrasts → a verdict, a sentence, a row | `verdict`, `wording` |
//!
//! [`judge`] goes all the way. Larger is better in every score. Volumes are told as shares of what a point at the best of
//! all anchors would hold, from more than one reference: a near one rewards the middle of a front, a far one its corners.
//!
//! What is called better is ahead in hypervolume at every reference, by Holm's rule over the primary contrasts of its table,
//! with as many training seeds as the protocol asks for, and beats its control arms as well. That a difference is not shown
//! says nothing; that two are equivalent is shown, by an interval within what was settled beforehand as no difference.
//!
//! An evidence run from end to end, here with scores that are made up:
//! ```
//! use std::ops::ControlFlow;
//!
//! use paretoscope_core::evidence::{
//!     ArmPlan, Budget, Choices, ContrastPlan, EvidenceError, Frozen, Measured, Protocol, ScoreRow, Seal, Setting, Sheet,
//!     judge,
//! };
//! use paretoscope_core::stats::{ArmPoint, ArmPrompt, Draws};
//! use paretoscope_core::types::Split;
//!
//! // Points and prompts. Paraphrases of a topic are one group: they are drawn together.
//! let point = |uid: &str, place: [f64; 2]| ArmPoint { uid: uid.to_owned(), name: None, place: place.to_vec() };
//! let points = [point("base", [0.0, 0.0]), point("10", [1.0, 0.0]), point("11", [0.5, 0.5]), point("01", [0.0, 1.0])];
//! let prompt = |n: usize| ArmPrompt { uid: format!("q{n}"), group: Some(format!("topic {}", n / 2)) };
//! let prompts: Vec<ArmPrompt> = (0..40).map(prompt).collect();
//! let objectives = ["helpful", "humor"].map(str::to_owned);
//!
//! // One row per answer: here `ours` gains 0.2 where both are asked for.
//! let wobble = |seed: u64, n: usize| 0.01 * ((seed * 7 + n as u64 * 3) % 5) as f64;
//! let score = |arm: &str, point: &ArmPoint, seed: u64, n: usize| {
//!     let middle = if arm == "ours" && point.uid == "11" { 0.2 } else { 0.0 };
//!     [0, 1].map(|k| point.place[k] + middle + wobble(seed, n))
//! };
//! let sheet = |split: Split, arms: &[&str], uids: &[&str], seeds: &[u64]| -> Result<Vec<Measured>, EvidenceError> {
//!     let mut sheet = Sheet::new(split, &objectives, &points, &prompts)?;
//!     for (arm, seed) in arms.iter().flat_map(|arm| seeds.iter().map(move |seed| (*arm, *seed))) {
//!         for point in points.iter().filter(|point| uids.contains(&point.uid.as_str())) {
//!             for (n, prompt) in prompts.iter().enumerate() {
//!                 let scores = score(arm, point, seed, n);
//!                 let (point, prompt) = (point.uid.as_str(), prompt.uid.as_str());
//!                 sheet.add(ScoreRow { arm, setting: "C=1", point, seed, sample: 0, prompt, scores: &scores })?;
//!             }
//!         }
//!     }
//!     sheet.measured()
//! };
//!
//! // The scale: the base and the single experts, which all arms share, on validation.
//! let models = sheet(Split::Validation, &["models"], &["base", "10", "01"], &[0])?;
//! let frozen = Frozen::of(Split::Validation, &models[0].scores)?;
//!
//! let arm = |name: &str| ArmPlan {
//!     name: name.to_owned(),
//!     about: String::new(),
//!     trained: true,
//!     settings: vec![Setting { name: "C=1".to_owned(), size: 1.0 }],
//!     budget: Budget::default(),
//! };
//! let contrast = ContrastPlan {
//!     table: "E1".to_owned(),
//!     a: "ours".to_owned(),
//!     b: "theirs".to_owned(),
//!     primary: true,
//!     controls: Vec::new(),
//!     differs_in: Vec::new(),
//! };
//! let protocol = Protocol {
//!     seeds: vec![0, 1, 2],
//!     draws: Draws { draws: 200, seed: 0 },
//!     arms: vec![arm("ours"), arm("theirs")],
//!     contrasts: vec![contrast],
//!     ..Protocol::new("an example", "grader", &objectives, frozen)
//! };
//!
//! let both = ["ours", "theirs"];
//! let validation = sheet(Split::Validation, &both, &["10", "11", "01"], &protocol.seeds)?;
//! let mut seal = Seal::default();
//! let evidence = judge(
//!     &protocol,
//!     &validation,
//!     &mut seal,
//!     &mut |_draws| ControlFlow::Continue(()),
//!     // Both go to disk here, then every arm is measured at its setting and points.
//!     |_choices: &Choices, _seal: &Seal| sheet(Split::Test, &both, &["10", "11", "01"], &protocol.seeds),
//! )?;
//! assert!(evidence.contrasts[0].verdict.is_better());
//! assert!(evidence.contrasts[0].sentence.starts_with("ours is better than theirs in hypervolume on test prompts"));
//! assert_eq!((evidence.reading, seal.readings.len()), (1, 1));
//! # Ok::<(), EvidenceError>(())
//! ```

mod choices;
mod contrast;
mod error;
mod frozen;
mod judge;
mod plan;
mod protocol;
mod rows;
mod seal;
mod verdict;
mod view;
mod weigh;
mod wording;

pub use choices::{ArmChoice, Candidate, Choices, choose};
pub use contrast::{AtMargin, Beside, Contrast, Corner, Differing};
pub use error::{EvidenceError, Result};
pub use frozen::Frozen;
pub use judge::judge;
pub use plan::{ArmPlan, Budget, ContrastPlan, Setting};
pub use protocol::{Matter, Protocol};
pub use rows::{Measured, ScoreRow, Sheet, rows_digest};
pub use seal::{Reading, Seal};
pub use verdict::{Finding, Reservation, Verdict};
pub use weigh::{ArmFigures, Evidence, weigh};
pub use wording::{TABLE_HEAD, table_row};

#[cfg(test)]
#[path = "world_tests.rs"]
mod world;

/// A value as its file holds it.
fn json(value: &impl serde::Serialize) -> String {
    // Strings, numbers, and maps with names as keys: nothing that JSON lacks, and nowhere to fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text + "\n"
}
