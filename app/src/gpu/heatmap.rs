//! Twin of `shaders/heatmap.wgsl`: its uniforms, its data, and what it computes, in plain Rust.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::cividis::cividis;
use super::colors::{ColorMap, diverging};

/// Columns per block of the data texture; the smallest size that every backend allows is 2,048.
pub const FOLD: usize = 1024;

/// No column is marked.
pub const NO_MARK: u32 = u32::MAX;

/// `Uniforms` of the shader, byte for byte. Colours are gamma-encoded and in 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Uniforms {
    /// Framebuffer pixel of the top left corner of cell (column 0, row 0).
    pub origin: [f32; 2],
    /// Size of a cell in pixels.
    pub cell: [f32; 2],
    /// Cells from top to bottom.
    pub rows: u32,
    /// Cells from left to right.
    pub columns: u32,
    /// Columns per block of the texture.
    pub fold: u32,
    /// Column with an outline, or [`NO_MARK`].
    pub marked: u32,
    /// Value of the first colour.
    pub low: f32,
    /// Value of the last colour.
    pub high: f32,
    /// Pixels between cells; 0 draws no grid.
    pub grid_width: f32,
    /// 1 where the target encodes gamma by itself.
    pub linear_target: u32,
    /// A [`ColorMap`], as a number.
    pub map: u32,
    /// To a multiple of 16 bytes, as WGSL lays structures out.
    pub pad: [u32; 3],
    /// Colour of the grid.
    pub grid_color: [f32; 4],
    /// Colour outside the matrix and of cells that are not numbers.
    pub empty_color: [f32; 4],
    /// Colour of the marked column's outline.
    pub mark_color: [f32; 4],
}

/// Values of a matrix, column by column, so that a streaming row of tokens only appends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matrix {
    /// Cells from top to bottom.
    pub rows: usize,
    /// Shape `[columns, rows]`, row-major.
    pub values: Arc<Vec<f32>>,
    /// Changes whenever old columns change; appended columns leave it as it is.
    pub generation: u64,
}

impl Matrix {
    /// Whole columns.
    pub fn columns(&self) -> usize {
        self.values.len().checked_div(self.rows).unwrap_or(0)
    }

    /// The value at a cell, `None` outside.
    pub fn at(&self, column: usize, row: usize) -> Option<f32> {
        if row >= self.rows {
            return None;
        }
        self.values.get(column * self.rows + row).copied()
    }

    /// Columns that fit into a texture whose sides are at most `side` texels.
    pub fn capacity(rows: usize, side: usize) -> usize {
        side.checked_div(rows).unwrap_or(0) * FOLD.min(side)
    }
}

/// What the shader's `color_at` gives for the centre `pixel`, gamma-encoded: its reference in tests,
/// and the renderer where there is no GPU.
pub fn color_at(uniforms: &Uniforms, matrix: &Matrix, pixel: [f32; 2]) -> [f32; 4] {
    let u = uniforms;
    let x = (pixel[0] - u.origin[0]) / u.cell[0];
    let y = (pixel[1] - u.origin[1]) / u.cell[1];
    if x < 0.0 || y < 0.0 || x >= u.columns as f32 || y >= u.rows as f32 {
        return u.empty_color;
    }
    let (column, row) = (x as u32, y as u32);
    let inside = [(x - x.floor()) * u.cell[0], (y - y.floor()) * u.cell[1]];
    if column == u.marked && (inside[0] < 1.5 || u.cell[0] - inside[0] < 1.5) {
        return u.mark_color;
    }
    if inside[0] < u.grid_width || inside[1] < u.grid_width {
        return u.grid_color;
    }
    match matrix.at(column as usize, row as usize) {
        Some(value) if value.is_finite() => {
            let part = (value - u.low) / (u.high - u.low);
            let [red, green, blue] = if u.map == ColorMap::Diverging as u32 {
                diverging(part)
            } else {
                cividis(part)
            };
            [red, green, blue, 1.0]
        }
        _ => u.empty_color,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniforms() -> Uniforms {
        Uniforms {
            origin: [10.0, 20.0],
            cell: [12.0, 8.0],
            rows: 2,
            columns: 3,
            fold: FOLD as u32,
            marked: NO_MARK,
            low: 0.0,
            high: 1.0,
            grid_width: 1.0,
            linear_target: 0,
            map: 0,
            pad: [0; 3],
            grid_color: [0.1, 0.1, 0.1, 1.0],
            empty_color: [0.2, 0.2, 0.2, 1.0],
            mark_color: [1.0, 1.0, 1.0, 1.0],
        }
    }

    fn matrix() -> Matrix {
        Matrix {
            rows: 2,
            values: Arc::new(vec![0.0, 0.25, 0.5, 0.75, 1.0, f32::NAN]),
            generation: 0,
        }
    }

    #[test]
    fn every_cell_has_its_value() {
        let (u, m) = (uniforms(), matrix());
        for column in 0..3 {
            for row in 0..2 {
                let pixel = [
                    10.0 + 12.0 * column as f32 + 6.5,
                    20.0 + 8.0 * row as f32 + 4.5,
                ];
                let expected = match m.at(column, row) {
                    Some(v) if v.is_finite() => {
                        let [r, g, b] = cividis((v - u.low) / (u.high - u.low));
                        [r, g, b, 1.0]
                    }
                    _ => u.empty_color,
                };
                assert_eq!(
                    color_at(&u, &m, pixel),
                    expected,
                    "column {column}, row {row}"
                );
            }
        }
    }

    #[test]
    fn edges_grid_and_mark() {
        let (mut u, m) = (uniforms(), matrix());
        assert_eq!(color_at(&u, &m, [9.5, 24.5]), u.empty_color);
        assert_eq!(color_at(&u, &m, [10.0 + 36.5, 24.5]), u.empty_color);
        assert_eq!(color_at(&u, &m, [22.5, 24.5]), u.grid_color);
        u.marked = 1;
        assert_eq!(color_at(&u, &m, [22.5, 24.5]), u.mark_color);
        assert_eq!(color_at(&u, &m, [33.5, 24.5]), u.mark_color);
        assert_ne!(color_at(&u, &m, [28.5, 24.5]), u.mark_color);
    }

    #[test]
    fn capacity_follows_the_texture_limit() {
        assert_eq!(Matrix::capacity(32, 2048), 64 * 1024);
        assert_eq!(Matrix::capacity(4096, 2048), 0);
        assert_eq!(Matrix::capacity(0, 2048), 0);
        assert_eq!(
            Matrix {
                rows: 0,
                ..Matrix::default()
            }
            .columns(),
            0
        );
    }
}
