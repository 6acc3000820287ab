//! Source text to tokens, with Jinja's rules of whitespace: `trim_blocks` and `lstrip_blocks`, as transformers sets them.

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// Text outside of tags.
    Text(String),
    EmitBegin,
    EmitEnd,
    TagBegin,
    TagEnd,
    Name(String),
    Str(String),
    Int(i128),
    Float(f64),
    /// An operator or bracket.
    Sign(&'static str),
    End,
}

/// Longer signs stand before those that they begin with.
const SIGNS: [&str; 26] = [
    "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[",
    "]", "{", "}", ".", ":", ",", "|", ";",
];

/// Whitespace as Python's `str.strip` and `\s` know it.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Tokens with their lines.
pub(super) fn tokens(source: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut lexer = Lexer {
        rest: source.strip_suffix('\n').unwrap_or(source),
        line: 1,
        line_starting: true,
        tokens: Vec::new(),
    };
    while !lexer.rest.is_empty() {
        lexer.outside()?;
    }
    lexer.push(Token::End);
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    /// Whether what was read last ended a line.
    line_starting: bool,
    tokens: Vec<(usize, Token)>,
}

impl<'a> Lexer<'a> {
    fn push(&mut self, token: Token) {
        self.tokens.push((self.line, token));
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.line_starting = taken.ends_with('\n');
        self.rest = rest;
        taken
    }

    fn skip_spaces(&mut self) {
        let spaces = self.rest.len() - self.rest.trim_start_matches(is_space).len();
        self.take(spaces);
    }

    fn wrong<T>(&self, problem: &str) -> Result<T, String> {
        Err(format!("line {}: {problem}", self.line))
    }

    /// The text before a tag, without what the tag's own sign or `lstrip_blocks` takes away.
    fn stripped<'t>(&self, text: &'t str, sign: Option<char>, block: bool) -> &'t str {
        if sign == Some('-') {
            return text.trim_end_matches(is_space);
        }
        if sign == Some('+') || !block {
            return text;
        }
        let begin = text.rfind('\n').map_or(0, |at| at + 1);
        let at_start = begin > 0 || self.line_starting;
        if at_start && begin < text.len() && text[begin..].chars().all(is_space) {
            &text[..begin]
        } else {
            text
        }
    }

    fn push_text(&mut self, text: &str) {
        if !text.is_empty() {
            self.push(Token::Text(text.to_owned()));
        }
    }

    fn outside(&mut self) -> Result<(), String> {
        let bytes = self.rest.as_bytes();
        let tag = bytes
            .windows(2)
            .position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"));
        let Some(at) = tag else {
            let text = self.rest;
            self.push_text(text);
            self.take(text.len());
            return Ok(());
        };
        let kind = bytes[at + 1];
        let sign = self.rest[at + 2..]
            .chars()
            .next()
            .filter(|c| matches!(c, '-' | '+'));
        let text = self.stripped(&self.rest[..at], sign, kind != b'{');
        self.push_text(text);
        self.take(at + 2 + usize::from(sign.is_some()));
        match kind {
            b'#' => self.comment(),
            b'%' => {
                if let Some(begin) = raw_begin(self.rest) {
                    self.take(begin);
                    return self.raw();
                }
                self.push(Token::TagBegin);
                self.inside(false)
            }
            _ => {
                self.push(Token::EmitBegin);
                self.inside(true)
            }
        }
    }

    fn comment(&mut self) -> Result<(), String> {
        let Some(end) = self.rest.find("#}") else {
            return self.wrong("a comment has no end");
        };
        let sign = self.rest[..end].chars().next_back();
        self.take(end + 2);
        self.after(sign);
        Ok(())
    }

    /// What the end of a block takes of the text behind it.
    fn after(&mut self, sign: Option<char>) {
        match sign {
            Some('-') => self.skip_spaces(),
            Some('+') => {}
            _ if self.rest.starts_with('\n') => {
                self.take(1);
            }
            _ => {}
        }
    }

    /// Text up to `{% endraw %}`.
    fn raw(&mut self) -> Result<(), String> {
        let mut from = 0;
        while let Some(found) = self.rest[from..].find("{%") {
            let at = from + found;
            let inner = &self.rest[at + 2..];
            let sign = inner.chars().next().filter(|c| matches!(c, '-' | '+'));
            let word = inner[usize::from(sign.is_some())..].trim_start_matches(is_space);
            if let Some(close) = word.strip_prefix("endraw") {
                let close = close.trim_start_matches(is_space);
                let last = close.chars().next().filter(|c| matches!(c, '-' | '+'));
                let close = &close[usize::from(last.is_some())..];
                if let Some(behind) = close.strip_prefix("%}") {
                    let text = self.stripped(&self.rest[..at], sign, true);
                    self.push_text(text);
                    self.take(self.rest.len() - behind.len());
                    self.after(last);
                    return Ok(());
                }
            }
            from = at + 2;
        }
        self.wrong("{% raw %} has no end")
    }

    /// The tokens of one tag, and its end.
    fn inside(&mut self, emit: bool) -> Result<(), String> {
        let mut open: Vec<char> = Vec::new();
        loop {
            self.skip_spaces();
            if open.is_empty() && self.close(emit) {
                return Ok(());
            }
            let Some(c) = self.rest.chars().next() else {
                return self.wrong("a tag has no end");
            };
            if c == '\'' || c == '"' {
                self.string(c)?;
            } else if c.is_ascii_digit() {
                self.number()?;
            } else if c == '_' || c.is_alphabetic() {
                let length = self
                    .rest
                    .find(|c: char| c != '_' && !c.is_alphanumeric())
                    .unwrap_or(self.rest.len());
                self.push(Token::Name(self.rest[..length].to_owned()));
                self.take(length);
            } else if let Some(sign) = SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
                match c {
                    '(' => open.push(')'),
                    '[' => open.push(']'),
                    '{' => open.push('}'),
                    ')' | ']' | '}' if open.pop() != Some(c) => {
                        return self.wrong(&format!("unexpected `{c}`"));
                    }
                    _ => {}
                }
                self.push(Token::Sign(sign));
                self.take(sign.len());
            } else {
                return self.wrong(&format!("unexpected character {c:?}"));
            }
        }
    }

    /// Takes the tag's end where it is next.
    fn close(&mut self, emit: bool) -> bool {
        let sign = self
            .rest
            .chars()
            .next()
            .filter(|&c| c == '-' || c == '+' && !emit);
        let mark = if emit { "}}" } else { "%}" };
        let at = usize::from(sign.is_some());
        if !self.rest[at..].starts_with(mark) {
            return false;
        }
        self.push(if emit { Token::EmitEnd } else { Token::TagEnd });
        self.take(at + 2);
        if emit {
            if sign.is_some() {
                self.skip_spaces();
            }
        } else {
            self.after(sign);
        }
        true
    }

    fn string(&mut self, quote: char) -> Result<(), String> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|&(_, c)| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some((end, _)) = end else {
            return self.wrong("a string has no end");
        };
        let text = unescaped(&self.rest[1..end]);
        match text {
            Ok(text) => self.push(Token::Str(text)),
            Err(problem) => return self.wrong(&problem),
        }
        self.take(end + 1);
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        let rest = self.rest;
        let lower = rest.get(..2).unwrap_or_default().to_ascii_lowercase();
        let radix = match lower.as_str() {
            "0x" => 16,
            "0o" => 8,
            "0b" => 2,
            _ => 10,
        };
        let digits = |from: usize, radix: u32| {
            let length = rest[from..]
                .find(|c: char| c != '_' && !c.is_digit(radix))
                .unwrap_or(rest.len() - from);
            from + length
        };
        if radix != 10 {
            let end = digits(2, radix);
            let whole = i128::from_str_radix(&rest[2..end].replace('_', ""), radix);
            let Ok(whole) = whole else {
                return self.wrong("a number cannot be read");
            };
            self.push(Token::Int(whole));
            self.take(end);
            return Ok(());
        }
        let mut end = digits(0, 10);
        let mut float = false;
        let digit_at = |at: usize| rest[at..].starts_with(|c: char| c.is_ascii_digit());
        if rest[end..].starts_with('.') && digit_at(end + 1) {
            float = true;
            end = digits(end + 1, 10);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            if digit_at(end + 1 + sign) {
                float = true;
                end = digits(end + 1 + sign, 10);
            }
        }
        let text = rest[..end].replace('_', "");
        let token = if float {
            text.parse().ok().map(Token::Float)
        } else {
            text.parse().ok().map(Token::Int)
        };
        let Some(token) = token else {
            return self.wrong("a number is too large");
        };
        self.push(token);
        self.take(end);
        Ok(())
    }
}

