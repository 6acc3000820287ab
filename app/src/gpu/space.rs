//! Twin of `shaders/space.wgsl`: its uniforms, its marks, and what it computes, in plain Rust; and the
//! painter of the same scene where there is no GPU.

use bytemuck::{Pod, Zeroable};
use egui::Painter;
use egui::epaint::{Color32, CornerRadius, Pos2, Rect, Shape, Stroke, pos2};

/// `Uniforms` of the shader, byte for byte. Colours are gamma-encoded and in 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct SpaceUniforms {
    /// To the right of the eye, in the cube whose sides run from -1 to 1; the fourth number is unused.
    pub right: [f32; 4],
    /// Up from the eye.
    pub up: [f32; 4],
    /// From the middle of the cube toward the eye.
    pub toward: [f32; 4],
    /// What far things fade into.
    pub ground: [f32; 4],
    /// Framebuffer pixel of the cube's middle.
    pub centre: [f32; 2],
    /// Size of the framebuffer in pixels.
    pub screen: [f32; 2],
    /// Pixels per unit in the plane through the middle.
    pub scale: f32,
    /// From the middle to the eye, in units; more than the cube's half diagonal, so nothing lies behind it.
    pub eye: f32,
    /// Share of the ground's colour in what is farthest.
    pub fade: f32,
    /// Framebuffer pixels per point.
    pub density: f32,
    /// 1 where the target encodes gamma by itself.
    pub linear_target: u32,
    /// To a multiple of 16 bytes, as WGSL lays structures out.
    pub pad: [u32; 3],
}

/// What a [`Mark`] looks like; the numbers are the shader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum MarkShape {
    /// A line from start to end.
    Line = 0,
    /// ●
    Disc = 1,
    /// ○
    Ring = 2,
    /// ◆
    Diamond = 3,
    /// ◇
    Hollow = 4,
    /// ■
    Box = 5,
    /// □
    BoxLine = 6,
    /// ▲
    Up = 7,
    /// △
    UpLine = 8,
    /// ▼
    Down = 9,
    /// ▽
    DownLine = 10,
}

/// One instance of the shader: a marker or a line.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Mark {
    /// Where it begins; a marker stands here.
    pub start: [f32; 3],
    /// Half the width of a line, the radius of a marker, in points.
    pub size: f32,
    /// Where a line ends; a marker's own place.
    pub end: [f32; 3],
    /// A [`MarkShape`], as a number.
    shape: u32,
    /// Gamma-encoded, not premultiplied.
    pub color: [f32; 4],
}

impl Mark {
    /// A marker.
    pub fn marker(shape: MarkShape, place: [f32; 3], radius: f32, color: Color32) -> Self {
        Self {
            start: place,
            size: radius,
            end: place,
            shape: shape as u32,
            color: straight(color),
        }
    }

    /// A line.
    pub fn line(start: [f32; 3], end: [f32; 3], half_width: f32, color: Color32) -> Self {
        Self {
            start,
            size: half_width,
            end,
            shape: MarkShape::Line as u32,
            color: straight(color),
        }
    }

    fn shape(&self) -> MarkShape {
        match self.shape {
            1 => MarkShape::Disc,
            2 => MarkShape::Ring,
            3 => MarkShape::Diamond,
            4 => MarkShape::Hollow,
            5 => MarkShape::Box,
            6 => MarkShape::BoxLine,
            7 => MarkShape::Up,
            8 => MarkShape::UpLine,
            9 => MarkShape::Down,
            10 => MarkShape::DownLine,
            _ => MarkShape::Line,
        }
    }

    fn middle(&self) -> [f32; 3] {
        std::array::from_fn(|i| 0.5 * (self.start[i] + self.end[i]))
    }
}

fn straight(color: Color32) -> [f32; 4] {
    color.to_srgba_unmultiplied().map(|c| f32::from(c) / 255.0)
}

