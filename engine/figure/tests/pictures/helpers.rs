//! What the tests of figures share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use paretoscope_figure::Figure;
use paretoscope_figure::color::Theme;
use paretoscope_figure::svg::{self, Type};
use serde::de::DeserializeOwned;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// The data of a figure, measured on the demonstration bundle.
pub(crate) fn fixture<T: DeserializeOwned>(name: &str) -> T {
    let path = folder("fixtures").join(name);
    let text = fs::read_to_string(&path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares with a file of `tests/golden`; `UPDATE_FIGURES=1` writes it anew, to be looked at in a browser.
pub(crate) fn golden(name: &str, text: &str) {
    let path = folder("golden").join(name);
    if env::var_os("UPDATE_FIGURES").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert!(
        kept == text,
        "{} is drawn differently now; UPDATE_FIGURES=1 writes it anew",
        path.display()
    );
}

/// The file of a figure, as text.
pub(crate) fn svg(figure: &Figure) -> String {
    svg::file(&figure.scene, Theme::Light, Type::Text)
}

/// How many elements carry each `data-uid`, and how many have each class.
pub(crate) fn counted(svg: &str) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let document = roxmltree::Document::parse(svg).unwrap();
    let count = |attribute: &str| {
        let mut counts = BTreeMap::new();
        for value in document
            .descendants()
            .filter_map(|node| node.attribute(attribute))
        {
            *counts.entry(value.to_owned()).or_insert(0) += 1;
        }
        counts
    };
    (count("data-uid"), count("class"))
}

/// A PNG's size and its pixels as red, green, blue.
pub(crate) fn pixels(bytes: &[u8]) -> (u32, u32, Vec<[u8; 3]>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
        .read_info()
        .unwrap();
    let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut buffer).unwrap();
    let pixels = buffer[..info.buffer_size()]
        .chunks_exact(3)
        .map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    (info.width, info.height, pixels)
}
