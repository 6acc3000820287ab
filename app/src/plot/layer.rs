//! Everything of one plot that the data decides, as one cached mesh.

use std::sync::Arc;

use egui::epaint::{Color32, Mesh, Pos2, Rect, Shape, Stroke, pos2};
use egui_plot::PlotTransform;

use super::glyphs::{Glyph, Glyphs};
use super::ranges::Affine;
use crate::state::{Class, Front, FrontEntry};
use crate::theme::Tokens;

/// Above so many points only the front keeps its whiskers: more cannot be told apart.
pub const WHISKERS_FOR_ALL: usize = 150;

/// Above so many points the markers of dominated ones get smaller and paler.
const MANY: usize = 1000;

/// What a layer is drawn from.
#[derive(Clone, Copy)]
pub struct LayerInput<'a> {
    /// The points.
    pub front: &'a Front,
    /// Their colours, in their order.
    pub colors: &'a [Color32],
    /// Which of the plotted objectives are x and y.
    pub pair: (usize, usize),
    /// Raw scores to shown ones, x and y.
    pub units: [Affine; 2],
    /// Whether dominated points are drawn.
    pub dominated: bool,
    /// Whether ±1 SE is drawn for all.
    pub whiskers: bool,
    /// Size of the markers, of their usual one.
    pub scale: f32,
}

/// What decides how a layer looks; equal keys, equal pictures.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    revision: u64,
    pair: (usize, usize),
    units: [Affine; 2],
    dominated: bool,
    whiskers: bool,
    scale: f32,
    frame: Rect,
    bounds: [f64; 4],
    dark: bool,
    pixels_per_point: f32,
}

impl Key {
    /// Of a revision of the data, its pair with the units of both axes, and whether dominated points and whiskers are
    /// drawn at which size.
    pub(super) fn new(
        ui: &egui::Ui,
        transform: &PlotTransform,
        revision: u64,
        (pair, units): ((usize, usize), [Affine; 2]),
        (dominated, whiskers, scale): (bool, bool, f32),
    ) -> Self {
        let bounds = transform.bounds();
        Self {
            revision,
            pair,
            units,
            dominated,
            whiskers,
            scale,
            frame: *transform.frame(),
            bounds: [
                bounds.min()[0],
                bounds.min()[1],
                bounds.max()[0],
                bounds.max()[1],
            ],
            dark: ui.visuals().dark_mode,
            pixels_per_point: ui.ctx().pixels_per_point(),
        }
    }
}

/// The mesh of one plot and where its points are on the screen.
#[derive(Default)]
pub struct Layer {
    key: Option<Key>,
    mesh: Arc<Mesh>,
    stairs: Vec<Pos2>,
    /// Members of the pair's own front.
    pair_front: usize,
    /// Screen positions, one per entry of the front; NaN where not drawn.
    places: Vec<Pos2>,
}

impl Layer {
    /// Draws, from the cache where nothing changed.
    pub fn show(
        &mut self,
        ui: &egui::Ui,
        glyphs: &Glyphs,
        transform: &PlotTransform,
        input: &LayerInput<'_>,
    ) {
        let tokens = Tokens::of(ui);
        let key = Key::new(
            ui,
            transform,
            input.front.revision(),
            (input.pair, input.units),
            (input.dominated, input.whiskers, input.scale),
        );
        if self.key.as_ref() != Some(&key) {
            self.build(glyphs, transform, input, tokens);
            self.key = Some(key);
        }
        let painter = ui
            .painter()
            .with_clip_rect(transform.frame().intersect(ui.clip_rect()));
        if self.stairs.len() > 1 {
            let stroke = Stroke::new(2.0 * input.scale.max(0.6), tokens.text.gamma_multiply(0.75));
            painter.add(Shape::line(self.stairs.clone(), stroke));
        }
        painter.add(Shape::Mesh(Arc::clone(&self.mesh)));
    }

