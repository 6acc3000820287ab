//! The mixture of LoRA experts inside every linear module:
//! `O(x) = W x + sum_l g_l(x) * s_l B_l A_l x` (HoE Eqs. 10 to 12), with gates that belong to the row.
//!
//! Experts are concatenated along their rank, so a module costs one product with all first factors
//! (and router rows), one multiplication by the gates, and one product with base weight and all
//! second factors together. Rows differ in the multiplication alone.
//!
//! What a method makes for its own rows stands beside the bank ([`SideBank`]).

mod bank;
mod experts;
mod gates;
mod group;
mod reference;
mod side;
mod tap;

pub use bank::{Bank, BankRouter};
pub use gates::TokenGates;
pub use group::{LinearSpec, MixedGroup};
pub use reference::mixed_linear;
pub use side::{Side, SideBank, SideTokens};
pub use tap::Tap;
