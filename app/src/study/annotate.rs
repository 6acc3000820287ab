//! A person at a task, on the study's thread: what they choose is in the file before the next item is shown.

use std::path::Path;

use paretoscope_core::annotate::{Ballot, Design, How, from_label_studio, to_label_studio};
use paretoscope_core::output::write_bytes;
use paretoscope_core::protocol::Trouble;
use paretoscope_core::stats::read_votes;
use paretoscope_core::study::{
    Asks, Draft, DrawnTask, Looked, MergeCounts, PairsAsked, Sitting, Study, TaskState,
};
use paretoscope_core::{Error, Problem, Result};
use serde_json::Value;

use super::asks::{AnnotateCommand, AnnotateNews, Seat, TaskForm, TaskLine, TaskList, TaskPreview};
use super::message::StudyNews;
use super::worker::Worker;

/// Bytes of a file of votes at most.
const LARGEST: u64 = 256 << 20;

impl Worker {
    /// Does what is asked of tasks.
    pub(super) fn annotate(&mut self, asked: AnnotateCommand) {
        match asked {
            AnnotateCommand::Tasks => self.tell_tasks(),
            AnnotateCommand::Sit { task, alias } => self.sit(&task, &alias),
            AnnotateCommand::Rise => {
                self.seat = None;
                self.tell_tasks();
            }
            AnnotateCommand::Cast(place, ballots, looked) => self.cast(place, &ballots, looked),
            AnnotateCommand::TakeBack => self.take_back(),
            AnnotateCommand::Draft(draft) => self.keep_draft(&draft),
            AnnotateCommand::Preview(form) => self.preview(form),
            AnnotateCommand::Build(form) => {
                let built = self.with(|study| build(study, &form));
                self.built(built);
            }
            AnnotateCommand::More(task, count) => {
                let drawn = self.with(|study| {
                    let task = study.task_named("task", &task)?;
                    let drawn = study.draw_more(&task, count)?;
                    study.add_items(&task, &drawn.items)?;
                    Ok(built_words(&task.name, &drawn))
                });
                self.built(drawn);
            }
            AnnotateCommand::Weigh(task, draws) => self.weigh(task, draws),
            AnnotateCommand::StopWeighing => self.stop_weighing(),
            AnnotateCommand::Judged(task, draws) => self.judged(task, draws),
            AnnotateCommand::Pack { task, alias, out } => {
                let packed = self.with(|study| pack(study, &task, &alias, &out));
                self.moved(packed);
            }
            AnnotateCommand::Bring(path) => {
                let taken = self.with(|study| bring(study, &path));
                self.moved(taken);
                // What came in may be a sweep.
                self.look_again();
            }
            AnnotateCommand::Votes { task, out } => {
                let written = self.with(|study| votes(study, &task, &out));
                self.moved(written);
            }
            AnnotateCommand::Pairs {
                task,
                objective,
                out,
            } => {
                let written = self.with(|study| pairs(study, &task, objective, &out));
                self.moved(written);
            }
        }
    }

    pub(super) fn say(&self, news: AnnotateNews) {
        self.tell(StudyNews::Annotate(news));
    }

    /// Says which tasks there are.
    pub(super) fn tell_tasks(&self) {
        let found = self.with(list);
        if let Some(tasks) = self.or_tell(found) {
            self.say(AnnotateNews::Tasks(tasks));
        }
    }

    fn built(&self, done: Option<Result<String>>) {
        let Some(done) = done else { return };
        self.say(AnnotateNews::Built(done.map_err(|e| Trouble::from(&e))));
        self.tell_tasks();
    }

    fn moved(&self, done: Option<Result<String>>) {
        let Some(done) = done else { return };
        self.say(AnnotateNews::Moved(done.map_err(|e| Trouble::from(&e))));
        self.tell_tasks();
    }

    fn sit(&mut self, task: &str, alias: &str) {
        self.seat = None;
        let seated = self.with(|study| {
            let task = study.task_named("task", task)?;
            let sitting = study.sit(&task, alias)?;
            let next = study.progress(&sitting)?.next;
            let seat = seat(study, &sitting, next)?;
            Ok((sitting, seat))
        });
        match seated {
            Some(Ok((sitting, seat))) => {
                self.seat = Some(sitting);
                self.say(AnnotateNews::Seat(Box::new(seat)));
            }
            Some(Err(error)) => self.say(AnnotateNews::NotSeated(Trouble::from(&error))),
            None => {}
        }
    }

