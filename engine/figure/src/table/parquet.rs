//! Parquet, by columns and without Arrow.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::{Cell, Column, Kind, Table};
use crate::error::Result;

impl Table {
    /// One row group; every column may be null. Compressed by Snappy, which all readers know.
    pub fn parquet(&self) -> Result<Vec<u8>> {
        let (columns, rows) = self.flat();
        let fields: Result<Vec<_>> = columns
            .iter()
            .map(|column| Ok(Arc::new(field(column)?)))
            .collect();
        let schema = Type::group_type_builder("table")
            .with_fields(fields?)
            .build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let mut out = Vec::new();
        let mut file = SerializedFileWriter::new(&mut out, Arc::new(schema), Arc::new(properties))?;
        let mut group = file.next_row_group()?;
        let mut index = 0;
        while let Some(mut writer) = group.next_column()? {
            let cells: Vec<&Cell> = rows.iter().filter_map(|row| row.get(index)).collect();
            write(writer.untyped(), &cells)?;
            writer.close()?;
            index += 1;
        }
        group.close()?;
        file.close()?;
        Ok(out)
    }
}

fn field(column: &Column) -> std::result::Result<Type, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Integer => (Physical::INT64, None),
        Kind::Number | Kind::Estimate => (Physical::DOUBLE, None),
        Kind::Flag => (Physical::BOOLEAN, None),
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_logical_type(logical)
        .with_repetition(Repetition::OPTIONAL)
        .build()
}

/// Values that are there, and per row whether one is.
fn write(writer: &mut ColumnWriter<'_>, cells: &[&Cell]) -> Result<()> {
    let there: Vec<i16> = cells
        .iter()
        .map(|cell| i16::from(**cell != Cell::Empty))
        .collect();
    let there = Some(there.as_slice());
    match writer {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let values = cells.iter().filter_map(|cell| match cell {
                Cell::Text(text) => Some(ByteArray::from(text.as_str())),
                _ => None,
            });
            writer.write_batch(&values.collect::<Vec<_>>(), there, None)?;
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let values = cells.iter().filter_map(|cell| match cell {
                Cell::Integer(number) => Some(*number),
                _ => None,
            });
            writer.write_batch(&values.collect::<Vec<_>>(), there, None)?;
        }
        ColumnWriter::DoubleColumnWriter(writer) => {
            let values = cells.iter().filter_map(|cell| match cell {
                Cell::Number(number) => Some(*number),
                _ => None,
            });
            writer.write_batch(&values.collect::<Vec<_>>(), there, None)?;
        }
        ColumnWriter::BoolColumnWriter(writer) => {
            let values = cells.iter().filter_map(|cell| match cell {
                Cell::Flag(flag) => Some(*flag),
                _ => None,
            });
            writer.write_batch(&values.collect::<Vec<_>>(), there, None)?;
        }
        // `field` makes no others.
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    use crate::table::tests::hostile;

    #[test]
    fn rows_read_back_as_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        let bytes = hostile().parquet().unwrap();
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let rows: Vec<_> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap())
            .collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].get_string(0).unwrap(), "=1+1");
        assert_eq!(rows[0].get_long(1).unwrap(), 3);
        assert_eq!(rows[0].get_double(4).unwrap(), 1.5);
        assert_eq!(rows[0].get_double(5).unwrap(), 0.5);
        assert_eq!(rows[0].get_long(6).unwrap(), 2);
        assert!(rows[1].get_double(2).unwrap().is_nan());
        assert!(!rows[1].get_bool(3).unwrap());
        assert!(rows[2].get_string(0).is_err(), "null");
        assert_eq!(hostile().parquet().unwrap(), bytes, "bytes repeat");
    }
}
