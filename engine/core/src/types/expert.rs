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
