//! What methods of text do: cutting, joining, padding, cases.

use super::Failure;
use super::budget::Budget;
use super::lexer::is_space;
use super::text::trimmed;
use super::value::Value;

/// Parts of a text as values.
pub(super) fn strings<'t>(
    parts: impl IntoIterator<Item = &'t str>,
    budget: &Budget,
) -> Result<Vec<Value>, Failure> {
    let mut values = Vec::new();
    for part in parts {
        budget.build(part.len() + size_of::<Value>())?;
        values.push(Value::str(part));
    }
    Ok(values)
}

pub(super) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => title_case(first) + &letters.as_str().to_lowercase(),
        None => String::new(),
    }
}

/// A letter at the beginning of a word: `ß` becomes `Ss`.
pub(super) fn title_case(c: char) -> String {
    let upper: String = c.to_uppercase().collect();
    let mut letters = upper.chars();
    match (letters.next(), letters.as_str()) {
        (Some(first), rest) if !rest.is_empty() => format!("{first}{}", rest.to_lowercase()),
        _ => upper,
    }
}

pub(super) fn titled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within = false;
    for c in text.chars() {
        if within {
            out.extend(c.to_lowercase());
        } else {
            out.push_str(&title_case(c));
        }
        within = c.is_lowercase() || c.is_uppercase();
    }
    out
}

pub(super) fn split(
    text: &str,
    mark: Option<&str>,
    most: usize,
    from_right: bool,
    budget: &Budget,
) -> Result<Value, Failure> {
    let limit = most.saturating_add(1);
    let parts = match (mark, from_right) {
        (Some(""), _) => return Err(Failure::new("empty separator")),
        (Some(mark), false) => strings(text.splitn(limit, mark), budget)?,
        (Some(mark), true) => strings(text.rsplitn(limit, mark), budget)?,
        (None, _) => {
            let ends = (!from_right, from_right);
            let mut parts = Vec::new();
            let mut rest = trimmed(text, None, ends);
            while !rest.is_empty() && parts.len() < most {
                let (word, after) = if from_right {
                    let at = rest.rfind(is_space);
                    let at = at.map_or(0, |at| {
                        at + rest[at..].chars().next().map_or(1, char::len_utf8)
                    });
                    (&rest[at..], &rest[..at])
                } else {
                    rest.split_at(rest.find(is_space).unwrap_or(rest.len()))
                };
                parts.extend(strings([word], budget)?);
                rest = trimmed(after, None, ends);
            }
            if !rest.is_empty() {
                parts.extend(strings([rest], budget)?);
            }
            parts
        }
    };
    let mut parts = parts;
    if from_right {
        parts.reverse();
    }
    Value::list(parts, budget)
}

/// Lines by all the ends that Python knows.
pub(super) fn lines(text: &str, keep: bool) -> Vec<&str> {
    const ENDS: [char; 10] = [
        '\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}',
        '\u{2029}',
    ];
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ENDS) {
        let end = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        lines.push(&rest[..if keep { at + end } else { at }]);
        rest = &rest[at + end..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

/// `text.replace(old, new, count)`; a negative count replaces all.
pub(super) fn replaced(
    text: &str,
    old: &str,
    new: &str,
    count: i128,
    budget: &Budget,
) -> Result<Value, Failure> {
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    budget.read(text.len())?;
    let found = if old.is_empty() {
        text.chars().count() + 1
    } else {
        text.matches(old).count()
    };
    let found = found.min(most);
    budget.build(found.saturating_mul(new.len()).saturating_add(text.len()))?;
    Ok(Value::str(text.replacen(old, new, most)))
}

pub(super) fn padded(
    text: &str,
    name: &str,
    width: usize,
    fill: char,
    budget: &Budget,
) -> Result<Value, Failure> {
    let missing = width.saturating_sub(text.chars().count());
    budget.build(
        missing
            .saturating_mul(fill.len_utf8())
            .saturating_add(text.len()),
    )?;
    let pad = |n: usize, c: char| std::iter::repeat_n(c, n).collect::<String>();
    Ok(Value::str(match name {
        "zfill" => {
            let signed = usize::from(text.starts_with(['-', '+']));
            let (sign, rest) = text.split_at(signed);
            format!("{sign}{}{rest}", pad(missing, '0'))
        }
        "ljust" => format!("{text}{}", pad(missing, fill)),
        "rjust" => format!("{}{text}", pad(missing, fill)),
        // As CPython: the odd one goes left where the width is odd.
        _ => {
            let left = missing / 2 + (missing & width & 1);
            format!("{}{text}{}", pad(left, fill), pad(missing - left, fill))
        }
    }))
}

pub(super) fn expanded(text: &str, size: usize, budget: &Budget) -> Result<Value, Failure> {
    let tabs = text.matches('\t').count();
    budget.build(tabs.saturating_mul(size).saturating_add(text.len()))?;
    let mut out = String::new();
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' if size > 0 => {
                let spaces = size - column % size;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            '\t' => {}
            _ => {
                out.push(c);
                column = if matches!(c, '\n' | '\r') {
                    0
                } else {
                    column + 1
                };
            }
        }
    }
    Ok(Value::str(out))
}
