//! Parts that were trained for a method: what `bundle.json` lists under `methods`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::SafeTensors;

use super::gates::{base, preference};
use super::made::alone;
use super::row::{RowPlan, StreamPlan};
use super::side::Recipe;
use super::{Method, MethodKind};
use crate::bundle::{Bundle, PartEntry};
use crate::model::Shift;
use crate::types::Point;
use crate::weights::Adapter;
use crate::{Error, Result};

/// How far apart two shares of one preference may be written.
const SAME: f64 = 1e-6;

/// A part of a method, found.
#[derive(Debug, Clone)]
pub struct TrainedPart {
    /// As listed.
    pub entry: PartEntry,
    /// Its folder or file.
    pub path: PathBuf,
}

/// What trains a method's parts, for people.
fn training(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Genarm => "train arm",
        MethodKind::Parm => "train parm",
        MethodKind::Modpo => "train modpo",
        MethodKind::DpoLw | MethodKind::DpoSeqt => "train dpo",
        MethodKind::Morlhf => "train ppo",
        MethodKind::Ric => "train ric",
        MethodKind::Steering => "bundle steering",
        MethodKind::Aligner | MethodKind::Metaaligner => "train aligner",
        MethodKind::Loramoe => "train loramoe",
        _ => "bundle build",
    }
}

/// The parts of a method; refused with the command that trains them where there are none.
pub(super) fn parts(bundle: &Bundle, kind: MethodKind) -> Result<Vec<TrainedPart>> {
    let listed = bundle
        .methods
        .get(kind.name())
        .map_or(&[][..], Vec::as_slice);
    if listed.is_empty() {
        let problem = format!(
            "{} needs parts that the bundle {} does not hold; `{}` trains them, and bundle.json lists them under methods.{}",
            kind.name(),
            bundle.info.name,
            training(kind),
            kind.name()
        );
        return Err(Error::option("method", problem));
    }
    let found = listed.iter().map(|entry| TrainedPart {
        path: bundle.info.path.join(&entry.path),
        entry: entry.clone(),
    });
    Ok(found.collect())
}

fn load(bundle: &Bundle, part: &TrainedPart) -> Result<Arc<Adapter>> {
    let linears = bundle.model.config().linears();
    bundle.workshop.adapter(&part.path, &linears)
}

/// The part of this name.
fn named<'p>(parts: &'p [TrainedPart], kind: MethodKind, name: &str) -> Result<&'p TrainedPart> {
    parts
        .iter()
        .find(|part| part.entry.name == name)
        .ok_or_else(|| {
            let known: Vec<&str> = parts.iter().map(|part| part.entry.name.as_str()).collect();
            let problem = format!(
                "{} lacks a part named {name}; it has {}. `{}` trains it",
                kind.name(),
                known.join(", "),
                training(kind)
            );
            Error::option("method", problem)
        })
}

/// One adapter per objective, in their order.
pub(super) fn per_objective(bundle: &Bundle, kind: MethodKind) -> Result<Vec<Arc<Adapter>>> {
    let parts = parts(bundle, kind)?;
    let objectives = bundle.info.objectives.iter();
    objectives
        .map(|objective| load(bundle, named(&parts, kind, &objective.name)?))
        .collect()
}

/// An adapter named `shared`, and one per objective in their order.
pub(super) fn shared_and_per_objective(
    bundle: &Bundle,
    kind: MethodKind,
) -> Result<Vec<Arc<Adapter>>> {
    let shared = load(bundle, named(&parts(bundle, kind)?, kind, "shared")?)?;
    let mut all = vec![shared];
    all.extend(per_objective(bundle, kind)?);
    Ok(all)
}

