//! Two or three objectives, two at a time: one plot, or three in a row or below each other.

use super::axes::{Axes, Axis};
use super::common::Objective;
use super::sheet::{Sheet, TEXT};
use crate::error::{Error, Result};
use crate::fonts;
use crate::scene::{Rect, Weight};

/// Whether two or three objectives that there are were named.
pub(super) fn check(objectives: &[Objective], axes: &[usize]) -> Result<()> {
    if !(2..=3).contains(&axes.len()) {
        return Err(Error::Count {
            what: "axes (two or three are drawn)".to_owned(),
            got: axes.len(),
            wanted: axes.len().clamp(2, 3),
        });
    }
    if let Some(&axis) = axes.iter().find(|&&axis| axis >= objectives.len()) {
        return Err(Error::Reference {
            what: "objective",
            index: axis,
            count: objectives.len(),
        });
    }
    Ok(())
}

/// Axes for every pair, with the slots of `axes` that are x and y. Takes their room on the sheet.
pub(super) fn laid_out(
    sheet: &mut Sheet,
    objectives: &[Objective],
    axes: &[usize],
    ranges: &[[f64; 2]],
) -> Vec<((usize, usize), Axes)> {
    const GAP: f64 = 2.0;
    let pairs: &[(usize, usize)] = if axes.len() == 2 {
        &[(0, 1)]
    } else {
        &[(0, 1), (0, 2), (1, 2)]
    };
    let (_, width) = sheet.inside();
    // Side by side where each has room for its numbers.
    let across = if width / pairs.len() as f64 >= 38.0 {
        pairs.len()
    } else {
        1
    };
    let each = (width - GAP * (across - 1) as f64) / across as f64;
    let height = (each * if across > 1 { 1.0 } else { 0.76 }).min(110.0);
    let titles = titles(objectives, axes, (each - 15.0).min(height - 10.0));
    let axis = |slot: usize| Axis {
        range: ranges[slot],
        titles: titles[slot].clone(),
    };
    let mut placed = Vec::new();
    for row in pairs.chunks(across) {
        let room = sheet.take(height);
        for (column, &(x, y)) in row.iter().enumerate() {
            let left = room.x + column as f64 * (each + GAP);
            let room = Rect::new(left, room.y, each, height);
            placed.push(((x, y), Axes::new(room, axis(x), axis(y))));
        }
    }
    placed
}

/// What a plot is called: `y against x`.
pub(super) fn name(objectives: &[Objective], axes: &[usize], (x, y): (usize, usize)) -> String {
    let name = |slot: usize| &objectives[axes[slot]].name;
    format!("{} against {}", name(y), name(x))
}

/// Titles of the axes, alike in all plots: the longest kind that has room in each.
fn titles(objectives: &[Objective], axes: &[usize], room: f64) -> Vec<Vec<String>> {
    let all: Vec<Vec<String>> = axes.iter().map(|&axis| objectives[axis].titles()).collect();
    let fits = |title: &String| fonts::width(title, TEXT, Weight::Regular) <= room;
    let kinds = all.iter().map(Vec::len).min().unwrap_or(0);
    let kind = (0..kinds)
        .find(|&kind| all.iter().all(|titles| fits(&titles[kind])))
        .unwrap_or(kinds.saturating_sub(1));
    all.into_iter()
        .map(|titles| titles[kind..].to_vec())
        .collect()
}
