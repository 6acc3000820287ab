//! Words on standard error: what a file or a name brings along never steers the terminal, and nobody need be listening.

use std::fmt::Write as _;
use std::io::Write;

/// Characters of one message; what quotes a file may be as long as the file.
const LONGEST: usize = 2_000;

/// Writes a line; that nobody can read it is no error.
pub(crate) fn line(text: &str) {
    let _unheard = writeln!(std::io::stderr(), "{}", plain(text));
}

/// A message as one line, cut in its middle where it is very long: both its ends say what is wrong.
pub(crate) fn one_line(text: &str) -> String {
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = words.chars().count();
    if length <= LONGEST {
        return words;
    }
    let head: String = words.chars().take(LONGEST / 2).collect();
    let tail: String = words.chars().skip(length - LONGEST / 2).collect();
    format!(
        "{head} [{} characters left out] {tail}",
        length - LONGEST / 2 * 2
    )
}

/// Control characters and those that turn the direction of text, spelled out.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (c.is_control() && c != '\n' && c != '\t') || turns {
            // Writing to a string cannot fail.
            let _never = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Standard error for the log.
#[derive(Debug)]
pub(crate) struct Plain;

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::stderr().write_all(plain(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\u{9b}c\u{202e}d\u{7f}\n"),
            "a\\u{1b}[2Jb\\u{d}\\u{9b}c\\u{202e}d\\u{7f}\n"
        );
        assert_eq!(plain("Grüße, 你好\t👋"), "Grüße, 你好\t👋");
    }

    #[test]
    fn long_messages_keep_both_ends() {
        let text = format!("begin {} end", "x".repeat(100_000));
        let line = one_line(&text);
        assert!(
            line.starts_with("begin")
                && line.ends_with(" end")
                && line.contains("98010 characters"),
            "{line}"
        );
    }
}
