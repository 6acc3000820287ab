//! Methods: how a prompt and a point become an answer. Every system that the papers compare with is one, by name.
//!
//! A method is plain data here, `name` or `name:key=value,...`; what it does to rows is the engine's `method`. A row that
//! names none is HoE's where its point is a preference, and MVA's where it is weights.

mod given;
mod kind;
mod known;
mod setting;

pub use given::{Method, MethodError};
pub use kind::{Acts, MethodKind};
pub use known::Speaks;
pub use setting::{Setting, Value, Wanted};
