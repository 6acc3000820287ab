//! One autoregressive reward model for all preferences (PARM, Lin et al. 2025).
//!
//! | step | in → out | file |
//! |---|---|---|
//! | draw | seed and step → a preference | `dirichlet` |
//! | forward | hidden states and the preference → what the factors add | `train/steered.rs` |
//! | loss | pairs about each objective `i` → `Σ wᵢ Lᵢ(w)`, `Lᵢ` GenARM's loss on the step's own | here |
//! | files | factors → ordinary adapters and `parm.json` | here |

mod dirichlet;

use std::path::Path;

use serde_json::json;

use self::dirichlet::preference_of;
use super::base::{Base, digest};
use super::config::{Start, open_device};
use super::descent::{Descent, Objective, StepExamples};
use super::dpo::Pair;
use super::files;
use super::filter::Filtered;
use super::forward::TrainModel;
use super::metrics::Figures;
use super::out_folder::{check_writable, hold};
use super::pair_loss::{Judged, batch_of, log_ratios, numbers_of};
use super::parallel::ShareLoss;
use super::params::NamedVars;
use super::progress::TrainReporter;
use super::runner::{Runner, TrainReport};
use super::steered::Layout;
use crate::types::ParmConfig;
use crate::weights::{ParmFolder, ParmPart};
use crate::{Error, Result};

/// The pairs about one objective.
#[derive(Debug, Clone, Copy)]
pub struct ObjectivePairs<'a> {
    /// The objective's name.
    pub name: &'a str,
    /// The pairs.
    pub pairs: &'a [Pair],
}

/// Trains on pairs about each objective and leaves [`ParmFolder`]'s adapters in `out`.
pub fn parm(
    config: &ParmConfig,
    start: &Start,
    sets: &[ObjectivePairs<'_>],
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    check_names(sets)?;
    let run = &config.train.run;
    config.train.check()?;
    check_writable(out, run, &start.folders())?;
    let device = open_device(run)?;
    let base = Base::open(start, run.seed, &device)?;
    config.check(&base.shape.projections())?;
    let examples = || {
        sets.iter()
            .flat_map(|s| s.pairs)
            .flat_map(|pair| pair.both())
    };
    base.check_tokens(examples())?;
    let longest = base.longest(&config.train);
    let (mut filtered, mut sizes, mut first) = (Filtered::default(), Vec::new(), 0);
    for set in sets {
        let count = filtered.add(set.pairs, first, |pair| pair.fit(longest));
        if count == 0 {
            let problem = format!(
                "has no pair about {} that fits; at least one is needed",
                set.name
            );
            return Err(Error::option("data", problem));
        }
        first += set.pairs.len();
        sizes.push(count);
    }
    let names: Vec<&str> = sets.iter().map(|set| set.name).collect();
    let mut settings = base.settings("parm", config, digest(examples()));
    let counts: Vec<_> = sets.iter().map(|set| (set.name, set.pairs.len())).collect();
    settings["objectives"] = json!(counts);
    let layout = Layout {
        config,
        objectives: sets.len(),
    };
    let model = TrainModel::steered(base.shape.clone(), &base.weights, layout, run.seed)?;
    let _held = hold(out, run, &start.folders(), "parm")?;
    if run.overwrite {
        ParmFolder::remove(out)?;
    }
    let runner = Runner {
        model: &model,
        folder: out,
        config: run,
        settings,
        left_out: filtered.left_out,
        places: filtered.places,
    };
    let objective = Parm {
        config,
        names: &names,
        owners: sizes
            .iter()
            .enumerate()
            .flat_map(|(set, &count)| std::iter::repeat_n(set, count))
            .collect(),
        sizes,
        pairs: filtered.kept,
    };
    let mut descent = Descent::new(&config.train, &model, &objective)?;
    let report = runner.run(&mut descent, reporter)?;
    write(config, &names, &base.place(), model.vars(), out)?;
    Ok(report)
}

/// Names become folders beside the shared part's.
fn check_names(sets: &[ObjectivePairs<'_>]) -> Result<()> {
    let wrong = |problem: String| Err(Error::option("data", problem));
    if sets.len() < 2 {
        let problem = "names pairs about {} objective; a preference is between two at least";
        return wrong(problem.replace("{}", &sets.len().to_string()));
    }
    for (index, set) in sets.iter().enumerate() {
        if let Some(problem) = ParmFolder::refuse_name(set.name) {
            return wrong(format!("calls an objective `{}`, {problem}", set.name));
        }
        if sets[..index].iter().any(|other| other.name == set.name) {
            return wrong(format!(
                "names the objective {} twice; names differ",
                set.name
            ));
        }
    }
    Ok(())
}

/// The adapters, and last what says that they are there.
pub(super) fn write(
    config: &ParmConfig,
    names: &[&str],
    base: &str,
    vars: &NamedVars,
    out: &Path,
) -> Result<()> {
    let folder = ParmFolder::of(names);
    let (shared, steered) = (config.shared(), config.steered());
    files::write_adapter(
        &out.join(&folder.shared),
        base,
        &shared,
        &Layout::shared(vars),
    )?;
    for (index, ParmPart { path, .. }) in folder.objectives.iter().enumerate() {
        let factors = Layout::steered(vars, index)?;
        files::write_adapter(&out.join(path), base, &steered, &factors)?;
    }
    folder.save(out)
}

struct Parm<'a> {
    config: &'a ParmConfig,
    names: &'a [&'a str],
    /// Pairs about each objective.
    sizes: Vec<usize>,
    /// The objective that each pair is about.
    owners: Vec<usize>,
    pairs: Vec<&'a Pair>,
}

