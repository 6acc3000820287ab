//! JSON Lines: an object per row.

use serde_json::{Map, Value};

use super::{Cell, Table};
use crate::error::Result;

impl Table {
    /// An object per row with the columns' names; null where a cell is empty or its number is none that JSON has.
    pub fn jsonl(&self) -> Result<String> {
        let (columns, rows) = self.flat();
        let mut out = String::new();
        for row in rows {
            let mut object = Map::new();
            for (column, cell) in columns.iter().zip(row) {
                object.insert(column.name.clone(), value(cell));
            }
            out += &serde_json::to_string(&object)?;
            out.push('\n');
        }
        Ok(out)
    }
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Text(text) => Value::String(text),
        Cell::Integer(number) => number.into(),
        Cell::Number(number) => number.into(),
        Cell::Flag(flag) => Value::Bool(flag),
        // Means are taken apart above.
        Cell::Empty | Cell::Estimate(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::table::tests::hostile;

    #[test]
    fn every_row_is_an_object_of_its_own_line() {
        let text = hostile().jsonl().unwrap();
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0]["helpful_se"], json!(0.5));
        assert_eq!(rows[1]["x"], Value::Null);
        assert_eq!(
            rows[1]["=cmd|' /C calc'!A1"],
            json!("[a] \"q\", \\end{tabular} ~^<>|`$\n\0")
        );
        assert_eq!(rows[2]["ok"], Value::Null);
    }
}
