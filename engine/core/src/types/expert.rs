//! What stands on the simplex.

use serde::{Deserialize, Serialize};

use super::Preference;

/// The two tiers of experts of HoE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpertKind {
    /// A low-rank adapter.
    Lora,
    /// A router that votes for LoRA experts token by token.
    Router,
}

/// What follows a router's linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum RouterActivation {
    /// Softmax in f32 over the router's outputs: its votes sum to one.
    #[default]
    Softmax,
    /// Raw scores.
    None,
}

/// An expert as routing sees it: its kind, its name and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expert {
    /// LoRA or router.
    pub kind: ExpertKind,
    /// Shown to people; empty where none was given.
    #[serde(default)]
    pub name: String,
    /// Where it stands on the simplex.
    pub preference: Preference,
}
