//! Methods in the real window on a scripted engine, by its accessibility tree: the picker, answers, sweeps, their cost.

mod played;
mod scripted;
mod stored;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use paretoscope::command::{AppCommand, Gesture};
use paretoscope::state::{GenerateWhen, Overlay, Panel, PlotOptions, SweepForm};
use paretoscope_core::method::{Method, MethodKind};
use paretoscope_core::protocol::{EngineCommand, SweepGrid, SweepPlan};
use paretoscope_core::study::{NewAnswer, Placed, ScorerRecord, Study, SweepRecord};
use paretoscope_core::types::{
    Point, Preference, Prompt, Run, Sampling, Scores, Split, TokenPiece,
};
use played::{Window, script, with_bundle};

const WIDE: [f32; 2] = [1280.0, 900.0];

impl Window<'_> {
    fn of(size: [f32; 2]) -> Self {
        Self::open(size, script(), with_bundle(), |builder| builder)
    }

    fn open_list(&mut self, role: Role, label: &str) {
        let list = self.harness.get_by_role_and_label(role, label);
        list.scroll_to_me();
        self.steps(3);
        self.harness.get_by_role_and_label(role, label).focus();
        self.steps(2);
        self.harness.key_press(Key::Enter);
        self.steps(6);
    }

    /// The methods that rows were asked by.
    fn asked(&mut self) -> Vec<Option<String>> {
        self.engine.step();
        let of = |command: &EngineCommand| match command {
            EngineCommand::Generate { row, .. } => {
                Some(row.sampling.method.as_ref().map(ToString::to_string))
            }
            _ => None,
        };
        self.engine.log.iter().filter_map(of).collect()
    }

    /// The methods that sweeps were sent by.
    fn swept(&mut self) -> Vec<Option<String>> {
        self.engine.step();
        let of = |command: &EngineCommand| match command {
            EngineCommand::Sweep { plan, .. } => {
                Some(plan.sampling.method.as_ref().map(ToString::to_string))
            }
            _ => None,
        };
        self.engine.log.iter().filter_map(of).collect()
    }

    /// What is said of a control, and whether it is off.
    fn about(&self, label: &str) -> (String, bool) {
        let node = self.harness.get_by_label(label);
        let node = node.accesskit_node();
        (node.description().unwrap_or_default(), node.is_disabled())
    }
}

#[test]
fn the_picker_lists_all_methods_by_keyboard_and_says_why_one_is_off() {
    let mut w = Window::of(WIDE);
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    w.open_list(Role::ComboBox, "Method of answers");
    for kind in MethodKind::ALL {
        let (about, off) = w.about(kind.title());
        assert_eq!(about.starts_with("Off: "), off, "{kind:?}: {about}");
    }
    for (title, words) in [
        ("MOD", "3 streams per token"),
        ("PAD", "2 streams per token"),
        ("ARGS", "1 stream per token, and 10 candidates"),
        ("PCB", "after a merge for each point"),
        ("GenARM", "Off: this bundle holds no parts"),
        ("MVA", "Off: it answers at weights, not at preferences"),
        ("Best of n", "16 answers to each prompt"),
    ] {
        let (about, _) = w.about(title);
        assert!(about.contains(words), "{title}: {about}");
    }
    // From the list's button the keyboard goes on into the list.
    w.harness.key_press(Key::Tab);
    w.steps(2);
    w.harness.key_press(Key::Tab);
    w.steps(2);
    w.harness.key_press(Key::Enter);
    w.steps(4);
    assert_eq!(w.state().method().kind(), MethodKind::Base);
    let combo = w
        .harness
        .get_by_role_and_label(Role::ComboBox, "Method of answers");
    assert_eq!(
        combo.accesskit_node().value().as_deref(),
        Some("Base model")
    );
    w.queue(AppCommand::Generate);
    assert_eq!(w.asked(), [Some("base".to_owned())]);
    // It is in the palette, too, and a step of undo.
    w.queue(AppCommand::Show(Overlay::Palette));
    w.queue(AppCommand::Query("rewarded".into()));
    w.steps(2);
    w.harness.key_press(Key::Enter);
    w.steps(3);
    assert_eq!(w.state().method().kind(), MethodKind::Rs);
    w.queue(AppCommand::Undo);
    assert_eq!(w.state().method().kind(), MethodKind::Base);
}

