//! Whoever votes: the blind view in the real window, by keys, on real studies.

mod asked;
mod played;
mod scripted;
mod stored;

use std::collections::BTreeSet;
use std::path::Path;

use asked::{SECRET, WRITERS, design, swept, task};
use egui::{Key, ViewportCommand};
use egui_kittest::kittest::Queryable as _;
use paretoscope::command::{Annotation, AppCommand};
use paretoscope::state::{AnnotatePage, DeskPhase, LendForm, Overlay};
use paretoscope_core::annotate::{Design, Picked, Question};
use paretoscope_core::study::{Asks, Study};
use played::Window;
use stored::window;

const WIDE: [f32; 2] = [1280.0, 800.0];

impl Window<'_> {
    fn annotate(&mut self, command: Annotation) {
        self.queue(AppCommand::Annotate(command));
    }

    /// Opens the blind view of a task, by its button in the sheet.
    fn begin(&mut self, task: &str) {
        self.queue(AppCommand::Show(Overlay::Annotate));
        let button = format!("Annotate {task}");
        self.wait("the tasks", |w| w.sees(&button));
        // The sheet finds its place.
        self.steps(3);
        self.click(&button);
    }

    /// Sits down as whoever is new.
    fn sit_new(&mut self) {
        self.sit("I am new");
    }

    fn sit(&mut self, button: &str) {
        self.wait("the button", |w| w.sees(button));
        self.harness.get_by_label_contains(button).click();
        self.steps(1);
        self.wait("a seat", |w| {
            let desk = w.state().annotate.desk.as_ref();
            desk.is_some_and(|desk| desk.phase == DeskPhase::Seated)
        });
        self.steps(2);
    }

    fn saved(&self) -> usize {
        self.state()
            .annotate
            .desk
            .as_ref()
            .map_or(0, |desk| desk.saved)
    }

    /// Presses a key until as many places are saved.
    fn key(&mut self, key: Key, saved: usize) {
        self.harness.key_press(key);
        self.steps(1);
        self.wait("the vote", |w| {
            let desk = w.state().annotate.desk.as_ref();
            desk.is_some_and(|desk| desk.saved == saved && !desk.busy)
        });
        self.steps(1);
    }
}

fn stored_votes(path: &Path, name: &str) -> Vec<paretoscope_core::study::StoredVote> {
    let study = Study::peek(path).expect("readable").expect("a study");
    let task = study.task_named("task", name).expect("the task");
    study.live_votes(&task).expect("votes")
}

#[test]
fn two_hundred_items_are_walked_and_nothing_tells_whose_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("humor-model.study");
    let study = swept(&path, 90);
    task(&study, "points compared", design(200, &["humor"]));
    let secrets: BTreeSet<String> = [
        SECRET,
        "points compared",
        "hoe",
        "scripted",
        "humor-model",
        "balanced",
        "1-1-2",
        "preference",
        "expert",
        "adapter",
        "score",
        "7.125",
        "8.125",
        "0.5",
        "1,0,0",
        "tok/s",
        "tokens",
        "sweep",
        "Study",
        "Saved in",
        "undo move",
    ]
    .map(str::to_lowercase)
    .into();
    drop(study);
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    let mut titles: Vec<String> = Vec::new();
    w.begin("points compared");
    for _ in 0..4 {
        w.steps(1);
        let viewports = w.harness.output().viewport_output.values();
        titles.extend(viewports.flat_map(|v| &v.commands).filter_map(|c| match c {
            ViewportCommand::Title(title) => Some(title.clone()),
            _ => None,
        }));
    }
    assert_eq!(w.state().overlay.open, Overlay::None);
    w.sit_new();
    let of = w.state().annotate.desk.as_ref().expect("a desk").of;
    assert!(of > 200, "{of}");
    for at in 0..of {
        let said = w.tree();
        for words in &said {
            let words = words.to_lowercase();
            for secret in &secrets {
                assert!(
                    !words.contains(secret),
                    "item {at} tells `{secret}`: {words}"
                );
            }
        }
        let texts: BTreeSet<&String> = said
            .iter()
            .filter(|words| {
                let mut writers = WRITERS.iter();
                writers.any(|writer| words.starts_with(&format!("{writer} says")))
            })
            .collect();
        assert_eq!(texts.len(), 2, "both texts are there: {said:?}");
        let counter = format!("{} of {of} \u{b7} saved {at}", at + 1);
        assert!(said.contains(&counter), "{counter}: {said:?}");
        let key = [Key::Num1, Key::Num2, Key::Num3, Key::Num4][at % 4];
        w.key(key, at + 1);
    }
    assert!(w.sees("All done, thank you"));
    assert!(
        titles.iter().all(|title| title == "Paretoscope"),
        "{titles:?}"
    );
    // Who was shown first: five of ten, in every ten.
    let mut votes = stored_votes(&path, "points compared");
    votes.sort_by_key(|vote| vote.shown.place);
    assert_eq!(votes.len(), of);
    for ten in votes.chunks_exact(10) {
        let turned = ten.iter().filter(|vote| vote.shown.order == [1, 0]).count();
        assert_eq!(turned, 5, "of ten are turned");
    }
    assert!(votes.iter().all(|vote| vote.active_ms > 0 && !vote.early));
}

