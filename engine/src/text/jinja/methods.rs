//! Methods of values, as Python has them.

use std::rc::Rc;

use super::budget::Budget;
use super::lexer::is_space;
use super::pieces::{capitalized, expanded, lines, padded, replaced, split, strings, titled};
use super::text::trimmed;
use super::value::{Dict, Value};
use super::{Arguments, Failure, attributes, format, operators};

/// `receiver.name(...)`; `name` is one that [`attributes::attribute`] gave out.
pub(super) fn call(
    receiver: &Value,
    name: &str,
    arguments: &Arguments,
    budget: &Budget,
) -> Result<Value, Failure> {
    match receiver {
        Value::Str(text) => of_text(text, name, arguments, budget),
        Value::List(items) | Value::Tuple(items) => match name {
            "copy" => Ok(receiver.clone()),
            "count" => {
                let [wanted] = arguments.take(["value"])?;
                let wanted = needed(wanted, name)?;
                let mut count = 0;
                for item in &items.values {
                    count += i128::from(item.equals(&wanted, budget)?);
                }
                Ok(Value::Int(count))
            }
            _ => {
                let [wanted, from] = arguments.take(["value", "start"])?;
                let wanted = needed(wanted, name)?;
                let from = from.and_then(|v| v.as_int()).unwrap_or(0).max(0);
                let from = usize::try_from(from).unwrap_or(0);
                for (at, item) in items.values.iter().enumerate().skip(from) {
                    if item.equals(&wanted, budget)? {
                        return Ok(Value::Int(at as i128));
                    }
                }
                Err(Failure::new("the value is not in the list"))
            }
        },
        Value::Dict(dict) => match attributes::view(name) {
            Some(view) => Ok(Value::View(view, dict.clone())),
            None if name == "get" => {
                let [key, usual] = arguments.take(["key", "default"])?;
                let found = dict.get(&needed(key, name)?, budget)?.cloned();
                Ok(found.or(usual).unwrap_or(Value::None))
            }
            None => Ok(receiver.clone()),
        },
        Value::Range(_) => {
            let [wanted] = arguments.take(["value"])?;
            let all = receiver.iterate(budget)?;
            let wanted = needed(wanted, name)?;
            let mut at = None;
            for (i, item) in all.iter().enumerate() {
                if item.equals(&wanted, budget)? {
                    at = Some(i);
                }
            }
            match (name, at) {
                ("count", at) => Ok(Value::Int(i128::from(at.is_some()))),
                (_, Some(at)) => Ok(Value::Int(at as i128)),
                (_, None) => Err(Failure::new("the value is not in the range")),
            }
        }
        Value::Loop(one) if name == "cycle" => {
            let values = &arguments.positional;
            if values.is_empty() {
                Err(Failure::new("no items for cycling given"))
            } else {
                Ok(values[one.at.get() % values.len()].clone())
            }
        }
        Value::Cycler(cycler) => {
            let at = cycler.at.get();
            let current = cycler.items.values[at].clone();
            match name {
                "next" => cycler.at.set((at + 1) % cycler.items.values.len()),
                _ => cycler.at.set(0),
            }
            Ok(if name == "next" { current } else { Value::None })
        }
        Value::Int(_) | Value::Bool(_) if name == "bit_length" => {
            let size = receiver.as_int().unwrap_or(0).unsigned_abs();
            Ok(Value::Int(i128::from(128 - size.leading_zeros())))
        }
        other => Ok(Value::Bool(
            other.as_float().is_some_and(|f| f.fract() == 0.0),
        )),
    }
}

fn needed(value: Option<Value>, name: &str) -> Result<Value, Failure> {
    value.ok_or_else(|| Failure::new(format!("{name} is missing an argument")))
}

fn text_of(value: &Value, name: &str) -> Result<Rc<str>, Failure> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        Value::Undefined(words) => Err(Failure::new(&**words)),
        other => Err(Failure::new(format!(
            "{name}: expected a string, found {}",
            other.kind()
        ))),
    }
}

