//! Fronts of other sweeps behind the points: a colour per method, a shape per bundle, a line each; one cached mesh. More
//! methods than there are colours have the first ones again, with other shapes and dashes.

use std::sync::Arc;

use egui::epaint::{Color32, Mesh, Pos2, Shape, Stroke, pos2};
use egui::{Painter, Ui};
use egui_plot::PlotTransform;
use paretoscope_core::pareto::front as non_dominated;
use paretoscope_figure::plot::Standing;

use super::glyphs::{Glyph, Glyphs};
use super::layer::{Key, steps, whisker_bars};
use super::ranges::Affine;
use crate::state::{OtherDot, OtherSweep, Others};
use crate::theme::{Tokens, category};

/// Dash and gap of a line whose colour comes again, in points.
const DASH: [f32; 2] = [6.0, 3.5];

/// A filled shape per bundle, as in figures, and its outline.
const SHAPES: [(Glyph, Glyph); 4] = [
    (Glyph::Diamond, Glyph::Hollow),
    (Glyph::Box, Glyph::BoxLine),
    (Glyph::Up, Glyph::UpLine),
    (Glyph::Down, Glyph::DownLine),
];

/// What the others are drawn from.
#[derive(Clone, Copy)]
pub struct OthersInput<'a> {
    /// The sweeps.
    pub others: &'a Others,
    /// Which of the plotted objectives are x and y.
    pub pair: (usize, usize),
    /// Raw scores to shown ones, x and y.
    pub units: [Affine; 2],
    /// Whether dominated points are drawn.
    pub dominated: bool,
    /// Size of the markers, of their usual one.
    pub scale: f32,
}

impl OthersInput<'_> {
    fn place(&self, transform: &PlotTransform, mean: [f64; 3]) -> Pos2 {
        let [x, y] = self.units;
        pos2(
            transform.position_from_point_x(x.apply(mean[self.pair.0])),
            transform.position_from_point_y(y.apply(mean[self.pair.1])),
        )
    }
}

/// Which dots are looked at, by the places of their sweeps and their own.
pub struct Looked<'a> {
    /// The one that was selected.
    pub selected: Option<(usize, usize)>,
    /// The one under the pointer.
    pub hovered: Option<(usize, usize)>,
    /// Whether a dot was chosen before, by its name.
    pub chosen: &'a dyn Fn(&str) -> bool,
}

/// Radius of the ring around a chosen dot, in points.
pub const CHOSEN: f32 = 8.5;

/// A dot on the screen: the sweep's place among [`Others::sweeps`], the dot's place among its own.
pub type OtherPlace = (usize, usize, Pos2);

/// The mesh of the others and where their dots are on the screen.
#[derive(Default)]
pub struct OthersLayer {
    key: Option<Key>,
    mesh: Arc<Mesh>,
    lines: Vec<Shape>,
    places: Vec<OtherPlace>,
}

impl OthersLayer {
    /// Draws, from the cache where nothing changed.
    pub fn show(
        &mut self,
        ui: &Ui,
        glyphs: &Glyphs,
        transform: &PlotTransform,
        input: &OthersInput<'_>,
    ) {
        if input.others.sweeps().is_empty() {
            *self = Self::default();
            return;
        }
        let key = Key::new(
            ui,
            transform,
            input.others.revision(),
            (input.pair, input.units),
            (input.dominated, false, input.scale),
        );
        if self.key.as_ref() != Some(&key) {
            self.build(glyphs, transform, input, Tokens::of(ui));
            self.key = Some(key);
        }
        let clip = transform.frame().intersect(ui.clip_rect());
        let painter = ui.painter().with_clip_rect(clip);
        painter.extend(self.lines.iter().cloned());
        painter.add(Shape::Mesh(Arc::clone(&self.mesh)));
    }

    /// The dot nearest to `pointer`, within `reach` points of the screen: its sweep's place, and its own.
    pub fn nearest(&self, pointer: Pos2, reach: f32) -> Option<(usize, usize)> {
        let far = |place: &&OtherPlace| place.2.distance_sq(pointer);
        let near = self
            .places
            .iter()
            .rev()
            .filter(|at| far(at) <= reach * reach);
        let near = near.min_by(|a, b| far(a).total_cmp(&far(b)))?;
        Some((near.0, near.1))
    }

    /// Where a dot is on the screen, if it is drawn.
    fn place(&self, sweep: usize, dot: usize) -> Option<Pos2> {
        let found = self.places.iter().find(|at| (at.0, at.1) == (sweep, dot));
        found.map(|at| at.2)
    }

