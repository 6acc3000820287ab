//! The fonts that the window ships, and nothing of the machine: how wide text is, its outlines, and what it lacks.
//!
//! Running text is Ubuntu Light, headings Ubuntu Medium; characters that these lack come from Hack and Noto Emoji.

use std::sync::{Arc, LazyLock};

use resvg::usvg::fontdb;
use rustybuzz::ttf_parser::{GlyphId, OutlineBuilder};
use rustybuzz::{Face, UnicodeBuffer};

use crate::scene::{Position, Weight};

const STRONG: &[u8] = include_bytes!("../../../assets/fonts/Ubuntu-Medium.ttf");
const EMOJI: &[u8] = include_bytes!("../../../assets/fonts/NotoEmoji-Regular.ttf");

/// Names as CSS takes them: ours where it is known, else what machines have that is nearly as wide.
pub(crate) const FAMILY: &str = "Ubuntu, 'Helvetica Neue', Helvetica, Arial, sans-serif";
/// Likewise for headings; the first is the name of the file that is shipped.
pub(crate) const STRONG_FAMILY: &str = "'Ubuntu Medium derivative Paretoscope', Ubuntu, 'Helvetica Neue', Helvetica, Arial, sans-serif";

/// The files, in the order in which they are asked for running text.
const FILES: [&[u8]; 4] = [
    epaint_default_fonts::UBUNTU_LIGHT,
    STRONG,
    epaint_default_fonts::HACK_REGULAR,
    EMOJI,
];

/// The files, parsed. They are part of the program, and a test parses them.
static FACES: LazyLock<Vec<Face<'static>>> = LazyLock::new(|| {
    let face = |data: &&'static [u8]| Face::from_slice(data, 0);
    FILES.iter().filter_map(face).collect()
});

/// The files as a database for usvg.
static DATABASE: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut database = fontdb::Database::new();
    for file in FILES {
        database.load_font_source(fontdb::Source::Binary(Arc::new(file)));
    }
    database.set_sans_serif_family("Ubuntu");
    Arc::new(database)
});

/// What usvg is to know: our fonts and no others.
pub(crate) fn database() -> Arc<fontdb::Database> {
    Arc::clone(&DATABASE)
}

/// Which faces are asked for text of a weight, in order.
fn order(weight: Weight) -> [usize; 4] {
    match weight {
        Weight::Regular => [0, 1, 2, 3],
        Weight::Strong => [1, 0, 2, 3],
    }
}

/// The face that has a character; the weight's own where none has it.
fn face_of(c: char, weight: Weight) -> usize {
    let order = order(weight);
    let has = |&&face: &&usize| FACES.get(face).is_some_and(|f| f.glyph_index(c).is_some());
    order.iter().find(has).copied().unwrap_or(order[0])
}

/// Whether a shipped font has a character, or none is needed.
pub fn has(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || FACES.iter().any(|face| face.glyph_index(c).is_some())
}

/// A glyph of a shaped line: which, of which face, and where, in parts of the em from the beginning of the line.
struct Glyph {
    face: usize,
    id: GlyphId,
    x: f64,
    y: f64,
}

/// Shapes a line, run by run of one face; its glyphs and its width in parts of the em.
fn shaped(words: &str, weight: Weight) -> (Vec<Glyph>, f64) {
    let (mut glyphs, mut pen) = (Vec::new(), 0.0);
    let chars: Vec<(usize, char)> = words.chars().map(|c| (face_of(c, weight), c)).collect();
    for run in chars.chunk_by(|a, b| a.0 == b.0) {
        let index = run[0].0;
        let Some(face) = FACES.get(index) else {
            continue;
        };
        let em = f64::from(face.units_per_em());
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(&run.iter().map(|(_, c)| c).collect::<String>());
        let shaped = rustybuzz::shape(face, &[], buffer);
        let places = shaped.glyph_positions();
        for (info, place) in shaped.glyph_infos().iter().zip(places) {
            glyphs.push(Glyph {
                face: index,
                id: GlyphId(info.glyph_id as u16),
                x: pen + f64::from(place.x_offset) / em,
                y: f64::from(place.y_offset) / em,
            });
            pen += f64::from(place.x_advance) / em;
        }
    }
    (glyphs, pen)
}

