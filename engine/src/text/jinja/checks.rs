//! Jinja's tests: what stands behind `is`.

use super::ast::Comparison;
use super::budget::Budget;
use super::value::Value;
use super::{Arguments, Failure, eval, filters, operators};

/// Names of all tests.
const NAMES: [&str; 39] = [
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// `value is name(...)`
pub(super) fn apply(
    name: &str,
    value: &Value,
    arguments: &Arguments,
    budget: &Budget,
) -> Result<bool, Failure> {
    budget.steps(1)?;
    let other = || -> Result<Value, Failure> {
        match &arguments.positional[..] {
            [other] => Ok(other.clone()),
            _ => Err(Failure::new(format!(
                "the test `{name}` needs one argument"
            ))),
        }
    };
    let remainder = |by: &Value| -> Result<Value, Failure> {
        operators::binary(super::ast::Operator::Modulo, value, by, budget)
    };
    let is_remainder = |by: i128, wanted: i128| -> Result<bool, Failure> {
        remainder(&Value::Int(by))?.equals(&Value::Int(wanted), budget)
    };
    Ok(match name {
        "defined" => !value.is_undefined(),
        "undefined" => value.is_undefined(),
        "none" => matches!(value, Value::None),
        "boolean" => matches!(value, Value::Bool(_)),
        "true" => matches!(value, Value::Bool(true)),
        "false" => matches!(value, Value::Bool(false)),
        "integer" => matches!(value, Value::Int(_)),
        "float" => matches!(value, Value::Float(_)),
        "number" => value.as_float().is_some(),
        "string" => matches!(value, Value::Str(_)),
        "mapping" => matches!(value, Value::Dict(_)),
        "iterable" => value.is_iterable(),
        "sequence" => matches!(
            value,
            Value::Str(_)
                | Value::List(_)
                | Value::Tuple(_)
                | Value::Dict(_)
                | Value::Range(_)
                | Value::Undefined(_)
        ),
        "callable" => matches!(
            value,
            Value::Macro(_)
                | Value::Function(_)
                | Value::Method(_)
                | Value::Joiner(_)
                | Value::Loop(_)
                | Value::Undefined(_)
        ),
        "odd" => is_remainder(2, 1)?,
        "even" => is_remainder(2, 0)?,
        "divisibleby" => remainder(&other()?)?.equals(&Value::Int(0), budget)?,
        "upper" | "lower" => {
            let text = value.text(budget)?;
            let method = if name == "upper" {
                "isupper"
            } else {
                "islower"
            };
            let none = Arguments::default();
            super::methods::call(&Value::Str(text), method, &none, budget)?.is_true()
        }
        "in" => operators::contains(&other()?, value, budget)?,
        "sameas" => same(value, &other()?, budget)?,
        "filter" => value
            .as_str()
            .is_some_and(|name| filters::NAMES.contains(&name)),
        "test" => value.as_str().is_some_and(|name| NAMES.contains(&name)),
        "escaped" => false,
        _ => {
            let how = match name {
                "eq" | "==" | "equalto" => Comparison::Equal,
                "ne" | "!=" => Comparison::NotEqual,
                "lt" | "<" | "lessthan" => Comparison::Less,
                "le" | "<=" => Comparison::LessEqual,
                "gt" | ">" | "greaterthan" => Comparison::Greater,
                "ge" | ">=" => Comparison::GreaterEqual,
                _ => return Err(Failure::new(format!("No test named '{name}'."))),
            };
            eval::compare(how, value, &other()?, budget)?
        }
    })
}

/// Whether two values are one: here, of one type and equal.
fn same(a: &Value, b: &Value, budget: &Budget) -> Result<bool, Failure> {
    Ok(a.kind() == b.kind() && a.equals(b, budget)?)
}
