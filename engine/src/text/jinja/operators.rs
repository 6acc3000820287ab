//! `+ - * / // % **`, `in`, slices, indices and sorting, as Python does them.

use std::cmp::Ordering;
use std::rc::Rc;

use super::ast::Operator;
use super::budget::Budget;
use super::value::{Range, Value};
use super::{Failure, format};

/// Applies an operator to two values.
pub(super) fn binary(
    operator: Operator,
    left: &Value,
    right: &Value,
    budget: &Budget,
) -> Result<Value, Failure> {
    if let (Operator::Modulo, Value::Str(text)) = (operator, left) {
        return format::percent(text, right, budget);
    }
    for side in [left, right] {
        if let Value::Undefined(words) = side {
            return Err(Failure::new(&**words));
        }
    }
    match (operator, left, right) {
        (Operator::Add, Value::Str(a), Value::Str(b)) => {
            budget.build(a.len() + b.len())?;
            return Ok(Value::str([&**a, &**b].concat()));
        }
        (Operator::Add, Value::List(a), Value::List(b)) => {
            return Value::list(joined(&a.values, &b.values, budget)?, budget);
        }
        (Operator::Add, Value::Tuple(a), Value::Tuple(b)) => {
            return Value::tuple(joined(&a.values, &b.values, budget)?, budget);
        }
        (Operator::Multiply, value, count) | (Operator::Multiply, count, value)
            if matches!(value, Value::Str(_) | Value::List(_) | Value::Tuple(_))
                && count.as_int().is_some() =>
        {
            let count = usize::try_from(count.as_int().unwrap_or(0).max(0)).unwrap_or(usize::MAX);
            return repeated(value, count, budget);
        }
        _ => {}
    }
    if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
        return whole(operator, a, b);
    }
    match (left.as_float(), right.as_float()) {
        (Some(a), Some(b)) => floating(operator, a, b).map(Value::Float),
        _ => Err(Failure::new(format!(
            "unsupported operand type(s) for {}: '{}' and '{}'",
            sign(operator),
            left.kind(),
            right.kind()
        ))),
    }
}

/// `-value`.
pub(super) fn negative(value: &Value) -> Result<Value, Failure> {
    match value {
        Value::Float(f) => Ok(Value::Float(-f)),
        Value::Undefined(words) => Err(Failure::new(&**words)),
        other => match other.as_int().and_then(i128::checked_neg) {
            Some(whole) => Ok(Value::Int(whole)),
            None => Err(Failure::new(format!(
                "bad operand type for unary -: '{}'",
                other.kind()
            ))),
        },
    }
}

/// `+value`.
pub(super) fn positive(value: Value) -> Result<Value, Failure> {
    match value {
        Value::Bool(b) => Ok(Value::Int(i128::from(b))),
        number @ (Value::Int(_) | Value::Float(_)) => Ok(number),
        other => Err(Failure::new(format!(
            "bad operand type for unary +: '{}'",
            other.kind()
        ))),
    }
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::FloorDivide => "//",
        Operator::Modulo => "%",
        Operator::Power => "** or pow()",
    }
}

fn joined(a: &[Value], b: &[Value], budget: &Budget) -> Result<Vec<Value>, Failure> {
    budget.items(a.len() + b.len())?;
    Ok([a, b].concat())
}

fn repeated(value: &Value, count: usize, budget: &Budget) -> Result<Value, Failure> {
    match value {
        Value::Str(text) => {
            budget.build(text.len().saturating_mul(count))?;
            Ok(Value::str(text.repeat(count)))
        }
        Value::List(items) | Value::Tuple(items) => {
            budget.items(items.values.len().saturating_mul(count))?;
            let each = items.values.iter().cycle();
            let all = each.take(items.values.len() * count).cloned().collect();
            match value {
                Value::List(_) => Value::list(all, budget),
                _ => Value::tuple(all, budget),
            }
        }
        other => Ok(other.clone()),
    }
}

fn zero() -> Failure {
    Failure::new("division by zero")
}

