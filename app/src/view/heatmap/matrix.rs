//! The matrix: rows × tokens, drawn by the shader; without a GPU, cell by cell.

use egui::epaint::{Mesh, Shape};
use egui::{
    Align2, FontId, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
    accesskit::Role, pos2, vec2,
};

use crate::gpu::heatmap::{FOLD, NO_MARK};
use crate::gpu::{ColorMap, HeatmapCallback, Matrix, Uniforms};
use crate::theme::Tokens;

/// What part of the tokens is looked at: all of them until a person changes it.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::view) struct Window {
    /// First column and number of columns, both with fractions.
    chosen: Option<(f32, f32)>,
}

/// A cell, as column and row.
pub(in crate::view) type CellIndex = (usize, usize);

/// What the columns are.
#[derive(Debug, Clone, Copy)]
pub(in crate::view) enum Axis<'a> {
    /// Tokens, by number.
    Tokens,
    /// Things with names.
    Names(&'a [String]),
}

/// What the matrix shows.
pub(in crate::view) struct MatrixInput<'a> {
    pub matrix: &'a Matrix,
    /// One label per row.
    pub labels: &'a [String],
    /// A colour beside each label, or none.
    pub swatches: &'a [egui::Color32],
    /// First and last value of the colour scale.
    pub scale: [f32; 2],
    /// Its colours.
    pub map: ColorMap,
    /// The column under the cursor.
    pub marked: Option<usize>,
    /// What the columns are.
    pub axis: Axis<'a>,
    /// What the colours are, below their bar.
    pub bar: &'a str,
    /// What the panel is called by assistive technology.
    pub name: &'a str,
    /// What the cursor's cell is, in words.
    pub value: String,
    /// Format of what egui renders to, where there is a GPU.
    pub target: Option<wgpu::TextureFormat>,
}

/// What happened to the matrix.
pub(in crate::view) struct MatrixOutput {
    pub response: Response,
    pub hovered: Option<CellIndex>,
}

/// Fewest columns that can be zoomed to.
const CLOSEST: f32 = 4.0;

/// Cells of at least so many points get a grid.
const GRID_FROM: f32 = 7.0;

/// Shows the matrix in the room that is left.
pub(in crate::view) fn show(
    ui: &mut Ui,
    window: &mut Window,
    input: &MatrixInput<'_>,
) -> MatrixOutput {
    let tokens = Tokens::of(ui);
    let font = FontId::proportional(12.5);
    let label_width = label_width(ui, input, &font);
    let room = ui.available_rect_before_wrap();
    let (columns, rows) = (input.matrix.columns(), input.matrix.rows.max(1));
    // The colour bar at the right, the axis of tokens below.
    let most = pos2(room.right() - 62.0, room.bottom() - 38.0);
    let height = (most.y - room.top()).clamp(40.0, (rows as f32 * 40.0).max(90.0));
    let body = Rect::from_min_max(
        pos2(room.left() + label_width, room.top()),
        pos2(
            most.x.max(room.left() + label_width + 40.0),
            room.top() + height,
        ),
    );
    let response = ui.allocate_rect(body, Sense::click_and_drag());
    let (first, wide) = navigate(ui, window, &response, columns);
    let cell = vec2(body.width() / wide, body.height() / rows as f32);
    let origin = pos2(body.left() - first * cell.x, body.top());
    paint_cells(ui, input, body, origin, [cell.x, cell.y]);
    let hovered = response
        .hover_pos()
        .and_then(|pointer| place_at(pointer, origin, [cell.x, cell.y], columns, rows));
    if let Some((column, row)) = hovered {
        let rect = Rect::from_min_size(
            origin + vec2(column as f32 * cell.x, row as f32 * cell.y),
            cell,
        );
        ui.painter().with_clip_rect(body).rect_stroke(
            rect,
            0.0,
            Stroke::new(2.0, tokens.text),
            StrokeKind::Outside,
        );
    }
    row_labels(
        ui,
        input,
        Rect::from_min_max(pos2(room.left(), body.top()), body.left_bottom()),
        cell.y,
        &font,
    );
    match input.axis {
        Axis::Tokens => column_axis(ui, body, first, wide, columns),
        Axis::Names(names) => column_names(ui, body, first, wide, names),
    }
    let bar = Rect::from_min_size(
        pos2(body.right() + 12.0, body.top()),
        vec2(12.0, body.height()),
    );
    super::bar::vertical(ui, bar, input.scale, input.map, input.bar);
    if response.has_focus() {
        ui.painter().rect_stroke(
            body.expand(2.0),
            2.0,
            Stroke::new(2.0, tokens.focus),
            StrokeKind::Outside,
        );
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, input.name));
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_value(input.value.as_str()));
    ui.advance_cursor_after_rect(Rect::from_min_max(
        room.min,
        pos2(room.right(), body.bottom() + 36.0),
    ));
    MatrixOutput { response, hovered }
}

