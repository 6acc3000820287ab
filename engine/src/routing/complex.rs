//! The simplex of preferences cut into cells by stellar subdivision.
//!
//! HoE's LoRA experts cut the simplex into coarse regions and its router experts subdivide those
//! (paper 3.3). Starting from the cell of the one-hot experts, each further expert `p` splits all
//! cells around it: in each of them every corner that `p` needs is replaced by `p` in turn. A
//! preference is then mixed from the corners of the cell that encloses it, by its barycentric
//! coordinates. That gives Figure 2 of the paper exactly, encloses every preference and is
//! continuous, none of which holds for the literal Eq. 9 (see [`super::nearest`]).

use serde::{Deserialize, Serialize};

use super::project::project;
use super::solve::{distance, invert};
use crate::types::{Expert, ExpertKind, Preference};
use crate::{Error, Result};

/// Coordinates within this of zero are on a face, and experts within this of each other at one point.
const TOLERANCE: f64 = 1e-9;
/// A residual below this is rounding.
const ROUNDING: f64 = 1e-12;

/// An expert that takes part in a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Enclosing {
    /// Place in the list that the complex was made from.
    pub index: usize,
    /// Share in the mixture, above 0.
    pub weight: f64,
}

/// What a preference is mixed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routing {
    /// The preference.
    pub preference: Preference,
    /// The enclosing experts with their weights (together 1), in order of index.
    pub experts: Vec<Enclosing>,
    /// Euclidean distance between the preference and the mixture's; above 0 only where one-hot
    /// experts are missing.
    pub residual: f64,
}

/// A cell: a simplex of `objectives` experts, with the map to barycentric coordinates in it.
#[derive(Debug, Clone)]
struct Cell {
    /// Row-major inverse of the matrix whose columns are the corners.
    inverse: Vec<f64>,
}

impl Cell {
    /// Barycentric coordinates of a point among `objectives` corners.
    fn coordinates(&self, objectives: usize, target: &[f64]) -> Vec<f64> {
        let rows = self.inverse.chunks_exact(objectives);
        rows.map(|row| row.iter().zip(target).map(|(a, b)| a * b).sum())
            .collect()
    }
}

/// The subdivision made by a set of experts.
#[derive(Debug, Clone)]
pub struct Complex {
    objectives: usize,
    positions: Vec<Vec<f64>>,
    corners: Vec<Vec<usize>>,
    maps: Vec<Cell>,
}

impl Complex {
    /// Cuts the simplex of `objectives` by `experts`: the one-hot ones first, then the other LoRA
    /// experts as listed, then the routers as listed. Fails where there is no expert, a preference
    /// has another length, or two experts stand at one point.
    pub fn new(experts: &[Expert], objectives: usize) -> Result<Self> {
        if objectives == 0 || experts.is_empty() {
            return Err(Error::option(
                "experts",
                format!(
                    "{} experts for {objectives} objectives; routing needs at least one of each",
                    experts.len()
                ),
            ));
        }
        for (index, expert) in experts.iter().enumerate() {
            let got = expert.preference.as_slice().len();
            if got != objectives {
                return Err(Error::option(
                    "experts",
                    format!(
                        "the preference of {} has {got} numbers, {objectives} needed (one per objective)",
                        describe(experts, index)
                    ),
                ));
            }
        }
        refuse_duplicates(experts)?;
        let positions = experts
            .iter()
            .map(|e| e.preference.as_slice().to_vec())
            .collect();
        let mut complex = Self {
            objectives,
            positions,
            corners: Vec::new(),
            maps: Vec::new(),
        };

        let one_hot: Option<Vec<usize>> = (0..objectives)
            .map(|i| {
                complex
                    .positions
                    .iter()
                    .position(|p| p[i] >= 1.0 - TOLERANCE)
            })
            .collect();
        // Without all one-hot experts there is nothing to subdivide: preferences are projected.
        let Some(one_hot) = one_hot else {
            return Ok(complex);
        };
        complex.add_cell(experts, one_hot.clone())?;
        for kind in [ExpertKind::Lora, ExpertKind::Router] {
            for (index, expert) in experts.iter().enumerate() {
                if expert.kind == kind && !one_hot.contains(&index) {
                    complex.insert(experts, index)?;
                }
            }
        }
        Ok(complex)
    }

    /// The cells, each as the indices of its corners, for drawing; none where one-hot experts are
    /// missing.
    pub fn cells(&self) -> &[Vec<usize>] {
        &self.corners
    }

    /// Number of objectives.
    pub fn objectives(&self) -> usize {
        self.objectives
    }

    /// The experts that enclose `preference` and their weights. Where one-hot experts are missing
    /// the preference is projected onto what the loaded experts can mix, and the residual says how
    /// far that is off. A preference of another length counts as filled up with zeros, and what
    /// that loses is in the residual too.
    pub fn route(&self, preference: &Preference) -> Routing {
        let target = preference.as_slice();
        let mut experts: Vec<Enclosing> = match self.locate(target) {
            Some((cell, coordinates)) => self.corners[cell]
                .iter()
                .zip(coordinates)
                .map(|(&index, weight)| Enclosing { index, weight })
                .collect(),
            None => project(&self.positions, target)
                .into_iter()
                .enumerate()
                .map(|(index, weight)| Enclosing { index, weight })
                .collect(),
        };
        experts.retain(|e| e.weight > ROUNDING);
        experts.sort_by_key(|e| e.index);
        let sum: f64 = experts.iter().map(|e| e.weight).sum();
        for expert in &mut experts {
            expert.weight /= sum;
        }
        let residual = distance(&self.mixture(&experts), target);
        let residual = if residual < ROUNDING { 0.0 } else { residual };
        Routing {
            preference: preference.clone(),
            experts,
            residual,
        }
    }