#[test]
fn a_vote_taken_back_and_cast_anew_survives_a_kill_with_the_place_and_the_draft() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = swept(&path, 20);
    task(&study, "T", design(20, &["helpful", "humor"]));
    drop(study);
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    w.begin("T");
    w.sit_new();
    let item = |w: &Window<'_>| {
        w.state()
            .annotate
            .desk
            .as_ref()
            .and_then(|d| d.item.clone())
    };
    let first = item(&w);
    // Both questions by keys; Enter submits.
    w.harness.key_press(Key::Num1);
    w.steps(2);
    assert!(w.sees("helpful: Response 1 is better (1)"));
    w.harness.key_press(Key::Enter);
    w.steps(2);
    assert!(
        w.sees("Submit and go on: choose by humor first"),
        "{:?}",
        w.tree()
    );
    w.harness.key_press(Key::Num3);
    w.steps(2);
    w.key(Key::Enter, 1);
    let second = item(&w);
    assert_ne!(first, second);
    w.key(Key::U, 0);
    assert_eq!(item(&w), first, "the same item again");
    for key in [Key::Num2, Key::Num4] {
        w.harness.key_press(key);
        w.steps(2);
    }
    w.key(Key::Enter, 1);
    // Half of the next one, and a comment.
    w.harness.key_press(Key::Num4);
    w.steps(2);
    w.harness.key_press(Key::C);
    w.steps(3);
    let field = w.harness.get_by_label("Comment on this item");
    assert!(field.is_focused());
    field.type_text("2 typos, 1 lie");
    w.steps(3);
    let desk = w.state().annotate.desk.as_ref().expect("a desk");
    assert_eq!(desk.saved, 1, "digits in a text choose nothing");
    assert_eq!(desk.choices[1].picked, None);
    // Until the view says who votes, half a second later.
    w.steps(60);
    w.wait("the view", |_| {
        let study = Study::peek(&path).expect("readable").expect("a study");
        let view = study.state(&paretoscope_core::study::Target::View("window".to_owned()));
        let view = view.expect("a view").value.unwrap_or_default();
        let task = study.task_named("task", "T").expect("the task");
        let sitting = study.sit(&task, "A1").expect("a seat");
        let draft = study.draft(&sitting, 1).expect("readable");
        view.contains("\"annotating\":[\"T\",\"A1\"]")
            && draft.is_some_and(|draft| draft.comment == "2 typos, 1 lie")
    });
    // As a kill would: nothing is written on the way out.
    let _killed = std::mem::ManuallyDrop::new(w);

    let mut w = window(WIDE, &path, Some("/bundles/one"));
    w.wait("the door", |w| w.sees("Who votes?"));
    assert!(
        !w.sees("Prompt"),
        "nobody falls into the rest of the window"
    );
    assert!(w.sees("A1 is known here. Is that you?"));
    w.sit("Continue as A1");
    assert_eq!(item(&w), second);
    let desk = w.state().annotate.desk.as_ref().expect("a desk");
    assert_eq!((desk.saved, desk.comment.as_str()), (1, "2 typos, 1 lie"));
    assert_eq!(desk.choices[0].picked, Some(Picked::Bad));
    let votes = stored_votes(&path, "T");
    let picked: Vec<(&str, &Picked)> = votes
        .iter()
        .map(|vote| (vote.objective.as_str(), &vote.picked))
        .collect();
    assert_eq!(
        picked,
        [("helpful", &Picked::Right), ("humor", &Picked::Bad)],
        "one live vote by each objective"
    );
}

