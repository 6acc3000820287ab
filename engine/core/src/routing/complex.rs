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
use super::solve::{distance, solve};
use crate::types::{Expert, ExpertKind, Preference};
use crate::{Error, Result};

/// Coordinates within this of zero are on a face, and experts within this of each other at one point.
const TOLERANCE: f64 = 1e-9;
/// A residual below this is rounding.
const ROUNDING: f64 = 1e-12;
/// A pivot below this: corners that span no volume.
const FLAT: f64 = 1e-14;
/// Objectives up to which cells are drawn.
const DRAWN: usize = 3;

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

/// An expert that splits every cell around it: those that hold all corners of its carrier.
#[derive(Debug, Clone)]
struct Split {
    index: usize,
    /// The face that it lies inside of: corners with its coordinates there, all above [`TOLERANCE`].
    carrier: Vec<(usize, f64)>,
}

impl Split {
    /// How much of this expert a point at `coordinates` can hold before the share of a corner of the carrier is used
    /// up, for each of those corners.
    fn reaches<'a>(&'a self, coordinates: &'a [f64]) -> impl Iterator<Item = (usize, f64)> + 'a {
        let of = |&(corner, share): &(usize, f64)| (corner, coordinates[corner] / share);
        self.carrier.iter().map(of)
    }
}

/// A cell on the way down: which experts are its corners, and a point's coordinates there, both for all experts.
#[derive(Debug, Clone)]
struct Cell {
    corner: Vec<bool>,
    coordinates: Vec<f64>,
}

impl Cell {
    fn is_around(&self, split: &Split) -> bool {
        split.carrier.iter().all(|&(corner, _)| self.corner[corner])
    }

    /// Steps into the part of this cell in which the expert stands in place of corner `gone`, and holds `reach`.
    fn step(&mut self, split: &Split, gone: usize, reach: f64) {
        let reach = reach.max(0.0);
        for &(corner, share) in &split.carrier {
            self.coordinates[corner] -= reach * share;
        }
        self.coordinates[gone] = 0.0;
        self.corner[gone] = false;
        self.coordinates[split.index] = reach;
        self.corner[split.index] = true;
    }

    fn corners(&self) -> Vec<usize> {
        (0..self.corner.len()).filter(|&i| self.corner[i]).collect()
    }
}

/// The subdivision made by a set of experts.
///
/// Cells are not stored (nine objectives with an expert on every face already have 9! of them): a point is walked from
/// the cell of the one-hot experts through the splits, in their order, into the cell that encloses it.
/// ```
/// use paretoscope_core::routing::Complex;
/// use paretoscope_core::types::{Expert, ExpertKind, Preference};
///
/// let expert = |name: &str, at: [f64; 3]| Expert {
///     kind: ExpertKind::Lora,
///     name: name.to_owned(),
///     preference: Preference::new(at.to_vec()).expect("a point of the simplex"),
/// };
/// let experts = [
///     expert("helpful", [1.0, 0.0, 0.0]),
///     expert("harmless", [0.0, 1.0, 0.0]),
///     expert("humor", [0.0, 0.0, 1.0]),
///     expert("centre", [1.0, 1.0, 1.0]),
/// ];
/// let routing = Complex::new(&experts, 3)?.route(&Preference::new(vec![0.5, 0.25, 0.25])?);
/// // A quarter of the way from the centre to helpful, which enclose it alone.
/// let weights: Vec<_> = routing.experts.iter().map(|e| (e.index, e.weight)).collect();
/// assert_eq!(weights, [(0, 0.25), (3, 0.75)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Complex {
    objectives: usize,
    positions: Vec<Vec<f64>>,
    /// Indices of the one-hot experts, by objective; `None` where one is missing, and there is nothing to subdivide.
    one_hot: Option<Vec<usize>>,
    splits: Vec<Split>,
    drawn: Vec<Vec<usize>>,
}

