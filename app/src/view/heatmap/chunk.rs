//! A piece of the token strip: up to [`CELLS`] cells laid out once, painted as text and one mesh.

use std::ops::Range;
use std::sync::Arc;

use egui::Painter;
use egui::epaint::text::{LayoutJob, TextFormat, TextWrapping};
use egui::epaint::{Color32, FontId, Galley, Mesh, Pos2, Rect, Shape, Vec2, pos2, vec2};

/// Cells of a chunk. Only the last chunk is laid out again while a run streams.
pub(super) const CELLS: usize = 96;

/// Height of the bar of shares under a token, which carries the letter of the loudest expert.
pub(super) const BAR: f32 = 11.0;

/// How a cell looks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CellLook {
    /// What is shown: the text, with marks for what has no ink.
    pub text: String,
    /// Behind the text.
    pub ground: Color32,
    /// The text.
    pub ink: Color32,
    /// Parts of the bar from left to right: share and colour.
    pub bar: Vec<(f32, Color32)>,
    /// Letter of the loudest expert on the bar, where there is room.
    pub letter: Option<(char, Color32)>,
}

/// A laid-out chunk.
pub(super) struct Chunk {
    cells: Range<usize>,
    looks: Vec<CellLook>,
    /// Where its first row begins: its chunk goes on in the row in which the last one ended.
    lead: f32,
    lift: f32,
    galley: Arc<Galley>,
    /// Cell and rectangle, in order; a wrapped cell has several.
    rects: Vec<(usize, Rect)>,
    painted: Option<(Pos2, Arc<Mesh>)>,
}

/// Where the next chunk goes on, from the origin of this one.
pub(super) struct End {
    /// In the last row.
    pub x: f32,
    /// Top of the last row.
    pub y: f32,
    /// Below the last row.
    pub bottom: f32,
}

/// Font and width of the strip.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    pub font: FontId,
    pub row_height: f32,
    /// How far the text moves up from the middle of its row, where egui puts it, to make room for the bar.
    pub lift: f32,
    pub width: f32,
}

impl Chunk {
    /// Whether it can be kept as it is.
    pub(super) fn is(
        &self,
        cells: &Range<usize>,
        looks: &[CellLook],
        lead: f32,
        setting: &Setting,
    ) -> bool {
        self.cells == *cells
            && self.lead == lead
            && self.galley.job.wrap.max_width == setting.width
            && self.looks == looks
    }

    /// Lays cells out.
    pub(super) fn new(
        ctx: &egui::Context,
        cells: Range<usize>,
        looks: Vec<CellLook>,
        lead: f32,
        setting: &Setting,
    ) -> Self {
        let mut job = LayoutJob {
            wrap: TextWrapping {
                max_width: setting.width,
                break_anywhere: false,
                ..TextWrapping::default()
            },
            first_row_min_height: setting.row_height,
            keep_trailing_whitespace: true,
            ..LayoutJob::default()
        };
        let mut chars = Vec::with_capacity(looks.len());
        for (i, look) in looks.iter().enumerate() {
            let format = TextFormat {
                font_id: setting.font.clone(),
                color: look.ink,
                line_height: Some(setting.row_height),
                ..TextFormat::default()
            };
            job.append(&look.text, if i == 0 { lead } else { 0.0 }, format);
            chars.push(look.text.chars().count());
        }
        let galley = ctx.fonts_mut(|fonts| fonts.layout_job(job));
        let rects = rects(&galley, &cells, &chars);
        Self {
            cells,
            looks,
            lead,
            lift: setting.lift,
            galley,
            rects,
            painted: None,
        }
    }

    /// Where the next chunk goes on.
    pub(super) fn end(&self) -> End {
        self.galley.rows.last().map_or(
            End {
                x: self.lead,
                y: 0.0,
                bottom: 0.0,
            },
            |row| {
                let rect = row.rect();
                End {
                    x: rect.right(),
                    y: rect.top(),
                    bottom: rect.bottom(),
                }
            },
        )
    }

    /// Height of all rows.
    pub(super) fn height(&self) -> f32 {
        self.end().bottom
    }

    /// Paints at a place.
    pub(super) fn paint(&mut self, painter: &Painter, origin: Pos2) {
        let mesh = match &self.painted {
            Some((place, mesh)) if *place == origin => Arc::clone(mesh),
            _ => {
                let mesh = Arc::new(self.mesh(origin));
                self.painted = Some((origin, Arc::clone(&mesh)));
                mesh
            }
        };
        painter.add(Shape::Mesh(mesh));
        painter.galley(
            origin - vec2(0.0, self.lift),
            Arc::clone(&self.galley),
            Color32::PLACEHOLDER,
        );
        for (cell, rect) in &self.rects {
            let Some(look) = self.looks.get(cell - self.cells.start) else {
                continue;
            };
            if let Some((letter, ink)) = look.letter
                && rect.width() >= 5.0
            {
                let place =
                    pos2(rect.center().x, rect.bottom() - BAR / 2.0 - GAP) + origin.to_vec2();
                painter.text(
                    place,
                    egui::Align2::CENTER_CENTER,
                    letter,
                    FontId::proportional(9.5),
                    ink,
                );
            }
        }
    }

    /// The cell at a place, from the origin of the chunk.
    pub(super) fn at(&self, place: Pos2) -> Option<usize> {
        self.rects
            .iter()
            .find(|(_, rect)| rect.contains(place))
            .map(|(cell, _)| *cell)
    }

    /// Rectangles of a cell, from the origin of the chunk.
    pub(super) fn rects_of(&self, cell: usize) -> impl Iterator<Item = Rect> {
        self.rects
            .iter()
            .filter(move |(c, _)| *c == cell)
            .map(|(_, rect)| *rect)
    }

