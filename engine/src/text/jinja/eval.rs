//! One rendering: statements and expressions over values.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

use super::ast::{self, Comparison, Expr, Kind, Literal, Statement, Target};
use super::budget::{Budget, LONGEST_TEXT};
use super::scope::{Closure, Loop, Scope};
use super::value::{Dict, Namespace, Value};
use super::{Arguments, Failure, attributes, checks, filters, functions, operators};

/// What a rendering has at hand.
pub(super) struct Rendering {
    pub budget: Budget,
    /// `strftime_now`'s time: seconds and microseconds since 1970, in UTC.
    pub now: (u64, u32),
    /// What may hold itself, in the order of its making; let go at the end.
    pub(super) kept: RefCell<Vec<Kept>>,
    /// The `for ... recursive` at work, that `loop(...)` goes into again.
    pub(super) recursive: RefCell<Vec<AtWork>>,
}

pub(super) enum Kept {
    Scope(Rc<Scope>),
    Namespace(Rc<Namespace>),
    Loop(Rc<Loop>),
}

/// A `for ... recursive` that is being gone through, and the scope around it.
pub(super) type AtWork = (Rc<Loop>, Arc<ast::For>, Rc<Scope>);

/// How a statement ended.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

pub(super) type Evaluated<T> = Result<T, Failure>;

/// Renders a template over names.
pub(super) fn render(
    body: &[Statement],
    names: Vec<(String, Value)>,
    now: (u64, u32),
    budget: Budget,
) -> Result<String, Failure> {
    let run = Rendering {
        budget,
        now,
        kept: RefCell::default(),
        recursive: RefCell::default(),
    };
    let root = Rc::new(Scope::default());
    for function in functions::ALL {
        root.set(functions::name(function), Value::Function(function));
    }
    for (name, value) in names {
        root.set(&name, value);
    }
    let mut out = String::new();
    let outcome = run.statements(body, &root, &mut out);
    run.let_go();
    outcome.map(|_| out)
}

impl Rendering {
    fn let_go(&self) {
        let kept = self.kept.take();
        for one in &kept {
            match one {
                Kept::Scope(scope) => scope.clear(),
                Kept::Namespace(namespace) => drop(namespace.fields.take()),
                Kept::Loop(one) => drop(one.changed.take()),
            }
        }
        // A scope may stand within one that was made before it: from the innermost outwards.
        kept.into_iter().rev().for_each(drop);
    }

