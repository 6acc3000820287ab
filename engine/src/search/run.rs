//! Tries until the budget is spent.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use paretoscope_core::search::{Try, search as propose};
use serde::Serialize;

use super::log::{Log, Tried};
use super::made::{Maker, norm, place};
use super::measure::{Swept, Volume, Yardstick, arm, corners, study, sweep};
use super::plan::SearchPlan;
use crate::bundle::{Bundle, LoadOptions};
use crate::lock::FolderLock;
use crate::output::folder_atomically;
use crate::stats::{Arm, Estimate};
use crate::study::Study;
use crate::types::{BundleIdentity, serialize_shown};
use crate::{Error, Result};

/// What is new of a search.
#[derive(Debug, Clone, PartialEq)]
pub enum SearchNews {
    /// Answers of a try, or of the anchors, which no try is.
    Measuring {
        /// Which; `None` for the anchors.
        number: Option<usize>,
        /// Answers that are scored.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// A try is measured, or was before.
    Tried(Tried),
}

/// Whom a search tells about its progress, and who may stop it.
pub trait SearchListener {
    /// Called with what is new.
    fn news(&mut self, news: SearchNews);

    /// Asked often; `true` ends it with [`Error::Cancelled`], and the same plan goes on later.
    fn cancelled(&self) -> bool;
}

/// What a search found and spent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchOutcome {
    /// The settings that were chosen, by name.
    pub settings: BTreeMap<String, f64>,
    /// The try that they are of.
    pub best: Tried,
    /// The try of the usual settings.
    pub start: Tried,
    /// Tries within one standard error of the largest volume: of those the one with the smallest norm is chosen.
    pub tied: usize,
    /// What the chosen volume is above that of the usual settings, with its interval over prompts: optimistic, for it was
    /// chosen on the same prompts.
    pub gain: Estimate,
    /// What was spent.
    pub spent: Spent,
    /// Every try.
    #[serde(serialize_with = "serialize_shown")]
    pub log: PathBuf,
    /// A bundle with the chosen expert.
    #[serde(serialize_with = "serialize_shown")]
    pub bundle: PathBuf,
}

/// What a search cost, over all times that it ran.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spent {
    /// Tries that were measured, the usual settings among them.
    pub tries: usize,
    /// Tries that were allowed.
    pub budget: usize,
    /// Prompts.
    pub prompts: usize,
    /// Answers generated for tries.
    pub generations: usize,
    /// Seconds of making and measuring tries.
    pub seconds: f64,
}

/// Searches settings of a merge, or of a rescale, by what their bundles score on validation prompts.
///
/// # Errors
/// [`Error::Option`] where the plan does not fit the bundle, nothing can be measured, or the folder holds another search;
/// [`Error::Cancelled`] where the listener stops it: the same plan goes on from its log.
pub fn search(
    plan: &SearchPlan,
    options: &LoadOptions,
    listener: &mut dyn SearchListener,
) -> Result<SearchOutcome> {
    if plan.prompts.is_empty() {
        let problem =
            "holds no validation prompt, on which settings are chosen; give lines a \"split\"";
        return Err(Error::option("--prompts", problem));
    }
    plan.search.check()?;
    let maker = Maker::new(plan)?;
    let _held = FolderLock::hold(&plan.out, "search")?;
    let mut searcher = Searcher::new(plan, &maker, options, listener)?;
    propose(&plan.search, &mut |tried| searcher.value(tried))?;
    searcher.conclude()
}

struct Searcher<'a> {
    plan: &'a SearchPlan,
    maker: &'a Maker<'a>,
    options: LoadOptions,
    listener: &'a mut dyn SearchListener,
    log: Log,
    yardstick: Yardstick,
}

impl<'a> Searcher<'a> {
    /// Measures the anchors, which takes no time where the study has them.
    fn new(
        plan: &'a SearchPlan,
        maker: &'a Maker<'a>,
        options: &LoadOptions,
        listener: &'a mut dyn SearchListener,
    ) -> Result<Self> {
        let options = LoadOptions {
            rewards: true,
            probe: false,
            ..options.clone()
        };
        let bundle = load(&plan.bundle, &options, listener)?;
        let identity = BundleIdentity {
            adapters: Vec::new(),
            ..bundle.info.identity.clone()
        };
        if let Some(objective) = bundle
            .info
            .objectives
            .iter()
            .find(|o| o.reward_kind.is_none())
        {
            let problem = format!(
                "has no reward model for {}, by which tries are measured",
                objective.name
            );
            return Err(Error::option("--bundle", problem));
        }
        let log = Log::open(plan, &identity)?;
        let grid = corners(bundle.info.objectives.len());
        let anchors = swept(&bundle, plan, grid, None, listener)?;
        let yardstick = Yardstick::of(&arm(&Study::open(&study(plan))?, anchors.sweep)?)?;
        Ok(Self {
            plan,
            maker,
            options,
            listener,
            log,
            yardstick,
        })
    }

