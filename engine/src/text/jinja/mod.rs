//! Jinja as transformers runs chat templates: an immutable sandbox over Python's values, bounded in time and memory.
//!
//! Of our own, because what a model reads must equal transformers' text to the letter, Python's `repr`, generators,
//! tuples and `varargs` included, and because templates are strangers' programs: no engine that was to be had counts
//! the memory of the values that a template builds, so one doubling of a string per line would fill a machine's.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | read | source → tokens → a template | `lexer`, `parser`, `expressions`, `ast` |
//! | render | template, names → text | `eval`, `calls`, `scope`, `functions` |
//! | values | what Python's would do | `value`, `operators`, `attributes`, `methods`, `pieces`, `format`, `text`, `time` |
//! | filters, tests | `x \| name`, `x is name` | `filters`, `words`, `checks` |
//! | limits | steps, bytes, depth | `budget` |

mod ast;
mod attributes;
mod budget;
mod calls;
mod checks;
mod eval;
mod expressions;
mod filters;
mod format;
mod functions;
mod lexer;
mod methods;
mod operators;
mod parser;
mod pieces;
mod scope;
mod text;
mod time;
mod value;
mod words;

use std::rc::Rc;

use value::{Dict, Value};

/// Why a template could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// In the template's own words where it called `raise_exception`, else in ours or Python's.
    pub words: String,
    /// Where it happened; `None` before that is known.
    line: Option<usize>,
    /// Whether the template itself refused.
    pub raised: bool,
}

impl Failure {
    fn new(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            line: None,
            raised: false,
        }
    }

    fn raised(words: String) -> Self {
        Self {
            raised: true,
            ..Self::new(words)
        }
    }

    fn at(mut self, line: usize) -> Self {
        self.line.get_or_insert(line);
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) if !self.raised => write!(f, "line {line}: {}", self.words),
            _ => f.write_str(&self.words),
        }
    }
}

/// Values that a call is given.
#[derive(Default, Clone)]
struct Arguments {
    positional: Vec<Value>,
    named: Vec<(Rc<str>, Value)>,
}

impl Arguments {
    /// The values of parameters, in their order; more or others are refused.
    fn take<const N: usize>(&self, names: [&str; N]) -> Result<[Option<Value>; N], Failure> {
        let mut taken = [const { None }; N];
        if self.positional.len() > N {
            return Err(Failure::new(format!(
                "takes at most {N} arguments, {} were given",
                self.positional.len()
            )));
        }
        for (place, value) in taken.iter_mut().zip(&self.positional) {
            *place = Some(value.clone());
        }
        for (name, value) in &self.named {
            match names.iter().position(|n| *n == &**name) {
                Some(at) if taken[at].is_none() => taken[at] = Some(value.clone()),
                Some(_) => {
                    return Err(Failure::new(format!(
                        "got multiple values for argument '{name}'"
                    )));
                }
                None => {
                    return Err(Failure::new(format!(
                        "got an unexpected keyword argument '{name}'"
                    )));
                }
            }
        }
        Ok(taken)
    }
}

/// A template, ready to be rendered on any thread.
#[derive(Debug)]
pub(super) struct Template(Vec<ast::Statement>);

impl Template {
    /// Parses a template; says the line of what is wrong.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        // Jinja knows one line ending.
        let source = source.replace("\r\n", "\n").replace('\r', "\n");
        parser::parse(&source).map(Self)
    }

    /// Renders it over names. `now` is `strftime_now`'s time in UTC: seconds and microseconds since 1970.
    pub(super) fn render<'n>(
        &self,
        names: impl IntoIterator<Item = (&'n str, Input)>,
        now: (u64, u32),
    ) -> Result<String, Failure> {
        let budget = budget::Budget::default();
        let mut values = Vec::new();
        for (name, input) in names {
            values.push((name.to_owned(), input.into_value()?));
        }
        eval::render(&self.0, values, now, budget)
    }
}

/// What a template is given. Mappings keep their order, which templates may show.
#[derive(Debug, Clone)]
pub(super) enum Input {
    None,
    Bool(bool),
    Text(String),
    List(Vec<Self>),
    Dict(Vec<(&'static str, Self)>),
}

impl Input {
    /// As a value. What we are given ourselves costs nothing of the template's budget.
    fn into_value(self) -> Result<Value, Failure> {
        let free = budget::Budget::default;
        Ok(match self {
            Self::None => Value::None,
            Self::Bool(b) => Value::Bool(b),
            Self::Text(text) => Value::str(text),
            Self::List(parts) => {
                let parts = parts.into_iter().map(Self::into_value);
                Value::list(parts.collect::<Result<_, _>>()?, &free())?
            }
            Self::Dict(fields) => {
                let mut dict = Dict::default();
                for (name, value) in fields {
                    dict.set(Value::str(name), value.into_value()?, &free())?;
                }
                Value::Dict(Rc::new(dict))
            }
        })
    }
}

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod limit_tests;
