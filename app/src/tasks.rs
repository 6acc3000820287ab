//! Dialogs and slow disks, which would make a frame wait: each on a named thread, its answer by channel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use paretoscope_core::annotate::Question;
use paretoscope_core::points::{PointList, read_points};
use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{Asks, PairsAsked, Study};
use paretoscope_core::types::Split;

use crate::state::LearnTask;

use crate::export::{self, Job, Written};

/// A dialog that closes sooner was never seen.
const UNSEEN: Duration = Duration::from_millis(400);

/// Bytes of a file of points at most; a point of a few objectives takes about a hundred.
const LARGEST: u64 = 64 << 20;

/// What a dialog asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A bundle's folder.
    Bundle,
    /// A file of prompts.
    Prompts,
    /// A file of points.
    Points,
    /// A file of training examples.
    Examples,
    /// A study.
    Study,
    /// Items and votes of another program.
    Votes,
    /// Where a pack is to be.
    Pack,
    /// A pack that comes back, or another study.
    Back,
    /// Where the pairs that people decided are to be.
    Pairs,
    /// Where votes are to be, for other programs.
    VotesOut,
    /// Where a figure, a table or the report is to be.
    Export {
        /// What its file is called where a person says nothing.
        name: &'static str,
        /// And how that ends.
        ending: &'static str,
    },
}

impl Wanted {
    fn title(self) -> &'static str {
        match self {
            Self::Bundle => "Open a bundle: its folder",
            Self::Prompts => "Prompts, one JSON object per line",
            Self::Points => "Points, one JSON object per line",
            Self::Examples => "Training examples, one JSON object per line",
            Self::Study => "Open a study",
            Self::Votes => "Items and votes: Label Studio's JSON, or JSON Lines",
            Self::Pack => "The pack: a study of texts alone",
            Self::Back => "A pack that was voted on, or another study",
            Self::Pairs => "Pairs to train on, one JSON object per line",
            Self::VotesOut => "Votes: JSON Lines, or Label Studio's JSON",
            Self::Export { .. } => "Export",
        }
    }
}

/// What a task came back with.
#[derive(Debug)]
pub enum TaskAnswer {
    /// What a person picked, or nothing.
    Picked(Wanted, Option<PathBuf>),
    /// No dialog appeared.
    NoDialog(Wanted),
    /// A file, and whether it is there.
    LookedFor(PathBuf, bool),
    /// A file of points, and what it holds or why that could not be read.
    PointsRead(PathBuf, Result<PointList, Trouble>),
    /// How an export stands.
    Exporting(Exporting),
    /// A study, and what its votes would teach or why that could not be read.
    VotesFound(PathBuf, Result<Vec<LearnTask>, Trouble>),
    /// A thread could not be started.
    NoThread(String),
}

/// How an export stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Exporting {
    /// What is done now.
    Stage(&'static str),
    /// What was written, or why nothing was.
    Ended(Result<Written, Trouble>),
    /// The folder was not shown, and why.
    Unseen(String),
}

/// Starts tasks and collects their answers.
#[derive(Debug)]
pub struct Tasks {
    ctx: egui::Context,
    sender: Sender<TaskAnswer>,
    answers: Receiver<TaskAnswer>,
}

impl Tasks {
    /// Wakes `ctx` when an answer is there.
    pub fn new(ctx: egui::Context) -> Self {
        let (sender, answers) = crossbeam_channel::bounded(16);
        Self {
            ctx,
            sender,
            answers,
        }
    }

    /// Answers that are there.
    pub fn answers(&self) -> Vec<TaskAnswer> {
        self.answers.try_iter().collect()
    }

