//! What validation chose, with the scores that it chose by.

use serde::{Deserialize, Serialize};

use super::plan::ArmPlan;
use super::protocol::{Matter, Protocol};
use super::rows::{Measured, rows_digest};
use super::{EvidenceError, Result};
use crate::Problem;
use crate::pareto::{by_gain, front, normalised_hypervolume};
use crate::stats::{Arm, Frame, FrameOptions, Progress, Runs, SeedKind, Trained};
use crate::study::Fields;
use crate::types::Split;

/// `choices.json`: everything that was chosen before the test was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// The digest of the protocol.
    pub protocol: String,
    /// The part of the prompts that was chosen on.
    pub on: Split,
    /// The digest of the scores that it was chosen by.
    pub rows: String,
    /// Arm by arm, in the protocol's order.
    pub arms: Vec<ArmChoice>,
    /// The front of all chosen arms together, on the scale of the anchors: what IGD+ is measured to.
    pub front: Vec<Vec<f64>>,
    /// What could not be compared, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// What was chosen for one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmChoice {
    /// The arm.
    pub arm: String,
    /// Its setting.
    pub setting: String,
    /// All settings that were tried.
    pub candidates: Vec<Candidate>,
    /// The points of the setting that are on its front, each after those that add more to the volume: a larger grid is
    /// thinned to the first few of these.
    pub points: Vec<String>,
    /// Points of the whole grid.
    pub grid: usize,
    /// The point of the highest mean z-score: the single best model.
    pub best: String,
    /// The volume of the front at each margin of the protocol.
    pub volumes: Vec<f64>,
    /// Scored answers of each training run that choosing took.
    pub answers: usize,
}

/// A setting that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Its name.
    pub setting: String,
    /// Smaller is taken where the scores leave it open.
    pub size: f64,
    /// Its volume at the first margin, with its error over training seeds and prompts.
    pub volume: Trained,
    /// What the best has more, paired by seed and prompt; `None` for the best itself.
    pub behind: Option<Trained>,
    /// Whether it is the best, or behind it by no more than the standard error of the difference.
    pub within: bool,
}

impl Choices {
    /// Reads what [`Choices::to_json`] wrote.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| EvidenceError::field("choices", Problem::format("choices", error)))
    }

    /// The choices as a file holds them.
    pub fn to_json(&self) -> String {
        super::json(self)
    }

    /// SHA-256 of all that they say, the scores that they rest on included.
    pub fn digest(&self) -> String {
        let mut fields = Fields::new("paretoscope evidence choices 1");
        fields.text(&self.to_json());
        fields.uid().to_string()
    }

    /// What was chosen for an arm.
    pub fn arm(&self, name: &str) -> Option<&ArmChoice> {
        self.arms.iter().find(|arm| arm.arm == name)
    }
}

/// Chooses for every arm of a protocol: its setting, by the volume of all its points at the first margin, and of those
/// within one standard error of the best the smallest; its points, those on the front, in the order of what they add.
/// Each arm has settings of its own. Volumes are those of means over training seeds where points are chosen, and means of
/// the seeds' volumes where settings are.
///
/// # Errors
/// [`EvidenceError::NotAllowed`] where scores are not of the part that the protocol chooses on, [`EvidenceError::Scores`]
/// where a setting is missing or was not named beforehand, and what [`Frame::new`] and [`Runs::read`] refuse.
pub fn choose(
    protocol: &Protocol,
    validation: &[Measured],
    progress: Progress<'_>,
) -> Result<Choices> {
    protocol.check()?;
    let on = validation
        .first()
        .map_or(Split::Validation, |one| one.split);
    for one in validation {
        protocol.allows(Matter::Setting, one.split)?;
        protocol.allows(Matter::Points, one.split)?;
        named_beforehand(protocol, one)?;
    }
    let mut arms = Vec::with_capacity(protocol.arms.len());
    let mut union = Vec::new();
    let mut left_out = Vec::new();
    for plan in &protocol.arms {
        let mut tried = Vec::with_capacity(plan.settings.len());
        for setting in &plan.settings {
            let mut arm = measured_of(protocol, validation, &plan.name, &setting.name)?;
            arm.name = format!("{}, {}", plan.name, setting.name);
            tried.push(arm);
        }
        let frame = framed(protocol, &tried)?;
        left_out.extend(frame.mismatches.iter().map(ToString::to_string));
        let (candidates, chosen) = candidates(protocol, &frame, plan, progress)?;
        let means = over_seeds(&frame.means(chosen));
        let kept = front(&means);
        let members: Vec<&[f64]> = kept.iter().map(|&at| means[at].as_slice()).collect();
        let reference = vec![-protocol.margins[0]; protocol.objectives.len()];
        let order = by_gain(&members, &reference);
        let uid = |at: usize| frame.points(chosen)[at].uid.clone();
        let z = |at: &usize| protocol.frozen.mean_z(&means[*at]);
        let best = (0..means.len()).rev().max_by(|a, b| z(a).total_cmp(&z(b)));
        let scored = |arm: &Arm| arm.points.len() * arm.prompts.len();
        arms.push(ArmChoice {
            arm: plan.name.clone(),
            setting: candidates[chosen].setting.clone(),
            points: order.into_iter().map(|at| uid(kept[at])).collect(),
            grid: frame.points(chosen).len(),
            // A frame holds no arm without points.
            best: best.map_or_else(String::new, uid),
            volumes: protocol
                .margins
                .iter()
                .map(|margin| normalised_hypervolume(&members, protocol.objectives.len(), *margin))
                .collect(),
            answers: tried.iter().map(scored).sum(),
            candidates,
        });
        union.extend(members.into_iter().map(<[f64]>::to_vec));
    }
    Ok(Choices {
        protocol: protocol.digest(),
        on,
        rows: rows_digest(validation),
        arms,
        front: front(&union)
            .into_iter()
            .map(|at| union[at].clone())
            .collect(),
        left_out,
    })
}

