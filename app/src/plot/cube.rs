//! The cube of three objectives: how it is turned, and the marks that stand in it.

use egui::epaint::{Color32, Pos2, Rect};

use paretoscope_figure::plot::Standing;

use super::others::{OtherPlace, other_ink};
use super::ranges::Affine;
use super::steps::{multiples, step_from};
use crate::gpu::space::{Mark, MarkShape, SpaceUniforms, project};
use crate::state::{Class, FrontEntry, OtherDot, OtherSweep};
use crate::theme::Tokens;

/// From the middle of the cube to the eye; its corners are 1.73 away.
const EYE: f32 = 6.5;

/// A filled shape per bundle, as in the pairs, and its outline.
const SHAPES: [(MarkShape, MarkShape); 4] = [
    (MarkShape::Diamond, MarkShape::Hollow),
    (MarkShape::Box, MarkShape::BoxLine),
    (MarkShape::Up, MarkShape::UpLine),
    (MarkShape::Down, MarkShape::DownLine),
];

/// From where the cube is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// Degrees around the third objective.
    pub around: f32,
    /// Degrees above the plane of the first two.
    pub above: f32,
    /// Size; 1 shows all of it.
    pub zoom: f32,
}

impl Default for Turn {
    /// From where all objectives are high: the front faces the eye.
    fn default() -> Self {
        Self {
            around: 35.0,
            above: 24.0,
            zoom: 1.0,
        }
    }
}

impl Turn {
    /// Turned by so many degrees; never over the poles.
    pub fn turned(self, around: f32, above: f32) -> Self {
        Self {
            around: (self.around + around).rem_euclid(360.0),
            above: (self.above + above).clamp(-89.0, 89.0),
            ..self
        }
    }

    /// Larger by a factor, within bounds.
    pub fn zoomed(self, factor: f32) -> Self {
        Self {
            zoom: (self.zoom * factor).clamp(0.5, 6.0),
            ..self
        }
    }

    /// What the shader needs to show it in a rectangle, in points.
    pub fn uniforms(self, rect: Rect, ground: Color32) -> SpaceUniforms {
        let (sin, cos) = self.around.to_radians().sin_cos();
        let (rise, flat) = self.above.to_radians().sin_cos();
        // Half the cube's diagonal, and room for what stands beside its edges.
        let scale = 0.5 * rect.width().min(rect.height()) / 2.15 * self.zoom;
        SpaceUniforms {
            right: [-sin, cos, 0.0, 0.0],
            up: [-rise * cos, -rise * sin, flat, 0.0],
            toward: [flat * cos, flat * sin, rise, 0.0],
            ground: ground.to_normalized_gamma_f32(),
            centre: [rect.center().x, rect.center().y],
            screen: [rect.width(), rect.height()],
            scale,
            eye: EYE,
            fade: 0.45,
            density: 1.0,
            linear_target: 0,
            pad: [0; 3],
        }
    }

    /// In words.
    pub fn words(self) -> String {
        let side = if self.above < 0.0 { "below" } else { "above" };
        format!(
            "seen from {:.0}° around, {:.0}° {side}",
            self.around,
            self.above.abs()
        )
    }
}

/// One axis of the cube.
#[derive(Debug, Clone, PartialEq)]
pub struct CubeAxis {
    /// What is seen of it, in raw scores.
    pub range: [f64; 2],
    /// Raw scores to shown ones.
    pub unit: Affine,
}

impl CubeAxis {
    /// Where a raw score stands, from -1 to 1; `None` outside.
    fn place(&self, raw: f64) -> Option<f32> {
        let [low, high] = self.range;
        let part = 2.0 * (raw - low) / (high - low) - 1.0;
        (part.abs() <= 1.0).then_some(part as f32)
    }

    /// Shown numbers with their places, about four of them, and their step.
    pub fn ticks(&self) -> (Vec<(f64, f32)>, f64) {
        let [low, high] = self.range.map(|raw| self.unit.apply(raw));
        let Some(step) = step_from((high - low) / 5.0) else {
            return (Vec::new(), 1.0);
        };
        let place = |shown: f64| Some((shown, self.place(self.unit.invert(shown))?));
        (multiples(low, high, step).filter_map(place).collect(), step)
    }
}

