//! `search`: settings of a merge, or the factor of an expert, by what they score on validation prompts.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use paretoscope_engine::bundle::{LoadOptions, Manifest, read_prompts};
use paretoscope_engine::forge::merge::Method;
use paretoscope_engine::proposals::{Plan, default_population};
use paretoscope_engine::protocol::SweepGrid;
use paretoscope_engine::recipe::settings::AutoSettings;
use paretoscope_engine::search::{
    Range, SearchListener, SearchNews, SearchPlan, Searched, Setting, Target, search,
};
use paretoscope_engine::sweep::{Listed, parse_grid};
use paretoscope_engine::types::{NamedPoint, Point, PointKind, PromptSample, Split};
use paretoscope_engine::{Error, Problem, Result};
use serde_json::json;

use crate::commands::generate::SamplingArgs;
use crate::commands::place::backend;
use crate::interrupt::Interrupt;
use crate::options::{Global, numbers};
use crate::print::json_line;

/// Between two lines of progress.
const PACE: Duration = Duration::from_secs(1);

/// Options of `search`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The bundle's folder; it is not touched
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// `rescale` searches the factor on --expert (HoE, appendix D.1); the others merge the experts of single objectives
    #[arg(long, value_enum)]
    method: MethodName,
    /// The LoRA expert that is rescaled, or in whose place the merge stands
    #[arg(long, value_name = "NAME", conflicts_with_all = ["preference", "name"])]
    expert: Option<String>,
    /// Where a merge that is a new expert stands, one share per objective (default: equal shares)
    #[arg(long, value_name = "P")]
    preference: Option<String>,
    /// What a new expert is called (default: merged)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What is searched, and between which ends: `rescale`, `density` or `coefficients` (one per merged expert), with
    /// `=LOW:HIGH` and `@START` where the method's own do not fit, e.g. density=0.05:0.3@0.1. Given several times; the
    /// method's own settings where absent
    #[arg(long = "setting", value_name = "NAME[=LOW:HIGH][@START]")]
    settings: Vec<String>,
    /// Tries at most, the method's usual settings among them. One setting is tried on an even grid, several by CMA-ES
    #[arg(long, value_name = "N", default_value_t = 32)]
    budget: usize,
    /// Tries in a generation of CMA-ES (default: 4 + 3 ln of the number of settings)
    #[arg(long, value_name = "N")]
    population: Option<usize>,
    /// Rank of the expert (default: the largest of those that it is made of)
    #[arg(long, value_name = "R")]
    rank: Option<usize>,
    /// Share pruned of a merge before it is compressed (default: 0.4, and nothing of a weighted sum of adapters)
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    prune: Option<f64>,
    /// Prompts whose validation part measures (default: the bundle's own)
    #[arg(long, value_name = "F.jsonl")]
    prompts: Option<PathBuf>,
    /// The first so many of them
    #[arg(long, value_name = "N")]
    most_prompts: Option<usize>,
    /// Put prompts through the chat template
    #[arg(long)]
    chat: bool,
    /// Where every try is measured: `simplex:STEP` (default: as recipes look for places)
    #[arg(long, value_name = "GRID", conflicts_with = "points")]
    grid: Option<String>,
    /// In place of a grid, a file or a named set of preferences
    #[arg(long, value_name = "FILE.jsonl or SET")]
    points: Option<String>,
    #[command(flatten)]
    sampling: SamplingArgs,
    /// Folder for the log of all tries, the study of their answers, and bundle/ with the best; the same command again goes
    /// on there, also with a larger budget
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum MethodName {
    /// No merge: the factor on one expert
    Rescale,
    /// The weighted sum
    Linear,
    /// Trim, elect signs, disjoint mean
    Ties,
    /// Drop at random, rescale, sum
    DareLinear,
    /// Drop at random, rescale, elect signs
    DareTies,
    /// Competition of parameters
    Pcb,
    /// Low frequencies taken away
    Fourier,
}

impl MethodName {
    fn merge(self) -> Option<Method> {
        Some(match self {
            Self::Rescale => return None,
            Self::Linear => Method::Linear,
            Self::Ties => Method::Ties,
            Self::DareLinear => Method::DareLinear,
            Self::DareTies => Method::DareTies,
            Self::Pcb => Method::Pcb,
            Self::Fourier => Method::Fourier,
        })
    }
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let plan = plan(args, global)?;
    let options = LoadOptions {
        backend: backend(global)?,
        ..LoadOptions::default()
    };
    let mut lines = Lines {
        interrupt: Interrupt::listen(),
        last: None,
    };
    let outcome = search(&plan, &options, &mut lines)?;
    let mut line = json!(outcome);
    line["stage"] = json!("chosen");
    line["words"] = json!(format!(
        "volume {:.4} with the chosen settings, {:.4} with the usual ones: {:+.4} (95 % {:+.4} to {:+.4}; {} validation prompts, on which it was chosen: optimistic); {} of {} tries are within one standard error, the one that changes the model least is chosen; {} answers were generated",
        outcome.best.hypervolume.unwrap_or(f64::NAN),
        outcome.start.hypervolume.unwrap_or(f64::NAN),
        outcome.gain.value,
        outcome.gain.low,
        outcome.gain.high,
        outcome.spent.prompts,
        outcome.tied,
        outcome.spent.tries,
        outcome.spent.generations,
    ));
    json_line(&line)
}

