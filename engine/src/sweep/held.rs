//! How much of a sweep its store holds already, without starting it.

use super::points;
use super::row_key;
use super::runner::{each_once, request_of};
use crate::Result;
use crate::protocol::{Held, SweepPlan};
use crate::store::Store;
use crate::types::BundleIdentity;

/// Counts the stored rows of a plan on a bundle of `objectives` objectives and `values` value vectors. Nothing is
/// written: a store that is not there, or of an earlier version, is only made or brought up to date by a sweep.
pub fn held(
    identity: &BundleIdentity,
    objectives: usize,
    values: usize,
    plan: &SweepPlan,
) -> Result<Held> {
    let (prompts, _) = each_once(&plan.prompts);
    let visited = points(
        &plan.grid,
        objectives,
        values,
        prompts.len(),
        plan.include_base,
    )?;
    let mut held = Held {
        points: visited.len(),
        rows: visited.len() * prompts.len(),
        ..Held::default()
    };
    if !plan.store.is_file() {
        return Ok(held);
    }
    let Some(store) = Store::peek(&plan.store)? else {
        return Ok(held);
    };
    let time = store.begun()?;
    for point in &visited {
        let keys: Vec<String> = prompts
            .iter()
            .map(|prompt| {
                let request = request_of(plan, time, point, prompt);
                row_key(identity, &request.point, &request.prompt, &request.sampling)
            })
            .collect();
        let found = store.has(&keys)?.into_iter().filter(|there| *there).count();
        held.rows_done += found;
        held.points_done += usize::from(found == prompts.len());
    }
    Ok(held)
}