    /// Screen positions, one per entry of the front; NaN where not drawn.
    pub fn places(&self) -> &[Pos2] {
        &self.places
    }

    /// How many points the line goes through: the front of the two shown objectives alone.
    pub fn pair_front(&self) -> usize {
        self.pair_front
    }

    /// ±1 SE of one point, over what was drawn.
    pub fn whiskers_of(
        painter: &egui::Painter,
        glyphs: &Glyphs,
        transform: &PlotTransform,
        input: &LayerInput<'_>,
        position: usize,
        color: Color32,
    ) {
        let Some(entry) = input.front.entries().get(position) else {
            return;
        };
        let mut mesh = glyphs.mesh();
        let projection = Projection { transform, input };
        whiskers(glyphs, &mut mesh, &projection, entry, color);
        painter.add(Shape::mesh(mesh));
    }

    fn build(
        &mut self,
        glyphs: &Glyphs,
        transform: &PlotTransform,
        input: &LayerInput<'_>,
        tokens: &Tokens,
    ) {
        let entries = input.front.entries();
        let frame = transform.frame().expand(12.0);
        let projection = Projection { transform, input };
        self.places.clear();
        self.places.extend(entries.iter().map(|entry| {
            let drawn = entry.class.is_placed() && (input.dominated || entry.class.is_front());
            let place = projection.place(entry.mean[input.pair.0], entry.mean[input.pair.1]);
            if drawn && frame.contains(place) {
                place
            } else {
                Pos2::new(f32::NAN, f32::NAN)
            }
        }));
        let mut mesh = glyphs.mesh();
        let every = entries.len() <= WHISKERS_FOR_ALL;
        // Many points get smaller markers, and many dominated ones step back.
        let many = entries.len() > MANY;
        let small = input.scale * if many { 0.75 } else { 1.0 };
        let large = input.scale
            * if input.front.members().len() > 60 {
                0.8
            } else {
                1.0
            };
        // Dominated points first, then what may not be on the front, so that the front lies on top.
        let mut order: Vec<usize> = (0..entries.len())
            .filter(|&at| !self.places[at].any_nan())
            .collect();
        order.sort_by_key(|&at| match entries[at].class {
            Class::Front => 2,
            Class::Uncertain => 1,
            _ => 0,
        });
        for at in order {
            let (entry, place) = (&entries[at], self.places[at]);
            let color = input.colors.get(at).copied().unwrap_or(tokens.dominated);
            let marker = Marker {
                class: entry.class,
                extrapolated: entry.extrapolated,
                scale: if entry.class.is_front() { large } else { small },
                color,
            };
            if input.whiskers && (every || entry.class.is_front()) {
                let faint = if entry.class.is_front() { 0.75 } else { 0.35 };
                let color = tokens.weak.gamma_multiply(faint);
                whiskers(glyphs, &mut mesh, &projection, entry, color);
            }
            if entry.class.is_front() {
                front_marker(glyphs, &mut mesh, marker, place, tokens);
            } else {
                dominated_marker(glyphs, &mut mesh, marker, place, tokens, many);
            }
        }
        self.mesh = Arc::new(mesh);
        let line = pair_front(entries, input.pair);
        self.pair_front = line.len();
        self.stairs = staircase(input, &projection, &line);
    }
}

/// How a point is marked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marker {
    /// Certain or not.
    pub(crate) class: Class,
    /// Extrapolated points have a mark of their own.
    pub(crate) extrapolated: bool,
    /// Size; 1 is usual.
    pub(crate) scale: f32,
    /// The colour of its preference.
    pub(crate) color: Color32,
}

