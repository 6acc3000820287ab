//! What the new vector changes: two sweeps of the study at equal points, without it and with it.

use std::path::{Path, PathBuf};

use super::data::Asked;
use super::run::LearnListener;
use crate::bundle::{Addition, Bundle, LoadOptions, extend, extended};
use crate::protocol::{SweepGrid, SweepPlan};
use crate::study::{Study, SweepState};
use crate::sweep::sweep_whole;
use crate::types::{
    LearnNews, LearnPlan, Measured, NamedPoint, Part, Point, Sampling, Split, Weights,
};
use crate::{Error, Result};

/// Rows that go through the model together.
const SLOTS: usize = 32;

/// Where a plan measures.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Places {
    /// Weights of the bundle's value vectors, each once, the base model first.
    pub(super) points: Vec<Weights>,
    /// In words.
    pub(super) words: String,
}

impl Places {
    /// The plan's own points, else those of the task's sweeps: weights as they are, preferences as weights of the value
    /// vectors, one per objective. The base model is always among them.
    ///
    /// # Errors
    /// [`Error::Option`] where points do not fit the bundle's value vectors.
    pub(super) fn of(
        plan: &LearnPlan,
        study: &Study,
        sweeps: &[SweepState],
        values: usize,
    ) -> Result<Self> {
        let mut points = vec![Weights::zero(values)];
        let mut add = |point: Weights| {
            if !points.contains(&point) {
                points.push(point);
            }
        };
        let fit = |numbers: &[f64]| {
            Weights::with_len(numbers.to_vec(), values).map_err(Error::point("points"))
        };
        let mut preferences = false;
        for point in &plan.points {
            add(fit(point.as_slice())?);
        }
        if plan.points.is_empty() {
            for sweep in sweeps {
                for (_, point) in study.sweep_scores(sweep.id, None)?.points {
                    preferences |= matches!(point, Point::Preference(_));
                    if !point.is_base() {
                        add(fit(point.as_slice())?);
                    }
                }
            }
        }
        let from = match (plan.points.is_empty(), preferences) {
            (false, _) => "as given",
            (true, false) => "of the task",
            (true, true) => "of the task, its preferences as weights of the value vectors",
        };
        Ok(Self {
            words: format!("{} points {from}, the base model among them", points.len()),
            points,
        })
    }

    pub(super) fn listed(&self, more: Option<f64>) -> Result<SweepGrid> {
        let place = |point: &Weights| {
            let mut numbers = point.as_slice().to_vec();
            numbers.extend(more);
            let point = Weights::new(numbers).map_err(Error::point("weight"))?;
            Ok(NamedPoint::from(Point::Weights(point)))
        };
        Ok(SweepGrid::List {
            points: self.points.iter().map(place).collect::<Result<_>>()?,
        })
    }
}

/// Where the bundle with the vector is to stand.
///
/// # Errors
/// [`Error::Option`] where something else stands there already.
pub(super) fn place_of_bundle(plan: &LearnPlan) -> Result<PathBuf> {
    let out = plan.out.join("bundle");
    let Ok(entries) = std::fs::read_dir(&out) else {
        return Ok(out);
    };
    let mut entries = entries.map(|entry| entry.map(|entry| entry.file_name()));
    // What a run makes is one file that points at others.
    let ours = entries.all(|name| name.is_ok_and(|name| name == "bundle.json"));
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    if !ours || real(&out) == real(&plan.bundle) {
        let problem = format!(
            "{} is there and not of this run; name another folder",
            out.display()
        );
        return Err(Error::option("--out", problem));
    }
    Ok(out)
}

/// Makes the bundle with the vector in `bundle/` of the run's folder, anew each time: it is a file that points at others.
pub(super) fn bundle_with(plan: &LearnPlan) -> Result<PathBuf> {
    let addition = Addition {
        part: Part::Value,
        name: plan.name.clone(),
        path: plan.out.clone(),
    };
    let out = place_of_bundle(plan)?;
    // Refused before the one made earlier goes.
    extended(&plan.bundle, &addition)?;
    if out.exists() {
        std::fs::remove_dir_all(&out).map_err(Error::io("replace", &out))?;
    }
    extend(&plan.bundle, &addition, &out)?;
    Ok(out)
}