    fn cast(&self, place: usize, ballots: &[Ballot], looked: Looked) {
        self.seated(|study, sitting| {
            study.cast(sitting, place, ballots, looked)?;
            let next = study.progress(sitting)?.next;
            seat(study, sitting, next)
        });
    }

    fn take_back(&self) {
        self.seated(|study, sitting| {
            let back = study.take_back(sitting)?;
            let next = study.progress(sitting)?.next;
            seat(study, sitting, back.or(next))
        });
    }

    fn keep_draft(&self, draft: &Draft) {
        let Some(sitting) = &self.seat else { return };
        if let Some(Err(error)) = self.with(|study| study.save_draft(sitting, draft)) {
            self.say(AnnotateNews::NotCast(Trouble::from(&error)));
        }
    }

    /// Does something for whoever sits, and shows what is in front of them then.
    fn seated(&self, work: impl FnOnce(&Study, &Sitting) -> Result<Seat>) {
        let Some(sitting) = &self.seat else { return };
        match self.with(|study| work(study, sitting)) {
            Some(Ok(seat)) => self.say(AnnotateNews::Seat(Box::new(seat))),
            Some(Err(error)) => self.say(AnnotateNews::NotCast(Trouble::from(&error))),
            None => {}
        }
    }
}

/// What a person sees at a place.
fn seat(study: &Study, sitting: &Sitting, place: Option<usize>) -> Result<Seat> {
    let progress = study.progress(sitting)?;
    let draft = place.map(|place| study.draft(sitting, place)).transpose()?;
    let draft = draft.flatten().unwrap_or_default();
    Ok(Seat {
        task: sitting.task().name.clone(),
        alias: sitting.alias().to_owned(),
        item: place.map(|place| study.show(sitting, place)).transpose()?,
        saved: progress.saved,
        of: progress.of,
        draft: Some(draft)
            .filter(|draft| Some(draft.place) == place)
            .unwrap_or_default(),
    })
}

fn list(study: &Study) -> Result<TaskList> {
    let line = |task: TaskState| {
        let active = matches!(&task.asks, Asks::Home(design) if design.how == How::Active);
        Ok(TaskLine {
            counts: study.task_counts(&task)?,
            question: task.asks.question(),
            pack: matches!(task.asks, Asks::Pack(_)),
            active,
            objectives: task.asks.objectives().to_vec(),
            name: task.name,
        })
    };
    Ok(TaskList {
        tasks: study
            .tasks()?
            .into_iter()
            .map(line)
            .collect::<Result<_>>()?,
        people: study.annotators()?.into_iter().map(|a| a.alias).collect(),
        next: study.next_alias()?,
    })
}

/// What a form would ask.
pub(super) fn preview(study: &Study, form: &TaskForm) -> Result<TaskPreview> {
    let drawn = drawn(study, form)?.1;
    Ok(TaskPreview {
        items: drawn.asked,
        checks: drawn.checks,
        looks: drawn.looks,
        identical: drawn.identical,
        missing: drawn.missing,
        told: drawn.told,
    })
}

/// A form's design with the names of its sweeps, and the items that it draws.
fn drawn(study: &Study, form: &TaskForm) -> Result<(Design, DrawnTask)> {
    let all = study.sweeps()?;
    let sweeps: Vec<_> = all
        .into_iter()
        .filter(|sweep| form.sweeps.contains(&sweep.id))
        .collect();
    let mut design = form.design.clone();
    design.sweeps = study.sweep_uids(&sweeps)?;
    let drawn = study.draw_task(&design, &sweeps)?;
    Ok((design, drawn))
}

fn build(study: &Study, form: &TaskForm) -> Result<String> {
    if let Some(path) = &form.file {
        return import(study, path, &form.name);
    }
    let (design, drawn) = drawn(study, form)?;
    study.new_task(&form.name, &design, &drawn.items)?;
    Ok(built_words(&form.name, &drawn))
}

fn built_words(name: &str, drawn: &DrawnTask) -> String {
    let counted = |n: usize, thing: &str| format!("{n} {thing}{}", if n == 1 { "" } else { "s" });
    format!(
        "{name} is made: {}, {}",
        counted(drawn.asked, "item"),
        counted(drawn.checks, "check")
    )
}

