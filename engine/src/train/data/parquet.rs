//! Parquet as data sets are published in it: each row is the JSON object that a line would hold.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Number, Value, json};

use crate::{Error, Result, files};

/// What a file of this kind begins with.
pub(super) const MAGIC: &[u8] = b"PAR1";
/// The most that all rows may hold, in bytes of text and numbers: what a file of lines may have.
const MOST: u64 = files::DATA;
/// What a value takes beside its text, with its place in an object: a page of a few bytes may stand for many rows.
const EACH: u64 = 128;
/// The deepest nesting of a value: a list of turns with lists of parts has six.
const DEEPEST: usize = 16;

/// The rows of a file.
pub(super) fn rows(path: &Path) -> Result<Vec<Value>> {
    let wrong = |problem: String| {
        Error::file(
            path,
            format!(
                "cannot be read as Parquet: {problem}; is it whole? Else save it as JSON Lines"
            ),
        )
    };
    // The library asserts what it expects of a file's schema and pages.
    catch_unwind(AssertUnwindSafe(|| read(path)))
        .unwrap_or_else(|panic| {
            let words = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(words.unwrap_or("its parts do not fit").to_owned())
        })
        .map_err(wrong)
}

fn read(path: &Path) -> Result<Vec<Value>, String> {
    let said = |error: parquet::errors::ParquetError| error.to_string();
    let file = files::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let reader = SerializedFileReader::new(file).map_err(said)?;
    check(&reader, length)?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for row in reader.get_row_iter(None).map_err(said)? {
        let row = row.map_err(said)?;
        rows.push(object(&row, &mut bytes, 0)?);
        if bytes > MOST {
            return Err(format!(
                "its first {} rows hold more than {MOST} bytes, the most that data may have",
                rows.len()
            ));
        }
    }
    Ok(rows)
}

/// Refuses what the footer cannot mean before anything is read by it.
fn check(reader: &SerializedFileReader<std::fs::File>, length: u64) -> Result<(), String> {
    let mut unpacked = 0u64;
    for group in reader.metadata().row_groups() {
        for column in group.columns() {
            let (size, packed) = (column.uncompressed_size(), column.compressed_size());
            let start = column.dictionary_page_offset().unwrap_or(i64::MAX);
            let start = start.min(column.data_page_offset());
            let end = u64::try_from(start)
                .ok()
                .zip(u64::try_from(packed).ok())
                .and_then(|(start, size)| start.checked_add(size));
            let (Some(end), Ok(size)) = (end, u64::try_from(size)) else {
                return Err(format!(
                    "column `{}` has a place or size below 0",
                    column.column_path()
                ));
            };
            if end > length {
                return Err(format!(
                    "column `{}` ends at byte {end}, but the file has {length}",
                    column.column_path()
                ));
            }
            unpacked = unpacked.saturating_add(size);
        }
    }
    if unpacked > MOST {
        return Err(format!(
            "its columns unpack to {unpacked} bytes; data may have {MOST}"
        ));
    }
    Ok(())
}

fn object(row: &Row, bytes: &mut u64, depth: usize) -> Result<Value, String> {
    *bytes += EACH;
    let mut fields = Map::new();
    for (name, field) in row.get_column_iter() {
        *bytes += name.len() as u64;
        fields.insert(name.clone(), value(field, bytes, depth + 1)?);
    }
    Ok(Value::Object(fields))
}

fn value(field: &Field, bytes: &mut u64, depth: usize) -> Result<Value, String> {
    if depth > DEEPEST {
        return Err(format!("a value is nested more than {DEEPEST} deep"));
    }
    *bytes += EACH;
    let real = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(value) => Value::Bool(*value),
        Field::Byte(number) => Value::from(*number),
        Field::Short(number) => Value::from(*number),
        Field::Int(number) => Value::from(*number),
        Field::Long(number) => Value::from(*number),
        Field::UByte(number) => Value::from(*number),
        Field::UShort(number) => Value::from(*number),
        Field::UInt(number) => Value::from(*number),
        Field::ULong(number) => Value::from(*number),
        Field::Float16(number) => real(f64::from(*number)),
        Field::Float(number) => real(f64::from(*number)),
        Field::Double(number) => real(*number),
        Field::Str(text) => {
            *bytes += text.len() as u64;
            Value::String(text.clone())
        }
        // Some writers do not say that their bytes are text.
        Field::Bytes(data) => {
            *bytes += data.len() as u64;
            match data.as_utf8() {
                Ok(text) => Value::String(text.to_owned()),
                // No text, and not to be taken for nothing.
                Err(_not) => json!({ "bytes": data.len() }),
            }
        }
        Field::Group(row) => object(row, bytes, depth)?,
        Field::ListInternal(list) => list
            .elements()
            .iter()
            .map(|element| value(element, bytes, depth + 1))
            .collect::<Result<_, _>>()?,
        Field::MapInternal(map) => {
            let mut fields = Map::new();
            for (key, field) in map.entries() {
                let name = match key {
                    Field::Str(name) => name.clone(),
                    other => other.to_string(),
                };
                fields.insert(name, value(field, bytes, depth + 1)?);
            }
            Value::Object(fields)
        }
        // Dates and times are no part of any form.
        other => Value::String(other.to_string()),
    })
}
