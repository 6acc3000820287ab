//! `demo`: the demonstration's data and bundle, made from the authored world.

mod talk;

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use paretoscope_demo::baselines::{Places, jobs, join, steer, write_data};
use paretoscope_demo::build::{BuildOptions, BuildReporter, Only, build};
use paretoscope_demo::dataset::{self, DataSettings};
use paretoscope_demo::recipe::Recipe;
use paretoscope_demo::world::World;
use paretoscope_engine::device::DeviceChoice;
use paretoscope_engine::runtime::run_noted;
use paretoscope_engine::train::TrainReporter;
use paretoscope_engine::{Error, Result};

use super::forge::StepBar;
use super::train::Bar;
use super::train_options::cores;
use crate::options::Global;
use crate::print;
use paretoscope_engine::types::{TrainJob, TrainStep};
use serde_json::json;

/// The demonstration bundle.
#[derive(Debug, Subcommand)]
pub(crate) enum Args {
    /// Make the bundle: data, tokenizer, base, rewards, experts, router, value vectors, evaluation, card
    Build(Build),
    /// Write the examples, pairs and prompts as JSON Lines, to be read
    Data(Data),
    /// Train for one seed what `evidence` compares: value vectors and their controls, a router, and the methods that ours
    /// are compared with; a line per run, and a bundle of all in the folder
    Baselines(Baselines),
    /// Record the talk that ships with it: answers and stops into a study that has a sweep (assets/talk/make does all of it)
    Talk(talk::Args),
    /// Go once around the loop: sweep, votes of a scripted annotator, a value vector from them, its effect on test prompts
    Loop(super::demo_loop::Args),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Build {
    /// Folder of the authored world
    #[arg(long, default_value = "assets/world")]
    world: PathBuf,
    /// Folder for everything between; a build goes on from what is there
    #[arg(long, default_value = "target/demo")]
    work: PathBuf,
    /// The bundle's folder
    #[arg(long, default_value = "assets/demo")]
    out: PathBuf,
    /// JSON with all numbers of the recipe (default: the recipe of the bundle that ships)
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// Threads (default: one per core)
    #[arg(long)]
    workers: Option<usize>,
    /// Make this part alone, with what it needs, and no bundle
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Print the recipe and make nothing
    #[arg(long)]
    print_recipe: bool,
}

/// A part of a build.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    /// Data, tokenizer and base.
    Base,
    /// The reward models.
    Rewards,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Data {
    /// Folder of the authored world
    #[arg(long, default_value = "assets/world")]
    world: PathBuf,
    /// Folder for the files
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Baselines {
    /// Folder of the authored world
    #[arg(long, default_value = "assets/world")]
    world: PathBuf,
    /// The demonstration bundle
    #[arg(long, default_value = "assets/demo")]
    bundle: PathBuf,
    /// Folder for the data and a folder per run; runs go on from what is there
    #[arg(long, default_value = "target/baselines")]
    out: PathBuf,
    /// JSON with all numbers of the recipe (default: the recipe of the bundle that ships)
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// Train these alone, comma-separated: folders below the out folder, e.g. values,router,arm
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Threads (default: one per core)
    #[arg(long)]
    workers: Option<usize>,
}

fn baselines(args: Baselines, global: &Global) -> Result<()> {
    let recipe = recipe(args.recipe.as_deref(), global)?;
    let data = args.out.join("data");
    let places = Places {
        bundle: &args.bundle,
        data: &data,
        out: &args.out,
    };
    let jobs = jobs(&recipe, &places, args.workers.unwrap_or_else(cores));
    let mut kinds: Vec<String> = jobs.iter().map(|job| kind_of(job, &args.out)).collect();
    kinds.dedup();
    if let Some(kind) = args.only.iter().find(|kind| !kinds.contains(kind)) {
        let problem = format!("`{kind}` is none of them; there are {}", kinds.join(", "));
        return Err(Error::option("--only", problem));
    }
    write_data(&World::load(&args.world)?, &recipe, &data)?;
    let mut bar = Bar::new();
    for job in &jobs {
        let kind = kind_of(job, &args.out);
        if !args.only.is_empty() && !args.only.contains(&kind) {
            continue;
        }
        bar = bar.next();
        crate::say::line(&job.out.display().to_string());
        let report = run_noted(job, &mut bar)?;
        print::json_line(&json!({"kind": kind, "path": job.out, "report": report}))?;
    }
    steer(&places)?;
    let bundle = join(&recipe, &places)?;
    print::json_line(
        &json!({"bundle": args.out.join("bundle.json"), "name": bundle.name,
        "arms": bundle.arms.len(), "methods": bundle.methods.keys().collect::<Vec<_>>()}),
    )
}

/// What a run is for: the first part of its folder below that of all runs.
fn kind_of(job: &TrainJob, out: &Path) -> String {
    let below = job.out.strip_prefix(out).unwrap_or(&job.out);
    let first = below.components().next();
    first.map_or_else(String::new, |part| {
        part.as_os_str().to_string_lossy().into_owned()
    })
}

/// The recipe of a file, or that of the bundle that ships.
fn recipe(file: Option<&Path>, global: &Global) -> Result<Recipe> {
    match file {
        Some(path) => read_recipe(path),
        None => Ok(Recipe {
            seed: global.seed,
            ..Recipe::default()
        }),
    }
}

pub(crate) fn run(args: Args, global: &Global) -> Result<()> {
    match args {
        Args::Build(args) => make(args, global),
        Args::Baselines(args) => baselines(args, global),
        Args::Talk(args) => talk::run(&args, global),
        Args::Loop(args) => super::demo_loop::run(&args, global),
        Args::Data(args) => {
            let settings = DataSettings {
                seed: global.seed,
                ..DataSettings::default()
            };
            dataset::write(&World::load(&args.world)?, &settings, &args.out)
        }
    }
}

fn make(args: Build, global: &Global) -> Result<()> {
    let recipe = recipe(args.recipe.as_deref(), global)?;
    if args.print_recipe {
        return print::json_line(&recipe);
    }
    if !matches!(global.device, DeviceChoice::Auto | DeviceChoice::Cpu) {
        return Err(Error::option(
            "--device",
            format!(
                "is {}; the demonstration bundle is made on the CPU",
                global.device
            ),
        ));
    }
    let options = BuildOptions {
        world: args.world,
        work: args.work,
        out: args.out,
        recipe,
        workers: args.workers.unwrap_or_else(cores),
        only: args.only.map(|part| match part {
            Part::Base => Only::Base,
            Part::Rewards => Only::Rewards,
        }),
    };
    let mut progress = Progress {
        bar: Bar::new(),
        steps: StepBar::new(),
    };
    match build(&options, &mut progress)? {
        Some(figures) => print::json_line(&figures),
        None => Ok(()),
    }
}

fn read_recipe(path: &Path) -> Result<Recipe> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    serde_json::from_str(&text).map_err(|e| {
        Error::file(
            path,
            format!("is not a recipe: {e}; `demo build --print-recipe` shows one"),
        )
    })
}

/// A line per stage, a bar per training run.
struct Progress {
    bar: Bar,
    steps: StepBar,
}

impl BuildReporter for Progress {
    fn stage(&mut self, name: &str) {
        self.bar = self.bar.next();
        crate::say::line(name);
    }

    fn training(&mut self) -> &mut dyn TrainReporter {
        self
    }

    fn parts(&mut self) -> &mut dyn paretoscope_engine::recipe::BuildReporter {
        &mut self.steps
    }
}

impl TrainReporter for Progress {
    fn step(&mut self, report: &TrainStep) {
        self.bar.step(report);
    }

    fn preparing(&mut self, what: &'static str, done: usize, total: usize) {
        self.bar.preparing(what, done, total);
    }

    fn cancelled(&self) -> bool {
        self.bar.cancelled()
    }
}
