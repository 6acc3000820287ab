//! What the fields of a GGUF file hold.

/// A field's value. Numbers of all widths are held in the widest of their kind.
#[derive(Debug, Clone, PartialEq)]
pub enum GgufValue {
    /// A whole number of 0 or more.
    U64(u64),
    /// A whole number.
    I64(i64),
    /// A number.
    F64(f64),
    /// True or false.
    Bool(bool),
    /// A text.
    Text(String),
    /// A list of numbers.
    Numbers(Vec<f64>),
    /// A list of whole numbers.
    Integers(Vec<i64>),
    /// A list of texts.
    Texts(Vec<String>),
    /// A list of truth values.
    Bools(Vec<bool>),
}
