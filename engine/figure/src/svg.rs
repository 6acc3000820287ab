//! A scene as SVG: own marks in, one element each out, everything escaped.

use crate::color::{Paint, THIN, Theme, VARIABLES};
use crate::fonts::{self, FAMILY, STRONG_FAMILY};
use crate::glyph::Symbol;
use crate::scene::{Anchor, Fill, Mark, Position, Scene, Shape, Stroke, Text, Weight};
use crate::words::trimmed;

/// How text is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Type {
    /// As text, which can be searched and edited. A machine without Ubuntu shows another face, drawn to the same width.
    #[default]
    Text,
    /// As outlines, alike on every machine.
    Outlines,
}

/// What the fonts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fonts {
    /// Ours, as when we draw it ourselves.
    Known,
    /// Perhaps others: each text says how wide it is to be.
    Unknown,
}

/// Where colours come from.
#[derive(Debug, Clone, Copy)]
enum Ground {
    /// They are written as they are on this ground.
    Fixed(Theme),
    /// The page defines them as variables and changes them with its theme.
    Page,
}

/// A file of its own.
pub fn file(scene: &Scene, theme: Theme, text: Type) -> String {
    Writer {
        ground: Ground::Fixed(theme),
        text,
        fonts: Fonts::Unknown,
    }
    .document(scene, &ground_of(theme))
}

/// What our own renderers are given: text in fonts that are known.
pub(crate) fn for_us(scene: &Scene, theme: Theme) -> String {
    Writer {
        ground: Ground::Fixed(theme),
        text: Type::Text,
        fonts: Fonts::Known,
    }
    .document(scene, &ground_of(theme))
}

/// On dark ground the ground is drawn, too; on light ground the page is.
fn ground_of(theme: Theme) -> String {
    match theme {
        Theme::Light => String::new(),
        Theme::Dark => format!(
            "<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
            theme.color(Paint::Card).hex()
        ),
    }
}

/// An element of a page, coloured by the page's variables (see [`page_variables`]).
pub fn inline(scene: &Scene) -> String {
    Writer {
        ground: Ground::Page,
        text: Type::Text,
        fonts: Fonts::Unknown,
    }
    .document(scene, "")
}

/// CSS declarations of the colours that [`inline`] asks for.
pub fn page_variables(theme: Theme) -> String {
    let mut css = String::new();
    for (name, paint) in VARIABLES {
        css += &format!("--{name}:{};", theme.color(paint).hex());
    }
    let thin = match theme {
        Theme::Light => THIN * 100.0,
        Theme::Dark => 0.0,
    };
    css + &format!("--thin:{}%;", trimmed(thin, 1))
}

/// Text for between tags or in quoted attributes; what XML does not allow becomes U+FFFD.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\t' | '\n' | '\r' => out += &format!("&#{};", u32::from(c)),
            c if c.is_control() && c < '\u{20}' => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

struct Writer {
    ground: Ground,
    text: Type,
    fonts: Fonts,
}