/// A text where one may be given.
fn optional_text(value: Option<Value>, name: &str) -> Result<Option<Rc<str>>, Failure> {
    match value {
        None | Some(Value::None) => Ok(None),
        Some(value) => text_of(&value, name).map(Some),
    }
}

/// Where the part of a text from one place to another lies, both counted in characters.
fn part(text: &str, from: Option<Value>, to: Option<Value>) -> Result<(usize, usize), Failure> {
    let length = text.chars().count();
    let place = |value: Option<Value>, usual: usize| match value {
        None | Some(Value::None) => Ok(usual),
        Some(value) => {
            let at = value.as_int();
            let at = at.ok_or_else(|| Failure::new("slice indices must be integers"))?;
            let at = if at < 0 {
                (at + length as i128).max(0)
            } else {
                at
            };
            Ok::<_, Failure>(usize::try_from(at).unwrap_or(usize::MAX))
        }
    };
    let (from, to) = (place(from, 0)?, place(to, length)?.min(length));
    let byte = |at: usize| {
        text.char_indices()
            .nth(at)
            .map_or(text.len(), |(byte, _)| byte)
    };
    Ok(if from > to {
        (usize::MAX, 0)
    } else {
        (byte(from), byte(to))
    })
}

fn all_letters(text: &str, test: impl Fn(char) -> bool) -> Value {
    Value::Bool(!text.is_empty() && text.chars().all(test))
}

/// Whether a text has cased letters, and all of them pass.
fn all_cased(text: &str, test: impl Fn(char) -> bool) -> Value {
    let cased = |c: &char| c.is_lowercase() || c.is_uppercase();
    Value::Bool(text.chars().any(|c| cased(&c)) && text.chars().filter(cased).all(test))
}

