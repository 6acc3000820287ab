//! `study score`: scorers beside reward models score what is stored.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use paretoscope_demo::rule::GraderRule;
use paretoscope_demo::world::World;
use paretoscope_engine::annotate::{Question, Voters, is_judge};
use paretoscope_engine::bundle::read_prompts;
use paretoscope_engine::rules::{Detection, ExactMatch, Refusal, Rule};
use paretoscope_engine::study::{Against, Counted, Study, TaskState};
use paretoscope_engine::types::Split;
use paretoscope_engine::{Error, Problem, Result};
use serde_json::json;

use super::file::existing;
use crate::interrupt::Interrupt;
use crate::options::split_of;
use crate::print::json_line;

/// Between two lines of progress.
const PACE: Duration = Duration::from_secs(1);
/// The option that names scorers.
const WITH: &str = "--with";

/// Options of `study score`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Who scores: `exact` (the number of a prompt line's "answer", strictly and flexibly read); `refusal` (by XSTest's
    /// beginnings, of prompts labelled "unsafe" and of those labelled "safe"; `refusal:hits=0.86,false-alarms=0.04` adds
    /// corrected rates); `grader` (the demonstration's; `grader:world=DIR`); `votes` and `judge` (the share that an answer
    /// won against the base model's, or its mean rating; `votes:task=T`, `votes:voters=A1`, `votes:against=all`,
    /// `judge:voters=J1`). Given several times, all of them
    #[arg(long = "with", value_name = "NAME[:key=value,...]", required = true)]
    scorers: Vec<String>,
    /// The prompts that count: train, validation, test, or all
    #[arg(long, value_name = "SPLIT", default_value = "all")]
    split: String,
    /// Prompts whose "answer" and "label" are noted first, for sweeps whose own lines said nothing; what was noted before
    /// stands
    #[arg(long, value_name = "F.jsonl")]
    prompts: Option<PathBuf>,
}

/// A scorer as it was asked for.
enum Scorer {
    Rule(Box<dyn Rule>),
    Votes {
        tasks: Vec<TaskState>,
        voters: Vec<Voters>,
        against: Against,
    },
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let study = existing(&args.file)?;
    let split = split_of("--split", &args.split)?;
    // All are read before the first scores: a bad one leaves nothing half done.
    let scorers = args.scorers.iter().map(|words| scorer(&study, words));
    let scorers = scorers.collect::<Result<Vec<Scorer>>>()?;
    let references = args
        .prompts
        .as_deref()
        .map(|path| refer(&study, path))
        .transpose()?;
    let interrupt = Interrupt::listen();
    let mut found: Vec<Counted> = Vec::new();
    for scorer in &scorers {
        found.extend(score(&study, scorer, split, &interrupt)?);
    }
    let mut line = json!({"scored": found, "split": args.split});
    if let Some(references) = references {
        line["references"] = json!(references);
    }
    json_line(&line)
}

/// Notes what a file says of prompts that the study holds; how many of them there are.
fn refer(study: &Study, path: &Path) -> Result<usize> {
    let samples = read_prompts(path)?;
    if samples.iter().all(|sample| sample.reference.is_empty()) {
        let problem = "no line of it has an \"answer\" or a \"label\"";
        return Err(Error::file(path, problem));
    }
    Ok(study.refer_known(&samples)?)
}

fn score(
    study: &Study,
    scorer: &Scorer,
    split: Option<Split>,
    interrupt: &Interrupt,
) -> Result<Vec<Counted>> {
    match scorer {
        Scorer::Rule(rule) => {
            let mut last = Instant::now();
            let found = study.score_by_rule(rule.as_ref(), split, &mut |done, of| {
                if last.elapsed() >= PACE {
                    last = Instant::now();
                    crate::say::line(&format!("{done} of {of} answers"));
                }
                interrupt.flow()
            })?;
            found.ok_or(Error::Cancelled)
        }
        Scorer::Votes {
            tasks,
            voters,
            against,
        } => {
            let mut found = Vec::new();
            for (task, who) in tasks
                .iter()
                .flat_map(|task| voters.iter().map(move |who| (task, who)))
            {
                if interrupt.flow() == ControlFlow::Break(()) {
                    return Err(Error::Cancelled);
                }
                found.extend(study.score_by_votes(task, who, *against, split)?);
            }
            if found.is_empty() {
                let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
                let problem = format!(
                    "nobody that is asked for has voted on {} yet",
                    names.join(", ")
                );
                return Err(Error::option(WITH, problem));
            }
            Ok(found)
        }
    }
}

