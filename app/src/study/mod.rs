//! The study on a thread of its own: what a person is answered is written at once, and no frame waits for a disk.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | ask | commands and news, as data | `message` |
//! | work | commands → the file → news; what another program writes is noticed | `worker` |
//! | export | ticked sweeps → figure and table files, whole or not at all | `export` |

mod export;
mod message;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

pub use message::{
    Export, FigureFormat, Recalled, SavedAnswer, ShownSweeps, StudyCommand, StudyNews,
};

/// The window's end of the thread. Never blocks but in [`StudyThread::finish`].
#[derive(Debug)]
pub struct StudyThread {
    /// `None` once it ends.
    commands: Option<Sender<StudyCommand>>,
    news: Receiver<StudyNews>,
    thread: Option<JoinHandle<()>>,
}

impl StudyThread {
    /// Starts it; `wake` is called after each piece of news.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let (commands, asked) = crossbeam_channel::unbounded();
        let (told, news) = crossbeam_channel::unbounded();
        let thread = std::thread::Builder::new()
            .name("study".to_owned())
            .spawn(move || worker::run(&asked, told, wake))?;
        Ok(Self {
            commands: Some(commands),
            news,
            thread: Some(thread),
        })
    }

    /// Asks for something.
    pub fn send(&self, command: StudyCommand) {
        if let Some(commands) = &self.commands {
            // A thread that ended has said why.
            let _ended = commands.send(command);
        }
    }

    /// News that are there.
    pub fn news(&self) -> Vec<StudyNews> {
        self.news.try_iter().collect()
    }

    /// Waits until all that was asked for is done.
    pub fn finish(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Drop for StudyThread {
    fn drop(&mut self) {
        self.finish();
    }
}
