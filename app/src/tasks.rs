//! Dialogs, which would make a frame wait: each on a named thread, its answer by channel.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender};

/// What a task came back with.
#[derive(Debug)]
pub enum TaskAnswer {
    /// A folder for a bundle, or nothing.
    Folder(Option<PathBuf>),
    /// A file of prompts, or nothing.
    PromptFile(Option<PathBuf>),
    /// A file of training examples, or nothing.
    Examples(Option<PathBuf>),
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

    /// Asks for a bundle's folder.
    pub fn pick_folder(&self) {
        // The dialog is made here: some systems ask for the main thread.
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Open a bundle: its folder")
            .pick_folder();
        self.spawn("dialog", move || {
            TaskAnswer::Folder(pollster::block_on(dialog).map(|handle| handle.path().to_path_buf()))
        });
    }

    /// Asks for a file of prompts.
    pub fn pick_prompts(&self) {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Prompts, one JSON object per line")
            .add_filter("JSON Lines", &["jsonl", "json", "txt"])
            .pick_file();
        self.spawn("dialog", move || {
            TaskAnswer::PromptFile(
                pollster::block_on(dialog).map(|handle| handle.path().to_path_buf()),
            )
        });
    }

    /// Asks for a file of training examples.
    pub fn pick_examples(&self) {
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Training examples, one JSON object per line")
            .add_filter("JSON Lines", &["jsonl", "json"])
            .pick_file();
        self.spawn("dialog", move || {
            TaskAnswer::Examples(
                pollster::block_on(dialog).map(|handle| handle.path().to_path_buf()),
            )
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
