//! A field for a word or an address that has a rule: taken with Enter or when it is left.

use egui::{Id, RichText, TextEdit, Ui};

use crate::theme::Tokens;

/// What becomes of what is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It stays to be mended.
    Stays,
    /// It is gone at once: it may be a secret.
    Goes,
}

/// What is typed and not taken, kept by egui in memory alone.
#[derive(Debug, Clone, Default)]
struct Typing {
    text: Option<String>,
    rule: Option<String>,
}

/// A field called `name` that shows `value`; what was entered, once it differs and `check` takes it. A broken rule is shown
/// below it, and the value in force stays.
pub fn text_field(
    ui: &mut Ui,
    (id, name, hint): (Id, &str, &str),
    value: &str,
    refused: Refused,
    check: impl FnOnce(&str) -> Result<String, String>,
) -> Option<String> {
    let tokens = Tokens::of(ui);
    let key = id.with("typing");
    let mut typing: Typing = ui.data(|d| d.get_temp(key)).unwrap_or_default();
    let mut text = typing.text.clone().unwrap_or_else(|| value.to_owned());
    let mut edit = TextEdit::singleline(&mut text)
        .id(id)
        .hint_text(hint)
        .desired_width(f32::INFINITY);
    if typing.rule.is_some() {
        edit = edit.text_color(tokens.error);
    }
    let response = ui.add(edit);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(name.to_owned());
        if let Some(rule) = &typing.rule {
            node.set_invalid(egui::accesskit::Invalid::True);
            node.set_description(rule.clone());
        }
    });
    if response.changed() {
        typing = Typing {
            text: Some(text.clone()),
            rule: None,
        };
    }
    let mut taken = None;
    if response.lost_focus() && typing.rule.is_none() && typing.text.is_some() {
        typing = match check(&text) {
            Ok(word) => {
                taken = Some(word).filter(|word| word != value);
                Typing::default()
            }
            Err(rule) => Typing {
                text: Some(text).filter(|_| refused == Refused::Stays),
                rule: Some(rule),
            },
        };
    }
    if let Some(rule) = &typing.rule {
        let words = RichText::new(format!("Not taken: {rule}"));
        let response = ui.label(words.color(tokens.error).size(13.0));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_live(egui::accesskit::Live::Polite);
        });
    }
    ui.data_mut(|d| d.insert_temp(key, typing));
    taken
}
