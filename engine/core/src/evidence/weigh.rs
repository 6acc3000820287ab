//! From scores on test prompts to contrasts: every number, then Holm's rule, then what may be said.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::choices::{ArmChoice, Choices, framed, measured_of, named_beforehand, over_seeds};
use super::contrast::{AtMargin, Beside, Contrast, Corner, Differing};
use super::plan::{Budget, ContrastPlan};
use super::protocol::{Matter, Protocol};
use super::rows::{Measured, rows_digest};
use super::verdict::{Finding, Grounds, Reservation, verdict};
use super::view::{Layout, View};
use super::wording::{Seen, sentence};
use super::{EvidenceError, Result};
use crate::pareto::sparsity;
use crate::stats::{
    Arm, Covered, Following, Frame, Progress, Runs, Trained, covered, following_within, holm,
};

/// What is told of one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmFigures {
    /// The arm.
    pub arm: String,
    /// Its setting, as validation chose it.
    pub setting: String,
    /// Points on its front, as validation chose them.
    pub points: usize,
    /// Points of its grid.
    pub grid: usize,
    /// The volume at each margin of the protocol.
    pub volumes: Vec<Trained>,
    /// IGD+ to the front of all arms on validation; less is better.
    pub igd_plus: Trained,
    /// R2; less is better.
    pub r2: Trained,
    /// Squared gaps between neighbours on the front; less is denser. Absent for a single point.
    pub sparsity: Option<f64>,
    /// Whether scores follow the points, over all points of the grid that were measured; the inner product on the scale of
    /// the anchors.
    pub following: Following,
    /// The point that validation took for the best model.
    pub best: String,
    /// Its mean z-score on test prompts; absent where it was not measured there.
    pub best_z: Option<f64>,
    /// What it may spend.
    pub budget: Budget,
    /// Scored answers of each training run that choosing took.
    pub answers: usize,
}

/// `evidence.json`: all that a protocol came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The digest of the protocol.
    pub protocol: String,
    /// The digest of the choices.
    pub choices: String,
    /// The digest of the scores on test prompts.
    pub rows: String,
    /// Who scored.
    pub scorer: String,
    /// Which reading of the test rows this is. Every one but the first is marked in all sentences.
    pub reading: usize,
    /// Whether it was cut short, and is not to be quoted.
    pub quick: bool,
    /// Training seeds that all arms have.
    pub seeds: Vec<u64>,
    /// Prompts that all arms answered.
    pub prompts: usize,
    /// Groups of them, which are drawn whole.
    pub groups: usize,
    /// Arm by arm.
    pub arms: Vec<ArmFigures>,
    /// Contrast by contrast, in the protocol's order; nulls stand with the others.
    pub contrasts: Vec<Contrast>,
    /// What could not be compared, in words.
    pub left_out: Vec<String>,
}

impl Evidence {
    /// The evidence as a file holds it.
    pub fn to_json(&self) -> String {
        super::json(self)
    }

    /// The names of the tables, in order of appearance.
    pub fn tables(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for contrast in &self.contrasts {
            if !names.contains(&contrast.table.as_str()) {
                names.push(&contrast.table);
            }
        }
        names
    }
}

/// Judges what was measured on test prompts at the settings and points that validation chose.
///
/// # Errors
/// [`EvidenceError::OtherProtocol`] where the choices were made under another one, [`EvidenceError::NotAllowed`] where
/// scores are of no test prompts, [`EvidenceError::Scores`] where an arm's are missing, and what [`Frame::new`] and
/// [`Runs::read`] refuse.
pub fn weigh(
    protocol: &Protocol,
    choices: &Choices,
    test: &[Measured],
    reading: usize,
    progress: Progress<'_>,
) -> Result<Evidence> {
    protocol.check()?;
    let (theirs, ours) = (choices.protocol.clone(), protocol.digest());
    if theirs != ours {
        return Err(EvidenceError::OtherProtocol { theirs, ours });
    }
    for one in test {
        protocol.allows(Matter::Reported, one.split)?;
        named_beforehand(protocol, one)?;
    }
    let scene = Scene::set(protocol, choices, test)?;
    let runs = scene.read(progress)?;
    let seen = Seen {
        seeds: scene.held.seeds.len(),
        groups: scene.held.groups(),
        reading,
        chosen_on: choices.on,
    };
    let left_out = scene.held.mismatches.iter().chain(&scene.whole.mismatches);
    let mut words: Vec<String> = left_out.map(ToString::to_string).collect();
    words.dedup();
    Ok(Evidence {
        protocol: ours,
        choices: choices.digest(),
        rows: rows_digest(test),
        scorer: protocol.scorer.clone(),
        reading,
        quick: protocol.quick,
        seeds: scene.held.seeds.clone(),
        prompts: scene.held.prompts.len(),
        groups: seen.groups,
        arms: scene.arms(&runs)?,
        contrasts: scene.contrasts(&runs, &seen)?,
        left_out: words,
    })
}

