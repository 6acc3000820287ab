//! The text of an answer: set or as written, with its marks, following its end until a person scrolls.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{Align, FontFamily, FontId, Frame, Grid, Label, Rect, RichText, ScrollArea, Stroke, Ui};

use super::differences::{Differences, differences};
use super::markdown::{Block, Kind, Line, Piece, Style, blocks};
use super::marks::{Mark, Marks, append};
use crate::state::{Reading, RunEntry, RunId};
use crate::theme::{self, Tokens};

/// Widest line of text, in widths of its letters' height: longer ones are hard to read.
const MEASURE: f32 = 44.0;
/// What one list or quotation lies further in.
const STEP: f32 = 24.0;

/// Which of the two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    /// The one that is looked at.
    Current,
    /// The one that it is compared with.
    Pinned,
}

/// What was made of a text, until it is another one.
#[derive(Debug)]
struct Read {
    run: RunId,
    bytes: usize,
    blocks: Arc<[Block]>,
    /// What no font can show, in words.
    lacking: Option<String>,
}

/// Whose text, how long it was, and whether more was to come.
type Growing = (RunId, usize, bool);
/// Whose text, and how long it was.
type Whole = (RunId, usize);

/// Seconds between two comparisons of an answer that is still being written.
const AGAIN: f64 = 0.25;

/// What one column keeps.
#[derive(Debug, Default)]
struct Column {
    read: Option<Read>,
    /// A person asked to be brought to the end.
    jump: bool,
}

/// What the panel keeps from frame to frame.
#[derive(Debug, Default)]
pub struct AnswersPanel {
    current: Column,
    pinned: Column,
    /// Where the two answers differ, and of which texts that is true.
    differ: Option<(Growing, Whole, Differences)>,
    /// When they were compared, in seconds.
    compared: f64,
}

impl AnswersPanel {
    /// Compares the two answers, unless that is done, or none is wanted.
    /// While one grows, only now and then: the marks stand where they were meanwhile.
    pub(super) fn differ(&mut self, pair: Option<(&RunEntry, &RunEntry)>, now: f64) {
        let Some((first, second)) = pair else {
            self.differ = None;
            return;
        };
        let growing = first.phase.is_running();
        let of = (first.id, first.text.len(), growing);
        let and = (second.id, second.text.len());
        if let Some((a, b, _)) = &self.differ {
            let same = (a.0, a.2, b) == (of.0, of.2, &and);
            let fresh = a.1 == of.1 || (growing && now - self.compared < AGAIN);
            if same && fresh {
                return;
            }
        }
        self.compared = now;
        let found = differences(&first.text, &second.text, growing);
        self.differ = Some((of, and, found));
    }

    fn marks(&self, slot: Slot, run: &RunEntry) -> Marks {
        let mut marks: Marks = run
            .steering
            .steered
            .iter()
            .filter(|(token, _)| *token > 0)
            .filter_map(|(token, _)| run.tokens.get(*token))
            .map(|piece| (piece.start..piece.end, Mark::Steered))
            .collect();
        if let Some((.., found)) = &self.differ {
            let ranges = match slot {
                Slot::Current => &found.first,
                Slot::Pinned => &found.second,
            };
            marks.extend(ranges.iter().cloned().map(|range| (range, Mark::Differs)));
        }
        marks
    }