/// The cube and all that stands in it.
pub struct Cube<'a> {
    /// Its axes.
    pub axes: [CubeAxis; 3],
    /// The points.
    pub entries: &'a [FrontEntry],
    /// Their colours.
    pub colors: &'a [Color32],
    /// Whether dominated points are drawn.
    pub dominated: bool,
    /// Other sweeps of the study, on these axes.
    pub others: &'a [OtherSweep],
    /// Scores whose place on the walls is shown.
    pub marked: &'a [[f64; 3]],
}

impl Cube<'_> {
    /// Where scores stand in it; `None` outside or without.
    pub fn place(&self, mean: [f64; 3]) -> Option<[f32; 3]> {
        let [x, y, z] = &self.axes;
        Some([x.place(mean[0])?, y.place(mean[1])?, z.place(mean[2])?])
    }

    /// Where every entry is on the screen; NaN where not drawn.
    pub fn places(&self, u: &SpaceUniforms) -> Vec<Pos2> {
        let seen = |entry: &FrontEntry| {
            let drawn = entry.class.is_placed() && (self.dominated || entry.class.is_front());
            let place = self.place(entry.mean).filter(|_| drawn);
            place.map_or(Pos2::new(f32::NAN, f32::NAN), |place| project(u, place).0)
        };
        self.entries.iter().map(seen).collect()
    }

    /// Where the dots of other sweeps are on the screen, those that are drawn.
    pub fn other_places(&self, u: &SpaceUniforms) -> Vec<OtherPlace> {
        let sweeps = self.others.iter().enumerate();
        let seen = sweeps.flat_map(|(at, sweep)| {
            let dots = sweep.dots.iter().enumerate();
            dots.filter_map(move |(dot, other)| {
                Some((at, dot, project(u, self.other_place(other)?).0))
            })
        });
        seen.collect()
    }

    fn other_place(&self, dot: &OtherDot) -> Option<[f32; 3]> {
        let drawn = self.dominated || dot.standing != Standing::Dominated;
        self.place(dot.mean).filter(|_| drawn)
    }

    /// The dots of other sweeps: the colour of the method, the shape of the bundle, filled on the front.
    fn other_points(&self, tokens: &Tokens, marks: &mut Vec<Mark>) {
        for sweep in self.others {
            let (filled, line) = SHAPES[sweep.shape % SHAPES.len()];
            let ink = other_ink(sweep, tokens);
            for dot in &sweep.dots {
                let Some(place) = self.other_place(dot) else {
                    continue;
                };
                marks.push(match dot.standing {
                    Standing::Front => Mark::marker(filled, place, 6.0, ink),
                    Standing::Uncertain => Mark::marker(line, place, 6.0, ink),
                    Standing::Dominated => Mark::marker(line, place, 3.4, ink.gamma_multiply(0.6)),
                });
            }
        }
    }

    /// The far walls with lines at the ticks, to be drawn before all else.
    pub fn walls(&self, u: &SpaceUniforms, tokens: &Tokens) -> Vec<Mark> {
        let mut marks = Vec::new();
        let ticks: [Vec<f32>; 3] = std::array::from_fn(|axis| {
            let (ticks, _) = self.axes[axis].ticks();
            ticks.into_iter().map(|(_, place)| place).collect()
        });
        for wall in 0..3 {
            let side = if u.toward[wall] > 0.0 { -1.0 } else { 1.0 };
            let (a, b) = ((wall + 1) % 3, (wall + 2) % 3);
            for (across, along) in [(a, b), (b, a)] {
                let line = |at: f32, half: f32, color: Color32| {
                    let mut ends = [[0.0; 3]; 2];
                    for (end, place) in ends.iter_mut().zip([-1.0, 1.0]) {
                        end[wall] = side;
                        end[across] = at;
                        end[along] = place;
                    }
                    Mark::line(ends[0], ends[1], half, color)
                };
                let inner = ticks[across].iter().filter(|at| at.abs() < 0.999);
                marks.extend(inner.map(|&at| line(at, 0.5, tokens.line)));
                marks.extend([-1.0, 1.0].map(|at| line(at, 0.75, tokens.weak.gamma_multiply(0.7))));
            }
        }
        marks
    }

    /// The points, far ones first, with lines from the marked ones to the walls.
    pub fn points(&self, u: &SpaceUniforms, tokens: &Tokens) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (entry, &color) in self.entries.iter().zip(self.colors) {
            let drawn = entry.class.is_placed() && (self.dominated || entry.class.is_front());
            let Some(place) = self.place(entry.mean).filter(|_| drawn) else {
                continue;
            };
            let mut add =
                |shape, radius, color| marks.push(Mark::marker(shape, place, radius, color));
            match entry.class {
                Class::Front => {
                    add(MarkShape::Diamond, 8.0, tokens.outline);
                    add(MarkShape::Diamond, 6.6, color);
                }
                Class::Uncertain => add(MarkShape::Hollow, 6.6, color.gamma_multiply(0.75)),
                _ if entry.extrapolated => add(MarkShape::Ring, 3.6, color.gamma_multiply(0.6)),
                _ => add(MarkShape::Disc, 3.0, color.gamma_multiply(0.5)),
            }
            if entry.extrapolated && entry.class.is_front() {
                add(MarkShape::Ring, 10.0, color);
            }
        }
        self.other_points(tokens, &mut marks);
        for place in self.marked.iter().filter_map(|mean| self.place(*mean)) {
            for wall in 0..3 {
                let mut foot = place;
                foot[wall] = if u.toward[wall] > 0.0 { -1.0 } else { 1.0 };
                let dot = Mark::marker(MarkShape::Disc, foot, 2.5, tokens.text);
                marks.push(Mark::line(
                    place,
                    foot,
                    0.75,
                    tokens.text.gamma_multiply(0.6),
                ));
                marks.push(dot);
            }
        }
        crate::gpu::space::sort(u, &mut marks);
        marks
    }

    /// Edges that carry numbers, by axis: their ends in the cube.
    pub fn edges(&self, u: &SpaceUniforms) -> [[[f32; 3]; 2]; 3] {
        let near = |axis: usize| if u.toward[axis] > 0.0 { 1.0 } else { -1.0 };
        // The floor's two edges that face the eye.
        let along = |axis: usize, place: [f32; 3]| {
            [-1.0, 1.0].map(|end| {
                let mut at = place;
                at[axis] = end;
                at
            })
        };
        let first = along(0, [0.0, near(1), -1.0]);
        let second = along(1, [near(0), 0.0, -1.0]);
        // Of the two upright edges at the sides, the one on the left.
        let sides = [[near(0), -near(1), 0.0], [-near(0), near(1), 0.0]];
        let x = |place: &[f32; 3]| project(u, *place).0.x;
        let left = if x(&sides[0]) <= x(&sides[1]) {
            sides[0]
        } else {
            sides[1]
        };
        [first, second, along(2, left)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: f64, high: f64) -> CubeAxis {
        CubeAxis {
            range: [low, high],
            unit: Affine::RAW,
        }
    }

    fn entry(mean: [f64; 3], class: Class) -> FrontEntry {
        FrontEntry {
            index: 0,
            mean,
            se: [0.0; 3],
            class,
            extrapolated: false,
        }
    }

    fn rect() -> Rect {
        Rect::from_min_size(Pos2::ZERO, egui::vec2(400.0, 300.0))
    }

    #[test]
    fn the_eye_has_three_axes_of_length_one_at_right_angles() {
        for (around, above) in [(0.0, 0.0), (35.0, 24.0), (200.0, -70.0), (359.0, 89.0)] {
            let turn = Turn {
                around,
                above,
                zoom: 1.0,
            };
            let u = turn.uniforms(rect(), Color32::BLACK);
            let dot = |a: [f32; 4], b: [f32; 4]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
            let axes = [u.right, u.up, u.toward];
            for (i, a) in axes.into_iter().enumerate() {
                for (j, b) in axes.into_iter().enumerate() {
                    let wanted = if i == j { 1.0 } else { 0.0 };
                    assert!(
                        (dot(a, b) - wanted).abs() < 1e-6,
                        "{around} {above} {i} {j}"
                    );
                }
            }
        }
    }

    #[test]
    fn turning_stays_within_bounds() {
        let turn = Turn::default().turned(-100.0, 500.0).zoomed(1e9);
        assert_eq!((turn.around, turn.above, turn.zoom), (295.0, 89.0, 6.0));
        assert_eq!(turn.words(), "seen from 295° around, 89° above");
    }

    #[test]
    fn the_whole_cube_is_seen_from_everywhere() {
        let corners =
            (0..8).map(|i: u8| [0, 1, 2].map(|b| if (i >> b) & 1 == 0 { -1.0 } else { 1.0 }));
        let corners: Vec<[f32; 3]> = corners.collect();
        for around in (0..360).step_by(15) {
            for above in (-89..90).step_by(15) {
                let turn = Turn {
                    around: around as f32,
                    above: above as f32,
                    zoom: 1.0,
                };
                let u = turn.uniforms(rect(), Color32::BLACK);
                for &corner in &corners {
                    let (at, _) = project(&u, corner);
                    assert!(rect().contains(at), "{around} {above} {corner:?}: {at:?}");
                }
            }
        }
    }

    #[test]
    fn points_outside_what_is_seen_are_not_drawn() {
        let entries = [
            entry([0.5, 0.5, 0.5], Class::Front),
            entry([9.0, 0.5, 0.5], Class::Front),
            entry([0.2, 0.2, 0.2], Class::Dominated),
            entry([f64::NAN, 0.2, 0.2], Class::NonFinite),
        ];
        let u = Turn::default().uniforms(rect(), Color32::BLACK);
        let mut cube = Cube {
            axes: [axis(0.0, 1.0), axis(0.0, 1.0), axis(0.0, 1.0)],
            entries: &entries,
            colors: &[Color32::RED; 4],
            dominated: true,
            others: &[],
            marked: &[],
        };
        let seen = |cube: &Cube<'_>| -> Vec<bool> {
            cube.places(&u)
                .iter()
                .map(|place| !place.any_nan())
                .collect()
        };
        assert_eq!(seen(&cube), [true, false, true, false]);
        assert_eq!(
            cube.points(&u, &Tokens::DARK).len(),
            3,
            "a diamond with its edge, and a disc"
        );
        cube.dominated = false;
        assert_eq!(seen(&cube), [true, false, false, false]);
        cube.marked = &[[0.5; 3]];
        assert_eq!(cube.points(&u, &Tokens::DARK).len(), 2 + 6);
        let dot = |at: usize, mean: f64, standing| OtherDot {
            at,
            mean: [mean; 3],
            se: [0.0; 3],
            standing,
        };
        let others = [OtherSweep {
            sweep: 1,
            at: 0,
            color: 2,
            shape: 1,
            again: false,
            faint: false,
            dots: vec![
                dot(0, 0.4, Standing::Front),
                dot(1, 0.3, Standing::Dominated),
                dot(2, 7.0, Standing::Front),
            ],
        }];
        cube.others = &others;
        assert_eq!(cube.points(&u, &Tokens::DARK).len(), 2 + 6 + 1);
        let places = cube.other_places(&u);
        assert_eq!(places.len(), 1, "one is dominated, one outside");
        assert_eq!((places[0].0, places[0].1), (0, 0));
        cube.dominated = true;
        assert_eq!(cube.other_places(&u).len(), 2);
    }

    #[test]
    fn ticks_are_round_numbers_in_shown_units() {
        let axis = CubeAxis {
            range: [0.0, 1.0],
            unit: Affine {
                scale: 10.0,
                shift: -5.0,
            },
        };
        let (ticks, step) = axis.ticks();
        let shown: Vec<f64> = ticks.iter().map(|(shown, _)| *shown).collect();
        assert_eq!((shown, step), (vec![-4.0, -2.0, 0.0, 2.0, 4.0], 2.0));
        assert!((ticks[2].1).abs() < 1e-6);
    }
}
