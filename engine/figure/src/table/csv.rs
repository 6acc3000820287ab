//! Comma-separated values, RFC 4180.

use super::{Cell, Guard, Table};
use crate::error::Result;

impl Table {
    /// A line of names and one per row. Numbers are as short as they read back exactly; NaN and infinities are `NaN`,
    /// `inf` and `-inf`.
    pub fn csv(&self, guard: Guard) -> Result<Vec<u8>> {
        let (columns, rows) = self.flat();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(columns.iter().map(|column| guarded(&column.name, guard)))?;
        for row in rows {
            writer.write_record(row.iter().map(|cell| match cell {
                Cell::Text(text) => guarded(text, guard),
                Cell::Integer(number) => number.to_string(),
                Cell::Number(number) => number.to_string(),
                Cell::Flag(flag) => flag.to_string(),
                // Means are taken apart above.
                Cell::Empty | Cell::Estimate(_) => String::new(),
            }))?;
        }
        // Bytes in memory take every byte.
        Ok(writer.into_inner().unwrap_or_default())
    }
}

fn guarded(text: &str, guard: Guard) -> String {
    if guard == Guard::Spreadsheet && text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::tests::hostile;
    use crate::table::{Column, Kind};

    fn read(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(bytes);
        let rows = reader.records().map(|row| {
            let row = row.unwrap();
            row.iter().map(str::to_owned).collect()
        });
        rows.collect()
    }

    #[test]
    fn what_is_written_reads_back() {
        let rows = read(&hostile().csv(Guard::Plain).unwrap());
        assert_eq!(rows.len(), 4);
        assert_eq!(
            rows[0],
            [
                "=cmd|' /C calc'!A1",
                "n & 50%_of #1",
                "x",
                "ok",
                "helpful",
                "helpful_se",
                "helpful_n"
            ]
        );
        assert_eq!(rows[1], ["=1+1", "3", "0.1", "true", "1.5", "0.5", "2"]);
        assert_eq!(rows[2][0], "[a] \"q\", \\end{tabular} ~^<>|`$\n\0");
        assert_eq!(rows[2][1..], ["-7", "NaN", "false", "2.5", "", "1"]);
        assert_eq!(rows[3], ["", "", "-inf", "", "", "", ""]);
    }

    #[test]
    fn spreadsheets_see_no_formula_and_numbers_stay_numbers() {
        let rows = read(&hostile().csv(Guard::Spreadsheet).unwrap());
        assert_eq!(rows[0][0], "'=cmd|' /C calc'!A1");
        assert_eq!(rows[1][0], "'=1+1");
        assert_eq!(rows[2][1], "-7", "a number is not text");
    }

    proptest! {
        #[test]
        fn any_text_and_number_reads_back(
            rows in prop::collection::vec((any::<String>(), any::<f64>(), any::<i64>()), 1..8),
        ) {
            let mut table = Table::new([
                Column::new("text", Kind::Text),
                Column::new("x", Kind::Number),
                Column::new("n", Kind::Integer),
            ]);
            for (text, x, n) in &rows {
                let row = vec![text.as_str().into(), (*x).into(), Cell::Integer(*n)];
                table.push(row).unwrap();
            }
            let back = read(&table.csv(Guard::Plain).unwrap());
            prop_assert_eq!(back.len(), rows.len() + 1);
            for (cells, (text, x, n)) in back[1..].iter().zip(&rows) {
                prop_assert_eq!(&cells[0], text);
                let read: f64 = cells[1].parse().unwrap();
                prop_assert!(read.to_bits() == x.to_bits() || (read.is_nan() && x.is_nan()));
                prop_assert_eq!(cells[2].parse::<i64>().unwrap(), *n);
            }
            for cells in &read(&table.csv(Guard::Spreadsheet).unwrap())[1..] {
                prop_assert!(!cells[0].starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
            }
        }
    }
}
