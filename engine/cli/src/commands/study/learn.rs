//! `study learn`: a value vector from a task's votes, measured on test prompts before and after.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use paretoscope_engine::annotate::Voters;
use paretoscope_engine::bundle::{LoadOptions, Manifest};
use paretoscope_engine::learn::{LearnListener, learn};
use paretoscope_engine::stats::Draws;
use paretoscope_engine::sweep::Listed;
use paretoscope_engine::types::{
    DpoConfig, Effect, LearnNews, LearnPlan, LoraConfig, Method, PenaltyConfig, Point, PointKind,
    RunConfig, TrainConfig, TrainNews, USUAL, Weights,
};
use paretoscope_engine::{Error, Result};
use serde_json::{Value, json};

use crate::commands::place::backend;
use crate::commands::train_options::cores;
use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::print::json_line;

/// Between two lines of progress.
const PACE: Duration = Duration::from_secs(1);

/// Options of `study learn`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The task whose votes are learnt from
    #[arg(long, value_name = "T")]
    task: String,
    /// By which objective
    #[arg(long, value_name = "OBJECTIVE")]
    objective: String,
    /// Whose votes: people, judges, or the alias of one
    #[arg(long, value_name = "WHO", default_value = "people")]
    voters: String,
    /// The bundle whose base model is trained, and which is measured without the vector and with it
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Folder for the adapter, its pairs, and bundle/ with the vector in it; the same command again goes on there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the vector is called in the bundle (default: the objective, `from votes`)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    training: Training,
    /// The weight of the vector at which it is measured
    #[arg(long, value_name = "W", default_value_t = 1.0)]
    weight: f64,
    /// Where it is measured: a file with a {"weights": [...]} per line; the task's own points where absent
    #[arg(long, value_name = "FILE.jsonl")]
    points: Option<String>,
    /// Prompts of which the test part measures; that of the task's sweeps where absent, else the bundle's own
    #[arg(long, value_name = "F.jsonl")]
    prompts: Option<PathBuf>,
    /// Measure on the voters' own prompts as well, which is in sample
    #[arg(long)]
    in_sample: bool,
    /// Draws of prompts behind intervals
    #[arg(long, value_name = "N", default_value_t = Draws::default().draws)]
    draws: usize,
}

/// The settings of `train dpo` that fit few pairs.
#[derive(Debug, clap::Args)]
pub(crate) struct Training {
    /// Passes over the pairs
    #[arg(long, default_value_t = USUAL.epochs)]
    epochs: usize,
    /// Steps in all, in place of epochs
    #[arg(long)]
    steps: Option<usize>,
    /// Rank of the adapter
    #[arg(long, default_value_t = USUAL.rank)]
    rank: usize,
    /// The highest learning rate (default: as for adapters)
    #[arg(long)]
    learning_rate: Option<f64>,
    /// How strongly the model is held to the reference
    #[arg(long, default_value_t = USUAL.beta)]
    beta: f64,
    /// Tokens per step, roughly
    #[arg(long, default_value_t = USUAL.batch_tokens)]
    batch_tokens: usize,
    /// Longer pairs are left out
    #[arg(long, default_value_t = USUAL.max_length)]
    max_length: usize,
    /// Hold the vector apart from the bundle's value vectors (MVA)
    #[arg(long)]
    apart: bool,
    /// Threads (default: one per core)
    #[arg(long)]
    workers: Option<usize>,
    /// Steps between checkpoints
    #[arg(long, default_value_t = USUAL.checkpoint_every)]
    checkpoint_every: usize,
    /// Remove the run that is in the folder, and start anew
    #[arg(long)]
    overwrite: bool,
}

