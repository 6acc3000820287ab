//! A field for a path: typed or pasted, taken with Enter or when it is left.

use std::path::{Path, PathBuf};

use egui::{Id, TextEdit, Ui};

/// A field called `name` that shows `value`; the path that was entered, once it differs.
pub fn path_field(ui: &mut Ui, id: Id, name: &str, hint: &str, value: &Path) -> Option<PathBuf> {
    let draft = id.with("draft");
    let mut text = ui
        .data(|d| d.get_temp::<String>(draft))
        .unwrap_or_else(|| value.display().to_string());
    let edit = TextEdit::singleline(&mut text)
        .id(id)
        .hint_text(hint)
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(name));
    if response.changed() {
        ui.data_mut(|d| d.insert_temp(draft, text.clone()));
    }
    if !response.lost_focus() {
        return None;
    }
    // A path that nobody edited stays as it is, also one that cannot be shown in full.
    ui.data_mut(|d| d.remove_temp::<String>(draft))?;
    let path = typed_path(&text);
    (path != value).then_some(path)
}

/// The path that was meant: without spaces around it, quotes, or the `file://` of a file manager; `~` is the home
/// folder.
pub fn typed_path(text: &str) -> PathBuf {
    let text = text.trim();
    let quoted = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    let text = quoted('"').or_else(|| quoted('\'')).unwrap_or(text);
    if let Some(rest) = text.strip_prefix("file://") {
        return PathBuf::from(percent_decoded(rest));
    }
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

/// `%20` and the like as what they stand for; what is no such escape stays.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|_| byte == b'%');
        let code = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_path_is_the_one_that_was_meant() {
        for text in [
            "/a b/c.jsonl",
            " /a b/c.jsonl\n",
            "\"/a b/c.jsonl\"",
            "'/a b/c.jsonl'",
        ] {
            assert_eq!(typed_path(text), Path::new("/a b/c.jsonl"), "{text}");
        }
        assert_eq!(
            typed_path("file:///a%20b/c.jsonl"),
            Path::new("/a b/c.jsonl")
        );
        assert_eq!(typed_path("file:///100%"), Path::new("/100%"));
        assert_eq!(typed_path(""), Path::new(""));
    }
}
