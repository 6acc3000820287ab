//! Sweeps, and what their stores hold.

use std::path::Path;
use std::sync::Arc;

use paretoscope_core::protocol::{
    EngineCommand, EngineEvent, JobId, SweepGrid, SweepPhase, SweepPlan,
};
use paretoscope_core::types::{Prompt, Sampling};

use crate::side::{JOB, Side, agree, load};

fn plan(folder: &Path) -> SweepPlan {
    let prompts = ["How do I dry wet shoes?", "What can I do with old bread?"];
    SweepPlan {
        grid: SweepGrid::Simplex {
            step: 0.5,
            objectives: Vec::new(),
        },
        prompts: prompts
            .iter()
            .map(|text| Prompt::Chat((*text).to_owned()))
            .collect(),
        sampling: Sampling {
            max_tokens: 12,
            ..Sampling::default()
        },
        splits: Vec::new(),
        groups: Vec::new(),
        include_base: true,
        store: folder.join("run.db"),
    }
}

fn sweep_ended(event: &EngineEvent) -> bool {
    matches!(event, EngineEvent::Sweep { progress, .. }
        if matches!(progress.phase, SweepPhase::Finished | SweepPhase::Cancelled))
}

#[test]
fn a_sweep_and_its_answers() {
    let mut sides = Side::loaded();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = plan(folder.path());
    let sweep = EngineCommand::Sweep {
        job: JOB,
        plan: plan.clone(),
    };
    agree(&mut sides, std::slice::from_ref(&sweep), sweep_ended);
    let recall = EngineCommand::Recall {
        job: JobId(8),
        plan: Arc::new(plan),
        index: 2,
    };
    agree(&mut sides, &[recall], |e| {
        matches!(e, EngineEvent::Recalled { .. })
    });
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let paused = [
        EngineCommand::Sweep {
            job: JOB,
            plan: self::plan(elsewhere.path()),
        },
        EngineCommand::Pause { job: JOB },
        EngineCommand::Cancel { job: JOB },
    ];
    agree(&mut sides, &paused, sweep_ended);
}

#[test]
fn a_sweep_is_paused_and_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Taken in one go, as they wait for the bundle.
    let commands = [
        load(),
        EngineCommand::Sweep {
            job: JOB,
            plan: plan(folder.path()),
        },
        EngineCommand::Pause { job: JOB },
        EngineCommand::Resume { job: JOB },
    ];
    agree(&mut Side::both(), &commands, sweep_ended);
}

#[test]
fn what_a_new_store_holds_and_what_an_empty_folder_has() {
    let mut sides = Side::loaded();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let count = EngineCommand::CountHeld {
        job: JOB,
        plan: Arc::new(plan(folder.path())),
    };
    // Numbers and all: shapes of these events are the events.
    agree(&mut sides, &[count], |e| {
        matches!(e, EngineEvent::Held { .. })
    });
    let find = EngineCommand::FindRuns {
        folder: folder.path().to_path_buf(),
    };
    agree(&mut sides, &[find], |e| {
        matches!(e, EngineEvent::RunsFound { .. })
    });
}
