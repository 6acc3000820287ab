//! What an evidence run of the demonstration compares, trained anew for a seed: value vectors and the router, their
//! controls, and the methods that ours are compared with; which jobs, with which numbers, and the bundle of all.
//!
//! Authors' numbers are for models of seven billion parameters; this one has one million, a width of 128 and questions
//! of a dozen words. So ranks are smaller, rates higher and answers fewer, all of them written here. What a method with
//! a model per preference needs is trained at a few preferences.

use std::path::{Path, PathBuf};

use super::controls::{CONTROLS, Control, PLAIN};
use super::dataset::{self, Source};
use super::evaluate::LIMIT;
use super::levels::Objective;
use super::recipe::{BaselineSettings, Recipe, TrainSettings};
use super::world::World;
use paretoscope_engine::bundle::{
    ArmEntry, ArmOf, Bundle, LoadOptions, Manifest, MethodParts, PartEntry, ValueEntry,
};
use paretoscope_engine::method::MethodKind;
use paretoscope_engine::train::{SteeringSettings, steering_vectors, write_steering};
use paretoscope_engine::types::{
    AlignerJob, ArmConfig, ArmJob, AspectData, CorrectionConfig, DpoConfig, DpoJob, ExpertKind,
    KlConfig, LoraConfig, LoramoeConfig, LoramoeJob, MetaAlignerJob, Method, ModpoConfig, ModpoJob,
    MorlConfig, MorlJob, ObjectiveData, OptimiserConfig, ParmConfig, ParmJob, PenaltyConfig,
    PpoConfig, RicConfig, RicJob, RouterConfig, RouterJob, RunConfig, Scalarisation,
    ScalariseConfig, TrainConfig, TrainJob, TrainTask, WeightedData,
};
use paretoscope_engine::{Error, Result};

/// Where everything is.
pub struct Places<'a> {
    /// The demonstration bundle.
    pub bundle: &'a Path,
    /// Data as [`write_data`] leaves it.
    pub data: &'a Path,
    /// A folder per baseline goes in here.
    pub out: &'a Path,
}

/// Writes what the baselines learn from: examples, pairs and questions of the training part.
pub fn write_data(world: &World, recipe: &Recipe, folder: &Path) -> Result<()> {
    let source = Source::new(world, recipe.data.clone());
    dataset::write_lines(&folder.join("sft.jsonl"), &source.examples())?;
    dataset::write_expert_pairs(&source, &recipe.expert.extra, folder)?;
    dataset::write_lines(&folder.join("questions.jsonl"), &source.training_prompts())
}

/// All runs, in an order in which each finds what it starts from. Each goes on where it was broken off.
pub fn jobs(recipe: &Recipe, places: &Places<'_>, workers: usize) -> Vec<TrainJob> {
    let maker = Maker {
        recipe,
        settings: &recipe.baselines,
        places,
        workers,
    };
    let mut jobs: Vec<(PathBuf, TrainTask)> = Vec::new();
    for control in CONTROLS {
        for objective in Objective::ALL {
            let place = control.place(objective);
            if jobs.iter().all(|(made, _)| *made != place) {
                jobs.push((place, maker.value_vector(control, objective)));
            }
        }
    }
    jobs.push((ROUTER.into(), maker.router()));
    for objective in Objective::ALL {
        jobs.push((
            Path::new("arm").join(objective.name()),
            maker.arm(objective),
        ));
    }
    jobs.push(("parm".into(), maker.parm()));
    for point in &recipe.baselines.points {
        let name = shares(point);
        jobs.push((Path::new("modpo").join(&name), maker.modpo(point)));
        jobs.push((Path::new("dpo-lw").join(&name), maker.weighted(point)));
        jobs.push((Path::new("morlhf").join(&name), maker.morlhf(point)));
    }
    let [helpful, harmless, humor] = Objective::ALL;
    for [first, second, third] in [[helpful, harmless, humor], [humor, harmless, helpful]] {
        // The first of a sequence is a value vector, which is there by now.
        let folder = Path::new("dpo-seqt");
        let two = folder.join(format!("{}-{}", first.name(), second.name()));
        let three = folder.join(format!(
            "{}-{}-{}",
            first.name(),
            second.name(),
            third.name()
        ));
        jobs.push((two.clone(), maker.sequel(maker.value(first), second)));
        jobs.push((three, maker.sequel(places.out.join(two), third)));
    }
    jobs.push(("ric".into(), maker.ric()));
    jobs.push(("aligner".into(), maker.aligner()));
    jobs.push(("metaaligner".into(), maker.meta_aligner()));
    jobs.push(("loramoe".into(), maker.loramoe()));
    let job = |(name, task)| TrainJob {
        task,
        out: places.out.join::<PathBuf>(name),
        joins: None,
    };
    jobs.into_iter().map(job).collect()
}

