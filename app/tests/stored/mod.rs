//! Studies with sweeps in them, and windows on them.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;
use std::time::{Duration, Instant};

use egui_kittest::kittest::Queryable as _;
use paretoscope::app::StartOptions;
use paretoscope::command::AppCommand;
use paretoscope_core::protocol::{SweepGrid, SweepPlan};
use paretoscope_core::study::{NewAnswer, Placed, ScorerRecord, Study, SweepRecord};
use paretoscope_core::types::{
    Finish, NamedPoint, Point, Preference, Prompt, RowGates, Run, RunStatus, Sampling, Scores,
    Split, Steering, TokenPiece,
};

use crate::played::{Window, script, with_bundle};
use crate::scripted;

/// A window of this size whose study may not be open yet, with this bundle.
pub(crate) fn opened<'a>(size: [f32; 2], study: &Path, bundle: Option<&str>) -> Window<'a> {
    let options = StartOptions {
        bundle: bundle.map(Into::into),
        study: Some(study.to_path_buf()),
        study_named: true,
        ..with_bundle()
    };
    Window::open(size, script(), options, |builder| builder)
}

/// A window of this size on a study, with this bundle.
pub(crate) fn window<'a>(size: [f32; 2], study: &Path, bundle: Option<&str>) -> Window<'a> {
    let mut window = opened(size, study, bundle);
    window.wait("the study is open", |w| w.state().study.is_readable());
    window
}

impl Window<'_> {
    pub(crate) fn queue(&mut self, command: AppCommand) {
        self.harness.state_mut().queue(command);
        self.steps(2);
    }

    pub(crate) fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.steps(2);
    }

    /// Frames until a thread's news are in.
    pub(crate) fn wait(&mut self, what: &str, there: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !there(self) {
            assert!(begun.elapsed() < Duration::from_mins(1), "never: {what}");
            self.steps(1);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A sweep of three points by two prompts that another program writes, point by point.
pub(crate) struct Writing {
    study: Study,
    sweep: i64,
    bundle: i64,
    scorers: Vec<Option<i64>>,
    method: &'static str,
    lift: f64,
}

const ASKED: [(&str, Split); 2] = [("ask one", Split::Validation), ("ask two", Split::Test)];

impl Writing {
    /// Begins one whose scores lie higher by `lift`.
    pub(crate) fn begin(path: &Path, method: &'static str, lift: f64) -> Self {
        let study = Study::open(path).expect("a study");
        let info = scripted::bundle::info();
        let bundle = study.bundle(&info).expect("a bundle");
        let scorers = study.scorers(&ScorerRecord::rewards(&info));
        let record = SweepRecord {
            name: method.to_owned(),
            method: method.to_owned(),
            bundle: info,
            plan: SweepPlan {
                grid: SweepGrid::Simplex {
                    step: 1.0,
                    objectives: Vec::new(),
                },
                prompts: ASKED.map(|asked| Prompt::Text(asked.0.into())).to_vec(),
                splits: ASKED.map(|asked| asked.1).to_vec(),
                groups: Vec::new(),
                sampling: Sampling::default(),
                include_base: false,
                store: path.to_path_buf(),
            },
            rows: 8,
        };
        Self {
            sweep: study.sweep(&record, 0).expect("a sweep"),
            study,
            bundle,
            scorers: scorers.expect("scorers"),
            method,
            lift,
        }
    }

    /// Writes the rows of a point, which is best in its own objective.
    pub(crate) fn point(&self, point: usize) {
        for (prompt, (words, split)) in ASKED.into_iter().enumerate() {
            let run = row(self.method, point, words);
            let answer = NewAnswer {
                run: &run,
                mean: Vec::new(),
                bundle: self.bundle,
                interactive: false,
                split: Some(split),
                place: Some(Placed {
                    sweep: self.sweep,
                    seed: 0,
                    point,
                    prompt,
                }),
            };
            let id = self.study.add(&[answer]).expect("an answer")[0];
            let scorers = self.scorers.iter().enumerate();
            let rows: Vec<(i64, i64, f64)> = scorers
                .filter_map(|(objective, scorer)| {
                    let on = f64::from(u8::from(objective == point));
                    Some((id, (*scorer)?, on + self.lift + prompt as f64 * 0.1))
                })
                .collect();
            self.study.score(&rows).expect("scores");
        }
    }
}

/// A study with sweeps of two methods, three points by two prompts each; the second is not done.
pub(crate) fn swept(path: &Path) {
    for (method, lift) in [("hoe", 0.0), ("mva", 0.2)] {
        let writing = Writing::begin(path, method, lift);
        (0..3).for_each(|point| writing.point(point));
        let noted = writing.study.set_status(writing.sweep, "stopped");
        noted.expect("noted");
    }
}

pub(crate) fn row(method: &str, point: usize, words: &str) -> Run {
    let text = format!("{method} at {point} on {words}");
    Run {
        prompt: Prompt::Text(words.into()),
        prompt_tokens: vec![1],
        given: None,
        point: Point::Preference(Preference::one_hot(point, 3)),
        gates: RowGates::base(3, 0),
        steering: Steering::default(),
        sampling: Sampling::default(),
        tokens: vec![TokenPiece {
            id: 1,
            start: 0,
            end: text.len(),
        }],
        text,
        finish: Finish::Eos,
        end: None,
        status: RunStatus::Done,
        record: None,
        key: None,
        scores: None,
        first_token_seconds: 0.0,
        seconds: 0.0,
        pace: Vec::new(),
    }
}

/// A study with one sweep of random places, `points` by `prompts` rows, scored on three objectives.
pub(crate) fn large(path: &Path, points: usize, prompts: usize) {
    let info = scripted::bundle::info();
    let place = |point: usize| {
        let share = |n: usize| (point * n % 19_997) as f64 + 1.0;
        let shares = vec![share(1), share(31), share(57)];
        Point::Preference(Preference::new(shares).expect("shares"))
    };
    let asked: Vec<Prompt> = (0..prompts)
        .map(|i| Prompt::Text(format!("What of number {i}?")))
        .collect();
    let record = SweepRecord {
        name: "large".to_owned(),
        method: "hoe".to_owned(),
        bundle: info,
        plan: SweepPlan {
            grid: SweepGrid::List {
                points: (0..points).map(|at| NamedPoint::from(place(at))).collect(),
            },
            prompts: asked.clone(),
            splits: vec![Split::Test; prompts],
            groups: Vec::new(),
            sampling: Sampling::default(),
            include_base: false,
            store: path.to_path_buf(),
        },
        rows: points * prompts,
    };
    let study = Study::open(path).expect("a study");
    let made = study.whole_sweep(&record, |point, prompt| {
        let noise = ((point * 31 + prompt * 17) as f64).sin() * 0.3;
        let shares = place(point).as_slice().to_vec();
        let scores = shares.iter().map(|share| Some(share + noise));
        Run {
            prompt: asked[prompt].clone(),
            scores: Some(Scores(scores.collect())),
            point: place(point),
            ..row("hoe", point % 3, &format!("{prompt}"))
        }
    });
    made.expect("a sweep");
}
