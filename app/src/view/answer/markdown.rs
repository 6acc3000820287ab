//! An answer's Markdown as blocks of styled pieces that know where in the answer they come from, so that marks on
//! the answer (where it was steered, where it differs) are found in what is shown as well.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// How a piece is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Style {
    /// Heavier.
    pub(super) strong: bool,
    /// Slanted.
    pub(super) emphasis: bool,
    /// Crossed out.
    pub(super) struck: bool,
    /// As code.
    pub(super) code: bool,
    /// Part of a link.
    pub(super) link: bool,
}

/// A stretch of text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// What is shown.
    pub(super) text: String,
    /// The bytes of the answer that it stands for. Where they are as many as the text's, they are the text.
    pub(super) source: Range<usize>,
    /// How it is written.
    pub(super) style: Style,
}

/// Text in one or more styles.
pub(super) type Line = Vec<Piece>;

/// What a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Running text.
    Text(Line),
    /// A heading of level 1 to 6.
    Heading(u8, Line),
    /// Code as it stands, and its language where that is said.
    Code(String, Line),
    /// A table's rows, the first being its head.
    Table(Vec<Vec<Line>>),
    /// A line across.
    Rule,
}

/// A part of an answer that stands by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// What it is.
    pub(super) kind: Kind,
    /// How deep it lies in lists.
    pub(super) depth: usize,
    /// What stands before it, where it begins an item of a list.
    pub(super) marker: Option<String>,
    /// How many quotations it lies in.
    pub(super) quoted: usize,
}

/// Reads an answer. Whatever it holds, each of its words is in a block: HTML is shown as it was written.
pub(super) fn blocks(answer: &str) -> Vec<Block> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader = Reader {
        answer,
        ..Reader::default()
    };
    for (event, source) in Parser::new_ext(answer, options).into_offset_iter() {
        reader.take(event, source);
    }
    reader.end_text();
    reader.blocks
}

#[derive(Default)]
struct Reader<'a> {
    answer: &'a str,
    blocks: Vec<Block>,
    line: Line,
    style: Style,
    /// Numbers of the lists that are open; `None` for those without.
    lists: Vec<Option<u64>>,
    /// The marker of an item that has begun and shown nothing yet.
    marker: Option<String>,
    quoted: usize,
    heading: Option<u8>,
    /// Where the link that is open leads to.
    link: Option<String>,
    code: Option<String>,
    table: Option<Vec<Vec<Line>>>,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, source: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::InlineHtml(text) => self.push(text.into_string(), source),
            Event::Html(text) => {
                self.push(text.trim_end_matches('\n').to_owned(), source);
                self.end_text();
            }
            Event::Code(text) => {
                let style = self.style;
                self.style.code = true;
                let inside = inside_backquotes(self.answer, source, text.len());
                self.push(text.into_string(), inside);
                self.style = style;
            }
            Event::SoftBreak | Event::HardBreak => self.push("\n".to_owned(), source),
            Event::Rule => {
                self.end_text();
                self.block(Kind::Rule);
            }
            Event::TaskListMarker(done) => {
                self.push(if done { "[x] " } else { "[ ] " }.to_owned(), source);
            }
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.push(text.into_string(), source);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.end_text(),
            Tag::Heading { level, .. } => {
                self.end_text();
                self.heading = Some(match level {
                    HeadingLevel::H1 => 1,
                    HeadingLevel::H2 => 2,
                    HeadingLevel::H3 => 3,
                    HeadingLevel::H4 => 4,
                    HeadingLevel::H5 => 5,
                    HeadingLevel::H6 => 6,
                });
            }
            Tag::CodeBlock(kind) => {
                self.end_text();
                self.code = Some(match kind {
                    CodeBlockKind::Fenced(language) => language.into_string(),
                    CodeBlockKind::Indented => String::new(),
                });
            }
            Tag::BlockQuote(_) => {
                self.end_text();
                self.quoted += 1;
            }
            Tag::List(first) => {
                self.end_text();
                self.lists.push(first);
            }
            Tag::Item => {
                self.end_text();
                self.marker = Some(match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}.", *number - 1)
                    }
                    _ => "\u{2022}".to_owned(),
                });
            }
            Tag::Table(_) => {
                self.end_text();
                self.table = Some(Vec::new());
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(rows) = &mut self.table {
                    rows.push(Vec::new());
                }
            }
            Tag::Emphasis => self.style.emphasis = true,
            Tag::Strong => self.style.strong = true,
            Tag::Strikethrough => self.style.struck = true,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.style.link = true;
                self.link = Some(dest_url.into_string());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::HtmlBlock => {
                self.end_text();
            }
            TagEnd::Item => {
                self.end_text();
                // An item that holds nothing is still an item.
                if self.marker.is_some() {
                    self.block(Kind::Text(Vec::new()));
                }
            }
            TagEnd::BlockQuote(_) => {
                self.end_text();
                self.quoted = self.quoted.saturating_sub(1);
            }
            TagEnd::List(_) => {
                self.end_text();
                self.lists.pop();
            }
            TagEnd::TableCell => {
                let line = std::mem::take(&mut self.line);
                if let Some(row) = self.table.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(line);
                }
            }
            TagEnd::Table => {
                if let Some(rows) = self.table.take() {
                    self.block(Kind::Table(rows));
                }
            }
            TagEnd::Emphasis => self.style.emphasis = false,
            TagEnd::Strong => self.style.strong = false,
            TagEnd::Strikethrough => self.style.struck = false,
            TagEnd::Link | TagEnd::Image => {
                self.style.link = false;
                self.end_link();
            }
            _ => {}
        }
    }

    fn push(&mut self, text: String, source: Range<usize>) {
        let style = self.style;
        // Text that goes on is one piece: a parser tells every line of code apart.
        if let Some(last) = self.line.last_mut()
            && last.style == style
            && last.source.end == source.start
            && last.text.len() == last.source.len()
            && text.len() == source.len()
        {
            last.text.push_str(&text);
            last.source.end = source.end;
            return;
        }
        self.line.push(Piece {
            text,
            source,
            style,
        });
    }

    /// Writes out where a link leads to, unless its text says so.
    fn end_link(&mut self) {
        let Some(url) = self.link.take() else { return };
        let last = self.line.last();
        if last.is_some_and(|piece| piece.text == url) {
            return;
        }
        let end = last.map_or(0, |piece| piece.source.end);
        self.line.push(Piece {
            text: format!(" ({url})"),
            source: end..end,
            style: self.style,
        });
    }

    /// Ends the block of running text, heading or code that is open.
    fn end_text(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        if let Some(language) = self.code.take() {
            if let Some(last) = line.last_mut()
                && last.text.ends_with('\n')
            {
                last.text.pop();
                last.source.end -= usize::from(!last.source.is_empty());
            }
            self.block(Kind::Code(language, line));
        } else if let Some(level) = self.heading.take() {
            self.block(Kind::Heading(level, line));
        } else if !line.is_empty() {
            self.block(Kind::Text(line));
        }
    }

    fn block(&mut self, kind: Kind) {
        self.blocks.push(Block {
            kind,
            depth: self.lists.len(),
            marker: self.marker.take(),
            quoted: self.quoted,
        });
    }
}

