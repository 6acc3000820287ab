//! How Python writes values: `repr`, floats, quoted strings, `json.dumps`.

use super::budget::Budget;
use super::lexer::is_space;
use super::value::{Value, View};
use super::{Arguments, Failure};

/// A value as Python's `repr` writes it.
pub(super) fn repr(value: &Value, budget: &Budget) -> Result<String, Failure> {
    let mut out = String::new();
    write_repr(value, &mut out, budget, 0)?;
    Ok(out)
}

/// Bounds what is written so far: each part is asked for before it is put down.
fn put(out: &mut String, text: &str, budget: &Budget) -> Result<(), Failure> {
    budget.build(text.len())?;
    if out.len() + text.len() > super::budget::LONGEST_TEXT {
        return Err(Failure::new("a value is too long to be written"));
    }
    out.push_str(text);
    Ok(())
}

fn write_all<'a>(
    values: impl Iterator<Item = &'a Value>,
    out: &mut String,
    budget: &Budget,
    level: usize,
) -> Result<(), Failure> {
    for (i, value) in values.enumerate() {
        if i > 0 {
            put(out, ", ", budget)?;
        }
        write_repr(value, out, budget, level + 1)?;
    }
    Ok(())
}

fn write_repr(
    value: &Value,
    out: &mut String,
    budget: &Budget,
    level: usize,
) -> Result<(), Failure> {
    budget.steps(1)?;
    if level > 2 * super::budget::DEEPEST_VALUE {
        return Err(Failure::new(
            "a value holds itself, or too many within each other",
        ));
    }
    match value {
        Value::Undefined(_) => put(out, "Undefined", budget),
        Value::None => put(out, "None", budget),
        Value::Bool(true) => put(out, "True", budget),
        Value::Bool(false) => put(out, "False", budget),
        Value::Int(i) => put(out, &i.to_string(), budget),
        Value::Float(f) => put(out, &float(*f), budget),
        Value::Str(s) => {
            budget.build(s.len())?;
            put(out, &quoted(s), budget)
        }
        Value::List(items) => {
            put(out, "[", budget)?;
            write_all(items.values.iter(), out, budget, level)?;
            put(out, "]", budget)
        }
        Value::Tuple(items) => {
            put(out, "(", budget)?;
            write_all(items.values.iter(), out, budget, level)?;
            put(
                out,
                if items.values.len() == 1 { ",)" } else { ")" },
                budget,
            )
        }
        Value::Dict(dict) => {
            put(out, "{", budget)?;
            write_pairs(&dict.pairs, out, budget, level)?;
            put(out, "}", budget)
        }
        Value::View(view, dict) => {
            put(out, value.kind(), budget)?;
            put(out, "([", budget)?;
            match view {
                View::Keys => write_all(dict.pairs.iter().map(|p| &p.0), out, budget, level)?,
                View::Values => write_all(dict.pairs.iter().map(|p| &p.1), out, budget, level)?,
                View::Items => {
                    let pairs = value.iterate(budget)?;
                    write_all(pairs.iter(), out, budget, level)?;
                }
            }
            put(out, "])", budget)
        }
        Value::Range(r) if r.step == 1 => {
            put(out, &format!("range({}, {})", r.start, r.stop), budget)
        }
        Value::Range(r) => {
            let text = format!("range({}, {}, {})", r.start, r.stop, r.step);
            put(out, &text, budget)
        }
        Value::Namespace(namespace) => {
            put(out, "<Namespace {", budget)?;
            let fields = namespace.fields.borrow();
            let mut names: Vec<_> = fields.keys().collect();
            names.sort();
            for (i, name) in names.into_iter().enumerate() {
                if i > 0 {
                    put(out, ", ", budget)?;
                }
                put(out, &quoted(name), budget)?;
                put(out, ": ", budget)?;
                write_repr(&fields[name], out, budget, level + 1)?;
            }
            put(out, "}>", budget)
        }
        Value::Macro(one) => {
            let text = format!("<Macro {}>", quoted(&one.definition.name));
            put(out, &text, budget)
        }
        Value::Loop(one) => {
            let text = format!(
                "<LoopContext {}/{}>",
                one.at.get() + 1,
                one.items.values.len()
            );
            put(out, &text, budget)
        }
        other => put(out, &format!("<{}>", other.kind()), budget),
    }
}

