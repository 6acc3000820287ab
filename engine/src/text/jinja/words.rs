//! Filters of texts and numbers.

use super::budget::Budget;
use super::lexer::is_space;
use super::value::Value;
use super::{Arguments, Failure, filters, pieces};

/// Jinja's own `title`: a word begins behind spaces, hyphens and opening brackets alone.
pub(super) fn title(text: &str, budget: &Budget) -> Result<Value, Failure> {
    budget.build(text.len())?;
    let mark = |c: char| is_space(c) || matches!(c, '-' | '(' | '{' | '[' | '<');
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        if begins && !mark(c) {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        begins = mark(c);
    }
    Ok(Value::str(out))
}

/// `int`, `float`, `abs` and `round`.
pub(super) fn number(
    value: &Value,
    name: &str,
    arguments: &Arguments,
    budget: &Budget,
) -> Result<Value, Failure> {
    if let Value::Undefined(words) = value {
        return Err(Failure::new(&**words));
    }
    match name {
        "int" => {
            let [usual, base] = arguments.take(["default", "base"])?;
            let base = base.and_then(|v| v.as_int()).unwrap_or(10);
            let found = match value {
                Value::Str(text) => {
                    budget.read(text.len())?;
                    whole_of(text, base)
                }
                Value::Float(f) if f.is_finite() => Some(f.trunc() as i128),
                other => other.as_int(),
            };
            Ok(found.map(Value::Int).or(usual).unwrap_or(Value::Int(0)))
        }
        "float" => {
            let [usual] = arguments.take(["default"])?;
            let found = match value {
                Value::Str(text) => {
                    budget.read(text.len())?;
                    float_of(text)
                }
                other => other.as_float(),
            };
            Ok(found
                .map(Value::Float)
                .or(usual)
                .unwrap_or(Value::Float(0.0)))
        }
        "abs" => match (value.as_int(), value.as_float()) {
            (Some(i), _) => Ok(Value::Int(i.saturating_abs())),
            (None, Some(f)) => Ok(Value::Float(f.abs())),
            _ => Err(Failure::new(format!(
                "bad operand type for abs(): '{}'",
                value.kind()
            ))),
        },
        _ => {
            let [precision, method] = arguments.take(["precision", "method"])?;
            let precision = precision
                .and_then(|v| v.as_int())
                .unwrap_or(0)
                .clamp(-300, 300) as i32;
            let Some(number) = value.as_float() else {
                return Err(Failure::new(format!(
                    "round: expected a number, not {}",
                    value.kind()
                )));
            };
            let scale = 10f64.powi(precision);
            match method.as_ref().and_then(Value::as_str).unwrap_or("common") {
                "ceil" => Ok(Value::Float((number * scale).ceil() / scale)),
                "floor" => Ok(Value::Float((number * scale).floor() / scale)),
                "common" => Ok(rounded(value, number, precision)),
                _ => Err(Failure::new("method must be common, ceil or floor")),
            }
        }
    }
}

/// Python's `round`: halves go to the even neighbour, whole numbers stay whole.
fn rounded(value: &Value, number: f64, precision: i32) -> Value {
    if let Some(whole) = value.as_int() {
        if precision >= 0 {
            return Value::Int(whole);
        }
        let unit = 10i128
            .checked_pow(precision.unsigned_abs())
            .unwrap_or(i128::MAX);
        let low = whole.div_euclid(unit);
        let rest = whole.rem_euclid(unit);
        let up = rest > unit - rest || rest == unit - rest && low % 2 != 0;
        return Value::Int((low + i128::from(up)).saturating_mul(unit));
    }
    if precision < 0 {
        let unit = 10f64.powi(-precision);
        return Value::Float((number / unit).round_ties_even() * unit);
    }
    // Through its digits, as Python does: 2.675 is below 2.675.
    let digits = format!("{number:.*}", precision.unsigned_abs() as usize);
    Value::Float(digits.parse().unwrap_or(number))
}

/// Digits with single underscores between them.
fn plain_digits(text: &str) -> Option<String> {
    let bad = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!bad).then(|| text.replace('_', ""))
}