/// Where code that `length` bytes are shown of stands within its backquotes. It may be shown shorter than it is
/// written: without the one space at each end, and without what quotes its second line.
fn inside_backquotes(answer: &str, source: Range<usize>, length: usize) -> Range<usize> {
    let written = &answer[source.clone()];
    let code = written.trim_matches('`');
    let start = source.start + (written.len() - written.trim_start_matches('`').len());
    let spaces = usize::from(length + 2 == code.len() && code.starts_with(' '));
    start + spaces..start + code.len() - spaces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &[Piece]) -> String {
        line.iter().map(|piece| piece.text.as_str()).collect()
    }

    fn lines(blocks: &[Block]) -> Vec<&Line> {
        blocks
            .iter()
            .flat_map(|block| match &block.kind {
                Kind::Text(line) | Kind::Heading(_, line) | Kind::Code(_, line) => vec![line],
                Kind::Table(rows) => rows.iter().flatten().collect(),
                Kind::Rule => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn blocks_are_told_apart() {
        let answer = "# Title\n\nSome **bold** and `code`.\nNext line.\n\n3. one\n4. two\n   - inner\n\n```rust\nfn main() {}\n\nlet x;\n```\n\n> said\n\n---\n\n|a|b|\n|-|-|\n|1|2|\n";
        let blocks = blocks(answer);
        let kinds: Vec<String> = blocks
            .iter()
            .map(|b| {
                let what = match &b.kind {
                    Kind::Text(line) => format!("text {:?}", words(line)),
                    Kind::Heading(level, line) => format!("h{level} {:?}", words(line)),
                    Kind::Code(language, line) => format!("{language} {:?}", words(line)),
                    Kind::Table(rows) => {
                        format!("table {}x{}", rows.len(), rows[0].len())
                    }
                    Kind::Rule => "rule".to_owned(),
                };
                let marker = b.marker.as_deref().unwrap_or("-");
                format!("{what} {marker} {} {}", b.depth, b.quoted)
            })
            .collect();
        assert_eq!(
            kinds,
            [
                "h1 \"Title\" - 0 0",
                "text \"Some bold and code.\\nNext line.\" - 0 0",
                "text \"one\" 3. 1 0",
                "text \"two\" 4. 1 0",
                "text \"inner\" \u{2022} 2 0",
                "rust \"fn main() {}\\n\\nlet x;\" - 0 0",
                "text \"said\" - 0 1",
                "rule - 0 0",
                "table 2x2 - 0 0",
            ]
        );
    }

    #[test]
    fn pieces_know_where_they_come_from() {
        let answer = "Some **bold** and `code` *slanted*\n\n    let x = 1;\n    let y;\n";
        for piece in lines(&blocks(answer)).into_iter().flatten() {
            if piece.text.len() == piece.source.len() {
                assert_eq!(piece.text, answer[piece.source.clone()], "{piece:?}");
            }
        }
        let all = blocks(answer);
        let Kind::Text(line) = &all[0].kind else {
            panic!("running text first")
        };
        let bold = line.iter().find(|p| p.style.strong).expect("a bold piece");
        assert_eq!((bold.text.as_str(), bold.source.clone()), ("bold", 7..11));
        let code = line.iter().find(|p| p.style.code).expect("code");
        assert_eq!((code.text.as_str(), code.source.clone()), ("code", 19..23));
    }

    #[test]
    fn code_goes_on_in_the_next_line_of_a_quotation() {
        let answer = ">a `b\n> \u{e9}` and `` `c` ``";
        let all = blocks(answer);
        let code: Vec<(&str, &str)> = lines(&all)
            .into_iter()
            .flatten()
            .filter(|piece| piece.style.code)
            .map(|piece| (piece.text.as_str(), &answer[piece.source.clone()]))
            .collect();
        assert_eq!(code, [("b \u{e9}", "b\n> \u{e9}"), ("`c`", "`c`")]);
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_nothing_panics(answer in "[ a-z0-9*_`#>|\\-\n\\[\\]()<>&;!~:\u{e9}\u{1f600}]{0,120}") {
            let blocks = blocks(&answer);
            for piece in lines(&blocks).into_iter().flatten() {
                prop_assert!(answer.get(piece.source.clone()).is_some(), "{piece:?}");
            }
        }
    }
}
