//! A checkpoint in safetensors or PyTorch's `.bin`, one file or shards, read tensor by tensor.
//!
//! Nothing is memory-mapped: each tensor is read where the header says it lies, so that a file cut
//! short is an error, and memory holds one tensor beside what the model keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::gguf::{self, Gguf, HeadRows, Stored};
use super::pickle::read_pickled;
use super::{names, read_json};
use crate::{Error, Result};

/// The largest header that the safetensors format allows, bytes.
const MAX_HEADER: u64 = 100_000_000;

/// Metadata of a file that training wrote in F32: the types, separated by commas, whose exact values it began with.
pub const UPCAST_FROM: &str = "paretoscope.upcast_from";

/// Numbers that one thread reads at a time.
pub(super) const PIECE: usize = 1 << 18;

/// Tensors of one file or several, by name.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// What errors name: the folder or file that was opened.
    pub(super) path: PathBuf,
    pub(super) files: Vec<PathBuf>,
    pub(super) tensors: BTreeMap<String, Entry>,
    /// See [`UPCAST_FROM`].
    pub(super) upcast_from: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) file: usize,
    pub(super) stored: Stored,
    pub(super) shape: Vec<usize>,
    pub(super) start: u64,
    pub(super) bytes: usize,
    /// Rows that lie in another order than Hugging Face's.
    pub(super) rows: Option<HeadRows>,
    /// What is taken off each number.
    pub(super) less: f32,
}