impl Training {
    fn config(&self, global: &Global, bundle: &std::path::Path) -> Result<DpoConfig> {
        let mut config = DpoConfig {
            train: TrainConfig {
                run: RunConfig {
                    seed: global.seed,
                    device: global.device,
                    workers: self.workers.unwrap_or_else(cores),
                    checkpoint_every: self.checkpoint_every,
                    overwrite: self.overwrite,
                    ..RunConfig::default()
                },
                epochs: self.epochs,
                steps: self.steps,
                batch_tokens: self.batch_tokens,
                max_length: self.max_length,
            },
            method: Method::Lora(LoraConfig::of_rank(self.rank)),
            beta: self.beta,
            ..DpoConfig::default()
        };
        if let Some(rate) = self.learning_rate {
            config.train.run.optimiser.learning_rate = rate;
        }
        if self.apart {
            let manifest = Manifest::load(bundle)?.rooted(bundle)?;
            config.against = manifest
                .values
                .into_iter()
                .map(|value| value.path)
                .collect();
            if config.against.is_empty() {
                let problem =
                    "there is nothing to be held apart from: the bundle lists no value vectors";
                return Err(Error::option("--apart", problem));
            }
            config.penalty = PenaltyConfig::of(USUAL.penalty);
        }
        Ok(config)
    }
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let plan = LearnPlan {
        study: super::file::existing(&args.file)?.path().to_path_buf(),
        task: args.task.clone(),
        objective: args.objective.clone(),
        voters: Voters::of(&args.voters),
        bundle: args.bundle.clone(),
        out: args.out.clone(),
        name: args
            .name
            .clone()
            .unwrap_or_else(|| format!("{} from votes", args.objective)),
        config: args.training.config(global, &args.bundle)?,
        weight: args.weight,
        points: match &args.points {
            None => Vec::new(),
            Some(words) => points(words)?,
        },
        prompts: args.prompts.clone(),
        in_sample: args.in_sample,
        draws: Draws {
            draws: args.draws,
            seed: global.seed,
        },
    };
    let effect = tell(&plan, global)?;
    json_line(&last_line(&effect))
}

/// Learns, with a line of progress now and then.
pub(crate) fn tell(plan: &LearnPlan, global: &Global) -> Result<Effect> {
    let options = LoadOptions {
        backend: backend(global)?,
        ..LoadOptions::default()
    };
    let mut lines = Lines {
        interrupt: Interrupt::listen(),
        last: None,
    };
    learn(plan, &options, &mut lines)
}

/// What came of it, the words a person reads among it, and the command that asks people anew.
pub(crate) fn last_line(effect: &Effect) -> Value {
    let mut line = json!(effect);
    line["stage"] = json!("effect");
    line["words"] = json!(effect.words());
    let [before, after] = effect.sweeps;
    line["fresh_votes"] = json!(format!(
        "study task FILE --name NAME --from across --sweep {before} --sweep {after} --split test --objective {}",
        effect.objective
    ));
    line
}

/// The weights of a set, or of a file.
fn points(words: &str) -> Result<Vec<Weights>> {
    let listed = Listed::read(words)?;
    listed.check(Some(PointKind::Weights))?;
    let Listed::List(list) = listed else {
        let problem = "is a set, whose points follow from the number of value vectors; give a file of {\"weights\": [...]}";
        return Err(Error::option("--points", problem));
    };
    Ok(list
        .points
        .into_iter()
        .filter_map(|named| match named.point {
            Point::Weights(weights) => Some(weights),
            Point::Preference(_) => None,
        })
        .collect())
}

/// Progress as lines on standard output.
struct Lines {
    interrupt: Interrupt,
    last: Option<Instant>,
}

impl Lines {
    /// A line, unless one was just printed and this one is not due.
    fn print(&mut self, due: bool, line: &Value) {
        if due || self.last.is_none_or(|last| last.elapsed() >= PACE) {
            self.last = Some(Instant::now());
            // A reader that is gone ends the program at its last line.
            if let Err(error) = json_line(line) {
                tracing::debug!(%error, "nobody reads the progress");
            }
        }
    }
}

impl LearnListener for Lines {
    fn news(&mut self, news: LearnNews) {
        match news {
            LearnNews::Pairs(pairs) => {
                let mut line = json!(pairs);
                line["stage"] = json!("pairs");
                line["words"] = json!(pairs.words());
                self.print(true, &line);
            }
            LearnNews::Training(TrainNews::Step(step)) => {
                let mut line = json!({
                    "stage": "training", "step": step.step, "steps": step.steps, "loss": step.loss,
                    "eta_seconds": step.eta_seconds,
                });
                for (name, value) in &step.figures {
                    line[name] = json!(value);
                }
                self.print(step.step == step.steps, &line);
            }
            LearnNews::Training(TrainNews::Preparing { what, done, total }) => {
                let line =
                    json!({"stage": "training", "preparing": what, "done": done, "of": total});
                self.print(false, &line);
            }
            LearnNews::Trained => {
                self.print(true, &json!({"stage": "training", "found": "done already"}))
            }
            LearnNews::Measuring {
                what,
                done,
                of,
                eta_seconds,
            } => {
                let line = json!({
                    "stage": "measuring", "what": what, "done": done, "of": of, "eta_seconds": eta_seconds,
                });
                self.print(done == of, &line);
            }
            LearnNews::Training(_)
            | LearnNews::Learnt(_)
            | LearnNews::Cancelled
            | LearnNews::Failed(_) => {}
        }
    }

    fn cancelled(&self) -> bool {
        self.interrupt.asked()
    }
}
