//! An answer coloured by who spoke: runs of words of one expert, each with its letter below.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{Align2, Galley, Label, Pos2, Rect, RichText, Sense, Stroke, Ui, UiBuilder};

use super::answer::head_ui;
use super::scene::{Said, Scene};
use super::size::Size;
use crate::state::SiteMap;
use crate::theme::{Tokens, category};
use crate::view::heatmap::rects;
use crate::widgets::adapter_letter;

/// Sizes of words, times the smallest, the largest first.
const SIZES: [f32; 3] = [1.5, 1.25, 1.0];
/// Room for the letters below a row of words, in sizes of the smallest text.
const BELOW: f32 = 1.35;

/// Words in a row that one expert spoke for.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    text: String,
    /// The loudest; `None` where several are alike, or nobody speaks.
    expert: Option<usize>,
    /// Its share, the mean over the words.
    share: f32,
}

/// The strip in its place.
pub(super) fn strip_ui(ui: &mut Ui, rect: Rect, size: Size, scene: &Scene<'_>) {
    let Some(said) = scene.answers.first() else {
        return;
    };
    let builder = UiBuilder::new().max_rect(rect).id_salt("strip");
    ui.scope_builder(builder, |ui| {
        ui.set_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
        ui.spacing_mut().item_spacing = egui::vec2(0.5 * size.u, 0.5 * size.u);
        head_ui(ui, size, said, false);
        let parts = parts(scene, said);
        if parts.is_empty() {
            words_ui(ui, size, said);
            return;
        }
        legend_ui(ui, size, scene, said, &parts);
        paint(ui, size, said, &parts);
    });
}

/// Where no routing was recorded: the plain text, and that it is so.
fn words_ui(ui: &mut Ui, size: Size, said: &Said<'_>) {
    let tokens = Tokens::of(ui);
    if !said.comes {
        let words = RichText::new("No routing was recorded with this answer.");
        let words = words.font(size.text(1.0)).color(tokens.weak);
        ui.add(Label::new(words).selectable(false));
    }
    let text = RichText::new(said.text).font(size.text(1.25));
    ui.add(Label::new(text).wrap().selectable(false));
}

/// The name behind each letter.
fn legend_ui(ui: &mut Ui, size: Size, scene: &Scene<'_>, said: &Said<'_>, parts: &[Part]) {
    let tokens = Tokens::of(ui);
    let Some(record) = said.run.record.as_deref() else {
        return;
    };
    let experts = scene.info.lora_experts();
    ui.horizontal_wrapped(|ui| {
        for (index, name) in record.adapters.iter().enumerate() {
            if !parts.iter().any(|part| part.expert == Some(index)) {
                continue;
            }
            let (swatch, _) = ui.allocate_exact_size(egui::Vec2::splat(size.u), Sense::hover());
            ui.painter()
                .rect_filled(swatch.shrink(2.0), 3.0, category(index));
            let words = format!("{} {name}", adapter_letter(experts, index));
            let words = RichText::new(words).font(size.text(1.0)).color(tokens.text);
            ui.add(Label::new(words).selectable(false).extend());
            ui.add_space(0.4 * size.u);
        }
    });
}

/// Words of one expert in a row, as far as the answer is there.
fn parts(scene: &Scene<'_>, said: &Said<'_>) -> Vec<Part> {
    let Some(record) = said.run.record.as_deref() else {
        return Vec::new();
    };
    let map = SiteMap::new(&record.sites);
    let sites = map.sites(map.layer(scene.site.0), map.module(&scene.site.1));
    let (width, stride) = (
        record.adapters.len(),
        record.sites.len() * record.adapters.len(),
    );
    if stride == 0 || sites.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<Part> = Vec::new();
    let mut words = 0;
    let gates = record.values.chunks_exact(stride);
    for (piece, gates) in said.run.tokens.iter().zip(gates).take(said.tokens) {
        let Some(text) = said.run.text.get(piece.start..piece.end) else {
            continue;
        };
        let mean = |adapter: usize| {
            let sum: f32 = sites
                .iter()
                .map(|site| gates[site * width + adapter].max(0.0))
                .sum();
            sum / sites.len() as f32
        };
        let means: Vec<f32> = (0..width).map(mean).collect();
        let (expert, share) = loudest(&means);
        match found.last_mut().filter(|part| part.expert == expert) {
            Some(part) => {
                part.text.push_str(text);
                words += 1;
                part.share += (share - part.share) / words as f32;
            }
            None => {
                words = 1;
                found.push(Part {
                    text: text.to_owned(),
                    expert,
                    share,
                });
            }
        }
    }
    found
}

