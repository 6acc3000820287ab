//! How two rows that are one become one.
//!
//! Every rule is a least upper bound, and so merges give the same in any order, grouping and repetition: columns that say
//! one thing together go with the row that is first in a total order; others have a rule of their own.

use std::cmp::Ordering;

use rusqlite::types::Value;

use super::tables::Table;

/// What a table's rows are to a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of the file itself: not merged.
    Apart,
    /// A thing, known by its contents: the earliest row stands.
    Thing,
    /// Something that happened: written once. One that differs between two files was altered.
    Event,
    /// What belongs to a row of another table.
    Child,
    /// What a person changes: known by these columns, the highest revision stands.
    Edit(&'static [&'static str]),
}

/// The kind of a table; one of a later version is told by its columns.
pub(super) fn kind(table: &Table) -> Kind {
    match table.name.as_str() {
        "meta" | "claim" | "op" | "merge_log" => Kind::Apart,
        "artefact" | "bundle" | "setting" | "prompt" | "point" | "scorer" | "sweep" => Kind::Thing,
        "note" => Kind::Edit(&["target"]),
        "tag" => Kind::Edit(&["target", "name"]),
        "mark" => Kind::Edit(&["target", "kind"]),
        "view" => Kind::Edit(&["name"]),
        "deck" | "stop" | "figure" => Kind::Edit(&["uid"]),
        _ if table.named() => Kind::Event,
        _ if !table.numbered() && !table.primary.is_empty() => Kind::Child,
        _ => Kind::Apart,
    }
}

/// A column's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// With the row that stands.
    Row,
    /// The smallest.
    Least,
    /// The largest.
    Most,
    /// What is known; the smallest of two.
    Known,
    /// Nothing, where one says nothing: what was taken back stays so.
    Nothing,
    /// The last in this list.
    Later(&'static [&'static str]),
}

fn rule(table: &str, column: &str) -> Rule {
    match (table, column) {
        // What was trained on anywhere is no prompt to test on.
        ("prompt", "split") => Rule::Later(&["test", "validation", "train"]),
        ("prompt", "topic")
        | ("artefact", "bytes" | "path_hint" | "card")
        | ("training", "data" | "votes" | "result") => Rule::Known,
        ("generation", "interactive") | ("sweep", "rows") => Rule::Most,
        ("sweep", "now") => Rule::Least,
        ("sweep" | "training", "status") => {
            Rule::Later(&["running", "stopped", "failed", "finished"])
        }
        ("vote", "comment") => Rule::Nothing,
        _ => Rule::Row,
    }
}

/// Whether a column belongs to one file: when a program last had the lease says nothing elsewhere.
pub(super) fn own(table: &str, column: &str) -> bool {
    (table, column) == ("origin", "beat")
}

/// A column's value: what is written, and what it is compared by, which for a row of another table is its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub(super) value: Value,
    pub(super) by: Value,
}

/// What becomes of two rows that are one.
#[derive(Debug, PartialEq)]
pub(super) struct Joined {
    /// Which columns of the target change, by their place, and to what.
    pub(super) changes: Vec<(usize, Value)>,
    /// Whether the columns that go together differ.
    pub(super) differ: bool,
    /// Whether those of the source stand.
    pub(super) theirs: bool,
}

/// Joins the rows of a table, columns in the order of `columns`.
pub(super) fn join(table: &str, columns: &[String], ours: &[Cell], theirs: &[Cell]) -> Joined {
    let hidden = table == "mark" && {
        let kind = columns.iter().position(|c| c == "kind");
        kind.is_some_and(|at| ours[at].by == Value::Text("hidden".to_owned()))
    };
    let rule = |column: &str| match rule(table, column) {
        // Hidden wins, whatever was edited later.
        Rule::Row if hidden && column == "standing" => Rule::Most,
        rule => rule,
    };
    let mut order = order(table, columns);
    order.retain(|&at| rule(&columns[at]) == Rule::Row);
    let differ = order.iter().any(|&at| ours[at].by != theirs[at].by);
    let taken = first(table, columns, &order, ours, theirs) == Ordering::Greater;
    let mut changes = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let (mine, other) = (&ours[at], &theirs[at]);
        let order = compare(&mine.by, &other.by);
        let null = |cell: &Cell| cell.by == Value::Null;
        let take = match rule(column) {
            Rule::Row => taken,
            Rule::Least => order == Ordering::Greater,
            Rule::Most => order == Ordering::Less,
            Rule::Known => !null(other) && (null(mine) || order == Ordering::Greater),
            Rule::Nothing => !null(mine) && (null(other) || order == Ordering::Greater),
            Rule::Later(names) => {
                let place = |cell: &Cell| match &cell.by {
                    Value::Text(text) => names.iter().position(|name| name == text),
                    _ => None,
                };
                let places = place(other).cmp(&place(mine));
                places.then(order) == Ordering::Greater
            }
        };
        if take && mine.by != other.by {
            changes.push((at, other.value.clone()));
        }
    }
    Joined {
        changes,
        differ,
        theirs: taken,
    }
}

/// The columns in the order in which they decide.
fn order(table: &str, columns: &[String]) -> Vec<usize> {
    let edit = columns.iter().any(|c| c == "rev");
    let rank = |column: &str| match column {
        "rev" => 0,
        "uid" if edit => 1,
        "locked" if table == "task" => 1,
        "flag" if table == "score" => 1,
        "created" => 2,
        "origin" => 3,
        _ => 4,
    };
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&columns[a], &columns[b]);
        rank(a).cmp(&rank(b)).then_with(|| a.cmp(b))
    });
    order
}

/// Which of two rows stands: the lesser.
fn first(
    table: &str,
    columns: &[String],
    order: &[usize],
    ours: &[Cell],
    theirs: &[Cell],
) -> Ordering {
    for &at in order {
        let (a, b) = (&ours[at].by, &theirs[at].by);
        let decided = match columns[at].as_str() {
            "rev" => compare(b, a),
            "locked" if table == "task" => compare(b, a),
            "flag" if table == "score" => {
                let failed = |value: &Value| *value != Value::Text("ok".to_owned());
                failed(a).cmp(&failed(b)).then_with(|| compare(a, b))
            }
            _ => compare(a, b),
        };
        if decided != Ordering::Equal {
            return decided;
        }
    }
    Ordering::Equal
}

/// A total order of values: by type, then numbers of a kind by size or bits, texts and bytes by their bytes.
fn compare(a: &Value, b: &Value) -> Ordering {
    let kind = |value: &Value| match value {
        Value::Null => 0,
        Value::Integer(_) => 1,
        Value::Real(_) => 2,
        Value::Text(_) => 3,
        Value::Blob(_) => 4,
    };
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Real(a), Value::Real(b)) => a.to_bits().cmp(&b.to_bits()),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
        _ => kind(a).cmp(&kind(b)),
    }
}
