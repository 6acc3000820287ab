//! `bundle`: made from a recipe, or checked without a window.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use paretoscope_engine::Result;
use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::recipe::{BuildOptions, BuildProgress, BuildReporter, Recipe, build};
use serde_json::json;

use super::on_cpu;
use crate::commands::train::cores;
use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::print::json_line;
use crate::single_thread;

/// Bundles.
#[derive(Debug, Subcommand)]
pub(crate) enum Args {
    /// Make a bundle from a base and fine-tunes, adapters or preference data, as a recipe says
    Build(Build),
    /// Load a bundle as the window would, and say all that it would show
    Check(Check),
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
    /// The bundle's folder
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
        Args::Check(args) => check(args),
    }
}

fn make(args: &Build) -> Result<()> {
    let recipe = Recipe::load(&args.recipe)?;
    let sources = recipe.objectives.iter().map(|objective| &objective.data);
    let values = recipe.values.iter().map(|value| &value.data);
    let routed = recipe
        .routers
        .as_ref()
        .is_none_or(|routers| !routers.is_empty());
    if routed || sources.chain(values).any(Option::is_some) {
        single_thread::ensure()?;
    }
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
    json_line(&json!({ "out": options.out, "work": options.work, "bundle": manifest }))
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
            self.shown
                .suspend(|| eprintln!("step {number} of {steps}: {}", progress.step));
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
        self.shown.suspend(|| eprintln!("{step}: unchanged"));
    }

    fn cancelled(&self) -> bool {
        self.interrupt.asked()
    }
}

fn check(args: &Check) -> Result<()> {
    let options = LoadOptions {
        rewards: !args.no_rewards,
        probe: !args.no_probe,
        ..LoadOptions::default()
    };
    let bundle = Bundle::load(&args.bundle, &options, &mut |stage, fraction| {
        tracing::info!(?stage, fraction, "loading");
        Ok(())
    })?;
    let config = bundle.model.config();
    // Keys and values, f32.
    let per_token = 2 * config.layers * config.kv_heads * config.head_dim * size_of::<f32>();
    for warning in &bundle.info.warnings {
        eprintln!("warning: {warning}");
    }
    json_line(&json!({
        "bundle": bundle.info,
        "memory": {
            "weights_bytes": bundle.info.memory_bytes,
            "cache_bytes_per_token": per_token,
            "cache_bytes_per_row": per_token * config.context,
        },
    }))
}
