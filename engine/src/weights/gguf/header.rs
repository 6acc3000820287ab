//! The beginning of a GGUF file: fields, and the table of tensors.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::GgufValue;
use crate::{Error, Result};

/// The largest header that is read, bytes: several times that of the largest vocabularies.
const MAX_HEADER: u64 = 128 << 20;
/// Fields, and tensors, at most.
const MAX_COUNT: u64 = 1 << 16;
/// Entries of a list at most.
const MAX_LIST: u64 = 1 << 24;
/// Bytes of a field's name at most.
const MAX_KEY: u64 = 65_535;
/// Bytes of a tensor's name at most.
const MAX_NAME: u64 = 63;
/// Bytes of a chat template at most.
const MAX_TEMPLATE: usize = 1 << 20;

/// A line of the table of tensors, as written.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// Inputs first.
    pub(super) dims: Vec<u64>,
    pub(super) kind: u32,
    /// From the beginning of the data.
    pub(super) offset: u64,
}

/// All before the data.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) fields: BTreeMap<String, GgufValue>,
    pub(super) lines: Vec<Line>,
    /// Where the data begins.
    pub(super) data: u64,
    /// What offsets are multiples of.
    pub(super) alignment: u64,
}

/// Bytes that are read one after the other, and how many there may be.
struct Bytes<'a, R> {
    path: &'a Path,
    source: R,
    read: u64,
    most: u64,
}

impl<R: Read> Bytes<'_, R> {
    fn wrong<T>(&self, problem: String) -> Result<T> {
        Err(Error::file(self.path, problem))
    }

    fn left(&self) -> u64 {
        self.most.saturating_sub(self.read)
    }

    fn take<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        if self.left() < N as u64 {
            return self.wrong(format!(
                "ends within {what}, after {} bytes of its header: cut short, or no GGUF file",
                self.read
            ));
        }
        let mut bytes = [0; N];
        self.source
            .read_exact(&mut bytes)
            .map_err(Error::io("read", self.path))?;
        self.read += N as u64;
        Ok(bytes)
    }

    fn u32(&mut self, what: &str) -> Result<u32> {
        self.take(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &str) -> Result<u64> {
        self.take(what).map(u64::from_le_bytes)
    }

    fn text(&mut self, what: &str, most: u64) -> Result<String> {
        let length = self.u64(what)?;
        let room = self.left().min(most);
        if length > room {
            return self.wrong(format!(
                "claims {length} bytes for {what}, where at most {room} fit"
            ));
        }
        // At most the header's own size, checked above.
        let mut bytes = vec![0; length as usize];
        self.source
            .read_exact(&mut bytes)
            .map_err(Error::io("read", self.path))?;
        self.read += length;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(text),
            // Vocabularies of bytes hold parts of characters; what is shown of them does not matter here.
            Err(error) => Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        }
    }

    fn flag(&mut self, key: &str) -> Result<bool> {
        match self.take::<1>(key)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => self.wrong(format!("field `{key}` is {other}; true is 1, false is 0")),
        }
    }

    fn value(&mut self, key: &str, kind: u32) -> Result<GgufValue> {
        Ok(match kind {
            0 => GgufValue::U64(u64::from(self.take::<1>(key)?[0])),
            1 => GgufValue::I64(i64::from(i8::from_le_bytes(self.take(key)?))),
            2 => GgufValue::U64(u64::from(u16::from_le_bytes(self.take(key)?))),
            3 => GgufValue::I64(i64::from(i16::from_le_bytes(self.take(key)?))),
            4 => GgufValue::U64(u64::from(self.u32(key)?)),
            5 => GgufValue::I64(i64::from(i32::from_le_bytes(self.take(key)?))),
            6 => GgufValue::F64(f64::from(f32::from_le_bytes(self.take(key)?))),
            7 => GgufValue::Bool(self.flag(key)?),
            8 => GgufValue::Text(self.text(key, MAX_HEADER)?),
            9 => self.list(key)?,
            10 => GgufValue::U64(self.u64(key)?),
            11 => GgufValue::I64(i64::from_le_bytes(self.take(key)?)),
            12 => GgufValue::F64(f64::from_le_bytes(self.take(key)?)),
            other => {
                return self.wrong(format!(
                    "field `{key}` is of type {other}; there are 0 to 12"
                ));
            }
        })
    }

    fn list(&mut self, key: &str) -> Result<GgufValue> {
        let (kind, count) = (self.u32(key)?, self.u64(key)?);
        let width: u64 = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            // Each text has its length before it.
            8 | 10..=12 => 8,
            9 => {
                return self.wrong(format!(
                    "field `{key}` is a list of lists, which is not read"
                ));
            }
            other => {
                return self.wrong(format!(
                    "field `{key}` lists type {other}; there are 0 to 12"
                ));
            }
        };
        let room = (self.left() / width).min(MAX_LIST);
        if count > room {
            return self.wrong(format!(
                "field `{key}` claims {count} entries, where at most {room} fit"
            ));
        }
        let count = 0..count;
        Ok(match kind {
            8 => GgufValue::Texts(
                count
                    .map(|_| self.text(key, MAX_HEADER))
                    .collect::<Result<_>>()?,
            ),
            7 => GgufValue::Bools(count.map(|_| self.flag(key)).collect::<Result<_>>()?),
            6 | 12 => {
                let number = |value: GgufValue| match value {
                    GgufValue::F64(number) => number,
                    _ => f64::NAN,
                };
                let all = count.map(|_| self.value(key, kind).map(number));
                GgufValue::Numbers(all.collect::<Result<_>>()?)
            }
            _ => {
                let mut all = Vec::new();
                for _ in count {
                    all.push(match self.value(key, kind)? {
                        GgufValue::I64(number) => number,
                        GgufValue::U64(number) => match i64::try_from(number) {
                            Ok(number) => number,
                            Err(_) => {
                                return self.wrong(format!(
                                    "field `{key}` lists {number}, more than is read"
                                ));
                            }
                        },
                        _ => 0,
                    });
                }
                GgufValue::Integers(all)
            }
        })
    }
}

