//! Functions that every template may call.

use std::cell::Cell;
use std::rc::Rc;

use super::eval::Rendering;
use super::value::{Cycler, Dict, Function, Range, Value, items};
use super::{Arguments, Failure, time};

/// All of them.
pub(super) const ALL: [Function; 8] = [
    Function::Range,
    Function::Dict,
    Function::Namespace,
    Function::RaiseException,
    Function::StrftimeNow,
    Function::Cycler,
    Function::Joiner,
    Function::Lipsum,
];

/// The longest `range`, as Jinja's sandbox has it.
const LONGEST_RANGE: i128 = 100_000;

pub(super) fn name(function: Function) -> &'static str {
    match function {
        Function::Range => "range",
        Function::Dict => "dict",
        Function::Namespace => "namespace",
        Function::RaiseException => "raise_exception",
        Function::StrftimeNow => "strftime_now",
        Function::Cycler => "cycler",
        Function::Joiner => "joiner",
        Function::Lipsum => "lipsum",
    }
}

/// Refuses names that a namespace may not have.
pub(super) fn check_field(name: &str) -> Result<(), Failure> {
    if name.starts_with('_') {
        Err(Failure::new(format!(
            "Chat templates cannot store underscore-prefixed attributes on a namespace, but got '{name}'"
        )))
    } else {
        Ok(())
    }
}

/// Calls one.
pub(super) fn call(
    run: &Rendering,
    function: Function,
    arguments: &Arguments,
) -> Result<Value, Failure> {
    let budget = &run.budget;
    match function {
        Function::Range => range(arguments),
        Function::Dict => Ok(Value::Dict(Rc::new(dict(run, arguments)?))),
        Function::Namespace => run.namespace(dict(run, arguments)?),
        Function::RaiseException => {
            let [message] = arguments.take(["message"])?;
            let message = message.ok_or_else(|| Failure::new("raise_exception needs a message"))?;
            Err(Failure::raised(message.text(budget)?.to_string()))
        }
        Function::StrftimeNow => {
            let [format] = arguments.take(["format"])?;
            let Some(Value::Str(format)) = format else {
                return Err(Failure::new(
                    "strftime_now needs a format, which is a string",
                ));
            };
            // One conversion becomes a thousand characters at most.
            budget.build(format.len().saturating_mul(1024))?;
            Ok(Value::str(time::strftime(&format, run.now.0, run.now.1)))
        }
        Function::Cycler => {
            if arguments.positional.is_empty() {
                return Err(Failure::new("at least one item has to be provided"));
            }
            Ok(Value::Cycler(Rc::new(Cycler {
                items: items(arguments.positional.clone(), budget)?,
                at: Cell::new(0),
            })))
        }
        Function::Joiner => {
            let [mark] = arguments.take(["sep"])?;
            let mark = match mark {
                Some(mark) => mark.text(budget)?,
                None => ", ".into(),
            };
            Ok(Value::Joiner(Rc::new((mark, Cell::new(false)))))
        }
        Function::Lipsum => Err(Failure::new(
            "lipsum writes random text, which no prompt needs",
        )),
    }
}

fn range(arguments: &Arguments) -> Result<Value, Failure> {
    let [start, stop, step] = arguments.take(["start", "stop", "step"])?;
    let whole = |value: Value| {
        let found = value.as_int().filter(|&i| i64::try_from(i).is_ok());
        found.ok_or_else(|| Failure::new(format!("range: '{}' is no whole number", value.kind())))
    };
    let (start, stop) = match (start, stop) {
        (Some(start), Some(stop)) => (whole(start)?, whole(stop)?),
        (Some(stop), None) => (0, whole(stop)?),
        _ => return Err(Failure::new("range expected at least 1 argument, got 0")),
    };
    let step = step.map_or(Ok(1), whole)?;
    if step == 0 {
        return Err(Failure::new("range() arg 3 must not be zero"));
    }
    let span = if step > 0 { stop - start } else { start - stop }.max(0);
    let size = step.abs();
    let count = span / size + i128::from(span % size != 0);
    if count > LONGEST_RANGE {
        return Err(Failure::new(format!(
            "Range too big. The sandbox blocks ranges larger than MAX_RANGE ({LONGEST_RANGE})."
        )));
    }
    let count = usize::try_from(count).unwrap_or(0);
    Ok(Value::Range(Range {
        start,
        stop,
        step,
        count,
    }))
}

/// `dict(...)`: of a mapping or of pairs, with the names given beside.
fn dict(run: &Rendering, arguments: &Arguments) -> Result<Dict, Failure> {
    let budget = &run.budget;
    let mut made = match &arguments.positional[..] {
        [] => Dict::default(),
        [Value::Dict(dict)] => Dict::from_pairs(dict.pairs.iter().cloned(), budget)?,
        [Value::Undefined(words)] => return Err(Failure::new(&**words)),
        [pairs] => {
            let mut made = Dict::default();
            for pair in pairs.iterate(budget)? {
                match &pair.iterate(budget)?[..] {
                    [key, value] => {
                        budget.items(4)?;
                        made.set(key.clone(), value.clone(), budget)?;
                    }
                    other => {
                        return Err(Failure::new(format!(
                            "dictionary update sequence element has length {}; 2 is required",
                            other.len()
                        )));
                    }
                }
            }
            made
        }
        _ => return Err(Failure::new("dict expected at most 1 argument")),
    };
    for (name, value) in &arguments.named {
        budget.items(4)?;
        made.set(Value::Str(name.clone()), value.clone(), budget)?;
    }
    Ok(made)
}