/// Cells that a preference may lie in at once. More are met only in a corner of many objectives with experts on most
/// faces, where "all neighbours" says nothing any more.
const MOST_AROUND: usize = 20_000;

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
            one_hot: None,
            splits: Vec::new(),
            drawn: Vec::new(),
        };
        // Without all one-hot experts there is nothing to subdivide: preferences are projected.
        complex.one_hot = (0..objectives)
            .map(|i| {
                complex
                    .positions
                    .iter()
                    .position(|p| p[i] >= 1.0 - TOLERANCE)
            })
            .collect();
        let Some(one_hot) = complex.one_hot.clone() else {
            return Ok(complex);
        };
        for kind in [ExpertKind::Lora, ExpertKind::Router] {
            for (index, expert) in experts.iter().enumerate() {
                if expert.kind == kind && !one_hot.contains(&index) {
                    complex.insert(experts, index)?;
                }
            }
        }
        if objectives <= DRAWN {
            complex.drawn = complex.all_cells(&one_hot);
        }
        Ok(complex)
    }

    /// The cells, each as the indices of its corners, for drawing: of up to three objectives; none where one-hot
    /// experts are missing.
    pub fn cells(&self) -> &[Vec<usize>] {
        &self.drawn
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
            Some(place) => self.weights(&place, target),
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
    /// from any side. Where one-hot experts are missing, the experts that it is mixed from. Fails where more cells meet
    /// there than can be walked.
    pub fn around(&self, preference: &Preference) -> Result<Vec<usize>> {
        let target = preference.as_slice();
        let mut places: Vec<Cell> = self.start(target).into_iter().collect();
        for split in &self.splits {
            let (split_up, mut kept): (Vec<Cell>, Vec<Cell>) =
                places.into_iter().partition(|place| place.is_around(split));
            for place in split_up {
                let least = split.reaches(&place.coordinates).map(|(_, reach)| reach);
                let least = least.fold(f64::INFINITY, f64::min);
                for (gone, reach) in split.reaches(&place.coordinates) {
                    // In this part no share falls below zero.
                    let over = |&(_, share): &(usize, f64)| (reach - least) * share <= TOLERANCE;
                    if split.carrier.iter().all(over) {
                        let mut part = place.clone();
                        part.step(split, gone, reach);
                        kept.push(part);
                    }
                }
            }
            if kept.len() > MOST_AROUND {
                let problem = format!(
                    "more than {MOST_AROUND} cells of the experts meet at {target:?}; take away experts, or move the preference inside"
                );
                return Err(Error::option("preference", problem));
            }
            places = kept;
        }
        let mut found: Vec<usize> = places.iter().flat_map(Cell::corners).collect();
        if found.is_empty() {
            let mixed = self.route(preference).experts;
            found.extend(mixed.iter().map(|near| near.index));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
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

    /// The cell of the one-hot experts, where a point's coordinates are its own numbers.
    fn start(&self, target: &[f64]) -> Option<Cell> {
        let one_hot = self.one_hot.as_ref()?;
        let mut place = Cell {
            corner: vec![false; self.positions.len()],
            coordinates: vec![0.0; self.positions.len()],
        };
        for (objective, &index) in one_hot.iter().enumerate() {
            place.corner[index] = true;
            place.coordinates[index] = target.get(objective).copied().unwrap_or(0.0);
        }
        Some(place)
    }

    /// The cell that encloses `target`; of several (a shared face), any gives the same weights.
    fn locate(&self, target: &[f64]) -> Option<Cell> {
        let mut place = self.start(target)?;
        for split in &self.splits {
            if place.is_around(split) {
                let least = split
                    .reaches(&place.coordinates)
                    .min_by(|a, b| a.1.total_cmp(&b.1));
                if let Some((gone, reach)) = least {
                    place.step(split, gone, reach);
                }
            }
        }
        Some(place)
    }

    /// Barycentric coordinates of `target` in its cell, from the corners' own places: what was rounded on the way there
    /// is not carried along.
    fn weights(&self, place: &Cell, target: &[f64]) -> Vec<Enclosing> {
        let (n, corners) = (self.objectives, place.corners());
        let columns: Vec<f64> = (0..n * n)
            .map(|at| self.positions[corners[at % n]][at / n])
            .collect();
        let mut right = vec![0.0; n];
        for (number, value) in right.iter_mut().zip(target) {
            *number = *value;
        }
        let solved = solve(n, &columns, &right, FLAT)
            .unwrap_or_else(|| corners.iter().map(|&c| place.coordinates[c]).collect());
        let pairs = corners.iter().zip(solved);
        pairs
            .map(|(&index, weight)| Enclosing { index, weight })
            .collect()
    }

    /// Notes that expert `index` splits every cell around it. The cells around it are found by the face that
    /// carries it, not by testing each cell for itself: neighbours then always agree on whether a
    /// point near their common face is on it, and routing stays continuous.
    fn insert(&mut self, experts: &[Expert], index: usize) -> Result<()> {
        let position = self.positions[index].clone();
        let Some(place) = self.locate(&position) else {
            return Ok(());
        };
        let carrier: Vec<(usize, f64)> = self
            .weights(&place, &position)
            .into_iter()
            .filter(|near| near.weight > TOLERANCE)
            .map(|near| (near.index, near.weight))
            .collect();
        if let [(only, _)] = carrier[..] {
            return Err(duplicate(experts, only, index));
        }
        self.splits.push(Split { index, carrier });
        Ok(())
    }

    /// All cells at the end of all splits.
    fn all_cells(&self, one_hot: &[usize]) -> Vec<Vec<usize>> {
        let mut cells = vec![one_hot.to_vec()];
        for split in &self.splits {
            let holds = |cell: &Vec<usize>| split.carrier.iter().all(|(c, _)| cell.contains(c));
            let (around, mut rest): (Vec<_>, Vec<_>) = cells.into_iter().partition(holds);
            for cell in around {
                for (gone, _) in &split.carrier {
                    let put = |v: &usize| if v == gone { split.index } else { *v };
                    rest.push(cell.iter().map(put).collect());
                }
            }
            cells = rest;
        }
        cells
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
