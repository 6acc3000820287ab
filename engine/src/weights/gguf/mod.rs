//! Files of the GGUF format, in which one file holds a model's fields, tokenizer and weights.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | header | bytes → fields and a table of tensors, every number checked before anything is allocated by it | `header` |
//! | file | a file, or the first of its parts → fields and tensors of all | `file` |
//! | names | tensors → the names, shapes and row order of Hugging Face's layout | `names` |
//! | blocks | quantised blocks → numbers, plainly | `dequantise` |
//!
//! Nothing is memory-mapped. What is not understood is refused by name.

mod dequantise;
mod file;
mod header;
mod names;
mod value;

pub use dequantise::dequantise;
pub use file::{Gguf, GgufTensor, Stored};
pub use names::{HeadRows, Named, named};
pub use value::GgufValue;

use std::path::Path;

/// Whether a path names a GGUF file.
pub fn is_gguf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"))
}
