//! The sheet of judges in the real window, on the real judge's thread and a server of the test's own: nothing is sent before
//! a person has seen what and where.

mod asked;
mod endpoint;
mod played;
mod scripted;
mod stored;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use asked::{compared, design, swept, task, vote};
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use endpoint::{Act, Stub, by_place, by_text};
use paretoscope::app::StartOptions;
use paretoscope::command::{Annotation, AppCommand};
use paretoscope::registry;
use paretoscope::state::{AnnotatePage, JudgeForm, JudgePhase, Overlay, Weighed};
use paretoscope_core::annotate::Voters;
use paretoscope_core::stats::Draws;
use paretoscope_core::study::Study;
use played::{Window, script, with_bundle};

const WIDE: [f32; 2] = [1280.0, 900.0];

/// A window on a study, with a judge's thread.
fn window<'a>(size: [f32; 2], study: &Path) -> Window<'a> {
    let judge = paretoscope_judge::spawn(Arc::new(|| {})).expect("a thread");
    let options = StartOptions {
        bundle: None,
        study: Some(study.to_path_buf()),
        study_named: true,
        judge: Some(judge),
        ..with_bundle()
    };
    let mut window = Window::open(size, script(), options, |builder| builder);
    window.wait("the tasks", |w| w.state().annotate.list.is_some());
    window
}

impl Window<'_> {
    /// Opens the sheet for the task T and says where its judge is.
    fn ask(&mut self, stub: &Stub, change: impl FnOnce(&mut JudgeForm)) {
        self.queue(AppCommand::ShowJudge("T".into()));
        let mut form = JudgeForm {
            endpoint: stub.url.clone(),
            model: "stub".into(),
            ..self.state().prefs.judge.clone()
        };
        change(&mut form);
        self.queue(AppCommand::SetJudge(Box::new(form)));
        self.wait("what would be sent", |w| {
            let plan = w.state().judge_plan().expect("a plan");
            w.state().judge.seen(&plan).is_some()
        });
        // The sheet takes some frames to be as high as what it holds.
        self.steps(8);
    }

    fn ended(&mut self) -> JudgePhase {
        self.wait("an end", |w| {
            let run = w.state().judge.run.as_ref();
            run.is_some_and(|run| !run.phase.is_active())
        });
        self.wait("what judges said", |w| {
            let of = w.state().judge.said.as_ref();
            of.is_some_and(|of| of.said.is_some())
        });
        self.steps(8);
        let run = self.state().judge.run.as_ref();
        run.expect("a run").phase.clone()
    }

    fn why_not(&self) -> Option<String> {
        registry::why_not(&AppCommand::SendToJudge, self.state())
    }

    /// Presses the button that sends.
    fn send(&mut self) {
        let name = "Send ";
        {
            let mut found = self.harness.query_all_by_role(Role::Button);
            let button = found.find(|node| {
                let label = node.accesskit_node().label();
                label.is_some_and(|label| label.starts_with(name))
            });
            button.expect("a button that says so").click();
        }
        self.steps(2);
    }
}

fn votes(path: &Path, voters: &Voters) -> usize {
    let study = Study::peek(path).expect("readable").expect("a study");
    let task = study.task_named("task", "T").expect("a task");
    study.votes_by(&task, voters).expect("votes").len()
}

/// A study with a task T of six pairs, which somebody voted on: x is the better one, but for the last item.
fn voted(path: &Path) {
    let study = Study::open(path).expect("a study");
    let made = compared(&study, "T", &[["x", "y"]; 6], 1, |_name| None);
    vote(&study, &made, "A1", |at| {
        Some(if at == 5 { "y" } else { "x" })
    });
}