/// Everything that is looked at, in place.
struct Scene<'a> {
    protocol: &'a Protocol,
    choices: &'a Choices,
    /// The chosen points of every arm, in the protocol's order of arms.
    held: Frame,
    /// All points that were measured.
    whole: Frame,
    views: Vec<View>,
    /// Both views of each contrast.
    pairs: Vec<[usize; 2]>,
    layout: Layout,
}

impl<'a> Scene<'a> {
    fn set(protocol: &'a Protocol, choices: &'a Choices, test: &[Measured]) -> Result<Self> {
        let mut whole: Vec<Arm> = Vec::with_capacity(protocol.arms.len());
        let mut held = Vec::with_capacity(protocol.arms.len());
        for plan in &protocol.arms {
            let chosen = chosen_of(choices, &plan.name)?;
            let arm = measured_of(protocol, test, &plan.name, &chosen.setting)?;
            held.push(kept(&arm, chosen)?);
            whole.push(arm);
        }
        let (held, whole) = (framed(protocol, &held)?, framed(protocol, &whole)?);
        let mut scene = Self {
            protocol,
            choices,
            layout: Layout::new(protocol, choices),
            held,
            whole,
            views: Vec::new(),
            pairs: Vec::new(),
        };
        // Each arm with all of its front first, in order.
        for arm in 0..protocol.arms.len() {
            scene.view(arm, usize::MAX)?;
        }
        for contrast in &protocol.contrasts {
            let (a, b) = (scene.arm_at(&contrast.a)?, scene.arm_at(&contrast.b)?);
            let few = scene.grid(a)?.min(scene.grid(b)?);
            let pair = [scene.view(a, few)?, scene.view(b, few)?];
            scene.pairs.push(pair);
        }
        Ok(scene)
    }

    fn arm_at(&self, name: &str) -> Result<usize> {
        let found = self.protocol.arms.iter().position(|arm| arm.name == name);
        found.ok_or_else(|| EvidenceError::scores(name, "", "the protocol names no such arm"))
    }