    /// The text in the room that is left.
    pub(super) fn text_ui(&mut self, ui: &mut Ui, slot: Slot, reading: Reading, run: &RunEntry) {
        let marks = self.marks(slot, run);
        let column = match slot {
            Slot::Current => &mut self.current,
            Slot::Pinned => &mut self.pinned,
        };
        let another = column.read.as_ref().is_none_or(|read| read.run != run.id);
        column.follow_text(ui, run);
        let Some(read) = &column.read else { return };
        if let Some(words) = &read.lacking {
            ui.label(RichText::new(words).color(Tokens::of(ui).warn).size(13.0));
        }
        let running = run.phase.is_running();
        let mut area = ScrollArea::vertical()
            .id_salt(("text", slot))
            .auto_shrink(false)
            .animated(false)
            // Until a person scrolls up; at the end again, it goes on following.
            .stick_to_bottom(running);
        if another {
            area = area.vertical_scroll_offset(0.0);
            column.jump = running;
        }
        let jump = std::mem::take(&mut column.jump);
        let look = Look::new(ui, reading.size, &marks);
        let out = area.show(ui, |ui| {
            ui.set_max_width(ui.available_width().min(MEASURE * reading.size));
            if reading.raw {
                look.written_ui(ui, &run.text);
            } else {
                look.blocks_ui(ui, &read.blocks);
            }
            if jump {
                ui.scroll_to_cursor(Some(Align::BOTTOM));
            }
        });
        let end = out.content_size.y - out.inner_rect.height();
        if running && out.state.clamped_offset().y < end - 1.0 && !jump {
            let corner = out.inner_rect.right_bottom();
            let at = Rect::from_min_size(corner - egui::vec2(96.0, 36.0), egui::vec2(80.0, 28.0));
            let button = egui::Button::new("Follow").fill(Tokens::of(ui).button_hover);
            let hint = "The answer goes on below; be brought there and stay there";
            if ui.put(at, button).on_hover_text(hint).clicked() {
                column.jump = true;
            }
        }
    }
}

impl Column {
    /// Reads the text anew where it changed.
    fn follow_text(&mut self, ui: &Ui, run: &RunEntry) {
        let (of, bytes) = (run.id, run.text.len());
        if matches!(&self.read, Some(read) if read.run == of && read.bytes == bytes) {
            return;
        }
        self.read = Some(Read {
            run: of,
            bytes,
            blocks: blocks(&run.text).into(),
            lacking: theme::lacking(ui.ctx(), &run.text),
        });
    }
}

/// How everything in a text is drawn.
struct Look<'a> {
    size: f32,
    tokens: &'static Tokens,
    marks: &'a Marks,
}

impl<'a> Look<'a> {
    fn new(ui: &Ui, size: f32, marks: &'a Marks) -> Self {
        Self {
            size,
            tokens: Tokens::of(ui),
            marks,
        }
    }

    fn format(&self, style: Style, scale: f32, heavy: bool) -> TextFormat {
        let size = self.size * scale;
        let family = match style {
            Style { code: true, .. } => FontFamily::Monospace,
            Style { strong: true, .. } => theme::strong(),
            _ if heavy => theme::strong(),
            _ => FontFamily::Proportional,
        };
        let line = |on: bool, color| {
            if on {
                Stroke::new(1.0, color)
            } else {
                Stroke::NONE
            }
        };
        let color = if style.link {
            self.tokens.accent
        } else {
            self.tokens.text
        };
        TextFormat {
            font_id: FontId::new(if style.code { 0.9 * size } else { size }, family),
            color,
            background: if style.code {
                self.tokens.button
            } else {
                egui::Color32::TRANSPARENT
            },
            italics: style.emphasis,
            underline: line(style.link, color),
            strikethrough: line(style.struck, color),
            line_height: Some((1.42 * size).round()),
            ..TextFormat::default()
        }
    }

    fn job(&self, line: &[Piece], scale: f32, heavy: bool) -> LayoutJob {
        let mut job = LayoutJob::default();
        for piece in line {
            let format = self.format(piece.style, scale, heavy);
            append(&mut job, piece, &format, self.marks, self.tokens);
        }
        job
    }

    /// As the model wrote it.
    fn written_ui(&self, ui: &mut Ui, text: &str) {
        let all = Piece {
            text: text.to_owned(),
            source: 0..text.len(),
            style: Style::default(),
        };
        ui.add(Label::new(self.job(&[all], 1.0, false)).wrap());
    }

