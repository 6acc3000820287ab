//! Markers: shape and letter carry what colour alone must not.

use egui::{Align2, Color32, FontId, Painter, Pos2, Shape, Stroke, Ui, Vec2, pos2, vec2};

use paretoscope_core::types::{BundleInfo, Channel, ExpertKind, Point};

use crate::theme::{
    Marker, category, expert_color, expert_letter, expert_marker, ink_on, mixed, value_letter,
};

/// Which letter an expert has, by its place in the bundle: LoRA experts in the bank's order, then routers.
/// For LoRA experts it is their colour as well.
pub fn expert_slot(info: &BundleInfo, expert: usize) -> usize {
    match info.channel(expert) {
        Some(Channel::Adapter(index)) => index,
        Some(Channel::Router(index)) => info.lora_experts() + index,
        None => expert,
    }
}

/// An adapter's letter, or number where it is a value vector, among adapters of which the first `experts` are
/// LoRA experts.
pub fn adapter_letter(experts: usize, adapter: usize) -> char {
    if adapter < experts {
        expert_letter(adapter)
    } else {
        value_letter(adapter - experts)
    }
}

/// An adapter's name with its letter, and its kind where it is no LoRA expert: both kinds may have the same names.
pub fn adapter_title(experts: usize, adapter: usize, name: &str) -> String {
    let letter = adapter_letter(experts, adapter);
    if adapter < experts {
        format!("{letter}  {name}")
    } else {
        format!("{letter}  {name} (value)")
    }
}

/// An objective's colour: that of its own LoRA expert, where it has one.
pub fn objective_color(info: &BundleInfo, objective: usize) -> Color32 {
    let own = info.experts.iter().enumerate().find(|(_, expert)| {
        let share = expert.preference.as_slice().get(objective);
        expert.kind == ExpertKind::Lora && share.is_some_and(|share| *share == 1.0)
    });
    category(own.map_or(objective, |(expert, _)| expert_slot(info, expert)))
}

/// A point's colour: those of its objectives, mixed by their shares. The base model, which has none, is grey.
pub fn point_color(info: &BundleInfo, point: &Point) -> Color32 {
    const BASE: Color32 = Color32::from_rgb(0x8c, 0x96, 0xa3);
    let of_value = |index: usize| {
        let name = info.values.get(index).map(|value| value.name.as_str());
        let named = info
            .objectives
            .iter()
            .position(|o| Some(o.name.as_str()) == name);
        objective_color(info, named.unwrap_or(index))
    };
    let parts = point.as_slice().iter().enumerate().map(|(index, &part)| {
        let color = match point {
            Point::Preference(_) => objective_color(info, index),
            Point::Weights(_) => of_value(index),
        };
        (color, part)
    });
    mixed(parts).unwrap_or(BASE)
}

/// Paints a marker with a thin outline.
pub fn paint_marker(
    painter: &Painter,
    at: Pos2,
    radius: f32,
    marker: Marker,
    fill: Color32,
    line: Color32,
) {
    let stroke = Stroke::new(1.0, line);
    let polygon = |corners: Vec<Pos2>| Shape::convex_polygon(corners, fill, stroke);
    let regular = |n: usize, turn: f32| -> Vec<Pos2> {
        (0..n)
            .map(|i| {
                let angle = turn + std::f32::consts::TAU * i as f32 / n as f32;
                at + radius * vec2(angle.sin(), -angle.cos())
            })
            .collect()
    };
    let half = std::f32::consts::PI;
    match marker {
        Marker::Circle => {
            painter.circle(at, radius, fill, stroke);
        }
        Marker::Square => {
            painter.add(polygon(regular(4, half / 4.0)));
        }
        Marker::Diamond => {
            painter.add(polygon(regular(4, 0.0)));
        }
        Marker::Up => {
            painter.add(polygon(regular(3, 0.0)));
        }
        Marker::Down => {
            painter.add(polygon(regular(3, half)));
        }
        Marker::Pentagon => {
            painter.add(polygon(regular(5, 0.0)));
        }
        Marker::Star => star(painter, at, radius, fill, stroke),
    }
}

/// A star is not convex: five kites around a pentagon.
fn star(painter: &Painter, at: Pos2, radius: f32, fill: Color32, stroke: Stroke) {
    let point = |i: usize, r: f32| {
        let angle = std::f32::consts::TAU * i as f32 / 10.0;
        at + r * vec2(angle.sin(), -angle.cos())
    };
    let outline: Vec<Pos2> = (0..10)
        .map(|i| point(i, if i % 2 == 0 { radius } else { radius * 0.45 }))
        .collect();
    for i in (0..10).step_by(2) {
        let kite = vec![at, outline[(i + 9) % 10], outline[i], outline[i + 1]];
        painter.add(Shape::convex_polygon(kite, fill, Stroke::NONE));
    }
    painter.add(Shape::closed_line(outline, stroke));
}

/// The marker of an expert of a kind with the letter of its slot in it.
pub fn paint_expert(
    painter: &Painter,
    at: Pos2,
    radius: f32,
    (slot, kind): (usize, ExpertKind),
    line: Color32,
) {
    let (marker, fill) = (expert_marker(kind), expert_color(slot, kind));
    // Shapes of one size to the eye; a triangle's middle lies below its centre.
    let (scale, shift) = match marker {
        Marker::Up => (1.45, 0.25),
        Marker::Down => (1.3, -0.22),
        Marker::Diamond => (1.2, 0.0),
        Marker::Square | Marker::Pentagon => (1.15, 0.0),
        Marker::Circle | Marker::Star => (1.0, 0.0),
    };
    paint_marker(painter, at, radius * scale, marker, fill, line);
    let letter = expert_letter(slot).to_string();
    let middle = pos2(at.x, at.y + shift * radius);
    let font = FontId::proportional((radius * 1.35).max(11.0));
    painter.text(middle, Align2::CENTER_CENTER, letter, font, ink_on(fill));
}

/// An expert's marker with its letter, as text flows.
pub fn expert_dot(ui: &mut Ui, slot: usize, kind: ExpertKind) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(20.0), egui::Sense::hover());
    let line = crate::theme::Tokens::of(ui).outline;
    paint_expert(ui.painter(), rect.center(), 8.0, (slot, kind), line);
}