    fn choice(&self, arm: usize) -> Result<&'a ArmChoice> {
        chosen_of(self.choices, &self.protocol.arms[arm].name)
    }

    fn grid(&self, arm: usize) -> Result<usize> {
        Ok(self.choice(arm)?.grid)
    }

    /// The view of an arm thinned to `few` points of its grid: those of its front among the first that were chosen.
    fn view(&mut self, arm: usize, few: usize) -> Result<usize> {
        let chosen = self.choice(arm)?;
        let points = self.held.points(arm);
        let place = |uid: &String| points.iter().position(|point| point.uid == *uid);
        // One that lacks a score is left out, and noted by the frame.
        let kept: Vec<usize> = chosen.points.iter().take(few).filter_map(place).collect();
        let known = |view: &View| view.arm == arm && view.points == kept;
        if let Some(at) = self.views.iter().position(known) {
            return Ok(at);
        }
        if kept.is_empty() {
            let problem = "no chosen point has all its scores on test prompts";
            return Err(EvidenceError::scores(&chosen.arm, &chosen.setting, problem));
        }
        self.views.push(View::new(&self.held, arm, kept));
        Ok(self.views.len() - 1)
    }

    fn read(&self, progress: Progress<'_>) -> Result<Runs> {
        let (layout, views, pairs) = (&self.layout, &self.views, &self.pairs);
        Ok(Runs::read(
            &self.held,
            self.protocol.draws,
            progress,
            |arms| {
                let alone = views.iter().flat_map(|view| layout.alone(view, arms));
                let paired = pairs.iter().flat_map(|&[a, b]| {
                    let members = [&views[a], &views[b]].map(|view| view.members(arms));
                    layout.paired(&members)
                });
                alone.chain(paired).collect()
            },
        )?)
    }

    fn arms(&self, runs: &Runs) -> Result<Vec<ArmFigures>> {
        let unit = vec![[0.0, 1.0]; self.protocol.objectives.len()];
        let mut all = Vec::with_capacity(self.protocol.arms.len());
        for (arm, plan) in self.protocol.arms.iter().enumerate() {
            let chosen = self.choice(arm)?;
            let number = |at: usize| known(runs.number(at), plan.name.as_str());
            let margins = 0..self.protocol.margins.len();
            let volumes = margins.map(|margin| number(self.layout.volume(arm, margin)));
            let means = over_seeds(&self.whole.means(arm));
            let points = self.whole.points(arm);
            let best = points.iter().position(|point| point.uid == chosen.best);
            let front = over_seeds(&self.held.means(arm));
            all.push(ArmFigures {
                arm: plan.name.clone(),
                setting: chosen.setting.clone(),
                points: self.views[arm].points.len(),
                grid: chosen.grid,
                volumes: volumes.collect::<Result<_>>()?,
                igd_plus: number(self.layout.igd_plus(arm))?,
                r2: number(self.layout.r2(arm))?,
                sparsity: sparsity(&front),
                following: following_within(&self.whole, arm, &unit),
                best: chosen.best.clone(),
                best_z: best.map(|at| self.protocol.frozen.mean_z(&means[at])),
                budget: plan.budget,
                answers: chosen.answers,
            });
        }
        Ok(all)
    }

    fn contrasts(&self, runs: &Runs, seen: &Seen) -> Result<Vec<Contrast>> {
        let mut found = Vec::with_capacity(self.pairs.len());
        for (at, plan) in self.protocol.contrasts.iter().enumerate() {
            found.push(self.contrast(runs, at, plan)?);
        }
        by_holm(&mut found);
        for contrast in &mut found {
            self.settle(contrast, seen);
        }
        controls(&mut found, &self.protocol.contrasts);
        for contrast in &mut found {
            contrast.sentence = sentence(self.protocol, seen, contrast);
        }
        Ok(found)
    }

    /// A contrast's numbers; what depends on the others of its table is filled in later.
    fn contrast(&self, runs: &Runs, at: usize, plan: &ContrastPlan) -> Result<Contrast> {
        let [a, b] = self.pairs[at];
        let arms = [self.views[a].arm, self.views[b].arm];
        let [mine, rival] = [self.choice(arms[0])?, self.choice(arms[1])?];
        let name = format!("{} against {}", plan.a, plan.b);
        let number = |at: usize| known(runs.number(at), name.as_str());
        let difference =
            |of: &dyn Fn(usize) -> usize| known(runs.difference(of(a), of(b)), name.as_str());
        let mut volumes = Vec::with_capacity(self.protocol.margins.len());
        for (margin, &below) in self.protocol.margins.iter().enumerate() {
            let of = |view: usize| self.layout.volume(view, margin);
            let difference = difference(&of)?;
            volumes.push(AtMargin {
                margin: below,
                a: number(of(a))?,
                b: number(of(b))?,
                asked: [difference.low, difference.high],
                difference,
                delta: self.protocol.delta * rival.volumes.get(margin).copied().unwrap_or(0.0),
            });
        }
        let p = volumes.iter().map(|volume| volume.difference.p());
        let budgets = arms.map(|arm| self.protocol.arms[arm].budget);
        let mut unequal = budgets[0].differing(&budgets[1]);
        unequal.extend((mine.answers != rival.answers).then_some(Budget::CHOOSING));
        let named = |item: &&str| plan.differs_in.iter().any(|other| other == item);
        unequal.retain(|item| !named(item));
        Ok(Contrast {
            table: plan.table.clone(),
            a: plan.a.clone(),
            b: plan.b.clone(),
            primary: plan.primary,
            settings: [mine.setting.clone(), rival.setting.clone()],
            points: [a, b].map(|view| self.views[view].points.len()),
            grids: [mine.grid, rival.grid],
            p: p.fold(0.0, f64::max),
            volumes,
            p_holm: None,
            family: 0,
            beside: Beside {
                epsilon: [
                    number(self.layout.epsilon(self.views.len(), at, 0))?,
                    number(self.layout.epsilon(self.views.len(), at, 1))?,
                ],
                epsilon_ratio: self.ratios(runs, at),
                igd_plus: difference(&|view| self.layout.igd_plus(view))?,
                r2: difference(&|view| self.layout.r2(view))?,
                coverage: self.coverage(a, b),
                corners: self.corners(runs, a, b),
            },
            differing: self.differing(a, arms[1]),
            unequal: unequal.into_iter().map(str::to_owned).collect(),
            verdict: super::Verdict {
                finding: Finding::NotShown,
                equivalent: false,
                reservations: Vec::new(),
            },
            sentence: String::new(),
        })
    }

    fn ratios(&self, runs: &Runs, at: usize) -> Option<[Trained; 2]> {
        let way = |way: usize| runs.number(self.layout.ratio(self.views.len(), at, way));
        Some([way(0)?, way(1)?])
    }

    fn coverage(&self, a: usize, b: usize) -> [Covered; 2] {
        let points = |view: usize| {
            let view = &self.views[view];
            (view.arm, view.points.as_slice())
        };
        [
            covered(&self.held, points(a), points(b)),
            covered(&self.held, points(b), points(a)),
        ]
    }

    fn corners(&self, runs: &Runs, a: usize, b: usize) -> Vec<Corner> {
        let objectives = self.protocol.objectives.iter().enumerate();
        let corner = |(k, objective): (usize, &String)| {
            let (one, other) = (self.layout.corner(a, k), self.layout.corner(b, k));
            Some(Corner {
                objective: objective.clone(),
                a: runs.number(one)?,
                b: runs.number(other)?,
                difference: runs.difference(one, other)?,
            })
        };
        objectives.filter_map(corner).collect()
    }

    /// Points of a view that another arm has not, or answers otherwise.
    fn differing(&self, view: usize, rival: usize) -> Differing {
        let view = &self.views[view];
        let place = |arm: usize, uid: &str| {
            let points = self.whole.points(arm).iter();
            points.clone().position(|point| point.uid == uid)
        };
        let alike = |&at: &usize| {
            let uid = &self.held.points(view.arm)[at].uid;
            let found = (place(view.arm, uid), place(rival, uid));
            let (Some(mine), Some(theirs)) = found else {
                return false;
            };
            self.whole.scores_alike((view.arm, mine), (rival, theirs))
        };
        Differing {
            points: view.points.iter().filter(|at| !alike(at)).count(),
            of: view.points.len(),
        }
    }

    /// What may be said of a contrast by itself.
    fn settle(&self, contrast: &mut Contrast, seen: &Seen) {
        let volumes = &contrast.volumes;
        let p = contrast.p_holm.unwrap_or(contrast.p);
        contrast.verdict = verdict(&Grounds {
            differences: volumes.iter().map(|v| v.difference.value).collect(),
            shown: p < ALPHA,
            equivalent: volumes.iter().all(|v| v.difference.is_within(v.delta)),
            unequal: &contrast.unequal,
            seeds: seen.seeds,
            least: self.protocol.least_seeds,
            primary: contrast.primary,
        });
    }
}