/// The adapter that was trained at this very preference. Such methods train a model per preference and answer nowhere
/// else. DPO-SeqT's, which has one trade-off, is chosen by the order of its objectives and answers everywhere.
pub(super) fn at_point(bundle: &Bundle, method: &Method, point: &Point) -> Result<RowPlan> {
    let kind = method.kind();
    let shares = preference(bundle, point)?.as_slice();
    let parts = parts(bundle, kind)?;
    let part = if kind == MethodKind::DpoSeqt {
        let order = if method.is("order", "backward") {
            "backward"
        } else {
            "forward"
        };
        named(&parts, kind, order)?
    } else {
        let here = |part: &&TrainedPart| {
            let stands = part.entry.preference.as_deref().unwrap_or_default();
            let mut both = stands.iter().zip(shares);
            stands.len() == shares.len() && both.all(|(a, b)| (a - b).abs() <= SAME)
        };
        parts.iter().find(here).ok_or_else(|| {
            let stand: Vec<String> = parts
                .iter()
                .filter_map(|part| part.entry.preference.as_ref())
                .map(|preference| format!("{preference:?}"))
                .collect();
            let problem = format!(
                "{} has one model per preference and none at {shares:?}; there are {}. `{}` trains another",
                kind.name(),
                stand.join(", "),
                training(kind)
            );
            Error::option("method", problem)
        })?
    };
    let adapter = load(bundle, part)?;
    Ok(RowPlan::alone(alone(bundle, Recipe::Loaded(vec![adapter]))))
}

/// Steering by activations: `h += c Σ wᵢ vᵢ` after the prompt, at the layers that the file names. The file is
/// safetensors with one tensor `<objective>.<layer>`, `[hidden]`, per objective and layer.
pub(super) fn steering(bundle: &Bundle, method: &Method, point: &Point) -> Result<RowPlan> {
    let shares = preference(bundle, point)?.as_slice();
    let parts = parts(bundle, method.kind())?;
    let Some(part) = parts.first() else {
        return Err(Error::internal("a method has no parts"));
    };
    let vectors = Vectors::read(&part.path)?;
    let config = bundle.model.config();
    let mut layers: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
    for (objective, &share) in bundle.info.objectives.iter().zip(shares) {
        let of = vectors.of(&objective.name, config.layers, config.hidden_size)?;
        let weight = (method.number("c") * share) as f32;
        for (layer, vector) in of {
            let sum = layers
                .entry(layer)
                .or_insert_with(|| vec![0.0; config.hidden_size]);
            sum.iter_mut()
                .zip(vector)
                .for_each(|(s, v)| *s += weight * v);
        }
    }
    let moves = layers.values().flatten().any(|v| *v != 0.0);
    Ok(RowPlan::alone(StreamPlan {
        shift: moves.then(|| Shift {
            layers: layers.into_iter().collect(),
            from: 0,
        }),
        ..StreamPlan::of(base(bundle))
    }))
}

/// A file of steering vectors.
struct Vectors {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Vectors {
    fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            bytes,
        })
    }

    /// The layers of an objective and their vectors.
    fn of(&self, objective: &str, layers: usize, hidden: usize) -> Result<Vec<(usize, Vec<f32>)>> {
        let tensors = SafeTensors::deserialize(&self.bytes)
            .map_err(|e| Error::file(&self.path, format!("is not safetensors: {e}")))?;
        let mut found = Vec::new();
        for (name, view) in tensors.tensors() {
            let Some((of, layer)) = name.rsplit_once('.') else {
                continue;
            };
            if of != objective {
                continue;
            }
            let layer = layer.parse::<usize>().ok().filter(|layer| *layer < layers);
            let Some(layer) = layer else {
                let problem = format!("names no layer; the model has {layers}, counted from 0");
                return Err(Error::field(&self.path, name, problem));
            };
            if view.shape() != [hidden] || view.dtype() != safetensors::Dtype::F32 {
                let problem = format!(
                    "is {:?} {:?}; it must be F32 [{hidden}], the model's width",
                    view.dtype(),
                    view.shape()
                );
                return Err(Error::field(&self.path, name, problem));
            }
            let numbers = view.data().as_chunks::<4>().0.iter();
            found.push((layer, numbers.map(|b| f32::from_le_bytes(*b)).collect()));
        }
        if found.is_empty() {
            let problem = format!("holds no vector named {objective}.LAYER");
            return Err(Error::file(&self.path, problem));
        }
        found.sort_by_key(|(layer, _)| *layer);
        Ok(found)
    }
}
