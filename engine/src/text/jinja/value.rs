//! Values as a template sees them: Python's, by behaviour.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use super::budget::{Budget, DEEPEST_VALUE};
use super::scope::{Closure, Loop};
use super::{Failure, text};

#[derive(Clone)]
pub(super) enum Value {
    /// What is not there, with the words that Jinja says when it is used.
    Undefined(Rc<str>),
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Rc<str>),
    List(Rc<Items>),
    Tuple(Rc<Items>),
    Dict(Rc<Dict>),
    /// `keys()`, `values()` or `items()` of a mapping.
    View(View, Rc<Dict>),
    Range(Range),
    /// A generator: true, without length, gone through once.
    Iterator(Rc<Generator>),
    Namespace(Rc<Namespace>),
    Macro(Rc<Closure>),
    Loop(Rc<Loop>),
    /// A method of a value, not called yet.
    Method(Rc<(Self, Rc<str>)>),
    Function(Function),
    Cycler(Rc<Cycler>),
    /// `joiner`: what it says from the second call on, and whether it was called.
    Joiner(Rc<(Rc<str>, Cell<bool>)>),
}

/// Items of a list or a tuple, and how deep they reach.
pub(super) struct Items {
    pub values: Vec<Value>,
    pub depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Keys,
    Values,
    Items,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub start: i128,
    pub stop: i128,
    pub step: i128,
    pub count: usize,
}

pub(super) struct Generator {
    pub rest: RefCell<VecDeque<Value>>,
    depth: usize,
}

/// `namespace()`: it may hold itself, so those of a rendering are emptied at its end.
pub(super) struct Namespace {
    pub fields: RefCell<HashMap<Rc<str>, Value>>,
}

pub(super) struct Cycler {
    pub items: Rc<Items>,
    pub at: Cell<usize>,
}

/// Functions that every template may call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Function {
    Range,
    Dict,
    Namespace,
    RaiseException,
    StrftimeNow,
    Cycler,
    Joiner,
    Lipsum,
}

/// A mapping, in the order of its making.
#[derive(Default)]
pub(super) struct Dict {
    pub pairs: Vec<(Value, Value)>,
    places: HashMap<Key, usize>,
    depth: usize,
}

/// What a mapping tells keys apart by: equal numbers are one key, whatever their kind.
#[derive(PartialEq, Eq, Hash, Clone)]
enum Key {
    Undefined,
    None,
    Int(i128),
    Float(u64),
    Str(Rc<str>),
    Tuple(Vec<Self>),
}

fn key(value: &Value, budget: &Budget) -> Result<Key, Failure> {
    budget.steps(1)?;
    Ok(match value {
        Value::Undefined(_) => Key::Undefined,
        Value::None => Key::None,
        Value::Bool(b) => Key::Int(i128::from(*b)),
        Value::Int(i) => Key::Int(*i),
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 1e30 => Key::Int(*f as i128),
        Value::Float(f) => Key::Float(f.to_bits()),
        Value::Str(s) => {
            budget.read(s.len())?;
            Key::Str(s.clone())
        }
        Value::Tuple(items) => {
            budget.items(items.values.len())?;
            let parts = items.values.iter().map(|part| key(part, budget));
            Key::Tuple(parts.collect::<Result<_, _>>()?)
        }
        other => {
            return Err(Failure::new(format!("unhashable type: '{}'", other.kind())));
        }
    })
}

impl Dict {
    pub(super) fn from_pairs(
        pairs: impl IntoIterator<Item = (Value, Value)>,
        budget: &Budget,
    ) -> Result<Self, Failure> {
        let mut dict = Self::default();
        for (key, value) in pairs {
            budget.items(4)?;
            dict.set(key, value, budget)?;
        }
        Ok(dict)
    }

    pub(super) fn set(
        &mut self,
        name: Value,
        value: Value,
        budget: &Budget,
    ) -> Result<(), Failure> {
        self.depth = deeper(self.depth.saturating_sub(1), [&name, &value])?;
        match self.places.entry(key(&name, budget)?) {
            std::collections::hash_map::Entry::Occupied(place) => {
                self.pairs[*place.get()].1 = value;
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(self.pairs.len());
                self.pairs.push((name, value));
            }
        }
        Ok(())
    }

    /// The value of a key; keys that no mapping can have are refused, as in Python.
    pub(super) fn get(&self, name: &Value, budget: &Budget) -> Result<Option<&Value>, Failure> {
        let place = self.places.get(&key(name, budget)?);
        Ok(place.map(|&at| &self.pairs[at].1))
    }

    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        let place = self.places.get(&Key::Str(name.into()));
        place.map(|&at| &self.pairs[at].1)
    }
}

