//! Names of a rendering: scopes within each other, macros that see where they stand, loops.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::budget::Budget;
use super::value::{Items, Value};
use super::{Failure, ast};

/// Names of one part of a template. What is not here is looked for in the part around it.
#[derive(Default)]
pub(super) struct Scope {
    names: RefCell<HashMap<Rc<str>, Value>>,
    around: Option<Rc<Self>>,
}

impl Scope {
    pub(super) fn within(around: &Rc<Self>) -> Rc<Self> {
        Rc::new(Self {
            names: RefCell::default(),
            around: Some(around.clone()),
        })
    }

    pub(super) fn get(&self, name: &str, budget: &Budget) -> Result<Option<Value>, Failure> {
        let mut scope = self;
        loop {
            budget.steps(1)?;
            if let Some(value) = scope.names.borrow().get(name) {
                return Ok(Some(value.clone()));
            }
            match &scope.around {
                Some(around) => scope = around,
                None => return Ok(None),
            }
        }
    }

    pub(super) fn set(&self, name: &str, value: Value) {
        self.names.borrow_mut().insert(name.into(), value);
    }

    /// Lets its values go: macros and namespaces may hold each other in a circle.
    pub(super) fn clear(&self) {
        let names = self.names.take();
        drop(names);
    }
}

/// A macro and the scope in which it stands.
pub(super) struct Closure {
    pub definition: Arc<ast::Macro>,
    pub scope: Rc<Scope>,
}

/// `loop` within a `for`.
pub(super) struct Loop {
    pub items: Rc<Items>,
    pub at: Cell<usize>,
    /// Loops of the same `for ... recursive` around this one.
    pub level: usize,
    /// What `loop.changed` was last given.
    pub changed: RefCell<Option<Vec<Value>>>,
}

impl Loop {
    pub(super) fn new(items: Rc<Items>, level: usize) -> Self {
        Self {
            items,
            at: Cell::new(0),
            level,
            changed: RefCell::default(),
        }
    }

    /// How deep its items reach; what `changed` holds is let go at the end of a rendering.
    pub(super) fn depth(&self) -> usize {
        self.items.depth
    }
}
