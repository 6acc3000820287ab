//! `%` on text and `str.format`, by Python's rules of width, sign and precision.

use std::iter::Peekable;
use std::rc::Rc;
use std::str::Chars;

use super::budget::{Budget, LONGEST_TEXT};
use super::value::Value;
use super::{Arguments, Failure, text};

/// How one value is written.
#[derive(Default, Clone)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    width: usize,
    group: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

fn number_in(letters: &mut Peekable<Chars<'_>>) -> Result<Option<usize>, Failure> {
    let mut number = None;
    while let Some(digit) = letters.peek().and_then(|c| c.to_digit(10)) {
        letters.next();
        let next = number.unwrap_or(0usize) * 10 + digit as usize;
        if next > LONGEST_TEXT {
            return Err(Failure::new("a width or precision is too large"));
        }
        number = Some(next);
    }
    Ok(number)
}

/// `text % arguments`
pub(super) fn percent(
    template: &str,
    arguments: &Value,
    budget: &Budget,
) -> Result<Value, Failure> {
    let mut values = match arguments {
        Value::Tuple(items) => items.values.clone(),
        other => vec![other.clone()],
    }
    .into_iter();
    let mut next = || {
        let missing = || Failure::new("not enough arguments for format string");
        values.next().ok_or_else(missing)
    };
    let mut out = String::new();
    let mut letters = template.chars().peekable();
    let mut named = false;
    budget.build(template.len())?;
    while let Some(c) = letters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut value = None;
        if letters.next_if_eq(&'(').is_some() {
            let key: String = letters.by_ref().take_while(|&c| c != ')').collect();
            let Value::Dict(dict) = arguments else {
                return Err(Failure::new("format requires a mapping"));
            };
            named = true;
            let found = dict.named(&key).cloned();
            value =
                Some(found.ok_or_else(|| Failure::new(format!("no key {}", text::quoted(&key))))?);
        }
        let mut spec = Spec {
            align: Some('>'),
            ..Spec::default()
        };
        let mut zero = false;
        while let Some(flag) = letters.next_if(|c| "#0- +".contains(*c)) {
            match flag {
                '#' => spec.alternate = true,
                '0' => zero = true,
                '-' => spec.align = Some('<'),
                '+' => spec.sign = Some('+'),
                _ => spec.sign = spec.sign.or(Some(' ')),
            }
        }
        let whole = |value: Value| {
            let number = value.as_int().ok_or_else(|| Failure::new("* wants int"))?;
            if number.unsigned_abs() > LONGEST_TEXT as u128 {
                Err(Failure::new("a width or precision is too large"))
            } else {
                Ok(number)
            }
        };
        spec.width = if letters.next_if_eq(&'*').is_some() {
            let width = whole(next()?)?;
            if width < 0 {
                spec.align = Some('<');
            }
            width.unsigned_abs() as usize
        } else {
            number_in(&mut letters)?.unwrap_or(0)
        };
        if letters.next_if_eq(&'.').is_some() {
            spec.precision = Some(if letters.next_if_eq(&'*').is_some() {
                usize::try_from(whole(next()?)?).unwrap_or(0)
            } else {
                number_in(&mut letters)?.unwrap_or(0)
            });
        }
        while letters.next_if(|c| "hlL".contains(*c)).is_some() {}
        let Some(kind) = letters.next() else {
            return Err(Failure::new("incomplete format"));
        };
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match value {
            Some(value) => value,
            None => next()?,
        };
        if zero && spec.align == Some('>') && !"sracu".contains(kind) {
            (spec.fill, spec.align) = (Some('0'), Some('='));
        }
        let written = old_style(kind, value, spec, budget)?;
        budget.build(written.len())?;
        out.push_str(&written);
        if out.len() > LONGEST_TEXT {
            return Err(Failure::new("a text becomes too long"));
        }
    }
    if !named && values.next().is_some() && !has_items(arguments) {
        return Err(Failure::new(
            "not all arguments converted during string formatting",
        ));
    }
    Ok(Value::str(out))
}

/// What Python takes for a mapping here, of which nothing need be used.
fn has_items(value: &Value) -> bool {
    matches!(
        value,
        Value::Dict(_) | Value::List(_) | Value::Range(_) | Value::Undefined(_)
    )
}