/// SHA-256 over names and bytes of the tensors read through it, in the order of reading.
#[derive(Debug, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Takes in bytes that bear on what was read, beside the tensors themselves.
    pub fn note(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest so far, hexadecimal.
    pub fn hex(&self) -> String {
        crate::digest::hexadecimal(&self.0.clone().finalize())
    }
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Opens a Hugging Face folder: `model.safetensors`, or the shards that
    /// `model.safetensors.index.json` names; without either, `pytorch_model.bin` or its shards.
    ///
    /// Wrappers of names are taken off, and fused modules taken apart; what is no model's checkpoint (empty tensors, an unmerged adapter,
    /// quantised weights) is refused by name.
    pub fn open_folder(folder: &Path) -> Result<Self> {
        if gguf::is_gguf(folder) {
            return Self::of_gguf(&Gguf::open(folder)?);
        }
        let mut checkpoint = Self::open_any(folder)?;
        names::refuse_strangers(&checkpoint)?;
        checkpoint.unwrap_names()?;
        checkpoint.take_apart();
        Ok(checkpoint)
    }

    fn open_any(folder: &Path) -> Result<Self> {
        for name in ["model.safetensors", "pytorch_model.bin"] {
            let (single, index) = (folder.join(name), folder.join(format!("{name}.index.json")));
            if single.exists() {
                return Self::open_file(&single);
            }
            if index.exists() {
                return Self::open_shards(folder, index);
            }
        }
        if folder.join("adapter_config.json").exists() {
            let problem = "is an adapter's folder, not a model's; name the base, or merge the adapter into it first";
            return Err(Error::file(folder, problem));
        }
        Self::open_file(&folder.join("model.safetensors"))
    }

    /// Gives every tensor the model's own name. Two spellings of one name must hold the same numbers.
    fn unwrap_names(&mut self) -> Result<()> {
        let all: Vec<String> = self.tensors.keys().cloned().collect();
        for name in all {
            let own = names::plain(&name).name;
            if own == name {
                continue;
            }
            if self.tensors.contains_key(&own) && !self.equal(&own, &name)? {
                let problem = format!(
                    "holds `{own}` twice, also as `{name}`, with different numbers; save the one that is meant"
                );
                return Err(Error::file(&self.path, problem));
            }
            if let Some(entry) = self.tensors.remove(&name) {
                self.tensors.insert(own, entry);
            }
        }
        Ok(())
    }

    /// Whether two tensors have the same shape and numbers.
    fn equal(&self, one: &str, other: &str) -> Result<bool> {
        Ok(self.shape(one) == self.shape(other) && self.values(one)? == self.values(other)?)
    }

    /// This checkpoint without some of its tensors.
    pub fn without(&self, names: &[String]) -> Self {
        let mut rest = self.clone();
        for name in names {
            rest.tensors.remove(name);
        }
        rest
    }

    fn open_shards(folder: &Path, index_path: PathBuf) -> Result<Self> {
        let index: Index = read_json(&index_path)?;
        let mut names: Vec<&String> = index.weight_map.values().collect();
        names.sort();
        names.dedup();
        let mut checkpoint = Self {
            path: folder.to_path_buf(),
            files: Vec::new(),
            tensors: BTreeMap::new(),
            upcast_from: BTreeSet::new(),
        };
        for name in names {
            let plain = Path::new(name)
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            if !plain {
                let problem = format!("names the shard `{name}`, which lies outside of its folder");
                return Err(Error::file(&index_path, problem));
            }
            let shard = folder.join(name);
            if !shard.exists() {
                let tensors = index.weight_map.values().filter(|f| *f == name).count();
                return Err(Error::file(
                    &index_path,
                    format!(
                        "names the shard `{name}` for {tensors} tensors, but there is no such file"
                    ),
                ));
            }
            checkpoint.add(shard)?;
        }
        if let Some(missing) = index
            .weight_map
            .keys()
            .find(|name| !checkpoint.tensors.contains_key(*name))
        {
            return Err(Error::MissingTensor {
                path: index_path,
                tensor: missing.clone(),
            });
        }
        Ok(checkpoint)
    }

    /// Opens one file: PyTorch's if it ends in `.bin`, else safetensors.
    pub fn open_file(path: &Path) -> Result<Self> {
        let mut checkpoint = Self {
            path: path.to_path_buf(),
            files: Vec::new(),
            tensors: BTreeMap::new(),
            upcast_from: BTreeSet::new(),
        };
        checkpoint.add(path.to_path_buf())?;
        Ok(checkpoint)
    }

    fn add(&mut self, path: PathBuf) -> Result<()> {
        if path.extension().is_some_and(|e| e == "bin") {
            for tensor in read_pickled(&path)? {
                let entry = Entry {
                    file: self.files.len(),
                    stored: Stored::Plain(tensor.dtype),
                    shape: tensor.shape,
                    start: tensor.start,
                    bytes: tensor.bytes,
                    rows: None,
                    less: 0.0,
                };
                self.tensors.insert(tensor.name, entry);
            }
            self.files.push(path);
            return Ok(());
        }
        let (metadata, data_start) = read_header(&path)?;
        let noted = metadata.metadata().as_ref();
        if let Some(types) = noted.and_then(|noted| noted.get(UPCAST_FROM)) {
            self.upcast_from.extend(types.split(',').map(str::to_owned));
        }
        for name in metadata.offset_keys() {
            let Some(info) = metadata.info(&name) else {
                continue;
            };
            self.tensors.insert(
                name,
                Entry {
                    file: self.files.len(),
                    stored: Stored::Plain(info.dtype),
                    shape: info.shape.clone(),
                    start: data_start + info.data_offsets.0 as u64,
                    bytes: info.data_offsets.1 - info.data_offsets.0,
                    rows: None,
                    less: 0.0,
                },
            );
        }
        self.files.push(path);
        Ok(())
    }

    /// The folder or file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of its files: of the one, or of the names and digests of all shards.
    pub fn file_digest(&self) -> Result<String> {
        if let [one] = self.files.as_slice() {
            return file_digest(one);
        }
        let mut digest = Digest::default();
        for file in &self.files {
            let name = file.file_name().unwrap_or_default();
            digest.note(name.as_encoded_bytes());
            digest.note(file_digest(file)?.as_bytes());
        }
        Ok(digest.hex())
    }

    /// Whether a tensor is there.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The shape of a tensor, if it is there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Checks that a tensor is there with this shape, without reading it.
    pub fn expect(&self, name: &str, expected: &[usize]) -> Result<()> {
        let entry = self.entry(name)?;
        if entry.shape == expected {
            return Ok(());
        }
        Err(Error::Shape {
            path: self.path.clone(),
            tensor: name.to_owned(),
            expected: expected.to_vec(),
            got: entry.shape.clone(),
        })
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Bytes of all tensors.
    pub fn bytes(&self) -> u64 {
        self.tensors.values().map(|entry| entry.bytes as u64).sum()
    }

    /// Parameters of all tensors.
    pub fn parameters(&self) -> usize {
        self.tensors
            .values()
            .map(|entry| entry.shape.iter().product::<usize>())
            .sum()
    }

    /// Reads a tensor as f32, whatever its stored type; `expected` is its shape. Refuses NaN and infinity.
    pub fn read(&self, name: &str, expected: &[usize], digest: &mut Digest) -> Result<Vec<f32>> {
        self.expect(name, expected)?;
        let entry = self.entry(name)?;
        let bytes = self.bytes_of(entry)?;
        digest.0.update(name.as_bytes());
        digest.0.update(&bytes);
        let mut values = vec![0.0; self.elements(name, entry)?];
        self.finite(name, entry.decode(&bytes, &mut values))?;
        Ok(values)
    }

    /// A tensor's bytes, its rows in Hugging Face's order.
    pub(super) fn bytes_of(&self, entry: &Entry) -> Result<Vec<u8>> {
        let path = &self.files[entry.file];
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        file.seek(SeekFrom::Start(entry.start))
            .map_err(Error::io("read", path))?;
        let mut bytes = vec![0; entry.bytes];
        file.read_exact(&mut bytes)
            .map_err(Error::io("read", path))?;
        Ok(match entry.rows {
            None => bytes,
            Some(rows) => {
                let count = entry.shape.first().copied().unwrap_or(1).max(1);
                rows.in_order(&bytes, entry.bytes / count)
            }
        })
    }

    /// [`Checkpoint::values_into`] a new vector.
    pub fn values(&self, name: &str) -> Result<Vec<f32>> {
        let mut values = Vec::new();
        self.values_into(name, &mut values)?;
        Ok(values)
    }

    /// [`Checkpoint::read`] for tensors that are read again and again: in parallel, into memory that is
    /// there already, without a digest. Beside the values it holds a few MiB.
    pub fn values_into(&self, name: &str, values: &mut Vec<f32>) -> Result<()> {
        let entry = self.entry(name)?;
        let path = &self.files[entry.file];
        values.resize(self.elements(name, entry)?, 0.0);
        let Stored::Plain(dtype) = entry.stored else {
            return self.finite(name, entry.decode(&self.bytes_of(entry)?, values));
        };
        if entry.rows.is_some() || entry.less != 0.0 {
            return self.finite(name, entry.decode(&self.bytes_of(entry)?, values));
        }
        let width = entry.bytes.checked_div(values.len()).unwrap_or(0);
        let not_finite = values
            .par_chunks_mut(PIECE)
            .enumerate()
            .map_init(Vec::new, |bytes, (index, piece)| {
                let mut file = File::open(path).map_err(Error::io("open", path))?;
                let start = entry.start + (index * PIECE * width) as u64;
                file.seek(SeekFrom::Start(start))
                    .map_err(Error::io("read", path))?;
                bytes.resize(piece.len() * width, 0);
                file.read_exact(bytes).map_err(Error::io("read", path))?;
                Ok::<usize, Error>(decode(dtype, bytes, piece))
            })
            .try_reduce(|| 0, |a, b| Ok(a + b))?;
        self.finite(name, not_finite)
    }

    /// The numbers of a tensor of a type that can be read.
    fn elements(&self, name: &str, entry: &Entry) -> Result<usize> {
        match entry.stored {
            Stored::Blocks(_)
            | Stored::Plain(Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64) => {
                Ok(entry.shape.iter().product())
            }
            Stored::Plain(other) => Err(Error::file(
                &self.path,
                format!(
                    "tensor `{name}` is of type {other:?}; weights must be F32, F16, BF16 or F64"
                ),
            )),
        }
    }

    pub(super) fn finite(&self, name: &str, count: usize) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        Err(Error::NotFinite {
            path: self.path.clone(),
            tensor: name.to_owned(),
            count,
        })
    }

    /// The stored type of a tensor in words, e.g. `BF16`, if it is there.
    pub fn dtype(&self, name: &str) -> Option<String> {
        self.tensors.get(name).map(|entry| match entry.stored {
            Stored::Plain(dtype) => format!("{dtype:?}"),
            Stored::Blocks(kind) => kind.name().to_owned(),
        })
    }

    /// Whether a tensor is stored in F32 because training began with the exact values of one of this type, so that
    /// their difference is what training did.
    pub fn is_upcast_from(&self, name: &str, dtype: &str) -> bool {
        let stored = self.tensors.get(name).map(|entry| entry.stored);
        stored == Some(Stored::Plain(Dtype::F32)) && self.upcast_from.contains(dtype)
    }

    /// The files that the tensors lie in.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(super) fn entry(&self, name: &str) -> Result<&Entry> {
        self.tensors.get(name).ok_or_else(|| Error::MissingTensor {
            path: self.path.clone(),
            tensor: name.to_owned(),
        })
    }
}