fn plan(args: &Args, global: &Global) -> Result<SearchPlan> {
    let root = |path: &PathBuf| std::path::absolute(path).map_err(Error::io("find", path));
    let bundle = root(&args.bundle)?;
    let manifest = Manifest::load(&bundle)?.rooted(&bundle)?;
    let objectives = manifest.objective_count();
    let what = searched(args, objectives)?;
    let ranges = args.settings.iter().map(|words| range(words));
    let ranges = ranges.collect::<Result<Vec<Range>>>()?;
    let space = what.space(&bundle, &ranges)?;
    let population = args
        .population
        .unwrap_or_else(|| default_population(space.axes().len()));
    Ok(SearchPlan {
        search: Plan {
            space,
            budget: args.budget,
            population,
            seed: global.seed,
        },
        what,
        rank: args.rank,
        prune: args.prune,
        grid: grid(args, &manifest, objectives)?,
        prompts: prompts(args, &manifest)?,
        sampling: args.sampling.sampling(global),
        out: root(&args.out)?,
        bundle,
    })
}

fn searched(args: &Args, objectives: usize) -> Result<Searched> {
    let Some(method) = args.method.merge() else {
        if args.preference.is_some() || args.name.is_some() {
            let problem =
                "rescale makes no new expert; name the one that is rescaled with --expert alone";
            return Err(Error::option("--method", problem));
        }
        let expert = args.expert.clone().ok_or_else(|| {
            Error::option(
                "--expert",
                "is needed: rescale searches the factor on one LoRA expert",
            )
        })?;
        return Ok(Searched::Rescale { expert });
    };
    let target = match &args.expert {
        Some(expert) => Target::Instead(expert.clone()),
        None => Target::New {
            name: args.name.clone().unwrap_or_else(|| "merged".to_owned()),
            preference: match &args.preference {
                Some(text) => numbers("--preference", text)?,
                None => vec![1.0 / objectives.max(1) as f64; objectives],
            },
        },
    };
    Ok(Searched::Merge { method, target })
}

/// `NAME[=LOW:HIGH][@START]`.
fn range(words: &str) -> Result<Range> {
    let wrong = || {
        let problem = format!(
            "is `{words}`; it is NAME, NAME=LOW:HIGH or NAME=LOW:HIGH@START, e.g. density=0.05:0.3@0.1"
        );
        Error::option("--setting", problem)
    };
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_source| wrong());
    let (rest, start) = match words.split_once('@') {
        Some((rest, start)) => (rest, Some(number(start)?)),
        None => (words, None),
    };
    let (name, ends) = match rest.split_once('=') {
        Some((name, ends)) => {
            let (low, high) = ends.split_once(':').ok_or_else(wrong)?;
            (name, Some([number(low)?, number(high)?]))
        }
        None => (rest, None),
    };
    let setting = Setting::ALL
        .into_iter()
        .find(|setting| setting.name() == name.trim());
    let known = || Setting::ALL.into_iter().map(Setting::name);
    let setting =
        setting.ok_or_else(|| Error::option("--setting", Problem::unknown(name, known())))?;
    Ok(Range {
        setting,
        ends,
        start,
    })
}

/// Where tries are measured: preferences, in the order of the bundle's objectives.
fn grid(args: &Args, manifest: &Manifest, objectives: usize) -> Result<SweepGrid> {
    let listed = match (&args.grid, &args.points) {
        (Some(grid), _) => Listed::Grid(parse_grid(grid)?),
        (None, Some(points)) => Listed::read(points)?,
        (None, None) => {
            let places = AutoSettings::default().places(objectives)?;
            let points = places
                .into_iter()
                .map(|p| NamedPoint::from(Point::Preference(p)));
            return Ok(SweepGrid::List {
                points: points.collect(),
            });
        }
    };
    listed.check(Some(PointKind::Preference))?;
    Ok(match listed {
        Listed::Grid(grid) => grid,
        Listed::List(list) => SweepGrid::List {
            points: list.ordered(&manifest.objective_names())?,
        },
    })
}

/// The validation prompts of the file, or of the bundle.
fn prompts(args: &Args, manifest: &Manifest) -> Result<Vec<PromptSample>> {
    let path = args.prompts.as_ref().or(manifest.prompts.as_ref());
    let path = path.ok_or_else(|| {
        Error::option(
            "--prompts",
            "is needed: the bundle has no prompts of its own to measure on",
        )
    })?;
    let mut prompts = read_prompts(path)?;
    let listed = prompts.len();
    prompts.retain(|sample| sample.split == Split::Validation);
    prompts.truncate(args.most_prompts.unwrap_or(usize::MAX));
    if prompts.is_empty() {
        let problem = format!(
            "{} holds {listed} prompts, and none of the validation part, on which settings are chosen; give lines a \"split\"",
            path.display()
        );
        return Err(Error::option("--prompts", problem));
    }
    if args.chat {
        for sample in &mut prompts {
            if let paretoscope_engine::types::Prompt::Text(text) = &sample.prompt {
                sample.prompt = paretoscope_engine::types::Prompt::Chat(text.clone());
            }
        }
    }
    Ok(prompts)
}

/// Progress as lines on standard output.
struct Lines {
    interrupt: Interrupt,
    last: Option<Instant>,
}

impl SearchListener for Lines {
    fn news(&mut self, news: SearchNews) {
        let line = match news {
            SearchNews::Measuring { number, done, of } => {
                if done < of && self.last.is_some_and(|last| last.elapsed() < PACE) {
                    return;
                }
                self.last = Some(Instant::now());
                let mut line = json!({"stage": "anchors", "done": done, "of": of});
                if let Some(number) = number {
                    line["stage"] = json!("measuring");
                    line["number"] = json!(number);
                }
                line
            }
            SearchNews::Tried(tried) => {
                let mut line = json!(tried);
                line["stage"] = json!("tried");
                line
            }
        };
        if let Err(error) = json_line(&line) {
            tracing::debug!(%error, "nobody reads the progress");
        }
    }

    fn cancelled(&self) -> bool {
        self.interrupt.asked()
    }
}