/// How often a difference may be shown where there is none.
const ALPHA: f64 = 0.05;

fn chosen_of<'a>(choices: &'a Choices, arm: &str) -> Result<&'a ArmChoice> {
    let found = choices.arm(arm);
    found.ok_or_else(|| EvidenceError::scores(arm, "", "nothing was chosen for it; choose again"))
}

/// The chosen points of an arm, as the test measured them.
fn kept(test: &Arm, chosen: &ArmChoice) -> Result<Arm> {
    let place = |uid: &String| {
        let found = test.points.iter().position(|point| point.uid == *uid);
        found.ok_or_else(|| {
            let problem = format!("point `{uid}` was chosen, and is not measured on test prompts");
            EvidenceError::scores(&chosen.arm, &chosen.setting, problem)
        })
    };
    let places: Vec<usize> = chosen.points.iter().map(place).collect::<Result<_>>()?;
    Ok(test.only(&places))
}

/// A number that must be there.
fn known(number: Option<Trained>, of: &str) -> Result<Trained> {
    number.ok_or_else(|| EvidenceError::scores(of, "test", "an indicator is not finite"))
}

/// Holm's rule over the primary contrasts of each table: probabilities as if each stood alone, and the intervals at the
/// level that its rank asks for.
fn by_holm(contrasts: &mut [Contrast]) {
    let mut tables: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, contrast) in contrasts.iter().enumerate() {
        let of = tables.entry(contrast.table.clone()).or_default();
        if contrast.primary {
            of.push(at);
        }
    }
    for at in 0..contrasts.len() {
        let family = tables
            .get(&contrasts[at].table)
            .cloned()
            .unwrap_or_default();
        contrasts[at].family = family.len();
        let Some(place) = family.iter().position(|other| *other == at) else {
            continue;
        };
        let p: Vec<f64> = family.iter().map(|&other| contrasts[other].p).collect();
        let before = |other: &usize| (p[*other], *other) < (p[place], place);
        let rank = (0..p.len()).filter(before).count();
        let level = 1.0 - ALPHA / (p.len() - rank) as f64;
        contrasts[at].p_holm = holm(&p).get(place).copied();
        for volume in &mut contrasts[at].volumes {
            volume.asked = volume.difference.interval(level);
        }
    }
}

/// Notes the controls that an arm which is ahead has not beaten.
fn controls(contrasts: &mut [Contrast], plans: &[ContrastPlan]) {
    for at in 0..contrasts.len() {
        if contrasts[at].verdict.finding != Finding::Ahead {
            continue;
        }
        for control in &plans[at].controls {
            let (table, a) = (&contrasts[at].table, &contrasts[at].a);
            let beaten = contrasts.iter().any(|other| {
                let held = other.table == *table && other.a == *a && other.b == *control;
                held && other.verdict.finding == Finding::Ahead
            });
            if !beaten {
                let name = control.clone();
                contrasts[at]
                    .verdict
                    .reservations
                    .push(Reservation::Control { name });
            }
        }
    }
}