/// Drag moves, the wheel zooms, a double click shows all. Returns the first column and how many are shown.
fn navigate(ui: &Ui, window: &mut Window, response: &Response, columns: usize) -> (f32, f32) {
    let all = (columns as f32).max(1.0);
    if response.double_clicked() {
        window.chosen = None;
    }
    let (mut first, mut wide) = window.chosen.unwrap_or((0.0, all));
    let width = response.rect.width();
    if let Some(pointer) = response.hover_pos().filter(|_| response.contains_pointer()) {
        let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta, input.zoom_delta()));
        let factor = (scroll.y / 240.0).exp() * pinch;
        if factor != 1.0 {
            let at = (pointer.x - response.rect.left()) / width;
            let wanted = (wide / factor).clamp(CLOSEST.min(all), all);
            first += at * (wide - wanted);
            wide = wanted;
            window.chosen = Some((first, wide));
        }
        if scroll.x != 0.0 {
            first -= scroll.x / width * wide;
            window.chosen = Some((first, wide));
        }
    }
    if response.dragged() {
        first -= response.drag_delta().x / width * wide;
        window.chosen = Some((first, wide));
    }
    let wide = wide.min(all);
    let first = first.clamp(0.0, all - wide);
    if let Some(chosen) = &mut window.chosen {
        *chosen = (first, wide);
    }
    (first, wide)
}

fn place_at(
    pointer: Pos2,
    origin: Pos2,
    cell: [f32; 2],
    columns: usize,
    rows: usize,
) -> Option<CellIndex> {
    let offset = pointer - origin;
    if offset.x < 0.0 || offset.y < 0.0 {
        return None;
    }
    let (column, row) = ((offset.x / cell[0]) as usize, (offset.y / cell[1]) as usize);
    (column < columns && row < rows).then_some((column, row))
}

fn paint_cells(ui: &Ui, input: &MatrixInput<'_>, body: Rect, origin: Pos2, cell: [f32; 2]) {
    let tokens = Tokens::of(ui);
    let columns = input.matrix.columns();
    let painter = ui.painter().with_clip_rect(body.intersect(ui.clip_rect()));
    painter.rect_filled(body, 0.0, tokens.card);
    if columns == 0 {
        return;
    }
    let grid = cell[0] >= GRID_FROM && cell[1] >= GRID_FROM;
    if let Some(target) = input.target {
        let uniforms = Uniforms {
            origin: [origin.x, origin.y],
            cell,
            rows: input.matrix.rows as u32,
            columns: columns as u32,
            fold: FOLD as u32,
            marked: input.marked.map_or(NO_MARK, |column| column as u32),
            low: input.scale[0],
            high: input.scale[1],
            grid_width: f32::from(u8::from(grid)),
            linear_target: 0,
            map: input.map as u32,
            pad: [0; 3],
            grid_color: rgba(tokens.card),
            empty_color: rgba(tokens.card),
            mark_color: rgba(tokens.text),
        };
        let callback = HeatmapCallback {
            key: ui.scope_id().with(input.name).value(),
            matrix: input.matrix.clone(),
            uniforms,
            target,
        };
        painter.add(callback.shape(body));
        return;
    }
    let gap = if grid { 1.0 } else { 0.0 };
    let first = (((body.left() - origin.x) / cell[0]).max(0.0)) as usize;
    let last = ((((body.right() - origin.x) / cell[0]).ceil()).max(0.0) as usize).min(columns);
    let mut mesh = Mesh::default();
    for column in first..last {
        for row in 0..input.matrix.rows {
            let Some(value) = input
                .matrix
                .at(column, row)
                .filter(|value| value.is_finite())
            else {
                continue;
            };
            let corner = origin + vec2(column as f32 * cell[0] + gap, row as f32 * cell[1] + gap);
            let rect = Rect::from_min_size(corner, vec2(cell[0] - gap, cell[1] - gap));
            let [low, high] = input.scale;
            mesh.add_colored_rect(rect, input.map.color((value - low) / (high - low)));
        }
    }
    painter.add(Shape::mesh(mesh));
    if let Some(column) = input.marked {
        let left = origin.x + column as f32 * cell[0];
        let rect = Rect::from_min_max(pos2(left, body.top()), pos2(left + cell[0], body.bottom()));
        painter.rect_stroke(rect, 0.0, Stroke::new(1.5, tokens.text), StrokeKind::Inside);
    }
}

