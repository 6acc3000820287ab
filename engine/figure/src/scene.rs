//! A drawing as data: marks in millimetres, from the upper left corner, the later on top.

use serde::{Deserialize, Serialize};

use crate::color::Paint;
use crate::glyph::Symbol;

/// A position, x to the right and y down, in mm.
pub type Position = [f64; 2];

/// A whole drawing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// In mm.
    pub width: f64,
    /// In mm.
    pub height: f64,
    /// What it is, for those who cannot see it and in the file's own data.
    pub title: String,
    /// What it shows, in words.
    pub description: String,
    /// From the back to the front.
    pub marks: Vec<Mark>,
}

/// One mark, or several that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// What of the study it stands for; once per plot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// What a tooltip says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How it looks.
    pub shape: Shape,
}

/// How a mark looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// An open line through places.
    Line {
        /// In order.
        places: Vec<Position>,
        /// How it is drawn.
        stroke: Stroke,
    },
    /// A closed polygon.
    Area {
        /// Its corners, in order.
        places: Vec<Position>,
        /// Inside.
        fill: Option<Fill>,
        /// Around it.
        stroke: Option<Stroke>,
    },
    /// A rectangle.
    Rect {
        /// Where.
        rect: Rect,
        /// Inside.
        fill: Option<Fill>,
        /// Around it.
        stroke: Option<Stroke>,
    },
    /// A marker.
    Symbol {
        /// Which.
        symbol: Symbol,
        /// Its centre.
        at: Position,
        /// From the centre to a tip, in mm.
        radius: f64,
        /// Inside.
        fill: Option<Fill>,
        /// Around it.
        stroke: Option<Stroke>,
    },
    /// A line of text.
    Text(Text),
    /// Several marks as one, under a name that scripts and readers of the file know it by.
    Group {
        /// What they are together; a CSS class.
        name: String,
        /// From the back to the front.
        marks: Vec<Mark>,
    },
}

/// A rectangle, in mm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// To the right.
    pub width: f64,
    /// Down.
    pub height: f64,
}

impl Rect {
    /// A rectangle by corner and size.
    pub fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// Right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// Lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// Its middle.
    pub fn centre(&self) -> Position {
        [self.x + self.width / 2.0, self.y + self.height / 2.0]
    }
}

/// A colour inside something.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// Which.
    pub paint: Paint,
    /// From 0 to 1.
    pub opacity: f64,
}

impl Fill {
    /// Opaque.
    pub fn of(paint: Paint) -> Self {
        Self {
            paint,
            opacity: 1.0,
        }
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stroke {
    /// Its colour.
    pub paint: Paint,
    /// In mm.
    pub width: f64,
    /// From 0 to 1.
    pub opacity: f64,
    /// Lengths of dash and gap in mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dash: Option<[f64; 2]>,
}

impl Stroke {
    /// Opaque and whole.
    pub fn of(paint: Paint, width: f64) -> Self {
        Self {
            paint,
            width,
            opacity: 1.0,
            dash: None,
        }
    }

    /// Seen through.
    pub fn faint(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    /// In dashes.
    pub fn dashed(self, dash: [f64; 2]) -> Self {
        Self {
            dash: Some(dash),
            ..self
        }
    }
}

/// Which part of a text stands at its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anchor {
    /// Its beginning.
    #[default]
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// How heavy text is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Running text.
    #[default]
    Regular,
    /// Headings, letters in markers.
    Strong,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Text {
    /// Where its base line begins, is halved or ends.
    pub at: Position,
    /// The words.
    pub words: String,
    /// Height of the type (the em) in mm.
    pub size: f64,
    /// How heavy.
    #[serde(default)]
    pub weight: Weight,
    /// Which part stands at `at`.
    #[serde(default)]
    pub anchor: Anchor,
    /// Its colour.
    pub paint: Paint,
    /// Degrees clockwise around `at`.
    #[serde(default)]
    pub turn: f64,
}

impl Text {
    /// Running text in [`Paint::Ink`], from its beginning.
    pub fn new(at: Position, words: impl Into<String>, size: f64) -> Self {
        Self {
            at,
            words: words.into(),
            size,
            weight: Weight::Regular,
            anchor: Anchor::Start,
            paint: Paint::Ink,
            turn: 0.0,
        }
    }

    /// Its beginning, middle or end at its place.
    pub fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// In another colour.
    pub fn paint(self, paint: Paint) -> Self {
        Self { paint, ..self }
    }

    /// Heavier.
    pub fn strong(self) -> Self {
        Self {
            weight: Weight::Strong,
            ..self
        }
    }

    /// Turned clockwise by degrees.
    pub fn turned(self, turn: f64) -> Self {
        Self { turn, ..self }
    }
}

impl Mark {
    /// A mark without a name.
    pub fn of(shape: Shape) -> Self {
        Self {
            uid: None,
            title: None,
            shape,
        }
    }

    /// Marks as one.
    pub fn group(name: &str, marks: Vec<Self>) -> Self {
        Self::of(Shape::Group {
            name: name.to_owned(),
            marks,
        })
    }

    /// An open line.
    pub fn line(places: impl Into<Vec<Position>>, stroke: Stroke) -> Self {
        Self::of(Shape::Line {
            places: places.into(),
            stroke,
        })
    }

    /// A filled rectangle.
    pub fn filled(rect: Rect, paint: Paint) -> Self {
        Self::of(Shape::Rect {
            rect,
            fill: Some(Fill::of(paint)),
            stroke: None,
        })
    }

    /// A rectangle's edge.
    pub fn framed(rect: Rect, stroke: Stroke) -> Self {
        Self::of(Shape::Rect {
            rect,
            fill: None,
            stroke: Some(stroke),
        })
    }

    /// A marker.
    pub fn symbol(
        symbol: Symbol,
        at: Position,
        radius: f64,
        fill: Option<Fill>,
        stroke: Option<Stroke>,
    ) -> Self {
        Self::of(Shape::Symbol {
            symbol,
            at,
            radius,
            fill,
            stroke,
        })
    }

    /// Under the uid of what it stands for.
    pub fn uid(self, uid: impl Into<String>) -> Self {
        Self {
            uid: Some(uid.into()),
            ..self
        }
    }

    /// With a tooltip.
    pub fn title(self, title: impl Into<String>) -> Self {
        Self {
            title: Some(title.into()),
            ..self
        }
    }
}

impl From<Text> for Mark {
    fn from(text: Text) -> Self {
        Self::of(Shape::Text(text))
    }
}

impl Scene {
    /// Calls `see` with every mark, groups before what is in them.
    pub fn each<'a>(&'a self, see: &mut dyn FnMut(&'a Mark)) {
        fn walk<'a>(marks: &'a [Mark], see: &mut dyn FnMut(&'a Mark)) {
            for mark in marks {
                see(mark);
                if let Shape::Group { marks, .. } = &mark.shape {
                    walk(marks, see);
                }
            }
        }
        walk(&self.marks, see);
    }

    /// Characters of its texts that no shipped font has: a browser may show them in a font of its machine, PNG, PDF and
    /// outlined text show a box.
    pub fn lacking(&self) -> Vec<char> {
        let mut lacking = std::collections::BTreeSet::new();
        self.each(&mut |mark| {
            if let Shape::Text(text) = &mark.shape {
                lacking.extend(text.words.chars().filter(|&c| !crate::fonts::has(c)));
            }
        });
        lacking.into_iter().collect()
    }
}