fn whole(operator: Operator, a: i128, b: i128) -> Result<Value, Failure> {
    let too_large = || Failure::new("a whole number is too large");
    let made = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => {
            return match b {
                0 => Err(zero()),
                _ => Ok(Value::Float(a as f64 / b as f64)),
            };
        }
        Operator::FloorDivide | Operator::Modulo if b == 0 => return Err(zero()),
        Operator::FloorDivide => a.checked_div_euclid(b).and_then(|quotient| {
            // Euclid's remainder is never negative; Python's has the sign of the divisor.
            let remainder = a.checked_rem_euclid(b)?;
            quotient.checked_sub(i128::from(b < 0 && remainder != 0))
        }),
        Operator::Modulo => a
            .checked_rem_euclid(b)
            .map(|r| if b < 0 && r != 0 { r + b } else { r }),
        Operator::Power if b < 0 => {
            return floating(operator, a as f64, b as f64).map(Value::Float);
        }
        Operator::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
    };
    made.map(Value::Int).ok_or_else(too_large)
}

fn floating(operator: Operator, a: f64, b: f64) -> Result<f64, Failure> {
    Ok(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide | Operator::FloorDivide | Operator::Modulo if b == 0.0 => {
            return Err(zero());
        }
        Operator::Divide => a / b,
        Operator::FloorDivide => {
            let quotient = ((a - remainder(a, b)) / b).round();
            if quotient == 0.0 {
                0f64.copysign(a / b)
            } else {
                quotient
            }
        }
        Operator::Modulo => remainder(a, b),
        Operator::Power if a == 0.0 && b < 0.0 => return Err(zero()),
        Operator::Power if a < 0.0 && b.fract() != 0.0 => {
            return Err(Failure::new("a root of a negative number"));
        }
        Operator::Power => a.powf(b),
    })
}

/// The remainder with the sign of the divisor.
fn remainder(a: f64, b: f64) -> f64 {
    let r = a % b;
    if r != 0.0 && (r < 0.0) != (b < 0.0) {
        r + b
    } else if r == 0.0 {
        0f64.copysign(b)
    } else {
        r
    }
}