#[test]
fn until_a_voter_is_back_the_window_shows_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = swept(&path, 20);
    task(&study, "T", design(20, &["humor"]));
    drop(study);
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    w.wait("the window", |w| {
        w.sees("Generate") && !w.state().study.sweeps.is_empty()
    });
    let before: BTreeSet<String> = w.tree().into_iter().collect();
    assert!(before.len() > 20, "{before:?}");
    // As it is between a study's view and its tasks.
    w.harness.state_mut().state.annotate.resume = Some(("T".into(), "A1".into()));
    w.frames(1);
    let viewports = w.harness.output().viewport_output.values();
    let titles = viewports
        .flat_map(|v| &v.commands)
        .filter_map(|command| match command {
            ViewportCommand::Title(title) => Some(title.as_str()),
            _ => None,
        });
    let titles: Vec<&str> = titles.collect();
    assert_eq!(titles, ["Paretoscope"], "no bundle is named");
    for key in [Key::F5, Key::F6, Key::L, Key::D, Key::Enter] {
        w.harness.key_press(key);
        w.steps(1);
        let said = w.tree();
        assert!(
            said.iter()
                .any(|words| words.contains("Your place is looked up")),
            "{said:?}"
        );
        assert!(said.iter().all(|words| !before.contains(words)), "{said:?}");
    }
    assert!(!w.state().talk.is_on() && !w.state().talk.large);
}

#[test]
fn people_hand_over_skip_with_a_reason_and_leave_on_purpose_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = swept(&path, 20);
    let design = Design {
        annotators: 2,
        overlap: 1.0,
        ..design(20, &["humor"])
    };
    task(&study, "T", design);
    drop(study);
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    w.begin("T");
    w.sit_new();
    w.key(Key::Num1, 1);
    w.harness.key_press(Key::S);
    w.steps(6);
    assert!(w.sees("Skip this item?"));
    assert!(w.harness.get_by_label("Why it is skipped").is_focused());
    w.click("Skip it");
    assert_eq!(w.saved(), 1, "a reason is needed");
    w.harness.get_by_label("Why it is skipped").focus();
    w.steps(1);
    w.harness
        .get_by_label("Why it is skipped")
        .type_text("I know neither");
    w.steps(2);
    w.click("Skip it");
    w.wait("the skip", |w| w.saved() == 2);
    let votes = stored_votes(&path, "T");
    assert_eq!(votes[1].picked, Picked::Skip);
    assert_eq!(votes[1].comment.as_deref(), Some("I know neither"));

    w.harness.key_press(Key::H);
    w.steps(2);
    w.wait("the tasks", |w| w.sees("I am new: A2"));
    assert!(!w.sees("says"), "the earlier person's item is gone");
    // A name is refused in words; one that is known is asked about.
    w.annotate(Annotation::TypeAlias("Jane".into()));
    w.click("Begin as JANE");
    w.wait("a refusal", |w| w.sees("names are never asked"));
    w.annotate(Annotation::TypeAlias("a1".into()));
    assert!(w.sees("A1 is known here. Is that you?"));
    w.sit_new();
    assert_eq!(w.saved(), 0);
    let desk = w.state().annotate.desk.as_ref().expect("a desk");
    assert_eq!((desk.alias.as_str(), desk.typed.as_str()), ("A2", "A2"));

    // Keys and commands of the rest of the window do nothing.
    let refused = [
        AppCommand::Show(Overlay::Palette),
        AppCommand::Show(Overlay::Study),
        AppCommand::Undo,
    ];
    for command in refused {
        w.queue(command);
        assert!(w.state().annotate.desk.is_some());
        assert_eq!(w.state().overlay.open, Overlay::None);
    }
    w.click("Leave\u{2026}");
    w.steps(4);
    assert!(w.harness.get_by_label("The word that leaves").is_focused());
    w.click("Leave");
    assert!(w.state().annotate.desk.is_some(), "a click is not enough");
    w.harness.get_by_label("The word that leaves").focus();
    w.steps(1);
    w.harness
        .get_by_label("The word that leaves")
        .type_text("explorer");
    w.steps(2);
    w.click("Leave");
    assert!(w.state().annotate.desk.is_none());
    assert_eq!(w.state().overlay.open, Overlay::Annotate);
    w.wait("the counts", |w| w.sees("saved: A1 2"));
}