fn old_style(kind: char, value: Value, mut spec: Spec, budget: &Budget) -> Result<String, Failure> {
    let mut as_text = |text: Rc<str>| {
        spec.kind = None;
        spec.sign = None;
        aligned_text(&text, &spec, budget)
    };
    match kind {
        's' => as_text(value.text(budget)?),
        'r' => as_text(text::repr(&value, budget)?.into()),
        'a' => {
            let plain = text::repr(&value, budget)?;
            as_text(plain.chars().map(ascii).collect::<String>().into())
        }
        'c' => match &value {
            Value::Str(one) if one.chars().count() == 1 => as_text(one.clone()),
            other => {
                let letter = other.as_int().and_then(|i| u32::try_from(i).ok());
                let letter = letter.and_then(char::from_u32);
                let letter = letter.ok_or_else(|| Failure::new("%c requires int or char"))?;
                as_text(letter.to_string().into())
            }
        },
        'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
            let whole = match (&value, kind) {
                (Value::Float(f), 'd' | 'i' | 'u') if f.is_finite() => Some(f.trunc() as i128),
                _ => value.as_int(),
            };
            let whole = whole.ok_or_else(|| {
                let wants = if "diu".contains(kind) {
                    "a real number"
                } else {
                    "an integer"
                };
                let found = value.kind();
                Failure::new(format!("%{kind} format: {wants} is required, not {found}"))
            })?;
            spec.kind = Some(if "iu".contains(kind) { 'd' } else { kind });
            number(&Value::Int(whole), &spec, budget)
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let float = value.as_float();
            let wrong = || Failure::new(format!("must be real number, not {}", value.kind()));
            spec.kind = Some(kind);
            number(&Value::Float(float.ok_or_else(wrong)?), &spec, budget)
        }
        other => Err(Failure::new(format!(
            "unsupported format character '{other}'"
        ))),
    }
}

