//! A numeric field: what is typed stays typed, the last good value stays in force.

use egui::{RichText, TextEdit, Ui};

use crate::theme::Tokens;

/// What happened to a field in this frame.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldNews {
    /// Nothing.
    Still,
    /// Something was typed.
    Typed(String),
    /// It was left, or Enter was pressed.
    Left,
}

/// A field called `name`, showing what is being typed, or else the `value` in force; a broken rule is marked
/// with a word and a tooltip, not by colour alone.
pub fn number_field(
    ui: &mut Ui,
    id: egui::Id,
    name: &str,
    value: &str,
    typed: Option<&str>,
    problem: Option<&str>,
    width: f32,
) -> FieldNews {
    let tokens = Tokens::of(ui);
    let mut text = typed.unwrap_or(value).to_owned();
    let mut edit = TextEdit::singleline(&mut text).id(id).desired_width(width);
    if problem.is_some() {
        edit = edit.text_color(tokens.error);
    }
    let response = ui.add(edit);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(name.to_owned());
        if let Some(rule) = problem {
            node.set_invalid(egui::accesskit::Invalid::True);
            node.set_description(rule.to_owned());
        }
    });
    let (changed, left) = (response.changed(), response.lost_focus());
    if let Some(rule) = problem {
        ui.painter().rect_stroke(
            response.rect.expand(1.0),
            4.0,
            egui::Stroke::new(1.5, tokens.error),
            egui::StrokeKind::Outside,
        );
        response.on_hover_text(RichText::new(rule));
    }
    match (changed, left) {
        (true, _) => FieldNews::Typed(text),
        (_, true) => FieldNews::Left,
        _ => FieldNews::Still,
    }
}

/// What is being typed into a [`checked_field`], kept by egui while the field has the keyboard.
#[derive(Debug, Clone)]
struct Typing {
    /// `None` once the field was left: it shows the value in force again, and still says why what was typed is not it.
    text: Option<String>,
    problem: Option<String>,
}

/// A field that keeps what is typed to itself until `check` takes it; a broken rule is shown below
/// it, and the value in force stays.
pub fn checked_field<T>(
    ui: &mut Ui,
    id: egui::Id,
    name: &str,
    value: String,
    width: f32,
    check: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let tokens = Tokens::of(ui);
    let typing: Option<Typing> = ui.ctx().data(|d| d.get_temp(id));
    let typed = typing.as_ref().and_then(|t| t.text.clone());
    let writing = typed.is_some();
    let mut text = typed.unwrap_or(value);
    let mut edit = TextEdit::singleline(&mut text).id(id).desired_width(width);
    let known = typing.as_ref().and_then(|t| t.problem.clone());
    let invalid = known.is_some() && writing;
    if invalid {
        edit = edit.text_color(tokens.error);
    }
    let response = ui.add(edit);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(name.to_owned());
        if let Some(rule) = known.as_ref().filter(|_| invalid) {
            node.set_invalid(egui::accesskit::Invalid::True);
            node.set_description(rule.clone());
        }
    });
    let mut taken = None;
    if response.changed() {
        let problem = match check(text.trim()) {
            Ok(value) => {
                taken = Some(value);
                None
            }
            Err(rule) => Some(rule),
        };
        let text = Some(text);
        ui.ctx()
            .data_mut(|d| d.insert_temp(id, Typing { text, problem }));
    } else if response.lost_focus() {
        let left = known.clone().map(|rule| Typing {
            text: None,
            problem: Some(rule),
        });
        ui.ctx().data_mut(|d| match left {
            Some(left) => {
                d.insert_temp(id, left);
            }
            None => d.remove::<Typing>(id),
        });
    }
    if let Some(rule) = known {
        if invalid {
            ui.painter().rect_stroke(
                response.rect.expand(1.0),
                4.0,
                egui::Stroke::new(1.5, tokens.error),
                egui::StrokeKind::Outside,
            );
        }
        ui.label(
            RichText::new(format!("Not taken: {rule}"))
                .color(tokens.error)
                .size(13.0),
        );
    }
    taken
}

/// A whole number from `least` to `most`.
pub fn whole(text: &str, least: usize, most: usize) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        Ok(value) => Err(format!("{value} is outside {least} to {most}")),
        Err(_) => Err(format!(
            "`{text}` is not a whole number from {least} to {most}"
        )),
    }
}

/// A seed: a whole number of 64 bits.
pub fn seed(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_not_a_number| format!("`{text}` is not a whole number of 0 or more"))
}

/// A number above `least` (or equal, where `closed`) up to `most`.
pub fn real(text: &str, least: f64, most: f64, closed: bool) -> Result<f64, String> {
    let from = if closed { "from" } else { "above" };
    match text.parse::<f64>() {
        Ok(v) if v.is_finite() && v <= most && (v > least || (closed && v >= least)) => Ok(v),
        Ok(v) => Err(format!("{v} is not {from} {least} up to {most}")),
        Err(_) => Err(format!(
            "`{text}` is not a number {from} {least} up to {most}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_their_range_are_refused_with_the_rule() {
        assert_eq!(whole("7", 1, 10), Ok(7));
        for bad in ["0", "11", "", "x", "1.5", "-1"] {
            assert!(whole(bad, 1, 10).unwrap_err().contains("1 to 10"), "{bad}");
        }
        assert_eq!(real("0", 0.0, 2.0, true), Ok(0.0));
        for bad in ["0", "NaN", "inf", "-1", "3", ""] {
            assert!(real(bad, 0.0, 2.0, false).is_err(), "{bad}");
        }
    }
}
