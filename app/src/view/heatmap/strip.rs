//! The token strip: the answer as text, coloured by expert, with a bar of shares under each token.

use egui::{
    Pos2, Rect, Response, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    accesskit::Role, vec2,
};

use super::chunk::{CELLS, CellLook, Chunk, Setting, visible};
use super::shares::{Shares, Top, evenness, normalised, top};
use super::trace::{Cell, TokenTrace};
use crate::gpu::cividis;
use crate::state::{HeatmapOptions, StripColor};
use crate::theme::{Tokens, category, ink_on};
use crate::widgets::adapter_letter;

/// Everything that decides how the cells look; while it stays, only new cells are looked at.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    run: u64,
    generation: u64,
    color: StripColor,
    adapter: usize,
    dark: bool,
}

/// Laid-out chunks of one run.
#[derive(Default)]
pub(super) struct Strip {
    key: Option<Key>,
    setting: Option<Setting>,
    chunks: Vec<Chunk>,
    /// Bytes of text that the chunks were made from.
    bytes: usize,
    /// Cells that the chunks were made from.
    cells: usize,
    /// Origins of the chunks, from the corner of the strip.
    origins: Vec<Vec2>,
}

/// What the strip shows.
pub(super) struct StripInput<'a> {
    pub trace: &'a TokenTrace<'a>,
    pub cells: &'a [Cell],
    pub shares: &'a Shares,
    pub options: &'a HeatmapOptions,
    /// The cell under the cursor.
    pub cursor: Option<usize>,
    /// What the cursor's cell is, in words.
    pub value: String,
    /// Whether more is to come, which is followed.
    pub streams: bool,
}

/// What happened to the strip.
pub(super) struct StripOutput {
    pub response: Response,
    /// The cell under the pointer.
    pub hovered: Option<usize>,
}

impl Strip {
    /// Shows the strip in the room that is left.
    pub(super) fn show(&mut self, ui: &mut Ui, input: &StripInput<'_>) -> StripOutput {
        let scroll = ScrollArea::vertical()
            .auto_shrink([false, true])
            // A finished answer is read from its beginning.
            .stick_to_bottom(input.streams);
        scroll.show(ui, |ui| self.content(ui, input)).inner
    }

    fn content(&mut self, ui: &mut Ui, input: &StripInput<'_>) -> StripOutput {
        let font = egui::FontId::proportional(16.0);
        let text_height = ui.fonts_mut(|fonts| fonts.row_height(&font));
        let row_height = (text_height + super::chunk::BAR + 8.0).round();
        let setting = Setting {
            font,
            row_height,
            lift: ((row_height - text_height) / 2.0 - 1.0).round(),
            width: ui.available_width().floor(),
        };
        let height = self.lay_out(ui, input, setting);
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), height.max(24.0)), Sense::click());
        let clip = ui.clip_rect();
        for (chunk, origin) in self.chunks.iter_mut().zip(&self.origins) {
            let origin = rect.min + *origin;
            let reach = Rect::from_min_size(origin, vec2(rect.width(), chunk.height()));
            if reach.intersects(clip) {
                chunk.paint(ui.painter(), origin);
            }
        }
        let hovered = response
            .hover_pos()
            .and_then(|pointer| self.cell_at(pointer - rect.min.to_vec2()));
        let tokens = Tokens::of(ui);
        if let Some(cell) = hovered.filter(|cell| Some(*cell) != input.cursor) {
            self.outline(ui, rect.min, cell, Stroke::new(1.0, tokens.text));
        }
        if let Some(cell) = input.cursor {
            let first = self.outline(ui, rect.min, cell, Stroke::new(2.0, tokens.focus));
            if response.has_focus()
                && let Some(place) = first
            {
                ui.scroll_to_rect(place, None);
            }
        }
        if response.has_focus() {
            ui.painter().rect_stroke(
                rect.expand(2.0),
                3.0,
                Stroke::new(2.0, tokens.focus),
                StrokeKind::Outside,
            );
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, "Tokens by expert"));
        ui.ctx()
            .accesskit_node_builder(response.id, |node| node.set_value(input.value.as_str()));
        StripOutput { response, hovered }
    }

    /// Brings the chunks up to date. Returns the height of all.
    fn lay_out(&mut self, ui: &Ui, input: &StripInput<'_>, setting: Setting) -> f32 {
        let key = Key {
            run: input.trace.key,
            generation: input.shares.matrix().generation,
            color: input.options.color,
            adapter: input.options.adapter,
            dark: ui.visuals().dark_mode,
        };
        let same = self.key.as_ref() == Some(&key) && self.setting.as_ref() == Some(&setting);
        if same && self.bytes == input.trace.text.len() && self.cells == input.cells.len() {
            return self.height();
        }
        if !same || input.cells.len() < self.cells {
            self.chunks.clear();
        }
        self.cells = input.cells.len();
        self.bytes = input.trace.text.len();
        self.key = Some(key);
        let painter = Painter {
            tokens: Tokens::of(ui),
            input,
        };
        let mut lead = 0.0;
        let mut origin = Vec2::ZERO;
        self.origins.clear();
        for (number, first) in (0..input.cells.len()).step_by(CELLS).enumerate() {
            let range = first..(first + CELLS).min(input.cells.len());
            // A full chunk of an unchanged run cannot have changed.
            let full = range.len() == CELLS && number + 1 < self.chunks.len();
            let known = self
                .chunks
                .get(number)
                .is_some_and(|chunk| full && *chunk.cells() == range);
            if !known {
                let looks: Vec<CellLook> = range.clone().map(|cell| painter.look(cell)).collect();
                let keep = self
                    .chunks
                    .get(number)
                    .is_some_and(|chunk| chunk.is(&range, &looks, lead, &setting));
                if !keep {
                    self.chunks.truncate(number);
                    self.chunks
                        .push(Chunk::new(ui.ctx(), range, looks, lead, &setting));
                }
            }
            self.origins.push(origin);
            if let Some(chunk) = self.chunks.get(number) {
                let end = chunk.end();
                lead = end.x;
                origin.y += end.y;
            }
        }
        self.setting = Some(setting);
        self.height()
    }

    fn height(&self) -> f32 {
        self.chunks
            .last()
            .zip(self.origins.last())
            .map_or(0.0, |(chunk, origin)| origin.y + chunk.height())
    }

    fn cell_at(&self, place: Pos2) -> Option<usize> {
        self.chunks
            .iter()
            .zip(&self.origins)
            .find_map(|(chunk, origin)| chunk.at(place - *origin))
    }

    /// Outlines a cell. Returns its first rectangle.
    fn outline(&self, ui: &Ui, corner: Pos2, cell: usize, stroke: Stroke) -> Option<Rect> {
        let mut first = None;
        for (chunk, origin) in self.chunks.iter().zip(&self.origins) {
            for rect in chunk.rects_of(cell) {
                let rect = rect.translate(corner.to_vec2() + *origin);
                ui.painter()
                    .rect_stroke(rect, 2.0, stroke, StrokeKind::Inside);
                first = first.or(Some(rect));
            }
        }
        first
    }
}