    /// What the cells show, joined.
    pub(super) fn cells(&self) -> &Range<usize> {
        &self.cells
    }

    fn mesh(&self, origin: Pos2) -> Mesh {
        let mut mesh = Mesh::default();
        let shift = origin.to_vec2();
        for (cell, rect) in &self.rects {
            let Some(look) = self.looks.get(cell - self.cells.start) else {
                continue;
            };
            let rect = rect.translate(shift);
            let top = rect.bottom() - BAR - GAP;
            let ground =
                Rect::from_min_max(rect.min + vec2(0.5, 0.0), pos2(rect.right() - 0.5, top));
            mesh.add_colored_rect(ground, look.ground);
            let mut left = ground.left();
            for &(share, color) in &look.bar {
                let right = left + share * ground.width();
                mesh.add_colored_rect(
                    Rect::from_min_max(pos2(left, top), pos2(right, top + BAR)),
                    color,
                );
                left = right;
            }
        }
        mesh
    }
}

/// Left free below the bars, between rows.
const GAP: f32 = 5.0;

/// Rectangles of cells: per row, around the glyphs of the cell, as high as the row.
pub(in crate::view) fn rects(
    galley: &Galley,
    cells: &Range<usize>,
    chars: &[usize],
) -> Vec<(usize, Rect)> {
    let mut rects: Vec<(usize, Rect)> = Vec::with_capacity(chars.len());
    // Walks glyphs and cells together: one glyph or line break per character.
    let (mut cell, mut left) = (0, chars.first().copied().unwrap_or(0));
    for row in &galley.rows {
        let mut in_row: Option<usize> = None;
        let breaks = usize::from(row.ends_with_newline);
        for glyph in row
            .row
            .glyphs
            .iter()
            .map(Some)
            .chain(std::iter::repeat_n(None, breaks))
        {
            while left == 0 && cell + 1 < chars.len() {
                cell += 1;
                left = chars[cell];
                in_row = None;
            }
            left = left.saturating_sub(1);
            let Some(glyph) = glyph else { continue };
            let offset: Vec2 = row.pos.to_vec2();
            let rect = Rect::from_min_max(
                pos2(glyph.pos.x + offset.x, row.rect().top()),
                pos2(glyph.max_x() + offset.x, row.rect().bottom()),
            );
            match in_row.and_then(|i| rects.get_mut(i)) {
                Some((_, known)) => *known = known.union(rect),
                None => {
                    in_row = Some(rects.len());
                    rects.push((cells.start + cell, rect));
                }
            }
        }
    }
    rects
}

/// What a token's text looks like: marks for characters without ink, the text otherwise as it is.
pub(super) fn visible(text: &str, tokens: usize) -> String {
    let mut shown = String::with_capacity(text.len() + 4);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("¶\n"),
            '\t' => shown.push_str("»   "),
            '\r' => shown.push('¬'),
            _ => shown.push(character),
        }
    }
    if tokens > 1 {
        shown.push_str(&format!("‹{tokens}›"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> CellLook {
        CellLook {
            text: text.to_owned(),
            ground: Color32::BLACK,
            ink: Color32::WHITE,
            bar: Vec::new(),
            letter: None,
        }
    }

    fn laid_out(texts: &[&str], lead: f32, width: f32) -> Chunk {
        let ctx = egui::Context::default();
        let mut chunk = None;
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            let setting = Setting {
                font: FontId::proportional(14.0),
                row_height: 26.0,
                lift: 0.0,
                width,
            };
            let looks = texts.iter().map(|text| look(text)).collect();
            chunk = Some(Chunk::new(
                ui.ctx(),
                10..10 + texts.len(),
                looks,
                lead,
                &setting,
            ));
        });
        output.textures_delta.clear();
        chunk.expect("the closure ran")
    }

    #[test]
    fn cells_stand_side_by_side_in_order() {
        let chunk = laid_out(&["one", " two", " three"], 0.0, 500.0);
        let cells: Vec<usize> = chunk.rects.iter().map(|(cell, _)| *cell).collect();
        assert_eq!(cells, [10, 11, 12]);
        for pair in chunk.rects.windows(2) {
            assert!(
                (pair[0].1.right() - pair[1].1.left()).abs() < 1.5,
                "{pair:?}"
            );
            assert_eq!(pair[0].1.top(), pair[1].1.top());
        }
        assert_eq!(chunk.at(chunk.rects[1].1.center()), Some(11));
    }

    #[test]
    fn a_break_moves_the_next_cell_down_and_keeps_the_count() {
        let chunk = laid_out(&["one", "¶\n", "¶\n", "four"], 0.0, 500.0);
        let cells: Vec<usize> = chunk.rects.iter().map(|(cell, _)| *cell).collect();
        assert_eq!(cells, [10, 11, 12, 13]);
        assert!(chunk.rects[3].1.top() > chunk.rects[1].1.top());
        assert!(chunk.rects[3].1.left() < 1.0);
    }

    #[test]
    fn a_chunk_goes_on_in_the_row_of_the_last() {
        let chunk = laid_out(&["word"], 120.0, 500.0);
        assert!((chunk.rects[0].1.left() - 120.0).abs() < 1.0);
        assert!(chunk.end().x > 120.0);
        let wrapped = laid_out(&["a long enough word to wrap"], 120.0, 160.0);
        assert!(wrapped.rects.len() > 1, "one rectangle per row");
        assert!(wrapped.rects.iter().all(|(cell, _)| *cell == 10));
    }

    #[test]
    fn ink_for_what_has_none() {
        assert_eq!(visible("a\tb\n", 1), "a»   b¶\n");
        assert_eq!(visible("漢", 3), "漢‹3›");
    }
}
