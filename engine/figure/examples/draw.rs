//! Draws a figure from the JSON of its data: `draw KIND DATA.json STEM [WIDTH_MM] [light|dark]`.

use std::error::Error;
use std::fs;

use paretoscope_figure::color::Theme;
use paretoscope_figure::plot::{Attainment, Curves, Field, Front, Gates, Interference};
use paretoscope_figure::svg::Type;
use paretoscope_figure::table::Guard;
use paretoscope_figure::{Figure, Format, Look};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, data, stem, rest @ ..] = arguments.as_slice() else {
        return Err("usage: draw KIND DATA.json STEM [WIDTH_MM] [light|dark]".into());
    };
    let mut look = Look::new(
        rest.first()
            .map_or(Ok(Look::COLUMN), |width| width.parse())?,
    );
    if rest.get(1).is_some_and(|theme| theme == "dark") {
        look.theme = Theme::Dark;
    }
    let figure = drawn(kind, &fs::read_to_string(data)?, &look)?;
    let formats = [Format::Svg(Type::Text), Format::Pdf, Format::Png(2.0)];
    for (name, bytes) in figure.files(stem, &formats, Guard::Plain)? {
        fs::write(name, bytes)?;
    }
    let outlines = figure.write(Format::Svg(Type::Outlines))?;
    fs::write(format!("{stem}.outlines.svg"), outlines)?;
    Ok(())
}

fn drawn(kind: &str, data: &str, look: &Look) -> Result<Figure, Box<dyn Error>> {
    Ok(match kind {
        "front" => serde_json::from_str::<Front>(data)?.draw(look)?,
        "attainment" => serde_json::from_str::<Attainment>(data)?.draw(look)?,
        "curves" => serde_json::from_str::<Curves>(data)?.draw(look)?,
        "heatmap" => serde_json::from_str::<Gates>(data)?.heatmap(look)?,
        "interference" => serde_json::from_str::<Interference>(data)?.draw(look)?,
        "strip" => serde_json::from_str::<Gates>(data)?.strip(look)?,
        "field" => serde_json::from_str::<Field>(data)?.draw(look)?,
        _ => return Err(format!("no figure is called {kind}").into()),
    })
}
