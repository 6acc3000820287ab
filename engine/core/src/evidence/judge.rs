//! The way from scores to sentences in one piece.

use super::choices::{Choices, choose};
use super::protocol::Protocol;
use super::rows::{Measured, rows_digest};
use super::seal::Seal;
use super::weigh::{Evidence, weigh};
use super::{EvidenceError, Result};
use crate::stats::Progress;

/// Chooses on validation, breaks the seal, has the test read once, and judges.
///
/// `test` is called with what was chosen and with the seal that this reading broke: it writes both to disk before it reads a
/// row, so that nobody who was killed there reads again unmarked, and then measures every arm of the choices at its setting
/// and at its points (all of the grid, where scores are to be held against preferences as well). Afterwards `seal` holds
/// what was read, and is written once more.
///
/// A run in stages calls the same steps by themselves: [`choose`], [`Seal::open`], [`Seal::note`], [`weigh`].
///
/// # Errors
/// What `test` says, and what those steps refuse.
pub fn judge<E: From<EvidenceError>>(
    protocol: &Protocol,
    validation: &[Measured],
    seal: &mut Seal,
    progress: Progress<'_>,
    test: impl FnOnce(&Choices, &Seal) -> Result<Vec<Measured>, E>,
) -> Result<Evidence, E> {
    let choices = choose(protocol, validation, progress)?;
    let (under, chosen) = (protocol.digest(), choices.digest());
    seal.open(&under, &chosen);
    let rows = test(&choices, seal)?;
    let reading = seal.note(&under, &chosen, &rows_digest(&rows));
    Ok(weigh(protocol, &choices, &rows, reading, progress)?)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