#[test]
fn nothing_is_sent_before_a_person_has_seen_what_and_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    voted(&path);
    let stub = Stub::new(by_text);
    let mut w = window(WIDE, &path);
    // From the results of a task, and back.
    w.queue(AppCommand::Show(Overlay::Annotate));
    let results = AnnotatePage::Results("T".into());
    w.queue(AppCommand::Annotate(Annotation::Page(results)));
    w.wait("its numbers", |w| {
        matches!(w.state().annotate.weighed, Weighed::Done(_))
    });
    w.steps(6);
    w.harness
        .get_by_label("Let a model vote\u{2026}")
        .scroll_to_me();
    w.steps(3);
    w.click("Let a model vote\u{2026}");
    assert_eq!(w.state().overlay.open, Overlay::Judge);
    w.steps(6);
    assert!(
        w.sees("Not yet: say where the judge is: its address."),
        "{:?}",
        w.tree()
    );
    assert!(w.why_not().is_some_and(|why| why.contains("its address")));
    w.click("Back");
    assert_eq!(w.state().overlay.open, Overlay::Annotate);

    // All that goes is shown, and where.
    w.ask(&stub, |form| form.price_in = 2.0);
    let url = format!("{}/chat/completions", stub.url);
    let seen = w.state().judge_plan().expect("a plan");
    let seen = w.state().judge.seen(&seen).cloned();
    let seen = seen.expect("looked up").expect("sendable");
    assert_eq!((seen.requests, seen.items), (12, 6));
    let first = seen.first_request.as_ref().expect("a request");
    let content = first["messages"][0]["content"].as_str().expect("a text");
    for words in [
        url.as_str(),
        "This machine: no text leaves it",
        "12 requests: 6 items by humor, each in both orders",
        "To the model stub, at temperature 0, for at most 64 new tokens a reply",
        "by your prices, if nothing is sent again",
        "Without a key.",
        "None of it was sent yet.",
        content,
        "max_tokens: 64, model: \"stub\", temperature: 0.0",
    ] {
        assert!(w.sees(words), "{words}: {:?}", w.tree());
    }
    assert!(content.contains("Criterion: humor") && content.contains("x 0 T"));
    assert_eq!(w.why_not(), None);

    // Neither a look, nor another form, nor the end of the window sends anything.
    w.queue(AppCommand::Show(Overlay::Judge));
    w.ask(&stub, |form| form.items = Some(2));
    assert!(w.sees("4 requests: 2 items"), "{:?}", w.tree());
    let other = JudgeForm {
        model: "other".into(),
        ..w.state().prefs.judge.clone()
    };
    w.queue(AppCommand::SetJudge(Box::new(other)));
    // The form says something else now than what was seen.
    let why = w.why_not();
    assert_eq!(
        why.as_deref(),
        Some("what would be sent is being looked up")
    );
    w.queue(AppCommand::SendToJudge);
    assert!(w.state().judge.run.is_none());
    w.steps(10);
    drop(w);
    assert_eq!(stub.count(), 0, "nothing was sent");
    assert_eq!(votes(&path, &Voters::Judges), 0);
}

#[test]
fn a_judge_is_asked_cancelled_goes_on_and_is_held_against_people() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    voted(&path);
    let stub = Stub::new(by_text);
    let mut w = window(WIDE, &path);
    w.ask(&stub, |form| {
        (form.price_in, form.budget) = (2.0, Some(9.5))
    });
    // Two verdicts, then it is asked too often.
    let says = ["A", "B", "A", "B"].map(Act::Say);
    let body = "{\"error\": {\"message\": \"slow down\"}}".to_owned();
    stub.script(
        says.into_iter()
            .chain([Act::Raw(429, "Retry-After: 250\r\n", body)]),
    );
    w.send();
    w.wait("it waits", |w| {
        let run = w.state().judge.run.as_ref();
        run.is_some_and(|run| run.waits.is_some())
    });
    w.steps(6);
    for words in [
        "stub judges T",
        "2 of 6 verdicts",
        "Waiting: asked too often (status 429: slow down)",
        "Cost so far: 0.0008 of 9.5; 400 tokens sent, 8 back in 4 replies",
        "1 request failed and went again",
    ] {
        assert!(w.sees(words), "{words}: {:?}", w.tree());
    }
    // Closing asks first.
    w.queue(AppCommand::Quit);
    w.steps(6);
    assert!(
        w.sees("The judge stops after 2 of 6 verdicts."),
        "{:?}",
        w.tree()
    );
    w.queue(AppCommand::Show(Overlay::Closing));
    w.queue(AppCommand::ShowJudge("T".into()));
    w.steps(6);
    w.click("Cancel");
    assert_eq!(w.ended(), JudgePhase::Cancelled);
    assert!(w.sees("Stopped: 2 of 6 verdicts"), "{:?}", w.tree());
    assert_eq!((votes(&path, &Voters::Judges), stub.count()), (2, 5));

    // What is left is another thing to be seen.
    w.wait("the rest", |w| w.sees("8 requests: 4 items"));
    assert_eq!(stub.count(), 5, "it does not go on by itself");
    w.steps(6);
    w.send();
    assert_eq!(w.ended(), JudgePhase::Done);
    assert_eq!((votes(&path, &Voters::Judges), stub.count()), (6, 13));
    assert_eq!(votes(&path, &Voters::People), 6, "people's stand apart");
    w.wait("nothing is left", |w| {
        w.sees("Nothing: this judge has judged all of it.")
    });
    let why = w.why_not();
    assert_eq!(why.as_deref(), Some("this judge has judged all of it"));

    // The core's numbers, which `study judge` and `study stats` print.
    let study = Study::peek(&path).expect("readable").expect("a study");
    let state = study.task_named("task", "T").expect("a task");
    let go = &mut |_| ControlFlow::Continue(());
    let said = study.judges_said(&state, Draws::default(), go);
    let said = said.expect("votes").expect("not stopped");
    let shown = w.state().judge.said.as_ref().and_then(|of| of.said.clone());
    assert_eq!(*shown.expect("here").expect("weighed"), said);
    for words in [
        "J1: stub",
        "6, 0 ties among them; 0 could not be read",
        "5 of 6 items that both decided",
        "6 of 6 items",
    ] {
        assert!(w.sees(words), "{words}: {:?}", w.tree());
    }
    // In the results of people it is not counted.
    let line = w.state().annotate.task("T").expect("the task");
    assert_eq!(line.counts.decisive, [("humor".to_owned(), 6)]);
}

