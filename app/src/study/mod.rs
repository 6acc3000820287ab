//! The study on a thread of its own: what a person is answered is written at once, and no frame waits for a disk.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | ask | commands and news, as data | `message` |
//! | work | commands → the file → news; what another program writes is noticed | `worker` |
//! | talk | stops, what they show, a copy of a study that ships → the window; edits of stops → the file | `decks` |
//! | edit | stars, notes, hidden answers; taking them back → the file's own steps of undo | `edits` |
//! | view | where a person is → the file, and back; answers looked at again | `view` |
//! | lease | whose view and undo are; the day's copy | `lease` |
//! | scores | sweeps → their scores, kept while nobody writes | `scores` |
//! | points | chosen points → how many rows there are; starred answers → their points | `covered` |
//! | differ | two dots → the prompts that both answered, by how the answers differ | `differ` |
//! | annotate | a person at a task → items, votes, drafts; tasks, packs | `asks`, `annotate` |
//! | weigh | a task's votes → what they say, on a thread beside this one | `weigh` |
//! | ask for drawings | ticked sweeps, errors → as figures ask for them, in words | `drawn` |

mod annotate;
mod asks;
mod covered;
mod decks;
mod differ;
mod drawn;
mod edits;
mod lease;
mod message;
mod paces;
mod scores;
mod staged;
mod view;
mod weigh;
mod worker;

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};

pub use asks::{AnnotateCommand, AnnotateNews, Seat, TaskForm, TaskLine, TaskList, TaskPreview};
pub use differ::{Differences, Differing, Pair, Side};
pub use drawn::in_words;
pub use message::{
    Recalled, STAR, SavedAnswer, ShownSweeps, Sought, StudyCommand, StudyNews, Turned,
};
pub use staged::{Material, Staged, StagedSweep};

/// Commands and news that wait at most; commands beyond wait on the window's side.
const CAPACITY: usize = 256;
/// How often it is asked, at the end, whether the thread is done.
const MOMENT: Duration = Duration::from_millis(2);

/// The window's end of the thread. Never blocks but in [`StudyThread::finish`].
#[derive(Debug)]
pub struct StudyThread {
    /// `None` once it ends.
    commands: Option<Sender<StudyCommand>>,
    /// Commands that there was no room for yet, in order.
    backlog: VecDeque<StudyCommand>,
    news: Receiver<StudyNews>,
    thread: Option<JoinHandle<()>>,
}

impl StudyThread {
    /// Starts it; `wake` is called after each piece of news.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let (commands, asked) = crossbeam_channel::bounded(CAPACITY);
        let (told, news) = crossbeam_channel::bounded(CAPACITY);
        let thread = std::thread::Builder::new()
            .name("study".to_owned())
            .spawn(move || worker::run(&asked, told, wake))?;
        Ok(Self {
            commands: Some(commands),
            backlog: VecDeque::new(),
            news,
            thread: Some(thread),
        })
    }

    /// Asks for something, or keeps it until there is room.
    pub fn send(&mut self, command: StudyCommand) {
        let draft = |command| matches!(command, &StudyCommand::Annotate(AnnotateCommand::Draft(_)));
        // Of several drafts that wait, the last counts.
        if draft(&command) && self.backlog.back().is_some_and(draft) {
            self.backlog.pop_back();
        }
        self.backlog.push_back(command);
        self.flush();
    }

    fn flush(&mut self) {
        let Some(commands) = &self.commands else {
            return;
        };
        while let Some(command) = self.backlog.pop_front() {
            match commands.try_send(command) {
                Ok(()) => {}
                Err(TrySendError::Full(command)) => return self.backlog.push_front(command),
                // Nobody takes them any more.
                Err(TrySendError::Disconnected(_)) => self.backlog.clear(),
            }
        }
    }

    /// News that are there.
    pub fn news(&mut self) -> Vec<StudyNews> {
        self.flush();
        self.news.try_iter().collect()
    }

    /// Waits until all that was asked for is done; what there is to say of it.
    pub fn finish(&mut self) -> Vec<StudyNews> {
        let mut last = Vec::new();
        let Some(thread) = self.thread.take() else {
            return last;
        };
        while !thread.is_finished() {
            last.extend(self.news());
            if self.backlog.is_empty() {
                self.commands = None;
            }
            std::thread::sleep(MOMENT);
        }
        last.extend(self.news.try_iter());
        let _panicked = thread.join();
        last
    }
}

impl Drop for StudyThread {
    fn drop(&mut self) {
        self.finish();
    }
}
