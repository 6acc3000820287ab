//! A GGUF file, or all parts of a split one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use safetensors::Dtype;

use super::GgufValue;
use super::header::{Line, header};
use crate::kernels::BlockKind;
use crate::{Error, Result};

/// Parts of a split file at most.
const MAX_PARTS: u64 = 10_000;

/// How a tensor's numbers lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// One after the other.
    Plain(Dtype),
    /// In quantised blocks along each row.
    Blocks(BlockKind),
}

/// A tensor of a GGUF file.
#[derive(Debug, Clone)]
pub struct GgufTensor {
    /// As the file calls it, e.g. `blk.0.attn_q.weight`.
    pub name: String,
    /// Which of [`Gguf::files`].
    pub file: usize,
    /// How it is stored.
    pub stored: Stored,
    /// Rows first: `[out, in]`, or `[length]`.
    pub shape: Vec<usize>,
    /// Where it begins in its file.
    pub start: u64,
    /// How long it is.
    pub bytes: usize,
}

/// A GGUF file, opened.
#[derive(Debug, Clone)]
pub struct Gguf {
    path: PathBuf,
    files: Vec<PathBuf>,
    fields: BTreeMap<String, GgufValue>,
    tensors: Vec<GgufTensor>,
}

impl Gguf {
    /// Opens a file and reads its header; of a split file, whose parts are `NAME-00001-of-0000N.gguf`, all of them.
    pub fn open(path: &Path) -> Result<Self> {
        let mut gguf = Self {
            path: path.to_path_buf(),
            files: Vec::new(),
            fields: BTreeMap::new(),
            tensors: Vec::new(),
        };
        gguf.fields = gguf.add(path)?;
        let number = |key: &str| match gguf.fields.get(key) {
            Some(GgufValue::U64(number)) => Some(*number),
            _ => None,
        };
        let (parts, own) = (number("split.count").unwrap_or(1), number("split.no"));
        if parts > 1 {
            if own.unwrap_or(0) != 0 {
                let problem = format!(
                    "is part {} of {parts}; open the first one",
                    own.unwrap_or(0) + 1
                );
                return Err(Error::file(path, problem));
            }
            if parts > MAX_PARTS {
                let problem =
                    format!("field `split.count` is {parts}; at most {MAX_PARTS} are read");
                return Err(Error::file(path, problem));
            }
            for part in 2..=parts {
                gguf.add(&sibling(path, part, parts)?)?;
            }
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = gguf.tensors.iter().find(|t| !names.insert(&t.name)) {
            let problem = format!("holds the tensor `{}` twice", twice.name);
            return Err(Error::file(path, problem));
        }
        Ok(gguf)
    }

    fn add(&mut self, path: &Path) -> Result<BTreeMap<String, GgufValue>> {
        let file = crate::files::open(path)?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let header = header(path, BufReader::new(file), length)?;
        let mut ends: Vec<(u64, u64)> = Vec::with_capacity(header.lines.len());
        for line in header.lines {
            let tensor = placed(
                path,
                line,
                self.files.len(),
                (header.data, header.alignment, length),
            )?;
            ends.push((tensor.start, tensor.start + tensor.bytes as u64));
            self.tensors.push(tensor);
        }
        ends.sort_unstable();
        if let Some(pair) = ends.windows(2).find(|pair| pair[0].1 > pair[1].0) {
            let problem = format!(
                "two of its tensors overlap: one ends at byte {}, the next begins at {}",
                pair[0].1, pair[1].0
            );
            return Err(Error::file(path, problem));
        }
        let end = ends.last().map_or(header.data, |(_, end)| *end);
        if length > end.next_multiple_of(header.alignment) {
            let problem = format!(
                "holds {length} bytes; its tensors end at {end}: something lies behind them"
            );
            return Err(Error::file(path, problem));
        }
        self.files.push(path.to_path_buf());
        Ok(header.fields)
    }

    /// The file that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files that the tensors lie in.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What the file says beside its tensors.
    pub fn fields(&self) -> &BTreeMap<String, GgufValue> {
        &self.fields
    }

    /// All tensors, in the file's order.
    pub fn tensors(&self) -> &[GgufTensor] {
        &self.tensors
    }

    /// `general.architecture`.
    pub fn architecture(&self) -> Result<&str> {
        match self.fields.get("general.architecture") {
            Some(GgufValue::Text(name)) => Ok(name),
            _ => Err(Error::file(
                &self.path,
                "has no text `general.architecture`: no model, or cut down",
            )),
        }
    }
}

/// Another part of a split file.
fn sibling(path: &Path, part: u64, parts: u64) -> Result<PathBuf> {
    let first = format!("-00001-of-{parts:05}.gguf");
    let name = path.file_name().and_then(|name| name.to_str());
    let stem = name.and_then(|name| name.strip_suffix(&first));
    let stem = stem.ok_or_else(|| {
        let problem = format!("is the first of {parts} parts, whose name should end in `{first}`");
        Error::file(path, problem)
    })?;
    Ok(path.with_file_name(format!("{stem}-{part:05}-of-{parts:05}.gguf")))
}

/// The type of a tensor by its number.
fn stored(kind: u32) -> Option<Stored> {
    Some(match kind {
        0 => Stored::Plain(Dtype::F32),
        1 => Stored::Plain(Dtype::F16),
        30 => Stored::Plain(Dtype::BF16),
        2 => Stored::Blocks(BlockKind::Q4_0),
        3 => Stored::Blocks(BlockKind::Q4_1),
        6 => Stored::Blocks(BlockKind::Q5_0),
        7 => Stored::Blocks(BlockKind::Q5_1),
        8 => Stored::Blocks(BlockKind::Q8_0),
        12 => Stored::Blocks(BlockKind::Q4_K),
        13 => Stored::Blocks(BlockKind::Q5_K),
        14 => Stored::Blocks(BlockKind::Q6_K),
        20 => Stored::Blocks(BlockKind::Iq4Nl),
        _ => return None,
    })
}

/// A tensor by its line, with everything checked that the line claims.
fn placed(
    path: &Path,
    line: Line,
    file: usize,
    (data, alignment, length): (u64, u64, u64),
) -> Result<GgufTensor> {
    let wrong = |problem: String| Error::file(path, format!("tensor `{}` {problem}", line.name));
    let stored = stored(line.kind).ok_or_else(|| {
        wrong(format!(
            "is of type {}; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K and IQ4_NL are read: requantise it to one of these",
            line.kind
        ))
    })?;
    let (values, width) = match stored {
        Stored::Plain(Dtype::F32) => (1, 4),
        Stored::Plain(_) => (1, 2),
        Stored::Blocks(kind) => (kind.values() as u64, kind.bytes() as u64),
    };
    let inner = line.dims.first().copied().unwrap_or(0);
    if line.dims.contains(&0) || !inner.is_multiple_of(values) {
        return Err(wrong(format!(
            "has the dimensions {:?}; none may be 0, and rows are multiples of {values}",
            line.dims
        )));
    }
    let count = line
        .dims
        .iter()
        .try_fold(1_u64, |all, dim| all.checked_mul(*dim));
    let bytes = count.and_then(|count| (count / values).checked_mul(width));
    let start = data.checked_add(line.offset);
    let end = start
        .zip(bytes)
        .and_then(|(start, bytes)| start.checked_add(bytes));
    let (Some(start), Some(bytes), Some(end)) = (start, bytes, end) else {
        return Err(wrong(format!(
            "has the dimensions {:?} at byte {}, more than a file can hold",
            line.dims, line.offset
        )));
    };
    if !line.offset.is_multiple_of(alignment) {
        return Err(wrong(format!(
            "begins at byte {} of the data, no multiple of {alignment}",
            line.offset
        )));
    }
    if end > length {
        return Err(wrong(format!(
            "ends at byte {end}, the file at {length}: cut short"
        )));
    }
    let size = |number: u64| {
        usize::try_from(number).map_err(|error| wrong(format!("is too large: {error}")))
    };
    let shape = line.dims.iter().rev().map(|dim| size(*dim));
    Ok(GgufTensor {
        shape: shape.collect::<Result<_>>()?,
        bytes: size(bytes)?,
        name: line.name.clone(),
        file,
        stored,
        start,
    })
}