/// The marker of a point on the front: filled, and hollow and faint where it may not be on it.
pub(crate) fn front_marker(
    glyphs: &Glyphs,
    mesh: &mut Mesh,
    marker: Marker,
    place: Pos2,
    tokens: &Tokens,
) {
    let mut add = |glyph, color| glyphs.add(mesh, glyph, place, marker.scale, color);
    if marker.class == Class::Uncertain {
        let color = on_ground(marker.color, tokens).gamma_multiply(0.7);
        add(Glyph::Hollow, color);
        if marker.extrapolated {
            add(Glyph::Halo, color);
        }
        return;
    }
    add(Glyph::Diamond, marker.color);
    add(Glyph::Edge, tokens.outline);
    if marker.extrapolated {
        add(Glyph::Halo, on_ground(marker.color, tokens));
    }
}

/// The marker of a dominated point.
pub(crate) fn dominated_marker(
    glyphs: &Glyphs,
    mesh: &mut Mesh,
    marker: Marker,
    place: Pos2,
    tokens: &Tokens,
    many: bool,
) {
    let glyph = if marker.extrapolated {
        Glyph::Square
    } else {
        Glyph::Ring
    };
    let color = on_ground(marker.color, tokens).gamma_multiply(if many { 0.5 } else { 0.7 });
    glyphs.add(mesh, glyph, place, marker.scale, color);
}

/// A colour for thin lines: on light ground darker, where the lightest of them could not be seen.
fn on_ground(color: Color32, tokens: &Tokens) -> Color32 {
    let light = tokens.card == Color32::WHITE;
    color.lerp_to_gamma(tokens.outline, if light { 0.35 } else { 0.0 })
}

/// Raw scores to the screen.
struct Projection<'a> {
    transform: &'a PlotTransform,
    input: &'a LayerInput<'a>,
}

impl Projection<'_> {
    fn place(&self, x: f64, y: f64) -> Pos2 {
        let [ux, uy] = self.input.units;
        pos2(
            self.transform.position_from_point_x(ux.apply(x)),
            self.transform.position_from_point_y(uy.apply(y)),
        )
    }
}

/// ±1 SE as thin bars with short ends.
fn whiskers(
    glyphs: &Glyphs,
    mesh: &mut Mesh,
    projection: &Projection<'_>,
    entry: &FrontEntry,
    color: Color32,
) {
    let (x, y) = projection.input.pair;
    let low = projection.place(entry.mean[x] - entry.se[x], entry.mean[y] - entry.se[y]);
    let high = projection.place(entry.mean[x] + entry.se[x], entry.mean[y] + entry.se[y]);
    let centre = projection.place(entry.mean[x], entry.mean[y]);
    whisker_bars(glyphs, mesh, [low, centre, high], color);
}

/// Bars from the lower left to the upper right of a place, through its middle.
pub(super) fn whisker_bars(
    glyphs: &Glyphs,
    mesh: &mut Mesh,
    [low, centre, high]: [Pos2; 3],
    color: Color32,
) {
    const HALF: f32 = 0.6;
    const END: f32 = 3.0;
    if high.x - low.x > 2.0 {
        let mut bar = |left: f32, right: f32, half: f32| {
            let rect =
                Rect::from_min_max(pos2(left, centre.y - half), pos2(right, centre.y + half));
            glyphs.add_rect(mesh, rect, color);
        };
        bar(low.x, high.x, HALF);
        bar(low.x - HALF, low.x + HALF, END);
        bar(high.x - HALF, high.x + HALF, END);
    }
    if low.y - high.y > 2.0 {
        let mut bar = |top: f32, bottom: f32, half: f32| {
            let rect =
                Rect::from_min_max(pos2(centre.x - half, top), pos2(centre.x + half, bottom));
            glyphs.add_rect(mesh, rect, color);
        };
        bar(high.y, low.y, HALF);
        bar(low.y - HALF, low.y + HALF, END);
        bar(high.y - HALF, high.y + HALF, END);
    }
}