/// The length of the rest of `{% raw %}` behind its `{%` and sign, where the tag is one.
fn raw_begin(rest: &str) -> Option<usize> {
    let close = rest.trim_start_matches(is_space).strip_prefix("raw")?;
    let close = close.trim_start_matches(is_space);
    let behind = match close.strip_prefix("-%}") {
        Some(behind) => behind.trim_start_matches(is_space),
        None => close.strip_prefix("%}")?,
    };
    Some(rest.len() - behind.len())
}

/// A string literal's text, by Python's `unicode-escape`.
fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(c) = rest.next() else {
            return Err("a string ends in a backslash".to_owned());
        };
        let digits = match c {
            '\n' => continue,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' => c,
            'x' | 'u' | 'U' => {
                let count = match c {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits: String = rest.by_ref().take(count).collect();
                let mut code = u32::from_str_radix(&digits, 16).ok();
                // Two halves of one character.
                if let Some(high @ 0xd800..=0xdbff) = code {
                    let mut ahead = rest.clone();
                    let low: String = ahead.by_ref().take(6).collect();
                    let low = low.strip_prefix("\\u");
                    let low = low.and_then(|low| u32::from_str_radix(low, 16).ok());
                    if let Some(low @ 0xdc00..=0xdfff) = low {
                        rest = ahead;
                        code = Some(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                    }
                }
                match code
                    .filter(|_| digits.len() == count)
                    .and_then(char::from_u32)
                {
                    Some(c) => c,
                    None => return Err(format!("`\\{c}{digits}` names no character")),
                }
            }
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let mut ahead = rest.clone();
                    let Some(digit) = ahead.next().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    code = code * 8 + digit;
                    rest = ahead;
                }
                char::from_u32(code).unwrap_or('\u{fffd}')
            }
            'N' => return Err("characters by name (`\\N{...}`) are not known here".to_owned()),
            other => {
                out.push('\\');
                other
            }
        };
        out.push(digits);
    }
    Ok(out)
}
