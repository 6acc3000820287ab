//! What Python's Jinja has and minijinja lacks: ways of writing values, methods of strings and lists, `tojson`.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

/// Values inside of values that are written, at most: a namespace may hold itself.
const DEPTH: usize = 64;

/// Adds filters, functions and methods of Python's Jinja, as transformers sets it up.
pub(super) fn add(environment: &mut Environment<'static>) {
    minijinja_contrib::add_to_environment(environment);
    environment.set_unknown_method_callback(method);
    environment.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Number | ValueKind::Seq | ValueKind::Map => {
            let mut text = String::new();
            repr(value, &mut text, DEPTH)?;
            out.write_str(&text).map_err(Error::from)
        }
        _ => minijinja::escape_formatter(out, state, value),
    });
    environment.add_filter("tojson", tojson);
    environment.add_filter("length", |value: &Value| match value.kind() {
        ValueKind::Undefined => Ok(Value::from(0)),
        _ => minijinja::filters::length(value).map(Value::from),
    });
    environment.add_filter("count", |value: &Value| match value.kind() {
        ValueKind::Undefined => Ok(Value::from(0)),
        _ => minijinja::filters::length(value).map(Value::from),
    });
    environment.add_filter("pprint", |value: Value| {
        let mut text = String::new();
        repr(&value, &mut text, DEPTH).map(|()| text)
    });
    environment.add_test("sequence", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::Seq | ValueKind::String | ValueKind::Map
        )
    });
    environment.add_test("callable", |value: &Value| {
        value.kind() == ValueKind::Plain && value.to_string().starts_with("minijinja::")
    });
}

fn too_deep() -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("a value holds others more than {DEPTH} deep, or itself"),
    )
}

/// A value as Python's `repr` writes it.
fn repr(value: &Value, out: &mut String, depth: usize) -> Result<(), Error> {
    if depth == 0 {
        return Err(too_deep());
    }
    match value.kind() {
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(number) => out.push_str(&float(number)),
            Err(_) => out.push_str(&value.to_string()),
        },
        ValueKind::String => quoted(value.as_str().unwrap_or_default(), out),
        ValueKind::None => out.push_str("None"),
        ValueKind::Seq => {
            // minijinja has no tuples: what Python writes in round brackets is written as a list.
            out.push('[');
            for (i, item) in value.try_iter()?.enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                repr(&item, out, depth - 1)?;
            }
            out.push(']');
        }
        ValueKind::Map => {
            out.push('{');
            for (i, key) in value.try_iter()?.enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                repr(&key, out, depth - 1)?;
                out.push_str(": ");
                repr(&value.get_item(&key)?, out, depth - 1)?;
            }
            out.push('}');
        }
        _ => out.push_str(&value.to_string()),
    }
    Ok(())
}

/// A float as Python writes it: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
pub(super) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{number:?}")
}

/// A string as Python quotes it.
fn quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if (c as u32) < 0x20 || (0x7f..0xa0).contains(&(c as u32)) => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// How `json.dumps` is asked to write.
struct Json {
    ascii: bool,
    indent: Option<String>,
    item: String,
    key: String,
    sorted: bool,
}

/// `json.dumps` as transformers calls it: nothing is escaped for HTML, letters beyond ASCII stay unless asked otherwise.
fn tojson(value: Value, kwargs: Kwargs) -> Result<Value, Error> {
    let indent: Option<Value> = kwargs.get("indent")?;
    let indent = match indent {
        Some(v) if v.kind() == ValueKind::Number => {
            let spaces = i64::try_from(v).unwrap_or(0).clamp(0, 64) as usize;
            Some(" ".repeat(spaces))
        }
        Some(v) => v.as_str().map(str::to_owned),
        None => None,
    };
    let separators: Option<Vec<String>> = kwargs.get("separators")?;
    let usual = (if indent.is_some() { "," } else { ", " }, ": ");
    let (item, key) = match separators.as_deref() {
        Some([item, key]) => (item.clone(), key.clone()),
        _ => (usual.0.to_owned(), usual.1.to_owned()),
    };
    let how = Json {
        ascii: kwargs.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
        sorted: kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
        indent,
        item,
        key,
    };
    kwargs.assert_all_used()?;
    let mut out = String::new();
    how.write(&value, &mut out, 0)?;
    Ok(Value::from_safe_string(out))
}

