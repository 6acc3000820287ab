//! The front that people's votes draw beside that of the rewards: the same glyphs, and never one axis, for a share of
//! votes is no score.

use std::collections::BTreeMap;

use egui::{
    Align2, Color32, FontId, Grid, RichText, ScrollArea, Ui, WidgetInfo, accesskit::Role, vec2,
};
use egui_plot::{AxisHints, HPlacement, Plot, PlotPoints, Points};
use paretoscope_core::pareto::front;
use paretoscope_core::study::OnFronts;

use super::words::figure;
use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::plot::{Glyphs, Marker, dominated_marker, front_marker};
use crate::state::{AppState, Class};
use crate::theme::Tokens;
use crate::widgets::group_title;

/// Width that a plot needs beside the other one.
const BESIDE: f32 = 250.0;
/// On the front in fewer draws than this, a point is no part of it.
const SELDOM: f64 = 0.05;

/// What the plots keep from frame to frame.
#[derive(Default)]
pub(super) struct FrontsPlots {
    glyphs: Option<Glyphs>,
}

/// A point on one of the two planes.
struct Dot<'a> {
    letter: &'a str,
    at: [f64; 2],
    class: Class,
}

/// One plane.
struct Plane<'a> {
    title: &'a str,
    axes: [String; 2],
    dots: Vec<Dot<'a>>,
}

impl FrontsPlots {
    /// Both planes, and the table of their points.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        fronts: &BTreeMap<String, OnFronts>,
        queue: &mut CommandQueue,
    ) {
        let hint = "By votes: the share of votes that a point is expected to win against each other one, ties half. \
                    By rewards: the mean score of its answers in the items";
        group_title(ui, "Two fronts", hint);
        let letters: Vec<String> = (0..fronts.len()).map(letter).collect();
        let objectives: Vec<&String> = fronts
            .values()
            .next()
            .map_or_else(Vec::new, |of| of.shares.keys().collect());
        if objectives.len() > 1 {
            let (x, y) = pair_ui(ui, state, &objectives, queue);
            let planes = planes(fronts, &letters, &objectives, (x, y));
            let glyphs = match self.glyphs.take().filter(|known| known.fits(ui.ctx())) {
                Some(known) => known,
                None => Glyphs::new(ui.ctx()),
            };
            let beside = ui.available_width() >= 2.0 * BESIDE;
            if beside {
                ui.columns(planes.len(), |columns| {
                    for (plane, ui) in planes.iter().zip(columns) {
                        plane_ui(ui, plane, &glyphs);
                    }
                });
            } else {
                for plane in &planes {
                    plane_ui(ui, plane, &glyphs);
                }
            }
            self.glyphs = Some(glyphs);
        }
        table_ui(ui, fronts, &letters, &objectives);
    }
}

/// `a` to `z`, then `a1`.
fn letter(at: usize) -> String {
    let place = u8::try_from(at % 26).unwrap_or(0);
    let letter = char::from(b'a' + place);
    match at / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}

/// Which objectives are plotted, to the right and up.
fn pair_ui(
    ui: &mut Ui,
    state: &AppState,
    objectives: &[&String],
    queue: &mut CommandQueue,
) -> (usize, usize) {
    let count = objectives.len();
    let now = Some(state.annotate.pair)
        .filter(|(x, y)| x != y && *x < count && *y < count)
        .unwrap_or((0, 1));
    if count > 2 {
        ui.horizontal_wrapped(|ui| {
            for x in 0..count {
                for y in x + 1..count {
                    let words = format!("{} / {}", objectives[y], objectives[x]);
                    if ui.selectable_label(now == (x, y), words).clicked() {
                        queue.push(AppCommand::Annotate(Annotation::SetPair(x, y)));
                    }
                }
            }
        });
    }
    now
}

fn planes<'a>(
    fronts: &BTreeMap<String, OnFronts>,
    letters: &'a [String],
    objectives: &[&String],
    (x, y): (usize, usize),
) -> Vec<Plane<'a>> {
    let shares: Vec<Vec<f64>> = fronts
        .values()
        .map(|of| objectives.iter().map(|o| of.shares[*o]).collect())
        .collect();
    let best = front(&shares);
    let by_votes = fronts.values().enumerate().map(|(at, of)| Dot {
        letter: &letters[at],
        at: [shares[at][x], shares[at][y]],
        class: match () {
            () if best.contains(&at) => Class::Front,
            () if of.on_front >= SELDOM => Class::Uncertain,
            () => Class::Dominated,
        },
    });
    let by_rewards = fronts.values().enumerate().filter_map(|(at, of)| {
        let score = |slot: usize| of.rewards.get(objectives[slot]).copied();
        Some(Dot {
            letter: &letters[at],
            at: [score(x)?, score(y)?],
            class: if of.on_reward_front == Some(true) {
                Class::Front
            } else {
                Class::Dominated
            },
        })
    });
    let name = |slot: usize, what: &str| format!("{}, {what}", objectives[slot]);
    vec![
        Plane {
            title: "Front by votes",
            axes: [name(x, "win share"), name(y, "win share")],
            dots: by_votes.collect(),
        },
        Plane {
            title: "Front by rewards",
            axes: [name(x, "mean score"), name(y, "mean score")],
            dots: by_rewards.collect(),
        },
    ]
}

