//! `sweep`: points x prompts, scored and stored; a line per finished point.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use paretoscope_engine::bundle::{Bundle, read_prompts};
use paretoscope_engine::generate::{Generator, RowSource, RowTag};
use paretoscope_engine::protocol::{SweepPhase, SweepPlan};
use paretoscope_engine::sweep::{Listed, SweepScheduler, front_flags, parse_grid, point_line};
use paretoscope_engine::types::{PointKind, PointResult, Prompt, PromptSample, RowRequest, Run};
use paretoscope_engine::{Error, Problem, Result};

use super::generate::SamplingArgs;
use super::place::load;
use crate::interrupt::Interrupt;
use crate::options::{Global, split_of};
use crate::print::json_line;

/// How long nothing is done where the sweep waits for its study, or for other programs at it.
const NAP: Duration = Duration::from_millis(5);

/// Options of `sweep`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// JSON Lines with a {"prompt": ...} per line
    #[arg(long, value_name = "F.jsonl")]
    prompts: PathBuf,
    /// Keep the prompts of one part: `train`, `validation`, `test`, or `all`. A line's own "split" says which it is in;
    /// else a hash of its "group", or of what it asks, does (70, 15, 15 %)
    #[arg(long, value_name = "SPLIT", default_value = "all")]
    split: String,
    /// `simplex:STEP` or `box:C:STEP`
    #[arg(long, value_name = "GRID", allow_hyphen_values = true)]
    grid: Option<String>,
    /// In place of a grid, a file with a {"preference": [...]} or {"weights": [...]} per line, a "name" beside it or not, or
    /// comma-separated values under a head that names the objectives; or a set: `hoe-11`, `hoe-13`, `hoe-5`, `mva-100`,
    /// `convex:STEP` (weights that sum to 1), `halton:N` (N points that fill the simplex; with `--method mva` the box of
    /// weights up to 1; `halton:N:SEED` gives others)
    #[arg(long, value_name = "FILE or SET")]
    points: Option<String>,
    /// `hoe` routes preferences, `mva` takes free weights; by default as grid or points ask
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// The study; the same command again goes on where it stopped, and other sweeps may go into it as well
    #[arg(long, value_name = "X.study")]
    out: PathBuf,
    /// Make the rows of the I-th of N parts of the prompts alone, e.g. 2/3; `study merge` puts the parts together
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Rows in one batch
    #[arg(long, value_name = "N", default_value_t = 32)]
    slots: usize,
    /// Put prompts through the chat template
    #[arg(long)]
    chat: bool,
    /// Also measure the base model
    #[arg(long)]
    base: bool,
    #[command(flatten)]
    sampling: SamplingArgs,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let kind = args.method.as_deref().map(kind_of).transpose()?;
    let listed = match (&args.grid, &args.points) {
        (Some(grid), None) => Listed::Grid(parse_grid(grid)?),
        (None, Some(points)) => Listed::read(points)?,
        (grid, _) => {
            let given = if grid.is_some() { "both" } else { "neither" };
            let problem = format!(
                "a sweep takes either --grid or --points, and {given} is given; e.g. --grid simplex:0.1"
            );
            return Err(Error::option("--points", problem));
        }
    };
    listed.check(kind).map_err(|error| {
        let method = args.method.as_deref().unwrap_or_default();
        Error::option("--method", format!("{method} does not fit; {error}"))
    })?;
    let prompts = of_split(read_prompts(&args.prompts)?, args)?;
    let shard = args.shard.as_deref().map(shard).transpose()?;
    let bundle = load(&args.bundle, global, true)?;
    let splits = prompts.iter().map(|sample| sample.split).collect();
    let mut groups: Vec<_> = prompts.iter().map(|sample| sample.group.clone()).collect();
    if groups.iter().all(Option::is_none) {
        groups.clear();
    }
    let prompts = prompts.into_iter().map(|sample| match sample.prompt {
        Prompt::Text(text) if args.chat => Prompt::Chat(text),
        prompt => prompt,
    });
    let plan = SweepPlan {
        grid: listed.grid(&bundle.info, kind)?,
        prompts: prompts.collect(),
        splits,
        groups,
        sampling: args.sampling.sampling(global),
        include_base: args.base,
        store: args.out.clone(),
    };
    let mut sweep = SweepScheduler::new(&bundle, plan)?;
    if let Some((index, count)) = shard {
        sweep = sweep.shard(index, count);
    }
    drive(&bundle, sweep, args.slots)
}