/// The folder of the router.
const ROUTER: &str = "router";
/// The file of the steering vectors.
const STEERING: &str = "steering.safetensors";

/// A preference as the name of a folder: its shares in percent.
fn shares(point: &[f64; 3]) -> String {
    let percent = point.map(|share| format!("{:.0}", 100.0 * share));
    percent.join("-")
}

/// Makes the steering vectors, unless they are there.
pub fn steer(places: &Places<'_>) -> Result<()> {
    let out = places.out.join(STEERING);
    if out.exists() {
        return Ok(());
    }
    let bundle = Bundle::load(
        places.bundle,
        &LoadOptions::default(),
        &mut |_step, _fraction| Ok(()),
    )?;
    let data = Objective::ALL.map(|objective| {
        let name = format!("pairs-{}.jsonl", objective.name());
        (objective.name().to_owned(), places.data.join(name))
    });
    let settings = SteeringSettings::default();
    let vectors = steering_vectors(&bundle, &data, &settings, &mut |_done, _all| Ok(()))?;
    write_steering(&out, &vectors)
}

/// Writes a bundle into `out`: the demonstration's base, experts and rewards with what is finished of the runs there. The
/// new router is in the place of the one that ships, value vectors that were held apart in the place of its own; their
/// controls are arms, and methods have their parts.
pub fn join(recipe: &Recipe, places: &Places<'_>) -> Result<Manifest> {
    let out = std::path::absolute(places.out).map_err(Error::io("find", places.out))?;
    let mut manifest = Manifest::load(places.bundle)?.rooted(places.bundle)?;
    manifest.name = format!("{}, seed {}", manifest.name, recipe.seed);
    manifest.arms.clear();
    manifest.methods.clear();
    let done = |place: &Path| {
        let files = ["adapter_config.json", "router_config.json"];
        files
            .iter()
            .any(|file| out.join(place).join(file).is_file())
    };
    let routers = manifest.experts.iter_mut();
    for router in routers.filter(|expert| expert.kind == ExpertKind::Router) {
        let same = router.preference == recipe.router.preference;
        if same && done(Path::new(ROUTER)) {
            router.path = out.join(ROUTER);
        }
    }
    for control in CONTROLS {
        let placed = Objective::ALL.map(|objective| (objective, control.place(objective)));
        if !placed.iter().all(|(_, place)| done(place)) {
            continue;
        }
        let values = placed.map(|(objective, place)| ValueEntry {
            name: objective.name().to_owned(),
            path: out.join(place),
        });
        if control == CONTROLS[0] {
            manifest.values = values.to_vec();
            continue;
        }
        let arm = Manifest {
            name: format!("{}, {}", manifest.name, control.name),
            values: values.to_vec(),
            arms: Vec::new(),
            methods: MethodParts::new(),
            ..manifest.clone()
        };
        let path = Path::new("arms").join(control.name);
        arm.save(&out.join(&path))?;
        manifest.arms.push(ArmEntry {
            name: control.name.to_owned(),
            path,
            of: ArmOf::Mva,
        });
    }
    for (method, name, place, preference) in parts(recipe) {
        let there = done(&place) || (method == MethodKind::Steering && out.join(&place).is_file());
        if there {
            let listed = manifest
                .methods
                .entry(method.name().to_owned())
                .or_default();
            listed.push(PartEntry {
                name,
                path: out.join(place),
                preference,
            });
        }
    }
    manifest.save(&out)?;
    Ok(manifest)
}

