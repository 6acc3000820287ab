//! The tensors of a GGUF file as a checkpoint of Hugging Face's layout.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::checkpoint::{Checkpoint, Digest, Entry, PIECE};
use super::gguf::{self, Gguf, GgufTensor, GgufValue, Stored};
use crate::kernels::BlockKind;
use crate::{Error, Result};

impl Checkpoint {
    /// The tensors of a GGUF file under Hugging Face's names. One that is not known is refused by name.
    pub fn of_gguf(gguf: &Gguf) -> Result<Self> {
        let architecture = gguf.architecture()?;
        let heads = |key: &str| match gguf.fields().get(&format!("{architecture}.{key}")) {
            Some(GgufValue::U64(heads)) => usize::try_from(*heads).ok(),
            _ => None,
        };
        let queries = heads("attention.head_count").unwrap_or(1);
        let keys = heads("attention.head_count_kv").unwrap_or(queries);
        let mut checkpoint = Self {
            path: gguf.path().to_path_buf(),
            files: gguf.files().to_vec(),
            tensors: BTreeMap::new(),
            upcast_from: BTreeSet::new(),
        };
        for tensor in gguf.tensors() {
            if tensor.name.starts_with("rope_") {
                continue;
            }
            let named = gguf::named(architecture, &tensor.name, [queries, keys]);
            let named = named.ok_or_else(|| {
                let problem = format!(
                    "holds the tensor `{}`, which is not known of {architecture} models",
                    tensor.name
                );
                Error::file(gguf.path(), problem)
            })?;
            let entry = Entry {
                file: tensor.file,
                stored: tensor.stored,
                shape: tensor.shape.clone(),
                start: tensor.start,
                bytes: tensor.bytes,
                rows: named.rows,
                less: named.less,
            };
            checkpoint.tensors.insert(named.name, entry);
        }
        checkpoint.take_apart();
        Ok(checkpoint)
    }

    /// One tensor of a GGUF file under its own name.
    pub(crate) fn of_tensor(gguf: &Gguf, tensor: &GgufTensor) -> Self {
        let entry = Entry {
            file: tensor.file,
            stored: tensor.stored,
            shape: tensor.shape.clone(),
            start: tensor.start,
            bytes: tensor.bytes,
            rows: None,
            less: 0.0,
        };
        Self {
            path: gguf.path().to_path_buf(),
            files: gguf.files().to_vec(),
            tensors: BTreeMap::from([(tensor.name.clone(), entry)]),
            upcast_from: BTreeSet::new(),
        }
    }

    /// The type of a tensor's quantised blocks, if it has some.
    pub fn blocks(&self, name: &str) -> Option<BlockKind> {
        match self.tensors.get(name)?.stored {
            Stored::Blocks(kind) => Some(kind),
            Stored::Plain(_) => None,
        }
    }

    /// Reads the blocks of a quantised tensor as they are, row after row in Hugging Face's order; `expected` is its shape,
    /// `[out, in]`. Refuses scales that are not finite.
    pub fn read_blocks(
        &self,
        name: &str,
        expected: &[usize],
        digest: &mut Digest,
    ) -> Result<Vec<u8>> {
        self.expect(name, expected)?;
        let entry = self.entry(name)?;
        let bytes = self.bytes_of(entry)?;
        digest.note(name.as_bytes());
        digest.note(&bytes);
        if let Stored::Blocks(kind) = entry.stored {
            let scratch = || vec![0.0; PIECE];
            let piece = PIECE / kind.values() * kind.bytes();
            let counts = bytes.par_chunks(piece).map_init(scratch, |values, bytes| {
                let count = bytes.len() / kind.bytes() * kind.values();
                gguf::dequantise(kind, bytes, &mut values[..count])
            });
            self.finite(name, counts.sum())?;
        }
        Ok(bytes)
    }
}
