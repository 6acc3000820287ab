//! The heatmap panel: which experts spoke at every token, as coloured text or as a matrix.

mod bar;
mod chunk;
mod controls;
pub(in crate::view) mod matrix;
mod shares;
mod strip;
mod tip;
mod trace;

use crate::gpu::ColorMap;
use egui::{EventFilter, Key, Modifiers, Response, RichText, Ui};
use paretoscope_core::method::Speaks;

pub(in crate::view) use chunk::rects;
pub use trace::{Cell, Mismatch, TokenTrace, cells};

use crate::state::{HeatmapMode, HeatmapOptions, SiteMap};
use crate::theme::{Tokens, category};
use crate::widgets::adapter_title;
use crate::widgets::empty_ui;
use shares::Shares;

/// What a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum HeatmapAction {
    /// Look at it differently.
    Options(HeatmapOptions),
    /// Generate an answer.
    Generate,
    /// Generate the run again, with its routing recorded.
    Regenerate,
}

/// What the panel keeps from frame to frame: caches and the zoom.
#[derive(Default)]
pub struct HeatmapPanel {
    /// Format of what egui renders to, where there is a GPU; without, the matrix is painted cell by cell.
    target: Option<wgpu::TextureFormat>,
    map: Option<SiteMap>,
    /// Means over the chosen modules per adapter.
    by_adapter: Shares,
    /// Means of one adapter per layer.
    by_layer: Shares,
    cells: Vec<Cell>,
    checked: Option<(u64, usize, usize)>,
    strip: strip::Strip,
    window: matrix::Window,
    zoomed_run: u64,
    /// The token under the pointer.
    hovered: Option<usize>,
}

/// Why there is no routing to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTrace {
    /// There is no answer, or no token of it yet.
    NoRun,
    /// None was recorded.
    Untraced,
    /// The answer failed.
    Failed,
    /// There are none: a base model alone speaks.
    NoExperts,
    /// Its method routes nothing among the bundle's experts.
    Unrouted(Speaks),
}

impl HeatmapPanel {
    /// A panel that draws its matrix with the shader where a render state is at hand.
    pub fn new(target: Option<wgpu::TextureFormat>) -> Self {
        Self {
            target,
            ..Self::default()
        }
    }

    /// The token under the pointer when the panel was last shown.
    pub fn hovered(&self) -> Option<usize> {
        self.hovered
    }

    fn hover(&mut self, ui: &Ui, token: Option<usize>) {
        if self.hovered != token {
            self.hovered = token;
            ui.ctx().request_repaint();
        }
    }