#[test]
fn ratings_and_rankings_go_by_keys_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = swept(&path, 10);
    let rating = Design {
        question: Question::Rating,
        gold: 0.0,
        ..design(6, &["humor"])
    };
    task(&study, "rated", rating);
    let ranking = Design {
        question: Question::Ranking,
        ranked: 3,
        gold: 0.0,
        ..design(6, &["humor"])
    };
    task(&study, "ranked", ranking);
    let strong = Design {
        strength: true,
        gold: 0.0,
        ..design(6, &["humor"])
    };
    task(&study, "strong", strong);
    drop(study);
    let mut w = window(WIDE, &path, Some("/bundles/one"));
    let leave = |w: &mut Window<'_>| {
        w.annotate(Annotation::SetWord("explorer".into()));
        w.annotate(Annotation::Leave);
        assert!(w.state().annotate.desk.is_none());
        w.queue(AppCommand::Show(Overlay::Annotate));
    };
    w.begin("rated");
    w.sit_new();
    assert!(w.sees("good (5)") && !w.sees("Response 2"));
    w.key(Key::Num5, 1);
    w.annotate(Annotation::Digit(9));
    assert!(w.sees("ratings go from 1 to 5"));
    leave(&mut w);

    w.begin("ranked");
    w.annotate(Annotation::TypeAlias("A1".into()));
    w.sit("Continue as A1");
    assert!(w.sees("Response 3 (3)"));
    for key in [Key::Num3, Key::Num1] {
        w.harness.key_press(key);
        w.steps(2);
    }
    assert!(w.sees("Order: 3 > 1 > 2"));
    w.key(Key::Enter, 1);
    leave(&mut w);

    w.begin("strong");
    w.annotate(Annotation::TypeAlias("A1".into()));
    w.sit("Continue as A1");
    for _ in 0..2 {
        w.harness.key_press(Key::Num2);
        w.steps(2);
    }
    assert!(w.sees("humor: clearly better"));
    w.key(Key::Enter, 1);
    let picked = |name: &str| stored_votes(&path, name)[0].clone();
    assert_eq!(picked("rated").picked, Picked::Rating(5));
    assert_eq!(picked("ranked").picked.to_string(), "3>1>2");
    let strong = picked("strong");
    assert_eq!((strong.picked, strong.strength), (Picked::Right, Some(2)));
}

#[test]
fn the_blind_view_stays_inside_in_all_sizes_and_both_answers_are_as_wide() {
    for size in [
        [480.0, 640.0],
        [640.0, 360.0],
        [1280.0, 720.0],
        [1920.0, 1080.0],
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.study");
        let study = swept(&path, 20);
        task(&study, "T", design(20, &["helpful", "harmless", "humor"]));
        drop(study);
        let mut w = window(size, &path, Some("/bundles/one"));
        w.begin("T");
        w.annotate(Annotation::TypeAlias("A7".into()));
        w.sit("Begin as A7");
        for name in ["Response 1", "Response 2"] {
            let rect = w.harness.get_by_label(name).rect();
            assert!(
                rect.left() >= 0.0 && rect.right() <= size[0],
                "{name} {rect:?}"
            );
        }
        let texts: Vec<egui::Rect> = (w.harness.query_all_by_label_contains("says"))
            .map(|node| node.rect())
            .collect();
        assert_eq!(texts.len(), 2);
        if size[0] >= 640.0 {
            assert!(
                (texts[0].top() - texts[1].top()).abs() < 1.0,
                "side by side"
            );
        } else {
            assert!(texts[0].bottom() < texts[1].top(), "one below the other");
        }
        for name in ["Skip\u{2026}  S", "Comment  C", "Submit  Enter"] {
            let rect = w.harness.get_by_label(name).rect();
            assert!(
                rect.left() >= 0.0 && rect.right() <= size[0],
                "{name} {rect:?}"
            );
        }
    }
}

#[test]
fn a_pack_goes_straight_to_its_person_and_its_votes_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, pack) = (
        folder.path().join("a.study"),
        folder.path().join("A3.study"),
    );
    let study = swept(&path, 40);
    task(&study, "T", design(60, &["humor"]));
    drop(study);
    let mut w = window(WIDE, &path, None);
    w.queue(AppCommand::Show(Overlay::Annotate));
    w.wait("the tasks", |w| w.sees("Annotate T"));
    w.click("Packs");
    w.annotate(Annotation::SetLend(LendForm {
        task: "T".into(),
        alias: "A3".into(),
        out: pack.clone(),
        ..LendForm::default()
    }));
    w.click("Make the pack");
    w.wait("a pack", |w| w.sees("items for A3, as texts alone"));
    drop(w);

    let mut w = window(WIDE, &pack, None);
    w.wait("the door", |w| w.sees("Who votes?"));
    assert!(!w.sees("I am new"), "it is for one person");
    w.sit("as A3");
    for at in 0..40 {
        w.key([Key::Num1, Key::Num2, Key::Num3][at % 3], at + 1);
    }
    drop(w);

    let mut w = window(WIDE, &path, None);
    w.queue(AppCommand::Show(Overlay::Annotate));
    w.wait("the tasks", |w| w.sees("Annotate T"));
    w.annotate(Annotation::Page(AnnotatePage::Lend));
    w.annotate(Annotation::SetLend(LendForm {
        back: pack.clone(),
        ..LendForm::default()
    }));
    w.click("Bring back");
    w.wait("the votes", |w| w.sees("40 new in vote"));
    w.wait("the counts", |w| w.sees("saved: A3 40"));
    assert_eq!(stored_votes(&path, "T").len(), 40);
    let study = Study::peek(&pack).expect("readable").expect("a pack");
    let packed = study.tasks().expect("tasks").remove(0);
    assert!(matches!(packed.asks, Asks::Pack(_)));
}
