//! The front follows the points of a sweep, whoever looks.

use paretoscope_core::types::Summary;

use super::*;
use crate::state::Class;

fn arrive(state: &mut AppState, job: JobId, index: usize, point: Point, means: [f64; 3]) {
    let summary = |mean| Some(Summary::of([mean, mean]));
    let result = Arc::new(PointResult {
        name: None,
        index,
        point,
        scores: means.map(summary).to_vec(),
        rows: 2,
    });
    tell(state, EngineEvent::SweepPoint { job, result });
}

#[test]
fn the_front_follows_scores_axes_and_bundles() {
    let mut state = loaded();
    let effects = go(&mut state, [AppCommand::StartSweep]);
    let Some(Effect::Send(EngineCommand::Sweep { job, .. })) = effects.last().cloned() else {
        panic!("{effects:?}")
    };
    arrive(&mut state, job, 0, corner(0), [2.0, 1.0, 0.0]);
    arrive(&mut state, job, 1, corner(1), [1.0, 2.0, 0.0]);
    arrive(&mut state, job, 2, corner(2), [0.5, 0.5, 0.0]);
    let base = Point::Weights(Weights::new(vec![0.0; 3]).unwrap());
    arrive(&mut state, job, 3, base, [0.0, 0.0, -1.0]);
    tick(&mut state, &mut Vec::new());
    let classes: Vec<Class> = state.front.entries().iter().map(|e| e.class).collect();
    let (on, off) = (Class::Front, Class::Dominated);
    assert_eq!(classes, [on, on, off, off]);
    let volume = state.front.hypervolume().expect("four points have a place");
    assert_eq!(volume.reference, [-0.2, -0.2, -1.1]);
    assert!((volume.value - (2.0 * 2.2 * 1.2 - 1.44) * 1.1).abs() < 1e-12);
    // A score that is said again takes the place of the old one.
    arrive(&mut state, job, 2, corner(2), [3.0, 3.0, 3.0]);
    tick(&mut state, &mut Vec::new());
    assert_eq!(state.front.members(), [2]);
    go(&mut state, [AppCommand::SetAxes(vec![0, 1])]);
    assert_eq!(state.front.axes(), [0, 1]);
    go(&mut state, [AppCommand::LoadBundle("/c".into())]);
    let loading = state.bundle.loading.as_ref().expect("loading").job;
    let bundle = Arc::new(bundle());
    tell(
        &mut state,
        EngineEvent::Loaded {
            job: loading,
            bundle,
        },
    );
    tick(&mut state, &mut Vec::new());
    assert!(state.front.entries().is_empty(), "of another bundle");
}
