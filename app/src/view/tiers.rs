//! The three tiers of routing for one token: preference, experts' shares, gates of the LoRA experts in
//! the chosen modules.

use std::sync::Arc;

use egui::{
    Align, Color32, ComboBox, Id, Layout, Rect, RichText, ScrollArea, Sense, Ui, WidgetInfo, vec2,
};
use paretoscope_core::method::Speaks;
use paretoscope_core::types::{Channel, ExpertKind, GateRecord, Mutes, Point};

use crate::command::{AppCommand, CommandQueue};
use crate::state::{
    AppState, LayerChoice, ModuleChoice, RunEntry, RunId, SiteMap, TierOptions, share_words,
};
use crate::theme::{Tokens, category, expert_color, expert_letter, expert_marker};
use crate::widgets::{adapter_title, expert_slot, objective_color, paint_marker};

/// Height of a row: a name, its bar, its number.
const ROW: f32 = 22.0;
/// Height of everything else.
const HEAD: f32 = 168.0;
/// From this width on, the tiers stand beside each other.
const BROAD: f32 = 560.0;
/// Shares below this are none.
const NONE: f32 = 5e-4;

/// What the first tier is, in the papers' words; and the second, and the third.
const FIRST: &str = "What was asked for: the preference \u{3bb}, a share per objective (HoE), or the weights \u{3c9} of value vectors (MVA)";
const SECOND: &str = "LoRA and router experts whose own preferences enclose \u{3bb}, with their barycentric weights (HoE, equations 9 and 10)";
const THIRD: &str = "What each LoRA expert is multiplied with: its own weight, and what router experts hand out by their gates, token by token";

/// One bar of a tier.
#[derive(Debug, Clone, PartialEq)]
struct Bar {
    name: String,
    value: f32,
    /// The value as it is written: shares sum to 1 so.
    words: String,
    color: Color32,
    /// The kind of expert, drawn as its marker.
    kind: Option<ExpertKind>,
    silent: bool,
}

/// What is known of one token, or of all on average.
#[derive(Debug, Clone, PartialEq)]
struct Tiers {
    title: String,
    /// What the first tier is: a preference, or weights.
    first: &'static str,
    asked: Vec<Bar>,
    experts: Vec<Bar>,
    gates: Vec<Bar>,
    /// What there is to say of the three.
    note: String,
}

/// Height that the panel wants.
pub(super) fn height(state: &AppState) -> f32 {
    // A simplex cell has as many corners as there are objectives.
    let rows = state
        .info()
        .map_or(0, |info| 2 * info.objectives.len() + info.lora_experts());
    HEAD + ROW * rows as f32
}

/// The panel; `token` is what is looked at, else the mean over the answer is shown.
pub(super) fn tiers_ui(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    run: &RunEntry,
    trace: &GateRecord,
    token: Option<usize>,
) {
    let map = site_map(ui, trace);
    let tiers = tiers(ui, state, run, trace, &map, token);
    ui.separator();
    chooser_ui(ui, state, queue, &map);
    let spoken = tiers.in_words();
    let title = ui.add(egui::Label::new(RichText::new(&tiers.title).strong()).truncate());
    let whole = ui.interact(title.rect, ui.scope_id().with("tiers"), Sense::hover());
    whole.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, "Three tiers of routing"));
    ui.ctx()
        .accesskit_node_builder(whole.id, |node| node.set_value(spoken));
    let note = RichText::new(&tiers.note)
        .color(Tokens::of(ui).weak)
        .size(12.0);
    ui.label(note);
    let tiers = [
        ((tiers.first, FIRST), &tiers.asked),
        (("2 experts", SECOND), &tiers.experts),
        (("3 LoRA gates", THIRD), &tiers.gates),
    ];
    ScrollArea::vertical().id_salt("tiers").show(ui, |ui| {
        if ui.available_width() >= BROAD {
            ui.columns(3, |columns| {
                for (ui, (title, bars)) in columns.iter_mut().zip(tiers) {
                    tier_ui(ui, title, bars);
                }
            });
        } else {
            for (title, bars) in tiers {
                tier_ui(ui, title, bars);
            }
        }
    });
}

