//! Prompts by difference: two dots' answers, the prompts sorted by how they differ, the words that differ marked.

use egui::{EventFilter, Frame, Id, Key, Modifiers, RichText, ScrollArea, TextStyle, Ui};
use paretoscope_core::stats::By;
use paretoscope_figure::plot::Front;

use super::plot::find;
use crate::command::{AppCommand, CommandQueue};
use crate::plot::value_words;
use crate::state::{AppState, PromptState, rank_words};
use crate::study::{Differences, Differing, Side};
use crate::theme::Tokens;
use crate::view::answer::{Which, differing_ui};
use crate::widgets::format::{counted, signed};
use crate::widgets::{command_button, group_title, trouble_ui};

/// Rows of the list that are seen at a time.
const SEEN: f32 = 7.0;
/// Narrower than this, the two answers stand one above the other.
const BROAD: f32 = 420.0;

/// The comparison, where a dot is pinned.
pub(super) fn differ_ui(ui: &mut Ui, state: &AppState, front: &Front, queue: &mut CommandQueue) {
    let differ = &state.study.differ;
    let Some(pinned) = &differ.pinned else {
        return;
    };
    let tokens = Tokens::of(ui);
    ui.separator();
    let hint = "The prompts that both dots answered, sorted by how the answers differ. An example keeps its rank, so that it \
                is seen how it was chosen";
    group_title(ui, "Prompts by difference", hint);
    ui.horizontal_wrapped(|ui| {
        for (by, words) in [
            (By::Difference, "Largest |\u{394}z|"),
            (By::Text, "Least alike texts"),
            (By::Typical, "Most typical"),
        ] {
            if ui.selectable_label(differ.by == by, words).clicked() {
                queue.push(AppCommand::SortDiffering(by));
            }
        }
        let current = state.study.dot.as_ref().map(|open| &open.dot);
        if current != Some(pinned) {
            command_button(ui, state, queue, AppCommand::UnpinMark, "Unpin the dot");
        }
    });
    let name = |dot: &str| {
        let series = front
            .series
            .iter()
            .find(|s| s.dots.iter().any(|d| d.uid == dot));
        let found = series.zip(find(front, dot));
        found.map_or_else(
            || "a dot that is not drawn".to_owned(),
            |(series, dot)| {
                let place = dot
                    .point
                    .as_ref()
                    .map_or_else(String::new, crate::widgets::format::point);
                format!("{} at {place}", series.name)
            },
        )
    };
    let Some(pair) = &differ.asked else {
        let words = format!(
            "{} is pinned. Select another dot to compare it with.",
            name(pinned)
        );
        ui.label(RichText::new(words).color(tokens.weak));
        return;
    };
    match &differ.found {
        None => {
            ui.label(RichText::new("Comparing\u{2026}").color(tokens.weak));
        }
        Some(Err(trouble)) => {
            trouble_ui(
                ui,
                "nothing to compare",
                trouble,
                "The study is as it was.",
                |_| {},
            );
        }
        Some(Ok(found)) if found.rows.is_empty() => {
            let words = "No prompt is answered and scored at both dots.";
            ui.label(RichText::new(words).color(tokens.weak));
        }
        Some(Ok(found)) => {
            let names = [name(&pair.a), name(&pair.b)];
            let words = format!(
                "From {} to {}, in {}{}",
                names[0],
                names[1],
                found.unit,
                left_out(found)
            );
            ui.label(RichText::new(words).color(tokens.weak).size(13.0));
            let row = differ.row.min(found.rows.len() - 1);
            list_ui(ui, found, row, queue);
            pair_ui(ui, state, found, &found.rows[row], &names);
        }
    }
}

fn left_out(found: &Differences) -> String {
    match found.left_out {
        0 => String::new(),
        n => format!("; {} left out for lack of a score", counted(n, "prompt")),
    }
}