/// `NAME[:key=value,...]`.
fn scorer(study: &Study, words: &str) -> Result<Scorer> {
    let (name, rest) = words.split_once(':').unwrap_or((words, ""));
    let mut settings = Settings::read(rest)?;
    let scorer = match name {
        "exact" => Scorer::Rule(Box::new(ExactMatch)),
        "refusal" => Scorer::Rule(Box::new(refusal(&mut settings)?)),
        "grader" => {
            let folder = settings
                .take("world")
                .unwrap_or_else(|| "assets/world".to_owned());
            Scorer::Rule(Box::new(GraderRule::new(&World::load(Path::new(&folder))?)))
        }
        "votes" | "judge" => votes(study, name == "judge", &mut settings)?,
        other => {
            let known = ["exact", "refusal", "grader", "votes", "judge"];
            return Err(Error::option(WITH, Problem::unknown(other, known)));
        }
    };
    settings.none_left(name)?;
    Ok(scorer)
}

fn refusal(settings: &mut Settings) -> Result<Refusal> {
    let both = [settings.number("hits")?, settings.number("false-alarms")?];
    let detection = match both {
        [None, None] => None,
        [Some(hits), Some(false_alarms)] => Some(Detection::new(hits, false_alarms)?),
        _ => {
            let problem = "refusal takes both hits and false-alarms, or neither";
            return Err(Error::option(WITH, problem));
        }
    };
    Ok(Refusal { detection })
}

fn votes(study: &Study, judge: bool, settings: &mut Settings) -> Result<Scorer> {
    let tasks = match settings.take("task") {
        Some(name) => vec![study.task_named(WITH, &name)?],
        // Rankings give no answer a score of its own.
        None => {
            let mut tasks = study.tasks()?;
            tasks.retain(|task| task.asks.question() != Question::Ranking);
            tasks
        }
    };
    if tasks.is_empty() {
        let problem = format!(
            "{} has no task that could have been voted on",
            study.path().display()
        );
        return Err(Error::option(WITH, problem));
    }
    let voters = match (settings.take("voters"), judge) {
        (None, false) => vec![Voters::People],
        (None, true) => {
            let judges = study.judges()?.into_iter();
            judges
                .map(|judge| Voters::One(judge.annotator.alias))
                .collect()
        }
        (Some(who), _) => {
            let voters = Voters::of(&who);
            let judges = matches!(&voters, Voters::Judges) || is_judge(&who);
            if judges != judge {
                let right = if judge {
                    "judges, J1, J2, ..."
                } else {
                    "people, A1, A2, ..."
                };
                let problem = format!("voters={who} does not fit; here they are {right}");
                return Err(Error::option(WITH, problem));
            }
            vec![voters]
        }
    };
    if voters.is_empty() {
        let problem = "no judge has judged yet; `study judge` lets one";
        return Err(Error::option(WITH, problem));
    }
    let against = settings.take("against");
    Ok(Scorer::Votes {
        tasks,
        voters,
        against: against.map_or(Ok(Against::Base), |word| Against::parse(WITH, &word))?,
    })
}

/// Settings behind a name.
struct Settings(Vec<(String, String)>);

impl Settings {
    fn read(words: &str) -> Result<Self> {
        let parts = words.split(',').filter(|part| !part.trim().is_empty());
        let pair = |part: &str| {
            let both = part
                .split_once('=')
                .map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()));
            both.ok_or_else(|| {
                let problem =
                    format!("`{part}` is no key=value, e.g. refusal:hits=0.86,false-alarms=0.04");
                Error::option(WITH, problem)
            })
        };
        Ok(Self(parts.map(pair).collect::<Result<_>>()?))
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.swap_remove(at).1)
    }

    fn number(&mut self, key: &str) -> Result<Option<f64>> {
        let read = |text: String| {
            let number = text.parse::<f64>();
            number.map_err(|_source| {
                Error::option(WITH, format!("{key} is `{text}`, which is no number"))
            })
        };
        self.take(key).map(read).transpose()
    }

    fn none_left(self, name: &str) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some((key, _)) => {
                let problem =
                    format!("`{key}` is nothing that {name} takes, or stands there twice");
                Err(Error::option(WITH, problem))
            }
        }
    }
}
