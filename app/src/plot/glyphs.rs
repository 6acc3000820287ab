//! Markers as tiles of one small texture: a point is one quad, however its marker looks.

use egui::epaint::{
    Color32, ColorImage, Mesh, Pos2, Rect, TextureHandle, pos2, textures::TextureOptions, vec2,
};

/// A marker's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyph {
    /// A disc as large as ○, drawn under small markers.
    Disc,
    /// ○ dominated.
    Ring,
    /// □ dominated, extrapolated.
    Square,
    /// ◆ front.
    Diamond,
    /// The edge of ◆, drawn over it.
    Edge,
    /// ◇ front within one standard error.
    Hollow,
    /// The outline around ◆ and ◇ of extrapolated points.
    Halo,
    /// ■ a front of another bundle, and its outline.
    Box,
    /// □
    BoxLine,
    /// ▲
    Up,
    /// △
    UpLine,
    /// ▼
    Down,
    /// ▽
    DownLine,
    /// A flat tile, for whiskers.
    Flat,
}

const ALL: [Glyph; 14] = [
    Glyph::Disc,
    Glyph::Ring,
    Glyph::Square,
    Glyph::Diamond,
    Glyph::Edge,
    Glyph::Hollow,
    Glyph::Halo,
    Glyph::Box,
    Glyph::BoxLine,
    Glyph::Up,
    Glyph::UpLine,
    Glyph::Down,
    Glyph::DownLine,
    Glyph::Flat,
];

/// Half the side of a tile, in points.
const HALF: f32 = 11.0;

/// The texture with all markers.
pub struct Glyphs {
    texture: TextureHandle,
    pixels_per_point: f32,
}

impl Glyphs {
    /// Draws the markers for a density of pixels.
    pub fn new(ctx: &egui::Context) -> Self {
        let pixels_per_point = ctx.pixels_per_point();
        let side = side(pixels_per_point);
        let mut image = ColorImage::filled([side * ALL.len(), side], Color32::TRANSPARENT);
        for (tile, glyph) in ALL.into_iter().enumerate() {
            for y in 0..side {
                for x in 0..side {
                    let centre = side as f32 / 2.0;
                    let (px, py) = ((x as f32 + 0.5 - centre), (y as f32 + 0.5 - centre));
                    let alpha = coverage(
                        glyph,
                        px / pixels_per_point,
                        py / pixels_per_point,
                        pixels_per_point,
                    );
                    image.pixels[y * side * ALL.len() + tile * side + x] =
                        Color32::from_white_alpha((alpha * 255.0).round() as u8);
                }
            }
        }
        let texture = ctx.load_texture("plot markers", image, TextureOptions::LINEAR);
        Self {
            texture,
            pixels_per_point,
        }
    }

    /// Whether they were drawn for this density of pixels.
    pub fn fits(&self, ctx: &egui::Context) -> bool {
        self.pixels_per_point == ctx.pixels_per_point()
    }

    /// An empty mesh that takes markers.
    pub fn mesh(&self) -> Mesh {
        Mesh::with_texture(self.texture.id())
    }

    /// Adds a marker at `scale` times its usual size.
    pub fn add(&self, mesh: &mut Mesh, glyph: Glyph, centre: Pos2, scale: f32, color: Color32) {
        // Tiles are rasterised at a whole number of pixels; half of that keeps them sharp.
        let half = side(self.pixels_per_point) as f32 / 2.0 / self.pixels_per_point * scale;
        let rect = Rect::from_center_size(centre, vec2(2.0 * half, 2.0 * half));
        mesh.add_rect_with_uv(rect, uv(glyph), color);
    }

    /// Adds a filled rectangle.
    pub fn add_rect(&self, mesh: &mut Mesh, rect: Rect, color: Color32) {
        mesh.add_rect_with_uv(
            rect,
            Rect::from_center_size(uv(Glyph::Flat).center(), vec2(0.0, 0.0)),
            color,
        );
    }
}