impl Json {
    fn line(&self, out: &mut String, level: usize) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            (0..level).for_each(|_| out.push_str(indent));
        }
    }

    fn write(&self, value: &Value, out: &mut String, level: usize) -> Result<(), Error> {
        if level > DEPTH {
            return Err(too_deep());
        }
        match value.kind() {
            ValueKind::Undefined => {
                let problem = "Undefined is not JSON serializable";
                return Err(Error::new(ErrorKind::InvalidOperation, problem));
            }
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number if value.is_integer() => out.push_str(&value.to_string()),
            ValueKind::Number => {
                let number = f64::try_from(value.clone())?;
                out.push_str(&match number {
                    n if n.is_nan() => "NaN".to_owned(),
                    n if n.is_infinite() => {
                        if n > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
                    }
                    n => float(n),
                });
            }
            ValueKind::String => self.string(value.as_str().unwrap_or_default(), out),
            ValueKind::Map => {
                let mut keys: Vec<Value> = value.try_iter()?.collect();
                if self.sorted {
                    keys.sort();
                }
                out.push('{');
                for (i, key) in keys.iter().enumerate() {
                    if i > 0 {
                        out.push_str(&self.item);
                    }
                    self.line(out, level + 1);
                    match key.as_str() {
                        Some(text) => self.string(text, out),
                        None => self.string(&key.to_string(), out),
                    }
                    out.push_str(&self.key);
                    self.write(&value.get_item(key)?, out, level + 1)?;
                }
                if !keys.is_empty() {
                    self.line(out, level);
                }
                out.push('}');
            }
            _ => {
                out.push('[');
                let mut any = false;
                for (i, item) in value.try_iter()?.enumerate() {
                    if i > 0 {
                        out.push_str(&self.item);
                    }
                    any = true;
                    self.line(out, level + 1);
                    self.write(&item, out, level + 1)?;
                }
                if any {
                    self.line(out, level);
                }
                out.push(']');
            }
        }
        Ok(())
    }

    fn string(&self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
                c if self.ascii && !c.is_ascii() => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// Methods that minijinja's own set of Python's lacks.
fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let text = |i: usize| args.get(i).and_then(Value::as_str);
    let whole = |i: usize| args.get(i).and_then(|v| i64::try_from(v.clone()).ok());
    if let Some(s) = value.as_str() {
        match (name, args.len()) {
            ("removeprefix", 1) => {
                let prefix = text(0).unwrap_or_default();
                return Ok(s.strip_prefix(prefix).unwrap_or(s).into());
            }
            ("removesuffix", 1) => {
                let suffix = text(0).unwrap_or_default();
                return Ok(s.strip_suffix(suffix).unwrap_or(s).into());
            }
            ("partition", 1) => {
                let mark = text(0).unwrap_or_default();
                let parts = match s.split_once(mark) {
                    Some((before, after)) => [before, mark, after],
                    None => [s, "", ""],
                };
                return Ok(Value::from_iter(parts));
            }
            ("rpartition", 1) => {
                let mark = text(0).unwrap_or_default();
                let parts = match s.rsplit_once(mark) {
                    Some((before, after)) => [before, mark, after],
                    None => ["", "", s],
                };
                return Ok(Value::from_iter(parts));
            }
            ("rsplit", _) => {
                let most = whole(1)
                    .and_then(|n| usize::try_from(n).ok())
                    .unwrap_or(usize::MAX);
                let mut parts: Vec<&str> = match text(0) {
                    Some(mark) => s.rsplitn(most.saturating_add(1), mark).collect(),
                    None => {
                        let mut parts = Vec::new();
                        let mut rest = s.trim_end();
                        while !rest.is_empty() && parts.len() < most {
                            let start = rest.rfind(char::is_whitespace).map_or(0, |at| {
                                at + rest[at..].chars().next().map_or(1, char::len_utf8)
                            });
                            parts.push(&rest[start..]);
                            rest = rest[..start].trim_end();
                        }
                        if !rest.is_empty() {
                            parts.push(rest);
                        }
                        parts
                    }
                };
                parts.reverse();
                return Ok(Value::from_iter(parts));
            }
            ("zfill" | "ljust" | "rjust" | "center", 1 | 2) => {
                let width = usize::try_from(whole(0).unwrap_or(0))
                    .unwrap_or(0)
                    .min(1 << 20);
                let fill = text(1).and_then(|f| f.chars().next()).unwrap_or(' ');
                return Ok(padded(s, name, width, fill).into());
            }
            ("swapcase", 0) => {
                let swapped = s.chars().flat_map(|c| -> Vec<char> {
                    if c.is_uppercase() {
                        c.to_lowercase().collect()
                    } else {
                        c.to_uppercase().collect()
                    }
                });
                return Ok(swapped.collect::<String>().into());
            }
            ("casefold", 0) => return Ok(s.to_lowercase().replace('ß', "ss").into()),
            ("index" | "rindex", 1) => {
                let found = match name {
                    "index" => s.find(text(0).unwrap_or_default()),
                    _ => s.rfind(text(0).unwrap_or_default()),
                };
                return found
                    .map(|at| Value::from(s[..at].chars().count()))
                    .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "substring not found"));
            }
            ("__len__", 0) => return Ok(s.chars().count().into()),
            _ => {}
        }
    }
    match (value.kind(), name, args.len()) {
        (ValueKind::Seq, "index", 1) => {
            let mut items = value.try_iter()?;
            return items
                .position(|item| item == args[0])
                .map(Value::from)
                .ok_or_else(|| {
                    Error::new(ErrorKind::InvalidOperation, "the value is not in the list")
                });
        }
        (ValueKind::Number, "bit_length", 0) => {
            let bits =
                i64::try_from(value.clone()).map_or(0, |n| 64 - n.unsigned_abs().leading_zeros());
            return Ok(Value::from(bits));
        }
        (ValueKind::Map | ValueKind::Seq, "copy", 0) => return Ok(value.clone()),
        _ => {}
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}