fn plane_ui(ui: &mut Ui, plane: &Plane<'_>, glyphs: &Glyphs) {
    let tokens = Tokens::of(ui);
    let weak = tokens.weak;
    ui.label(RichText::new(plane.title).strong());
    if plane.dots.is_empty() {
        let words = "The answers have no scores by these objectives.";
        ui.label(RichText::new(words).color(weak).size(13.0));
        return;
    }
    let [x, y] = &plane.axes;
    let out = Plot::new((plane.title, x, y))
        .height((ui.available_width() * 0.8).clamp(160.0, 300.0))
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .set_margin_fraction(vec2(0.12, 0.16))
        .grid_color(tokens.line)
        .custom_x_axes(vec![AxisHints::new_x().label(x.clone())])
        .custom_y_axes(vec![
            AxisHints::new_y()
                .label(y.clone())
                .placement(HPlacement::Left)
                .min_thickness(46.0),
        ])
        .show_crosshair(false)
        .show(ui, |plot| {
            // The automatic view holds all dots, which are drawn below.
            let all: Vec<[f64; 2]> = plane.dots.iter().map(|dot| dot.at).collect();
            let hold = Points::new("all dots", PlotPoints::from(all)).radius(0.0);
            plot.points(hold.color(Color32::TRANSPARENT).allow_hover(false));
        });
    let title = format!("{}: {y} against {x}", plane.title);
    out.response
        .widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &title));
    ui.ctx().accesskit_node_builder(out.response.id, |node| {
        node.set_value(spoken(plane));
    });
    let clip = out.transform.frame().intersect(ui.clip_rect());
    let painter = ui.painter().with_clip_rect(clip);
    let mut mesh = glyphs.mesh();
    let mut letters = Vec::new();
    for dot in &plane.dots {
        let place = egui::pos2(
            out.transform.position_from_point_x(dot.at[0]),
            out.transform.position_from_point_y(dot.at[1]),
        );
        let marker = |color| Marker {
            class: dot.class,
            extrapolated: false,
            scale: 1.0,
            color,
        };
        match dot.class {
            Class::Front | Class::Uncertain => {
                front_marker(glyphs, &mut mesh, marker(tokens.front), place, tokens);
            }
            _ => dominated_marker(
                glyphs,
                &mut mesh,
                marker(tokens.dominated),
                place,
                tokens,
                false,
            ),
        }
        letters.push((place, dot.letter));
    }
    painter.add(egui::Shape::mesh(mesh));
    let font = FontId::proportional(13.0);
    for (place, letter) in letters {
        let at = place + vec2(9.0, -4.0);
        painter.text(at, Align2::LEFT_BOTTOM, letter, font.clone(), tokens.text);
    }
}

/// A plane in one line, for who does not see it.
fn spoken(plane: &Plane<'_>) -> String {
    let on: Vec<&str> = plane
        .dots
        .iter()
        .filter(|dot| dot.class == Class::Front)
        .map(|dot| dot.letter)
        .collect();
    format!(
        "{} of {} points on it: {}",
        on.len(),
        plane.dots.len(),
        on.join(", ")
    )
}

/// All numbers of both planes.
fn table_ui(
    ui: &mut Ui,
    fronts: &BTreeMap<String, OnFronts>,
    letters: &[String],
    objectives: &[&String],
) {
    let weak = Tokens::of(ui).weak;
    ScrollArea::horizontal()
        .id_salt("two fronts")
        .show(ui, |ui| {
            Grid::new("two fronts")
                .striped(true)
                .spacing([14.0, 4.0])
                .show(ui, |ui| {
                    let head = |ui: &mut Ui, words: String| {
                        ui.label(RichText::new(words).color(weak).size(13.0));
                    };
                    head(ui, String::new());
                    head(ui, "point".to_owned());
                    for objective in objectives {
                        head(ui, format!("{objective}: win share"));
                    }
                    head(ui, "by votes".to_owned());
                    for objective in objectives {
                        head(ui, format!("{objective}: reward"));
                    }
                    head(ui, "by rewards".to_owned());
                    ui.end_row();
                    for (letter, (name, of)) in letters.iter().zip(fronts) {
                        ui.label(RichText::new(letter).strong());
                        ui.label(name);
                        for objective in objectives {
                            ui.label(figure(of.shares[*objective]));
                        }
                        ui.label(format!("on front in {:.0} %", 100.0 * of.on_front));
                        for objective in objectives {
                            let score = of.rewards.get(*objective);
                            ui.label(
                                score.map_or_else(|| "n/a".to_owned(), |score| figure(*score)),
                            );
                        }
                        ui.label(match of.on_reward_front {
                            Some(true) => "on front",
                            Some(false) => "dominated",
                            None => "n/a: scores are missing",
                        });
                        ui.end_row();
                    }
                });
        });
}