    /// Rings around the dots that are looked at and those that were chosen, and ±1 SE of the former.
    pub fn rings(
        &self,
        on: (&Painter, &Glyphs, &PlotTransform),
        input: &OthersInput<'_>,
        looked: &Looked<'_>,
        tokens: &Tokens,
    ) {
        let painter = on.0;
        for &(sweep, dot, place) in &self.places {
            let chosen = input.others.dot((sweep, dot));
            if chosen.is_some_and(|(_, dot)| (looked.chosen)(&dot.uid)) {
                painter.circle_stroke(place, CHOSEN, Stroke::new(1.5, tokens.good));
            }
        }
        let rings = [
            (looked.selected, 11.0, 2.5, tokens.accent),
            (looked.hovered, 9.5, 1.5, tokens.text),
        ];
        for (at, radius, wide, color) in rings {
            let Some((sweep, dot)) = at else { continue };
            let Some(place) = self.place(sweep, dot) else {
                continue;
            };
            let known = input.others.sweeps().get(sweep);
            if let Some(dot) = known.and_then(|sweep| sweep.dots.get(dot)) {
                whiskers(on, input, dot, tokens.text);
            }
            painter.circle_stroke(place, radius, Stroke::new(wide, color));
        }
    }

    fn build(
        &mut self,
        glyphs: &Glyphs,
        transform: &PlotTransform,
        input: &OthersInput<'_>,
        tokens: &Tokens,
    ) {
        let mut mesh = glyphs.mesh();
        self.lines.clear();
        self.places.clear();
        let frame = transform.frame().expand(12.0);
        for (at, sweep) in input.others.sweeps().iter().enumerate() {
            let ink = other_ink(sweep, tokens);
            let line = edge(sweep, input, transform);
            if line.len() > 1 {
                let wide = if sweep.faint { 1.0 } else { 1.6 } * input.scale.max(0.6);
                let stairs = steps(*transform.frame(), line.into_iter());
                let stroke = Stroke::new(wide, ink);
                if sweep.again {
                    let [dash, gap] = DASH;
                    self.lines
                        .extend(Shape::dashed_line(&stairs, stroke, dash, gap));
                } else {
                    self.lines.push(Shape::line(stairs, stroke));
                }
            }
            for standing in [Standing::Dominated, Standing::Uncertain, Standing::Front] {
                if standing == Standing::Dominated && !input.dominated {
                    continue;
                }
                let dots = sweep.dots.iter().enumerate();
                for (place, dot) in dots.filter(|(_, dot)| dot.standing == standing) {
                    let spot = input.place(transform, dot.mean);
                    if frame.contains(spot) {
                        other_marker(
                            glyphs,
                            &mut mesh,
                            (sweep, standing),
                            spot,
                            input.scale,
                            tokens,
                        );
                        self.places.push((at, place, spot));
                    }
                }
            }
        }
        self.mesh = Arc::new(mesh);
    }
}

/// ±1 SE of one dot, over what was drawn.
fn whiskers(
    (painter, glyphs, transform): (&Painter, &Glyphs, &PlotTransform),
    input: &OthersInput<'_>,
    dot: &OtherDot,
    color: Color32,
) {
    let moved = |by: f64| -> Pos2 {
        let mut mean = dot.mean;
        for (value, se) in mean.iter_mut().zip(dot.se) {
            *value += by * se;
        }
        input.place(transform, mean)
    };
    let mut mesh = glyphs.mesh();
    let bars = [moved(-1.0), moved(0.0), moved(1.0)];
    whisker_bars(glyphs, &mut mesh, bars, color);
    painter.add(Shape::mesh(mesh));
}

/// The colour of a sweep's method as it is seen on the ground of either theme.
pub(super) fn other_ink(sweep: &OtherSweep, tokens: &Tokens) -> Color32 {
    let light = tokens.card == Color32::WHITE;
    let color = category(sweep.color).lerp_to_gamma(Color32::BLACK, if light { 0.25 } else { 0.0 });
    color.gamma_multiply(if sweep.faint { 0.4 } else { 0.85 })
}

/// The marker of a dot: the shape of its sweep, filled on its front.
pub(crate) fn other_marker(
    glyphs: &Glyphs,
    mesh: &mut Mesh,
    (sweep, standing): (&OtherSweep, Standing),
    place: Pos2,
    scale: f32,
    tokens: &Tokens,
) {
    let (filled, line) = SHAPES[sweep.shape % SHAPES.len()];
    let ink = other_ink(sweep, tokens);
    match standing {
        Standing::Front => glyphs.add(mesh, filled, place, 0.8 * scale, ink),
        Standing::Uncertain => glyphs.add(mesh, line, place, 0.8 * scale, ink),
        Standing::Dominated => {
            glyphs.add(mesh, line, place, 0.5 * scale, ink.gamma_multiply(0.6));
        }
    }
}

/// The dots that no other one of the sweep beats on both objectives, from left to right.
fn edge(sweep: &OtherSweep, input: &OthersInput<'_>, transform: &PlotTransform) -> Vec<Pos2> {
    let (x, y) = input.pair;
    let places: Vec<[f64; 2]> = (sweep.dots.iter())
        .map(|dot| [dot.mean[x], dot.mean[y]])
        .collect();
    let mut edge = non_dominated(&places);
    edge.sort_by(|&a, &b| places[a][0].total_cmp(&places[b][0]));
    edge.dedup_by(|a, b| places[*a] == places[*b]);
    edge.into_iter()
        .map(|at| input.place(transform, sweep.dots[at].mean))
        .collect()
}