fn padded(s: &str, name: &str, width: usize, fill: char) -> String {
    let missing = width.saturating_sub(s.chars().count());
    let pad = |n: usize, c: char| std::iter::repeat_n(c, n).collect::<String>();
    match name {
        "zfill" => {
            let (sign, rest) = match s.strip_prefix(['-', '+']) {
                Some(rest) => s.split_at(s.len() - rest.len()),
                None => ("", s),
            };
            format!("{sign}{}{rest}", pad(missing, '0'))
        }
        "ljust" => format!("{s}{}", pad(missing, fill)),
        "rjust" => format!("{}{s}", pad(missing, fill)),
        // As CPython: the odd one goes left where the width is odd.
        _ => {
            let left = missing / 2 + (missing & width & 1);
            format!("{}{s}{}", pad(left, fill), pad(missing - left, fill))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_does() {
        for (number, text) in [
            (1.0, "1.0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "1e+20"),
            (1e-7, "1e-07"),
            (123456789012345.0, "123456789012345.0"),
            (1e16, "1e+16"),
            (0.0001, "0.0001"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(float(number), text);
        }
    }

    #[test]
    fn text_is_padded_as_python_does() {
        assert_eq!(padded("a", "center", 4, ' '), " a  ");
        assert_eq!(padded("ab", "center", 5, ' '), "  ab ");
        assert_eq!(padded("-7", "zfill", 4, ' '), "-007");
    }
}