fn tier_ui(ui: &mut Ui, (title, hint): (&str, &str), bars: &[Bar]) {
    let tokens = Tokens::of(ui);
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.add_space(2.0);
    ui.label(RichText::new(title).color(tokens.weak).size(12.0))
        .on_hover_text(hint);
    let most = bars.iter().map(|bar| bar.value).fold(1.0, f32::max);
    // Half of the row is the bar, and names get the room that they need before it.
    let names = (ui.available_width() * 0.5 - 30.0).max(40.0);
    for bar in bars {
        let color = match (bar.silent, bar.value >= NONE) {
            (true, _) => tokens.error,
            (false, true) => tokens.text,
            (false, false) => tokens.weak,
        };
        ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = ROW - 4.0;
            ui.spacing_mut().item_spacing.x = 5.0;
            let (mark, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
            if let Some(kind) = bar.kind {
                let marker = expert_marker(kind);
                let line = tokens.outline;
                paint_marker(ui.painter(), mark.center(), 4.5, marker, bar.color, line);
            } else {
                ui.painter().rect_filled(mark.shrink(1.0), 2.0, bar.color);
            }
            let mut name = RichText::new(&bar.name).color(color).size(13.0);
            if bar.silent {
                name = name.strikethrough();
            }
            let left = Layout::left_to_right(Align::Center);
            let label = ui.allocate_ui_with_layout(vec2(names, ROW - 4.0), left, |ui| {
                ui.set_min_width(names);
                ui.add(egui::Label::new(name).truncate())
            });
            if bar.silent {
                label.inner.on_hover_text("Silenced (mute or solo)");
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let value = RichText::new(&bar.words).color(color);
                ui.label(value.monospace().size(12.0));
                let size = vec2(ui.available_width().max(8.0), 7.0);
                let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
                ui.painter().rect_filled(rect, 3.0, tokens.line);
                let share = if bar.silent {
                    0.0
                } else {
                    (bar.value / most).clamp(0.0, 1.0)
                };
                let filled =
                    Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()));
                ui.painter().rect_filled(filled, 3.0, bar.color);
                response.widget_info(|| {
                    let words = format!("{} {}", bar.name, bar.words);
                    WidgetInfo::labeled(egui::Role::Label, true, words)
                });
            });
        });
    }
}

/// The modules of a record, read once: a frame has no time for some hundred names.
fn site_map(ui: &Ui, trace: &GateRecord) -> Arc<SiteMap> {
    let id = Id::unique("tiers sites");
    let known: Option<Arc<SiteMap>> = ui.data(|d| d.get_temp(id));
    known
        .filter(|map| map.is_of(&trace.sites))
        .unwrap_or_else(|| {
            let map = Arc::new(SiteMap::new(&trace.sites));
            ui.data_mut(|d| d.insert_temp(id, Arc::clone(&map)));
            map
        })
}

/// What gates are a mean of.
#[derive(Debug, Clone, PartialEq)]
struct MeanOf {
    run: RunId,
    /// Tokens that the record holds: more come while an answer is written.
    tokens: usize,
    token: Option<usize>,
    layer: Option<usize>,
    module: Option<usize>,
}

/// The mean gate of every adapter; made anew where it is of something else than in the frame before.
fn mean_gates(ui: &Ui, of: MeanOf, trace: &GateRecord, sites: &[usize]) -> Arc<Vec<f32>> {
    let id = Id::unique("tiers means");
    let known: Option<(MeanOf, Arc<Vec<f32>>)> = ui.data(|d| d.get_temp(id));
    if let Some((_, means)) = known.filter(|(known, _)| *known == of) {
        return means;
    }
    let chosen = match of.token {
        Some(token) => token..token + 1,
        None => 0..trace.tokens(),
    };
    let count = (chosen.len() * sites.len()).max(1) as f32;
    let mut means = vec![0.0; trace.adapters.len()];
    for token in chosen {
        for &site in sites {
            for (sum, gate) in means.iter_mut().zip(trace.at(token, site)) {
                *sum += gate;
            }
        }
    }
    for sum in &mut means {
        *sum /= count;
    }
    let means = Arc::new(means);
    ui.data_mut(|d| d.insert_temp(id, (of, Arc::clone(&means))));
    means
}

