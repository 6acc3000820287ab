//! Both engines side by side: they are given the same commands, and what they say has one shape.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use paretoscope_core::protocol::{EngineCommand, EngineEvent, EngineHandle, JobId, SweepPhase};
use paretoscope_core::types::{BundleInfo, TrainNews};
use paretoscope_engine::runtime::{EngineOptions, spawn};

use crate::check::check;
use crate::scripted::{self, Scripted};

/// Far beyond what any step takes; reached only when an event never comes.
const PATIENCE: Duration = Duration::from_mins(2);
pub(crate) const JOB: JobId = JobId(7);

/// An engine behind its handle; the scripted one has to be stepped.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    handle: EngineHandle,
    script: Option<Scripted>,
    pub(crate) bundle: Option<Arc<BundleInfo>>,
}

impl Side {
    /// Both engines, before anything is loaded.
    pub(crate) fn both() -> [Self; 2] {
        let real = spawn(EngineOptions::default(), Arc::new(|| {})).expect("a thread");
        let (script, played) = Scripted::new(scripted::bundle::info());
        let side = |name, handle, script| Self {
            name,
            handle,
            script,
            bundle: None,
        };
        [
            side("real", real, None),
            side("scripted", played, Some(script)),
        ]
    }

    /// Both engines with the demonstration bundle loaded.
    pub(crate) fn loaded() -> [Self; 2] {
        let mut sides = Self::both();
        agree(&mut sides, &[load()], |e| {
            matches!(e, EngineEvent::Loaded { .. })
        });
        sides
    }

    /// Gives all commands at once, and hears what comes up to the last event.
    pub(crate) fn play(
        &mut self,
        commands: &[EngineCommand],
        is_last: fn(&EngineEvent) -> bool,
    ) -> Vec<EngineEvent> {
        for command in commands {
            self.handle
                .commands
                .send(command.clone())
                .expect("the engine listens");
        }
        let mut heard = Vec::new();
        loop {
            let event = self.next();
            let last = is_last(&event);
            heard.push(event);
            if last {
                break;
            }
        }
        for event in &heard {
            if let EngineEvent::Loaded { bundle, .. } = event {
                self.bundle = Some(Arc::clone(bundle));
            }
        }
        heard
    }

    fn next(&mut self) -> EngineEvent {
        let event = match &mut self.script {
            None => self.handle.events.recv_timeout(PATIENCE).ok(),
            // A step may say nothing, but not for ever.
            Some(script) => (0..1_000).find_map(|_| {
                self.handle.events.try_recv().ok().or_else(|| {
                    script.step();
                    None
                })
            }),
        };
        event.unwrap_or_else(|| panic!("the {} engine says nothing more", self.name))
    }
}

pub(crate) fn load() -> EngineCommand {
    EngineCommand::LoadBundle {
        job: JobId(1),
        path: demo(),
    }
}

pub(crate) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo")
}

/// Gives both engines the same commands: what they say must be sound, and of one shape.
pub(crate) fn agree(
    sides: &mut [Side; 2],
    commands: &[EngineCommand],
    is_last: fn(&EngineEvent) -> bool,
) -> [Vec<EngineEvent>; 2] {
    let heard = sides.each_mut().map(|side| {
        let heard = side.play(commands, is_last);
        check(side, commands, &heard);
        heard
    });
    let [real, scripted] = heard.each_ref().map(|heard| shape(heard));
    assert_eq!(
        scripted, real,
        "the scripted engine (left) and the real one tell different stories"
    );
    heard
}

/// The kinds of events in order, with what is filled in them. What may be coalesced counts once; progress between the
/// points of a sweep counts by its phases.
pub(crate) fn shape(events: &[EngineEvent]) -> Vec<String> {
    let mut shapes: Vec<String> = events.iter().filter_map(shape_of).collect();
    shapes.dedup();
    shapes
}

fn shape_of(event: &EngineEvent) -> Option<String> {
    Some(match event {
        EngineEvent::Ready { fallback, .. } => format!("Ready, fallback: {}", fallback.is_some()),
        EngineEvent::Loading { job, .. } => format!("Loading {job:?}"),
        EngineEvent::Loaded { job, .. } => format!("Loaded {job:?}"),
        EngineEvent::LoadFailed { job, path, trouble } => {
            format!(
                "LoadFailed {job:?}, {}, input: {}",
                path.display(),
                trouble.is_input()
            )
        }
        EngineEvent::Reading { job, .. } => format!("Reading {job:?}"),
        EngineEvent::Started { job, .. } => format!("Started {job:?}"),
        EngineEvent::Tokens { job, news } => {
            format!("Tokens {job:?}, gates: {}", !news.gates.is_empty())
        }
        EngineEvent::Steered {
            job,
            at_token,
            point,
            mutes,
        } => {
            format!("Steered {job:?} at {at_token}, {point:?}, {mutes:?}")
        }
        EngineEvent::Finished { job, run } => format!(
            "Finished {job:?}: {:?}, {:?}, steered {:?}, mutes {:?}, given {}, record {}, scores {}",
            run.finish,
            run.status,
            run.steering.steered,
            run.steering.mutes,
            run.given.is_some(),
            run.record.is_some(),
            run.scores.is_some(),
        ),
        EngineEvent::Scored { job, scores } => format!("Scored {job:?}: {} scores", scores.0.len()),
        EngineEvent::Previewed { job, .. } => format!("Previewed {job:?}"),
        EngineEvent::SweepPoint { job, .. } => format!("SweepPoint {job:?}"),
        EngineEvent::Sweep { job, progress } => match progress.phase {
            SweepPhase::Running | SweepPhase::Yielding => return None,
            phase => format!("Sweep {job:?}: {phase:?}"),
        },
        EngineEvent::Recalled { job, index, runs } => {
            format!("Recalled {job:?}: {} runs of point {index}", runs.len())
        }
        EngineEvent::Retraced { job, .. } => format!("Retraced {job:?}"),
        EngineEvent::Comparing { .. } => return None,
        EngineEvent::Compared { job, found } => {
            format!(
                "Compared {job:?}: {:?}, {:?}",
                found.compared, found.measure
            )
        }
        EngineEvent::PromptsRead { path, read } => {
            format!("PromptsRead {}: {}", path.display(), read.is_ok())
        }
        EngineEvent::Training { job, news } => match news {
            TrainNews::Preparing { .. } => format!("Preparing {job:?}"),
            TrainNews::Step(_) => format!("Step {job:?}"),
            TrainNews::Saved { step } => format!("Saved {job:?} at {step}"),
            TrainNews::Ended(end) => format!("Ended {job:?}: {end:?}"),
        },
        EngineEvent::BundleMade { plan, made } => match made {
            Ok(path) => format!("BundleMade {}: {}", plan.name(), path.display()),
            Err(trouble) => {
                let input = trouble.is_input();
                format!("BundleMade {}, input: {input}", plan.name())
            }
        },
        EngineEvent::Failed { job, trouble } => {
            format!("Failed {job:?}, input: {}", trouble.is_input())
        }
        EngineEvent::Stopped { panic } => format!("Stopped, panic: {}", panic.is_some()),
        other => format!("{other:?}"),
    })
}