fn dot(a: [f32; 4], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// `project` of the shader: framebuffer pixel of a place in the cube, and how many times larger things
/// are there than in the middle.
pub fn project(u: &SpaceUniforms, place: [f32; 3]) -> (Pos2, f32) {
    let nearer = u.eye / (u.eye - dot(u.toward, place));
    let at = pos2(
        u.centre[0] + u.scale * nearer * dot(u.right, place),
        u.centre[1] - u.scale * nearer * dot(u.up, place),
    );
    (at, nearer)
}

/// `shade` of the shader.
fn shade(u: &SpaceUniforms, mark: &Mark) -> [f32; 4] {
    let depth = (0.5 - dot(u.toward, mark.middle()) / 3.464_101_6).clamp(0.0, 1.0);
    let part = u.fade * depth;
    let [r, g, b, a] = mark.color;
    let mix = |color: f32, ground: f32| color + part * (ground - color);
    [
        mix(r, u.ground[0]),
        mix(g, u.ground[1]),
        mix(b, u.ground[2]),
        a,
    ]
}

/// `coverage` of the shader, of a mark where it stands: how much of the pixel with this centre it covers.
fn coverage(u: &SpaceUniforms, mark: &Mark, pixel: [f32; 2]) -> f32 {
    let (start, nearer) = project(u, mark.start);
    let from = pos2(pixel[0], pixel[1]) - start;
    let line = mark.shape() == MarkShape::Line;
    let reach = mark.size * u.density * if line { 1.0 } else { nearer };
    let width = (0.3 * reach).max(1.0);
    let hollow = |distance: f32| (distance + 0.5 * width).abs() - 0.5 * width;
    let circle = from.length() - reach;
    let diamond = (from.x.abs() + from.y.abs() - reach) * std::f32::consts::FRAC_1_SQRT_2;
    let square = from.x.abs().max(from.y.abs()) - 0.8 * reach;
    let side = 0.866_025_4 * from.x.abs();
    let up = from.y.max(side - 0.5 * from.y) - 0.5 * reach;
    let down = (-from.y).max(side + 0.5 * from.y) - 0.5 * reach;
    let distance = match mark.shape() {
        MarkShape::Line => {
            let way = project(u, mark.end).0 - start;
            let along = (from.dot(way) / way.length_sq().max(1e-6)).clamp(0.0, 1.0);
            (from - along * way).length() - reach
        }
        MarkShape::Disc => circle,
        MarkShape::Ring => hollow(circle),
        MarkShape::Diamond => diamond,
        MarkShape::Hollow => hollow(diamond),
        MarkShape::Box => square,
        MarkShape::BoxLine => hollow(square),
        MarkShape::Up => up,
        MarkShape::UpLine => hollow(up),
        MarkShape::Down => down,
        MarkShape::DownLine => hollow(down),
    };
    (0.5 - distance).clamp(0.0, 1.0)
}

/// What the shader leaves at the pixel with this centre over `ground`, gamma-encoded: its reference in tests.
pub fn color_at(u: &SpaceUniforms, marks: &[Mark], ground: [f32; 3], pixel: [f32; 2]) -> [f32; 3] {
    marks.iter().fold(ground, |below, mark| {
        let [r, g, b, a] = shade(u, mark);
        let alpha = a * coverage(u, mark, pixel);
        let over = |above: f32, below: f32| above * alpha + below * (1.0 - alpha);
        [over(r, below[0]), over(g, below[1]), over(b, below[2])]
    })
}

/// Puts what is farther from the eye before what is nearer, which then covers it.
pub fn sort(u: &SpaceUniforms, marks: &mut [Mark]) {
    marks.sort_by(|a, b| dot(u.toward, a.middle()).total_cmp(&dot(u.toward, b.middle())));
}

/// The scene in egui's own shapes, where there is no GPU. The uniforms are in points here: density 1.
pub fn paint(painter: &Painter, u: &SpaceUniforms, marks: &[Mark]) {
    for mark in marks {
        let [r, g, b, a] = shade(u, mark).map(|c| (c * 255.0).round() as u8);
        let color = Color32::from_rgba_unmultiplied(r, g, b, a);
        let (at, nearer) = project(u, mark.start);
        let radius = mark.size * nearer;
        let line = Stroke::new((0.3 * radius).max(1.0), color);
        let corners = || {
            let [up, side] = [egui::vec2(0.0, radius), egui::vec2(radius, 0.0)];
            vec![at - up, at + side, at + up, at - side]
        };
        let square = || Rect::from_center_size(at, egui::Vec2::splat(1.6 * radius));
        // The tip one radius from the middle, the side across from it half as far.
        let triangle = |tip: f32| {
            let across = egui::vec2(0.866_025_4 * radius, -0.5 * tip * radius);
            let side = egui::vec2(-across.x, across.y);
            vec![at + egui::vec2(0.0, tip * radius), at + across, at + side]
        };
        match mark.shape() {
            MarkShape::Line => {
                let end = project(u, mark.end).0;
                painter.line_segment([at, end], Stroke::new(2.0 * mark.size, color));
            }
            MarkShape::Disc if radius < 2.0 => {
                let dot = Rect::from_center_size(at, egui::Vec2::splat(2.0 * radius));
                painter.rect_filled(dot, CornerRadius::ZERO, color);
            }
            MarkShape::Disc => {
                painter.circle_filled(at, radius, color);
            }
            MarkShape::Ring => {
                painter.circle_stroke(at, radius - 0.5 * line.width, line);
            }
            MarkShape::Diamond => {
                painter.add(Shape::convex_polygon(corners(), color, Stroke::NONE));
            }
            MarkShape::Hollow => {
                painter.add(Shape::closed_line(corners(), line));
            }
            MarkShape::Box => {
                painter.rect_filled(square(), CornerRadius::ZERO, color);
            }
            MarkShape::BoxLine => {
                let inside = egui::StrokeKind::Inside;
                painter.rect_stroke(square(), CornerRadius::ZERO, line, inside);
            }
            MarkShape::Up => {
                painter.add(Shape::convex_polygon(triangle(-1.0), color, Stroke::NONE));
            }
            MarkShape::Down => {
                painter.add(Shape::convex_polygon(triangle(1.0), color, Stroke::NONE));
            }
            MarkShape::UpLine => {
                painter.add(Shape::closed_line(triangle(-1.0), line));
            }
            MarkShape::DownLine => {
                painter.add(Shape::closed_line(triangle(1.0), line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniforms() -> SpaceUniforms {
        SpaceUniforms {
            right: [0.0, 1.0, 0.0, 0.0],
            up: [0.0, 0.0, 1.0, 0.0],
            toward: [1.0, 0.0, 0.0, 0.0],
            ground: [0.0, 0.0, 0.0, 1.0],
            centre: [100.0, 80.0],
            screen: [200.0, 160.0],
            scale: 40.0,
            eye: 5.0,
            fade: 0.5,
            density: 1.0,
            linear_target: 0,
            pad: [0; 3],
        }
    }

    #[test]
    fn places_are_seen_in_perspective() {
        let u = uniforms();
        assert_eq!(project(&u, [0.0; 3]), (pos2(100.0, 80.0), 1.0));
        assert_eq!(project(&u, [0.0, 1.0, 1.0]), (pos2(140.0, 40.0), 1.0));
        let (near, far) = (project(&u, [1.0, 1.0, 0.0]), project(&u, [-1.0, 1.0, 0.0]));
        assert!(near.1 > 1.0 && far.1 < 1.0 && near.0.x > 140.0 && far.0.x < 140.0);
    }

    #[test]
    fn marks_cover_their_shapes() {
        let u = uniforms();
        let at = |shape, pixel| {
            let mark = Mark::marker(shape, [0.0; 3], 10.0, Color32::WHITE);
            coverage(&u, &mark, pixel)
        };
        let (middle, corner, right) = ([100.0, 80.0], [106.0, 86.0], [109.0, 80.0]);
        assert_eq!(
            [at(MarkShape::Disc, middle), at(MarkShape::Disc, corner)],
            [1.0, 1.0]
        );
        assert_eq!(
            [at(MarkShape::Ring, middle), at(MarkShape::Ring, right)],
            [0.0, 1.0]
        );
        assert_eq!(
            [
                at(MarkShape::Diamond, middle),
                at(MarkShape::Diamond, corner)
            ],
            [1.0, 0.0]
        );
        assert_eq!(
            [at(MarkShape::Hollow, middle), at(MarkShape::Hollow, right)],
            [0.0, 1.0]
        );
        let below = [100.0, 86.0];
        assert_eq!(
            [at(MarkShape::Box, corner), at(MarkShape::BoxLine, middle)],
            [1.0, 0.0]
        );
        // The flat side of one that points up is below, half a radius from its middle.
        assert_eq!(
            [at(MarkShape::Up, below), at(MarkShape::Down, below)],
            [0.0, 1.0]
        );
        assert_eq!(
            [
                at(MarkShape::UpLine, middle),
                at(MarkShape::DownLine, middle)
            ],
            [0.0, 0.0]
        );
        let line = Mark::line([0.0, -1.0, 0.0], [0.0, 1.0, 0.0], 1.0, Color32::WHITE);
        assert_eq!(coverage(&u, &line, [61.0, 80.0]), 1.0);
        assert_eq!(coverage(&u, &line, [100.0, 83.0]), 0.0);
    }

    #[test]
    fn what_is_nearer_covers_what_is_farther_and_the_far_fades() {
        let u = uniforms();
        let near = Mark::marker(MarkShape::Disc, [1.0, 0.0, 0.0], 5.0, Color32::RED);
        let far = Mark::marker(MarkShape::Disc, [-1.0, 0.0, 0.0], 5.0, Color32::WHITE);
        let mut marks = [near, far];
        sort(&u, &mut marks);
        assert_eq!(marks, [far, near]);
        let seen = color_at(&u, &marks, [0.0; 3], [100.0, 80.0]);
        assert!(seen[0] > 0.8 && seen[1] < 1e-6, "{seen:?}");
        let alone = color_at(&u, &[far], [0.0; 3], [100.0, 80.0]);
        assert!(alone[0] < seen[0], "{alone:?}");
    }
}
