//! Parts that were trained for a method: what `bundle.json` lists under `methods`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::SafeTensors;

use super::gates::{base, preference};
use super::made::alone;
use super::row::{RowPlan, SecondPass, StreamPlan, Then};
use super::side::{Recipe, SidePlan};
use super::{Method, MethodKind};
use crate::bundle::{Bundle, PartEntry};
use crate::model::Shift;
use crate::text::{Correction, ScoreTags, tagged};
use crate::types::{Point, Prompt, RowGates};
use crate::weights::{Adapter, ExpertsFolder, ParmFolder};
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
        MethodKind::Aligner => "train aligner",
        MethodKind::Metaaligner => "train metaaligner",
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

/// PARM's shared adapter, and one per objective in their order.
pub(super) fn shared_and_per_objective(bundle: &Bundle) -> Result<Vec<Arc<Adapter>>> {
    let part = only(bundle, MethodKind::Parm)?;
    let folder = ParmFolder::load(&part.path)?;
    let linears = bundle.model.config().linears();
    let mut all = vec![bundle.workshop.adapter(&folder.shared, &linears)?];
    for objective in &bundle.info.objectives {
        let mut its = folder
            .objectives
            .iter()
            .filter(|part| part.name == objective.name);
        let its = its.next().ok_or_else(|| {
            let known: Vec<&str> = folder.objectives.iter().map(|p| p.name.as_str()).collect();
            let problem = format!(
                "has no part for {}, only for {}",
                objective.name,
                known.join(", ")
            );
            Error::file(&part.path, problem)
        })?;
        all.push(bundle.workshop.adapter(&its.path, &linears)?);
    }
    Ok(all)
}

/// The one part of a method that has one.
fn only(bundle: &Bundle, kind: MethodKind) -> Result<TrainedPart> {
    let parts = parts(bundle, kind)?;
    if parts.len() > 1 {
        let problem = format!(
            "{} takes one part; the bundle lists {}",
            kind.name(),
            parts.len()
        );
        return Err(Error::option("method", problem));
    }
    let part = parts.into_iter().next();
    part.ok_or_else(|| Error::internal("a method has no parts"))
}

/// LoRAMoE: experts and routers that were trained together, at one trade-off.
pub(super) fn loramoe(bundle: &Bundle) -> Result<RowPlan> {
    let folder = ExpertsFolder::load(&only(bundle, MethodKind::Loramoe)?.path)?;
    let linears = bundle.model.config().linears();
    let mut experts = Vec::with_capacity(folder.experts.len());
    for part in &folder.experts {
        experts.push(bundle.workshop.adapter(&part.path, &linears)?);
    }
    let names: Vec<String> = folder
        .experts
        .iter()
        .map(|part| part.name.clone())
        .collect();
    let router = bundle.workshop.router(&folder.router, &linears, &names)?;
    let mut gates = RowGates::base(experts.len(), 1);
    gates.routers = vec![1.0];
    Ok(RowPlan::alone(StreamPlan {
        side: Some(SidePlan::new(Recipe::Routed(experts, router), gates)),
        ..StreamPlan::of(base(bundle))
    }))
}

/// Rewards in context: the scores that the preference asks for, as tags in the prompt of the adapter that reads them.
pub(super) fn ric(bundle: &Bundle, point: &Point, prompt: &Prompt) -> Result<RowPlan> {
    let shares = preference(bundle, point)?.as_slice();
    let part = only(bundle, MethodKind::Ric)?;
    let tags = ScoreTags::load(&part.path)?;
    let mut asked = Vec::with_capacity(tags.objectives.len());
    for tagged in &tags.objectives {
        let mut objectives = bundle.info.objectives.iter().zip(shares);
        let found = objectives.find(|(objective, _)| objective.name == tagged.name);
        asked.push(*found.map(|(_, share)| share).ok_or_else(|| {
            let problem = format!(
                "is tagged by {}, which is no objective of the bundle",
                tagged.name
            );
            Error::file(&part.path, problem)
        })?);
    }
    if asked.iter().all(|share| *share == 0.0) {
        let problem = "weighs none of the objectives that ric was trained on";
        return Err(Error::option("preference", problem));
    }
    let prompt = tagged(prompt, &tags.targets(&asked)).ok_or_else(|| {
        let problem = "is token ids; ric writes the scores that are wanted into a text";
        Error::option("prompt", problem)
    })?;
    Ok(RowPlan::alone(StreamPlan {
        prompt: Some(prompt),
        ..alone(bundle, Recipe::Loaded(vec![load(bundle, &part)?]))
    }))
}

/// A second model that corrects the base's answer: the adapter and what it is told.
pub(super) fn correction(bundle: &Bundle, method: &Method, point: &Point) -> Result<RowPlan> {
    let shares = preference(bundle, point)?.as_slice();
    let part = only(bundle, method.kind())?;
    let correction = Correction::load(&part.path)?;
    // Objectives are asked for or not; how much they weigh cannot be told.
    let mut better_at = Vec::new();
    for (index, aspect) in correction.aspects.iter().enumerate() {
        let mut objectives = bundle.info.objectives.iter().zip(shares);
        if objectives.any(|(o, share)| o.name == aspect.name && *share > 0.0) {
            better_at.push(index);
        }
    }
    let adapter = load(bundle, &part)?;
    let corrector = alone(bundle, Recipe::Loaded(vec![adapter]));
    Ok(RowPlan {
        then: Some(Then::Correct(SecondPass {
            correction,
            better_at,
            stream: Box::new(corrector),
        })),
        ..RowPlan::alone(StreamPlan::of(base(bundle)))
    })
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
    let part = only(bundle, method.kind())?;
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