/// The front of two objectives alone: placed points that no other one beats on both, by the first from the highest.
/// With three objectives others are on the front as well, but no line goes through those.
fn pair_front(entries: &[FrontEntry], (x, y): (usize, usize)) -> Vec<usize> {
    let mut placed: Vec<usize> = (0..entries.len())
        .filter(|&at| entries[at].class.is_placed())
        .collect();
    let by = |at: usize, slot: usize| entries[at].mean[slot];
    placed.sort_by(|&a, &b| {
        let first = by(b, x).total_cmp(&by(a, x));
        first.then(by(b, y).total_cmp(&by(a, y)))
    });
    let mut best = f64::NEG_INFINITY;
    placed.retain(|&at| {
        let above = by(at, y) > best;
        best = best.max(by(at, y));
        above
    });
    placed
}

/// The edge of what the points of `line` dominate: from the left edge over them to the lower edge.
fn staircase(input: &LayerInput<'_>, projection: &Projection<'_>, line: &[usize]) -> Vec<Pos2> {
    if line.len() < 2 {
        return Vec::new();
    }
    let members = line
        .iter()
        .rev()
        .filter_map(|&member| input.front.entries().get(member))
        .map(|entry| projection.place(entry.mean[input.pair.0], entry.mean[input.pair.1]));
    steps(*projection.transform.frame(), members)
}

/// Steps through places from left to right: from the left edge of the frame over them to the lower edge.
pub(super) fn steps(frame: Rect, members: impl Iterator<Item = Pos2>) -> Vec<Pos2> {
    // Far outside the frame would strain the tessellator; a little outside is as good.
    let near = |place: Pos2| {
        pos2(
            place.x.clamp(frame.left() - 50.0, frame.right() + 50.0),
            place.y.clamp(frame.top() - 50.0, frame.bottom() + 50.0),
        )
    };
    let mut stairs = Vec::new();
    let mut left = frame.left() - 50.0;
    for member in members.map(near) {
        stairs.push(pos2(left, member.y));
        stairs.push(member);
        left = member.x;
    }
    stairs.push(pos2(left, frame.bottom() + 50.0));
    stairs
}

/// The point nearest to `pointer`, within `reach` points of the screen.
pub fn nearest(places: &[Pos2], pointer: Pos2, reach: f32) -> Option<usize> {
    let mut best = (reach * reach, None);
    for (position, place) in places.iter().enumerate() {
        let distance = place.distance_sq(pointer);
        // A later point lies on top of an earlier one; NaN is never nearer.
        if distance <= best.0 {
            best = (distance, Some(position));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(x: f64, y: f64, class: Class) -> FrontEntry {
        FrontEntry {
            index: 0,
            mean: [x, y, 0.0],
            se: [0.0; 3],
            class,
            extrapolated: false,
        }
    }

    #[test]
    fn the_line_goes_through_what_nothing_beats_on_both_objectives() {
        let entries = [
            entry(0.0, 1.0, Class::Front),
            // On the front by a third objective alone.
            entry(0.0, 0.5, Class::Front),
            entry(1.0, 0.0, Class::Uncertain),
            entry(0.6, 0.6, Class::Front),
            entry(0.6, 0.2, Class::Dominated),
            entry(9.0, 9.0, Class::Unscored),
            // Twice the same place is one step.
            entry(1.0, 0.0, Class::Front),
        ];
        assert_eq!(pair_front(&entries, (0, 1)), [2, 3, 0]);
        assert_eq!(pair_front(&entries, (1, 0)), [0, 3, 2]);
        assert_eq!(pair_front(&[], (0, 1)), Vec::<usize>::new());
    }

    #[test]
    fn nearest_ignores_what_is_not_drawn() {
        let places = [pos2(0.0, 0.0), pos2(f32::NAN, f32::NAN), pos2(10.0, 0.0)];
        assert_eq!(nearest(&places, pos2(2.0, 0.0), 5.0), Some(0));
        assert_eq!(nearest(&places, pos2(7.0, 0.0), 5.0), Some(2));
        assert_eq!(nearest(&places, pos2(5.0, 40.0), 5.0), None);
    }
}
