//! A sweep whose rows are all known: made up for a measurement or a test.

use super::file::Study;
use super::records::{NewAnswer, ScorerRecord, SweepRecord};
use super::sweeps::Placed;
use crate::Result;
use crate::types::Run;

/// Rows in one transaction.
const BATCH: usize = 2000;

impl Study {
    /// Writes a sweep with all of its rows, as `row` gives them by their point and prompt in the plan, each with its scores;
    /// its number. It is finished then.
    pub fn whole_sweep(
        &self,
        record: &SweepRecord,
        mut row: impl FnMut(usize, usize) -> Run,
    ) -> Result<i64> {
        let sweep = self.sweep(record, 0)?;
        let bundle = self.bundle(&record.bundle)?;
        let scorers = self.scorers(&ScorerRecord::rewards(&record.bundle))?;
        let prompts = record.plan.prompts.len().max(1);
        let places: Vec<usize> = (0..record.rows / prompts * prompts).collect();
        for batch in places.chunks(BATCH) {
            let runs: Vec<Run> = batch
                .iter()
                .map(|at| row(at / prompts, at % prompts))
                .collect();
            let new = runs.iter().zip(batch).map(|(run, at)| NewAnswer {
                run,
                mean: run.gates.adapters.clone(),
                bundle,
                interactive: false,
                split: record.plan.splits.get(at % prompts).copied(),
                place: Some(Placed {
                    sweep,
                    seed: record.plan.sampling.seed,
                    point: at / prompts,
                    prompt: at % prompts,
                }),
            });
            let numbers = self.add(&new.collect::<Vec<_>>())?;
            let mut scores = Vec::new();
            for (number, run) in numbers.into_iter().zip(&runs) {
                let given = run.scores.iter().flat_map(|scores| &scores.0);
                let by = scorers.iter().zip(given);
                scores.extend(by.filter_map(|(by, score)| Some((number, (*by)?, (*score)?))));
            }
            self.score(&scores)?;
        }
        self.set_status(sweep, "finished")?;
        Ok(sweep)
    }
}
