//! Fonts: what is shipped, and a sentence about what no font on this machine can show.
//!
//! Text is egui's own Ubuntu Light, whose figures are all as wide as each other; headings and strong words are the
//! same face, heavier; emoji are Noto's, complete, without colour. For every other script the fonts of the machine
//! are asked, one by one, as its characters turn up (eframe's `system_fonts`).

use std::sync::Arc;

use egui::{Context, FontData, FontDefinitions, FontFamily, FontId, FontTweak};
use unicode_script::{Script, UnicodeScript as _};

const STRONG: &[u8] = include_bytes!("../../../assets/fonts/Ubuntu-Medium.ttf");
const EMOJI: &[u8] = include_bytes!("../../../assets/fonts/NotoEmoji-Regular.ttf");

/// The family of headings and strong words.
pub fn strong() -> FontFamily {
    FontFamily::Name("strong".into())
}

pub(super) fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let strong_data = FontData::from_static(STRONG);
    // Emoji are drawn larger than letters; in a line of text they are as high as one.
    let emoji = FontData::from_static(EMOJI).tweak(FontTweak {
        scale: 0.88,
        ..FontTweak::default()
    });
    fonts
        .font_data
        .insert("strong".into(), Arc::new(strong_data));
    fonts.font_data.insert("emoji".into(), Arc::new(emoji));
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        let chain = fonts.families.entry(family).or_default();
        chain.push("emoji".into());
    }
    let mut chain = vec!["strong".to_owned()];
    let text = fonts.families.get(&FontFamily::Proportional);
    chain.extend(text.into_iter().flatten().cloned());
    fonts.families.insert(strong(), chain);
    fonts
}

/// Says which characters of a text no font can show, and what would help; `None` where all can be shown.
pub fn lacking(ctx: &Context, text: &str) -> Option<String> {
    let font = FontId::proportional(14.0);
    let mut missing: Vec<char> = ctx.fonts_mut(|fonts| {
        text.chars()
            .filter(|c| *c > '\u{7e}' && is_shown(*c))
            .filter(|c| !fonts.has_glyph(&font, *c))
            .collect()
    });
    let count = missing.len();
    if count == 0 {
        return None;
    }
    missing.sort_unstable();
    missing.dedup();
    let mut scripts: Vec<&str> = missing
        .iter()
        .map(|c| c.script())
        .filter(|script| !matches!(script, Script::Common | Script::Inherited | Script::Unknown))
        .map(|script| script.full_name())
        .collect();
    scripts.dedup();
    let what = match count {
        1 => "1 character of this text has".to_owned(),
        n => format!("{n} characters of this text have"),
    };
    Some(if scripts.is_empty() {
        let shown: Vec<String> = missing
            .iter()
            .take(3)
            .map(|c| format!("U+{:04X}", u32::from(*c)))
            .collect();
        let shown = shown.join(", ");
        format!(
            "{what} no font on this machine ({shown}): install one that has them, and start again"
        )
    } else {
        let scripts = scripts.join(", ").replace('_', " ");
        format!("{what} no font on this machine: install one for {scripts}, and start again")
    })
}

/// Whether a character is drawn at all: joiners, selectors and marks of direction are not.
fn is_shown(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
    !(c.is_control() || c.is_whitespace() || hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        let ctx = Context::default();
        ctx.set_fonts(definitions());
        // Fonts are taken up at the beginning of a frame.
        let mut frame = ctx.run_ui(egui::RawInput::default(), |_| {});
        frame.textures_delta.clear();
        ctx
    }

    #[test]
    fn emoji_of_every_kind_have_a_shape() {
        let ctx = context();
        let all = "\u{1f600}\u{1f970}\u{1fae0}\u{2615}\u{1f980} \u{1f469}\u{200d}\u{1f680} \u{1f44d}\u{1f3fd} \
                   \u{1f1e9}\u{1f1ea} \u{2764}\u{fe0f} plain \u{e9}\u{df}\u{2212}\u{2026}\n";
        assert_eq!(lacking(&ctx, all), None);
    }

    #[test]
    fn what_has_no_font_is_counted_and_its_script_named() {
        // No font of the machine is asked here.
        let ctx = context();
        let words =
            lacking(&ctx, "\u{0f56}\u{0f7c}\u{0f51} and \u{0f40}").expect("no font for Tibetan");
        assert!(
            words.starts_with("4 characters of this text have no font"),
            "{words}"
        );
        assert!(words.contains("Tibetan"), "{words}");
        let words = lacking(&ctx, "\u{10ffff}").expect("no font for what is no character");
        assert!(words.contains("U+10FFFF"), "{words}");
    }

    #[test]
    fn figures_are_as_wide_as_each_other() {
        let ctx = context();
        for family in [FontFamily::Proportional, strong()] {
            let font = FontId::new(16.0, family);
            let width = |c| ctx.fonts_mut(|fonts| fonts.glyph_width(&font, c));
            let zero = width('0');
            assert!(zero > 0.0);
            for figure in '1'..='9' {
                assert!((width(figure) - zero).abs() < 1e-3, "{figure}");
            }
        }
    }
}
