//! Figures as files: what is in them, that they repeat, and what they look like.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "pictures/field.rs"]
mod field;
#[path = "pictures/front.rs"]
mod front;
#[path = "pictures/helpers.rs"]
mod helpers;
#[path = "pictures/others.rs"]
mod others;
