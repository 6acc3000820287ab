//! Jinja's filters.

use std::rc::Rc;

use super::budget::{Budget, LONGEST_TEXT};
use super::eval::Rendering;
use super::value::{Dict, Value, View};
use super::{Arguments, Failure, attributes, methods, operators, pieces, text, words};

/// Names of all filters.
pub(super) const NAMES: [&str; 54] = [
    "abs",
    "attr",
    "batch",
    "capitalize",
    "center",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "random",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "urlize",
    "wordcount",
    "wordwrap",
    "xmlattr",
];

/// `value | name(...)`
#[expect(
    clippy::too_many_lines,
    reason = "a table: the filters of the language"
)]
pub(super) fn apply(
    run: &Rendering,
    name: &str,
    value: &Value,
    arguments: &Arguments,
) -> Result<Value, Failure> {
    let budget = &run.budget;
    budget.steps(1)?;
    let all = || value.iterate(budget);
    let none = || arguments.take::<0>([]).map(|_| ());
    let method = |name: &str| {
        let text = Value::Str(value.text(budget)?);
        methods::call(&text, name, arguments, budget)
    };
    match name {
        "upper" | "lower" => method(name),
        "capitalize" => method(name),
        "title" => words::title(&value.text(budget)?, budget),
        "trim" => method("strip"),
        "string" => none().and_then(|()| value.text(budget).map(Value::Str)),
        "safe" => Ok(value.clone()),
        "center" => {
            let [width] = arguments.take(["width"])?;
            let width = width.and_then(|v| v.as_int()).unwrap_or(80);
            let width = usize::try_from(width).unwrap_or(0);
            pieces::padded(&value.text(budget)?, "center", width, ' ', budget)
        }
        "replace" => {
            let [old, new, count] = arguments.take(["old", "new", "count"])?;
            let as_text = |v: Option<Value>| match v {
                Some(v) => v.text(budget),
                None => Err(Failure::new("replace is missing an argument")),
            };
            let count = count.and_then(|v| v.as_int()).unwrap_or(-1);
            let (old, new) = (as_text(old)?, as_text(new)?);
            pieces::replaced(&value.text(budget)?, &old, &new, count, budget)
        }
        "format" => methods::format_filter(value, arguments, budget),
        "length" | "count" => length(value, budget),
        "default" | "d" => {
            let [usual, also_false] = arguments.take(["default_value", "boolean"])?;
            let also_false = also_false.is_some_and(|v| v.is_true());
            if value.is_undefined() || also_false && !value.is_true() {
                Ok(usual.unwrap_or_else(|| Value::str("")))
            } else {
                Ok(value.clone())
            }
        }
        "list" => Value::list(all()?, budget),
        "items" => match value {
            Value::Undefined(_) => Value::generator(Vec::new(), budget),
            Value::Dict(dict) => {
                let pairs = Value::View(View::Items, dict.clone()).iterate(budget)?;
                Value::generator(pairs, budget)
            }
            _ => Err(Failure::new("Can only get item pairs from a mapping.")),
        },
        "first" => Ok(match value {
            Value::Iterator(generator) => generator.rest.borrow_mut().pop_front(),
            _ => all()?.into_iter().next(),
        }
        .unwrap_or_else(|| Value::undefined("No first item, sequence was empty."))),
        "last" => {
            if matches!(value, Value::Iterator(_)) {
                return Err(Failure::new("'generator' object is not reversible"));
            }
            let last = all()?.pop();
            Ok(last.unwrap_or_else(|| Value::undefined("No last item, sequence was empty.")))
        }
        "random" => {
            let items = all()?;
            // The first, so that a rendering can be repeated.
            let first = items.into_iter().next();
            Ok(first.unwrap_or_else(|| Value::undefined("No random item, sequence was empty.")))
        }
        "reverse" => match value {
            Value::Str(text) => {
                budget.build(text.len())?;
                Ok(Value::str(text.chars().rev().collect::<String>()))
            }
            _ => {
                let mut items = all()?;
                items.reverse();
                Value::generator(items, budget)
            }
        },
        "join" => {
            let [mark, attribute] = arguments.take(["d", "attribute"])?;
            let mark = match mark {
                Some(mark) => mark.text(budget)?,
                None => "".into(),
            };
            let mut items = all()?;
            if let Some(attribute) = attribute {
                for item in &mut items {
                    *item = by_path(item, &attribute, budget)?;
                }
            }
            joined(&items, &mark, budget)
        }
        "sum" => {
            let [attribute, start] = arguments.take(["attribute", "start"])?;
            let mut sum = start.unwrap_or(Value::Int(0));
            for item in all()? {
                let item = match &attribute {
                    Some(attribute) if !matches!(attribute, Value::None) => {
                        by_path(&item, attribute, budget)?
                    }
                    _ => item,
                };
                sum = operators::binary(super::ast::Operator::Add, &sum, &item, budget)?;
            }
            Ok(sum)
        }
        "sort" => {
            let [reverse, cased, attribute] =
                arguments.take(["reverse", "case_sensitive", "attribute"])?;
            let items = all()?;
            let keys = sort_keys(&items, attribute.as_ref(), is_on(cased.as_ref()), budget)?;
            Value::list(
                in_order(items, &keys, is_on(reverse.as_ref()), budget)?,
                budget,
            )
        }
        "dictsort" => dictsort(value, arguments, budget),
        "unique" => {
            let [cased, attribute] = arguments.take(["case_sensitive", "attribute"])?;
            let items = all()?;
            let keys = keys(&items, attribute.as_ref(), is_on(cased.as_ref()), budget)?;
            let mut seen = Dict::default();
            let mut kept = Vec::new();
            for (item, key) in items.into_iter().zip(keys) {
                budget.items(2)?;
                if seen.get(&key, budget)?.is_none() {
                    seen.set(key, Value::None, budget)?;
                    kept.push(item);
                }
            }
            Value::generator(kept, budget)
        }
        "min" | "max" => {
            let [cased, attribute] = arguments.take(["case_sensitive", "attribute"])?;
            let items = all()?;
            let keys = keys(&items, attribute.as_ref(), is_on(cased.as_ref()), budget)?;
            let mut best: Option<usize> = None;
            for at in 0..items.len() {
                let better = match best {
                    None => true,
                    Some(best) if name == "min" => {
                        keys[at].order(&keys[best], budget)? == Some(std::cmp::Ordering::Less)
                    }
                    Some(best) => {
                        keys[at].order(&keys[best], budget)? == Some(std::cmp::Ordering::Greater)
                    }
                };
                if better {
                    best = Some(at);
                }
            }
            let none = || Value::undefined("No aggregated item, sequence was empty.");
            Ok(best.map_or_else(none, |at| items[at].clone()))
        }
        "groupby" => groupby(value, arguments, budget),
        // As in Jinja, what is false has no items, also where it is no list.
        "map" | "select" | "reject" | "selectattr" | "rejectattr" if !value.is_true() => {
            Value::generator(Vec::new(), budget)
        }
        "map" => map(run, value, arguments),
        "select" | "reject" => select(run, value, arguments, name == "select", false),
        "selectattr" | "rejectattr" => select(run, value, arguments, name == "selectattr", true),
        "batch" | "slice" => portions(value, arguments, name == "batch", budget),
        "attr" => {
            let [name] = arguments.take(["name"])?;
            match name {
                // Attributes alone, no items.
                Some(Value::Str(name)) => match value {
                    Value::Dict(_) if attributes::view(&name).is_none() => Ok(Value::undefined(
                        format!("'dict object' has no attribute '{name}'"),
                    )),
                    _ => attributes::attribute(value, &name, budget),
                },
                _ => Err(Failure::new("attr: expected a name")),
            }
        }
        "tojson" => text::to_json(value, arguments, budget),
        "pprint" => text::repr(value, budget).map(Value::str),
        "int" | "float" | "abs" | "round" => words::number(value, name, arguments, budget),
        "indent" => words::indent(text_alone(value)?, arguments, budget),
        "truncate" if value.is_undefined() => Ok(value.clone()),
        "truncate" => words::truncate(text_alone(value)?, arguments, budget),
        "wordcount" => {
            let text = value.text(budget)?;
            budget.read(text.len())?;
            Ok(Value::Int(words::count(&text) as i128))
        }
        "wordwrap" => words::wrap(text_alone(value)?, arguments, budget),
        "escape" | "e" | "forceescape" => {
            let text = value.text(budget)?;
            budget.build(text.len().saturating_mul(5))?;
            Ok(Value::str(words::escaped(&text)))
        }
        "striptags" => words::without_tags(&value.text(budget)?, budget),
        "urlencode" => words::url_encoded(value, budget),
        "filesizeformat" => words::file_size(value, arguments),
        "xmlattr" | "urlize" => Err(Failure::new(format!(
            "the filter `{name}` is not supported"
        ))),
        _ => Err(Failure::new(format!("No filter named '{name}'."))),
    }
}