impl Objective for Parm<'_> {
    fn lengths(&self) -> Vec<usize> {
        self.pairs.iter().map(|p| p.len()).collect()
    }

    fn weight(&self, _index: usize) -> usize {
        1
    }

    fn sets(&self) -> Vec<usize> {
        self.sizes.clone()
    }

    fn loss(
        &self,
        model: &TrainModel,
        share: &[usize],
        step: &StepExamples<'_>,
    ) -> Result<ShareLoss> {
        let seed = self.config.train.run.seed;
        let count = self.names.len();
        let preference = preference_of(seed, step.number, count, self.config.concentration);
        let mut pairs_of = vec![0usize; count];
        for &index in step.indices {
            pairs_of[self.owners[index]] += 1;
        }
        // `wᵢ` times the mean over the objective's own pairs, as parts of a mean over all.
        let of_own = |owner: usize| step.weight as f64 / pairs_of[owner].max(1) as f64;
        let weights: Vec<f32> = self
            .owners
            .iter()
            .map(|&owner| (preference[owner] * of_own(owner)) as f32)
            .collect();
        let batch = batch_of(&self.pairs, share);
        let pass = model.learn_at(&batch, &preference)?;
        let margins = (log_ratios(&batch, &pass.output)? * self.config.beta)?;
        let weights = numbers_of(&weights, share, &margins)?;
        let judged = Judged::of(&margins, &weights, step.weight)?;
        let mut figures = Figures::default();
        for ((&index, &margin), &loss) in share.iter().zip(&judged.margins).zip(&judged.losses) {
            let owner = self.owners[index];
            let name = self.names[owner];
            let right = if margin > 0.0 { of_own(owner) } else { 0.0 };
            figures.add(&Figures::new([
                ("parm".to_owned(), f64::from(loss)),
                (format!("accuracy.{name}"), right),
                (format!("margin.{name}"), f64::from(margin) * of_own(owner)),
                (
                    format!("preference.{name}"),
                    preference[owner] * of_own(owner),
                ),
            ]));
        }
        Ok(ShareLoss {
            loss: judged.loss,
            pass,
            figures,
        })
    }
}