/// `part in whole`
pub(super) fn contains(whole: &Value, part: &Value, budget: &Budget) -> Result<bool, Failure> {
    match whole {
        Value::Str(text) => match part {
            Value::Str(part) => {
                budget.read(text.len() + part.len())?;
                Ok(text.contains(&**part))
            }
            Value::Undefined(words) => Err(Failure::new(&**words)),
            other => Err(Failure::new(format!(
                "'in <string>' requires string as left operand, not {}",
                other.kind()
            ))),
        },
        Value::Dict(dict) => Ok(dict.get(part, budget)?.is_some()),
        Value::Range(range) => match part.as_int() {
            Some(at) => {
                let steps = at
                    .checked_sub(range.start)
                    .map(|d| (d / range.step, d % range.step));
                Ok(matches!(steps, Some((n, 0)) if n >= 0 && n < range.count as i128))
            }
            None => Ok(false),
        },
        Value::List(items) | Value::Tuple(items) => {
            for item in &items.values {
                if item.equals(part, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        other if other.is_iterable() => {
            for item in other.iterate(budget)? {
                if item.equals(part, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        other => Err(Failure::new(format!(
            "argument of type '{}' is not iterable",
            other.kind()
        ))),
    }
}

/// The place that an index means in something of `length` items.
pub(super) fn place(index: i128, length: usize) -> Option<usize> {
    let at = if index < 0 {
        index + length as i128
    } else {
        index
    };
    usize::try_from(at).ok().filter(|&at| at < length)
}

/// The item at a whole number; `None` where there is none.
pub(super) fn at(value: &Value, index: i128, budget: &Budget) -> Result<Option<Value>, Failure> {
    Ok(match value {
        Value::Str(text) => {
            budget.read(text.len())?;
            let length = value.length().unwrap_or(0);
            place(index, length)
                .and_then(|at| text.chars().nth(at))
                .map(|c| Value::str(c.to_string()))
        }
        Value::List(items) | Value::Tuple(items) => {
            place(index, items.values.len()).map(|at| items.values[at].clone())
        }
        Value::Range(Range {
            start, step, count, ..
        }) => place(index, *count)
            .map(|at| Value::Int(step.saturating_mul(at as i128).saturating_add(*start))),
        _ => None,
    })
}

/// `value[from:to:step]`
pub(super) fn slice(
    value: &Value,
    parts: [Option<i128>; 3],
    budget: &Budget,
) -> Result<Value, Failure> {
    let step = parts[2].unwrap_or(1);
    if step == 0 {
        return Err(Failure::new("slice step cannot be zero"));
    }
    if let Value::Str(text) = value {
        budget.read(text.len())?;
    }
    let length = match value {
        Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Range(_) => value.length(),
        Value::Undefined(words) => return Err(Failure::new(&**words)),
        Value::Dict(_) => return Err(Failure::new("unhashable type: 'slice'")),
        _ => None,
    };
    let Some(length) = length else {
        return Ok(Value::undefined(format!(
            "'{}' object cannot be sliced",
            value.kind()
        )));
    };
    let length = length as i128;
    let bound = |part: Option<i128>, usual: i128| match part {
        None => usual,
        Some(at) => {
            let at = if at < 0 {
                at.saturating_add(length)
            } else {
                at
            };
            if step > 0 {
                at.clamp(0, length)
            } else {
                at.clamp(-1, length - 1)
            }
        }
    };
    let (from, to) = if step > 0 {
        (bound(parts[0], 0), bound(parts[1], length))
    } else {
        (bound(parts[0], length - 1), bound(parts[1], -1))
    };
    let count = if step > 0 {
        (to - from).max(0).div_euclid(step) + i128::from((to - from).max(0) % step != 0)
    } else {
        let step = step.saturating_neg();
        (from - to).max(0) / step + i128::from((from - to).max(0) % step != 0)
    };
    let places = (0..count).map(|n| usize::try_from(from.saturating_add(n * step)).unwrap_or(0));
    match value {
        Value::Str(text) => {
            let text: Rc<str> = if text.is_ascii() && step == 1 {
                let start = usize::try_from(from).unwrap_or(0);
                let end = start + usize::try_from(count).unwrap_or(0);
                budget.build(end - start)?;
                text[start..end].into()
            } else {
                budget.build(text.len() * 4)?;
                let letters: Vec<char> = text.chars().collect();
                places.map(|at| letters[at]).collect::<String>().into()
            };
            Ok(Value::Str(text))
        }
        Value::Range(range) => Ok(Value::Range(Range {
            start: range.start.saturating_add(range.step.saturating_mul(from)),
            stop: (range
                .step
                .saturating_mul(from.saturating_add(count.saturating_mul(step))))
            .saturating_add(range.start),
            step: range.step.saturating_mul(step),
            count: usize::try_from(count).unwrap_or(0),
        })),
        Value::List(items) | Value::Tuple(items) => {
            budget.items(usize::try_from(count).unwrap_or(usize::MAX))?;
            let taken = places.map(|at| items.values[at].clone()).collect();
            match value {
                Value::List(_) => Value::list(taken, budget),
                _ => Value::tuple(taken, budget),
            }
        }
        other => Ok(other.clone()),
    }
}

/// The order in which values with these keys stand sorted, equal ones as they stood. What cannot be compared fails,
/// and numbers that are none stand anywhere, so the standard library's sort does not do.
pub(super) fn sorted(keys: &[Value], budget: &Budget) -> Result<Vec<usize>, Failure> {
    budget.steps(keys.len())?;
    let mut order: Vec<usize> = (0..keys.len()).collect();
    let mut width = 1;
    while width < order.len() {
        let mut merged = Vec::with_capacity(order.len());
        for run in order.chunks(2 * width) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let ([a, rest_a @ ..], [b, rest_b @ ..]) = (left, right) {
                if keys[*b].order(&keys[*a], budget)? == Some(Ordering::Less) {
                    merged.push(*b);
                    right = rest_b;
                } else {
                    merged.push(*a);
                    left = rest_a;
                }
            }
            merged.extend(left);
            merged.extend(right);
        }
        order = merged;
        width *= 2;
    }
    Ok(order)
}