#[test]
fn what_can_be_set_of_a_method_is_typed_within_its_bounds_and_remembered() {
    let mut w = Window::of(WIDE);
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    w.queue(AppCommand::SetMethod(MethodKind::Mod));
    let field = "c of MOD: how strongly it steers; 0 is the base";
    let typed = |w: &mut Window<'_>, text: &str| {
        w.harness.get_by_label(field).focus();
        w.steps(2);
        w.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        w.harness.get_by_label(field).type_text(text);
        w.steps(3);
    };
    typed(&mut w, "1.5");
    assert_eq!(w.state().method().to_string(), "mod:c=1.5");
    assert!(w.sees("4 streams per token"), "the base takes the rest");
    typed(&mut w, "-1");
    assert!(w.sees("Not taken: is -1; it must be at least 0"));
    assert_eq!(w.state().method().to_string(), "mod:c=1.5");
    w.queue(AppCommand::SetMethod(MethodKind::Rs));
    w.steps(2);
    w.harness
        .get_by_role_and_label(Role::RadioButton, "factor")
        .click();
    w.steps(3);
    assert_eq!(w.state().method().to_string(), "rs:average=factor");
    assert!(w.sees("experts are merged anew for each point"));
    let kept = serde_json::to_string(&paretoscope::state::View::of(w.state())).expect("JSON");
    assert!(kept.contains("rs:average=factor"), "{kept}");
}

#[test]
fn an_answer_names_its_method_and_the_panels_say_why_there_is_no_routing() {
    let mut w = Window::of([1900.0, 1000.0]);
    w.queue(AppCommand::SetMethod(MethodKind::Mod));
    assert!(w.sees("HoE's routing has no part in MOD: the logits of several streams are mixed"));
    w.queue(AppCommand::Generate);
    w.steps(60);
    assert_eq!(w.asked(), [Some("mod".to_owned())]);
    assert!(w.harness.query_all_by_label("MOD").count() >= 1);
    assert!(w.sees("No routing: the logits of several streams are mixed"));
    assert!(!w.sees("Three tiers of routing"));
    if !w.sees("History (") {
        w.click("More");
    }
    w.harness.get_by_label_contains("History (").click();
    w.steps(4);
    assert!(w.sees("[MOD] How do I fix"));
    w.queue(AppCommand::SeekHistory("mod".into()));
    w.steps(2);
    assert!(w.sees("[MOD] How do I fix"));
    w.queue(AppCommand::SeekHistory("pcb".into()));
    w.steps(2);
    assert!(w.sees("No answer is like that."));
    w.harness.key_press(Key::Escape);
    w.steps(3);
    // The usual method has no name, and its routing is there.
    w.queue(AppCommand::SetMethod(MethodKind::Hoe));
    w.queue(AppCommand::Generate);
    w.steps(60);
    assert!(w.sees("Three tiers of routing"));
    assert!(!w.sees("No routing:"));
}

#[test]
fn the_study_s_history_is_searched_by_method() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.study");
    let mut w = stored::window(WIDE, &path, Some("/bundles/one"));
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    for (kind, corner) in [
        (MethodKind::Rs, 0),
        (MethodKind::Pcb, 1),
        (MethodKind::Hoe, 2),
    ] {
        w.queue(AppCommand::SetMethod(kind));
        let point = Point::Preference(Preference::one_hot(corner, 3));
        w.queue(AppCommand::Move(point, Gesture::Settled));
        let before = w.state().study.answers;
        w.queue(AppCommand::Generate);
        w.wait("it is saved", |w| w.state().study.answers > before);
    }
    w.queue(AppCommand::SeekHistory("Rewarded soups".into()));
    w.wait("the search", |w| w.state().study.found.is_some());
    let found = w.state().study.found.clone().expect("found");
    let methods: Vec<Option<Method>> = found
        .iter()
        .map(|found| found.run.sampling.method.clone())
        .collect();
    assert_eq!(methods, [Some(Method::usual(MethodKind::Rs))]);
}

#[test]
fn two_methods_that_are_ticked_are_two_sweeps() {
    let mut w = Window::of([1280.0, 1200.0]);
    w.queue(AppCommand::SetSweep(SweepForm {
        k: 1,
        prompts: 2,
        ..SweepForm::default()
    }));
    w.open_list(Role::Button, "Methods of the sweep");
    let (about, off) = w.about("Best of n");
    assert!(
        off && about.contains("`sweep --method best-of-n`"),
        "{about}"
    );
    w.harness.get_by_label("MOD").scroll_to_me();
    w.steps(3);
    w.click("MOD");
    w.steps(2);
    w.harness.key_press(Key::Escape);
    w.steps(3);
    assert!(w.sees("the same prompts and seeds"));
    assert!(w.sees("4 points \u{d7} 2 prompts \u{d7} 2 methods = 16 answers"));
    w.queue(AppCommand::StartSweep);
    w.frames(1);
    assert!(w.sees("Sweep 1 of 2: HoE"));
    w.steps(5);
    assert!(w.sees("Sweep 2 of 2: MOD"));
    w.steps(20);
    assert!(!w.state().sweep.is_active());
    assert_eq!(w.swept(), [None, Some("mod".to_owned())]);
}

