//! A template as it was parsed. It holds no values of a run, so that it can be shared by threads.

use std::sync::Arc;

/// A literal.
#[derive(Debug, Clone)]
pub(super) enum Literal {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
}

#[derive(Debug)]
pub(super) enum Expr {
    Literal(Literal),
    Name(String),
    List(Vec<Self>),
    Tuple(Vec<Self>),
    Dict(Vec<(Self, Self)>),
    /// `x.name`
    Attribute(Box<Self>, String),
    /// `x[y]`
    Item(Box<Self>, Box<Self>),
    /// `x[from:to:step]`
    Slice(Box<Self>, [Option<Box<Self>>; 3]),
    Call(Box<Self>, Arguments),
    /// Of `None` where a block is filtered: its text stands there.
    Filter(Option<Box<Self>>, String, Arguments),
    /// `x is name(...)`
    Test(Box<Self>, String, Arguments),
    Not(Box<Self>),
    Negative(Box<Self>),
    Positive(Box<Self>),
    Binary(Operator, Box<Self>, Box<Self>),
    /// `a ~ b ~ c`
    Concat(Vec<Self>),
    /// `a < b < c`
    Compare(Box<Self>, Vec<(Comparison, Self)>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// `a if b else c`
    Choice(Box<Self>, Box<Self>, Option<Box<Self>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
}

#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub positional: Vec<Expr>,
    pub named: Vec<(String, Expr)>,
    /// `*list`
    pub spread: Option<Box<Expr>>,
    /// `**mapping`
    pub spread_named: Option<Box<Expr>>,
}

/// What can be assigned to.
#[derive(Debug)]
pub(super) enum Target {
    Name(String),
    /// `namespace.name`
    Attribute(String, String),
    Tuple(Vec<Self>),
}

/// A statement and the line on which it begins.
#[derive(Debug)]
pub(super) struct Statement {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text(String),
    Emit(Expr),
    If(Vec<(Expr, Vec<Statement>)>, Vec<Statement>),
    For(Arc<For>),
    Set(Target, Expr),
    /// `{% set x | filter %}...{% endset %}`
    SetBlock(Target, Option<Expr>, Vec<Statement>),
    Macro(Arc<Macro>),
    /// `{% call(a) f() %}...{% endcall %}`
    CallBlock(Arc<Macro>, Box<Expr>, Arguments),
    FilterBlock(Expr, Vec<Statement>),
    With(Vec<(Target, Expr)>, Vec<Statement>),
    /// A block, or what `{% generation %}` marks: its own names, nothing else.
    Scope(Vec<Statement>),
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct For {
    pub target: Target,
    pub iterated: Expr,
    pub condition: Option<Expr>,
    pub recursive: bool,
    pub body: Vec<Statement>,
    pub otherwise: Vec<Statement>,
}

#[derive(Debug)]
pub(super) struct Macro {
    pub name: String,
    pub parameters: Vec<(String, Option<Expr>)>,
    pub body: Vec<Statement>,
    pub uses_varargs: bool,
    pub uses_kwargs: bool,
    pub uses_caller: bool,
}