/// Which layer and which of its modules the third tier shows.
fn chooser_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, map: &SiteMap) {
    let now = &state.prefs.tiers;
    let (layer, module) = (map.layer(now.layer), map.module(&now.module));
    ui.horizontal(|ui| {
        ui.label(
            RichText::new("Gates of")
                .color(Tokens::of(ui).weak)
                .size(13.0),
        )
        .on_hover_text("[ and ] step through the layers, Alt+[ and Alt+] through the modules");
        let words = layer.map_or("all layers".to_owned(), |layer| format!("layer {layer}"));
        let combo = ComboBox::from_id_salt("tier layer")
            .width(86.0)
            .selected_text(words);
        let response = combo.show_ui(ui, |ui| {
            let mut choice = |ui: &mut Ui, on: bool, words: String, layer: LayerChoice| {
                if ui.selectable_label(on, words).clicked() {
                    let module = now.module.clone();
                    queue.push(AppCommand::SetTiers(TierOptions { layer, module }));
                }
            };
            let mean = "all layers (mean)".to_owned();
            choice(ui, layer.is_none(), mean, LayerChoice::Mean);
            for &one in &map.layers {
                let words = format!("layer {one}");
                choice(ui, layer == Some(one), words, LayerChoice::One(one));
            }
        });
        ui.ctx()
            .accesskit_node_builder(response.response.id, |node| node.set_label("Tier layer"));
        let words = module
            .and_then(|m| map.modules.get(m))
            .map_or("all modules", |m| short(m));
        let combo = ComboBox::from_id_salt("tier module")
            .width(ui.available_width() - 12.0)
            .selected_text(words)
            .truncate();
        let response = combo.show_ui(ui, |ui| {
            let mut choice = |ui: &mut Ui, on: bool, words: &str, module: ModuleChoice| {
                if ui.selectable_label(on, words).clicked() {
                    let layer = now.layer;
                    queue.push(AppCommand::SetTiers(TierOptions { layer, module }));
                }
            };
            choice(
                ui,
                module.is_none(),
                "all modules (mean)",
                ModuleChoice::Mean,
            );
            for (place, path) in map.modules.iter().enumerate() {
                let one = ModuleChoice::One(path.clone());
                choice(ui, module == Some(place), path, one);
            }
        });
        ui.ctx()
            .accesskit_node_builder(response.response.id, |node| node.set_label("Tier module"));
    });
}

/// A gate or a weight.
fn number(value: f32) -> String {
    format!("{value:.2}")
}

/// `self_attn.q_proj` as `q_proj`.
fn short(module: &str) -> &str {
    module.rsplit('.').next().unwrap_or(module)
}

fn tiers(
    ui: &Ui,
    state: &AppState,
    run: &RunEntry,
    trace: &GateRecord,
    map: &SiteMap,
    token: Option<usize>,
) -> Tiers {
    let token = token.filter(|&token| token < trace.tokens());
    let (point, mutes) = match token {
        Some(token) => (run.point_at(token), run.mutes_at(token)),
        None => (run.point_now(), run.mutes_now()),
    };
    let title = match token {
        None => "Mean over the answer".to_owned(),
        Some(token) => {
            let piece = run.tokens.get(token);
            let text = piece
                .and_then(|p| run.text.get(p.start..p.end))
                .unwrap_or("");
            format!("Token {token} \u{201C}{}\u{201D}", text.escape_debug())
        }
    };
    let options = &state.prefs.tiers;
    let (layer, module) = (map.layer(options.layer), map.module(&options.module));
    let sites = map.sites(layer, module);
    let of = MeanOf {
        run: run.id,
        tokens: trace.tokens(),
        token,
        layer,
        module,
    };
    let means = mean_gates(ui, of, trace, &sites);
    let (first, asked) = asked(run, point);
    let (experts, routed) = match run.speaks() {
        Speaks::Routed => experts(state, run, point, &mutes),
        // The second tier is HoE's; other shares are seen in the third.
        _ => (Vec::new(), None),
    };
    let note = match (point, routed) {
        _ if run.speaks() != Speaks::Routed => {
            let by = run.method().map_or_else(String::new, |m| m.words());
            format!(
                "Mixed by {by}, not by HoE's routing: the third tier is what it multiplies LoRA experts with."
            )
        }
        (Point::Weights(_), _) => "Weights go straight onto the value vectors.".to_owned(),
        (_, Some(share)) if share > NONE => format!(
            "Routers divide {share:.2} of it among the LoRA experts, token by token; mean of {} modules.",
            sites.len()
        ),
        (_, Some(_)) => {
            "No router has a share here: a static mixture, the third tier equals the second."
                .to_owned()
        }
        (_, None) => "Made with another bundle, whose experts are not at hand.".to_owned(),
    };
    Tiers {
        title,
        first,
        asked,
        experts,
        gates: gates(run, trace, &means, &mutes),
        note,
    }
}