/// Loads a bundle; gives up where the listener does.
pub(super) fn load(
    folder: &Path,
    options: &LoadOptions,
    listener: &dyn LearnListener,
) -> Result<Bundle> {
    Bundle::load(folder, options, &mut |_stage, _fraction| {
        if listener.cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    })
}

/// What is measured of a bundle.
pub(super) struct Measuring<'a> {
    pub(super) plan: &'a LearnPlan,
    pub(super) bundle: &'a Bundle,
    pub(super) places: &'a Places,
    pub(super) sampling: &'a Sampling,
    pub(super) what: Measured,
}

impl Measuring<'_> {
    /// Answers every prompt at every point, scores and stores it; the number of the sweep. What the study holds is not
    /// made again.
    pub(super) fn run(
        &self,
        asked: &Asked,
        split: Split,
        listener: &mut dyn LearnListener,
    ) -> Result<i64> {
        let more = (self.what == Measured::After).then_some(self.plan.weight);
        let plan = SweepPlan {
            grid: self.places.listed(more)?,
            prompts: asked.prompts.clone(),
            splits: vec![split; asked.prompts.len()],
            groups: if asked.groups.iter().all(Option::is_none) {
                Vec::new()
            } else {
                asked.groups.clone()
            },
            sampling: self.sampling.clone(),
            include_base: false,
            store: self.plan.study.clone(),
        };
        let mut told = None;
        sweep_whole(self.bundle, plan, SLOTS, &mut |progress| {
            if told != Some(progress.rows_done) {
                told = Some(progress.rows_done);
                listener.news(LearnNews::Measuring {
                    what: self.what,
                    done: progress.rows_done,
                    of: progress.rows,
                    eta_seconds: progress.eta_seconds,
                });
            }
            if listener.cancelled() && progress.rows_done < progress.rows {
                return Err(Error::Cancelled);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotate::Voters;
    use crate::stats::Draws;
    use crate::types::DpoConfig;

    fn plan(folder: &Path) -> LearnPlan {
        LearnPlan {
            study: folder.join("a.study"),
            task: "T".to_owned(),
            objective: "helpful".to_owned(),
            voters: Voters::default(),
            bundle: folder.join("base"),
            out: folder.join("out"),
            name: "votes".to_owned(),
            config: DpoConfig::default(),
            weight: 1.0,
            points: Vec::new(),
            prompts: None,
            in_sample: false,
            draws: Draws::default(),
        }
    }

    #[test]
    fn nothing_of_somebody_else_s_gives_way_to_the_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let out = plan.out.join("bundle");
        let write = |path: &Path| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        };
        write(&plan.bundle.join("bundle.json"));
        let refused = |plan: &LearnPlan| {
            let error = place_of_bundle(plan).unwrap_err();
            assert!(error.is_input(), "{error}");
            assert!(error.to_string().contains("not of this run"), "{error}");
        };
        assert_eq!(place_of_bundle(&plan).unwrap(), out, "nothing is there");
        std::fs::create_dir_all(&out).unwrap();
        assert_eq!(place_of_bundle(&plan).unwrap(), out, "an empty folder");
        write(&out.join("bundle.json"));
        assert_eq!(place_of_bundle(&plan).unwrap(), out, "an earlier run's");
        for more in ["notes.txt", "adapter/weights.safetensors"] {
            let path = out.join(more);
            write(&path);
            refused(&plan);
            // Making it refuses as well, where what is there came during the training.
            assert!(bundle_with(&plan).is_err() && path.is_file());
            let top = out.join(more.split('/').next().unwrap());
            std::fs::remove_file(&top)
                .or_else(|_| std::fs::remove_dir_all(&top))
                .unwrap();
        }
        assert!(place_of_bundle(&plan).is_ok());

        // The bundle that the run learns with would be taken away, under whichever name it is given.
        let own = LearnPlan {
            bundle: out.clone(),
            ..plan.clone()
        };
        refused(&own);
        assert!(bundle_with(&own).is_err() && out.join("bundle.json").is_file());
        let around = LearnPlan {
            bundle: plan.out.join("../out/./bundle"),
            ..plan
        };
        refused(&around);
    }
}
