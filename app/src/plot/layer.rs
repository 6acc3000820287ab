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
    /// Which of the plotted objectives are x and y.
    pub pair: (usize, usize),
    /// Raw scores to shown ones, x and y.
    pub units: [Affine; 2],
    /// Whether dominated points are drawn.
    pub dominated: bool,
    /// Whether ±1 SE is drawn.
    pub whiskers: bool,
}

/// What decides how a layer looks; equal keys, equal pictures.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    revision: u64,
    pair: (usize, usize),
    units: [Affine; 2],
    dominated: bool,
    whiskers: bool,
    frame: Rect,
    bounds: [f64; 4],
    dark: bool,
    pixels_per_point: f32,
}

/// The mesh of one plot and where its points are on the screen.
#[derive(Default)]
pub struct Layer {
    key: Option<Key>,
    mesh: Arc<Mesh>,
    stairs: Vec<Pos2>,
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
        let bounds = transform.bounds();
        let key = Key {
            revision: input.front.revision(),
            pair: input.pair,
            units: input.units,
            dominated: input.dominated,
            whiskers: input.whiskers,
            frame: *transform.frame(),
            bounds: [
                bounds.min()[0],
                bounds.min()[1],
                bounds.max()[0],
                bounds.max()[1],
            ],
            dark: ui.visuals().dark_mode,
            pixels_per_point: ui.ctx().pixels_per_point(),
        };
        if self.key.as_ref() != Some(&key) {
            self.build(glyphs, transform, input, tokens);
            self.key = Some(key);
        }
        let painter = ui
            .painter()
            .with_clip_rect(transform.frame().intersect(ui.clip_rect()));
        if self.stairs.len() > 1 {
            let stroke = Stroke::new(2.0, tokens.front.gamma_multiply(0.8));
            painter.add(Shape::line(self.stairs.clone(), stroke));
        }
        painter.add(Shape::Mesh(Arc::clone(&self.mesh)));
    }

    /// Screen positions, one per entry of the front; NaN where not drawn.
    pub fn places(&self) -> &[Pos2] {
        &self.places
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
        let small = if many { 0.75 } else { 1.0 };
        let large = if input.front.members().len() > 60 {
            0.8
        } else {
            1.0
        };
        let dominated = tokens
            .dominated
            .gamma_multiply(if many { 0.7 } else { 1.0 });
        // Dominated points first, so that the front lies on top.
        for (entry, &place) in entries.iter().zip(&self.places) {
            if entry.class == Class::Dominated && !place.any_nan() {
                if input.whiskers && every {
                    whiskers(
                        glyphs,
                        &mut mesh,
                        &projection,
                        entry,
                        dominated.gamma_multiply(0.45),
                    );
                }
                let glyph = if entry.extrapolated {
                    Glyph::Square
                } else {
                    Glyph::Ring
                };
                if !many {
                    glyphs.add(&mut mesh, Glyph::Disc, place, small, tokens.card);
                }
                glyphs.add(&mut mesh, glyph, place, small, dominated);
            }
        }
        for &member in input.front.members() {
            let (Some(entry), Some(&place)) = (entries.get(member), self.places.get(member)) else {
                continue;
            };
            if place.any_nan() {
                continue;
            }
            if input.whiskers {
                whiskers(
                    glyphs,
                    &mut mesh,
                    &projection,
                    entry,
                    tokens.front.gamma_multiply(0.75),
                );
            }
            let marker = Marker {
                class: entry.class,
                extrapolated: entry.extrapolated,
                scale: large,
            };
            front_marker(glyphs, &mut mesh, marker, place, tokens);
        }
        self.mesh = Arc::new(mesh);
        self.stairs = staircase(input, &projection);
    }
}

/// How a point on the front is marked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marker {
    /// Certain or not.
    pub(crate) class: Class,
    /// Extrapolated points have an outline.
    pub(crate) extrapolated: bool,
    /// Size; 1 is usual.
    pub(crate) scale: f32,
}

/// The marker of a point on the front.
pub(crate) fn front_marker(
    glyphs: &Glyphs,
    mesh: &mut Mesh,
    marker: Marker,
    place: Pos2,
    tokens: &Tokens,
) {
    let mut add = |glyph, color| glyphs.add(mesh, glyph, place, marker.scale, color);
    if marker.class == Class::Uncertain {
        // Hollow means the colour of the ground, not a window onto whiskers and stairs.
        add(Glyph::Diamond, tokens.card);
        add(Glyph::Hollow, tokens.front);
    } else {
        add(Glyph::Diamond, tokens.front);
        add(Glyph::Edge, tokens.outline);
    }
    if marker.extrapolated {
        add(Glyph::Halo, tokens.front);
    }
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

/// The edge of what the front dominates, for two objectives: from the left edge over the members to
/// the lower edge. Empty for three objectives, whose front is no line in any pair.
fn staircase(input: &LayerInput<'_>, projection: &Projection<'_>) -> Vec<Pos2> {
    let front = input.front.members();
    if input.front.axes().len() != 2 || front.len() < 2 {
        return Vec::new();
    }
    let frame = projection.transform.frame();
    // Far outside the frame would strain the tessellator; a little outside is as good.
    let near = |place: Pos2| {
        pos2(
            place.x.clamp(frame.left() - 50.0, frame.right() + 50.0),
            place.y.clamp(frame.top() - 50.0, frame.bottom() + 50.0),
        )
    };
    let mut members: Vec<Pos2> = front
        .iter()
        .filter_map(|&member| input.front.entries().get(member))
        .map(|entry| near(projection.place(entry.mean[input.pair.0], entry.mean[input.pair.1])))
        .collect();
    members.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    let mut stairs = Vec::with_capacity(2 * members.len() + 1);
    let mut left = frame.left() - 50.0;
    for member in members {
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

    #[test]
    fn nearest_ignores_what_is_not_drawn() {
        let places = [pos2(0.0, 0.0), pos2(f32::NAN, f32::NAN), pos2(10.0, 0.0)];
        assert_eq!(nearest(&places, pos2(2.0, 0.0), 5.0), Some(0));
        assert_eq!(nearest(&places, pos2(7.0, 0.0), 5.0), Some(2));
        assert_eq!(nearest(&places, pos2(5.0, 40.0), 5.0), None);
    }
}