fn ascii(c: char) -> String {
    match c as u32 {
        code @ ..=0x7e => char::from_u32(code).map(String::from).unwrap_or_default(),
        code @ ..=0xff => format!("\\x{code:02x}"),
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// `text.format(...)`
pub(super) fn braces(
    template: &str,
    arguments: &Arguments,
    budget: &Budget,
) -> Result<Value, Failure> {
    let mut automatic = 0;
    let out = braces_within(template, arguments, &mut automatic, budget, 0)?;
    Ok(Value::str(out))
}

fn braces_within(
    template: &str,
    arguments: &Arguments,
    automatic: &mut usize,
    budget: &Budget,
    level: usize,
) -> Result<String, Failure> {
    budget.build(template.len())?;
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let behind = &rest[at + 1..];
        if let Some(after) = behind.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err(Failure::new("Single '}' encountered in format string"));
        }
        let mut depth = 1;
        let end = behind.char_indices().find(|&(_, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0
        });
        let (end, _) = end.ok_or_else(|| Failure::new("expected '}' before end of string"))?;
        let (field, after) = (&behind[..end], &behind[end + 1..]);
        rest = after;
        let name_end = field.find(['!', ':']).unwrap_or(field.len());
        let (name, how) = field.split_at(name_end);
        let (conversion, spec) = match how.strip_prefix('!') {
            Some(how) => match how.split_once(':') {
                Some((conversion, spec)) => (Some(conversion), spec),
                None => (Some(how), ""),
            },
            None => (None, how.strip_prefix(':').unwrap_or("")),
        };
        let mut value = field_value(name, arguments, automatic, budget)?;
        match conversion {
            None => {}
            Some("r") => value = Value::str(text::repr(&value, budget)?),
            Some("s") => value = Value::Str(value.text(budget)?),
            Some("a") => {
                let plain = text::repr(&value, budget)?;
                value = Value::str(plain.chars().map(ascii).collect::<String>());
            }
            Some(_) => return Err(Failure::new("unknown conversion specifier")),
        }
        let spec = match level {
            0 => braces_within(spec, arguments, automatic, budget, 1)?,
            _ => spec.to_owned(),
        };
        let written = formatted(&value, &spec, budget)?;
        budget.build(written.len())?;
        out.push_str(&written);
        if out.len() > LONGEST_TEXT {
            return Err(Failure::new("a text becomes too long"));
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// `name.attribute[key]` of a replacement field.
fn field_value(
    name: &str,
    arguments: &Arguments,
    automatic: &mut usize,
    budget: &Budget,
) -> Result<Value, Failure> {
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (first, mut rest) = name.split_at(end);
    let found = if first.is_empty() {
        *automatic += 1;
        arguments.positional.get(*automatic - 1).cloned()
    } else if let Ok(index) = first.parse::<usize>() {
        arguments.positional.get(index).cloned()
    } else {
        let named = arguments.named.iter().find(|(n, _)| &**n == first);
        named.map(|(_, value)| value.clone())
    };
    let missing = || Failure::new(format!("`{first}` is no argument of format"));
    let mut value = found.ok_or_else(missing)?;
    while !rest.is_empty() {
        let part;
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner
                .split_once(']')
                .ok_or_else(|| Failure::new("Missing ']' in format string"))?;
            (part, rest) = (key, after);
            let key = match part.parse() {
                Ok(index) => Value::Int(index),
                Err(_) => Value::str(part),
            };
            value = super::attributes::item(&value, &key, budget)?;
        } else {
            let inner = &rest[1..];
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            (part, rest) = inner.split_at(end);
            value = super::attributes::attribute(&value, part, budget)?;
        }
    }
    Ok(value)
}

/// `format(value, spec)`
fn formatted(value: &Value, spec: &str, budget: &Budget) -> Result<String, Failure> {
    if spec.is_empty() {
        return Ok(value.text(budget)?.to_string());
    }
    let mut parsed = Spec::default();
    let mut letters = spec.chars().peekable();
    let mut ahead = spec.chars();
    let (first, second) = (ahead.next(), ahead.next());
    if second.is_some_and(|c| "<>=^".contains(c)) {
        (parsed.fill, parsed.align) = (first, second);
        letters.next();
        letters.next();
    } else if first.is_some_and(|c| "<>=^".contains(c)) {
        parsed.align = letters.next();
    }
    parsed.sign = letters.next_if(|c| "+- ".contains(*c));
    letters.next_if_eq(&'z');
    parsed.alternate = letters.next_if_eq(&'#').is_some();
    if letters.next_if_eq(&'0').is_some() && parsed.align.is_none() {
        let right = if value.as_float().is_some() { '=' } else { '<' };
        (parsed.fill, parsed.align) = (Some('0'), Some(right));
    }
    parsed.width = number_in(&mut letters)?.unwrap_or(0);
    parsed.group = letters.next_if(|c| ",_".contains(*c));
    if letters.next_if_eq(&'.').is_some() {
        parsed.precision = number_in(&mut letters)?;
    }
    parsed.kind = letters.next();
    if letters.next().is_some() {
        return Err(Failure::new("Invalid format specifier"));
    }
    match value {
        Value::Str(_) if parsed.group.is_some() || parsed.sign.is_some() => Err(Failure::new(
            "Sign or grouping not allowed in string format specifier",
        )),
        Value::Str(text) if parsed.kind.is_none_or(|kind| kind == 's') => {
            aligned_text(text, &parsed, budget)
        }
        Value::Int(_) | Value::Bool(_)
            if parsed.precision.is_some()
                && matches!(
                    parsed.kind,
                    None | Some('d' | 'n' | 'x' | 'X' | 'o' | 'b' | 'c')
                ) =>
        {
            Err(Failure::new(
                "Precision not allowed in integer format specifier",
            ))
        }
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => number(value, &parsed, budget),
        other => Err(Failure::new(format!(
            "unsupported format string passed to {}.__format__",
            other.kind()
        ))),
    }
}

fn aligned_text(text: &str, spec: &Spec, budget: &Budget) -> Result<String, Failure> {
    budget.build(text.len())?;
    let cut: String = match spec.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text.to_owned(),
    };
    aligned("", &cut, spec, '<', budget)
}

fn aligned(
    sign: &str,
    body: &str,
    spec: &Spec,
    usual: char,
    budget: &Budget,
) -> Result<String, Failure> {
    let length = sign.len() + body.chars().count();
    let missing = spec.width.saturating_sub(length);
    let fill = spec.fill.unwrap_or(' ');
    budget.build(missing.saturating_mul(fill.len_utf8()))?;
    let pad = |n: usize| std::iter::repeat_n(fill, n).collect::<String>();
    Ok(match spec.align.unwrap_or(usual) {
        '<' => format!("{sign}{body}{}", pad(missing)),
        '^' => {
            let left = missing / 2;
            format!("{}{sign}{body}{}", pad(left), pad(missing - left))
        }
        '=' => format!("{sign}{}{body}", pad(missing)),
        _ => format!("{}{sign}{body}", pad(missing)),
    })
}

fn number(value: &Value, spec: &Spec, budget: &Budget) -> Result<String, Failure> {
    budget.build(spec.precision.unwrap_or(0))?;
    let floating = |f: f64| -> Result<(bool, String), Failure> {
        Ok((
            f.is_sign_negative() && !f.is_nan(),
            float_body(f.abs(), spec)?,
        ))
    };
    let (negative, mut body) = match (value, spec.kind) {
        (Value::Float(f), _) => floating(*f)?,
        (other, Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%')) => {
            floating(other.as_float().unwrap_or(0.0))?
        }
        (other, kind) => {
            let whole = other.as_int().unwrap_or(0);
            let size = whole.unsigned_abs();
            let mut body = match kind {
                None | Some('d' | 'n') => size.to_string(),
                Some('x') => format!("{size:x}"),
                Some('X') => format!("{size:X}"),
                Some('o') => format!("{size:o}"),
                Some('b') => format!("{size:b}"),
                Some('c') => {
                    let letter = u32::try_from(whole).ok().and_then(char::from_u32);
                    let letter =
                        letter.ok_or_else(|| Failure::new("%c arg not in range(0x110000)"))?;
                    return aligned_text(&letter.to_string(), spec, budget);
                }
                Some(other) => {
                    return Err(Failure::new(format!("Unknown format code '{other}'")));
                }
            };
            // `%.3d`
            if let Some(digits) = spec.precision {
                body = format!("{}{body}", "0".repeat(digits.saturating_sub(body.len())));
            }
            if let (true, Some(kind @ ('x' | 'X' | 'o' | 'b'))) = (spec.alternate, kind) {
                body = format!("0{kind}{body}");
            }
            (whole < 0, body)
        }
    };
    if let Some(mark) = spec.group {
        let end = body.find(['.', 'e']).unwrap_or(body.len());
        let (whole, rest) = body.split_at(end);
        let mut grouped = String::new();
        for (i, c) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i) % 3 == 0 {
                grouped.push(mark);
            }
            grouped.push(c);
        }
        body = grouped + rest;
    }
    let sign = match (negative, spec.sign) {
        (true, _) => "-",
        (false, Some('+')) => "+",
        (false, Some(' ')) => " ",
        _ => "",
    };
    aligned(sign, &body, spec, '>', budget)
}

