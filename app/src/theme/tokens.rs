//! Named colours, light and dark.

use egui::Color32;
use paretoscope_core::types::ExpertKind;
use paretoscope_figure::color::{self, Paint, Rgb, Theme};
pub use paretoscope_figure::glyph::{expert_letter, value_letter};

/// A colour of figures, as the window paints it.
const fn painted(Rgb(r, g, b): Rgb) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// A colour of the window, as figures have it.
fn figured(color: Color32) -> Rgb {
    Rgb(color.r(), color.g(), color.b())
}

/// Okabe and Ito's categories, told apart by people with any kind of colour vision.
pub const CATEGORIES: [Color32; 7] = {
    let mut painted_ones = [Color32::BLACK; 7];
    let mut index = 0;
    while index < painted_ones.len() {
        painted_ones[index] = painted(color::CATEGORIES[index]);
        index += 1;
    }
    painted_ones
};

/// A marker's shape; with the letter it carries what colour alone must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// ●
    Circle,
    /// ■
    Square,
    /// ◆
    Diamond,
    /// ▲
    Up,
    /// ▼
    Down,
    /// ⬟
    Pentagon,
    /// ★
    Star,
}

/// Expert `index`'s colour, for good.
pub fn category(index: usize) -> Color32 {
    CATEGORIES[index % CATEGORIES.len()]
}

/// The colour of routers: none of the categories, for a router speaks through LoRA experts alone.
const ROUTER: Color32 = Color32::from_rgb(0xb4, 0xbc, 0xc8);

/// The colour of an expert of a kind.
pub fn expert_color(index: usize, kind: ExpertKind) -> Color32 {
    match kind {
        ExpertKind::Lora => category(index),
        ExpertKind::Router => ROUTER,
    }
}

/// Colours mixed by their parts, see [`color::mixed`]. `None` where there is no part of any.
pub fn mixed(parts: impl IntoIterator<Item = (Color32, f64)>) -> Option<Color32> {
    let parts = parts.into_iter();
    color::mixed(parts.map(|(color, part)| (figured(color), part))).map(painted)
}

/// The marker of a kind of expert: LoRA experts are round, router experts stand on their base.
pub fn expert_marker(kind: ExpertKind) -> Marker {
    match kind {
        ExpertKind::Lora => Marker::Circle,
        ExpertKind::Router => Marker::Up,
    }
}

/// Black or white, whichever reads better on a swatch.
pub fn ink_on(swatch: Color32) -> Color32 {
    painted(figured(swatch).ink())
}

/// Colours by what they mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tokens {
    /// Behind everything.
    pub ground: Color32,
    /// Panels.
    pub panel: Color32,
    /// Cards and fields within panels.
    pub card: Color32,
    /// Buttons.
    pub button: Color32,
    /// Buttons under the pointer or with the keyboard.
    pub button_hover: Color32,
    /// Thin lines between things.
    pub line: Color32,
    /// Running text.
    pub text: Color32,
    /// Secondary text, still at least 4.5:1.
    pub weak: Color32,
    /// What can be acted on, and the current run.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// The pinned run.
    pub pinned: Color32,
    /// The ring of the keyboard.
    pub focus: Color32,
    /// Something is wrong.
    pub error: Color32,
    /// Something to know.
    pub warn: Color32,
    /// Something went well.
    pub good: Color32,
    /// The front.
    pub front: Color32,
    /// Dominated points.
    pub dominated: Color32,
    /// Around markers on light ground.
    pub outline: Color32,
}

impl Tokens {
    /// For dark rooms.
    pub const DARK: Self = Self {
        ground: Color32::from_rgb(0x11, 0x14, 0x18),
        panel: painted(Theme::Dark.plain(Paint::Card)),
        card: Color32::from_rgb(0x20, 0x26, 0x2E),
        button: Color32::from_rgb(0x2A, 0x32, 0x3C),
        button_hover: Color32::from_rgb(0x36, 0x41, 0x4E),
        line: painted(Theme::Dark.plain(Paint::Line)),
        text: painted(Theme::Dark.plain(Paint::Ink)),
        weak: painted(Theme::Dark.plain(Paint::Weak)),
        accent: painted(Theme::Dark.plain(Paint::Accent)),
        on_accent: Color32::from_rgb(0x06, 0x12, 0x1F),
        pinned: painted(Theme::Dark.plain(Paint::Pinned)),
        focus: Color32::from_rgb(0x8C, 0xC8, 0xFF),
        error: Color32::from_rgb(0xFF, 0x8A, 0x7A),
        warn: Color32::from_rgb(0xF2, 0xC1, 0x5C),
        good: Color32::from_rgb(0x5F, 0xD0, 0x9E),
        front: Color32::from_rgb(0x5F, 0xD0, 0x9E),
        dominated: Color32::from_rgb(0x7E, 0x8A, 0x98),
        outline: painted(Theme::Dark.plain(Paint::Outline)),
    };

    /// For bright rooms.
    pub const LIGHT: Self = Self {
        ground: Color32::from_rgb(0xE9, 0xED, 0xF1),
        panel: Color32::from_rgb(0xF8, 0xF9, 0xFB),
        card: painted(Theme::Light.plain(Paint::Card)),
        button: Color32::from_rgb(0xED, 0xF1, 0xF5),
        button_hover: Color32::from_rgb(0xDD, 0xE6, 0xEF),
        line: painted(Theme::Light.plain(Paint::Line)),
        text: painted(Theme::Light.plain(Paint::Ink)),
        weak: painted(Theme::Light.plain(Paint::Weak)),
        accent: painted(Theme::Light.plain(Paint::Accent)),
        on_accent: Color32::from_rgb(0xFF, 0xFF, 0xFF),
        pinned: painted(Theme::Light.plain(Paint::Pinned)),
        focus: Color32::from_rgb(0x0B, 0x62, 0xB4),
        error: Color32::from_rgb(0xB4, 0x23, 0x18),
        warn: Color32::from_rgb(0x8A, 0x5A, 0x00),
        good: Color32::from_rgb(0x0A, 0x6E, 0x4B),
        front: Color32::from_rgb(0x0A, 0x6E, 0x4B),
        dominated: Color32::from_rgb(0x76, 0x82, 0x90),
        outline: painted(Theme::Light.plain(Paint::Outline)),
    };

    /// Those of the theme in use.
    pub fn of(ui: &egui::Ui) -> &'static Self {
        Self::of_visuals(ui.visuals())
    }

    /// Those of the theme in use.
    pub fn of_visuals(visuals: &egui::Visuals) -> &'static Self {
        if visuals.dark_mode {
            &Self::DARK
        } else {
            &Self::LIGHT
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast as WCAG 2.2 defines it.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |c: Color32| {
            let [r, g, b, _] = egui::Rgba::from(c).to_array();
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_reads_on_every_ground() {
        for t in [&Tokens::DARK, &Tokens::LIGHT] {
            let grounds = [t.ground, t.panel, t.card, t.button, t.button_hover];
            let texts = [t.text, t.weak, t.accent, t.pinned, t.error, t.warn, t.good];
            for ground in grounds {
                for text in texts {
                    let ratio = contrast(text, ground);
                    assert!(ratio >= 4.5, "{text:?} on {ground:?}: {ratio:.2}");
                }
            }
            assert!(contrast(t.on_accent, t.accent) >= 4.5);
        }
    }
}
