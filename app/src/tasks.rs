//! Dialogs and slow disks, which would make a frame wait: each on a named thread, its answer by channel.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

/// A dialog that closes sooner was never seen.
const UNSEEN: Duration = Duration::from_millis(400);

/// What a dialog asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A bundle's folder.
    Bundle,
    /// A file of prompts.
    Prompts,
    /// A file of training examples.
    Examples,
    /// A study.
    Study,
    /// Where a figure is to be.
    Figure,
    /// Where a table is to be.
    Table,
}

impl Wanted {
    fn title(self) -> &'static str {
        match self {
            Self::Bundle => "Open a bundle: its folder",
            Self::Prompts => "Prompts, one JSON object per line",
            Self::Examples => "Training examples, one JSON object per line",
            Self::Study => "Open a study",
            Self::Figure => "Export the figure",
            Self::Table => "Export the table",
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
    /// A thread could not be started.
    NoThread(String),
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
            Wanted::Prompts | Wanted::Examples => {
                self.wait_for(wanted, dialog.add_filter("JSON Lines", &lines).pick_file());
            }
            Wanted::Study => {
                let endings = ["study", "db", "sqlite", "sqlite3"];
                self.wait_for(wanted, dialog.add_filter("Study", &endings).pick_file());
            }
            Wanted::Figure => {
                self.wait_for(wanted, dialog.set_file_name("front.svg").save_file());
            }
            Wanted::Table => {
                self.wait_for(wanted, dialog.set_file_name("points.csv").save_file());
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