/// Reads a header from `source`, a file of `length` bytes; `path` is what errors name.
pub(super) fn header(path: &Path, source: impl Read, length: u64) -> Result<Header> {
    let mut bytes = Bytes {
        path,
        source,
        read: 0,
        most: length.min(MAX_HEADER),
    };
    if bytes.take::<4>("its first four bytes")? != *b"GGUF" {
        return bytes.wrong("does not begin with `GGUF`: no GGUF file".to_owned());
    }
    let version = bytes.u32("its version")?;
    if !matches!(version, 2 | 3) {
        return bytes.wrong(format!(
            "is of version {version}; 2 and 3, little-endian, are read: convert it with llama.cpp's gguf-py"
        ));
    }
    let (tensors, pairs) = (bytes.u64("its counts")?, bytes.u64("its counts")?);
    for (what, count) in [("tensors", tensors), ("fields", pairs)] {
        if count > MAX_COUNT {
            return bytes.wrong(format!(
                "claims {count} {what}; at most {MAX_COUNT} are read"
            ));
        }
    }
    let mut fields = BTreeMap::new();
    for _ in 0..pairs {
        let key = bytes.text("a field's name", MAX_KEY)?;
        let kind = bytes.u32(&key)?;
        let value = bytes.value(&key, kind)?;
        if let (GgufValue::Text(text), true) = (&value, key.ends_with("chat_template"))
            && text.len() > MAX_TEMPLATE
        {
            return bytes.wrong(format!(
                "field `{key}` holds {} bytes; a chat template has at most {MAX_TEMPLATE}",
                text.len()
            ));
        }
        if fields.insert(key.clone(), value).is_some() {
            return bytes.wrong(format!("holds the field `{key}` twice"));
        }
    }
    let alignment = match fields.get("general.alignment") {
        None => 32,
        Some(GgufValue::U64(alignment))
            if alignment.is_power_of_two() && (8..=65_536).contains(alignment) =>
        {
            *alignment
        }
        Some(other) => {
            return bytes.wrong(format!(
                "field `general.alignment` is {other:?}; a power of two from 8 to 65536 would be right"
            ));
        }
    };
    let mut lines = Vec::new();
    for _ in 0..tensors {
        let name = bytes.text("a tensor's name", MAX_NAME)?;
        let count = bytes.u32(&name)?;
        if !matches!(count, 1 | 2) {
            return bytes.wrong(format!(
                "tensor `{name}` has {count} dimensions; those that are read have 1 or 2"
            ));
        }
        let dims: Vec<u64> = (0..count)
            .map(|_| bytes.u64(&name))
            .collect::<Result<_>>()?;
        let (kind, offset) = (bytes.u32(&name)?, bytes.u64(&name)?);
        lines.push(Line {
            name,
            dims,
            kind,
            offset,
        });
    }
    Ok(Header {
        fields,
        lines,
        data: bytes.read.next_multiple_of(alignment),
        alignment,
    })
}
