//! `bundle`: made from a recipe, or checked without a window.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use paretoscope_engine::bundle::{Addition, Growth, LoadOptions, MemoryNeed, Part, extend, grow};
use paretoscope_engine::method::MethodKind;
use paretoscope_engine::recipe::{BuildOptions, BuildProgress, BuildReporter, Recipe, build};
use paretoscope_engine::train::{SteeringSettings, steering_vectors, write_steering};
use paretoscope_engine::types::shown;
use paretoscope_engine::{Error, Result};
use serde_json::json;

use super::on_cpu;
use crate::commands::fetch::{bring_for, fetcher};
use crate::commands::place::{load, load_with};
use crate::commands::train_options::cores;
use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::print::json_line;

/// Bundles.
#[derive(Debug, Subcommand)]
pub(crate) enum Args {
    /// Make a bundle from a base and fine-tunes, adapters or preference data, as a recipe says
    Build(Build),
    /// Make a bundle that has one part more; the old one is not touched
    Add(Add),
    /// Make a bundle that has one objective more; experts, routers and value vectors stay what they are
    Grow(Grow),
    /// Vectors that steer hidden states, from pairs of answers about each objective
    Steering(Steering),
    /// Load a bundle as the window would, and say all that it would show
    Check(Check),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    #[command(flatten)]
    part: NewPart,
    /// Its name; that of its folder where none is given
    #[arg(long)]
    name: Option<String>,
    /// What a --part is of, e.g. genarm
    #[arg(long, value_name = "METHOD", requires = "part")]
    method: Option<String>,
    /// Where an expert stands, one share per objective, e.g. 0.25,0.25,0.5
    #[arg(long, value_delimiter = ',', value_name = "P")]
    preference: Option<Vec<f64>>,
    /// The new bundle's folder
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Grow {
    /// The bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Name of the new objective, its expert and its value vector
    #[arg(long, value_name = "NAME")]
    objective: String,
    /// Its reward model
    #[arg(long, value_name = "PATH")]
    reward: PathBuf,
    /// Its LoRA expert, which stands on a corner of its own; all others stay where they are, with no share of it
    #[arg(long, value_name = "ADAPTER")]
    expert: PathBuf,
    /// Its value vector; needed where the bundle lists value vectors
    #[arg(long, value_name = "ADAPTER")]
    value: Option<PathBuf>,
    /// The new bundle's folder
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The part's folder, by what it is.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct NewPart {
    /// A value vector
    #[arg(long, value_name = "PATH")]
    value: Option<PathBuf>,
    /// A LoRA expert; needs --preference
    #[arg(long, value_name = "PATH", requires = "preference")]
    lora: Option<PathBuf>,
    /// A router expert; needs --preference
    #[arg(long, value_name = "PATH", requires = "preference")]
    router: Option<PathBuf>,
    /// A part that was trained for a method; needs --method, and --preference where there is a model per preference
    #[arg(long, value_name = "PATH", requires = "method")]
    part: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Steering {
    /// The bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Pairs of answers about an objective; once per objective
    #[arg(long, value_name = "OBJECTIVE=PATH", required = true)]
    data: Vec<String>,
    /// Layers that the vectors are added after, counted from 0 (default: the one to three in the middle)
    #[arg(long, value_delimiter = ',', value_name = "L")]
    layers: Vec<usize>,
    /// Their norm, as a share of the hidden states'
    #[arg(long, value_name = "S", default_value_t = SteeringSettings::default().share, allow_hyphen_values = true)]
    share: f64,
    /// Pairs that are read of each file at most
    #[arg(long, value_name = "N", default_value_t = SteeringSettings::default().pairs)]
    pairs: usize,
    /// The file of vectors, which `bundle add --method steering --part` puts into a bundle
    #[arg(long, value_name = "F.safetensors")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Build {
    /// The recipe; its paths are relative to its folder
    #[arg(value_name = "RECIPE.toml")]
    recipe: PathBuf,
    /// The bundle's folder, new
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder for everything between; a build goes on from what is there, and one with a changed recipe
    /// makes again only what depends on the change (default: OUT with .build behind it)
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Threads (default: one per core)
    #[arg(long)]
    workers: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The bundle's folder, or a base model alone
    #[arg(value_name = "DIR")]
    bundle: PathBuf,
    /// Leave the reward models out
    #[arg(long)]
    no_rewards: bool,
    /// Leave out whether each adapter changes anything
    #[arg(long)]
    no_probe: bool,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    on_cpu(global)?;
    match args {
        Args::Build(args) => make(args),
        Args::Add(args) => add(args),
        Args::Grow(args) => enlarge(args),
        Args::Steering(args) => steering(args, global),
        Args::Check(args) => check(args),
    }
}

fn make(args: &Build) -> Result<()> {
    let recipe = Recipe::load(&args.recipe)?;
    let options = BuildOptions {
        recipe: args.recipe.clone(),
        out: args.out.clone(),
        work: args.work.clone().unwrap_or_else(|| {
            let mut work = args.out.as_os_str().to_owned();
            work.push(".build");
            PathBuf::from(work)
        }),
        workers: args.workers.unwrap_or_else(cores),
    };
    let mut bar = StepBar::new();
    let manifest = build(&recipe, &options, &mut bar)?;
    bar.shown.finish_and_clear();
    json_line(
        &json!({ "out": shown(&options.out), "work": shown(&options.work), "bundle": manifest }),
    )
}

/// A line per step, and a bar with the time that is left for all of them.
pub(crate) struct StepBar {
    shown: ProgressBar,
    step: String,
    interrupt: Interrupt,
}

impl StepBar {
    pub(crate) fn new() -> Self {
        let shown = ProgressBar::new(1000);
        let style = ProgressStyle::with_template("{bar:30} {percent}% {msg}");
        shown.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            shown,
            step: String::new(),
            interrupt: Interrupt::listen(),
        }
    }
}

impl BuildReporter for StepBar {
    fn progress(&mut self, progress: &BuildProgress) {
        if self.step != progress.step {
            self.step.clone_from(&progress.step);
            let (number, steps) = (progress.number, progress.steps);
            self.shown.suspend(|| {
                crate::say::line(&format!("step {number} of {steps}: {}", progress.step))
            });
        }
        let left = progress.eta_seconds.map(|seconds| {
            let left = HumanDuration(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
            format!(", {left} left for all steps")
        });
        let left = left.unwrap_or_default();
        self.shown.set_message(format!("{}{left}", progress.what));
        self.shown.set_position((1000.0 * progress.fraction) as u64);
    }

    fn skipped(&mut self, step: &str) {
        self.shown
            .suspend(|| crate::say::line(&format!("{step}: unchanged")));
    }

    fn cancelled(&self) -> bool {
        self.interrupt.asked()
    }
}

fn add(args: &Add) -> Result<()> {
    let preference = || args.preference.clone().unwrap_or_default();
    let kind = args
        .method
        .as_deref()
        .map(str::parse::<MethodKind>)
        .transpose();
    let kind = kind.map_err(|problem| Error::option("--method", problem))?;
    let (part, path) = match (&args.part.value, &args.part.lora, &args.part.router) {
        (None, None, None) if args.part.part.is_some() => match (kind, &args.part.part) {
            (Some(kind), Some(path)) => (Part::Method(kind, args.preference.clone()), path),
            _ => {
                return Err(Error::option(
                    "--method",
                    "is missing; it says what --part is of",
                ));
            }
        },
        (Some(path), ..) => (Part::Value, path),
        (_, Some(path), _) => (Part::Lora(preference()), path),
        (.., Some(path)) => (Part::Router(preference()), path),
        (None, None, None) => {
            let problem =
                "is missing; give --value, --lora, --router or --part with the part's folder";
            return Err(Error::option("part", problem));
        }
    };
    let named = path.file_name().map(|name| name.to_string_lossy());
    let addition = Addition {
        part,
        name: args
            .name
            .clone()
            .unwrap_or_else(|| named.unwrap_or_default().into_owned()),
        path: path.clone(),
    };
    let manifest = extend(&args.bundle, &addition, &args.out)?;
    json_line(&json!({ "out": shown(&args.out), "bundle": manifest }))
}

fn steering(args: &Steering, global: &Global) -> Result<()> {
    let data = args.data.iter().map(|given| {
        let (objective, path) = given.split_once('=').ok_or_else(|| {
            let problem = format!("`{given}` is no OBJECTIVE=PATH, e.g. humor=pairs.jsonl");
            Error::option("--data", problem)
        })?;
        Ok((objective.to_owned(), PathBuf::from(path)))
    });
    let data = data.collect::<Result<Vec<_>>>()?;
    let bundle = load(&args.bundle, global, false)?;
    let settings = SteeringSettings {
        layers: args.layers.clone(),
        share: args.share,
        pairs: args.pairs,
    };
    let (bar, interrupt) = (ProgressBar::new(0), Interrupt::listen());
    let vectors = steering_vectors(&bundle, &data, &settings, &mut |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        interrupt.check()
    })?;
    bar.finish_and_clear();
    write_steering(&args.out, &vectors)?;
    for vector in vectors {
        json_line(&json!({
            "objective": vector.objective,
            "layer": vector.layer,
            "pairs": vector.pairs,
            "apart": vector.apart,
        }))?;
    }
    Ok(())
}

fn enlarge(args: &Grow) -> Result<()> {
    let growth = Growth {
        objective: args.objective.clone(),
        reward: args.reward.clone(),
        expert: args.expert.clone(),
        value: args.value.clone(),
    };
    let manifest = grow(&args.bundle, &growth, &args.out)?;
    json_line(&json!({ "out": shown(&args.out), "bundle": manifest }))
}

fn check(args: &Check) -> Result<()> {
    let options = LoadOptions {
        rewards: !args.no_rewards,
        probe: !args.no_probe,
        fetch: Some(fetcher()),
        ..LoadOptions::default()
    };
    bring_for(&args.bundle, options.rewards)?;
    let need = MemoryNeed::of(&args.bundle, options.rewards, &options.backend)?;
    crate::say::line(&format!("memory: {}", need.in_words()));
    let bundle = load_with(&args.bundle, &options)?;
    let config = bundle.model.config();
    // Keys and values, f32.
    let per_token = 2 * config.layers * config.kv_heads * config.head_dim * size_of::<f32>();
    for warning in &bundle.info.warnings {
        crate::say::line(&format!("warning: {warning}"));
    }
    json_line(&json!({
        "bundle": bundle.info,
        "memory": {
            "needed": need,
            "fit": need.fit(),
            "weights_bytes": bundle.info.memory_bytes,
            "cache_bytes_per_token": per_token,
            "cache_bytes_per_row": per_token * config.context,
        },
    }))
}