/// Methods' parts by name, with their folders below that of all runs, and where they answer.
fn parts(recipe: &Recipe) -> Vec<(MethodKind, String, PathBuf, Option<Vec<f64>>)> {
    let mut parts = Vec::new();
    for objective in Objective::ALL {
        let place = Path::new("arm").join(objective.name());
        parts.push((MethodKind::Genarm, objective.name().to_owned(), place, None));
    }
    for point in &recipe.baselines.points {
        let name = shares(point);
        for (method, folder) in [
            (MethodKind::Modpo, "modpo"),
            (MethodKind::DpoLw, "dpo-lw"),
            (MethodKind::Morlhf, "morlhf"),
        ] {
            let place = Path::new(folder).join(&name);
            parts.push((method, name.clone(), place, Some(point.to_vec())));
        }
    }
    let names = Objective::ALL.map(Objective::name);
    let mut backward = names;
    backward.reverse();
    for (name, order) in [("forward", names), ("backward", backward)] {
        let place = Path::new("dpo-seqt").join(order.join("-"));
        parts.push((MethodKind::DpoSeqt, name.to_owned(), place, None));
    }
    for method in [
        MethodKind::Parm,
        MethodKind::Ric,
        MethodKind::Aligner,
        MethodKind::Metaaligner,
        MethodKind::Loramoe,
    ] {
        parts.push((method, method.name().to_owned(), method.name().into(), None));
    }
    parts.push((
        MethodKind::Steering,
        "steering".to_owned(),
        STEERING.into(),
        None,
    ));
    parts
}

struct Maker<'a> {
    recipe: &'a Recipe,
    settings: &'a BaselineSettings,
    places: &'a Places<'a>,
    workers: usize,
}

