//! A scene as PNG, drawn by resvg in the shipped fonts.

use resvg::{tiny_skia, usvg};

use crate::color::{Paint, Rgb, Theme};
use crate::error::{Error, Result};
use crate::fonts;
use crate::scene::Scene;
use crate::svg;

/// Pixels per mm at scale 1: 150 to the inch, so that 2 is what journals print.
pub const PIXELS_PER_MM: f64 = 150.0 / 25.4;

/// Most pixels of a side.
const WIDEST: f64 = 16_384.0;

/// Reads our own SVG with the shipped fonts.
pub(crate) fn tree(svg: &str) -> Result<usvg::Tree> {
    let options = usvg::Options {
        font_family: "Ubuntu".to_owned(),
        fontdb: fonts::database(),
        ..usvg::Options::default()
    };
    Ok(usvg::Tree::from_str(svg, &options)?)
}

/// A PNG at 1 to 4 times 150 pixels to the inch, opaque, that says how wide it is to be printed. One scene, theme and
/// scale give the same bytes every time.
pub fn png(scene: &Scene, theme: Theme, scale: f64) -> Result<Vec<u8>> {
    if !(1.0..=4.0).contains(&scale) {
        return Err(Error::Scale { scale });
    }
    let per_mm = PIXELS_PER_MM * scale;
    let [width, height] = [scene.width, scene.height].map(|side| (side * per_mm).round());
    let size = || Error::Size { width, height };
    if !(1.0..=WIDEST).contains(&width) || !(1.0..=WIDEST).contains(&height) {
        return Err(size());
    }
    let tree = tree(&svg::for_us(scene, theme))?;
    let mut pixels = tiny_skia::Pixmap::new(width as u32, height as u32).ok_or_else(size)?;
    let Rgb(r, g, b) = theme.color(Paint::Card);
    pixels.fill(tiny_skia::Color::from_rgba8(r, g, b, 255));
    let transform = tiny_skia::Transform::from_scale(
        width as f32 / tree.size().width(),
        height as f32 / tree.size().height(),
    );
    resvg::render(&tree, transform, &mut pixels.as_mut());
    // Opaque, so that what is premultiplied is as it is.
    let opaque: Vec<u8> = pixels
        .data()
        .chunks_exact(4)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (per_mm * 1000.0).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&opaque)?;
    writer.finish()?;
    Ok(out)
}