#[expect(clippy::too_many_lines, reason = "a table: the methods of a text")]
fn of_text(
    text: &Rc<str>,
    name: &str,
    arguments: &Arguments,
    budget: &Budget,
) -> Result<Value, Failure> {
    budget.read(text.len())?;
    let none = || arguments.take::<0>([]).map(|_| ());
    let built = |made: String| {
        budget.build(made.len())?;
        Ok(Value::str(made))
    };
    match name {
        "upper" => none().and_then(|()| built(text.to_uppercase())),
        "lower" => none().and_then(|()| built(text.to_lowercase())),
        "casefold" => none().and_then(|()| built(text.to_lowercase().replace('ß', "ss"))),
        "capitalize" => none().and_then(|()| built(capitalized(text))),
        "title" => none().and_then(|()| built(titled(text))),
        "swapcase" => {
            let swapped = text.chars().map(|c| {
                if c.is_uppercase() {
                    c.to_lowercase().collect::<String>()
                } else {
                    c.to_uppercase().collect()
                }
            });
            built(swapped.collect())
        }
        "strip" | "lstrip" | "rstrip" => {
            let [set] = arguments.take(["chars"])?;
            let set = optional_text(set, name)?;
            let cost = set.as_ref().map_or(1, |set| set.len());
            budget.read(text.len().saturating_mul(cost))?;
            let ends = (name != "rstrip", name != "lstrip");
            let kept = trimmed(text, set.as_deref(), ends);
            built(kept.to_owned())
        }
        "split" | "rsplit" => {
            let [mark, most] = arguments.take(["sep", "maxsplit"])?;
            let mark = optional_text(mark, name)?;
            let most = most.and_then(|v| v.as_int()).unwrap_or(-1);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            split(text, mark.as_deref(), most, name == "rsplit", budget)
        }
        "splitlines" => {
            let [keep] = arguments.take(["keepends"])?;
            let keep = keep.is_some_and(|v| v.is_true());
            Value::list(strings(lines(text, keep), budget)?, budget)
        }
        "partition" | "rpartition" => {
            let [mark] = arguments.take(["sep"])?;
            let mark = text_of(&needed(mark, name)?, name)?;
            if mark.is_empty() {
                return Err(Failure::new("empty separator"));
            }
            let parts = match name {
                "partition" => text.split_once(&*mark),
                _ => text.rsplit_once(&*mark),
            };
            let parts = match (parts, name) {
                (Some((before, after)), _) => [before, &*mark, after],
                (None, "partition") => [&**text, "", ""],
                (None, _) => ["", "", &**text],
            };
            Value::tuple(strings(parts, budget)?, budget)
        }
        "replace" => {
            let [old, new, count] = arguments.take(["old", "new", "count"])?;
            let old = text_of(&needed(old, name)?, name)?;
            let new = text_of(&needed(new, name)?, name)?;
            let count = count.and_then(|v| v.as_int()).unwrap_or(-1);
            replaced(text, &old, &new, count, budget)
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            let [wanted, from, to] = arguments.take(["sub", "start", "end"])?;
            let wanted = text_of(&needed(wanted, name)?, name)?;
            budget.read(wanted.len())?;
            let (from, to) = part(text, from, to)?;
            let within = text.get(from..to);
            if name == "count" {
                let count = within.map_or(0, |within| {
                    if wanted.is_empty() {
                        within.chars().count() + 1
                    } else {
                        within.matches(&*wanted).count()
                    }
                });
                return Ok(Value::Int(count as i128));
            }
            let found = within.and_then(|within| match name {
                "find" | "index" => within.find(&*wanted),
                _ => within.rfind(&*wanted),
            });
            match (found, name) {
                (Some(at), _) => Ok(Value::Int(text[..from + at].chars().count() as i128)),
                (None, "find" | "rfind") => Ok(Value::Int(-1)),
                (None, _) => Err(Failure::new("substring not found")),
            }
        }
        "startswith" | "endswith" => {
            let [wanted, from, to] = arguments.take(["prefix", "start", "end"])?;
            let (from, to) = part(text, from, to)?;
            let wanted = match needed(wanted, name)? {
                Value::Tuple(items) => items.values.clone(),
                one => vec![one],
            };
            for wanted in wanted {
                let wanted = text_of(&wanted, name)?;
                budget.read(wanted.len())?;
                let found = text.get(from..to).is_some_and(|within| match name {
                    "startswith" => within.starts_with(&*wanted),
                    _ => within.ends_with(&*wanted),
                });
                if found {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        "removeprefix" | "removesuffix" => {
            let [affix] = arguments.take(["affix"])?;
            let affix = text_of(&needed(affix, name)?, name)?;
            let rest = match name {
                "removeprefix" => text.strip_prefix(&*affix),
                _ => text.strip_suffix(&*affix),
            };
            built(rest.unwrap_or(text).to_owned())
        }
        "zfill" | "ljust" | "rjust" | "center" => {
            let [width, fill] = arguments.take(["width", "fillchar"])?;
            let width = needed(width, name)?.as_int();
            let width = width.ok_or_else(|| Failure::new("a width must be a whole number"))?;
            let width = usize::try_from(width).unwrap_or(0);
            let fill = optional_text(fill, name)?;
            let mut letters = fill.as_deref().unwrap_or(" ").chars();
            match (letters.next(), letters.next()) {
                (Some(fill), None) => padded(text, name, width, fill, budget),
                _ => Err(Failure::new(
                    "The fill character must be exactly one character long",
                )),
            }
        }
        "expandtabs" => {
            let [size] = arguments.take(["tabsize"])?;
            let size = size.and_then(|v| v.as_int()).unwrap_or(8);
            expanded(text, usize::try_from(size).unwrap_or(0), budget)
        }
        "join" => {
            let [items] = arguments.take(["iterable"])?;
            let mut out = String::new();
            for (i, item) in needed(items, name)?.iterate(budget)?.iter().enumerate() {
                let item = text_of(item, name)?;
                budget.build(item.len() + text.len())?;
                if i > 0 {
                    out.push_str(text);
                }
                out.push_str(&item);
                within_limit(&out)?;
            }
            Ok(Value::str(out))
        }
        "format" => format::braces(text, arguments, budget),
        "format_map" => {
            let [map] = arguments.take(["mapping"])?;
            let Some(Value::Dict(dict)) = map else {
                return Err(Failure::new("format_map expects a mapping"));
            };
            let named = named_of(&dict);
            format::braces(
                text,
                &Arguments {
                    positional: Vec::new(),
                    named,
                },
                budget,
            )
        }
        "isdigit" => Ok(all_letters(text, |c| c.is_ascii_digit() || is_digit(c))),
        "isdecimal" => Ok(all_letters(text, is_decimal)),
        "isnumeric" => Ok(all_letters(text, char::is_numeric)),
        "isalpha" => Ok(all_letters(text, is_letter)),
        "isalnum" => Ok(all_letters(text, |c| is_letter(c) || c.is_numeric())),
        "isspace" => Ok(all_letters(text, is_space)),
        "isascii" => Ok(Value::Bool(text.is_ascii())),
        "isupper" => Ok(all_cased(text, char::is_uppercase)),
        "islower" => Ok(all_cased(text, char::is_lowercase)),
        "istitle" => Ok(Value::Bool(
            all_cased(text, |_| true).is_true() && titled(text) == **text,
        )),
        "isidentifier" => {
            let first = text.chars().next();
            let begins = first.is_some_and(|c| c == '_' || is_letter(c));
            Ok(Value::Bool(
                begins && text.chars().all(|c| c == '_' || c.is_alphanumeric()),
            ))
        }
        "isprintable" => {
            let quoted = super::text::quoted(&text.replace(['\\', '\''], ""));
            Ok(Value::Bool(!quoted.contains('\\')))
        }
        other => Err(Failure::new(format!(
            "`{other}` of a text is not supported"
        ))),
    }
}

fn within_limit(out: &str) -> Result<(), Failure> {
    if out.len() > super::budget::LONGEST_TEXT {
        Err(Failure::new("a text becomes too long"))
    } else {
        Ok(())
    }
}

fn named_of(dict: &Dict) -> Vec<(Rc<str>, Value)> {
    let text = |pair: &(Value, Value)| match &pair.0 {
        Value::Str(name) => Some((name.clone(), pair.1.clone())),
        _ => None,
    };
    dict.pairs.iter().filter_map(text).collect()
}

/// Letters without marks that only Rust counts as alphabetic, such as circled ones.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !c.is_numeric()
}

/// A decimal digit of any script: those stand in runs of ten.
fn is_decimal(c: char) -> bool {
    c.is_ascii_digit()
        || matches!(c as u32, 0x660..=0x669 | 0x6f0..=0x6f9 | 0x966..=0x96f | 0x9e6..=0x9ef
            | 0xe50..=0xe59 | 0xff10..=0xff19)
}

fn is_digit(c: char) -> bool {
    is_decimal(c)
        || matches!(c, '²' | '³' | '¹')
        || matches!(c as u32, 0x2070 | 0x2074..=0x2079 | 0x2080..=0x2089 | 0x2460..=0x2468)
}

/// The arguments of `%` on text given one by one.
pub(super) fn format_filter(
    template: &Value,
    arguments: &Arguments,
    budget: &Budget,
) -> Result<Value, Failure> {
    let text = template.text(budget)?;
    let given = match (arguments.positional.is_empty(), arguments.named.is_empty()) {
        (false, false) => {
            return Err(Failure::new(
                "can't handle positional and keyword arguments at the same time",
            ));
        }
        (true, false) => {
            let pairs = arguments
                .named
                .iter()
                .map(|(n, v)| (Value::Str(n.clone()), v.clone()));
            Value::Dict(Rc::new(Dict::from_pairs(pairs, budget)?))
        }
        _ => Value::tuple(arguments.positional.clone(), budget)?,
    };
    operators::binary(
        super::ast::Operator::Modulo,
        &Value::Str(text),
        &given,
        budget,
    )
}