/// The text that a filter of texts alone is given.
fn text_alone(value: &Value) -> Result<&str, Failure> {
    match value {
        Value::Str(text) => Ok(text),
        Value::Undefined(words) => Err(Failure::new(&**words)),
        other => Err(Failure::new(format!(
            "expected a string, found {}",
            other.kind()
        ))),
    }
}

fn is_on(value: Option<&Value>) -> bool {
    value.is_some_and(Value::is_true)
}

fn length(value: &Value, budget: &Budget) -> Result<Value, Failure> {
    if let Value::Str(text) = value {
        budget.read(text.len())?;
    }
    match value.length() {
        Some(length) => Ok(Value::Int(length as i128)),
        None => Err(Failure::new(format!(
            "object of type '{}' has no len()",
            value.kind()
        ))),
    }
}

fn joined(items: &[Value], mark: &str, budget: &Budget) -> Result<Value, Failure> {
    let mut out = String::new();
    for (i, item) in items.iter().enumerate() {
        let item = item.text(budget)?;
        budget.build(item.len() + mark.len())?;
        if i > 0 {
            out.push_str(mark);
        }
        out.push_str(&item);
        if out.len() > LONGEST_TEXT {
            return Err(Failure::new("a text becomes too long"));
        }
    }
    Ok(Value::str(out))
}