    fn blocks_ui(&self, ui: &mut Ui, blocks: &[Block]) {
        ui.spacing_mut().item_spacing.y = (0.5 * self.size).round();
        for (index, block) in blocks.iter().enumerate() {
            let is_item = |block: &Block| block.marker.is_some();
            let tight = index > 0 && is_item(block) && blocks[index - 1].depth > 0;
            if tight {
                ui.add_space(-0.3 * self.size);
            }
            self.block_ui(ui, index, block);
        }
    }

    fn block_ui(&self, ui: &mut Ui, index: usize, block: &Block) {
        let room = ui.available_rect_before_wrap();
        let quoted = STEP * 0.75 * block.quoted as f32;
        let indent = (quoted + STEP * block.depth as f32).min(0.5 * room.width());
        let builder = egui::UiBuilder::new().max_rect(room.with_min_x(room.left() + indent));
        let response = ui.scope_builder(builder, |ui| match &block.kind {
            Kind::Text(line) => {
                ui.add(Label::new(self.job(line, 1.0, false)).wrap());
            }
            Kind::Heading(level, line) => {
                let scale = match level {
                    1 => 1.4,
                    2 => 1.25,
                    3 => 1.1,
                    _ => 1.0,
                };
                ui.add(Label::new(self.job(line, scale, true)).wrap());
            }
            Kind::Code(language, line) => self.code_ui(ui, index, language, line),
            Kind::Table(rows) => self.table_ui(ui, index, rows),
            Kind::Rule => {
                ui.separator();
            }
        });
        let rect = response.response.rect;
        for quote in 0..block.quoted {
            let x = room.left() + STEP * 0.75 * (quote as f32) + 3.0;
            let stroke = Stroke::new(3.0, self.tokens.line);
            ui.painter().vline(x, rect.y_range(), stroke);
        }
        if let Some(marker) = &block.marker {
            let format = self.format(Style::default(), 1.0, false);
            let galley = ui.fonts_mut(|fonts| {
                fonts.layout_job(LayoutJob::single_section(marker.clone(), format))
            });
            let at = egui::pos2(rect.left() - 6.0 - galley.size().x, rect.top());
            ui.painter().galley(at, galley, self.tokens.weak);
        }
    }

    fn code_ui(&self, ui: &mut Ui, index: usize, language: &str, line: &[Piece]) {
        let code = Style {
            code: true,
            ..Style::default()
        };
        let format = TextFormat {
            background: egui::Color32::TRANSPARENT,
            ..self.format(code, 1.0, false)
        };
        let mut job = LayoutJob::default();
        for piece in line {
            append(&mut job, piece, &format, self.marks, self.tokens);
        }
        let stroke = Stroke::new(1.0, self.tokens.line);
        Frame::new()
            .fill(self.tokens.card)
            .stroke(stroke)
            .corner_radius(6)
            .inner_margin(egui::Margin::symmetric(12, 8))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.horizontal(|ui| {
                    ui.label(RichText::new(language).color(self.tokens.weak).size(13.0));
                    ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
                        let copy = egui::Button::new(RichText::new("Copy code").size(13.0)).small();
                        if ui.add(copy).clicked() {
                            ui.ctx().copy_text(job.text.clone());
                        }
                    });
                });
                ScrollArea::horizontal()
                    .id_salt(("code", index))
                    .auto_shrink([false, true])
                    .show(ui, |ui| ui.add(Label::new(job.clone()).extend()));
            });
    }

    fn table_ui(&self, ui: &mut Ui, index: usize, rows: &[Vec<Line>]) {
        ScrollArea::horizontal()
            .id_salt(("table", index))
            .auto_shrink([false, true])
            .show(ui, |ui| {
                Grid::new(("cells", index))
                    .striped(true)
                    .spacing(egui::vec2(20.0, 4.0))
                    .show(ui, |ui| {
                        for (number, row) in rows.iter().enumerate() {
                            for cell in row {
                                ui.add(Label::new(self.job(cell, 1.0, number == 0)).extend());
                            }
                            ui.end_row();
                        }
                    });
            });
    }
}