/// How wide a line is in mm, in type of `size` mm.
pub fn width(words: &str, size: f64, weight: Weight) -> f64 {
    shaped(words, weight).1 * size
}

/// The longest beginning of `words` that is not wider than `room`, with an ellipsis where it is cut.
pub fn fitted(words: &str, room: f64, size: f64, weight: Weight) -> String {
    if width(words, size, weight) <= room {
        return words.to_owned();
    }
    let chars: Vec<char> = words.chars().collect();
    let cut = |count: usize| {
        let head: String = chars[..count].iter().collect();
        format!("{}…", head.trim_end())
    };
    let (mut fits, mut too_many) = (0, chars.len());
    while fits + 1 < too_many {
        let middle = usize::midpoint(fits, too_many);
        if width(&cut(middle), size, weight) <= room {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    if fits == 0 { String::new() } else { cut(fits) }
}

/// Breaks text into lines of at most `room` mm, at spaces; a word that is wider has a line of its own.
pub fn wrapped(words: &str, room: f64, size: f64, weight: Weight) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        let longer = lines.last().map(|line| format!("{line} {word}"));
        match longer.filter(|line| width(line, size, weight) <= room) {
            Some(line) => {
                lines.pop();
                lines.push(line);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Path data of a line's outlines in mm, its base line beginning at `at`.
pub(crate) fn outlines(words: &str, at: Position, size: f64, weight: Weight) -> String {
    let mut path = Path::default();
    for glyph in shaped(words, weight).0 {
        let Some(face) = FACES.get(glyph.face) else {
            continue;
        };
        path.scale = size / f64::from(face.units_per_em());
        path.origin = [at[0] + glyph.x * size, at[1] - glyph.y * size];
        face.outline_glyph(glyph.id, &mut path);
    }
    path.data
}

/// Collects outlines as path data.
#[derive(Default)]
struct Path {
    data: String,
    origin: Position,
    scale: f64,
}

impl Path {
    fn add(&mut self, command: char, places: &[(f32, f32)]) {
        self.data.push(command);
        for (i, (x, y)) in places.iter().enumerate() {
            if i > 0 {
                self.data.push(' ');
            }
            let x = self.origin[0] + f64::from(*x) * self.scale;
            let y = self.origin[1] - f64::from(*y) * self.scale;
            self.data += &format!(
                "{} {}",
                crate::words::trimmed(x, 3),
                crate::words::trimmed(y, 3)
            );
        }
    }
}

impl OutlineBuilder for Path {
    fn move_to(&mut self, x: f32, y: f32) {
        self.add('M', &[(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.add('L', &[(x, y)]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.add('Q', &[(x1, y1), (x, y)]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.add('C', &[(x1, y1), (x2, y2), (x, y)]);
    }

    fn close(&mut self) {
        self.data.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shipped_fonts_are_read() {
        assert_eq!(FACES.len(), FILES.len());
        assert_eq!(database().len(), FILES.len());
        for c in "−±λΔ→≥×·…–“”⟨↵🎉é".chars() {
            assert!(has(c), "{c}");
        }
        assert!(!has('\u{0f40}'), "Tibetan");
    }

    #[test]
    fn text_is_as_wide_as_its_parts_and_scales() {
        let at = |words, size| width(words, size, Weight::Regular);
        assert_eq!(at("", 3.0), 0.0);
        assert!((at("00", 2.0) - 2.0 * at("0", 2.0)).abs() < 1e-9);
        assert!((at("helpful", 4.0) - 2.0 * at("helpful", 2.0)).abs() < 1e-9);
        assert!(at("a →🎉", 3.0) > at("a →", 3.0));
        assert!(width("helpful", 3.0, Weight::Strong) > at("helpful", 3.0));
    }

    #[test]
    fn what_is_fitted_fits() {
        for room in [0.0, 1.0, 5.0, 12.0, 100.0] {
            let short = fitted("helpful and harmless", room, 2.8, Weight::Regular);
            assert!(width(&short, 2.8, Weight::Regular) <= room, "{short}");
        }
        assert_eq!(fitted("short", 90.0, 2.8, Weight::Regular), "short");
        let lines = wrapped("one two three four", 12.0, 2.8, Weight::Regular);
        assert!(lines.len() > 1);
        assert_eq!(lines.join(" "), "one two three four");
    }
}
