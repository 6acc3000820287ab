//! `value.name` and `value[key]`, within what Jinja's sandbox allows: nothing that changes a value or begins with `_`.

use super::budget::Budget;
use super::value::{Value, View};
use super::{Failure, operators};

/// Methods of text.
const OF_TEXT: [&str; 44] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
];

fn has_method(value: &Value, name: &str) -> bool {
    match value {
        Value::Str(_) => OF_TEXT.contains(&name) || name == "zfill",
        Value::List(_) => matches!(name, "copy" | "count" | "index"),
        Value::Tuple(_) | Value::Range(_) => matches!(name, "count" | "index"),
        Value::Dict(_) => matches!(name, "copy" | "get" | "items" | "keys" | "values"),
        Value::Int(_) | Value::Bool(_) => name == "bit_length" || name == "is_integer",
        Value::Float(_) => name == "is_integer",
        Value::Loop(_) => matches!(name, "cycle" | "changed"),
        Value::Cycler(_) => matches!(name, "next" | "reset"),
        _ => false,
    }
}

/// `value.name`: an attribute, else an item.
pub(super) fn attribute(value: &Value, name: &str, budget: &Budget) -> Result<Value, Failure> {
    budget.steps(1)?;
    if name.starts_with('_') {
        return Ok(Value::undefined(format!(
            "access to attribute '{name}' of '{}' object is unsafe.",
            value.kind()
        )));
    }
    if let Value::Undefined(words) = value {
        return Err(Failure::new(&**words));
    }
    if has_method(value, name) {
        return Value::method(value, name);
    }
    if let Some(found) = own(value, name, budget)? {
        return Ok(found);
    }
    if let Value::Dict(dict) = value
        && let Some(found) = dict.named(name)
    {
        return Ok(found.clone());
    }
    Ok(missing(value, name))
}

fn missing(value: &Value, name: &str) -> Value {
    match value {
        Value::None => Value::undefined(format!("'None' has no attribute '{name}'")),
        other => Value::undefined(format!(
            "'{} object' has no attribute '{name}'",
            other.kind()
        )),
    }
}

/// Attributes that are no methods.
fn own(value: &Value, name: &str, budget: &Budget) -> Result<Option<Value>, Failure> {
    Ok(match value {
        Value::Namespace(namespace) => namespace.fields.borrow().get(name).cloned(),
        Value::Macro(closure) => {
            let one = &closure.definition;
            Some(match name {
                "name" => Value::str(&*one.name),
                "arguments" => {
                    let names = one.parameters.iter().map(|(name, _)| Value::str(&**name));
                    Value::tuple(names.collect(), budget)?
                }
                "catch_kwargs" => Value::Bool(one.uses_kwargs),
                "catch_varargs" => Value::Bool(one.uses_varargs),
                "caller" => Value::Bool(one.uses_caller),
                _ => return Ok(None),
            })
        }
        Value::Loop(one) => {
            let (at, count) = (one.at.get(), one.items.values.len());
            let number = |n: usize| Value::Int(n as i128);
            let beside = |place: Option<usize>, which: &str| {
                let item = place.and_then(|place| one.items.values.get(place));
                let none = || Value::undefined(format!("there is no {which} item"));
                item.cloned().unwrap_or_else(none)
            };
            Some(match name {
                "index" => number(at + 1),
                "index0" => number(at),
                "revindex" => number(count - at),
                "revindex0" => number(count - at - 1),
                "first" => Value::Bool(at == 0),
                "last" => Value::Bool(at + 1 == count),
                "length" => number(count),
                "depth" => number(one.level + 1),
                "depth0" => number(one.level),
                "previtem" => beside(at.checked_sub(1), "previous"),
                "nextitem" => beside(Some(at + 1), "next"),
                _ => return Ok(None),
            })
        }
        Value::Cycler(cycler) if name == "current" => {
            Some(cycler.items.values[cycler.at.get()].clone())
        }
        Value::Int(_) | Value::Bool(_) | Value::Float(_) if name == "real" => match value {
            Value::Bool(b) => Some(Value::Int(i128::from(*b))),
            other => Some(other.clone()),
        },
        Value::Int(_) | Value::Bool(_) if name == "imag" => Some(Value::Int(0)),
        Value::Range(range) => match name {
            "start" => Some(Value::Int(range.start)),
            "stop" => Some(Value::Int(range.stop)),
            "step" => Some(Value::Int(range.step)),
            _ => None,
        },
        _ => None,
    })
}

/// `value[key]`: an item, else an attribute of that name.
pub(super) fn item(value: &Value, key: &Value, budget: &Budget) -> Result<Value, Failure> {
    budget.steps(1)?;
    if let Value::Undefined(words) = value {
        return Err(Failure::new(&**words));
    }
    let found = match value {
        Value::Dict(dict) => dict.get(key, budget).ok().flatten().cloned(),
        _ => match key.as_int() {
            Some(index) => operators::at(value, index, budget)?,
            None => None,
        },
    };
    if let Some(found) = found {
        return Ok(found);
    }
    match key {
        Value::Str(name) if !name.starts_with('_') && has_method(value, name) => {
            Value::method(value, name)
        }
        Value::Str(name) if !name.starts_with('_') => match own(value, name, budget)? {
            Some(found) => Ok(found),
            None => Ok(missing(value, name)),
        },
        _ => Ok(Value::undefined(format!(
            "{} has no element {}",
            value.kind(),
            super::text::repr(key, budget)?
        ))),
    }
}

/// `keys`, `values` and `items` of a mapping.
pub(super) fn view(name: &str) -> Option<View> {
    match name {
        "keys" => Some(View::Keys),
        "values" => Some(View::Values),
        "items" => Some(View::Items),
        _ => None,
    }
}
