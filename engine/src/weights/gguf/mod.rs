//! Files of the GGUF format.

mod value;

pub use value::GgufValue;