/// Who has the largest share, and what that is; nobody where two are alike to within a thousandth.
fn loudest(gates: &[f32]) -> (Option<usize>, f32) {
    const EQUAL: f32 = 1e-3;
    let sum: f32 = gates.iter().sum();
    if !(sum.is_finite() && sum > 1e-6) {
        return (None, 0.0);
    }
    let most = gates.iter().copied().fold(0.0, f32::max);
    let mut alike = (0..gates.len()).filter(|&i| (most - gates[i]) / sum <= EQUAL);
    match (alike.next(), alike.next()) {
        (Some(one), None) => (Some(one), most / sum),
        _ => (None, most / sum),
    }
}

/// A strip that is laid out.
struct Laid {
    galley: Arc<Galley>,
    /// Height of the words in a row, which stand at its top; letters stand below them.
    words: f32,
    row: f32,
}

fn lay_out(ui: &Ui, size: Size, parts: &[Part], times: f32, width: f32) -> Laid {
    let color = Tokens::of(ui).text;
    let font = size.text(times);
    let words = ui.fonts_mut(|fonts| fonts.row_height(&font));
    let row = (words + BELOW * size.u).round();
    let mut job = LayoutJob::default();
    for part in parts {
        let format = TextFormat {
            font_id: font.clone(),
            color,
            line_height: Some(row),
            ..TextFormat::default()
        };
        job.append(&part.text, 0.0, format);
    }
    job.wrap.max_width = width;
    Laid {
        galley: ui.painter().layout_job(job),
        words,
        row,
    }
}

fn paint(ui: &mut Ui, size: Size, said: &Said<'_>, parts: &[Part]) {
    let tokens = Tokens::of(ui);
    let room = ui.available_size();
    let all = SIZES.map(|times| lay_out(ui, size, parts, times, room.x));
    let fits = |laid: &&Laid| laid.galley.size().y <= room.y;
    let last = &all[SIZES.len() - 1];
    let laid = all.iter().find(fits).unwrap_or(last);
    let (rect, response) = ui.allocate_exact_size(room, Sense::hover());
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, spoken(said, parts)));
    let painter = ui.painter_at(rect);
    let experts = said.run.bundle.lora_experts();
    let chars: Vec<usize> = parts.iter().map(|p| p.text.chars().count()).collect();
    let rows = rects(&laid.galley, &(0..parts.len()), &chars);
    for (place, row) in rows {
        let Some(part) = parts.get(place) else {
            continue;
        };
        let row = row.translate(rect.min.to_vec2());
        let color = part.expert.map_or(tokens.weak, category);
        let ground = tokens.card.lerp_to_gamma(color, 0.12 + 0.34 * part.share);
        let y = row.top() + laid.words;
        painter.rect_filled(row.with_max_y(y), 0.0, ground);
        painter.hline(row.x_range(), y, Stroke::new(2.0 * size.times, color));
        let letter = part.expert.map_or('=', |e| adapter_letter(experts, e));
        if row.width() >= 0.6 * size.u {
            let at = Pos2::new(row.left() + 2.0, y + 0.08 * size.u);
            painter.text(at, Align2::LEFT_TOP, letter, size.text(1.0), tokens.text);
        }
    }
    // egui puts words into the middle of their row.
    let lift = ((laid.row - laid.words) / 2.0).round();
    let at = rect.min - egui::vec2(0.0, lift);
    painter.galley(at, Arc::clone(&laid.galley), tokens.text);
}

/// The strip for those who do not see it.
fn spoken(said: &Said<'_>, parts: &[Part]) -> String {
    let adapters = said.run.record.as_deref().map(|record| &record.adapters);
    let name = |expert: usize| adapters.and_then(|all| all.get(expert)).map(String::as_str);
    let words = parts.iter().map(|part| {
        let who = part.expert.and_then(name).unwrap_or("several");
        format!("{}: {}", who, part.text.trim())
    });
    words.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_has_the_word_and_nobody_where_two_are_alike() {
        assert_eq!(loudest(&[0.1, 0.7, 0.2]), (Some(1), 0.7));
        assert_eq!(loudest(&[0.5, 0.5]).0, None);
        assert_eq!(loudest(&[0.0, 0.0]), (None, 0.0));
        let (expert, share) = loudest(&[1.5, 0.5]);
        assert_eq!((expert, share), (Some(0), 0.75));
    }
}