/// The volumes of an arm's settings, and which of them is taken.
fn candidates(
    protocol: &Protocol,
    frame: &Frame,
    plan: &ArmPlan,
    progress: Progress<'_>,
) -> Result<(Vec<Candidate>, usize)> {
    let (objectives, margin) = (protocol.objectives.len(), protocol.margins[0]);
    let runs = Runs::read(frame, protocol.draws, progress, |arms| {
        let volume = |points: &&[Vec<f64>]| normalised_hypervolume(points, objectives, margin);
        arms.iter().map(volume).collect()
    })?;
    let volume = |at: usize| runs.per_seed(at).iter().sum::<f64>();
    let count = frame.arms().count();
    // Of equals the first.
    let best = (0..count)
        .rev()
        .max_by(|a, b| volume(*a).total_cmp(&volume(*b)));
    let best = best.unwrap_or(0);
    let mut found = Vec::with_capacity(count);
    for (at, setting) in plan.settings.iter().enumerate() {
        let volume = runs.number(at).ok_or_else(|| {
            EvidenceError::scores(&plan.name, &setting.name, "its volume is not finite")
        })?;
        let behind = runs.difference(best, at).filter(|_| at != best);
        found.push(Candidate {
            setting: setting.name.clone(),
            size: setting.size,
            volume,
            within: behind.is_none_or(|behind| behind.value <= behind.error),
            behind,
        });
    }
    let within = (0..found.len()).filter(|&at| found[at].within);
    let chosen = within.min_by(|&a, &b| {
        let (a, b) = (&found[a], &found[b]);
        let larger = b.volume.value.total_cmp(&a.volume.value);
        a.size.total_cmp(&b.size).then(larger)
    });
    Ok((found, chosen.unwrap_or(best)))
}

/// Refuses an arm or a setting that the protocol does not name.
pub(super) fn named_beforehand(protocol: &Protocol, one: &Measured) -> Result<()> {
    let settings = protocol.arm(&one.arm).map(|plan| &plan.settings);
    let known = settings.is_some_and(|all| all.iter().any(|s| s.name == one.setting));
    if known {
        return Ok(());
    }
    let problem = "the protocol names no such arm and setting; what is tried is named beforehand";
    Err(EvidenceError::scores(&one.arm, &one.setting, problem))
}

/// An arm's scores under a setting, at every training seed of the protocol.
pub(super) fn measured_of(
    protocol: &Protocol,
    measured: &[Measured],
    arm: &str,
    setting: &str,
) -> Result<Arm> {
    let mut found = measured
        .iter()
        .filter(|one| one.arm == arm && one.setting == setting);
    let wrong = |problem: String| EvidenceError::scores(arm, setting, problem);
    let (Some(one), None) = (found.next(), found.next()) else {
        return Err(wrong("its scores must stand there once".to_owned()));
    };
    if one.scores.objectives != protocol.objectives {
        return Err(wrong(format!(
            "scored by {}; the protocol's objectives are {}",
            one.scores.objectives.join(", "),
            protocol.objectives.join(", ")
        )));
    }
    let trained = protocol.arm(arm).is_none_or(|plan| plan.trained);
    if trained {
        return Ok(one.scores.clone());
    }
    if one.scores.seeds.len() != 1 {
        return Err(wrong(format!(
            "has {} training seeds, and the protocol says that it is not trained",
            one.scores.seeds.len()
        )));
    }
    Ok(at_every_seed(&one.scores, &protocol.seeds))
}

/// An arm of one run as it stands beside every training seed of others.
fn at_every_seed(arm: &Arm, seeds: &[u64]) -> Arm {
    let row = (arm.prompts.len() * arm.objectives.len()).max(1);
    let points = arm.scores.chunks_exact(row);
    let scores = points.flat_map(|point| seeds.iter().flat_map(move |_| point.iter().copied()));
    Arm {
        scores: scores.collect(),
        seeds: seeds.to_vec(),
        ..arm.clone()
    }
}

/// Arms on the scale of the anchors, each training seed by itself.
pub(super) fn framed(protocol: &Protocol, arms: &[Arm]) -> Result<Frame> {
    let options = FrameOptions {
        scale: protocol.frozen.as_scale(&protocol.objectives),
        reference: Some(vec![-protocol.margins[0]; protocol.objectives.len()]),
        seeds: SeedKind::Training,
    };
    Ok(Frame::new(arms, &options)?)
}

/// Means of points over training seeds.
pub(super) fn over_seeds(runs: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let count = runs.len() as f64;
    let points = runs.first().map_or(0, Vec::len);
    let mean = |point: usize| -> Vec<f64> {
        let width = runs.first().map_or(0, |run| run[point].len());
        let sum = |k: usize| runs.iter().map(|run| run[point][k]).sum::<f64>();
        (0..width).map(|k| sum(k) / count).collect()
    };
    (0..points).map(mean).collect()
}
