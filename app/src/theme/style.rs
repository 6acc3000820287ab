//! Tokens into egui's styles, once at the start; light or dark as chosen.

use egui::style::WidgetVisuals;
use egui::{
    Color32, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Theme, ThemePreference, Visuals,
};

use super::{Tokens, fonts};
use crate::state::{Prefs, ThemeChoice};

/// Largest distance of a corner from square.
const ROUND: u8 = 5;

/// Sets both styles up.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts::definitions());
    for (theme, tokens) in [(Theme::Dark, &Tokens::DARK), (Theme::Light, &Tokens::LIGHT)] {
        ctx.style_mut_of(theme, |style| {
            style.visuals = visuals(theme, tokens);
            style.text_styles = [
                (TextStyle::Small, 12.0, FontFamily::Proportional),
                (TextStyle::Body, 14.0, FontFamily::Proportional),
                (TextStyle::Button, 14.0, FontFamily::Proportional),
                (TextStyle::Heading, 17.0, fonts::strong()),
                (TextStyle::Monospace, 13.0, FontFamily::Monospace),
            ]
            .into_iter()
            .map(|(style, size, family)| (style, FontId::new(size, family)))
            .collect();
            style.spacing.item_spacing = egui::vec2(8.0, 6.0);
            style.spacing.button_padding = egui::vec2(9.0, 4.0);
            style.spacing.interact_size.y = 24.0;
            style.spacing.window_margin = egui::Margin::same(14);
            style.spacing.scroll = egui::style::ScrollStyle::thin();
        });
    }
}

/// Takes up the person's choice.
pub fn choose(ctx: &egui::Context, prefs: &Prefs) {
    ctx.set_theme(match prefs.theme {
        ThemeChoice::System => ThemePreference::System,
        ThemeChoice::Light => ThemePreference::Light,
        ThemeChoice::Dark => ThemePreference::Dark,
    });
    let seconds = if prefs.reduce_motion { 0.0 } else { 0.08 };
    ctx.all_styles_mut(|style| style.animation_time = seconds);
}

fn visuals(theme: Theme, tokens: &Tokens) -> Visuals {
    let mut visuals = theme.default_visuals();
    let round = CornerRadius::same(ROUND);
    let widget = |fill: Color32, line: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, line),
        corner_radius: round,
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    visuals.override_text_color = Some(tokens.text);
    visuals.weak_text_color = Some(tokens.weak);
    visuals.hyperlink_color = tokens.accent;
    visuals.panel_fill = tokens.panel;
    visuals.window_fill = tokens.panel;
    visuals.window_stroke = Stroke::new(1.0, tokens.line);
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.extreme_bg_color = tokens.card;
    visuals.text_edit_bg_color = Some(tokens.card);
    visuals.faint_bg_color = tokens.card;
    visuals.code_bg_color = tokens.card;
    visuals.error_fg_color = tokens.error;
    visuals.warn_fg_color = tokens.warn;
    visuals.selection.bg_fill = tokens.accent.gamma_multiply(0.45);
    visuals.selection.stroke = Stroke::new(1.5, tokens.focus);
    visuals.widgets.noninteractive = widget(tokens.panel, tokens.line, tokens.text);
    visuals.widgets.inactive = widget(tokens.button, tokens.line, tokens.text);
    visuals.widgets.hovered = widget(tokens.button_hover, tokens.accent, tokens.text);
    visuals.widgets.active = WidgetVisuals {
        // Also what has the keyboard: the ring is at least 2 px.
        bg_stroke: Stroke::new(2.0, tokens.focus),
        ..widget(tokens.button_hover, tokens.focus, tokens.text)
    };
    visuals.widgets.open = widget(tokens.button_hover, tokens.line, tokens.text);
    visuals.striped = false;
    // Each blink paints the whole window; the cursor is 2 px of the focus colour and stands still.
    visuals.text_cursor.blink = false;
    visuals.text_cursor.stroke = Stroke::new(2.0, tokens.focus);
    visuals
}
