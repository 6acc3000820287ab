//! Results on standard output.

use std::io::Write as _;
use std::path::Path;

use paretoscope_engine::{Error, Result};
use serde::Serialize;

/// Prints `value` as one line of JSON and flushes, so that a reader at the other end of a pipe has
/// it at once.
pub(crate) fn json_line(value: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer(&mut out, value)
        .map_err(std::io::Error::from)
        .and_then(|()| writeln!(out))
        .and_then(|()| out.flush());
    written.map_err(Error::io("write", Path::new("standard output")))
}
