//! The gates of an answer, token by token: as coloured text and as a matrix of tokens and experts.

mod heatmap;
mod strip;

use serde::{Deserialize, Serialize};

use super::common::paragraph;
use super::sheet::Entry;
use crate::color::{Paint, Rgb, category};
use crate::error::{Error, Result};
use crate::figure::{Figure, Look};
use crate::scene::{Anchor, Mark, Rect, Text};
use crate::table::{Cell, Column, Kind, Table};
use crate::words;

/// An expert, a column of gates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expert {
    /// Its name.
    pub name: String,
    /// Its letter, or number for a value vector.
    pub letter: char,
    /// Its category of colour.
    pub color: usize,
}

/// A piece of the answer with the gates that wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Its text, spaces and all.
    pub text: String,
    /// One per expert.
    pub gates: Vec<f64>,
}

/// What both plots of gates are drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gates {
    /// The figure's title.
    pub title: String,
    /// The experts, in the order of each token's gates.
    pub experts: Vec<Expert>,
    /// The answer.
    pub tokens: Vec<Token>,
    /// Which modules the gates are means over, in words: `mean of 28 modules`.
    pub site: String,
    /// What was asked.
    pub prompt: String,
    /// Further sentences of the caption: the point, how the example was chosen.
    pub notes: Vec<String>,
    /// Where the numbers come from, for the file beside the figure.
    pub facts: Vec<(String, String)>,
}

/// The loudest expert of a token.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Top {
    /// One of them, with its share.
    One(usize, f64),
    /// Several are as loud as each other.
    Tie(f64),
}

/// Shares within this of each other are alike.
const ALIKE: f64 = 1e-4;

impl Gates {
    /// The answer as text, coloured by its loudest experts, with a bar of shares under each token.
    pub fn strip(&self, look: &Look) -> Result<Figure> {
        strip::draw(self, look)
    }

    /// Gates as a matrix, experts by tokens, under a strip of the loudest experts.
    pub fn heatmap(&self, look: &Look) -> Result<Figure> {
        heatmap::draw(self, look)
    }

    fn check(&self) -> Result<()> {
        if self.tokens.is_empty() || self.experts.is_empty() {
            return Err(Error::Empty {
                what: "no gates were recorded".to_owned(),
            });
        }
        let wrong = |(_, token): &(usize, &Token)| token.gates.len() != self.experts.len();
        if let Some((index, token)) = self.tokens.iter().enumerate().find(wrong) {
            return Err(Error::Count {
                what: format!("gates of token {}", index + 1),
                got: token.gates.len(),
                wanted: self.experts.len(),
            });
        }
        Ok(())
    }

    fn caption(&self, what: &str) -> String {
        let mut sentences = Vec::new();
        if !self.prompt.is_empty() {
            sentences.push(format!("Prompt: \u{201c}{}\u{201d}", self.prompt.trim()));
        }
        let tokens = words::count(self.tokens.len(), "token");
        sentences.push(format!("{what} {}, {tokens}", self.site));
        sentences.extend(self.notes.iter().cloned());
        paragraph(sentences)
    }

    fn table(&self) -> Result<Table> {
        let first = [
            Column::new("token", Kind::Integer),
            Column::new("text", Kind::Text),
        ];
        let experts = self.experts.iter();
        let gates = experts.map(|expert| Column::new(&expert.name, Kind::Number));
        let mut table = Table::new(first.into_iter().chain(gates));
        for (index, token) in self.tokens.iter().enumerate() {
            let mut row: Vec<Cell> = vec![index.into(), token.text.clone().into()];
            row.extend(token.gates.iter().map(|&gate| gate.into()));
            table.push(row)?;
        }
        Ok(table)
    }

    /// Letters, colours and names, with each expert's mean share.
    fn legend(&self) -> Vec<Entry<'_>> {
        let shares: Vec<Vec<f64>> = self
            .tokens
            .iter()
            .filter_map(|t| shares(&t.gates))
            .collect();
        let entries = self.experts.iter().enumerate().map(|(index, expert)| {
            let sum: f64 = shares.iter().map(|shares| shares[index]).sum();
            let mean = 100.0 * sum / shares.len().max(1) as f64;
            let words = format!("{} {mean:.0} %", expert.name);
            Entry::new(3.2, words, move |[x, y]| {
                let rect = Rect::new(x - 1.5, y - 1.5, 3.0, 3.0);
                lettered(rect, expert.letter, category(expert.color))
            })
        });
        entries.collect()
    }

    /// What a tooltip says of a token.
    fn words(&self, token: &Token) -> String {
        let gates = self.experts.iter().zip(&token.gates);
        let lines = gates.map(|(expert, gate)| format!("{} {}", expert.name, words::value(*gate)));
        let lines: Vec<String> = lines.collect();
        format!("\u{201c}{}\u{201d}\n{}", token.text, lines.join("\n"))
    }

    /// The colour and the letter of a token's loudest expert.
    fn top(&self, token: &Token) -> Option<(Rgb, char, f64)> {
        /// Nobody's colour.
        const TIE: Rgb = Rgb(0x52, 0x5E, 0x6C);
        match top(&shares(&token.gates)?)? {
            Top::One(index, share) => {
                let expert = self.experts.get(index)?;
                Some((category(expert.color), expert.letter, share))
            }
            Top::Tie(share) => Some((TIE, '=', share)),
        }
    }
}

/// A swatch with a letter.
fn lettered(rect: Rect, letter: char, color: Rgb) -> Vec<Mark> {
    const SIZE: f64 = 1.9;
    let [x, y] = rect.centre();
    let text = Text::new([x, y + 0.36 * SIZE], letter, SIZE).strong();
    let text = text.anchor(Anchor::Middle).paint(Paint::Is(color.ink()));
    vec![Mark::filled(rect, Paint::Is(color)), text.into()]
}

/// Gates as parts of their sum; `None` where nobody speaks, or a gate is negative or not finite.
fn shares(gates: &[f64]) -> Option<Vec<f64>> {
    let sum: f64 = gates.iter().sum();
    let valid = gates.iter().all(|gate| gate.is_finite() && *gate >= 0.0);
    (valid && sum > 0.0).then(|| gates.iter().map(|gate| gate / sum).collect())
}

fn top(shares: &[f64]) -> Option<Top> {
    let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut loudest = shares
        .iter()
        .enumerate()
        .filter(|(_, s)| most - **s <= ALIKE);
    let (first, _) = loudest.next()?;
    Some(match loudest.next() {
        Some(_) => Top::Tie(most),
        None => Top::One(first, most),
    })
}

/// What a token's text looks like in one line: marks for characters without ink.
fn visible(text: &str) -> String {
    let shown = text.chars().map(|c| match c {
        '\n' => '¶',
        '\t' => '»',
        '\r' => '¬',
        c => c,
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_is_one_or_a_tie() {
        assert_eq!(top(&[0.2, 0.5, 0.3]), Some(Top::One(1, 0.5)));
        assert_eq!(top(&[0.4, 0.4, 0.2]), Some(Top::Tie(0.4)));
        assert_eq!(top(&[]), None);
        assert_eq!(shares(&[1.0, 3.0]), Some(vec![0.25, 0.75]));
        assert_eq!(shares(&[0.0, 0.0]), None);
        assert_eq!(shares(&[-1.0, 3.0]), None);
        assert_eq!(shares(&[f64::NAN, 3.0]), None);
    }
}
