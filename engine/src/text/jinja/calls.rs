//! Calls of a rendering: macros, `loop`, `namespace`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::eval::{Evaluated, Kept, Rendering};
use super::scope::{Closure, Loop, Scope};
use super::value::{Dict, Namespace, Value};
use super::{Arguments, Failure, functions, methods};

impl Rendering {
    pub(super) fn namespace(&self, fields: Dict) -> Evaluated<Value> {
        let mut held = HashMap::new();
        for (name, value) in &fields.pairs {
            let name = name.text(&self.budget)?;
            functions::check_field(&name)?;
            held.insert(name, value.clone());
        }
        self.budget.items(8 + 2 * held.len())?;
        let namespace = Rc::new(Namespace {
            fields: RefCell::new(held),
        });
        self.kept
            .borrow_mut()
            .push(Kept::Namespace(namespace.clone()));
        Ok(Value::Namespace(namespace))
    }

    /// `loop(items)` within a `for ... recursive`.
    fn recurse(&self, one: &Rc<Loop>, arguments: &Arguments) -> Evaluated<Value> {
        let [items] = arguments.take(["iterable"])?;
        let at_work = self.recursive.borrow();
        let around = at_work
            .iter()
            .rev()
            .find(|(at_work, ..)| Rc::ptr_eq(at_work, one));
        let around = around.map(|(_, repeated, scope)| (repeated.clone(), scope.clone()));
        drop(at_work);
        let (Some((repeated, scope)), Some(items)) = (around, items) else {
            return Err(Failure::new(
                "The loop must have the 'recursive' marker to be called recursively.",
            ));
        };
        let mut text = String::new();
        self.repeat(&repeated, &items, &scope, one.level + 1, &mut text)?;
        Ok(Value::str(text))
    }

    pub(super) fn call(&self, called: &Value, arguments: &Arguments) -> Evaluated<Value> {
        self.budget.enter()?;
        let value = match called {
            Value::Macro(closure) => self.expand(closure, arguments),
            Value::Method(method) => match (&method.0, &*method.1) {
                (Value::Loop(one), "changed") => self.changed(one, arguments),
                (receiver, name) => methods::call(receiver, name, arguments, &self.budget),
            },
            Value::Function(function) => functions::call(self, *function, arguments),
            Value::Loop(one) => self.recurse(one, arguments),
            Value::Joiner(joiner) => Ok(if joiner.1.replace(true) {
                Value::Str(joiner.0.clone())
            } else {
                Value::str("")
            }),
            Value::Undefined(words) => Err(Failure::new(&**words)),
            other => Err(Failure::new(format!(
                "'{}' object is not callable",
                other.kind()
            ))),
        };
        self.budget.leave();
        value
    }

    /// Whether `loop.changed` is given something else than last time.
    fn changed(&self, one: &Rc<Loop>, arguments: &Arguments) -> Evaluated<Value> {
        let before = one.changed.borrow_mut().take();
        if before.is_none() {
            self.kept.borrow_mut().push(Kept::Loop(one.clone()));
        }
        let now = &arguments.positional;
        self.budget.items(now.len() + 1)?;
        let mut same = before
            .as_ref()
            .is_some_and(|before| before.len() == now.len());
        if let (true, Some(before)) = (same, &before) {
            for (a, b) in before.iter().zip(now) {
                same &= a.equals(b, &self.budget)?;
            }
        }
        *one.changed.borrow_mut() = Some(now.clone());
        Ok(Value::Bool(!same))
    }

    /// Writes a macro with arguments.
    fn expand(&self, closure: &Closure, arguments: &Arguments) -> Evaluated<Value> {
        let one = &closure.definition;
        let scope = Scope::within(&closure.scope);
        let mut named = arguments.named.clone();
        let caller = named.iter().position(|(name, _)| &**name == "caller");
        let declared = one.parameters.iter().any(|(name, _)| name == "caller");
        if one.uses_caller && !declared {
            let value = caller.map(|at| named.remove(at).1);
            let none = || Value::undefined("No caller defined");
            scope.set("caller", value.unwrap_or_else(none));
        }
        let mut positional = arguments.positional.iter();
        for (name, default) in &one.parameters {
            let given = named.iter().position(|(n, _)| **n == **name);
            let value = match (positional.next(), given) {
                (Some(_), Some(_)) => {
                    return Err(Failure::new(format!(
                        "macro '{}' got multiple values for argument '{name}'",
                        one.name
                    )));
                }
                (Some(value), None) => value.clone(),
                (None, Some(at)) => named.remove(at).1,
                (None, None) => match default {
                    Some(default) => self.expr(default, &scope)?,
                    None => Value::undefined(format!("parameter '{name}' was not provided")),
                },
            };
            scope.set(name, value);
        }
        let rest: Vec<Value> = positional.cloned().collect();
        if one.uses_varargs {
            scope.set("varargs", Value::tuple(rest, &self.budget)?);
        } else if !rest.is_empty() {
            return Err(Failure::new(format!(
                "macro '{}' takes not more than {} argument(s)",
                one.name,
                one.parameters.len()
            )));
        }
        if one.uses_kwargs {
            let pairs = named
                .into_iter()
                .map(|(name, value)| (Value::Str(name), value));
            let dict = Dict::from_pairs(pairs, &self.budget)?;
            scope.set("kwargs", Value::Dict(Rc::new(dict)));
        } else if let Some((name, _)) = named.first() {
            return Err(Failure::new(format!(
                "macro '{}' takes no keyword argument '{name}'",
                one.name
            )));
        }
        self.captured(&one.body, &scope).map(Value::str)
    }
}
