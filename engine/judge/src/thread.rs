//! A judge for a window, on a thread of its own: commands in, news out, both plain data. No frame waits for a network.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use paretoscope_core::protocol::{
    JudgeCommand, JudgeEnd, JudgeHandle, JudgeNews, Trouble, TroubleKind, Waker,
};
use paretoscope_core::types::{JudgePlan, JudgePreview, JudgeProgress};

use crate::preview::preview;
use crate::run::{Listener, judge};
use crate::{Error, Result};

/// Commands that may wait.
const COMMANDS: usize = 64;
/// News that may wait; of progress, what finds no room is left out.
const NEWS: usize = 64;

/// Starts the thread; `wake` is called after each piece of news. It ends once its commands are dropped.
///
/// # Errors
/// Where the system gives no thread.
pub fn spawn(wake: Waker) -> std::io::Result<JudgeHandle> {
    let (commands, asked) = crossbeam_channel::bounded(COMMANDS);
    let (news, told) = crossbeam_channel::bounded(NEWS);
    let mouth = Mouth { news, wake };
    std::thread::Builder::new()
        .name("judge".to_owned())
        .spawn(move || serve(&asked, &mouth))?;
    Ok(JudgeHandle {
        commands,
        news: told,
    })
}

/// What is said to the window.
struct Mouth {
    news: Sender<JudgeNews>,
    wake: Waker,
}

impl Mouth {
    fn say(&self, news: JudgeNews) {
        // A window that is gone needs no news.
        let _gone = self.news.send(news);
        (self.wake)();
    }

    fn progress(&self, progress: JudgeProgress) {
        let _full = self.news.try_send(JudgeNews::Progress(progress));
        (self.wake)();
    }
}

fn serve(asked: &Receiver<JudgeCommand>, mouth: &Mouth) {
    let mut waiting = VecDeque::new();
    loop {
        waiting.extend(asked.try_iter());
        let Some(next) = waiting.pop_front().or_else(|| asked.recv().ok()) else {
            return;
        };
        let is_look = |command: &JudgeCommand| matches!(command, JudgeCommand::Look(_));
        match next {
            // Another one came since.
            JudgeCommand::Look(_) if waiting.iter().any(is_look) => {}
            JudgeCommand::Look(plan) => {
                let seen = look(&plan);
                mouth.say(JudgeNews::Seen(plan, seen));
            }
            JudgeCommand::Judge(plan, seen) => {
                // A person was quick.
                let stops = waiting.contains(&JudgeCommand::Cancel);
                waiting.extend(run(asked, mouth, (plan, &seen), stops));
            }
            // What it would end is over.
            JudgeCommand::Cancel => {}
        }
    }
}

/// What a plan would send.
fn look(plan: &JudgePlan) -> std::result::Result<Arc<JudgePreview>, Trouble> {
    let seen = guarded(|| preview(plan));
    seen.map(Arc::new)
}

/// A run of what a person saw; commands that came meanwhile are given back.
fn run(
    asked: &Receiver<JudgeCommand>,
    mouth: &Mouth,
    (plan, seen): (Arc<JudgePlan>, &JudgePreview),
    stops: bool,
) -> Vec<JudgeCommand> {
    let mut ear = Ear {
        asked,
        mouth,
        heard: RefCell::default(),
        stops: Cell::new(stops),
        last: JudgeProgress::default(),
    };
    let end = match look(&plan) {
        Err(trouble) => JudgeEnd::Failed(trouble),
        Ok(now) if *now != *seen => {
            let words = format!(
                "nothing was sent, for it is not what was shown any more: {}",
                now.words()
            );
            mouth.say(JudgeNews::Seen(plan, Ok(now)));
            JudgeEnd::Failed(Trouble::input(words))
        }
        Ok(_) => {
            // Items that come from now on were not shown.
            let shown = JudgePlan {
                most_items: Some(seen.items),
                ..JudgePlan::clone(&plan)
            };
            match guarded(|| Ok(judge(&shown, &mut ear))) {
                Ok(Ok(progress)) => {
                    ear.last = progress;
                    JudgeEnd::Done
                }
                Ok(Err(Error::Cancelled)) => JudgeEnd::Cancelled,
                Ok(Err(error)) => JudgeEnd::Failed(Trouble::from(&error)),
                Err(trouble) => JudgeEnd::Failed(trouble),
            }
        }
    };
    mouth.say(JudgeNews::Ended(ear.last, end));
    ear.heard.into_inner()
}

/// Does something, and says it where that is a defect of the program: the thread goes on.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> std::result::Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| Trouble::from(&error)),
        Err(_panic) => Err(Trouble {
            kind: TroubleKind::Program,
            message: "the judge's thread stopped: a defect of the program".to_owned(),
        }),
    }
}

/// Tells a window how far a run is, and hears whether a person stops it.
struct Ear<'a> {
    asked: &'a Receiver<JudgeCommand>,
    mouth: &'a Mouth,
    /// Commands that came during the run and are none of it.
    heard: RefCell<Vec<JudgeCommand>>,
    stops: Cell<bool>,
    last: JudgeProgress,
}

impl Listener for Ear<'_> {
    fn progress(&mut self, progress: &JudgeProgress) {
        self.last = *progress;
        self.mouth.progress(*progress);
    }

    fn waits(&mut self, why: &str, wait: Duration) {
        let news = JudgeNews::Waits(why.to_owned(), wait.as_secs_f64());
        self.mouth.say(news);
    }

    fn cancelled(&self) -> bool {
        loop {
            match self.asked.try_recv() {
                Ok(JudgeCommand::Cancel) => self.stops.set(true),
                Ok(other) => self.heard.borrow_mut().push(other),
                Err(TryRecvError::Empty) => return self.stops.get(),
                // The window is gone, and nobody sees any more what is sent.
                Err(TryRecvError::Disconnected) => return true,
            }
        }
    }
}
