//! The study's thread alone: what it is given comes back whole from a file.

mod scripted;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use paretoscope::state::RunId;
use paretoscope::study::{Recalled, SavedAnswer, Sought, StudyCommand, StudyNews, StudyThread};
use paretoscope_core::types::{
    BundleInfo, Finish, GateRecord, Point, Preference, Prompt, RowGates, Run, RunStatus, Sampling,
    Steering, TokenPiece,
};

fn opened(path: &Path) -> StudyThread {
    let mut thread = StudyThread::start(Arc::new(|| {})).expect("a thread");
    thread.send(StudyCommand::Open(path.to_path_buf()));
    thread
}

fn history(path: &Path, bundle: &Arc<BundleInfo>) -> Vec<Recalled> {
    let mut thread = opened(path);
    thread.send(StudyCommand::History(Arc::clone(bundle), Sought::default()));
    let begun = Instant::now();
    loop {
        for news in thread.news() {
            if let StudyNews::History(_, _, answers) = news {
                return answers;
            }
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "never told");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_answer_comes_back_with_its_routing_and_its_pace_and_what_it_is_about_is_noted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let mut bundle = scripted::bundle::info();
    let sample = bundle.prompts.first_mut().expect("a prompt");
    sample.group = Some("kettle".into());
    let prompt = sample.prompt.clone();
    let (sites, adapters) = (bundle.sites.clone(), bundle.adapters.clone());
    let record = GateRecord {
        values: vec![1.0 / adapters.len() as f32; sites.len() * adapters.len()],
        sites: Arc::new(sites),
        adapters: Arc::new(adapters),
    };
    let run = Run {
        prompt,
        prompt_tokens: vec![1],
        given: None,
        point: Point::Preference(Preference::one_hot(0, 3)),
        gates: RowGates::base(3, 0),
        steering: Steering::default(),
        sampling: Sampling::default(),
        tokens: vec![TokenPiece {
            id: 1,
            start: 0,
            end: 2,
        }],
        text: "so".into(),
        finish: Finish::Eos,
        end: None,
        status: RunStatus::Done,
        record: Some(Arc::new(record.clone())),
        key: None,
        scores: None,
        first_token_seconds: 0.02,
        seconds: 0.03,
        pace: vec![20],
    };
    let bare = Run {
        prompt: Prompt::Text("nothing is known of it".into()),
        record: None,
        pace: Vec::new(),
        ..run.clone()
    };
    let bundle = Arc::new(bundle);
    let mut thread = opened(&path);
    for (id, answer) in [(1, run), (2, bare)] {
        thread.send(StudyCommand::Save(SavedAnswer {
            run: RunId(id),
            answer: Arc::new(answer),
            bundle: Arc::clone(&bundle),
        }));
    }
    thread.finish();
    let back = history(&path, &bundle);
    let kept = |at: usize| (back[at].run.record.as_deref(), back[at].run.pace.as_slice());
    assert_eq!(kept(0), (None, &[][..]));
    assert_eq!(kept(1), (Some(&record), &[20][..]));
    let study = paretoscope_core::study::Study::peek(&path);
    let study = study.expect("a study").expect("there");
    let answer = study.answer_of(&back[1].uid).expect("read").expect("there");
    assert_eq!(answer.topic.as_deref(), Some("kettle"));
}