fn whole_of(text: &str, base: i128) -> Option<i128> {
    let text = super::text::trimmed(text, None, (true, true));
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_lowercase();
    let (prefix, radix) = match (base, lower.get(..2)) {
        (16 | 0, Some("0x")) => (2, 16),
        (8 | 0, Some("0o")) => (2, 8),
        (2 | 0, Some("0b")) => (2, 2),
        (0, _) => (0, 10),
        (base, _) => (
            0,
            u32::try_from(base).ok().filter(|b| (2..=36).contains(b))?,
        ),
    };
    let plain = plain_digits(&digits[prefix..])?;
    if plain.starts_with(['+', '-']) {
        return None;
    }
    match i128::from_str_radix(&plain, radix) {
        Ok(whole) => Some(if negative { -whole } else { whole }),
        // As `int(float(text))`.
        Err(_) => float_of(text)
            .filter(|f| f.is_finite())
            .map(|f| f.trunc() as i128),
    }
}

fn float_of(text: &str) -> Option<f64> {
    let text = super::text::trimmed(text, None, (true, true));
    plain_digits(text)?.parse().ok()
}

pub(super) fn indent(text: &str, arguments: &Arguments, budget: &Budget) -> Result<Value, Failure> {
    let [width, first, blank] = arguments.take(["width", "first", "blank"])?;
    let on = |v: Option<Value>| v.is_some_and(|v| v.is_true());
    let (first, blank) = (on(first), on(blank));
    let indention = match width {
        None => "    ".to_owned(),
        Some(Value::Str(text)) => text.to_string(),
        Some(other) => {
            let count = other
                .as_int()
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0);
            budget.build(count)?;
            " ".repeat(count)
        }
    };
    // Jinja counts on a line behind the last: the newline at the end is kept by it.
    let source = format!("{text}\n");
    let lines: Vec<&str> = pieces::lines(&source, false);
    let growth = lines.len().saturating_mul(indention.len());
    budget.build(growth.saturating_add(text.len()))?;
    let mut out = String::new();
    for (i, line) in lines.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let indented = if i == 0 {
            first
        } else {
            blank || !line.is_empty()
        };
        if indented {
            out.push_str(&indention);
        }
        out.push_str(line);
    }
    Ok(Value::str(out))
}

pub(super) fn truncate(
    text: &str,
    arguments: &Arguments,
    budget: &Budget,
) -> Result<Value, Failure> {
    let [length, kill, end, leeway] = arguments.take(["length", "killwords", "end", "leeway"])?;
    let size = |v: Option<Value>, usual: usize| {
        let given = v.and_then(|v| v.as_int());
        given.map_or(usual, |n| usize::try_from(n).unwrap_or(0))
    };
    let (length, leeway) = (size(length, 255), size(leeway, 5));
    let end = match end {
        Some(end) => end.text(budget)?,
        None => "...".into(),
    };
    budget.build(text.len() + end.len())?;
    let letters: Vec<char> = text.chars().collect();
    let end_length = end.chars().count();
    if length < end_length {
        return Err(Failure::new(format!(
            "expected length >= {end_length}, got {length}"
        )));
    }
    if letters.len() <= length.saturating_add(leeway) {
        return Ok(Value::str(text));
    }
    let cut: String = letters[..length - end_length].iter().collect();
    if kill.is_some_and(|v| v.is_true()) {
        return Ok(Value::str(cut + &end));
    }
    let whole = cut.rsplit_once(' ').map_or(&*cut, |(before, _)| before);
    Ok(Value::str(format!("{whole}{end}")))
}

/// Runs of letters, digits and underscores.
pub(super) fn count(text: &str) -> usize {
    let within = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !within(c))
        .filter(|word| !word.is_empty())
        .count()
}

/// `textwrap.wrap` of each line, at spaces.
pub(super) fn wrap(text: &str, arguments: &Arguments, budget: &Budget) -> Result<Value, Failure> {
    let [width, break_long, mark, hyphens] = arguments.take([
        "width",
        "break_long_words",
        "wrapstring",
        "break_on_hyphens",
    ])?;
    let width = width.and_then(|v| v.as_int()).unwrap_or(79);
    let width = usize::try_from(width).unwrap_or(0);
    if width == 0 {
        return Err(Failure::new("invalid width (must be > 0)"));
    }
    if hyphens.is_some_and(|v| v.is_true()) && text.contains('-') {
        return Err(Failure::new("wordwrap at hyphens is not supported"));
    }
    let mark = match mark {
        Some(mark) => mark.text(budget)?,
        None => "\n".into(),
    };
    let break_long = break_long.is_none_or(|v| v.is_true());
    budget.build(text.len().saturating_mul(1 + mark.len()))?;
    let mut lines = Vec::new();
    for line in pieces::lines(text, false) {
        if line.is_empty() {
            lines.push(String::new());
        }
        lines.extend(wrapped(line, width, break_long));
    }
    Ok(Value::str(lines.join(&*mark)))
}

