//! Texts as sentences.

/// Splits at `.`, `!` and `?` where a space or the end follows; the marks stay.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let ends = matches!(letter, '.' | '!' | '?')
            && letters.peek().is_none_or(|(_, next)| next.is_whitespace());
        if ends {
            // End marks are one byte long, so this is a boundary of characters.
            out.extend(
                text.get(start..=at)
                    .map(str::trim)
                    .filter(|s| !s.is_empty()),
            );
            start = at + 1;
        }
    }
    out.extend(text.get(start..).map(str::trim).filter(|s| !s.is_empty()));
    out
}