/// How deep a value of these parts and of `depth` levels so far is.
fn deeper<'a>(depth: usize, parts: impl IntoIterator<Item = &'a Value>) -> Result<usize, Failure> {
    let inner = parts.into_iter().map(Value::depth).max().unwrap_or(0);
    let depth = depth.max(inner) + 1;
    if depth > DEEPEST_VALUE {
        Err(Failure::new(format!(
            "values stand more than {DEEPEST_VALUE} deep within each other"
        )))
    } else {
        Ok(depth)
    }
}

pub(super) fn items(values: Vec<Value>, budget: &Budget) -> Result<Rc<Items>, Failure> {
    budget.items(values.len())?;
    let depth = deeper(0, &values)?;
    Ok(Rc::new(Items { values, depth }))
}

impl Value {
    pub(super) fn str(text: impl Into<Rc<str>>) -> Self {
        Self::Str(text.into())
    }

    pub(super) fn list(values: Vec<Self>, budget: &Budget) -> Result<Self, Failure> {
        items(values, budget).map(Self::List)
    }

    pub(super) fn tuple(values: Vec<Self>, budget: &Budget) -> Result<Self, Failure> {
        items(values, budget).map(Self::Tuple)
    }

    pub(super) fn generator(values: Vec<Self>, budget: &Budget) -> Result<Self, Failure> {
        budget.items(values.len())?;
        let depth = deeper(0, &values)?;
        let rest = RefCell::new(values.into());
        Ok(Self::Iterator(Rc::new(Generator { rest, depth })))
    }

    /// `value.name`, to be called.
    pub(super) fn method(receiver: &Self, name: &str) -> Result<Self, Failure> {
        deeper(0, [receiver])?;
        Ok(Self::Method(Rc::new((receiver.clone(), name.into()))))
    }

