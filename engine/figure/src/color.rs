//! Colours, for the window as well, and what they are on each ground.

use serde::{Deserialize, Serialize};

/// A colour as red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// Okabe and Ito's categories, told apart by people with any kind of colour vision.
pub const CATEGORIES: [Rgb; 7] = [
    Rgb(0xE6, 0x9F, 0x00),
    Rgb(0x56, 0xB4, 0xE9),
    Rgb(0x00, 0x9E, 0x73),
    Rgb(0xCC, 0x79, 0xA7),
    Rgb(0x00, 0x72, 0xB2),
    Rgb(0xD5, 0x5E, 0x00),
    Rgb(0xF0, 0xE4, 0x42),
];

/// The colour of a point that prefers nothing: the base model's.
pub const BASE: Rgb = Rgb(0x8c, 0x96, 0xa3);

/// Category `index`'s colour, for good.
pub fn category(index: usize) -> Rgb {
    CATEGORIES[index % CATEGORIES.len()]
}

/// Colours mixed by their parts, as they would be across a triangle whose corners they are: in gamma space. `None`
/// where there is no part of any.
pub fn mixed(parts: impl IntoIterator<Item = (Rgb, f64)>) -> Option<Rgb> {
    let (mut sum, mut channels) = (0.0, [0.0; 3]);
    for (Rgb(r, g, b), part) in parts {
        sum += part;
        for (channel, value) in channels.iter_mut().zip([r, g, b]) {
            *channel += part * f64::from(value);
        }
    }
    let [r, g, b] = channels.map(|channel| (channel / sum).round() as u8);
    (sum > 0.0).then_some(Rgb(r, g, b))
}

impl Rgb {
    /// Part of the way to another colour, in gamma space.
    pub fn towards(self, other: Self, part: f64) -> Self {
        let to = |a: u8, b: u8| (f64::from(a) + part * (f64::from(b) - f64::from(a))).round() as u8;
        Self(
            to(self.0, other.0),
            to(self.1, other.1),
            to(self.2, other.2),
        )
    }

    /// Relative luminance of WCAG 2, from 0 to 1.
    pub fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Black or white, whichever reads better on this colour.
    pub fn ink(self) -> Self {
        if self.luminance() > 0.179 {
            Self(0, 0, 0)
        } else {
            Self(255, 255, 255)
        }
    }

    /// As SVG and CSS spell it.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

fn rgb(channels: [f64; 3]) -> Rgb {
    let [r, g, b] = channels.map(|channel| (channel.clamp(0.0, 1.0) * 255.0).round() as u8);
    Rgb(r, g, b)
}

/// Magnitudes: cividis (Nuñez, Anderton, Renslow 2018) at `part`, clamped to 0..1, by the window's polynomial.
pub fn cividis(part: f64) -> Rgb {
    let t = part.clamp(0.0, 1.0);
    let red = -4.54 - t * (35.34 - t * (2381.73 - t * (6402.7 - t * (7024.72 - t * 2710.57))));
    let green = 32.49 + t * (170.73 + t * (52.82 - t * (131.46 - t * (176.58 - t * 67.37))));
    let blue = 81.24 + t * (442.36 - t * (2482.43 - t * (6167.24 - t * (6614.94 - t * 2475.67))));
    rgb([red, green, blue].map(|channel| channel / 255.0))
}

/// Signed values: blue below and vermilion above an even middle; `part` runs from 0 to 1, 0.5 is the middle.
pub fn diverging(part: f64) -> Rgb {
    const MIDDLE: f64 = 0.87;
    const LOW: [f64; 3] = [0.0, 114.0 / 255.0, 178.0 / 255.0];
    const HIGH: [f64; 3] = [213.0 / 255.0, 94.0 / 255.0, 0.0];
    let t = part.clamp(0.0, 1.0) * 2.0 - 1.0;
    let end = if t < 0.0 { LOW } else { HIGH };
    rgb(end.map(|channel| MIDDLE + t.abs() * (channel - MIDDLE)))
}

/// Which colours a scale of numbers has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Map {
    /// From nothing to much: [`cividis`].
    Magnitude,
    /// Below and above a middle: [`diverging`].
    Diverging,
}

impl Map {
    /// The colour at a part of the scale, clamped to 0..1.
    pub fn at(self, part: f64) -> Rgb {
        match self {
            Self::Magnitude => cividis(part),
            Self::Diverging => diverging(part),
        }
    }
}