/// The points that a method takes.
fn kind_of(method: &str) -> Result<PointKind> {
    match method {
        "hoe" => Ok(PointKind::Preference),
        "mva" => Ok(PointKind::Weights),
        other => Err(Error::option(
            "--method",
            Problem::unknown(other, ["hoe", "mva"]),
        )),
    }
}

/// `I/N`, counted from 1, as a number from 0 and how many.
fn shard(words: &str) -> Result<(u64, u64)> {
    let numbers = words.split_once('/');
    let numbers = numbers.and_then(|(i, n)| Some((i.parse::<u64>().ok()?, n.parse::<u64>().ok()?)));
    match numbers {
        Some((index, count)) if (1..=count).contains(&index) => Ok((index - 1, count)),
        _ => Err(Error::option(
            "--shard",
            format!(
                "`{words}` is no I/N with I from 1 to N, e.g. 1/3, 2/3 and 3/3 on three machines"
            ),
        )),
    }
}

/// The prompts of the part that was asked for.
fn of_split(mut prompts: Vec<PromptSample>, args: &Args) -> Result<Vec<PromptSample>> {
    let Some(split) = split_of("--split", &args.split)? else {
        return Ok(prompts);
    };
    let listed = prompts.len();
    prompts.retain(|sample| sample.split == split);
    if prompts.is_empty() {
        return Err(Error::option(
            "--split",
            format!(
                "none of the {listed} prompts of {} belongs to {}; give lines a \"split\", or use all",
                args.prompts.display(),
                split.name()
            ),
        ));
    }
    Ok(prompts)
}

/// A sweep whose rows the slots take, with its progress.
struct Driven<'a> {
    bundle: &'a Bundle,
    sweep: SweepScheduler,
    results: Vec<PointResult>,
    bar: ProgressBar,
    interrupt: Interrupt,
}

impl Driven<'_> {
    /// What there is to do between steps: scores, and what other programs do at this study.
    fn tend(&mut self) -> Result<()> {
        self.results.extend(self.sweep.tend()?);
        self.results.extend(self.sweep.score_waiting(self.bundle)?);
        let progress = self.sweep.progress(SweepPhase::Running);
        self.bar.set_position(progress.rows_done as u64);
        if let Some(others) = progress.of_others() {
            self.bar.set_message(format!("; {others}"));
        }
        if self.sweep.is_finished() {
            return Ok(());
        }
        // What is finished is stored, scored or not; rows under way begin again.
        self.interrupt.check()
    }
}

impl RowSource<RowTag> for Driven<'_> {
    fn next_row(&mut self) -> Option<(RowTag, RowRequest)> {
        let (tag, request) = self.sweep.next_row()?;
        Some((RowTag(tag), request))
    }

    fn stepped(&mut self, ended: Vec<(RowTag, Run)>) -> Result<()> {
        if !ended.is_empty() {
            let ended = ended.into_iter().map(|(tag, run)| (tag.0, run)).collect();
            self.results
                .extend(self.sweep.finished(self.bundle, ended)?);
        }
        self.tend()
    }
}

/// Runs a sweep to its end, then prints its points in the plan's order: which of them are on the
/// front is known only when all are in, and so the output is the same however often it was resumed.
fn drive(bundle: &Bundle, sweep: SweepScheduler, slots: usize) -> Result<()> {
    let progress = sweep.progress(SweepPhase::Running);
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} rows, {per_sec}, {eta} to go{msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(progress.rows as u64).with_style(style);
    bar.set_position(progress.rows_done as u64);
    bar.reset_eta();
    let mut driven = Driven {
        bundle,
        results: sweep.found(),
        sweep,
        bar,
        interrupt: Interrupt::listen(),
    };
    let mut generator = Generator::new(slots);
    loop {
        // Ends where no row is claimed: there is none left, a claim is under way, or other programs make the rest.
        generator.drive(bundle, &mut driven)?;
        driven.tend()?;
        if driven.sweep.is_finished() {
            break;
        }
        if driven.sweep.waits() {
            std::thread::sleep(NAP);
        }
    }
    driven.bar.finish_and_clear();
    let progress = driven.sweep.progress(SweepPhase::Finished);
    let others = progress
        .of_others()
        .map_or(String::new(), |words| format!(", {words}"));
    crate::say::line(&format!(
        "{} of {} rows made here, {} found in the study{others}",
        progress.rows_made, progress.rows, progress.rows_found
    ));
    let mut results = driven.results;
    results.sort_by_key(|result| result.index);
    let objectives = bundle.info.objectives.iter();
    let names: Vec<String> = objectives.map(|o| o.name.clone()).collect();
    for (result, front) in results.iter().zip(front_flags(&results)) {
        json_line(&point_line(result, &names, front))?;
    }
    Ok(())
}
