//! Marks on an answer's bytes, and text laid out with them.

use std::ops::Range;

use egui::Stroke;
use egui::text::{LayoutJob, TextFormat};

use super::markdown::Piece;
use crate::theme::Tokens;

/// What a stretch of an answer is marked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The gates changed here.
    Steered,
    /// The other answer has not got it.
    Differs,
}

/// Stretches of the answer's bytes, in any order.
pub(super) type Marks = Vec<(Range<usize>, Mark)>;

/// Appends a piece, cut where marks begin and end.
pub(super) fn append(
    job: &mut LayoutJob,
    piece: &Piece,
    format: &TextFormat,
    marks: &[(Range<usize>, Mark)],
    tokens: &Tokens,
) {
    let Range { start, end } = piece.source;
    // A piece that is no copy of the answer's bytes is marked as a whole.
    let verbatim = piece.text.len() == end - start;
    let touching: Vec<&(Range<usize>, Mark)> = marks
        .iter()
        .filter(|(range, _)| range.start < end && range.end > start)
        .collect();
    let mut cuts = vec![0, piece.text.len()];
    if verbatim {
        let inside = touching
            .iter()
            .flat_map(|(range, _)| [range.start.max(start) - start, range.end.min(end) - start])
            .filter(|at| piece.text.is_char_boundary(*at));
        cuts.extend(inside);
    }
    cuts.sort_unstable();
    cuts.dedup();
    for (from, to) in cuts.iter().zip(cuts.iter().skip(1)) {
        let mut format = format.clone();
        for (range, mark) in &touching {
            let covers = !verbatim || (range.start <= start + from && range.end >= start + to);
            if covers {
                paint(&mut format, *mark, tokens);
            }
        }
        job.append(&piece.text[*from..*to], 0.0, format);
    }
}

fn paint(format: &mut TextFormat, mark: Mark, tokens: &Tokens) {
    match mark {
        Mark::Steered => format.background = tokens.warn.gamma_multiply(0.30),
        // A line as well as a shade: not by colour alone.
        Mark::Differs => {
            if format.background == egui::Color32::TRANSPARENT {
                format.background = tokens.accent.gamma_multiply(0.16);
            }
            format.underline = Stroke::new(1.5, tokens.accent.gamma_multiply(0.8));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(piece: &Piece, marks: &[(Range<usize>, Mark)]) -> Vec<(String, bool)> {
        let mut job = LayoutJob::default();
        append(
            &mut job,
            piece,
            &TextFormat::default(),
            marks,
            &Tokens::DARK,
        );
        job.sections
            .iter()
            .map(|s| {
                let text = job.text[s.byte_range.start.0..s.byte_range.end.0].to_owned();
                (text, s.format.underline.width > 0.0)
            })
            .collect()
    }

    #[test]
    fn a_piece_is_cut_where_a_mark_begins_and_ends() {
        let piece = Piece {
            text: "one two three".into(),
            source: 10..23,
            style: Default::default(),
        };
        let marks = [(14..17, Mark::Differs), (0..5, Mark::Steered)];
        let want = [("one ", false), ("two", true), (" three", false)]
            .map(|(text, marked)| (text.to_owned(), marked));
        assert_eq!(laid(&piece, &marks), want);
        // Where the text is not the answer's own bytes, all of it is marked.
        let entity = Piece {
            text: "&".into(),
            source: 10..15,
            style: Default::default(),
        };
        let marks = [(11..12, Mark::Differs)];
        assert_eq!(laid(&entity, &marks), [("&".to_owned(), true)]);
    }
}