    pub(super) fn undefined(words: impl Into<Rc<str>>) -> Self {
        Self::Undefined(words.into())
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    /// Values within each other, counted only where one owns the other.
    fn depth(&self) -> usize {
        match self {
            Self::List(items) | Self::Tuple(items) => items.depth,
            Self::Dict(dict) | Self::View(_, dict) => dict.depth,
            Self::Iterator(generator) => generator.depth,
            Self::Method(method) => method.0.depth() + 1,
            Self::Loop(one) => one.depth() + 1,
            Self::Cycler(cycler) => cycler.items.depth + 1,
            _ => 0,
        }
    }

    /// The name of its type, as Python says it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "Undefined",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::View(View::Keys, _) => "dict_keys",
            Self::View(View::Values, _) => "dict_values",
            Self::View(View::Items, _) => "dict_items",
            Self::Range(_) => "range",
            Self::Iterator(_) => "generator",
            Self::Namespace(_) => "Namespace",
            Self::Macro(_) => "Macro",
            Self::Loop(_) => "LoopContext",
            Self::Method(_) => "builtin_function_or_method",
            Self::Function(_) => "function",
            Self::Cycler(_) => "Cycler",
            Self::Joiner(_) => "Joiner",
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Undefined(_) | Self::None => false,
            Self::Bool(b) => *b,
            Self::Int(i) => *i != 0,
            Self::Float(f) => *f != 0.0,
            Self::Str(s) => !s.is_empty(),
            _ => self.length().is_none_or(|length| length > 0),
        }
    }

    /// `len()`, of what has one. A text is gone through.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Self::Undefined(_) => Some(0),
            Self::Str(s) => Some(if s.is_ascii() {
                s.len()
            } else {
                s.chars().count()
            }),
            Self::List(items) | Self::Tuple(items) => Some(items.values.len()),
            Self::Dict(dict) | Self::View(_, dict) => Some(dict.pairs.len()),
            Self::Range(range) => Some(range.count),
            Self::Loop(one) => Some(one.items.values.len()),
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(s) => Some(s),
            _ => None,
        }
    }

    /// A whole number; `True` is 1.
    pub(super) fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(i) => Some(*i),
            Self::Bool(b) => Some(i128::from(*b)),
            _ => None,
        }
    }

    pub(super) fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(f) => Some(*f),
            _ => self.as_int().map(|i| i as f64),
        }
    }

    /// Goes through it once: all items of what Python iterates over.
    pub(super) fn iterate(&self, budget: &Budget) -> Result<Vec<Self>, Failure> {
        let held = |items: &Items| {
            budget.items(items.values.len())?;
            Ok(items.values.clone())
        };
        match self {
            Self::Undefined(_) => Ok(Vec::new()),
            Self::List(items) | Self::Tuple(items) => held(items),
            Self::Str(s) => {
                budget.items(s.len().saturating_mul(2))?;
                Ok(s.chars().map(|c| Self::str(c.to_string())).collect())
            }
            Self::Dict(dict) => {
                budget.items(dict.pairs.len())?;
                Ok(dict.pairs.iter().map(|(key, _)| key.clone()).collect())
            }
            Self::View(view, dict) => {
                budget.items(dict.pairs.len())?;
                let item = |(key, value): &(Self, Self)| match view {
                    View::Keys => Ok(key.clone()),
                    View::Values => Ok(value.clone()),
                    View::Items => Self::tuple(vec![key.clone(), value.clone()], budget),
                };
                dict.pairs.iter().map(item).collect()
            }
            Self::Range(range) => {
                budget.items(range.count)?;
                let item = |at: usize| {
                    Self::Int(
                        range
                            .step
                            .saturating_mul(at as i128)
                            .saturating_add(range.start),
                    )
                };
                Ok((0..range.count).map(item).collect())
            }
            Self::Iterator(generator) => Ok(generator.rest.take().into()),
            Self::Loop(one) => held(&one.items),
            other => Err(Failure::new(format!(
                "'{}' object is not iterable",
                other.kind()
            ))),
        }
    }

    pub(super) fn is_iterable(&self) -> bool {
        self.length().is_some() || matches!(self, Self::Iterator(_))
    }

    /// `==`
    pub(super) fn equals(&self, other: &Self, budget: &Budget) -> Result<bool, Failure> {
        budget.steps(1)?;
        let all = |a: &[Self], b: &[Self]| -> Result<bool, Failure> {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !a.equals(b, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        Ok(match (self, other) {
            (Self::Undefined(_), Self::Undefined(_)) | (Self::None, Self::None) => true,
            (Self::Str(a), Self::Str(b)) => {
                if a.len() == b.len() {
                    budget.read(a.len())?;
                }
                a == b
            }
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => {
                all(&a.values, &b.values)?
            }
            (Self::Dict(a), Self::Dict(b)) => {
                if a.pairs.len() != b.pairs.len() {
                    return Ok(false);
                }
                for (key, value) in &a.pairs {
                    match b.get(key, budget)? {
                        Some(other) if value.equals(other, budget)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Self::Range(a), Self::Range(b)) => a == b,
            (Self::Namespace(a), Self::Namespace(b)) => Rc::ptr_eq(a, b),
            (Self::Macro(a), Self::Macro(b)) => Rc::ptr_eq(a, b),
            (Self::Function(a), Self::Function(b)) => a == b,
            (a, b) => match (a.as_int(), b.as_int()) {
                (Some(a), Some(b)) => a == b,
                _ => matches!((a.as_float(), b.as_float()), (Some(a), Some(b)) if a == b),
            },
        })
    }

    /// The order of two values, where Python knows one; `None` beside a number that is none.
    pub(super) fn order(&self, other: &Self, budget: &Budget) -> Result<Option<Ordering>, Failure> {
        budget.steps(1)?;
        match (self, other) {
            (Self::Str(a), Self::Str(b)) => {
                budget.read(a.len().min(b.len()))?;
                Ok(Some(a.cmp(b)))
            }
            (Self::List(a), Self::List(b)) | (Self::Tuple(a), Self::Tuple(b)) => {
                for (a, b) in a.values.iter().zip(&b.values) {
                    if !a.equals(b, budget)? {
                        return a.order(b, budget);
                    }
                }
                Ok(Some(a.values.len().cmp(&b.values.len())))
            }
            (Self::Undefined(words), _) | (_, Self::Undefined(words)) => {
                Err(Failure::new(&**words))
            }
            (a, b) => match (a.as_int(), b.as_int(), a.as_float(), b.as_float()) {
                (Some(a), Some(b), ..) => Ok(Some(a.cmp(&b))),
                (.., Some(a), Some(b)) => Ok(a.partial_cmp(&b)),
                _ => Err(Failure::new(format!(
                    "'<' not supported between instances of '{}' and '{}'",
                    a.kind(),
                    b.kind()
                ))),
            },
        }
    }

    /// `str()`
    pub(super) fn text(&self, budget: &Budget) -> Result<Rc<str>, Failure> {
        match self {
            Self::Str(s) => Ok(s.clone()),
            Self::Undefined(_) => Ok("".into()),
            other => text::repr(other, budget).map(Rc::from),
        }
    }
}
