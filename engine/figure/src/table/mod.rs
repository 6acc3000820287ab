//! Numbers in rows: one table, written as CSV, JSON Lines, LaTeX or Parquet.

mod csv;
mod jsonl;
mod latex;
#[cfg(feature = "parquet")]
mod parquet;

use paretoscope_core::types::Summary;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Words.
    Text,
    /// Whole numbers.
    Integer,
    /// Any numbers.
    Number,
    /// True or false.
    Flag,
    /// Means: three columns `x`, `x_se`, `x_n` in files of data, one with ± in LaTeX.
    Estimate,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::Estimate => "a mean with its error",
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

impl Column {
    /// A column of a kind.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
        }
    }
}

/// What stands in one place of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cell {
    /// Nothing; fits every column.
    Empty,
    /// Words.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A mean over n with its standard error.
    Estimate(Summary),
}

impl Cell {
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Empty => None,
            Self::Text(_) => Some(Kind::Text),
            Self::Integer(_) => Some(Kind::Integer),
            Self::Number(_) => Some(Kind::Number),
            Self::Flag(_) => Some(Kind::Flag),
            Self::Estimate(_) => Some(Kind::Estimate),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        i64::try_from(count).map_or(Self::Empty, Self::Integer)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Summary> for Cell {
    fn from(summary: Summary) -> Self {
        Self::Estimate(summary)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Self::Empty, Into::into)
    }
}

/// Whether text is kept from being read as a formula.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guard {
    /// Text stays as it is, for programs.
    #[default]
    Plain,
    /// A `'` before text that begins with `=`, `+`, `-`, `@`, a tab or a line's end, for spreadsheets.
    Spreadsheet,
}

/// Columns and rows of as many cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows. Columns whose names are taken already, in data files too, get a number behind them.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        let mut taken = std::collections::BTreeSet::new();
        let columns = columns.into_iter().map(|mut column| {
            let wanted = column.name.clone();
            let mut number = 1;
            while names(&column).iter().any(|name| taken.contains(name)) {
                number += 1;
                column.name = format!("{wanted}_{number}");
            }
            taken.extend(names(&column));
            column
        });
        Self {
            columns: columns.collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of one cell per column, each empty or of the column's kind.
    pub fn push(&mut self, row: Vec<Cell>) -> Result<()> {
        let number = self.rows.len() + 1;
        if row.len() != self.columns.len() {
            return Err(Error::Count {
                what: format!("cells of row {number}"),
                got: row.len(),
                wanted: self.columns.len(),
            });
        }
        for (cell, column) in row.iter().zip(&self.columns) {
            if let Some(kind) = cell.kind().filter(|kind| *kind != column.kind) {
                return Err(Error::Cell {
                    row: number,
                    column: column.name.clone(),
                    got: kind.name(),
                    wanted: column.kind.name(),
                });
            }
        }
        self.rows.push(row);
        Ok(())
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Its rows, one cell per column each.
    pub fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    /// Columns and rows for files of data, means taken apart.
    fn flat(&self) -> (Vec<Column>, Vec<Vec<Cell>>) {
        let columns = self.columns.iter().flat_map(|column| {
            let kinds = match column.kind {
                Kind::Estimate => vec![Kind::Number, Kind::Number, Kind::Integer],
                kind => vec![kind],
            };
            let named = names(column).into_iter().zip(kinds);
            named.map(|(name, kind)| Column { name, kind })
        });
        let row = |row: &Vec<Cell>| {
            let cells = self.columns.iter().zip(row);
            cells
                .flat_map(|(column, cell)| match cell {
                    Cell::Estimate(s) => vec![
                        Some(s.mean).filter(|_| s.n > 0).into(),
                        // One sample has no error.
                        Some(s.se).filter(|_| s.n > 1).into(),
                        s.n.into(),
                    ],
                    Cell::Empty if column.kind == Kind::Estimate => vec![Cell::Empty; 3],
                    cell => vec![cell.clone()],
                })
                .collect()
        };
        (columns.collect(), self.rows.iter().map(row).collect())
    }
}

/// What a column is called in files of data.
fn names(column: &Column) -> Vec<String> {
    let name = &column.name;
    match column.kind {
        Kind::Estimate => vec![name.clone(), format!("{name}_se"), format!("{name}_n")],
        _ => vec![name.clone()],
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every kind of cell, and names and texts that mean harm.
    pub(crate) fn hostile() -> Table {
        let mut table = Table::new([
            Column::new("=cmd|' /C calc'!A1", Kind::Text),
            Column::new("n & 50%_of #1", Kind::Integer),
            Column::new("x", Kind::Number),
            Column::new("ok", Kind::Flag),
            Column::new("helpful", Kind::Estimate),
        ]);
        let summary = Summary::of([1.0, 2.0]);
        let rows = [
            vec![
                "=1+1".into(),
                3_usize.into(),
                0.1.into(),
                true.into(),
                summary.into(),
            ],
            vec![
                "[a] \"q\", \\end{tabular} ~^<>|`$\n\0".into(),
                Cell::Integer(-7),
                f64::NAN.into(),
                false.into(),
                Summary::of([2.5]).into(),
            ],
            vec![
                Cell::Empty,
                Cell::Empty,
                f64::NEG_INFINITY.into(),
                Cell::Empty,
                Cell::Empty,
            ],
        ];
        for row in rows {
            table.push(row).unwrap();
        }
        table
    }

    #[test]
    fn rows_that_do_not_fit_are_refused_by_name() {
        let mut table = Table::new([Column::new("n", Kind::Integer)]);
        let error = table.push(vec!["three".into()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "row 1, column `n`: text where a whole number belongs"
        );
        let error = table.push(Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "cells of row 1: 0 given, 1 needed");
        assert!(table.rows().is_empty());
    }

    #[test]
    fn no_two_columns_of_a_file_have_one_name() {
        let table = Table::new([
            Column::new("x_se", Kind::Number),
            Column::new("x", Kind::Estimate),
            Column::new("x", Kind::Text),
        ]);
        let (columns, _) = table.flat();
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["x_se", "x_2", "x_2_se", "x_2_n", "x"]);
    }
}