impl Entry {
    /// Numbers from bytes, and how many of them are not finite.
    fn decode(&self, bytes: &[u8], values: &mut [f32]) -> usize {
        let not_finite = match self.stored {
            Stored::Plain(dtype) => decode(dtype, bytes, values),
            Stored::Blocks(kind) => {
                let pieces = values.par_chunks_mut(PIECE);
                let size = PIECE / kind.values() * kind.bytes();
                let pieces = pieces.zip(bytes.par_chunks(size));
                pieces
                    .map(|(values, bytes)| gguf::dequantise(kind, bytes, values))
                    .sum()
            }
        };
        if self.less != 0.0 {
            for value in values {
                *value -= self.less;
            }
        }
        not_finite
    }
}

/// Turns little-endian numbers into f32 and counts those that are NaN or infinite.
fn decode(dtype: Dtype, bytes: &[u8], values: &mut [f32]) -> usize {
    fn each<const WIDTH: usize>(
        bytes: &[u8],
        values: &mut [f32],
        read: impl Fn([u8; WIDTH]) -> f32,
    ) -> usize {
        let mut not_finite = 0;
        for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<WIDTH>().0) {
            *value = read(*bytes);
            not_finite += usize::from(!value.is_finite());
        }
        not_finite
    }
    match dtype {
        Dtype::F16 => each(bytes, values, |b| half::f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => each(bytes, values, |b| half::bf16::from_le_bytes(b).to_f32()),
        Dtype::F64 => each(bytes, values, |b| f64::from_le_bytes(b) as f32),
        _ => each(bytes, values, f32::from_le_bytes),
    }
}

