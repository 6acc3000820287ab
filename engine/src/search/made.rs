//! A try's expert, and the bundle that has it.

use std::path::{Path, PathBuf};

use super::plan::{SearchPlan, Searched, Setting, Target, coefficient};
use crate::bundle::{Addition, Manifest, Part, extended};
use crate::forge::expert::{ExpertSettings, of_merge, of_source};
use crate::forge::merge::{MergeSettings, concatenate};
use crate::forge::{DeltaSource, Precision, Rescale, Tell};
use crate::routing::Complex;
use crate::types::{Expert, ExpertKind, Preference};
use crate::{Error, Result};

/// What tries are made of.
pub(super) struct Maker<'a> {
    plan: &'a SearchPlan,
    manifest: Manifest,
    sources: Vec<DeltaSource>,
    /// Name and share of the preference of each source.
    names: Vec<(String, f64)>,
    rank: usize,
}

impl<'a> Maker<'a> {
    /// Opens what the bundle's experts came from.
    pub(super) fn new(plan: &'a SearchPlan) -> Result<Self> {
        let manifest = Manifest::load(&plan.bundle)?.rooted(&plan.bundle)?;
        if let Searched::Merge {
            target: Target::New { name, preference },
            ..
        } = &plan.what
        {
            free(&manifest, &plan.bundle, name, preference)?;
        }
        let (mut sources, mut names) = (Vec::new(), Vec::new());
        for (entry, share) in plan.what.sources(&manifest, &plan.bundle)? {
            sources.push(DeltaSource::open(&entry.path, Some(&manifest.base))?);
            names.push((entry.name, share));
        }
        let largest =
            |source: &DeltaSource| source.deltas().iter().filter_map(|d| source.rank(d)).max();
        let rank = sources.iter().filter_map(largest).max();
        let rank = plan.rank.or(rank).ok_or_else(|| {
            Error::option(
                "--rank",
                "is needed: no expert that is merged has a rank to go by",
            )
        })?;
        Ok(Self {
            plan,
            manifest,
            sources,
            names,
            rank,
        })
    }

    /// The value of a setting at a try, or what it is where it is not searched.
    fn value(&self, values: &[f64], setting: Setting, name: &str) -> f64 {
        let axes = self.plan.search.space.axes().iter();
        let found = axes.zip(values).find(|(axis, _)| axis.name == name);
        found.map_or_else(|| self.plan.what.default_of(setting), |(_, value)| *value)
    }

    /// Makes the expert of these settings in a new folder.
    pub(super) fn expert(&self, values: &[f64], folder: &Path, tell: Tell<'_>) -> Result<()> {
        let of = |setting: Setting| self.value(values, setting, setting.name());
        let settings = ExpertSettings {
            base: self.manifest.base.clone(),
            rank: self.rank,
            prune: self.plan.prune,
            rescale: Rescale::Factor(of(Setting::Rescale)),
            precision: Precision::F32,
            seed: self.plan.search.seed,
        };
        match (&self.plan.what, &self.sources[..]) {
            (Searched::Rescale { .. }, [source]) => of_source(&settings, source, folder, tell),
            (Searched::Rescale { .. }, _) => Err(Error::internal("a rescale of several experts")),
            (Searched::Merge { method, .. }, sources) => {
                let weight = |(name, share): &(String, f64)| {
                    share * self.value(values, Setting::Coefficients, &coefficient(name))
                };
                let merge = MergeSettings {
                    density: of(Setting::Density),
                    // The coefficients hold the method's own constant.
                    scale: 1.0,
                    seed: self.plan.search.seed,
                    ..MergeSettings::new(*method, self.names.iter().map(weight).collect())
                };
                of_merge(&settings, sources, &merge, 0, folder, tell)
            }
        }
    }

    /// The bundle with the expert in `folder` in its place.
    pub(super) fn bundle(&self, folder: &Path) -> Result<Manifest> {
        let name = match &self.plan.what {
            Searched::Rescale { expert } => expert,
            Searched::Merge {
                target: Target::Instead(expert),
                ..
            } => expert,
            Searched::Merge {
                target: Target::New { name, preference },
                ..
            } => {
                let addition = Addition {
                    part: Part::Lora(preference.clone()),
                    name: name.clone(),
                    path: folder.to_path_buf(),
                };
                return extended(&self.plan.bundle, &addition);
            }
        };
        let path = folder.canonicalize().map_err(Error::io("find", folder))?;
        let mut manifest = self.manifest.clone();
        let entry = manifest
            .experts
            .iter_mut()
            .find(|entry| entry.name == *name);
        let entry = entry.ok_or_else(|| Error::internal("an expert that was there is gone"))?;
        entry.path = path;
        Ok(manifest)
    }

    /// The base model's folder.
    pub(super) fn base(&self) -> &Path {
        &self.manifest.base
    }
}

/// Refuses a new expert whose name or place another one has, before anything is measured.
fn free(manifest: &Manifest, folder: &Path, name: &str, preference: &[f64]) -> Result<()> {
    let mut experts = manifest.experts(folder)?;
    if experts.iter().any(|expert| expert.name == name) {
        let problem = format!(
            "`{name}` is taken by an expert of the bundle; give another one, or take its place with --expert"
        );
        return Err(Error::option("--name", problem));
    }
    let objectives = manifest.objective_count();
    experts.push(Expert {
        kind: ExpertKind::Lora,
        name: name.to_owned(),
        preference: Preference::with_len(preference.to_vec(), objectives)
            .map_err(Error::point("--preference"))?,
    });
    let placed = Complex::new(&experts, objectives);
    placed
        .map(drop)
        .map_err(|e| Error::option("--preference", e.to_string()))
}

/// The Frobenius norm of what an adapter adds, over all modules: how much it changes the model.
pub(super) fn norm(adapter: &Path, base: &Path) -> Result<f64> {
    let source = DeltaSource::open(adapter, Some(base))?;
    let modules = concatenate(std::slice::from_ref(&source), &[1.0])?;
    // |BA|^2 is the sum over the entries of (B'B)(AA'), both symmetric and of the rank's size.
    let square = |module: &crate::forge::Module| -> f64 {
        let (b, a) = (
            module.b.transposed_times(&module.b),
            module.a.times_transposed(&module.a),
        );
        let products = b.values().iter().zip(a.values());
        products
            .map(|(b, a)| f64::from(*b) * f64::from(*a))
            .sum::<f64>()
            * module.scale
            * module.scale
    };
    Ok(modules.iter().map(square).sum::<f64>().max(0.0).sqrt())
}

/// Where a try is made.
pub(super) fn place(out: &Path, number: usize) -> PathBuf {
    out.join("tries").join(format!("{number:04}"))
}