fn wrapped(line: &str, width: usize, break_long: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current: Vec<char> = Vec::new();
    let mut flush = |current: &mut Vec<char>| {
        while current.last() == Some(&' ') {
            current.pop();
        }
        if !current.is_empty() {
            lines.push(current.drain(..).collect::<String>());
        }
    };
    let mut rest = line;
    while !rest.is_empty() {
        let space = rest.starts_with(' ');
        let end = rest.find(|c| (c == ' ') != space).unwrap_or(rest.len());
        let chunk: Vec<char> = rest[..end].chars().collect();
        rest = &rest[end..];
        if current.len() + chunk.len() <= width {
            current.extend(chunk);
            continue;
        }
        if chunk.len() <= width || !break_long {
            flush(&mut current);
            if !space {
                current = chunk;
            }
            continue;
        }
        let mut chunk = &chunk[..];
        while !chunk.is_empty() {
            let (part, after) = chunk.split_at(chunk.len().min(width - current.len().min(width)));
            current.extend(part);
            chunk = after;
            if !chunk.is_empty() {
                flush(&mut current);
            }
        }
    }
    flush(&mut current);
    lines
}

/// Text for HTML, as `markupsafe` writes it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Without tags and comments, with single spaces.
pub(super) fn without_tags(text: &str, budget: &Budget) -> Result<Value, Failure> {
    budget.build(text.len())?;
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let close = if rest[at..].starts_with("<!--") {
            rest[at..].find("-->").map(|end| end + 3)
        } else {
            rest[at..].find('>').map(|end| end + 1)
        };
        let Some(close) = close else {
            break;
        };
        out.push_str(&rest[..at]);
        rest = &rest[at + close..];
    }
    out.push_str(rest);
    let words = out.split(is_space).filter(|word| !word.is_empty());
    let plain = words.collect::<Vec<_>>().join(" ");
    let plain = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(plain, |text, (from, to)| text.replace(from, to));
    Ok(Value::str(plain))
}

pub(super) fn url_encoded(value: &Value, budget: &Budget) -> Result<Value, Failure> {
    let quoted = |text: &str, slash: bool| -> Result<String, Failure> {
        budget.build(text.len().saturating_mul(3))?;
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                    out.push(char::from(byte));
                }
                b'/' if slash => out.push('/'),
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
        Ok(out)
    };
    match filters::text_pairs(value, budget)? {
        None => Ok(Value::str(quoted(&value.text(budget)?, true)?)),
        Some(pairs) => {
            let mut parts = Vec::new();
            for (key, value) in pairs {
                let part = |text: &str| Ok::<_, Failure>(quoted(text, false)?.replace("%20", "+"));
                parts.push(format!("{}={}", part(&key)?, part(&value)?));
            }
            Ok(Value::str(parts.join("&")))
        }
    }
}

pub(super) fn file_size(value: &Value, arguments: &Arguments) -> Result<Value, Failure> {
    let [binary] = arguments.take(["binary"])?;
    let binary = binary.is_some_and(|v| v.is_true());
    let bytes = match value {
        Value::Str(text) => float_of(text),
        other => other.as_float(),
    };
    let bytes = bytes.ok_or_else(|| Failure::new("filesizeformat: expected a number"))?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Value::str("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::str(format!("{} Bytes", bytes as i128)));
    }
    let mut unit = base * base;
    for prefix in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
        if bytes < unit || prefix == "Y" {
            let prefix = match (binary, prefix) {
                (true, "k") => "Ki".to_owned(),
                (true, other) => format!("{other}i"),
                (false, other) => other.to_owned(),
            };
            return Ok(Value::str(format!("{:.1} {prefix}B", base * bytes / unit)));
        }
        unit *= base;
    }
    Ok(Value::str(""))
}
