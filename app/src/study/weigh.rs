//! What takes seconds, beside the study's thread, so that votes are never kept waiting: a thread of its own looks at the
//! file through a connection that only reads.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use paretoscope_core::protocol::Trouble;
use paretoscope_core::stats::Draws;
use paretoscope_core::study::{JudgeSaid, Study, TaskStats};
use paretoscope_core::{Error, Result};

use super::annotate::preview;
use super::asks::{AnnotateNews, TaskForm};
use super::message::StudyNews;
use super::worker::Worker;

/// How often progress is said.
const MOMENT: Duration = Duration::from_millis(100);

/// How many votes were cast, and what they say; or why they could not be read.
type Read = std::result::Result<(usize, Weighed), Trouble>;
/// What votes say, `None` where it was stopped; or why nothing.
type Weighed = std::result::Result<Option<Arc<TaskStats>>, Trouble>;

impl Worker {
    /// Weighs a task's votes; what was weighed before is stopped.
    pub(super) fn weigh(&mut self, task: String, draws: usize) {
        self.stop_weighing();
        let stop = Arc::new(AtomicBool::new(false));
        self.weighing = Some(Arc::clone(&stop));
        let name = task.clone();
        let say = move |read: Read| {
            let (cast, found) = read.unwrap_or_else(|trouble| (0, Err(trouble)));
            AnnotateNews::Weighed(name.clone(), cast, found)
        };
        let work = move |study: &Study, tell: &dyn Fn(AnnotateNews)| {
            // Those that come while they are read are newer, or in it: it is said once too often rather than not.
            let cast = study.votes_cast(&study.task_named("task", &task)?)?;
            let found = weighed(study, &task, draws, &stop, tell);
            Ok((cast, found.map_err(|error| Trouble::from(&error))))
        };
        self.beside(work, say);
    }

    /// Stops what is being weighed.
    pub(super) fn stop_weighing(&mut self) {
        raise(&mut self.weighing);
    }

    /// Stops all that goes on beside this thread.
    pub(super) fn stop_beside(&mut self) {
        self.stop_weighing();
        raise(&mut self.judged);
    }

    /// Weighs what a task's judges said; what was weighed of them before is stopped.
    pub(super) fn judged(&mut self, task: String, draws: usize) {
        raise(&mut self.judged);
        let stop = Arc::new(AtomicBool::new(false));
        self.judged = Some(Arc::clone(&stop));
        let name = task.clone();
        let say = move |found| AnnotateNews::Judged(name.clone(), found);
        self.beside(move |study, _tell| judged(study, &task, draws, &stop), say);
    }

    /// Says what a form would ask.
    pub(super) fn preview(&self, form: Box<TaskForm>) {
        let asked = form.clone();
        let say = move |found| AnnotateNews::Preview(asked.clone(), found);
        self.beside(move |study, _tell| preview(study, &form), say);
    }

    /// Does something with the file on a thread of its own, and says what came of it, or why nothing did.
    fn beside<T: 'static>(
        &self,
        work: impl FnOnce(&Study, &dyn Fn(AnnotateNews)) -> Result<T> + Send + 'static,
        say: impl Fn(std::result::Result<T, Trouble>) -> AnnotateNews + Clone + Send + 'static,
    ) {
        let Some(study) = &self.study else { return };
        let path = study.path().to_path_buf();
        let (news, wake) = (self.news.clone(), Arc::clone(&self.wake));
        let told = say.clone();
        let run = move || {
            let tell = |said| {
                // Progress that finds no room is old soon.
                let _full = news.try_send(StudyNews::Annotate(said));
                wake();
            };
            let gone = || Error::option("study", "the file is not there any more");
            let work = || {
                let study = Study::peek(&path)?.ok_or_else(gone)?;
                work(&study, &tell)
            };
            let found = match catch_unwind(AssertUnwindSafe(work)) {
                Ok(found) => found.map_err(|error| Trouble::from(&error)),
                Err(_panic) => Err(Trouble::system("the votes' thread stopped: a defect")),
            };
            // A window that is gone needs no news.
            let _gone = news.send(StudyNews::Annotate(told(found)));
            wake();
        };
        let thread = std::thread::Builder::new().name("votes".to_owned());
        if let Err(error) = thread.spawn(run) {
            let words = format!("no thread to weigh votes: {error}");
            self.say(say(Err(Trouble::system(words))));
        }
    }
}

fn raise(flag: &mut Option<Arc<AtomicBool>>) {
    if let Some(flag) = flag.take() {
        flag.store(true, Ordering::Relaxed);
    }
}

/// The numbers that `study judge` and `study stats` print.
fn judged(
    study: &Study,
    task: &str,
    draws: usize,
    stop: &AtomicBool,
) -> Result<Option<Arc<Vec<JudgeSaid>>>> {
    let task = study.task_named("task", task)?;
    let draws = Draws {
        draws,
        ..Draws::default()
    };
    let mut go = |_draw: usize| {
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let found = study.judges_said(&task, draws, &mut go)?;
    Ok(found.map(Arc::new))
}

fn weighed(
    study: &Study,
    task: &str,
    draws: usize,
    stop: &AtomicBool,
    tell: &dyn Fn(AnnotateNews),
) -> Result<Option<Arc<TaskStats>>> {
    let task = study.task_named("task", task)?;
    // Each objective's strengths, then the front.
    let of = draws * (task.asks.objectives().len() + 1);
    let (mut done, mut said) = (0, Instant::now());
    let mut go = |_draw: usize| {
        done += 1;
        if said.elapsed() >= MOMENT {
            said = Instant::now();
            tell(AnnotateNews::Weighing(done, of));
        }
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let draws = Draws {
        draws,
        ..Draws::default()
    };
    let found = study.task_stats(&task, draws, &mut go)?;
    Ok(found.map(Arc::new))
}