    fn statements(
        &self,
        body: &[Statement],
        scope: &Rc<Scope>,
        out: &mut String,
    ) -> Evaluated<Flow> {
        for statement in body {
            let flow = self.statement(statement, scope, out);
            match flow.map_err(|failure| failure.at(statement.line))? {
                Flow::On => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::On)
    }

    fn emit(&self, text: &str, out: &mut String) -> Evaluated<()> {
        self.budget.build(text.len())?;
        if out.len() + text.len() > LONGEST_TEXT {
            let problem = format!("it would write more than {LONGEST_TEXT} bytes");
            return Err(Failure::new(problem));
        }
        out.push_str(text);
        Ok(())
    }

    /// What a part of the template writes, in a scope of its own.
    pub(super) fn captured(&self, body: &[Statement], scope: &Rc<Scope>) -> Evaluated<String> {
        let mut text = String::new();
        self.budget.enter()?;
        let flow = self.statements(body, scope, &mut text);
        self.budget.leave();
        flow.map(|_| text)
    }

    fn statement(
        &self,
        statement: &Statement,
        scope: &Rc<Scope>,
        out: &mut String,
    ) -> Evaluated<Flow> {
        self.budget.steps(1)?;
        match &statement.kind {
            Kind::Text(text) => self.emit(text, out)?,
            Kind::Emit(expr) => {
                let value = self.expr(expr, scope)?;
                self.emit(&value.text(&self.budget)?, out)?;
            }
            Kind::If(cases, otherwise) => {
                for (condition, body) in cases {
                    if self.expr(condition, scope)?.is_true() {
                        return self.statements(body, scope, out);
                    }
                }
                return self.statements(otherwise, scope, out);
            }
            Kind::For(repeated) => {
                let items = self.expr(&repeated.iterated, scope)?;
                self.repeat(repeated, &items, scope, 0, out)?;
            }
            Kind::Set(target, expr) => {
                let value = self.expr(expr, scope)?;
                self.assign(target, value, scope)?;
            }
            Kind::SetBlock(target, filter, body) => {
                let text = Value::str(self.captured(body, &Scope::within(scope))?);
                let value = match filter {
                    Some(filter) => self.filtered(filter, Some(&text), scope)?,
                    None => text,
                };
                self.assign(target, value, scope)?;
            }
            Kind::Macro(definition) => {
                let closure = self.closure(definition, scope)?;
                scope.set(&definition.name, closure);
            }
            Kind::CallBlock(caller, function, arguments) => {
                let called = self.expr(function, scope)?;
                let mut given = self.arguments(arguments, scope)?;
                given
                    .named
                    .push(("caller".into(), self.closure(caller, scope)?));
                let value = self.call(&called, &given)?;
                self.emit(&value.text(&self.budget)?, out)?;
            }
            Kind::FilterBlock(filter, body) => {
                let text = Value::str(self.captured(body, &Scope::within(scope))?);
                let value = self.filtered(filter, Some(&text), scope)?;
                self.emit(&value.text(&self.budget)?, out)?;
            }
            Kind::With(values, body) => {
                let inner = Scope::within(scope);
                for (target, expr) in values {
                    let value = self.expr(expr, scope)?;
                    self.assign(target, value, &inner)?;
                }
                return self.statements(body, &inner, out);
            }
            Kind::Scope(body) => {
                let text = self.captured(body, &Scope::within(scope))?;
                self.emit(&text, out)?;
            }
            Kind::Break => return Ok(Flow::Break),
            Kind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn closure(&self, definition: &Arc<ast::Macro>, scope: &Rc<Scope>) -> Evaluated<Value> {
        self.budget.items(8)?;
        self.kept.borrow_mut().push(Kept::Scope(scope.clone()));
        let definition = definition.clone();
        let scope = scope.clone();
        Ok(Value::Macro(Rc::new(Closure { definition, scope })))
    }

    fn assign(&self, target: &Target, value: Value, scope: &Rc<Scope>) -> Evaluated<()> {
        match target {
            Target::Name(name) => {
                self.budget.items(2)?;
                scope.set(name, value);
            }
            Target::Attribute(name, field) => match scope.get(name, &self.budget)? {
                Some(Value::Namespace(namespace)) => {
                    functions::check_field(field)?;
                    self.budget.items(2)?;
                    let before = namespace
                        .fields
                        .borrow_mut()
                        .insert(field.as_str().into(), value);
                    drop(before);
                }
                _ => {
                    return Err(Failure::new(
                        "cannot assign attribute on non-namespace object",
                    ));
                }
            },
            Target::Tuple(targets) => {
                let values = value.iterate(&self.budget)?;
                if values.len() != targets.len() {
                    return Err(Failure::new(format!(
                        "cannot unpack {} values into {} names",
                        values.len(),
                        targets.len()
                    )));
                }
                for (target, value) in targets.iter().zip(values) {
                    self.assign(target, value, scope)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn repeat(
        &self,
        repeated: &Arc<ast::For>,
        items: &Value,
        scope: &Rc<Scope>,
        level: usize,
        out: &mut String,
    ) -> Evaluated<()> {
        let mut items = items.iterate(&self.budget)?;
        if let Some(condition) = &repeated.condition {
            let mut kept = Vec::new();
            for item in items {
                let inner = Scope::within(scope);
                self.assign(&repeated.target, item.clone(), &inner)?;
                if self.expr(condition, &inner)?.is_true() {
                    kept.push(item);
                }
            }
            items = kept;
        }
        if items.is_empty() {
            self.statements(&repeated.otherwise, &Scope::within(scope), out)?;
            return Ok(());
        }
        let items = super::value::items(items, &self.budget)?;
        let count = items.values.len();
        let one = Rc::new(Loop::new(items, level));
        if repeated.recursive {
            let at_work = (one.clone(), repeated.clone(), scope.clone());
            self.recursive.borrow_mut().push(at_work);
        }
        self.budget.enter()?;
        let mut outcome = Ok(());
        for at in 0..count {
            one.at.set(at);
            let inner = Scope::within(scope);
            let flow = self
                .assign(&repeated.target, one.items.values[at].clone(), &inner)
                .and_then(|()| {
                    inner.set("loop", Value::Loop(one.clone()));
                    self.statements(&repeated.body, &inner, out)
                });
            match flow {
                Ok(Flow::Break) => break,
                Ok(_) => {}
                Err(failure) => {
                    outcome = Err(failure);
                    break;
                }
            }
        }
        self.budget.leave();
        if repeated.recursive {
            self.recursive.borrow_mut().pop();
        }
        outcome
    }

    fn arguments(&self, given: &ast::Arguments, scope: &Rc<Scope>) -> Evaluated<Arguments> {
        let mut arguments = Arguments::default();
        for expr in &given.positional {
            arguments.positional.push(self.expr(expr, scope)?);
        }
        for (name, expr) in &given.named {
            let value = self.expr(expr, scope)?;
            arguments.named.push((name.as_str().into(), value));
        }
        if let Some(spread) = &given.spread {
            let values = self.expr(spread, scope)?.iterate(&self.budget)?;
            arguments.positional.extend(values);
        }
        if let Some(spread) = &given.spread_named {
            let Value::Dict(dict) = self.expr(spread, scope)? else {
                return Err(Failure::new("argument after ** must be a mapping"));
            };
            self.budget.items(dict.pairs.len())?;
            for (name, value) in &dict.pairs {
                let Value::Str(name) = name else {
                    return Err(Failure::new("keywords must be strings"));
                };
                arguments.named.push((name.clone(), value.clone()));
            }
        }
        Ok(arguments)
    }

    /// A filter or a chain of them, over the text of a block.
    fn filtered(&self, filter: &Expr, text: Option<&Value>, scope: &Rc<Scope>) -> Evaluated<Value> {
        let Expr::Filter(inner, name, arguments) = filter else {
            return Err(Failure::new("expected a filter"));
        };
        let value = match (inner, text) {
            (Some(inner), _) => match &**inner {
                Expr::Filter(..) => self.filtered(inner, text, scope)?,
                other => self.expr(other, scope)?,
            },
            (None, Some(text)) => text.clone(),
            (None, None) => return Err(Failure::new("a filter of nothing")),
        };
        let arguments = self.arguments(arguments, scope)?;
        filters::apply(self, name, &value, &arguments)
    }

    /// Evaluates an expression.
    pub(super) fn expr(&self, expr: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        self.budget.steps(1)?;
        self.budget.enter()?;
        let value = self.evaluate(expr, scope);
        self.budget.leave();
        value
    }

    fn evaluate(&self, expr: &Expr, scope: &Rc<Scope>) -> Evaluated<Value> {
        let budget = &self.budget;
        Ok(match expr {
            Expr::Literal(literal) => match literal {
                Literal::None => Value::None,
                Literal::Bool(b) => Value::Bool(*b),
                Literal::Int(i) => Value::Int(*i),
                Literal::Float(f) => Value::Float(*f),
                Literal::Str(text) => {
                    budget.build(text.len())?;
                    Value::str(&**text)
                }
            },
            Expr::Name(name) => scope
                .get(name, budget)?
                .unwrap_or_else(|| Value::undefined(format!("'{name}' is undefined"))),
            Expr::List(parts) => Value::list(self.all(parts, scope)?, budget)?,
            Expr::Tuple(parts) => Value::tuple(self.all(parts, scope)?, budget)?,
            Expr::Dict(pairs) => {
                let mut made = Vec::new();
                for (key, value) in pairs {
                    made.push((self.expr(key, scope)?, self.expr(value, scope)?));
                }
                Value::Dict(Rc::new(Dict::from_pairs(made, budget)?))
            }
            Expr::Attribute(value, name) => {
                attributes::attribute(&self.expr(value, scope)?, name, budget)?
            }
            Expr::Item(value, key) => {
                let value = self.expr(value, scope)?;
                attributes::item(&value, &self.expr(key, scope)?, budget)?
            }
            Expr::Slice(value, parts) => self.slice(value, parts, scope)?,
            Expr::Call(called, arguments) => {
                let called = self.expr(called, scope)?;
                let arguments = self.arguments(arguments, scope)?;
                self.call(&called, &arguments)?
            }
            Expr::Filter(..) => self.filtered(expr, None, scope)?,
            Expr::Test(value, name, arguments) => {
                let value = self.expr(value, scope)?;
                let arguments = self.arguments(arguments, scope)?;
                Value::Bool(checks::apply(name, &value, &arguments, budget)?)
            }
            Expr::Not(value) => Value::Bool(!self.expr(value, scope)?.is_true()),
            Expr::Negative(value) => operators::negative(&self.expr(value, scope)?)?,
            Expr::Positive(value) => operators::positive(self.expr(value, scope)?)?,
            Expr::Binary(operator, left, right) => {
                let left = self.expr(left, scope)?;
                operators::binary(*operator, &left, &self.expr(right, scope)?, budget)?
            }
            Expr::Concat(parts) => {
                let mut text = String::new();
                for part in parts {
                    let part = self.expr(part, scope)?.text(budget)?;
                    budget.build(text.len() + part.len())?;
                    text.push_str(&part);
                }
                Value::str(text)
            }
            Expr::Compare(first, rest) => {
                let mut left = self.expr(first, scope)?;
                for (how, right) in rest {
                    let right = self.expr(right, scope)?;
                    if !compare(*how, &left, &right, budget)? {
                        return Ok(Value::Bool(false));
                    }
                    left = right;
                }
                Value::Bool(true)
            }
            Expr::And(left, right) => {
                let left = self.expr(left, scope)?;
                if left.is_true() {
                    self.expr(right, scope)?
                } else {
                    left
                }
            }
            Expr::Or(left, right) => {
                let left = self.expr(left, scope)?;
                if left.is_true() {
                    left
                } else {
                    self.expr(right, scope)?
                }
            }
            Expr::Choice(condition, value, otherwise) => {
                match (self.expr(condition, scope)?.is_true(), otherwise) {
                    (true, _) => self.expr(value, scope)?,
                    (false, Some(otherwise)) => self.expr(otherwise, scope)?,
                    (false, None) => Value::undefined(
                        "the inline if-expression evaluated to false and no else section was defined.",
                    ),
                }
            }
        })
    }

    fn slice(
        &self,
        value: &Expr,
        parts: &[Option<Box<Expr>>; 3],
        scope: &Rc<Scope>,
    ) -> Evaluated<Value> {
        let value = self.expr(value, scope)?;
        let mut places = [None; 3];
        for (place, part) in places.iter_mut().zip(parts) {
            let Some(part) = part else { continue };
            *place = match self.expr(part, scope)? {
                Value::None => None,
                other => Some(
                    other
                        .as_int()
                        .ok_or_else(|| Failure::new("slice indices must be integers or None"))?,
                ),
            };
        }
        operators::slice(&value, places, &self.budget)
    }

    fn all(&self, parts: &[Expr], scope: &Rc<Scope>) -> Evaluated<Vec<Value>> {
        parts.iter().map(|part| self.expr(part, scope)).collect()
    }
}

/// `==`, `<`, `in` and their like.
pub(super) fn compare(
    how: Comparison,
    left: &Value,
    right: &Value,
    budget: &Budget,
) -> Evaluated<bool> {
    let order = |test: fn(Ordering) -> bool| -> Evaluated<bool> {
        Ok(left.order(right, budget)?.is_some_and(test))
    };
    match how {
        Comparison::Equal => left.equals(right, budget),
        Comparison::NotEqual => left.equals(right, budget).map(|equal| !equal),
        Comparison::Less => order(Ordering::is_lt),
        Comparison::LessEqual => order(Ordering::is_le),
        Comparison::Greater => order(Ordering::is_gt),
        Comparison::GreaterEqual => order(Ordering::is_ge),
        Comparison::In => operators::contains(right, left, budget),
        Comparison::NotIn => operators::contains(right, left, budget).map(|found| !found),
    }
}