/// Items and votes of another program's file.
fn import(study: &Study, path: &Path, name: &str) -> Result<String> {
    let named = |problem: String| Error::option("file", format!("{}: {problem}", path.display()));
    let about = std::fs::metadata(path).map_err(|error| named(error.to_string()))?;
    if !about.is_file() || about.len() > LARGEST {
        let problem = format!("is no file of up to {LARGEST} bytes");
        return Err(named(problem));
    }
    let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
    let lines = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("jsonl"));
    let pairs = if lines {
        let votes = read_votes(&text).map_err(|error| named(error.to_string()))?;
        study.pairs_of_votes(&votes)?
    } else {
        from_label_studio(&text).map_err(|problem: Problem| named(problem.to_string()))?
    };
    let done = study.import_votes(&pairs, name)?;
    let mut words = format!(
        "{}: {} pairs, of which {} were items here and {} became some; {} votes are new, {} were here",
        path.display(),
        done.pairs,
        done.by_name + done.by_text,
        done.new_items,
        done.votes,
        done.known,
    );
    for (objective, count) in &done.not_asked {
        words.push_str(&format!(
            "; {count} votes by {objective}, which was not asked about, are left out"
        ));
    }
    Ok(words)
}

fn pack(study: &Study, task: &str, alias: &str, out: &Path) -> Result<String> {
    let task = study.task_named("task", task)?;
    let sitting = study.sit(&task, alias)?;
    let items = study.pack(&sitting, out)?;
    Ok(format!(
        "{} holds {items} items for {alias}, as texts alone; bring it back here when they are voted on",
        out.display()
    ))
}

fn bring(study: &Study, path: &Path) -> Result<String> {
    let is_file = path.is_file();
    if !is_file {
        let problem = format!("{} is no file", path.display());
        return Err(Error::option("file", problem));
    }
    let counts: MergeCounts = study.merge(path)?;
    let news = counts.tables.iter().filter(|count| count.new > 0);
    let news: Vec<String> = news
        .map(|count| format!("{} new in {}", count.new, count.table))
        .collect();
    let what = if news.is_empty() {
        "nothing that was not here".to_owned()
    } else {
        news.join(", ")
    };
    let mut words = format!("From {}: {what}", path.display());
    for warning in &counts.warnings {
        words.push_str(&format!(". {warning}"));
    }
    Ok(words)
}

fn text_of(lines: &[Value]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// Writes a file where there is none.
fn write_new(out: &Path, text: &str) -> Result<()> {
    let named = |problem: String| Error::option("file", format!("{}: {problem}", out.display()));
    if out.exists() {
        return Err(named("is there already; name another file".to_owned()));
    }
    write_bytes(out, text.as_bytes()).map_err(|error| named(error.to_string()))
}

/// People's votes, as `study export --what votes` writes them.
fn votes(study: &Study, task: &str, out: &Path) -> Result<String> {
    let task = study.task_named("task", task)?;
    let judged = study.judged(&task)?;
    let ending = out.extension().map(|e| e.to_string_lossy().to_lowercase());
    let (text, written) = match ending.as_deref() {
        Some("json") => {
            let mut pairs = study.foreign_pairs(&task, true)?;
            pairs.retain(|pair| !pair.votes.is_empty());
            let votes = pairs.iter().map(|pair| pair.votes.len()).sum();
            (to_label_studio(&pairs).to_string(), votes)
        }
        Some("jsonl") => {
            let lines = judged.lines()?;
            (text_of(&lines), lines.len())
        }
        other => {
            let problem = Problem::unknown(other.unwrap_or(""), ["json", "jsonl"]);
            return Err(Error::option("the ending of the file", problem));
        }
    };
    if written == 0 {
        let problem = format!(
            "nothing to write: {} votes on checks, {} skipped",
            judged.checks, judged.skipped
        );
        return Err(Error::option("task", problem));
    }
    write_new(out, &text)?;
    Ok(format!(
        "Wrote {written} votes to {}{}",
        out.display(),
        if ending.as_deref() == Some("json") {
            String::new()
        } else {
            format!(
                "; left out: {} on checks, {} skipped",
                judged.checks, judged.skipped
            )
        }
    ))
}

fn pairs(study: &Study, task: &str, objective: Option<String>, out: &Path) -> Result<String> {
    let task = study.task_named("task", task)?;
    let asked = PairsAsked {
        objective,
        ..PairsAsked::default()
    };
    let found = study.pairs(&task, &asked)?;
    if found.rows == 0 {
        let problem = format!(
            "nothing to write: {} ties, {} checks, {} of the test prompts, which never train",
            found.ties, found.checks, found.test
        );
        return Err(Error::option("task", problem));
    }
    write_new(out, &text_of(&found.lines))?;
    Ok(format!(
        "Wrote {} pairs to {}; left out: {} ties, {} checks, {} of the test prompts",
        found.rows,
        out.display(),
        found.ties,
        found.checks,
        found.test
    ))
}
