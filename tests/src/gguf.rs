//! Small GGUF files, written as llama.cpp's converter writes them.

use std::path::Path;

/// A field's value.
#[derive(Debug, Clone)]
pub enum Field {
    /// u32.
    Whole(u32),
    /// f32.
    Number(f32),
    /// A text.
    Text(String),
}

/// A tensor: name, inputs first, the number of its type, bytes.
pub type GgufTensor = (String, Vec<u64>, u32, Vec<u8>);

/// The bytes of a file, version 3.
pub fn gguf(fields: &[(String, Field)], tensors: &[GgufTensor]) -> Vec<u8> {
    let mut file = b"GGUF".to_vec();
    let text = |file: &mut Vec<u8>, text: &str| {
        file.extend((text.len() as u64).to_le_bytes());
        file.extend(text.as_bytes());
    };
    file.extend(3_u32.to_le_bytes());
    file.extend((tensors.len() as u64).to_le_bytes());
    file.extend((fields.len() as u64).to_le_bytes());
    for (key, value) in fields {
        text(&mut file, key);
        match value {
            Field::Whole(number) => {
                file.extend(4_u32.to_le_bytes());
                file.extend(number.to_le_bytes());
            }
            Field::Number(number) => {
                file.extend(6_u32.to_le_bytes());
                file.extend(number.to_le_bytes());
            }
            Field::Text(words) => {
                file.extend(8_u32.to_le_bytes());
                text(&mut file, words);
            }
        }
    }
    let mut data: Vec<u8> = Vec::new();
    for (name, dims, kind, bytes) in tensors {
        text(&mut file, name);
        file.extend((dims.len() as u32).to_le_bytes());
        for dim in dims {
            file.extend(dim.to_le_bytes());
        }
        file.extend(kind.to_le_bytes());
        file.extend((data.len() as u64).to_le_bytes());
        data.extend(bytes);
        data.resize(data.len().next_multiple_of(32), 0);
    }
    file.resize(file.len().next_multiple_of(32), 0);
    file.extend(data);
    file
}

/// Rows of queries or keys as the format has them for Llamas: Hugging Face's row `h d + t d/2 + j` at `h d + 2 j + t`.
pub fn by_pairs<T: Copy>(values: &[T], heads: usize, width: usize) -> Vec<T> {
    let size = values.len() / width / heads;
    let mut paired = Vec::with_capacity(values.len());
    for row in 0..heads * size {
        let (head, within) = (row / size, row % size);
        let (pair, turn) = (within / 2, within % 2);
        let from = head * size + turn * size / 2 + pair;
        paired.extend_from_slice(&values[from * width..(from + 1) * width]);
    }
    paired
}

/// Writes a file.
pub fn write_gguf(path: &Path, fields: &[(String, Field)], tensors: &[GgufTensor]) {
    std::fs::write(path, gguf(fields, tensors)).expect("a writable folder");
}