    /// The corners of all cells that hold `preference`, in order of index: everything that is next to it
    /// from any side. Where one-hot experts are missing, the experts that it is mixed from.
    pub fn around(&self, preference: &Preference) -> Vec<usize> {
        let target = preference.as_slice();
        let holds = |map: &Cell| {
            let coordinates = map.coordinates(self.objectives, target);
            coordinates.iter().all(|&c| c >= -TOLERANCE)
        };
        let mut found: Vec<usize> = self
            .corners
            .iter()
            .zip(&self.maps)
            .filter(|(_, map)| holds(map))
            .flat_map(|(corners, _)| corners.iter().copied())
            .collect();
        if found.is_empty() {
            let mixed = self.route(preference).experts;
            found.extend(mixed.iter().map(|near| near.index));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Where a mixture of experts stands.
    fn mixture(&self, experts: &[Enclosing]) -> Vec<f64> {
        let mut at = vec![0.0; self.objectives];
        for expert in experts {
            for (sum, share) in at.iter_mut().zip(&self.positions[expert.index]) {
                *sum += expert.weight * share;
            }
        }
        at
    }

    /// The cell that encloses `target` and its coordinates there. Of several (a shared face), any
    /// gives the same weights; where rounding leaves `target` outside all, the closest serves.
    fn locate(&self, target: &[f64]) -> Option<(usize, Vec<f64>)> {
        let mut best: Option<(usize, Vec<f64>, f64)> = None;
        for (index, cell) in self.maps.iter().enumerate() {
            let coordinates = cell.coordinates(self.objectives, target);
            let smallest = coordinates.iter().copied().fold(f64::INFINITY, f64::min);
            if smallest >= 0.0 {
                return Some((index, coordinates));
            }
            if best.as_ref().is_none_or(|(_, _, other)| smallest > *other) {
                best = Some((index, coordinates, smallest));
            }
        }
        best.map(|(index, coordinates, _)| (index, coordinates))
    }

    /// Splits every cell around expert `index`. The cells around it are found by the face that
    /// carries it, not by testing each cell for itself: neighbours then always agree on whether a
    /// point near their common face is on it, and routing stays continuous.
    fn insert(&mut self, experts: &[Expert], index: usize) -> Result<()> {
        let position = self.positions[index].clone();
        let Some((cell, coordinates)) = self.locate(&position) else {
            return Ok(());
        };
        let carrier: Vec<usize> = self.corners[cell]
            .iter()
            .zip(&coordinates)
            .filter(|&(_, &c)| c > TOLERANCE)
            .map(|(&corner, _)| corner)
            .collect();
        if let [only] = carrier[..] {
            return Err(duplicate(experts, only, index));
        }
        let (around, rest): (Vec<usize>, Vec<usize>) = (0..self.corners.len()).partition(|&c| {
            carrier
                .iter()
                .all(|corner| self.corners[c].contains(corner))
        });
        let split: Vec<Vec<usize>> = around
            .iter()
            .flat_map(|&c| {
                let corners = &self.corners[c];
                carrier.iter().map(|gone| {
                    corners
                        .iter()
                        .map(|v| if v == gone { index } else { *v })
                        .collect()
                })
            })
            .collect();
        self.maps = rest.iter().map(|&c| self.maps[c].clone()).collect();
        self.corners = rest
            .iter()
            .map(|&c| std::mem::take(&mut self.corners[c]))
            .collect();
        split
            .into_iter()
            .try_for_each(|corners| self.add_cell(experts, corners))
    }

    fn add_cell(&mut self, experts: &[Expert], corners: Vec<usize>) -> Result<()> {
        let n = self.objectives;
        let columns: Vec<f64> = (0..n * n)
            .map(|at| self.positions[corners[at % n]][at / n])
            .collect();
        let inverse = invert(n, &columns, 1e-14).ok_or_else(|| {
            let names: Vec<String> = corners.iter().map(|&c| describe(experts, c)).collect();
            Error::option(
                "experts",
                format!(
                    "{} span no volume; move them further apart",
                    names.join(", ")
                ),
            )
        })?;
        self.corners.push(corners);
        self.maps.push(Cell { inverse });
        Ok(())
    }
}

fn refuse_duplicates(experts: &[Expert]) -> Result<()> {
    for (second, b) in experts.iter().enumerate() {
        for (first, a) in experts[..second].iter().enumerate() {
            let (a, b) = (a.preference.as_slice(), b.preference.as_slice());
            if a.iter().zip(b).all(|(x, y)| (x - y).abs() <= TOLERANCE) {
                return Err(duplicate(experts, first, second));
            }
        }
    }
    Ok(())
}

fn duplicate(experts: &[Expert], first: usize, second: usize) -> Error {
    Error::option(
        "experts",
        format!(
            "{} and {} stand at one point {:?}; each expert needs a preference of its own",
            describe(experts, first),
            describe(experts, second),
            experts[second].preference.as_slice()
        ),
    )
}

/// An expert in words: its number from one, its kind, its name.
fn describe(experts: &[Expert], index: usize) -> String {
    let expert = &experts[index];
    let kind = match expert.kind {
        ExpertKind::Lora => "LoRA expert",
        ExpertKind::Router => "router expert",
    };
    if expert.name.is_empty() {
        format!("{kind} {}", index + 1)
    } else {
        format!("{kind} {} (`{}`)", index + 1, expert.name)
    }
}

#[cfg(test)]
#[path = "complex_tests.rs"]
mod tests;