/// What `attribute='a.b.0'` names.
fn by_path(value: &Value, path: &Value, budget: &Budget) -> Result<Value, Failure> {
    let Value::Str(path) = path else {
        return attributes::item(value, path, budget);
    };
    let mut found = value.clone();
    for part in path.split('.') {
        let key = match part.parse() {
            Ok(index) if part.bytes().all(|b| b.is_ascii_digit()) => Value::Int(index),
            _ => Value::str(part),
        };
        found = attributes::item(&found, &key, budget)?;
    }
    Ok(found)
}

/// By what values are told apart and ordered: texts without regard to case, unless asked.
fn keys(
    items: &[Value],
    attribute: Option<&Value>,
    cased: bool,
    budget: &Budget,
) -> Result<Vec<Value>, Failure> {
    let key = |item: &Value| {
        let key = match attribute {
            Some(path) if !matches!(path, Value::None) => by_path(item, path, budget)?,
            _ => item.clone(),
        };
        Ok(match &key {
            Value::Str(text) if !cased => {
                budget.build(text.len())?;
                Value::str(text.to_lowercase())
            }
            _ => key,
        })
    };
    items.iter().map(key).collect()
}

/// As [`keys`], of several attributes with commas between them.
fn sort_keys(
    items: &[Value],
    attribute: Option<&Value>,
    cased: bool,
    budget: &Budget,
) -> Result<Vec<Value>, Failure> {
    match attribute {
        Some(Value::Str(paths)) if paths.contains(',') => {
            let mut columns = Vec::new();
            for path in paths.split(',') {
                columns.push(keys(items, Some(&Value::str(path)), cased, budget)?.into_iter());
            }
            let row = |_: &Value| {
                let row = columns.iter_mut().filter_map(Iterator::next).collect();
                Value::tuple(row, budget)
            };
            items.iter().map(row).collect()
        }
        other => keys(items, other, cased, budget),
    }
}