fn rgba(color: egui::Color32) -> [f32; 4] {
    color.to_normalized_gamma_f32()
}

fn label_width(ui: &Ui, input: &MatrixInput<'_>, font: &FontId) -> f32 {
    let widest = input
        .labels
        .iter()
        .map(|label| {
            ui.painter()
                .layout_no_wrap(label.clone(), font.clone(), egui::Color32::WHITE)
                .size()
                .x
        })
        .fold(0.0, f32::max);
    let swatch = if input.swatches.is_empty() {
        0.0
    } else {
        SWATCH
    };
    (widest + swatch + 12.0).clamp(28.0, 180.0)
}

/// Width of the column of swatches.
const SWATCH: f32 = 18.0;

/// A label per row, as many as have room: numbers to the right, names behind their swatches.
fn row_labels(ui: &Ui, input: &MatrixInput<'_>, place: Rect, height: f32, font: &FontId) {
    let tokens = Tokens::of(ui);
    let every = (15.0 / height).ceil().max(1.0) as usize;
    for (row, label) in input.labels.iter().enumerate().step_by(every) {
        let y = place.top() + (row as f32 + 0.5) * height;
        let Some(&color) = input.swatches.get(row) else {
            ui.painter().text(
                pos2(place.right() - 8.0, y),
                Align2::RIGHT_CENTER,
                label,
                font.clone(),
                tokens.weak,
            );
            continue;
        };
        let swatch = Rect::from_center_size(pos2(place.left() + 6.0, y), vec2(12.0, 12.0));
        ui.painter().rect(
            swatch,
            2.0,
            color,
            Stroke::new(1.0, tokens.outline),
            StrokeKind::Inside,
        );
        ui.painter().text(
            pos2(place.left() + SWATCH, y),
            Align2::LEFT_CENTER,
            label,
            font.clone(),
            tokens.weak,
        );
    }
}

/// Numbers of tokens below the matrix.
fn column_axis(ui: &Ui, body: Rect, first: f32, wide: f32, columns: usize) {
    let tokens = Tokens::of(ui);
    let font = FontId::proportional(12.0);
    let wanted = wide / (body.width() / 48.0);
    let step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
        .into_iter()
        .find(|&step| step as f32 >= wanted)
        .unwrap_or(10_000);
    let start = (first as usize).div_ceil(step) * step;
    for column in (start..columns).step_by(step) {
        let x = body.left() + (column as f32 + 0.5 - first) / wide * body.width();
        if x > body.right() {
            break;
        }
        ui.painter().line_segment(
            [pos2(x, body.bottom()), pos2(x, body.bottom() + 4.0)],
            Stroke::new(1.0, tokens.weak),
        );
        ui.painter().text(
            pos2(x, body.bottom() + 5.0),
            Align2::CENTER_TOP,
            column,
            font.clone(),
            tokens.weak,
        );
    }
    let middle = pos2(body.center().x, body.bottom() + 20.0);
    ui.painter().text(
        middle,
        Align2::CENTER_TOP,
        "token",
        FontId::proportional(13.0),
        tokens.text,
    );
}

/// Names below the matrix, cut to the width of their columns.
fn column_names(ui: &Ui, body: Rect, first: f32, wide: f32, names: &[String]) {
    let tokens = Tokens::of(ui);
    let width = body.width() / wide;
    for (column, name) in names.iter().enumerate() {
        let left = body.left() + (column as f32 - first) * width;
        if left + width * 0.5 < body.left() || left + width * 0.5 > body.right() {
            continue;
        }
        let mut job = egui::text::LayoutJob::single_section(
            name.clone(),
            egui::TextFormat::simple(FontId::proportional(12.0), tokens.weak),
        );
        job.wrap = egui::text::TextWrapping {
            max_width: (width - 4.0).max(8.0),
            max_rows: 2,
            ..Default::default()
        };
        job.halign = egui::Align::Center;
        let galley = ui.painter().layout_job(job);
        let place = pos2(left + width * 0.5, body.bottom() + 4.0);
        ui.painter().galley(place, galley, tokens.weak);
    }
}