impl Writer {
    fn document(&self, scene: &Scene, ground: &str) -> String {
        let (width, height) = (trimmed(scene.width, 3), trimmed(scene.height, 3));
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FAMILY}\" font-weight=\"300\" \
             stroke-linejoin=\"round\">\n"
        );
        out += &format!("<title>{}</title>\n", escaped(&scene.title));
        if !scene.description.is_empty() {
            out += &format!("<desc>{}</desc>\n", escaped(&scene.description));
        }
        out += ground;
        for mark in &scene.marks {
            self.mark(&mut out, mark);
        }
        out + "</svg>\n"
    }

    fn mark(&self, out: &mut String, mark: &Mark) {
        let uid = match &mark.uid {
            Some(uid) => format!(" data-uid=\"{}\"", escaped(uid)),
            None => String::new(),
        };
        let (tag, attributes) = self.element(&mark.shape);
        *out += &format!("<{tag}{attributes}{uid}");
        let title = mark
            .title
            .as_ref()
            .map(|title| format!("<title>{}</title>", escaped(title)))
            .unwrap_or_default();
        match &mark.shape {
            Shape::Group { marks, .. } => {
                *out += &format!(">{title}\n");
                for mark in marks {
                    self.mark(out, mark);
                }
                *out += "</g>\n";
            }
            Shape::Text(text) if self.text == Type::Text => {
                *out += &format!(">{title}{}</{tag}>\n", escaped(&text.words));
            }
            _ if title.is_empty() => *out += "/>\n",
            _ => *out += &format!(">{title}</{tag}>\n"),
        }
    }

    fn element(&self, shape: &Shape) -> (&'static str, String) {
        match shape {
            Shape::Line { places, stroke } => {
                let path = format!(" d=\"{}\"", path(places, false));
                ("path", path + " fill=\"none\"" + &self.stroke(Some(stroke)))
            }
            Shape::Area {
                places,
                fill,
                stroke,
            } => {
                let path = format!(" d=\"{}\"", path(places, true));
                ("path", path + &self.both(fill.as_ref(), stroke.as_ref()))
            }
            Shape::Rect { rect, fill, stroke } => {
                let [x, y, width, height] =
                    [rect.x, rect.y, rect.width, rect.height].map(|v| trimmed(v, 3));
                let place = format!(" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"");
                ("rect", place + &self.both(fill.as_ref(), stroke.as_ref()))
            }
            Shape::Symbol {
                symbol,
                at,
                radius,
                fill,
                stroke,
            } => self.symbol(*symbol, *at, *radius, fill.as_ref(), stroke.as_ref()),
            Shape::Text(text) => self.words(text),
            Shape::Group { name, .. } => ("g", format!(" class=\"{}\"", escaped(name))),
        }
    }

    fn symbol(
        &self,
        symbol: Symbol,
        [x, y]: Position,
        radius: f64,
        fill: Option<&Fill>,
        stroke: Option<&Stroke>,
    ) -> (&'static str, String) {
        let both = self.both(fill, stroke);
        if let Some(corners) = symbol.corners([x, y], radius) {
            return ("path", format!(" d=\"{}\"", path(&corners, true)) + &both);
        }
        if symbol == Symbol::Cross {
            let across = path(&[[x - radius, y], [x + radius, y]], false);
            let down = path(&[[x, y - radius], [x, y + radius]], false);
            return ("path", format!(" d=\"{across}{down}\"") + &both);
        }
        let [x, y, r] = [x, y, radius].map(|v| trimmed(v, 3));
        (
            "circle",
            format!(" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"") + &both,
        )
    }

    fn words(&self, text: &Text) -> (&'static str, String) {
        let [x, y] = text.at;
        let (tx, ty) = (trimmed(x, 3), trimmed(y, 3));
        let turn = if text.turn == 0.0 {
            String::new()
        } else {
            let turn = trimmed(text.turn, 2);
            format!(" transform=\"rotate({turn} {tx} {ty})\"")
        };
        let fill = self.paint("fill", text.paint);
        if self.text == Type::Outlines {
            let width = fonts::width(&text.words, text.size, text.weight);
            let shift = match text.anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => width / 2.0,
                Anchor::End => width,
            };
            let data = fonts::outlines(&text.words, [x - shift, y], text.size, text.weight);
            let label = escaped(&text.words);
            return (
                "path",
                format!(" d=\"{data}\"{turn}{fill} aria-label=\"{label}\""),
            );
        }
        let size = trimmed(text.size, 3);
        let anchor = match text.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = match text.weight {
            Weight::Regular => String::new(),
            Weight::Strong => format!(" font-weight=\"500\" font-family=\"{STRONG_FAMILY}\""),
        };
        let length = if self.fonts == Fonts::Unknown && text.words.chars().count() > 1 {
            let width = trimmed(fonts::width(&text.words, text.size, text.weight), 2);
            format!(" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"")
        } else {
            String::new()
        };
        let place = format!(" x=\"{tx}\" y=\"{ty}\" font-size=\"{size}\"");
        ("text", place + anchor + &length + &weight + &turn + &fill)
    }

    fn both(&self, fill: Option<&Fill>, stroke: Option<&Stroke>) -> String {
        let fill = match fill {
            None => " fill=\"none\"".to_owned(),
            Some(fill) => self.paint("fill", fill.paint) + &opacity("fill-opacity", fill.opacity),
        };
        fill + &self.stroke(stroke)
    }

    fn stroke(&self, stroke: Option<&Stroke>) -> String {
        let Some(stroke) = stroke else {
            return String::new();
        };
        let mut out = self.paint("stroke", stroke.paint);
        out += &format!(" stroke-width=\"{}\"", trimmed(stroke.width, 3));
        out += &opacity("stroke-opacity", stroke.opacity);
        if let Some(dash) = stroke.dash {
            let [dash, gap] = dash.map(|length| trimmed(length, 3));
            out += &format!(" stroke-dasharray=\"{dash} {gap}\"");
        }
        out
    }

    fn paint(&self, attribute: &str, paint: Paint) -> String {
        let color = match self.ground {
            Ground::Fixed(theme) => theme.color(paint).hex(),
            Ground::Page => match paint {
                Paint::Is(color) => color.hex(),
                Paint::Thin(color) => {
                    format!(
                        "color-mix(in srgb,var(--outline) var(--thin),{})",
                        color.hex()
                    )
                }
                _ => {
                    let name = VARIABLES.iter().find(|(_, named)| *named == paint);
                    format!("var(--{})", name.map_or("ink", |(name, _)| name))
                }
            },
        };
        format!(" {attribute}=\"{color}\"")
    }
}

fn opacity(attribute: &str, opacity: f64) -> String {
    if opacity >= 1.0 {
        String::new()
    } else {
        format!(" {attribute}=\"{}\"", trimmed(opacity, 3))
    }
}

fn path(places: &[Position], closed: bool) -> String {
    let mut data = String::new();
    for (i, [x, y]) in places.iter().enumerate() {
        data.push(if i == 0 { 'M' } else { 'L' });
        data += &format!("{} {}", trimmed(*x, 3), trimmed(*y, 3));
    }
    if closed {
        data.push('Z');
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_reads_back_from_tags_and_attributes(text in any::<String>()) {
            let scene = Scene {
                width: 10.0,
                height: 10.0,
                title: text.clone(),
                description: text.clone(),
                marks: vec![Mark::from(Text::new([1.0, 5.0], &text, 3.0)).uid(&text).title(&text)],
            };
            let allowed = |c: char| match c {
                '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
                c if c < ' ' && !matches!(c, '\t' | '\n' | '\r') => '\u{fffd}',
                c => c,
            };
            let shown: String = text.chars().map(allowed).collect();
            for kind in [Type::Text, Type::Outlines] {
                let file = file(&scene, Theme::Light, kind);
                let document = roxmltree::Document::parse(&file).unwrap();
                let titles = document.descendants().filter(|node| node.has_tag_name("title"));
                let titles: Vec<&str> = titles.map(|node| node.text().unwrap_or("")).collect();
                prop_assert_eq!(titles, [shown.as_str(), shown.as_str()]);
                let mut uids = document.descendants().filter_map(|node| node.attribute("data-uid"));
                prop_assert_eq!(uids.next(), Some(shown.as_str()));
            }
        }
    }
}