#[test]
fn what_an_endpoint_does_wrong_is_said_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    voted(&path);
    let stub = Stub::new(by_place);
    let mut w = window(WIDE, &path);
    let refusal = "{\"error\": {\"message\": \"who are you?\"}}".to_owned();
    w.ask(&stub, |_form| {});
    for (act, words) in [
        (
            Act::Raw(401, "", refusal),
            "answered 401: who are you?; name the environment variable that holds its key",
        ),
        (
            Act::Raw(404, "", "<html>none</html>".to_owned()),
            "answered 404: <html>none</html>; check the address and the model's name",
        ),
        (
            Act::Raw(307, "Location: http://127.0.0.1:1/\r\n", String::new()),
            "it sends elsewhere, which is not followed; give that address",
        ),
        (
            Act::Raw(429, "Retry-After: 86400\r\n", String::new()),
            "it asks to wait for 86400 s",
        ),
    ] {
        stub.script([act]);
        w.send();
        let phase = w.ended();
        assert!(matches!(phase, JudgePhase::Failed(_)), "{phase:?}");
        assert!(w.sees(words), "{words}: {:?}", w.tree());
        assert!(w.sees("0 verdicts of this run are kept"));
        w.wait("another look", |w| w.why_not().is_none());
        w.steps(6);
    }
    // What comes back and is nonsense: asked once, it ends; the words say how far it came.
    w.ask(&stub, |form| form.tries = 1);
    for nonsense in ["{\"choices\": [", "{\"choices\": []}", "\u{0}\u{1}"] {
        stub.script([Act::Raw(200, "", nonsense.to_owned())]);
        w.send();
        assert!(matches!(w.ended(), JudgePhase::Failed(_)));
        assert!(w.sees("failed 1 times, last: the reply"), "{:?}", w.tree());
        w.wait("another look", |w| w.why_not().is_none());
        w.steps(6);
    }
    // Nobody listens there; no variable has the key; that is no variable.
    w.ask(&stub, |form| form.endpoint = "http://127.0.0.1:1/v1".into());
    w.send();
    assert!(matches!(w.ended(), JudgePhase::Failed(_)));
    assert!(w.sees("127.0.0.1:1/v1/chat/completions failed 1 times"));
    w.ask(&stub, |form| form.key_env = "NO_SUCH_KEY_IS_SET".into());
    assert!(w.sees("Error: nothing can be sent"));
    assert!(w.sees("NO_SUCH_KEY_IS_SET is not set"), "{:?}", w.tree());
    w.ask(&stub, |form| {
        (form.key_env, form.tries) = (String::new(), 6)
    });
    // A judge that goes by the place ties everything, and is found out.
    w.send();
    assert_eq!(w.ended(), JudgePhase::Done);
    for words in [
        "6 of 6 verdicts; 6 differ by the order, which makes a tie",
        "Flag: 1.000 (95 % 0.758 to 1.000), 12 of 12 decisive replies; the place says something",
    ] {
        assert!(w.sees(words), "{words}: {:?}", w.tree());
    }
}

