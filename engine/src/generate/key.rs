//! What answers are known by in a study.

use crate::bundle::Bundle;
use crate::study::Received;
use crate::types::{Finish, Key, RowGates, Run, Sampling};

/// The key of an answer to a prompt of these ids; `plan` is what a method does beyond a plain row
/// ([`RowPlan::digest`](crate::method::RowPlan::digest)).
pub fn key(
    bundle: &Bundle,
    prompt: &[u32],
    gates: &RowGates,
    sampling: &Sampling,
    plan: Option<[u8; 32]>,
) -> Key {
    Received {
        bundle: &bundle.info.identity,
        prompt,
        gates,
        sampling,
        plan,
        room: bundle.model.config().context.saturating_sub(prompt.len()),
    }
    .key()
}

/// The key of a row that ended; `None` where it was steered on the way, stopped, or failed.
pub(super) fn of(bundle: &Bundle, run: &Run, plan: Option<[u8; 32]>) -> Option<Key> {
    let whole = !matches!(run.finish, Finish::Cancelled | Finish::NotFinite);
    let steered = run.steering.changes().iter().any(|token| *token > 0);
    let moved = !run.steering.steered.is_empty();
    (whole && !steered && !moved)
        .then(|| key(bundle, &run.prompt_tokens, &run.gates, &run.sampling, plan))
}