    /// Asks a person for a path.
    pub fn pick(&self, wanted: Wanted) {
        let dialog = rfd::AsyncFileDialog::new().set_title(wanted.title());
        let lines = ["jsonl", "json", "txt"];
        // The dialog is made here: some systems ask for the main thread.
        match wanted {
            Wanted::Bundle => self.wait_for(wanted, dialog.pick_folder()),
            Wanted::Prompts | Wanted::Points | Wanted::Examples => {
                self.wait_for(wanted, dialog.add_filter("JSON Lines", &lines).pick_file());
            }
            Wanted::Study | Wanted::Back => {
                let endings = ["study", "db", "sqlite", "sqlite3"];
                self.wait_for(wanted, dialog.add_filter("Study", &endings).pick_file());
            }
            Wanted::Votes => {
                let endings = ["json", "jsonl"];
                self.wait_for(wanted, dialog.add_filter("Votes", &endings).pick_file());
            }
            Wanted::Pack => {
                self.wait_for(wanted, dialog.set_file_name("pack.study").save_file());
            }
            Wanted::Pairs => {
                self.wait_for(wanted, dialog.set_file_name("pairs.jsonl").save_file());
            }
            Wanted::VotesOut => {
                self.wait_for(wanted, dialog.set_file_name("votes.jsonl").save_file());
            }
            Wanted::Export { name, ending } => {
                let named = dialog.set_file_name(format!("{name}.{ending}"));
                self.wait_for(wanted, named.save_file());
            }
        }
    }

    /// Looks whether a file is there.
    pub fn look_for(&self, path: PathBuf) {
        self.spawn("look", move || {
            let found = path.is_file();
            TaskAnswer::LookedFor(path, found)
        });
    }

    /// Looks what the votes of a study would teach.
    pub fn look_for_votes(&self, path: PathBuf) {
        self.spawn("votes", move || {
            let found = votes_of(&path).map_err(|error| Trouble::from(&error));
            TaskAnswer::VotesFound(path, found)
        });
    }

    /// Reads a file of points.
    pub fn read_points(&self, path: PathBuf) {
        self.spawn("points", move || {
            let read = points_of(&path);
            TaskAnswer::PointsRead(path, read)
        });
    }

    /// Makes and writes what a job asks for, saying how far it is.
    pub fn export(&self, job: Job) {
        self.export_by(move |stage| export::export(&job, stage));
    }