/// A colour by what it means, or as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Paint {
    /// Running text, axes, the front's line.
    Ink,
    /// Secondary text, whiskers.
    Weak,
    /// Thin lines between things.
    Line,
    /// What lies behind the marks.
    Card,
    /// Around filled markers.
    Outline,
    /// The current run.
    Accent,
    /// The pinned run.
    Pinned,
    /// As it is on any ground.
    Is(Rgb),
    /// A data colour in thin lines: darker on light ground, where the lightest could not be seen.
    Thin(Rgb),
}

/// What is behind a figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Paper.
    #[default]
    Light,
    /// A dark slide.
    Dark,
}

/// How far a thin line's colour is darkened on paper: so far that the lightest category has 3:1.
pub(crate) const THIN: f64 = 0.4;

impl Theme {
    /// What a paint is on this ground.
    pub fn color(self, paint: Paint) -> Rgb {
        match (self, paint) {
            (Self::Light, Paint::Thin(color)) => color.towards(self.plain(Paint::Outline), THIN),
            _ => self.plain(paint),
        }
    }

    /// What a paint is on this ground before thin lines are darkened, e.g. for the window's constants.
    pub const fn plain(self, paint: Paint) -> Rgb {
        let [light, dark] = match paint {
            Paint::Ink => [Rgb(0x17, 0x1D, 0x26), Rgb(0xE8, 0xEC, 0xF1)],
            Paint::Weak => [Rgb(0x52, 0x5E, 0x6C), Rgb(0xA3, 0xAE, 0xBB)],
            Paint::Line => [Rgb(0xC9, 0xD1, 0xDA), Rgb(0x34, 0x3C, 0x47)],
            Paint::Card => [Rgb(0xFF, 0xFF, 0xFF), Rgb(0x17, 0x1B, 0x21)],
            Paint::Outline => [Rgb(0x17, 0x1D, 0x26), Rgb(0x0A, 0x0D, 0x10)],
            Paint::Accent => [Rgb(0x0B, 0x62, 0xB4), Rgb(0x6A, 0xB2, 0xF5)],
            Paint::Pinned => [Rgb(0x95, 0x55, 0x00), Rgb(0xF2, 0xB1, 0x4A)],
            Paint::Is(color) | Paint::Thin(color) => [color, color],
        };
        match self {
            Self::Light => light,
            Self::Dark => dark,
        }
    }
}

/// The paints that a page defines as variables, by the variable's name.
pub(crate) const VARIABLES: [(&str, Paint); 7] = [
    ("ink", Paint::Ink),
    ("weak", Paint::Weak),
    ("line", Paint::Line),
    ("card", Paint::Card),
    ("outline", Paint::Outline),
    ("accent", Paint::Accent),
    ("pinned", Paint::Pinned),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_have_the_windows_colours() {
        assert_eq!(cividis(0.0), Rgb(0, 32, 81));
        assert_eq!(cividis(1.0), Rgb(253, 234, 69));
        assert_eq!(cividis(f64::INFINITY), cividis(1.0));
        assert_eq!(diverging(0.0), category(4));
        assert_eq!(diverging(1.0), category(5));
        assert_eq!(diverging(0.5), Rgb(222, 222, 222));
    }

    #[test]
    fn colours_mix_by_their_parts() {
        let (red, blue) = (Rgb(200, 0, 0), Rgb(0, 0, 100));
        assert_eq!(mixed([(red, 1.0), (blue, 3.0)]), Some(Rgb(50, 0, 75)));
        assert_eq!(mixed([(red, 0.0)]), None);
        assert_eq!(red.towards(blue, 0.5), Rgb(100, 0, 50));
    }

    #[test]
    fn text_on_a_swatch_has_contrast() {
        let contrast = |a: Rgb, b: Rgb| {
            let (a, b) = (a.luminance(), b.luminance());
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        let scales = (0..=40).flat_map(|i| {
            let part = f64::from(i) / 40.0;
            [cividis(part), diverging(part)]
        });
        for swatch in CATEGORIES.into_iter().chain(scales) {
            assert!(contrast(swatch, swatch.ink()) >= 4.5, "{}", swatch.hex());
        }
        for theme in [Theme::Light, Theme::Dark] {
            for text in [Paint::Ink, Paint::Weak, Paint::Accent, Paint::Pinned] {
                let ratio = contrast(theme.color(text), theme.color(Paint::Card));
                assert!(ratio >= 4.5, "{theme:?} {text:?}: {ratio:.2}");
            }
            // Marks are seen: 3:1 for the thin lines of every category on paper.
            for color in CATEGORIES {
                let thin = theme.color(Paint::Thin(color));
                let ratio = contrast(thin, theme.color(Paint::Card));
                assert!(ratio >= 3.0, "{theme:?} {}: {ratio:.2}", color.hex());
            }
        }
    }
}
