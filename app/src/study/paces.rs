//! How long tokens took in each sweep: looked at again only where a sweep has many more rows.

use std::collections::BTreeMap;

use paretoscope_core::Result;
use paretoscope_core::study::{Pace, Study, SweepState};

/// What is known, and of how many rows each sweep had then.
#[derive(Debug, Default)]
pub(super) struct PaceKeeper(BTreeMap<i64, (usize, Option<Pace>)>);

impl PaceKeeper {
    /// The paces of sweeps, by their numbers.
    pub(super) fn of(
        &mut self,
        study: &Study,
        sweeps: &[SweepState],
    ) -> Result<BTreeMap<i64, Pace>> {
        for sweep in sweeps {
            let known = self.0.get(&sweep.id).map_or(0, |(rows, _)| *rows);
            // A sweep under way writes several times a second, and a tenth more rows says little new.
            let more = sweep.done > known + known / 10;
            if more || (sweep.done != known && sweep.done == sweep.rows) {
                self.0.insert(sweep.id, (sweep.done, study.pace(sweep.id)?));
            }
        }
        let known = self.0.iter();
        Ok(known
            .filter_map(|(id, (_, pace))| Some((*id, (*pace)?)))
            .collect())
    }
}
