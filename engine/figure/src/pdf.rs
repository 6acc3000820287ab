//! A scene as PDF of one page, text as text in subsets of the shipped fonts.

use krilla::Document;
use krilla::geom::Size;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt as _, SvgSettings};

use crate::color::Theme;
use crate::error::{Error, Result};
use crate::raster;
use crate::scene::Scene;
use crate::svg;

/// Points per mm.
const POINTS_PER_MM: f64 = 72.0 / 25.4;

/// A page as large as the scene. No date and no random id is in it: one scene gives the same bytes every time.
pub fn pdf(scene: &Scene, theme: Theme) -> Result<Vec<u8>> {
    let tree = raster::tree(&svg::for_us(scene, theme))?;
    let [width, height] = [scene.width, scene.height].map(|side| side * POINTS_PER_MM);
    let size = Size::from_wh(width as f32, height as f32);
    let page = PageSettings::from_wh(width as f32, height as f32);
    let (Some(size), Some(page)) = (size, page) else {
        return Err(Error::Size { width, height });
    };
    let mut document = Document::new();
    let mut page = document.start_page_with(page);
    let mut surface = page.surface();
    let drawn = surface.draw_svg(&tree, size, SvgSettings::default());
    surface.finish();
    page.finish();
    drawn.ok_or_else(|| Error::Pdf("the drawing has no size".to_owned()))?;
    document.set_metadata(
        Metadata::new()
            .title(scene.title.clone())
            .description(scene.description.clone())
            .creator("Paretoscope".to_owned())
            .language("en".to_owned()),
    );
    document
        .finish()
        .map_err(|error| Error::Pdf(format!("{error:?}")))
}