fn side(pixels_per_point: f32) -> usize {
    (2.0 * HALF * pixels_per_point).ceil() as usize
}

fn uv(glyph: Glyph) -> Rect {
    let tile = ALL.iter().position(|&g| g == glyph).unwrap_or(0) as f32;
    let count = ALL.len() as f32;
    Rect::from_min_max(pos2(tile / count, 0.0), pos2((tile + 1.0) / count, 1.0))
}

/// How much of a pixel a marker covers, `x` and `y` in points from its centre.
fn coverage(glyph: Glyph, x: f32, y: f32, pixels_per_point: f32) -> f32 {
    // Signed distances in points: negative inside.
    let circle = |radius: f32| x.hypot(y) - radius;
    let square = |half: f32| x.abs().max(y.abs()) - half;
    let diamond = |radius: f32| (x.abs() + y.abs() - radius) * std::f32::consts::FRAC_1_SQRT_2;
    // Corners at (0, -6) and (±5.5, 4): a side from the tip falls 10 while it goes 5.5 out.
    let triangle = |y: f32| {
        let side = (10.0 * x.abs() - 5.5 * (y + 6.0)) / 10.0_f32.hypot(5.5);
        side.max(y - 4.0)
    };
    let fill = |distance: f32| (0.5 - distance * pixels_per_point).clamp(0.0, 1.0);
    let line = |distance: f32, width: f32| fill(distance.abs() - width / 2.0);
    match glyph {
        Glyph::Disc => fill(circle(3.6)),
        Glyph::Ring => line(circle(3.4), 1.3),
        Glyph::Square => line(square(3.1), 1.3),
        Glyph::Diamond => fill(diamond(6.6)),
        Glyph::Edge => line(diamond(6.6), 1.0),
        Glyph::Hollow => line(diamond(6.0), 1.8),
        Glyph::Halo => line(diamond(9.2), 1.2),
        Glyph::Box => fill(square(4.8)),
        Glyph::BoxLine => line(square(4.2), 1.6),
        Glyph::Up => fill(triangle(y)),
        Glyph::UpLine => line(triangle(y) + 0.8, 1.6),
        Glyph::Down => fill(triangle(-y)),
        Glyph::DownLine => line(triangle(-y) + 0.8, 1.6),
        Glyph::Flat => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(glyph: Glyph) -> f32 {
        let steps = -44..44;
        let sum: f32 = steps
            .clone()
            .flat_map(|y| {
                steps
                    .clone()
                    .map(move |x| (x as f32 * 0.25 + 0.125, y as f32 * 0.25 + 0.125))
            })
            .map(|(x, y)| coverage(glyph, x, y, 4.0))
            .sum();
        sum / 16.0
    }

    #[test]
    fn shapes_have_their_areas() {
        assert!(
            (area(Glyph::Diamond) - 2.0 * 6.6 * 6.6).abs() < 1.0,
            "{}",
            area(Glyph::Diamond)
        );
        let ring = std::f32::consts::TAU * 3.4 * 1.3;
        assert!(
            (area(Glyph::Ring) - ring).abs() < 1.0,
            "{} for {ring}",
            area(Glyph::Ring)
        );
        assert!(area(Glyph::Hollow) < area(Glyph::Diamond) * 0.7);
    }

    #[test]
    fn shapes_stay_inside_their_tile() {
        for glyph in [
            Glyph::Ring,
            Glyph::Square,
            Glyph::Diamond,
            Glyph::Edge,
            Glyph::Hollow,
            Glyph::Halo,
            Glyph::Box,
            Glyph::Up,
            Glyph::Down,
        ] {
            assert_eq!(coverage(glyph, HALF, 0.0, 1.0), 0.0, "{glyph:?}");
            assert_eq!(coverage(glyph, 0.0, -HALF, 1.0), 0.0, "{glyph:?}");
        }
    }
}