fn write_pairs(
    pairs: &[(Value, Value)],
    out: &mut String,
    budget: &Budget,
    level: usize,
) -> Result<(), Failure> {
    for (i, (key, value)) in pairs.iter().enumerate() {
        if i > 0 {
            put(out, ", ", budget)?;
        }
        write_repr(key, out, budget, level + 1)?;
        put(out, ": ", budget)?;
        write_repr(value, out, budget, level + 1)?;
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

/// Whether Python writes a character as it is. Rust's own table says so of all but the first of a text.
fn is_printable(c: char) -> bool {
    !c.is_whitespace() && !format!("a{c}").escape_debug().any(|e| e == '{')
}

/// A string as Python quotes it.
pub(super) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if !c.is_ascii() && is_printable(c) => out.push(c),
            c => out.push_str(&match c as u32 {
                code @ ..=0xff => format!("\\x{code:02x}"),
                code @ ..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    out.push(quote);
    out
}

/// How `json.dumps` is asked to write.
struct Json<'a> {
    ascii: bool,
    indent: Option<String>,
    item: String,
    key: String,
    sorted: bool,
    budget: &'a Budget,
}

/// `json.dumps` as transformers calls it: nothing is escaped for HTML, letters beyond ASCII stay unless asked otherwise.
pub(super) fn to_json(
    value: &Value,
    arguments: &Arguments,
    budget: &Budget,
) -> Result<Value, Failure> {
    let names = ["ensure_ascii", "indent", "separators", "sort_keys"];
    let [ascii, indent, separators, sorted] = arguments.take(names)?;
    let indent = match indent {
        None | Some(Value::None) => None,
        Some(Value::Str(text)) => Some(text.to_string()),
        Some(other) => {
            let spaces = other.as_int().ok_or_else(|| {
                Failure::new(format!(
                    "indent must be a whole number, not {}",
                    other.kind()
                ))
            })?;
            let spaces = usize::try_from(spaces).unwrap_or(0);
            budget.build(spaces)?;
            Some(" ".repeat(spaces))
        }
    };
    let usual = (if indent.is_some() { "," } else { ", " }, ": ");
    let (item, key) = match separators {
        None | Some(Value::None) => (usual.0.to_owned(), usual.1.to_owned()),
        Some(pair) => match &pair.iterate(budget)?[..] {
            [Value::Str(item), Value::Str(key)] => (item.to_string(), key.to_string()),
            _ => return Err(Failure::new("separators must be two strings")),
        },
    };
    let how = Json {
        ascii: ascii.is_some_and(|v| v.is_true()),
        sorted: sorted.is_some_and(|v| v.is_true()),
        indent,
        item,
        key,
        budget,
    };
    let mut out = String::new();
    how.write(value, &mut out, 0)?;
    Ok(Value::str(out))
}

impl Json<'_> {
    fn put(&self, out: &mut String, text: &str) -> Result<(), Failure> {
        put(out, text, self.budget)
    }

    fn line(&self, out: &mut String, level: usize) -> Result<(), Failure> {
        if let Some(indent) = &self.indent {
            self.put(out, "\n")?;
            for _ in 0..level {
                self.put(out, indent)?;
            }
        }
        Ok(())
    }

    fn write(&self, value: &Value, out: &mut String, level: usize) -> Result<(), Failure> {
        self.budget.steps(1)?;
        match value {
            Value::None => self.put(out, "null"),
            Value::Bool(true) => self.put(out, "true"),
            Value::Bool(false) => self.put(out, "false"),
            Value::Int(i) => self.put(out, &i.to_string()),
            Value::Float(f) => self.put(out, &json_float(*f)),
            Value::Str(s) => self.string(s, out),
            Value::List(items) | Value::Tuple(items) => {
                self.put(out, "[")?;
                for (i, item) in items.values.iter().enumerate() {
                    if i > 0 {
                        self.put(out, &self.item)?;
                    }
                    self.line(out, level + 1)?;
                    self.write(item, out, level + 1)?;
                }
                if !items.values.is_empty() {
                    self.line(out, level)?;
                }
                self.put(out, "]")
            }
            Value::Dict(dict) => {
                let mut pairs: Vec<(&Value, &Value)> =
                    dict.pairs.iter().map(|(key, value)| (key, value)).collect();
                if self.sorted {
                    let keys: Vec<Value> = pairs.iter().map(|pair| pair.0.clone()).collect();
                    let order = super::operators::sorted(&keys, self.budget)?;
                    pairs = order.into_iter().map(|at| pairs[at]).collect();
                }
                self.put(out, "{")?;
                for (i, (key, value)) in pairs.iter().enumerate() {
                    if i > 0 {
                        self.put(out, &self.item)?;
                    }
                    self.line(out, level + 1)?;
                    match key {
                        Value::Str(text) => self.string(text, out)?,
                        Value::None => self.put(out, "\"null\"")?,
                        Value::Bool(b) => {
                            self.put(out, if *b { "\"true\"" } else { "\"false\"" })?
                        }
                        Value::Int(i) => self.put(out, &format!("\"{i}\""))?,
                        Value::Float(f) => self.put(out, &format!("\"{}\"", json_float(*f)))?,
                        other => {
                            return Err(Failure::new(format!(
                                "keys must be str, int, float, bool or None, not {}",
                                other.kind()
                            )));
                        }
                    }
                    self.put(out, &self.key)?;
                    self.write(value, out, level + 1)?;
                }
                if !pairs.is_empty() {
                    self.line(out, level)?;
                }
                self.put(out, "}")
            }
            other => Err(Failure::new(format!(
                "Object of type {} is not JSON serializable",
                other.kind()
            ))),
        }
    }

    fn string(&self, text: &str, out: &mut String) -> Result<(), Failure> {
        self.budget.build(text.len())?;
        let mut written = String::with_capacity(text.len() + 2);
        written.push('"');
        for c in text.chars() {
            match c {
                '"' => written.push_str("\\\""),
                '\\' => written.push_str("\\\\"),
                '\n' => written.push_str("\\n"),
                '\r' => written.push_str("\\r"),
                '\t' => written.push_str("\\t"),
                '\u{8}' => written.push_str("\\b"),
                '\u{c}' => written.push_str("\\f"),
                c if (c as u32) < 0x20 => written.push_str(&format!("\\u{:04x}", c as u32)),
                c if self.ascii && !c.is_ascii() => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        written.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => written.push(c),
            }
        }
        written.push('"');
        self.put(out, &written)
    }
}

fn json_float(number: f64) -> String {
    match number {
        n if n.is_nan() => "NaN".to_owned(),
        n if n.is_infinite() => if n > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        n => float(n),
    }
}

/// Text without whitespace, or without characters of `set`, at its ends.
pub(super) fn trimmed<'t>(text: &'t str, set: Option<&str>, ends: (bool, bool)) -> &'t str {
    let goes = |c: char| match set {
        Some(set) => set.contains(c),
        None => is_space(c),
    };
    let text = if ends.0 {
        text.trim_start_matches(goes)
    } else {
        text
    };
    if ends.1 {
        text.trim_end_matches(goes)
    } else {
        text
    }
}