/// A study with a sweep of each method, of one point by two prompts, whose tokens took so many milliseconds.
fn timed(study: &std::path::Path, sweeps: &[(&str, f64)]) {
    let file = Study::open(study).expect("a study");
    let info = scripted::bundle::info();
    let bundle = file.bundle(&info).expect("a bundle");
    let scorers = file
        .scorers(&ScorerRecord::rewards(&info))
        .expect("scorers");
    for (name, milliseconds) in sweeps {
        let method: Method = name.parse().expect("a method");
        let sampling = Sampling {
            method: (method.kind() != MethodKind::Hoe).then(|| method.clone()),
            ..Sampling::default()
        };
        let record = SweepRecord {
            name: (*name).to_owned(),
            method: method.to_string(),
            bundle: info.clone(),
            plan: SweepPlan {
                grid: SweepGrid::Simplex {
                    step: 1.0,
                    objectives: Vec::new(),
                },
                prompts: ["one", "two"]
                    .map(|text| Prompt::Text(text.into()))
                    .to_vec(),
                splits: vec![Split::Test; 2],
                groups: Vec::new(),
                sampling: sampling.clone(),
                include_base: false,
                store: study.to_path_buf(),
            },
            rows: 2,
        };
        let sweep = file.sweep(&record, 0).expect("a sweep");
        for (prompt, text) in record.plan.prompts.iter().enumerate() {
            let piece = |at: usize| TokenPiece {
                id: 1,
                start: at,
                end: at + 1,
            };
            let run = Run {
                prompt: text.clone(),
                sampling: sampling.clone(),
                text: "abc".into(),
                tokens: (0..3).map(piece).collect(),
                first_token_seconds: 1.0,
                seconds: 1.0 + 2.0 * milliseconds / 1000.0,
                scores: Some(Scores(vec![Some(0.5); 3])),
                ..stored::row(name, 0, "x")
            };
            let answer = NewAnswer {
                run: &run,
                mean: Vec::new(),
                bundle,
                interactive: false,
                split: Some(Split::Test),
                place: Some(Placed {
                    sweep,
                    seed: 0,
                    point: 0,
                    prompt,
                }),
            };
            let id = file.add(&[answer]).expect("an answer")[0];
            let scores = scorers
                .iter()
                .filter_map(|s| Some((id, (*s)?, 0.5 + *milliseconds / 100.0)));
            let scores: Vec<(i64, i64, f64)> = scores.collect();
            file.score(&scores).expect("scores");
        }
    }
}

#[test]
fn the_time_per_token_stands_beside_the_scores_against_the_base_or_the_first_sweep() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("timed.study");
    timed(&path, &[("hoe", 20.0), ("mod", 50.0), ("base", 10.0)]);
    let mut w = stored::window(WIDE, &path, Some("/bundles/one"));
    w.queue(AppCommand::Show(Overlay::Study));
    w.wait("fronts", |w| w.state().study.front().is_some());
    w.wait("times", |w| w.state().study.paces.len() == 3);
    w.steps(3);
    assert!(w.sees("10 ms per token; other sweeps are measured against it"));
    assert!(w.sees("20 ms per token, 2.00 \u{d7} that of base (3)"));
    assert!(w.sees("50 ms per token, 5.00 \u{d7} that of base (3)"));
    assert!(w.sees("MOD \u{b7} scripted"), "by its title");
    w.queue(AppCommand::Show(Overlay::Study));
    w.queue(AppCommand::Focus(Panel::Front));
    w.queue(AppCommand::SetPareto(PlotOptions {
        table: true,
        ..PlotOptions::default()
    }));
    w.steps(4);
    assert!(w.sees("Time/token"));
    assert!(w.sees("5.00 \u{d7}"));

    // Without the base the first sweep is the measure.
    let path = folder.path().join("other.study");
    timed(&path, &[("hoe", 20.0), ("mod", 50.0)]);
    let mut w = stored::window(WIDE, &path, None);
    w.queue(AppCommand::Show(Overlay::Study));
    w.wait("times", |w| w.state().study.paces.len() == 2);
    w.steps(3);
    assert!(w.sees("50 ms per token, 2.50 \u{d7} that of hoe (1)"));
}

#[test]
fn ten_methods_stand_in_one_plot_each_with_its_own_mark_and_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ten.study");
    let names = [
        "hoe", "base", "nearest", "rs", "soup", "ties", "dare", "pcb", "fourier", "mod",
    ];
    let sweeps: Vec<(&str, f64)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (*name, 10.0 + at as f64))
        .collect();
    timed(&path, &sweeps);
    let mut w = stored::window([1280.0, 1000.0], &path, Some("/bundles/one"));
    w.wait("fronts", |w| w.state().others.sweeps().len() == 10);
    w.steps(4);
    let mut marks: Vec<(usize, usize)> = w
        .state()
        .others
        .sweeps()
        .iter()
        .map(|sweep| (sweep.color % 7, sweep.shape))
        .collect();
    marks.sort_unstable();
    marks.dedup();
    assert_eq!(marks.len(), 10, "{marks:?}");
    let again = w.state().others.sweeps().iter().filter(|s| s.again);
    assert_eq!(again.count(), 3);
    for (at, name) in names.iter().enumerate() {
        assert!(
            w.sees(&format!("{name} ({}): front 1 of 1 point", at + 1)),
            "{name}"
        );
    }
}