#[test]
fn what_is_typed_is_taken_when_it_is_left_and_a_key_never_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    voted(&path);
    let stub = Stub::new(by_text);
    let mut w = window(WIDE, &path);
    w.queue(AppCommand::ShowJudge("T".into()));
    w.steps(8);
    let type_into = |w: &mut Window<'_>, name: &str, text: &str| {
        w.harness
            .get_by_role_and_label(Role::TextInput, name)
            .focus();
        w.steps(2);
        w.harness
            .get_by_role_and_label(Role::TextInput, name)
            .type_text(text);
        w.steps(2);
        w.harness.key_press(egui::Key::Enter);
        w.steps(4);
    };
    type_into(
        &mut w,
        "Address of the judge",
        "https://me:hunter2@example.org/v1",
    );
    assert!(
        w.sees("Not taken: holds a name or password"),
        "{:?}",
        w.tree()
    );
    assert_eq!(w.state().prefs.judge.endpoint, "");
    let key = "Environment variable that holds the key";
    type_into(&mut w, key, "sk-abc123");
    assert!(w.sees("Not taken: this is the name of an environment variable"));
    assert_eq!(w.state().prefs.judge.key_env, "");
    assert!(
        w.tree().iter().all(|words| !words.contains("sk-abc123")),
        "it is gone"
    );
    type_into(&mut w, key, "JUDGE_KEY");
    assert_eq!(w.state().prefs.judge.key_env, "JUDGE_KEY");
    type_into(&mut w, "Model of the judge", "stub");
    assert_eq!(w.state().prefs.judge.model, "stub");
    assert_eq!(stub.count(), 0);
}

#[test]
fn what_is_lacking_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    drop(Study::open(&path).expect("a study"));
    let mut w = window(WIDE, &path);
    w.queue(AppCommand::Show(Overlay::Judge));
    w.steps(6);
    assert!(w.sees("This study has no task of pairs yet"));
    w.click("Make a task\u{2026}");
    assert_eq!(w.state().overlay.open, Overlay::Annotate);
    // A window that was built without it.
    let mut w = stored::window(WIDE, &path, None);
    w.queue(AppCommand::Show(Overlay::Judge));
    w.steps(6);
    assert!(w.sees("Nothing here asks judges"));
    assert_eq!(
        w.why_not().as_deref(),
        Some("nothing in this program asks judges")
    );
}

#[test]
fn every_control_is_named_and_stays_inside() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = swept(&path, 10);
    task(&study, "T", design(20, &["helpful", "humor"]));
    drop(study);
    let stub = Stub::new(by_text);
    for size in [[480.0, 640.0], [760.0, 600.0], [1600.0, 1000.0]] {
        let mut w = window(size, &path);
        w.ask(&stub, |form| form.objectives = vec!["humor".into()]);
        for name in [
            "Task that is judged",
            "helpful",
            "humor",
            "Items at most",
            "Address of the judge",
            "Model of the judge",
            "Environment variable that holds the key",
            "Price of a million tokens that are sent",
            "Price of a million tokens that come back",
            "Budget of the judge",
            "What it is told, and how often",
        ] {
            let mut found = w.harness.query_all_by_label(name);
            let node = found.find(|node| node.accesskit_node().role() != Role::Label);
            let rect = node.unwrap_or_else(|| panic!("{name}")).rect();
            assert!(
                rect.left() >= 0.0 && rect.right() <= size[0],
                "{name} {rect:?} {size:?}"
            );
        }
        w.click("What it is told, and how often");
        w.steps(12);
        for name in [
            "What the judge is told",
            "Temperature of the judge",
            "New tokens of a reply at most",
            "How often one question is asked",
            "Seconds that a request may take",
            "Requests a minute at most",
        ] {
            let rect = w.harness.get_by_label(name).rect();
            assert!(
                rect.left() >= 0.0 && rect.right() <= size[0],
                "{name} {rect:?} {size:?}"
            );
        }
    }
    assert_eq!(stub.count(), 0);
}
