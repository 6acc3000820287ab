//! The engine's thread through its two channels, as the window uses it.

use std::sync::Arc;
use std::time::Duration;

use paretoscope_engine::protocol::{
    EngineCommand, EngineEvent, EngineHandle, JobId, JobIds, SweepPhase, Trouble,
};
use paretoscope_engine::runtime::{EngineOptions, spawn};
use paretoscope_engine::types::{PointResult, RowRequest, Run};

use crate::Fixture;

/// Far beyond what any step takes; reached only when an event never comes.
const PATIENCE: Duration = Duration::from_mins(2);

/// A front without a window.
#[derive(Debug)]
pub struct Front {
    /// The engine's ends.
    pub engine: EngineHandle,
    /// Names of jobs.
    pub jobs: JobIds,
}

impl Front {
    /// An engine with four slots.
    #[expect(clippy::new_without_default, reason = "it starts a thread")]
    pub fn new() -> Self {
        let options = EngineOptions {
            slots: 4,
            ..EngineOptions::default()
        };
        let engine = spawn(options, Arc::new(|| {})).expect("a thread");
        Self {
            engine,
            jobs: JobIds::default(),
        }
    }

    /// A front with the fixture's bundle loaded.
    pub fn with(fixture: &Fixture) -> Self {
        let front = Self::new();
        let job = front.ask(|job| EngineCommand::LoadBundle {
            job,
            path: fixture.path().to_path_buf(),
        });
        front.wait(|event| {
            matches!(event, EngineEvent::Loaded { job: j, .. } if j == job).then_some(())
        });
        front
    }

    /// Sends a command under a new name.
    pub fn ask(&self, command: impl FnOnce(JobId) -> EngineCommand) -> JobId {
        let job = self.jobs.next();
        self.tell(command(job));
        job
    }

    /// Sends a command.
    pub fn tell(&self, command: EngineCommand) {
        self.engine
            .commands
            .send(command)
            .expect("the engine listens");
    }

    /// Drops events until one is what is looked for.
    pub fn wait<T>(&self, mut look: impl FnMut(EngineEvent) -> Option<T>) -> T {
        loop {
            let event = self.engine.events.recv_timeout(PATIENCE).expect("an event");
            if let EngineEvent::Stopped { panic: Some(panic) } = &event {
                panic!("the engine's thread panicked: {panic}");
            }
            if let Some(found) = look(event) {
                return found;
            }
        }
    }

    /// Waits for a row's end.
    pub fn finished(&self, job: JobId) -> Arc<Run> {
        self.wait(|event| match event {
            EngineEvent::Finished { job: j, run } if j == job => Some(run),
            EngineEvent::Failed { job: j, trouble } if j == job => {
                panic!("failed: {}", trouble.message)
            }
            _ => None,
        })
    }

    /// Generates a row and waits for it.
    pub fn run(&self, row: RowRequest) -> Arc<Run> {
        let job = self.ask(|job| EngineCommand::Generate {
            job,
            row,
            score: false,
        });
        self.finished(job)
    }

    /// Waits for a job to fail.
    pub fn trouble(&self, job: JobId) -> Trouble {
        self.wait(|event| match event {
            EngineEvent::Failed { job: j, trouble } if j == job => Some(trouble),
            EngineEvent::Finished { job: j, .. } if j == job => panic!("it did not fail"),
            _ => None,
        })
    }

    /// Points of a sweep and how it ended.
    pub fn sweep_end(&self, job: JobId) -> (Vec<Arc<PointResult>>, SweepPhase) {
        let mut points = Vec::new();
        let phase = self.wait(|event| match event {
            EngineEvent::SweepPoint { job: j, result } if j == job => {
                points.push(result);
                None
            }
            EngineEvent::Sweep { job: j, progress } if j == job => {
                matches!(progress.phase, SweepPhase::Finished | SweepPhase::Cancelled)
                    .then_some(progress.phase)
            }
            EngineEvent::Failed { job: j, trouble } if j == job => {
                panic!("failed: {}", trouble.message)
            }
            _ => None,
        });
        points.sort_by_key(|point| point.index);
        (points, phase)
    }
}
