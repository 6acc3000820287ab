//! Output files and folders that appear whole or not at all: core's writers with the engine's errors, and JSON.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use paretoscope_core::output;
use serde::Serialize;

use crate::{Error, Result};

/// Writes a file through `fill`: into a temporary file beside it, which takes its place only when everything is on
/// disk. On any failure the file is as it was before, or absent.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    output::write_atomically(path, fill)
}

/// [`write_atomically`] for bytes that are at hand.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(output::write_bytes(path, bytes)?)
}

/// Writes a value as indented JSON that ends with a new line.
pub fn write_json(path: &Path, value: &(impl Serialize + ?Sized)) -> Result<()> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value).map_err(|e| Error::json(path, e))?;
        file.write_all(b"\n").map_err(Error::io("write", path))
    })
}

/// Writes each value as JSON on a line of its own.
pub fn write_json_lines<T: Serialize>(
    path: &Path,
    lines: impl IntoIterator<Item = T>,
) -> Result<()> {
    write_atomically(path, |file| {
        for line in lines {
            serde_json::to_writer(&mut *file, &line).map_err(|e| Error::json(path, e))?;
            file.write_all(b"\n").map_err(Error::io("write", path))?;
        }
        Ok(())
    })
}

/// Gives a file that is on disk its name, in place of what bore it before.
pub fn put_in_place(written: &Path, path: &Path) -> Result<()> {
    Ok(output::put_in_place(written, path)?)
}

/// Refuses a folder to write that is there already and holds something.
pub fn check_new_folder(path: &Path) -> Result<()> {
    Ok(output::check_new_folder(path)?)
}

/// Makes a folder through `fill`: under another name beside it, which becomes its own only when everything is written.
/// On any failure nothing is left.
pub fn folder_atomically(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    output::folder_atomically(path, fill)
}
