//! Whether a run may write into a folder: what is there is never lost without being asked for.

use std::path::Path;

use super::checkpoint;
use crate::lock::FolderLock;
use crate::types::RunConfig;
use crate::{Error, Result};

/// What a finished run leaves.
const RESULTS: [&str; 5] = [
    "model.safetensors",
    "adapter_model.safetensors",
    "router.safetensors",
    "parm.json",
    "loramoe.json",
];
const METRICS: &str = "metrics.jsonl";

/// Refuses a folder in which another run is at work, one that holds a run, unless it is to be resumed or overwritten,
/// and one that holds what this run starts from.
pub(super) fn check_writable(out: &Path, again: &RunConfig, inputs: &[&Path]) -> Result<()> {
    FolderLock::check_free(out)?;
    check(out, again, inputs)
}

fn check(out: &Path, again: &RunConfig, inputs: &[&Path]) -> Result<()> {
    if again.resume && again.overwrite {
        let problem = "goes on with what `overwrite` removes; give one of both";
        return Err(Error::option("resume", problem));
    }
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    if let Some(input) = inputs
        .iter()
        .find(|input| real(out).is_some_and(|out| real(input) == Some(out)))
    {
        let problem = format!(
            "is {}, which the run starts from; name another folder",
            input.display()
        );
        return Err(Error::option("out", problem));
    }
    if again.overwrite {
        return Ok(());
    }
    let held = |name: &&&str| {
        std::fs::metadata(out.join(name)).is_ok_and(|file| file.is_file() && file.len() > 0)
    };
    let result = RESULTS.iter().find(held);
    let newest = checkpoint::newest(out);
    match (again.resume, result, newest) {
        (true, Some(result), None) => Err(Error::option(
            "resume",
            format!(
                "{} holds a finished {result} but no checkpoint to go on from; train into another folder, or give `overwrite` to start anew",
                out.display()
            ),
        )),
        (true, ..) => Ok(()),
        (false, Some(result), _) => Err(taken(out, &format!("holds {result}"))),
        (false, None, Some(newest)) => Err(taken(
            out,
            &format!(
                "holds an unfinished run, the last checkpoint is {}",
                newest.display()
            ),
        )),
        (false, None, None) if held(&&METRICS) => Err(taken(
            out,
            &format!("holds an unfinished run without a checkpoint ({METRICS})"),
        )),
        (false, None, None) => Ok(()),
    }
}

/// Holds `out` for a run of this kind until the lock is dropped, and checks it once more: another run may have come and
/// gone since [`check_writable`], before there was a folder to hold.
pub(super) fn hold(
    out: &Path,
    again: &RunConfig,
    inputs: &[&Path],
    kind: &str,
) -> Result<FolderLock> {
    let lock = FolderLock::hold(out, &format!("train {kind}"))?;
    check(out, again, inputs)?;
    Ok(lock)
}

pub(super) fn taken(out: &Path, what: &str) -> Error {
    let problem = format!(
        "{} {what}; give `resume` to go on, `overwrite` to remove it and start anew, or name another folder",
        out.display()
    );
    Error::option("out", problem)
}

/// Removes what `overwrite` gives up, and what a killed run left half-written.
pub(super) fn clear(out: &Path, again: &RunConfig) -> Result<()> {
    checkpoint::sweep(out)?;
    if !again.overwrite {
        return Ok(());
    }
    checkpoint::remove_all(out)?;
    for name in RESULTS.iter().chain([&METRICS]) {
        let path = out.join(name);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("remove", &path)(e)),
        }
    }
    Ok(())
}