/// All prompts in their order; those alone are laid out that are seen.
fn list_ui(ui: &mut Ui, found: &Differences, row: usize, queue: &mut CommandQueue) {
    let height = ui.text_style_height(&TextStyle::Body) + 6.0;
    let full = height + ui.spacing().item_spacing.y;
    let known = Id::unique("differing row");
    let before: Option<usize> = ui.data(|data| data.get_temp(known));
    let offset = Id::unique("differing offset");
    let mut area = ScrollArea::vertical()
        .id_salt("differing")
        .max_height(SEEN * full)
        .auto_shrink([false, true]);
    // A row that was reached by the keyboard comes into sight.
    let at: f32 = ui.data(|data| data.get_temp(offset)).unwrap_or(0.0);
    let top = row as f32 * full;
    if before.is_some_and(|before| before != row) {
        if top < at {
            area = area.vertical_scroll_offset(top);
        } else if top + full > at + SEEN * full {
            area = area.vertical_scroll_offset(top - (SEEN - 1.0) * full);
        }
    }
    ui.data_mut(|data| data.insert_temp(known, row));
    let mut held = false;
    let out = area.show_rows(ui, height, found.rows.len(), |ui, shown| {
        for at in shown {
            let Some(differing) = found.rows.get(at) else {
                continue;
            };
            ui.push_id(at, |ui| {
                let button = egui::Button::selectable(at == row, row_words(differing))
                    .truncate()
                    .min_size(egui::vec2(ui.available_width(), height));
                let response = ui.add(button);
                if response.has_focus() {
                    held = true;
                    let filter = EventFilter {
                        vertical_arrows: true,
                        ..EventFilter::default()
                    };
                    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
                }
                if response.clicked() {
                    response.request_focus();
                    queue.push(AppCommand::SelectDiffering(at));
                }
            });
        }
    });
    ui.data_mut(|data| data.insert_temp(offset, out.state.clamped_offset().y));
    let free = ui.memory(|memory| memory.focused()).is_none();
    if held || free {
        let pressed =
            |key| ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key)) as isize;
        let step = pressed(Key::ArrowDown) - pressed(Key::ArrowUp);
        if step != 0 {
            queue.push(AppCommand::StepDiffering(step));
        }
    }
}

/// Rank, by how much it differs, both answers' scores, and what was asked.
fn row_words(differing: &Differing) -> String {
    let example = &differing.example;
    let scores = |side: &Side| {
        let scores = side
            .scores
            .iter()
            .map(|score| score.map_or_else(|| "none".to_owned(), signed));
        scores.collect::<Vec<_>>().join(" / ")
    };
    let prompt = PromptState::words(&differing.prompt).replace('\n', " ");
    format!(
        "{}.  {}  ({} to {})  {prompt}",
        example.rank,
        value_words(example.value),
        scores(&differing.a),
        scores(&differing.b)
    )
}

/// Both answers to one prompt.
fn pair_ui(
    ui: &mut Ui,
    state: &AppState,
    found: &Differences,
    differing: &Differing,
    names: &[String; 2],
) {
    let tokens = Tokens::of(ui);
    let example = &differing.example;
    let rank = rank_words(example.rank, example.of, state.study.differ.by);
    let response = ui.label(RichText::new(rank).color(tokens.accent));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(egui::accesskit::Live::Polite);
    });
    ui.label(RichText::new(PromptState::words(&differing.prompt)).strong());
    let texts = (&*differing.a.text, &*differing.b.text);
    let size = state.prefs.reading.mended().size;
    let side_ui = |ui: &mut Ui, which: Which| {
        let (side, name) = match which {
            Which::First => (&differing.a, &names[0]),
            Which::Second => (&differing.b, &names[1]),
        };
        Frame::new()
            .fill(tokens.card)
            .corner_radius(6)
            .inner_margin(10)
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                let color = match which {
                    Which::First => tokens.pinned,
                    Which::Second => tokens.accent,
                };
                ui.label(RichText::new(name).color(color).size(13.0));
                differing_ui(ui, texts, which, size);
                let scores = found.objectives.iter().zip(&side.scores);
                let scores = scores.map(|(name, score)| {
                    let score = score.map_or_else(|| "not scored".to_owned(), signed);
                    format!("{name} {score}")
                });
                let words = scores.collect::<Vec<_>>().join(" \u{b7} ");
                ui.label(RichText::new(words).color(tokens.weak).size(13.0));
            });
    };
    if ui.available_width() >= BROAD {
        ui.columns(2, |columns| {
            side_ui(&mut columns[0], Which::First);
            side_ui(&mut columns[1], Which::Second);
        });
    } else {
        side_ui(ui, Which::First);
        side_ui(ui, Which::Second);
    }
    if texts.0 == texts.1 {
        let words = "Both say the same, byte for byte.";
        ui.label(RichText::new(words).color(tokens.warn));
    }
}