/// The first tier: what was asked for.
fn asked(run: &RunEntry, point: &Point) -> (&'static str, Vec<Bar>) {
    let words = match point {
        Point::Preference(p) => share_words(p.as_slice(), 2),
        Point::Weights(w) => w.as_slice().iter().map(|&v| number(v as f32)).collect(),
    };
    let bar = |index: usize, name: Option<&String>, value: f64| Bar {
        name: name.cloned().unwrap_or_else(|| "?".to_owned()),
        value: value as f32,
        words: words.get(index).cloned().unwrap_or_default(),
        color: match point {
            Point::Preference(_) => objective_color(&run.bundle, index),
            Point::Weights(_) => category(match run.bundle.value_channel(index) {
                Some(Channel::Adapter(adapter)) => adapter,
                _ => index,
            }),
        },
        kind: None,
        silent: false,
    };
    let values = point.as_slice().iter().enumerate();
    match point {
        Point::Preference(_) => {
            let name = |i: usize| run.bundle.objectives.get(i).map(|o| &o.name);
            (
                "1 preference",
                values.map(|(i, &v)| bar(i, name(i), v)).collect(),
            )
        }
        Point::Weights(_) => {
            let name = |i: usize| run.bundle.values.get(i).map(|v| &v.name);
            (
                "1 weights",
                values.map(|(i, &v)| bar(i, name(i), v)).collect(),
            )
        }
    }
}

/// The second tier: who encloses the preference, and how much of it the routers have. `None` where the
/// run's bundle is not the one in use.
fn experts(
    state: &AppState,
    run: &RunEntry,
    point: &Point,
    mutes: &Mutes,
) -> (Vec<Bar>, Option<f32>) {
    let same = state
        .info()
        .is_some_and(|info| Arc::ptr_eq(info, &run.bundle));
    let complex = state.simplex.complex.as_ref().filter(|_| same);
    let (Some(complex), Point::Preference(preference)) = (complex, point) else {
        return (Vec::new(), same.then_some(0.0));
    };
    let mut routed = 0.0;
    let mut bars = Vec::new();
    let enclosing = complex.route(preference).experts;
    let weights: Vec<f64> = enclosing.iter().map(|e| e.weight).collect();
    for (enclosing, words) in enclosing.iter().zip(share_words(&weights, 2)) {
        let Some(expert) = run.bundle.experts.get(enclosing.index) else {
            continue;
        };
        let channel = run.bundle.channel(enclosing.index);
        let silent = channel.is_some_and(|c| mutes.silences(c));
        let slot = expert_slot(&run.bundle, enclosing.index);
        if expert.kind == ExpertKind::Router {
            routed += enclosing.weight as f32;
        }
        bars.push(Bar {
            name: format!("{} {}", expert_letter(slot), expert.name),
            value: enclosing.weight as f32,
            words,
            color: expert_color(slot, expert.kind),
            kind: Some(expert.kind),
            silent,
        });
    }
    (bars, Some(routed))
}

/// The third tier: the gates that were applied, as recorded.
fn gates(run: &RunEntry, trace: &GateRecord, means: &[f32], mutes: &Mutes) -> Vec<Bar> {
    // Value vectors have no part in a mixture of experts.
    let experts = run.bundle.lora_experts();
    let named = trace.adapters.iter().zip(means).enumerate();
    named
        .filter(|&(index, (_, &mean))| index < experts || mean != 0.0)
        .map(|(index, (name, &mean))| {
            let channel = Channel::Adapter(index);
            Bar {
                name: adapter_title(experts, index, name),
                value: mean,
                words: number(mean),
                color: category(index),
                kind: None,
                silent: mutes.silences(channel) && mean == 0.0,
            }
        })
        .collect()
}

impl Tiers {
    /// All of it in one line, for those who do not see it.
    fn in_words(&self) -> String {
        let list = |bars: &[Bar]| {
            let words = bars.iter().map(|bar| {
                let kind = match bar.kind {
                    Some(ExpertKind::Router) => " (router)",
                    _ => "",
                };
                format!("{}{kind} {}", bar.name, bar.words)
            });
            words.collect::<Vec<_>>().join(", ")
        };
        format!(
            "{}. {}: {}; 2 experts: {}; 3 LoRA gates: {}. {}",
            self.title,
            self.first,
            list(&self.asked),
            list(&self.experts),
            list(&self.gates),
            self.note
        )
    }
}
