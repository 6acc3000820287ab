//! A bundle measured on the simplex, point by point, with what is finished kept on the way.

use std::path::Path;

use super::place::{MeasuredPoint, near};
use super::progress::ProgressTracker;
use crate::bundle::{Bundle, LoadOptions};
use crate::generate::Generator;
use crate::output::write_json;
use crate::reward::{RewardInput, score_all};
use crate::sweep;
use crate::types::{Expert, Mutes, Point, Preference, Prompt, RowRequest, Sampling, TraceLevel};
use crate::{Error, Result};

/// Rows that go through the model together.
const SLOTS: usize = 32;

/// What is measured.
pub(super) struct Measurement<'a> {
    /// The bundle's folder.
    pub(super) bundle: &'a Path,
    /// Its experts.
    pub(super) experts: &'a [Expert],
    /// Where, besides the experts' own places.
    pub(super) places: &'a [Preference],
    /// On what.
    pub(super) prompts: &'a [Prompt],
    /// New tokens of an answer at most.
    pub(super) max_tokens: usize,
}

impl Measurement<'_> {
    /// The places from the corners inwards, then those of experts that are not among them.
    fn points(&self) -> Result<Vec<Preference>> {
        let mut points = self.places.to_vec();
        for expert in self.experts {
            if !points.iter().any(|point| near(point, &expert.preference)) {
                points.push(expert.preference.clone());
            }
        }
        let rows = points.len().saturating_mul(self.prompts.len());
        if rows > sweep::MAX_ROWS {
            let problem = format!(
                "of {} at {} places are {rows} answers, and at most {} are measured; take fewer",
                self.prompts.len(),
                points.len(),
                sweep::MAX_ROWS
            );
            return Err(Error::option("auto.prompts", problem));
        }
        Ok(points)
    }

    /// Greedy answers to every prompt at every point, scored. A point that is finished is kept in `folder`.
    pub(super) fn run(
        &self,
        folder: &Path,
        board: &mut ProgressTracker<'_>,
    ) -> Result<Vec<MeasuredPoint>> {
        let points = self.points()?;
        let mut measured = Vec::with_capacity(points.len());
        let mut bundle = None;
        for (index, preference) in points.iter().enumerate() {
            let path = folder.join(format!("point-{index:04}.json"));
            let point = match kept(&path) {
                Some(point) => point,
                None => {
                    let bundle = match &mut bundle {
                        Some(bundle) => bundle,
                        None => bundle.insert(load(self.bundle)?),
                    };
                    let point = self.measure(bundle, preference, board)?;
                    write_json(&path, &point)?;
                    point
                }
            };
            measured.push(point);
            let done = (index + 1) as f64 / points.len() as f64;
            board.advance(done, &format!("{} of {} points", index + 1, points.len()))?;
        }
        Ok(measured)
    }

    fn measure(
        &self,
        bundle: &Bundle,
        preference: &Preference,
        board: &ProgressTracker<'_>,
    ) -> Result<MeasuredPoint> {
        let requests = self.prompts.iter().map(|prompt| RowRequest {
            prompt: prompt.clone(),
            point: Point::Preference(preference.clone()),
            sampling: Sampling {
                max_tokens: self.max_tokens,
                ..Sampling::default()
            },
            mutes: Mutes::default(),
            trace: TraceLevel::None,
            time: None,
        });
        let generator = Generator::new(SLOTS);
        let runs = generator.run_all(bundle, requests.collect(), &mut |_| board.check())?;
        let texts = runs
            .iter()
            .map(|run| RewardInput::of(&run.prompt, &run.text));
        let inputs: Vec<RewardInput> = texts.collect();
        let scores = score_all(&bundle.rewards, &inputs)?;
        Ok(MeasuredPoint {
            preference: preference.clone(),
            // JSON has no NaN.
            rows: scores
                .into_iter()
                .map(|row| {
                    row.0
                        .into_iter()
                        .map(|s| s.filter(|s| s.is_finite()))
                        .collect()
                })
                .collect(),
        })
    }
}

fn load(folder: &Path) -> Result<Bundle> {
    let options = LoadOptions {
        probe: false,
        ..LoadOptions::default()
    };
    Bundle::load(folder, &options, &mut |_, _| Ok(()))
}

fn kept(path: &Path) -> Option<MeasuredPoint> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}
