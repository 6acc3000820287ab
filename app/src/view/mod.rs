//! One file per panel: views read state and queue commands, nothing else.

mod answer;
mod bundle_sheet;
mod canvas;
mod closing;
mod conversation;
mod first_steps;
mod forgetting;
mod given;
pub mod heatmap;
mod interference;
mod keyboard;
mod layout;
mod learn;
mod palette;
mod panels;
pub mod pareto;
mod point;
mod prompt;
mod responses;
mod routing;
mod settings;
mod shortcuts;
mod status;
mod study;
mod sweep;
mod sweep_points;
mod tiers;
mod tools;
mod top_bar;
mod training;
mod trial;
mod weights;
mod welcome;
mod when;

pub use layout::{Divider, Panels, Places, Wanted, window_ui};