    /// The value of a try: its volume, NaN where it has none.
    fn value(&mut self, tried: &Try) -> Result<f64> {
        let line = match self.log.find(tried) {
            Some(line) => line.clone(),
            None => {
                let line = self.measure(tried)?;
                self.log.keep(line.clone())?;
                line
            }
        };
        let value = line.hypervolume.unwrap_or(f64::NAN);
        self.listener.news(SearchNews::Tried(line));
        Ok(value)
    }

    fn measure(&mut self, tried: &Try) -> Result<Tried> {
        let begun = Instant::now();
        let folder = place(&self.plan.out, tried.number);
        let adapter = folder.join("expert");
        self.make(tried, &adapter)?;
        let mut manifest = self.maker.bundle(&adapter)?;
        manifest.name = format!("{}, try {}", manifest.name, tried.number);
        manifest.save(&folder)?;
        let bundle = load(&folder, &self.options, self.listener)?;
        let grid = self.plan.grid.clone();
        let Swept { sweep, rows, made } =
            swept(&bundle, self.plan, grid, Some(tried.number), self.listener)?;
        let arm = arm(&Study::open(&study(self.plan))?, sweep)?;
        // Whose rows all failed has no front.
        let volume = match self.yardstick.volumes(&[arm], &self.go_on()) {
            Ok(volumes) => volumes.into_iter().next().filter(|v| v.value.is_finite()),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => {
                tracing::warn!(number = tried.number, %error, "a try without a front");
                None
            }
        };
        let norm = norm(&adapter, self.maker.base())?;
        // The log holds what is needed, and the best is made once more.
        std::fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder))?;
        Ok(Tried {
            tried: tried.clone(),
            hypervolume: volume.as_ref().map(|v| v.value),
            se: volume.as_ref().map(Volume::error),
            norm,
            sweep,
            rows,
            made,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// Makes a try's expert, unless a run before left it.
    fn make(&self, tried: &Try, adapter: &std::path::Path) -> Result<()> {
        if adapter.exists() {
            return Ok(());
        }
        let parent = adapter.parent().unwrap_or(adapter);
        std::fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        let go_on = self.go_on();
        self.maker
            .expert(&tried.values, adapter, &mut |_progress| match go_on() {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Cancelled),
            })
    }

    fn go_on(&self) -> impl Fn() -> ControlFlow<()> + use<'_, 'a> {
        || {
            if self.listener.cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }

    /// The best of all tries within the budget, in a bundle.
    fn conclude(self) -> Result<SearchOutcome> {
        let within = |line: &&Tried| line.tried.number < self.plan.search.budget;
        let lines: Vec<&Tried> = self.log.lines().iter().filter(within).collect();
        let measured: Vec<&Tried> = lines
            .iter()
            .copied()
            .filter(|l| l.hypervolume.is_some())
            .collect();
        let study = Study::open(&study(self.plan))?;
        let arms: Vec<Arm> = measured
            .iter()
            .map(|line| arm(&study, line.sweep))
            .collect::<Result<_>>()?;
        if arms.is_empty() {
            let problem = format!(
                "none of {} tries has a front; see {}",
                lines.len(),
                self.log.path().display()
            );
            return Err(Error::option("search", problem));
        }
        let volumes = self.yardstick.volumes(&arms, &self.go_on())?;
        let Choice { best, tied } = choose(
            &volumes,
            &measured.iter().map(|l| l.norm).collect::<Vec<_>>(),
        );
        let start = measured.iter().position(|line| line.tried.number == 0);
        let start = start.ok_or_else(|| {
            Error::option(
                "search",
                "the usual settings have no front, and nothing can be said of a gain",
            )
        })?;
        let pairs = volumes[best].drawn.iter().zip(&volumes[start].drawn);
        let gains: Vec<f64> = pairs.map(|(best, start)| best - start).collect();
        let best = measured[best];
        let axes = self.plan.search.space.axes().iter();
        let settings = axes
            .zip(&best.tried.values)
            .map(|(axis, v)| (axis.name.clone(), *v));
        let bundle = self.plan.out.join("bundle");
        self.keep(best, &bundle)?;
        Ok(SearchOutcome {
            settings: settings.collect(),
            best: best.clone(),
            start: measured[start].clone(),
            tied,
            gain: Estimate::of(
                best.hypervolume.unwrap_or(f64::NAN)
                    - measured[start].hypervolume.unwrap_or(f64::NAN),
                &gains,
            ),
            spent: Spent {
                tries: lines.len(),
                budget: self.plan.search.budget,
                prompts: self.plan.prompts.len(),
                generations: lines.iter().map(|line| line.made).sum(),
                seconds: lines.iter().map(|line| line.seconds).sum(),
            },
            log: self.log.path().to_path_buf(),
            bundle,
        })
    }

    /// The chosen expert in `expert-NUMBER`, and the bundle that has it; one of an earlier, smaller budget goes.
    fn keep(&self, best: &Tried, bundle: &std::path::Path) -> Result<()> {
        let adapter = self.plan.out.join(format!("expert-{}", best.tried.number));
        self.make(&best.tried, &adapter)?;
        let manifest = self.maker.bundle(&adapter)?;
        if bundle.exists() {
            std::fs::remove_dir_all(bundle).map_err(Error::io("replace", bundle))?;
        }
        folder_atomically(bundle, |folder| manifest.save(folder))
    }
}

struct Choice {
    best: usize,
    tied: usize,
}

/// Of the volumes within one standard error of the largest, the standard error being that of the difference, the one of the
/// smallest norm: what changes the model least.
fn choose(volumes: &[Volume], norms: &[f64]) -> Choice {
    let by_value = |a: &usize, b: &usize| volumes[*a].value.total_cmp(&volumes[*b].value);
    let top = (0..volumes.len()).max_by(by_value).unwrap_or(0);
    let close = |at: &usize| {
        let off = volumes[top].value - volumes[*at].value;
        off <= volumes[top].error_to(&volumes[*at])
    };
    let tied: Vec<usize> = (0..volumes.len())
        .filter(|at| *at == top || close(at))
        .collect();
    let smallest = tied
        .iter()
        .copied()
        .min_by(|a, b| norms[*a].total_cmp(&norms[*b]));
    Choice {
        best: smallest.unwrap_or(top),
        tied: tied.len(),
    }
}

fn swept(
    bundle: &Bundle,
    plan: &SearchPlan,
    grid: crate::protocol::SweepGrid,
    number: Option<usize>,
    listener: &mut dyn SearchListener,
) -> Result<Swept> {
    let mut told = None;
    sweep(bundle, plan, grid, number.is_none(), &mut |progress| {
        if told != Some(progress.rows_done) {
            told = Some(progress.rows_done);
            listener.news(SearchNews::Measuring {
                number,
                done: progress.rows_done,
                of: progress.rows,
            });
        }
        if listener.cancelled() && progress.rows_done < progress.rows {
            return Err(Error::Cancelled);
        }
        Ok(())
    })
}

fn load(
    folder: &std::path::Path,
    options: &LoadOptions,
    listener: &dyn SearchListener,
) -> Result<Bundle> {
    Bundle::load(folder, options, &mut |_stage, _fraction| {
        if listener.cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(value: f64, shape: [f64; 4]) -> Volume {
        Volume {
            value,
            drawn: shape.map(|off| value + off).to_vec(),
        }
    }

    #[test]
    fn ties_go_to_the_smaller_and_sure_differences_to_the_larger() {
        let noise = [0.1, -0.1, 0.1, -0.1];
        let other = [-0.1, 0.1, 0.1, -0.1];
        let volumes = [
            volume(0.50, noise),
            volume(0.52, other),
            volume(0.49, noise),
        ];
        // The first differs from the best by less than the error of the difference.
        let chosen = choose(&volumes, &[1.0, 2.0, 0.5]);
        assert_eq!((chosen.best, chosen.tied), (2, 3));
        // Drawn alike, a small difference is sure.
        let alike = [volume(0.50, noise), volume(0.52, noise)];
        let chosen = choose(&alike, &[1.0, 2.0]);
        assert_eq!((chosen.best, chosen.tied), (1, 1));
        assert_eq!(choose(&alike[..1], &[9.0]).best, 0);
    }
}