/// The header, checked against the file's real length, and where the data begins.
fn read_header(path: &Path) -> Result<(Metadata, u64)> {
    let mut file = crate::files::open(path)?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    if length < 8 {
        return Err(Error::file(
            path,
            format!("holds {length} bytes; a safetensors file has at least 8"),
        ));
    }
    let mut size = [0; 8];
    file.read_exact(&mut size)
        .map_err(Error::io("read", path))?;
    let size = u64::from_le_bytes(size);
    if size > MAX_HEADER || size + 8 > length {
        return Err(Error::file(
            path,
            format!(
                "its header claims {size} bytes, but the file holds {length} (headers end at {MAX_HEADER}): not a safetensors file, or cut short"
            ),
        ));
    }
    let mut header = vec![0; 8 + size as usize];
    file.seek(SeekFrom::Start(0))
        .map_err(Error::io("read", path))?;
    file.read_exact(&mut header)
        .map_err(Error::io("read", path))?;
    // `SafeTensors::read_metadata` would want the data behind the header, too.
    let metadata: Metadata = serde_json::from_slice(&header[8..])
        .map_err(|e| Error::file(path, format!("its safetensors header is not valid: {e}")))?;
    let data_start = 8 + size;
    let end = metadata
        .tensors()
        .values()
        .map(|info| info.data_offsets.1 as u64)
        .max()
        .unwrap_or(0);
    if data_start + end != length {
        return Err(Error::file(
            path,
            format!(
                "its header describes {} bytes, but the file holds {length}: cut short or overwritten",
                data_start + end
            ),
        ));
    }
    Ok((metadata, data_start))
}

/// SHA-256 of a whole file, hexadecimal.
pub fn file_digest(path: &Path) -> Result<String> {
    let mut file = crate::files::open(path)?;
    let mut digest = Digest::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => return Ok(digest.hex()),
            count => digest.0.update(&buffer[..count]),
        }
    }
}