/// A number that is not negative.
fn float_body(f: f64, spec: &Spec) -> Result<String, Failure> {
    let upper = spec.kind.is_some_and(char::is_uppercase);
    let cased = |text: String| if upper { text.to_uppercase() } else { text };
    if !f.is_finite() {
        let percent = if spec.kind == Some('%') { "%" } else { "" };
        return Ok(cased(text::float(f)) + percent);
    }
    let precision = spec.precision.unwrap_or(6);
    Ok(match spec.kind {
        Some('f' | 'F') => format!("{f:.precision$}"),
        Some('%') => format!("{:.precision$}%", f * 100.0),
        Some('e' | 'E') => cased(scientific(f, precision)),
        Some('g' | 'G' | 'n') => cased(general(f, precision, spec.alternate)),
        None => match spec.precision {
            None => text::float(f),
            Some(precision) => {
                let body = general(f, precision, false);
                if body.contains(['.', 'e']) {
                    body
                } else {
                    body + ".0"
                }
            }
        },
        Some(other) => return Err(Failure::new(format!("Unknown format code '{other}'"))),
    })
}

fn scientific(f: f64, precision: usize) -> String {
    let text = format!("{f:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn general(f: f64, precision: usize, alternate: bool) -> String {
    let precision = precision.max(1);
    let text = scientific(f, precision - 1);
    let exponent: i64 = text
        .split_once('e')
        .map_or(0, |(_, e)| e.parse().unwrap_or(0));
    let short = |text: &str| match (alternate, text.contains('.')) {
        (false, true) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        _ => text.to_owned(),
    };
    if f == 0.0 || (-4..precision as i64).contains(&exponent) {
        let digits = usize::try_from(precision as i64 - 1 - exponent).unwrap_or(0);
        return short(&format!("{f:.digits$}"));
    }
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", short(digits)),
        None => text,
    }
}