    /// Shows the panel in the room that is left and says what the person asked for. `trace` is `None`
    /// where there is no routing, and `lacking` says why.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        trace: Option<&TokenTrace<'_>>,
        lacking: NoTrace,
        options: &HeatmapOptions,
    ) -> Vec<HeatmapAction> {
        let mut actions = Vec::new();
        let Some(trace) = trace else {
            if let NoTrace::Unrouted(speaks) = lacking {
                empty_ui(ui, &format!("No routing: {}.", speaks.says()), |_| {});
                return actions;
            }
            if lacking == NoTrace::NoExperts {
                empty_ui(ui, "No experts: the base model speaks alone.", |_| {});
                return actions;
            }
            let (why, button, action) = match lacking {
                NoTrace::Untraced => (
                    "No routing trace for this run.",
                    "Regenerate with trace",
                    HeatmapAction::Regenerate,
                ),
                NoTrace::Failed => (
                    "This answer failed before its first token, so no expert spoke.",
                    "Try again",
                    HeatmapAction::Regenerate,
                ),
                NoTrace::NoRun | NoTrace::NoExperts | NoTrace::Unrouted(_) => (
                    "No answer yet. Generate one to see which experts speak at each token.",
                    "Generate an answer",
                    HeatmapAction::Generate,
                ),
            };
            if empty_ui(ui, why, |ui| ui.button(button).clicked()) {
                actions.push(action);
            }
            return actions;
        };
        if let Err(mismatch) = self.check(trace) {
            refuse(ui, &mismatch);
            return actions;
        }
        let known = self.map.take().filter(|map| map.is_of(trace.sites));
        let map = known.unwrap_or_else(|| SiteMap::new(trace.sites));
        self.by_adapter.by_adapter(trace, &map, options);
        let mut changed = options.clone();
        changed.adapter = changed.adapter.min(trace.adapters.len().saturating_sub(1));
        changed.token = changed
            .token
            .map(|token| token.min(trace.pieces.len().saturating_sub(1)));
        controls::show(ui, trace, &map, &self.by_adapter, &mut changed);
        if trace.pieces.is_empty() {
            ui.label(RichText::new("Waiting for the first token…").color(Tokens::of(ui).weak));
        } else if changed.mode == HeatmapMode::Strip {
            self.strip_view(ui, trace, &mut changed);
        } else {
            self.matrix_view(ui, trace, &map, &mut changed);
        }
        self.map = Some(map);
        if changed != *options {
            actions.push(HeatmapAction::Options(changed));
        }
        actions
    }

    /// Cells of the run; read again only when it grew.
    fn check(&mut self, trace: &TokenTrace<'_>) -> Result<(), Mismatch> {
        let now = (trace.key, trace.pieces.len(), trace.values.len());
        if self.checked != Some(now) {
            self.checked = None;
            self.cells = cells(trace)?;
            self.checked = Some(now);
        }
        Ok(())
    }

    fn cell_of(&self, token: usize) -> Option<usize> {
        let after = self.cells.partition_point(|cell| cell.tokens.end <= token);
        (after < self.cells.len()).then_some(after)
    }

    fn strip_view(&mut self, ui: &mut Ui, trace: &TokenTrace<'_>, options: &mut HeatmapOptions) {
        let cursor = options.token.and_then(|token| self.cell_of(token));
        let value = cursor.map_or_else(
            || {
                format!(
                    "{} tokens; arrow keys move from token to token",
                    trace.pieces.len()
                )
            },
            |cell| tip::cell_words(trace, &self.by_adapter, &self.cells, cell),
        );
        let input = strip::StripInput {
            trace,
            cells: &self.cells,
            shares: &self.by_adapter,
            options,
            cursor,
            value,
            streams: trace.streams,
        };
        let out = self.strip.show(ui, &input);
        if let Some(cell) = out.hovered {
            tip::show(ui, trace, &self.by_adapter, &self.cells, cell, None);
        }
        let hovered = out.hovered.and_then(|cell| self.cells.get(cell));
        self.hover(ui, hovered.map(|cell| cell.tokens.start));
        let first_token = |cell: usize| self.cells.get(cell).map(|cell| cell.tokens.start);
        if out.response.clicked() {
            out.response.request_focus();
            if let Some(cell) = out.hovered {
                options.token = first_token(cell);
            }
        }
        if let Some(cell) = moved(ui, &out.response, cursor, self.cells.len()) {
            options.token = first_token(cell);
        }
    }

    fn matrix_view(
        &mut self,
        ui: &mut Ui,
        trace: &TokenTrace<'_>,
        map: &SiteMap,
        options: &mut HeatmapOptions,
    ) {
        if self.zoomed_run != trace.key {
            self.zoomed_run = trace.key;
            self.window = matrix::Window::default();
        }
        let layers = options.mode == HeatmapMode::Layers;
        if layers {
            self.by_layer.by_layer(trace, map, options);
        }
        let shares = if layers {
            &self.by_layer
        } else {
            &self.by_adapter
        };
        let labels: Vec<String> = if layers {
            map.layers
                .iter()
                .map(|layer| format!("layer {layer}"))
                .collect()
        } else {
            trace
                .adapters
                .iter()
                .enumerate()
                .map(|(i, name)| adapter_title(trace.experts, i, name))
                .collect()
        };
        let swatches: Vec<egui::Color32> = if layers {
            Vec::new()
        } else {
            (0..trace.adapters.len()).map(category).collect()
        };
        let cursor = options.token.and_then(|token| self.cell_of(token));
        let value = cursor.map_or_else(
            || {
                format!(
                    "{} tokens; arrow keys move from token to token",
                    trace.pieces.len()
                )
            },
            |cell| tip::cell_words(trace, &self.by_adapter, &self.cells, cell),
        );
        let input = matrix::MatrixInput {
            matrix: shares.matrix(),
            labels: &labels,
            swatches: &swatches,
            scale: [0.0, shares.scale()],
            axis: matrix::Axis::Tokens,
            bar: "gate",
            map: ColorMap::Magnitude,
            marked: options.token,
            name: if layers {
                "Gates of one expert by layer and token"
            } else {
                "Gates by expert and token"
            },
            value,
            target: self.target,
        };
        let out = matrix::show(ui, &mut self.window, &input);
        let hovered = out.hovered.map(|(column, _)| column);
        if let Some((column, row)) = out.hovered {
            if let (Some(cell), Some(gate)) =
                (self.cell_of(column), shares.matrix().at(column, row))
            {
                let adapter = if layers { options.adapter } else { row };
                let place = if layers {
                    labels.get(row).cloned()
                } else {
                    None
                };
                let read = tip::ReadOut {
                    token: column,
                    adapter,
                    gate,
                    place,
                };
                tip::show(ui, trace, &self.by_adapter, &self.cells, cell, Some(&read));
            }
            if out.response.clicked() {
                out.response.request_focus();
                options.token = Some(column);
            }
        }
        if let Some(token) = moved(ui, &out.response, options.token, trace.pieces.len()) {
            options.token = Some(token);
        }
        self.hover(ui, hovered);
    }
}

/// Where the arrow keys take a cursor among `count` places; `None` where they were not pressed.
fn moved(ui: &Ui, response: &Response, cursor: Option<usize>, count: usize) -> Option<usize> {
    if !response.has_focus() || count == 0 {
        return None;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let pressed =
        |key| ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key)) as i64;
    let step = pressed(Key::ArrowRight) - pressed(Key::ArrowLeft)
        + 10 * (pressed(Key::PageDown) - pressed(Key::PageUp));
    let last = count as i64 - 1;
    if pressed(Key::Home) > 0 {
        return Some(0);
    }
    if pressed(Key::End) > 0 {
        return usize::try_from(last).ok();
    }
    if step == 0 {
        return None;
    }
    // The first step from nowhere lands on the first token.
    let next = cursor.map_or(0, |cursor| (cursor as i64 + step).clamp(0, last));
    usize::try_from(next).ok()
}

/// Says why nothing is drawn.
fn refuse(ui: &mut Ui, mismatch: &Mismatch) {
    let tokens = Tokens::of(ui);
    ui.add_space(12.0);
    ui.label(
        RichText::new("The routing of this run cannot be shown")
            .color(tokens.error)
            .strong(),
    );
    ui.label(format!(
        "Text and trace do not belong together: {mismatch}."
    ));
    ui.label(
        RichText::new(
            "The text itself is unaffected. Generate the run again to record its routing anew.",
        )
        .color(tokens.weak),
    );
}
