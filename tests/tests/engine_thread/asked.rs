//! What is asked of the thread.

use paretoscope_engine::protocol::{EngineCommand, SweepGrid, SweepPlan};
use paretoscope_engine::types::{
    Mutes, Point, Preference, Prompt, RowRequest, Sampling, TraceLevel,
};
use paretoscope_tests::{Fixture, Front};

pub(crate) fn at(values: [f64; 3]) -> Point {
    Point::Preference(Preference::new(values.to_vec()).expect("a preference"))
}

pub(crate) fn row(prompt: Prompt, point: Point, max_tokens: usize) -> RowRequest {
    let sampling = Sampling {
        max_tokens,
        ignore_eos: true,
        ..Sampling::default()
    };
    RowRequest {
        prompt,
        point,
        sampling,
        mutes: Mutes::default(),
        trace: TraceLevel::None,
        time: None,
    }
}

pub(crate) fn text(prompt: &str, point: [f64; 3], max_tokens: usize) -> RowRequest {
    row(Prompt::Text(prompt.to_owned()), at(point), max_tokens)
}

pub(crate) fn plan(fixture: &Fixture, store: &str) -> SweepPlan {
    SweepPlan {
        grid: SweepGrid::Simplex {
            step: 0.25,
            objectives: Vec::new(),
        },
        prompts: vec![
            Prompt::Text("The cat".to_owned()),
            Prompt::Text("How do I clean a kettle?".to_owned()),
        ],
        sampling: Sampling {
            max_tokens: 24,
            ignore_eos: true,
            ..Sampling::default()
        },
        splits: Vec::new(),
        groups: Vec::new(),
        include_base: false,
        store: fixture.out(store),
    }
}

/// A front whose engine is told `commands` while its bundle is still loading: it takes them up in one go.
pub(crate) fn told_at_once(fixture: &Fixture, commands: impl FnOnce(&Front)) -> Front {
    let front = Front::new();
    front.ask(|job| EngineCommand::LoadBundle {
        job,
        path: fixture.path().to_path_buf(),
    });
    commands(&front);
    front
}