    /// Tells how far an export is and how it ended, a panic in it among the ends.
    fn export_by(
        &self,
        export: impl FnOnce(&mut dyn FnMut(&'static str)) -> Result<Written, Trouble> + Send + 'static,
    ) {
        let (sender, ctx) = (self.sender.clone(), self.ctx.clone());
        let tell = move |news| {
            // The window may be gone by now; then nobody needs the answer.
            let _gone = sender.send(TaskAnswer::Exporting(news));
            ctx.request_repaint();
        };
        let run = move || {
            let mut stage = |words| tell(Exporting::Stage(words));
            let work = AssertUnwindSafe(|| export(&mut stage));
            let written = catch_unwind(work).unwrap_or_else(|_panic| {
                let words = "the export stopped: a defect of the program";
                Err(Trouble::system(words.to_owned()))
            });
            tell(Exporting::Ended(written));
        };
        if let Err(error) = std::thread::Builder::new()
            .name("export".to_owned())
            .spawn(run)
        {
            let trouble = Trouble::system(format!("no thread to export on: {error}"));
            let ended = Exporting::Ended(Err(trouble));
            let _full = self.sender.try_send(TaskAnswer::Exporting(ended));
        }
    }

    /// Shows a file in the system's window on its folder; only a failure comes back.
    pub fn reveal(&self, path: PathBuf) {
        let (sender, ctx) = (self.sender.clone(), self.ctx.clone());
        let run = move || {
            if let Err(why) = export::reveal(&path) {
                let _gone = sender.send(TaskAnswer::Exporting(Exporting::Unseen(why)));
                ctx.request_repaint();
            }
        };
        if let Err(error) = std::thread::Builder::new()
            .name("reveal".to_owned())
            .spawn(run)
        {
            let why = Exporting::Unseen(format!("no thread to show it: {error}"));
            let _full = self.sender.try_send(TaskAnswer::Exporting(why));
        }
    }

    fn wait_for(
        &self,
        wanted: Wanted,
        dialog: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
    ) {
        self.spawn("dialog", move || {
            let asked = Instant::now();
            let picked = pollster::block_on(dialog).map(|handle| handle.path().to_path_buf());
            // Without a desktop portal or zenity, "nothing" comes back before anybody could have said so.
            if picked.is_none() && asked.elapsed() < UNSEEN {
                return TaskAnswer::NoDialog(wanted);
            }
            TaskAnswer::Picked(wanted, picked)
        });
    }

    fn spawn(&self, name: &str, work: impl FnOnce() -> TaskAnswer + Send + 'static) {
        let (sender, ctx) = (self.sender.clone(), self.ctx.clone());
        let run = move || {
            // The window may be gone by now; then nobody needs the answer.
            let _gone = sender.send(work());
            ctx.request_repaint();
        };
        if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(run) {
            let _full = self
                .sender
                .try_send(TaskAnswer::NoThread(error.to_string()));
        }
    }
}

/// The tasks of pairs of a study, with the pairs that each objective's votes give.
fn votes_of(path: &Path) -> Result<Vec<LearnTask>, paretoscope_core::Error> {
    let Some(study) = Study::peek(path)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for task in study.tasks()? {
        if task.asks.question() != Question::Pair || !matches!(task.asks, Asks::Home(_)) {
            continue;
        }
        let mut objectives = Vec::new();
        for objective in task.asks.objectives() {
            let asked = PairsAsked {
                objective: Some(objective.clone()),
                split: Some(Split::Train),
                ..PairsAsked::default()
            };
            objectives.push((objective.clone(), study.pairs(&task, &asked)?.counts()));
        }
        found.push(LearnTask {
            name: task.name.clone(),
            objectives,
        });
    }
    Ok(found)
}

/// The points of a file.
fn points_of(path: &Path) -> Result<PointList, Trouble> {
    let named = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let found = std::fs::metadata(path);
    let found = found.map_err(|error| Trouble::input(named(&error)))?;
    if !found.is_file() {
        return Err(Trouble::input(named(&"is no file of points")));
    }
    if found.len() > LARGEST {
        let problem = format!(
            "{} bytes are more than a list of points has; {LARGEST} at most",
            found.len()
        );
        return Err(Trouble::input(named(&problem)));
    }
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| Trouble::input(named(&error)))?;
    read_points(&text).map_err(|error| Trouble::input(named(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_panics_ends_in_words_and_the_next_one_is_made() {
        let tasks = Tasks::new(egui::Context::default());
        let news = || match tasks.answers.recv_timeout(Duration::from_mins(1)) {
            Ok(TaskAnswer::Exporting(news)) => news,
            other => panic!("no news of an export: {other:?}"),
        };
        tasks.export_by(|stage| {
            stage("Drawing");
            panic!("a defect")
        });
        assert_eq!(news(), Exporting::Stage("Drawing"));
        let Exporting::Ended(Err(trouble)) = news() else {
            panic!("it ended in trouble")
        };
        assert!(
            trouble.message.contains("a defect of the program"),
            "{trouble:?}"
        );
        tasks.export_by(|_stage| Ok(Written::default()));
        assert_eq!(news(), Exporting::Ended(Ok(Written::default())));
    }

    #[test]
    fn a_file_of_points_is_read_or_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("points.jsonl");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            points_of(&path).map_err(|trouble| trouble.message)
        };
        let two = "{\"preference\": [1, 0]}\n{\"weights\": [0.5, 2]}\n";
        assert_eq!(read(two).unwrap().points.len(), 2);
        let words = read("{\"preference\": [1, 0]}\n{\"preferenz\": [1]}").unwrap_err();
        assert!(words.contains("points.jsonl: line 2"), "{words}");
        assert!(words.contains("did you mean `preference`?"), "{words}");
        let words = points_of(folder.path()).unwrap_err().message;
        assert!(words.contains("is no file of points"), "{words}");
        let words = points_of(&folder.path().join("none")).unwrap_err().message;
        assert!(words.contains("none: "), "{words}");
    }
}
