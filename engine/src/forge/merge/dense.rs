//! The file of a dense merge, written tensor by tensor under another name: after a kill the same merge
//! goes on behind the last tensor that was noted.

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Merger, Scratch};
use crate::forge::partial::Partial;
use crate::forge::{Stage, Tell};
use crate::output::put_in_place;
use crate::{Error, Result};

/// The file in the working folder, and the note on how far it is.
const FILE: &str = "vectors.safetensors";
const NOTE: &str = "written";

/// Bytes between two notes: what a kill may cost.
const BETWEEN_NOTES: u64 = 1 << 26;

/// How far the file is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Written {
    /// Whole tensors that are on disk.
    tensors: usize,
    /// Per source, whether a number other than 0 was seen in them.
    seen: Vec<bool>,
}

/// Writes the merge of every tensor, in order of name, and returns the bytes of its numbers.
pub(super) fn write_dense(
    merger: &Merger<'_>,
    path: &Path,
    partial: &Partial,
    tell: Tell<'_>,
) -> Result<u64> {
    let layout = Layout::of(merger);
    let part = partial.file(FILE)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&part)
        .map_err(Error::io("write", &part))?;
    let mut output = Output {
        path: &part,
        file: BufWriter::with_capacity(1 << 18, file),
    };
    let kept = partial.figure::<Written>(NOTE);
    let kept = kept.filter(|kept| output.holds(&layout, kept.tensors));
    let kept = kept.unwrap_or_default();
    merger.saw(&kept.seen);
    output.go_on(&layout, kept.tensors)?;
    let mut stage = Stage::new("merge", layout.numbers() / 4, tell)?;
    stage.advance(layout.end(kept.tensors) / 4)?;
    let mut scratch = Scratch::default();
    let mut noted = kept.tensors;
    for index in kept.tensors..layout.ends.len() {
        let values = merger.tensor(index, &mut scratch)?;
        output.write(&values)?;
        let written = index + 1;
        let told = stage.advance(values.len() as u64);
        if told.is_err() || layout.end(written) - layout.end(noted) >= BETWEEN_NOTES {
            output.sync()?;
            let seen = merger.seen();
            let tensors = written;
            partial.keep_figure(NOTE, &Written { tensors, seen })?;
            noted = written;
        }
        told?;
    }
    merger.check_seen()?;
    output.sync()?;
    drop(output);
    put_in_place(&part, path)?;
    Ok(layout.numbers())
}

/// The header, and where each tensor ends.
struct Layout {
    header: Vec<u8>,
    /// Bytes of numbers up to the end of each tensor.
    ends: Vec<u64>,
}

impl Layout {
    fn of(merger: &Merger<'_>) -> Self {
        let mut entries = Map::new();
        entries.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
        let (mut end, mut ends) = (0u64, Vec::new());
        for (index, delta) in merger.deltas().enumerate() {
            let start = end;
            end += 4 * delta.count() as u64;
            let entry =
                json!({ "dtype": "F32", "shape": delta.shape, "data_offsets": [start, end] });
            entries.insert(merger.tensor_name(index), entry);
            ends.push(end);
        }
        let mut json = Value::from(entries).to_string().into_bytes();
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut header = (json.len() as u64).to_le_bytes().to_vec();
        header.extend(json);
        Self { header, ends }
    }

    /// Bytes of the numbers of the first `tensors`.
    fn end(&self, tensors: usize) -> u64 {
        let last = tensors.checked_sub(1).and_then(|last| self.ends.get(last));
        last.copied().unwrap_or(0)
    }

    fn numbers(&self) -> u64 {
        self.end(self.ends.len())
    }
}

/// The file as it grows.
struct Output<'a> {
    path: &'a Path,
    file: BufWriter<File>,
}

impl Output<'_> {
    /// Whether the file is as long as a note on it says.
    fn holds(&self, layout: &Layout, tensors: usize) -> bool {
        let length = self.file.get_ref().metadata().map(|data| data.len());
        let noted = layout.header.len() as u64 + layout.end(tensors);
        tensors <= layout.ends.len() && length.is_ok_and(|length| length >= noted)
    }

    /// Cuts the file behind its first `tensors`.
    fn go_on(&mut self, layout: &Layout, tensors: usize) -> Result<()> {
        let length = match tensors {
            0 => 0,
            _ => layout.header.len() as u64 + layout.end(tensors),
        };
        let cut = self.file.get_ref().set_len(length);
        cut.and_then(|()| self.file.seek(SeekFrom::Start(length)).map(drop))
            .and_then(|()| match tensors {
                0 => self.file.write_all(&layout.header),
                _ => Ok(()),
            })
            .map_err(Error::io("write", self.path))
    }

    fn write(&mut self, values: &[f32]) -> Result<()> {
        for piece in values.chunks(1 << 16) {
            let bytes: Vec<u8> = piece.iter().flat_map(|v| v.to_le_bytes()).collect();
            let written = self.file.write_all(&bytes);
            written.map_err(Error::io("write", self.path))?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(Error::io("write", self.path))
    }
}