fn in_order(
    items: Vec<Value>,
    keys: &[Value],
    reverse: bool,
    budget: &Budget,
) -> Result<Vec<Value>, Failure> {
    let mut order = if reverse {
        let backwards: Vec<Value> = keys.iter().rev().cloned().collect();
        let order = operators::sorted(&backwards, budget)?;
        order.into_iter().map(|at| keys.len() - 1 - at).collect()
    } else {
        operators::sorted(keys, budget)?
    };
    if reverse {
        order.reverse();
    }
    Ok(order.into_iter().map(|at| items[at].clone()).collect())
}

fn dictsort(value: &Value, arguments: &Arguments, budget: &Budget) -> Result<Value, Failure> {
    let [cased, by, reverse] = arguments.take(["case_sensitive", "by", "reverse"])?;
    let Value::Dict(dict) = value else {
        return Err(Failure::new("dictsort: expected a mapping"));
    };
    let by_value = match by.as_ref().and_then(Value::as_str) {
        None | Some("key") => false,
        Some("value") => true,
        Some(_) => {
            return Err(Failure::new(
                "You can only sort by either \"key\" or \"value\"",
            ));
        }
    };
    let sides = dict
        .pairs
        .iter()
        .map(|(k, v)| if by_value { v } else { k })
        .cloned();
    let sides: Vec<Value> = sides.collect();
    let keys = keys(&sides, None, is_on(cased.as_ref()), budget)?;
    let pairs = Value::View(View::Items, dict.clone()).iterate(budget)?;
    Value::list(
        in_order(pairs, &keys, is_on(reverse.as_ref()), budget)?,
        budget,
    )
}

fn groupby(value: &Value, arguments: &Arguments, budget: &Budget) -> Result<Value, Failure> {
    let [attribute, usual, cased] = arguments.take(["attribute", "default", "case_sensitive"])?;
    let Some(attribute) = attribute else {
        return Err(Failure::new("groupby is missing an argument"));
    };
    let items = value.iterate(budget)?;
    let mut named = Vec::new();
    for item in &items {
        let found = by_path(item, &attribute, budget)?;
        named.push(match (&usual, found.is_undefined()) {
            (Some(usual), true) => usual.clone(),
            _ => found,
        });
    }
    let keys = keys(&named, None, is_on(cased.as_ref()), budget)?;
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for at in operators::sorted(&keys, budget)? {
        match groups.last_mut() {
            Some((key, _, group)) if key.equals(&keys[at], budget)? => {
                group.push(items[at].clone())
            }
            _ => groups.push((keys[at].clone(), named[at].clone(), vec![items[at].clone()])),
        }
    }
    let mut made = Vec::new();
    for (_, name, group) in groups {
        made.push(Value::tuple(
            vec![name, Value::list(group, budget)?],
            budget,
        )?);
    }
    Value::list(made, budget)
}