impl Maker<'_> {
    fn run(&self, learning_rate: f64) -> RunConfig {
        RunConfig {
            seed: self.recipe.seed,
            workers: self.workers,
            optimiser: OptimiserConfig {
                learning_rate,
                ..OptimiserConfig::default()
            },
            checkpoint_every: 50,
            resume: true,
            ..RunConfig::default()
        }
    }

    fn train(&self, settings: &TrainSettings) -> TrainConfig {
        TrainConfig {
            run: self.run(settings.learning_rate),
            epochs: settings.epochs,
            steps: None,
            batch_tokens: settings.batch_tokens,
            max_length: self.recipe.model.context,
        }
    }

    /// Of all linears, scaled by 2, as the value vectors.
    fn lora(&self) -> LoraConfig {
        LoraConfig::of_rank(self.recipe.expert.rank)
    }

    fn pairs(&self, objective: Objective) -> PathBuf {
        let name = format!("pairs-{}.jsonl", objective.name());
        self.places.data.join(name)
    }

    /// The objective's plain value vector, of this seed.
    fn value(&self, objective: Objective) -> PathBuf {
        self.places.out.join(PLAIN.place(objective))
    }

    fn arm(&self, objective: Objective) -> TrainTask {
        TrainTask::Arm(ArmJob {
            base: self.places.bundle.to_path_buf(),
            data: self.pairs(objective),
            skip_bad: false,
            config: ArmConfig {
                train: self.train(&self.settings.rewards),
                lora: self.lora(),
                beta: self.settings.reward_beta,
            },
        })
    }

    fn parm(&self) -> TrainTask {
        let rank = self.settings.parm_rank;
        let data = Objective::ALL.map(|objective| ObjectiveData {
            name: objective.name().to_owned(),
            path: self.pairs(objective),
        });
        TrainTask::Parm(ParmJob {
            base: self.places.bundle.to_path_buf(),
            data: data.to_vec(),
            skip_bad: false,
            config: ParmConfig {
                train: self.train(&self.settings.rewards),
                shared_rank: rank,
                steered_rank: rank,
                alpha: 2.0 * rank as f64,
                target_modules: self.lora().target_modules,
                beta: self.settings.reward_beta,
                ..ParmConfig::default()
            },
        })
    }

    /// On pairs about the objective with the largest share.
    fn modpo(&self, point: &[f64; 3]) -> TrainTask {
        let most = Objective::ALL.into_iter().max_by(|a, b| {
            let share = |objective: &Objective| point[objective.index()];
            share(a)
                .total_cmp(&share(b))
                .then(b.index().cmp(&a.index()))
        });
        let own = most.unwrap_or(Objective::ALL[0]);
        let others = || {
            Objective::ALL
                .into_iter()
                .filter(move |objective| *objective != own)
        };
        let shares = std::iter::once(own).chain(others());
        TrainTask::Modpo(ModpoJob {
            base: self.places.bundle.to_path_buf(),
            data: self.pairs(own),
            skip_bad: false,
            config: ModpoConfig {
                train: self.train(&self.settings.adapters),
                lora: self.lora(),
                beta: self.recipe.expert.beta,
                preference: shares.map(|objective| point[objective.index()]).collect(),
                values: others().map(|objective| self.value(objective)).collect(),
            },
        })
    }

    /// A value vector as the bundle's own are trained, under a control's penalty.
    fn value_vector(&self, control: Control, objective: Objective) -> TrainTask {
        let settings = &self.recipe.values;
        let before = control.before(objective).into_iter();
        let penalty = if objective.index() == 0 {
            PenaltyConfig::default()
        } else {
            control.penalty(settings.alpha)
        };
        let mut config = DpoConfig {
            train: self.train(&settings.dpo),
            method: Method::Lora(self.lora()),
            beta: self.recipe.expert.beta,
            against: before
                .map(|earlier| self.places.out.join(earlier))
                .collect(),
            penalty,
            start_from: None,
        };
        let optimiser = &mut config.train.run.optimiser;
        (optimiser.warm_up, optimiser.weight_decay) = (0.03, 0.01);
        self.dpo_job(WeightedData::alone(self.pairs(objective)), config)
    }

    /// The bundle's own router, trained anew.
    fn router(&self) -> TrainTask {
        let router = &self.recipe.router;
        let usual = PpoConfig::default();
        TrainTask::Router(RouterJob {
            bundle: self.places.bundle.to_path_buf(),
            prompts: Some(self.places.data.join("questions.jsonl")),
            config: RouterConfig {
                preference: router.preference.to_vec(),
                ppo: PpoConfig {
                    run: RunConfig {
                        optimiser: OptimiserConfig {
                            learning_rate: router.learning_rate,
                            ..usual.run.optimiser.clone()
                        },
                        checkpoint_every: 20,
                        ..self.run(router.learning_rate)
                    },
                    batches: router.batches,
                    batch: router.batch,
                    max_tokens: LIMIT,
                    calibration: router.calibration,
                    kl: KlConfig {
                        start: 0.02,
                        ..usual.kl.clone()
                    },
                    ..usual
                },
                scalarise: ScalariseConfig {
                    form: Scalarisation::OmdStch,
                    ..ScalariseConfig::default()
                },
                ..RouterConfig::default()
            },
        })
    }

    fn dpo(&self) -> DpoConfig {
        DpoConfig {
            train: self.train(&self.settings.adapters),
            method: Method::Lora(self.lora()),
            beta: self.recipe.expert.beta,
            ..DpoConfig::default()
        }
    }

    fn dpo_job(&self, data: Vec<WeightedData>, config: DpoConfig) -> TrainTask {
        TrainTask::Dpo(DpoJob {
            base: self.places.bundle.to_path_buf(),
            data,
            skip_bad: false,
            config,
            votes: None,
        })
    }

    fn weighted(&self, point: &[f64; 3]) -> TrainTask {
        let data = Objective::ALL.map(|objective| WeightedData {
            path: self.pairs(objective),
            weight: point[objective.index()],
        });
        self.dpo_job(data.to_vec(), self.dpo())
    }

    fn sequel(&self, previous: PathBuf, objective: Objective) -> TrainTask {
        let config = DpoConfig {
            start_from: Some(previous),
            ..self.dpo()
        };
        self.dpo_job(WeightedData::alone(self.pairs(objective)), config)
    }

    fn morlhf(&self, point: &[f64; 3]) -> TrainTask {
        let usual = MorlConfig::default();
        let [batches, batch] = self.settings.morlhf;
        TrainTask::Ppo(MorlJob {
            bundle: self.places.bundle.to_path_buf(),
            prompts: Some(self.places.data.join("questions.jsonl")),
            config: MorlConfig {
                reward_weights: point.to_vec(),
                ppo: PpoConfig {
                    run: RunConfig {
                        optimiser: OptimiserConfig {
                            learning_rate: self.settings.adapters.learning_rate,
                            ..usual.ppo.run.optimiser.clone()
                        },
                        checkpoint_every: 20,
                        ..self.run(self.settings.adapters.learning_rate)
                    },
                    batches,
                    batch,
                    max_tokens: LIMIT,
                    calibration: self.recipe.router.calibration,
                    kl: KlConfig {
                        start: 0.02,
                        ..usual.ppo.kl.clone()
                    },
                    ..usual.ppo
                },
                lora: self.lora(),
            },
        })
    }

    fn ric(&self) -> TrainTask {
        let [answers, round_answers] = self.settings.ric_answers;
        let train = self.train(&self.settings.ric);
        TrainTask::Ric(RicJob {
            bundle: self.places.bundle.to_path_buf(),
            prompts: Some(self.places.data.join("questions.jsonl")),
            config: RicConfig {
                round_rate: 0.1 * train.run.optimiser.learning_rate,
                train,
                lora: self.lora(),
                answers,
                round_answers,
                originals: round_answers,
                max_tokens: LIMIT,
                // Of a small model that was trained on few words the likeliest answers are all alike.
                temperature: 1.0,
                top_p: 1.0,
                ..RicConfig::default()
            },
        })
    }

    /// Told in few words: an instruction of the authors' would take half of the context.
    fn correction(&self, template: &str) -> CorrectionConfig {
        CorrectionConfig {
            train: self.train(&self.settings.corrections),
            method: Method::Lora(self.lora()),
            template: Some(template.to_owned()),
            ..CorrectionConfig::default()
        }
    }

    /// On pairs about the first objective.
    fn aligner(&self) -> TrainTask {
        TrainTask::Aligner(AlignerJob {
            base: self.places.bundle.to_path_buf(),
            data: self.pairs(Objective::ALL[0]),
            skip_bad: false,
            config: self.correction("{question} {answer}"),
        })
    }

    fn meta_aligner(&self) -> TrainTask {
        let data = Objective::ALL.map(|objective| AspectData {
            name: objective.name().to_owned(),
            words: "more".to_owned(),
            path: self.pairs(objective),
        });
        TrainTask::MetaAligner(MetaAlignerJob {
            base: self.places.bundle.to_path_buf(),
            data: data.to_vec(),
            skip_bad: false,
            config: self.correction("{aspects}. {question} {answer}"),
        })
    }

    fn loramoe(&self) -> TrainTask {
        let [experts, rank] = self.settings.experts;
        TrainTask::Loramoe(LoramoeJob {
            base: self.places.bundle.to_path_buf(),
            data: self.places.data.join("sft.jsonl"),
            skip_bad: false,
            config: LoramoeConfig {
                train: self.train(&self.settings.loramoe),
                experts,
                lora: LoraConfig {
                    target_modules: LoramoeConfig::default().lora.target_modules,
                    ..LoraConfig::of_rank(rank)
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use paretoscope_engine::types::TrainMethod;

    #[test]
    fn every_baseline_has_runs_with_folders_of_their_own() {
        let places = Places {
            bundle: Path::new("demo"),
            data: Path::new("data"),
            out: Path::new("out"),
        };
        let jobs = jobs(&Recipe::default(), &places, 2);
        let folders: BTreeSet<_> = jobs.iter().map(|job| &job.out).collect();
        assert_eq!(folders.len(), jobs.len());
        let kinds: BTreeSet<&str> = jobs.iter().map(|job| job.task.name()).collect();
        let ours = ["value", "sft", "reward"];
        let others = TrainMethod::ALL.map(TrainMethod::name);
        for kind in others.into_iter().filter(|kind| !ours.contains(kind)) {
            assert!(kinds.contains(kind), "{kind} is not trained");
        }
        for job in &jobs {
            if let TrainTask::Modpo(job) = &job.task {
                let weights = job.config.weights().unwrap();
                assert!(
                    weights[1..].iter().all(|w| *w <= weights[0] + 1e-9),
                    "{weights:?}"
                );
            }
            if let TrainTask::Dpo(dpo) = &job.task
                && let Some(previous) = &dpo.config.start_from
            {
                let made = jobs.iter().position(|other| other.out == *previous);
                let own = jobs.iter().position(|other| other.out == job.out);
                assert!(
                    made < own,
                    "{} comes after {}",
                    previous.display(),
                    job.out.display()
                );
            }
        }
    }
}
