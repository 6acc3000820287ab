//! A table of text: comma-separated values, a row per line.

use crate::lines::{LineProblem, numbered};

/// Cells under a head.
pub(super) struct Table {
    /// The first line.
    pub(super) head: Vec<String>,
    /// The other lines, numbered from one, with as many cells as the head.
    pub(super) rows: Vec<(usize, Vec<String>)>,
}

/// Reads a table: cells between commas, in double quotes where they hold a comma, a quote in them doubled (RFC 4180,
/// without cells of several lines). Blanks around a cell say nothing.
pub(super) fn read_table(text: &str) -> Result<Table, LineProblem> {
    let mut lines = numbered(text);
    let head = match lines.next() {
        Some((line, text)) => cells(text).map_err(|problem| LineProblem::new(line, problem))?,
        None => Vec::new(),
    };
    let row = |(line, text): (usize, &str)| {
        let wrong = |problem: String| LineProblem::new(line, problem);
        let cells = cells(text).map_err(|problem| wrong(problem.to_owned()))?;
        if cells.len() == head.len() {
            return Ok((line, cells));
        }
        Err(wrong(format!(
            "{} cells, and the head has {}",
            cells.len(),
            head.len()
        )))
    };
    let rows = lines.map(row).collect::<Result<_, _>>()?;
    Ok(Table { head, rows })
}

fn cells(line: &str) -> Result<Vec<String>, &'static str> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, after) = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => in_quotes(quoted)?,
            None => match rest.split_once(',') {
                Some((cell, after)) => (cell.trim().to_owned(), Some(after)),
                None => (rest.trim().to_owned(), None),
            },
        };
        cells.push(cell);
        match after {
            Some(after) => rest = after,
            None => return Ok(cells),
        }
    }
}

/// A cell whose first quote is behind us, and what comes after the comma that ends it.
fn in_quotes(text: &str) -> Result<(String, Option<&str>), &'static str> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"').ok_or("a quote is not closed")?;
        cell.push_str(part);
        if let Some(after) = after.strip_prefix('"') {
            cell.push('"');
            rest = after;
            continue;
        }
        let after = after.trim_start();
        return match after.strip_prefix(',') {
            Some(after) => Ok((cell, Some(after))),
            None if after.is_empty() => Ok((cell, None)),
            None => Err("something stands between a closing quote and the comma"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_stands_between_commas() {
        let table = read_table("\u{feff}a, b ,c\r\n\n1,\" x, \"\"y\"\" \" , \n,,\n").unwrap();
        assert_eq!(table.head, ["a", "b", "c"]);
        let right = ["1", " x, \"y\" ", ""].map(str::to_owned).to_vec();
        assert_eq!(table.rows[0], (3, right));
        assert_eq!(table.rows[1].1, ["", "", ""]);
        assert!(read_table("").unwrap().head.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, want) in [
            ("a,b\n1", "line 2: 1 cells, and the head has 2"),
            ("a,b\n\n1,\"2", "line 3: a quote is not closed"),
            ("a,b\n\"1\" 2,3", "line 2: something stands between"),
        ] {
            let Err(error) = read_table(text) else {
                panic!("{text} was read");
            };
            assert!(error.to_string().starts_with(want), "{text}: {error}");
        }
    }
}