fn map(run: &Rendering, value: &Value, arguments: &Arguments) -> Result<Value, Failure> {
    let budget = &run.budget;
    let mut made = Vec::new();
    if let (None, Some((_, path))) = (
        arguments.positional.first(),
        arguments
            .named
            .iter()
            .find(|(name, _)| &**name == "attribute"),
    ) {
        let usual = arguments
            .named
            .iter()
            .find(|(name, _)| &**name == "default");
        for item in value.iterate(budget)? {
            let found = by_path(&item, path, budget)?;
            made.push(match usual {
                Some((_, usual)) if found.is_undefined() => usual.clone(),
                _ => found,
            });
        }
        return Value::generator(made, budget);
    }
    let Some((Value::Str(filter), rest)) = arguments.positional.split_first() else {
        return Err(Failure::new("map requires a filter argument"));
    };
    let inner = Arguments {
        positional: rest.to_vec(),
        named: arguments.named.clone(),
    };
    for item in value.iterate(budget)? {
        made.push(apply(run, filter, &item, &inner)?);
    }
    Value::generator(made, budget)
}

fn select(
    run: &Rendering,
    value: &Value,
    arguments: &Arguments,
    keep: bool,
    by_attribute: bool,
) -> Result<Value, Failure> {
    let budget = &run.budget;
    let mut positional = arguments.positional.iter();
    let path = if by_attribute {
        Some(
            positional
                .next()
                .ok_or_else(|| Failure::new("Missing parameter for attribute name"))?,
        )
    } else {
        None
    };
    let test = positional.next();
    let inner = Arguments {
        positional: positional.cloned().collect(),
        named: arguments.named.clone(),
    };
    let mut kept = Vec::new();
    for item in value.iterate(budget)? {
        let tested = match path {
            Some(path) => by_path(&item, path, budget)?,
            None => item.clone(),
        };
        let passes = match test {
            None => tested.is_true(),
            Some(Value::Str(test)) => super::checks::apply(test, &tested, &inner, budget)?,
            Some(_) => return Err(Failure::new("expected the name of a test")),
        };
        if passes == keep {
            kept.push(item);
        }
    }
    Value::generator(kept, budget)
}

/// `batch`: portions of a size; `slice`: a number of portions.
fn portions(
    value: &Value,
    arguments: &Arguments,
    batch: bool,
    budget: &Budget,
) -> Result<Value, Failure> {
    let [count, fill] =
        arguments.take([if batch { "linecount" } else { "slices" }, "fill_with"])?;
    let count = count
        .and_then(|v| v.as_int())
        .and_then(|n| usize::try_from(n).ok());
    let count = count.filter(|&n| n > 0);
    let count = count.ok_or_else(|| Failure::new("expected a whole number above 0"))?;
    let fill = fill.filter(|v| !matches!(v, Value::None));
    let items = value.iterate(budget)?;
    let mut made: Vec<Vec<Value>> = Vec::new();
    if batch {
        made.extend(items.chunks(count).map(<[Value]>::to_vec));
        if let (Some(fill), Some(last)) = (fill, made.last_mut()) {
            budget.items(count)?;
            last.resize(count, fill);
        }
    } else {
        budget.items(count)?;
        let (size, more) = (items.len() / count, items.len() % count);
        let mut rest = items.into_iter();
        for n in 0..count {
            let mut portion: Vec<Value> =
                rest.by_ref().take(size + usize::from(n < more)).collect();
            if let (Some(fill), true) = (&fill, n >= more) {
                portion.push(fill.clone());
            }
            made.push(portion);
        }
    }
    let lists = made.into_iter().map(|portion| Value::list(portion, budget));
    Value::generator(lists.collect::<Result<_, _>>()?, budget)
}

/// A key and its value as texts.
type TextPair = (Rc<str>, Rc<str>);

/// A mapping's pairs as texts.
pub(super) fn text_pairs(value: &Value, budget: &Budget) -> Result<Option<Vec<TextPair>>, Failure> {
    let Value::Dict(dict) = value else {
        return Ok(None);
    };
    let texts = |(k, v): &(Value, Value)| Ok((k.text(budget)?, v.text(budget)?));
    dict.pairs
        .iter()
        .map(texts)
        .collect::<Result<_, _>>()
        .map(Some)
}
