//! How much of a sweep its study holds already, without starting it.

use crate::study::Study;
use crate::types::Key;

use super::rows::{Asked, each_once, record, visited};
use crate::Result;
use crate::bundle::Bundle;
use crate::protocol::{Held, SweepPlan};

/// Plans every row and starts none: fails as a sweep would on a prompt that cannot be read or is too long for its method,
/// and on a point that its method does not answer at.
pub fn runnable(bundle: &Bundle, plan: &SweepPlan) -> Result<()> {
    let asked = Asked::new(bundle, plan, 0, &|| Ok(()))?;
    let prompts = each_once(&plan.prompts).0.len();
    for named in visited(bundle, plan, prompts)? {
        let gates = asked.gates(bundle, plan, &named.point)?;
        for prompt in 0..prompts {
            asked.key(bundle, plan, (&named.point, &gates), prompt)?;
        }
    }
    Ok(())
}

/// Counts the answers of a plan that stand already. Nothing is written: a study that is not there, or of an earlier
/// version, is only made or brought up to date by a sweep.
pub fn held(bundle: &Bundle, plan: &SweepPlan) -> Result<Held> {
    let prompts = each_once(&plan.prompts).0.len();
    let visited = visited(bundle, plan, prompts)?;
    let mut held = Held {
        points: visited.len(),
        rows: visited.len() * prompts,
        ..Held::default()
    };
    let Some(study) = Study::peek(&plan.store)? else {
        return Ok(held);
    };
    let time = study.sweep_time(&record(bundle, plan, held.rows))?;
    let asked = Asked::new(bundle, plan, time, &|| Ok(()))?;
    for named in &visited {
        let gates = asked.gates(bundle, plan, &named.point)?;
        let keys = (0..prompts)
            .map(|prompt| asked.key(bundle, plan, (&named.point, &gates), prompt))
            .collect::<Result<Vec<Key>>>()?;
        let found = study.has(&keys)?.into_iter().filter(|there| *there).count();
        held.rows_done += found;
        held.points_done += usize::from(found == prompts);
    }
    Ok(held)
}