/// The expert in the middle of a bar of shares.
fn middle(shares: &[f32]) -> usize {
    let mut sum = 0.0;
    let reached = |share: &f32| {
        sum += share;
        sum >= 0.5
    };
    shares.iter().position(reached).unwrap_or(0)
}

/// Decides how cells look.
struct Painter<'a> {
    tokens: &'static Tokens,
    input: &'a StripInput<'a>,
}

impl Painter<'_> {
    fn look(&self, cell: usize) -> CellLook {
        let Some(place) = self.input.cells.get(cell) else {
            return CellLook {
                text: String::new(),
                ground: self.tokens.card,
                ink: self.tokens.text,
                bar: Vec::new(),
                letter: None,
            };
        };
        let text = self
            .input
            .trace
            .text
            .get(place.bytes.clone())
            .unwrap_or_default();
        let shares = normalised(&self.input.shares.mean(place.tokens.clone()));
        let (ground, ink) = self.ground(shares.as_deref());
        let bar = shares
            .iter()
            .flatten()
            .enumerate()
            .map(|(i, &share)| (share, category(i)))
            .collect();
        let experts = self.input.trace.experts;
        // On the middle of the bar, whose colour there is that of the expert in the middle.
        let letter = shares.as_deref().and_then(|shares| {
            let letter = match top(shares)? {
                Top::One(expert, _) => adapter_letter(experts, expert),
                Top::Tie(_) => '=',
            };
            Some((letter, ink_on(category(middle(shares)))))
        });
        CellLook {
            text: visible(text, place.tokens.len()),
            ground,
            ink,
            bar,
            letter,
        }
    }

    /// Colours behind and of the text.
    fn ground(&self, shares: Option<&[f32]>) -> (egui::Color32, egui::Color32) {
        let Some(shares) = shares else {
            return (self.tokens.card, self.tokens.weak);
        };
        let magnitude = match self.input.options.color {
            StripColor::Top => {
                let (color, share) = match top(shares) {
                    None => return (self.tokens.card, self.tokens.weak),
                    Some(Top::One(expert, share)) => (category(expert), share),
                    // Nobody's colour.
                    Some(Top::Tie(share)) => (self.tokens.weak, share),
                };
                // From faint to plain, never so strong that running text loses its contrast.
                let strength = 0.10 + 0.34 * share.powf(1.5);
                return (
                    self.tokens.card.lerp_to_gamma(color, strength),
                    self.tokens.text,
                );
            }
            StripColor::Share => shares
                .get(self.input.options.adapter)
                .copied()
                .unwrap_or(0.0),
            StripColor::Entropy => evenness(shares),
        };
        let ground = cividis::color(magnitude);
        (ground, cividis::ink_on(ground))
    }
}
