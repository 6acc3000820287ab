//! A judge behind a stub of an OpenAI-compatible endpoint on this machine: what is sent, what is kept, what fails how.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

#[path = "../../app/tests/endpoint/mod.rs"]
mod endpoint;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use endpoint::{Act, Stub, by_place, by_text};
use paretoscope_engine::annotate::Voters;
use paretoscope_engine::protocol::{
    JudgeCommand, JudgeEnd, JudgeHandle, JudgeNews, Trouble, TroubleKind,
};
use paretoscope_engine::stats::Draws;
use paretoscope_engine::study::{JudgeOf, Study};
use paretoscope_judge::{
    Endpoint, Error, JUDGE_INSTRUCTIONS, JudgeLimits, JudgePlan, JudgePreview, JudgeProgress,
    Listener, Prices, judge, preview, spawn,
};
use paretoscope_tests::Fixture;
use serde_json::{Value, json};

/// A study with a task of pairs against the base model.
fn table() -> Fixture {
    let fixture = Fixture::new();
    let lines: Vec<String> = (0..8)
        .map(|at| json!({"chat": format!("q{at}?"), "split": "test"}).to_string())
        .collect();
    fixture.write("out/prompts.jsonl", lines.join("\n"));
    fixture.write(
        "out/points.jsonl",
        "{\"weights\": [0, 0, 0]}\n{\"weights\": [1, 0, 0]}\n{\"weights\": [0, 1, 0]}\n",
    );
    done(
        &fixture,
        "sweep --bundle {} --prompts {}/out/prompts.jsonl --points {}/out/points.jsonl --max-tokens 8 --out {}/out/a.study",
    );
    done(
        &fixture,
        "study task {}/out/a.study --name T --from base --objective helpful --items 12 --gold 0.1",
    );
    fixture
}

fn done(fixture: &Fixture, line: &str) -> Vec<Value> {
    let outcome = fixture.run(line);
    assert_eq!(outcome.status, Some(0), "{line}: {}", outcome.stderr);
    outcome.lines()
}

fn plan(fixture: &Fixture, stub: &Stub) -> JudgePlan {
    let endpoint = Endpoint::new(&stub.url).expect("an address");
    JudgePlan {
        study: fixture.out("a.study"),
        task: "T".to_owned(),
        objectives: Vec::new(),
        most_items: None,
        key_env: None,
        of: JudgeOf {
            endpoint: endpoint.url().to_owned(),
            model: "stub".to_owned(),
            instructions: JUDGE_INSTRUCTIONS.to_owned(),
            temperature: 0.0,
            max_tokens: 8,
        },
        endpoint,
        limits: JudgeLimits {
            timeout: Duration::from_millis(700),
            tries: 3,
            backoff: Duration::from_millis(10),
            ..JudgeLimits::default()
        },
        prices: Prices {
            input: 1000.0,
            output: 5000.0,
        },
    }
}

/// Stops after so many verdicts, and remembers the waits.
#[derive(Default)]
struct Ear {
    most: Option<usize>,
    done: usize,
    waits: Vec<(String, Duration)>,
}

impl Listener for Ear {
    fn progress(&mut self, progress: &JudgeProgress) {
        self.done = progress.done;
    }

    fn waits(&mut self, why: &str, wait: Duration) {
        self.waits.push((why.to_owned(), wait));
    }

    fn cancelled(&self) -> bool {
        self.most.is_some_and(|most| self.done >= most)
    }
}

fn votes(fixture: &Fixture, voters: &Voters) -> usize {
    let study = Study::open(&fixture.out("a.study")).expect("a study");
    let task = study.task_named("task", "T").expect("a task");
    study.votes_by(&task, voters).expect("votes").len()
}

fn said(fixture: &Fixture) -> Value {
    let study = Study::open(&fixture.out("a.study")).expect("a study");
    let task = study.task_named("task", "T").expect("a task");
    let draws = Draws { draws: 50, seed: 0 };
    let said = study.judges_said(&task, draws, &mut |_| std::ops::ControlFlow::Continue(()));
    json!(said.expect("votes that can be counted"))
}

#[test]
fn a_judge_is_asked_in_both_orders_kept_apart_and_asked_only_for_the_rest() {
    let fixture = table();
    let stub = Stub::new(by_text);
    let plan = plan(&fixture, &stub);
    let shown = preview(&plan).expect("a preview");
    assert_eq!(
        (shown.items, shown.requests, stub.count()),
        (14, 28, 0),
        "nothing is sent"
    );
    assert!(shown.first_request.is_some() && shown.this_machine && !shown.key);

    let mut ear = Ear {
        most: Some(5),
        ..Ear::default()
    };
    let stopped = judge(&plan, &mut ear);
    assert!(matches!(stopped, Err(Error::Cancelled)));
    assert_eq!((votes(&fixture, &Voters::Judges), stub.count()), (5, 10));
    let progress = judge(&plan, &mut Ear::default()).expect("the rest");
    assert_eq!(
        (progress.done, progress.of, stub.count()),
        (9, 9, 28),
        "only what is left"
    );
    assert_eq!((progress.disagree, progress.unreadable), (0, 0));
    // 18 requests of 100 and 2 tokens.
    assert!((progress.spent.cost - 18.0 * (100.0 * 1000.0 + 2.0 * 5000.0) / 1e6).abs() < 1e-9);
    assert_eq!(preview(&plan).expect("a preview").requests, 0);
    let seen = stub.seen.lock().expect("a lock").clone();
    assert_eq!(seen[0].0["model"], "stub");
    assert!(
        seen.iter()
            .all(|(_, head)| !head.to_lowercase().contains("authorization"))
    );
    let order = |at: usize| {
        endpoint::shown(
            seen[at].0["messages"][0]["content"]
                .as_str()
                .expect("a text"),
        )
        .map(str::to_owned)
    };
    let (straight, [first, second]) = (order(0), order(1));
    assert_eq!(straight, [second, first], "the same two, turned around");

    // People stand apart, and beside.
    assert_eq!(votes(&fixture, &Voters::People), 0);
    let outcome = fixture
        .run("study export {}/out/a.study --what pairs --objective helpful --out {}/out/p.jsonl");
    assert_eq!(
        outcome.lines()[0]["rows"],
        0,
        "judges' votes train nobody unasked"
    );
    let asked = done(&fixture, "study ask {}/out/a.study --task T --annotator A1");
    let lines: Vec<String> = asked
        .iter()
        .map(|item| {
            let side = |at: usize| item["sides"][at].as_str().expect("a text");
            let choice = if side(0) < side(1) { "left" } else { "right" };
            json!({"place": item["place"], "objective": "helpful", "choice": choice}).to_string()
        })
        .collect();
    fixture.write("out/votes.jsonl", lines.join("\n"));
    done(
        &fixture,
        "study vote {}/out/a.study --task T --annotator A1 --votes {}/out/votes.jsonl",
    );
    let stats = done(&fixture, "study stats {}/out/a.study --task T --draws 50").remove(0);
    assert_eq!(stats["helpful"]["n"], 12, "people's votes alone");
    let judge = &stats["judges"][0];
    assert_eq!(
        (&judge["judge"], &judge["model"]),
        (&json!("J1"), &json!("stub"))
    );
    let said = &judge["objectives"]["helpful"];
    let agrees = &said["agrees_with_people"];
    assert_eq!(
        (&agrees["wins"], &agrees["n"], &said["n"]),
        (&json!(12), &json!(12), &json!(12))
    );
    assert_eq!(
        (&said["consistent"]["wins"], &said["kappa_with_people"]),
        (&json!(12), &json!(1.0))
    );
    let rates = [
        &said["against_base"]["all"],
        &stats["against_base"]["helpful"]["all"],
    ];
    assert_eq!(rates[0], rates[1], "they see it alike");
    let rate = rates[0]["rate"].as_f64().expect("a rate");
    assert!(
        rates[0]["low"].as_f64().expect("low") <= rate
            && rate <= rates[0]["high"].as_f64().expect("high")
    );
}

#[test]
fn a_judge_that_goes_by_the_place_ties_everything_and_is_found_out() {
    let fixture = table();
    let stub = Stub::new(by_place);
    let progress = judge(&plan(&fixture, &stub), &mut Ear::default()).expect("verdicts");
    assert_eq!((progress.done, progress.disagree), (14, 14));
    let said = said(&fixture);
    let helpful = &said[0]["objectives"]["helpful"];
    assert_eq!(
        (
            &helpful["n"],
            &helpful["ties"],
            &helpful["consistent"]["wins"]
        ),
        (&json!(12), &json!(12), &json!(0))
    );
    assert_eq!(
        (
            &helpful["first_shown"]["wins"],
            &helpful["first_shown"]["n"]
        ),
        (&json!(24), &json!(24))
    );
    assert_eq!(helpful["against_base"]["all"]["rate"], json!(0.5));
    assert_eq!(
        said[0]["checks"]["wins"],
        json!(0),
        "a tie sees nothing wrong"
    );
}

#[test]
fn what_fails_for_a_while_is_asked_again() {
    let fixture = table();
    let stub = Stub::new(by_text);
    stub.script([
        Act::Raw(
            429,
            "Retry-After: 1\r\n",
            json!({"error": {"message": "slow down"}}).to_string(),
        ),
        Act::Raw(500, "", "<html>oops</html>".to_owned()),
        Act::Say("A"),
        Act::Drop,
        Act::Raw(200, "", "{\"choices\": [".to_owned()),
        Act::Say("B"),
        Act::Hang,
        Act::Raw(200, "", "{\"choices\": []}".to_owned()),
    ]);
    let mut ear = Ear::default();
    let progress = judge(&plan(&fixture, &stub), &mut ear).expect("verdicts");
    assert_eq!(
        (
            progress.done,
            progress.retries,
            votes(&fixture, &Voters::Judges)
        ),
        (14, 6, 14)
    );
    assert_eq!(
        ear.waits[0],
        (
            "asked too often (status 429: slow down)".to_owned(),
            Duration::from_secs(1)
        )
    );
    assert!(
        ear.waits[1].0.starts_with("status 500: <html>oops"),
        "{:?}",
        ear.waits
    );
    assert_eq!(ear.waits[1].1, Duration::from_millis(20), "it doubles");
    assert!(
        ear.waits[3].0.contains("no JSON") && ear.waits[5].0.contains("choices[0]"),
        "{:?}",
        ear.waits
    );
    assert!(
        ear.waits[4].0.to_lowercase().contains("timeout"),
        "{:?}",
        ear.waits
    );
}

#[test]
fn what_does_not_pass_ends_the_run_and_keeps_what_there_is() {
    let fixture = table();
    let stub = Stub::new(by_text);
    let plan = plan(&fixture, &stub);
    stub.script([Act::Say("A"), Act::Say("B")]);
    stub.script((0..3).map(|_| Act::Raw(503, "", "busy".to_owned())));
    let error = judge(&plan, &mut Ear::default()).expect_err("it fails");
    let words = error.to_string();
    assert!(
        words.contains("failed 3 times") && words.contains("1 verdicts are kept"),
        "{words}"
    );
    stub.script([Act::Raw(
        401,
        "",
        json!({"error": {"message": "no key"}}).to_string(),
    )]);
    let words = judge(&plan, &mut Ear::default())
        .expect_err("it fails")
        .to_string();
    assert!(
        words.contains("answered 401: no key; name the environment variable"),
        "{words}"
    );
    stub.script([Act::Raw(
        307,
        "Location: http://127.0.0.1:1/\r\n",
        String::new(),
    )]);
    let words = judge(&plan, &mut Ear::default())
        .expect_err("it fails")
        .to_string();
    assert!(
        words.contains("answered 307") && words.contains("not followed"),
        "{words}"
    );
    stub.script([Act::Raw(429, "Retry-After: 86400\r\n", String::new())]);
    let words = judge(&plan, &mut Ear::default())
        .expect_err("it fails")
        .to_string();
    assert!(words.contains("asks to wait for 86400 s"), "{words}");
    assert_eq!(votes(&fixture, &Voters::Judges), 1);

    // A refusal is no verdict, and is not asked for again; the budget ends a run between two verdicts.
    stub.script([
        Act::Say("I'm sorry, but I cannot judge these two answers."),
        Act::Say("A"),
    ]);
    let mut tight = plan.clone();
    tight.limits.budget = Some(0.3);
    let error = judge(&tight, &mut Ear::default()).expect_err("it ends");
    assert!(matches!(error, Error::Spent { left: 11, .. }), "{error}");
    let progress = judge(&plan, &mut Ear::default()).expect("the rest");
    assert_eq!((progress.of, progress.unreadable), (11, 0));
    assert_eq!(
        said(&fixture)[0]["objectives"]["helpful"]["unreadable"],
        json!(1)
    );
}

#[test]
fn the_command_sends_nothing_before_it_is_told_to() {
    let fixture = table();
    let stub = Stub::new(by_text);
    let line = format!(
        "study judge {{}}/out/a.study --task T --endpoint {} --model stub",
        stub.url
    );
    let told = done(&fixture, &format!("{line} --dry-run"));
    assert_eq!(
        (&told[0]["requests"], &told[0]["endpoint"]),
        (&json!(28), &json!(format!("{}/chat/completions", stub.url)))
    );
    assert!(
        told[0]["first_request"]["messages"][0]["content"]
            .as_str()
            .expect("a text")
            .contains("<answer A>")
    );
    let outcome = fixture.run(&line);
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("nothing was sent: 28 requests"),
        "{}",
        outcome.stderr
    );
    assert_eq!(stub.count(), 0);
    let refused = |more: &str, want: &str| {
        let outcome = fixture.run(&format!("{line} {more}"));
        assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(want), "{}", outcome.stderr);
    };
    refused(
        "--key-env NO_SUCH_KEY_IS_SET --yes",
        "NO_SUCH_KEY_IS_SET is not set",
    );
    refused("--objective kind --yes", "`kind`");
    let told = done(
        &fixture,
        &format!("{line} --yes --items 3 --per-minute 6000"),
    );
    assert_eq!(
        (&told.last().expect("lines")["run"]["done"], stub.count()),
        (&json!(3), 6)
    );
    // Nobody listens there.
    let gone = line.replace(&stub.url, "http://127.0.0.1:1/v1");
    let outcome = fixture.run(&format!("{gone} --yes --tries 1"));
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("failed 1 times"),
        "{}",
        outcome.stderr
    );
}

/// The next piece of news that is no progress.
fn heard(handle: &JudgeHandle) -> JudgeNews {
    loop {
        let news = handle.news.recv_timeout(Duration::from_secs(30));
        match news.expect("news of the judge's thread") {
            JudgeNews::Progress(_) => {}
            news => return news,
        }
    }
}

#[test]
fn a_window_s_thread_sends_what_was_seen_and_nothing_else() {
    let fixture = table();
    let stub = Stub::new(by_text);
    let plan = Arc::new(plan(&fixture, &stub));
    let panics = Arc::new(AtomicBool::new(false));
    let armed = Arc::clone(&panics);
    let wake = move || assert!(!armed.swap(false, Ordering::SeqCst), "a defect, on purpose");
    let handle = spawn(Arc::new(wake)).expect("a thread");
    let send = |command| handle.commands.send(command).expect("the thread is there");
    let look = || {
        send(JudgeCommand::Look(Arc::clone(&plan)));
        match heard(&handle) {
            JudgeNews::Seen(of, Ok(seen)) if of == plan => seen,
            other => panic!("no preview: {other:?}"),
        }
    };
    let seen = look();
    assert_eq!((seen.requests, stub.count()), (28, 0), "nothing is sent");

    // What a person did not see is not sent, be it only a little more.
    let mut other = JudgePreview::clone(&seen);
    other.requests -= 2;
    send(JudgeCommand::Judge(Arc::clone(&plan), Arc::new(other)));
    assert_eq!(
        heard(&handle),
        JudgeNews::Seen(Arc::clone(&plan), Ok(Arc::clone(&seen)))
    );
    let ended = heard(&handle);
    let JudgeNews::Ended(progress, JudgeEnd::Failed(Trouble { message, .. })) = ended else {
        panic!("it went on: {ended:?}");
    };
    assert_eq!((progress.done, stub.count()), (0, 0));
    assert!(
        message.starts_with("nothing was sent") && message.contains("28 requests"),
        "{message}"
    );

    // A limit is said in words, and a wait is cut short.
    let limit = Act::Raw(429, "Retry-After: 200\r\n", String::new());
    stub.script([Act::Say("A"), Act::Say("B"), limit]);
    send(JudgeCommand::Judge(Arc::clone(&plan), Arc::clone(&seen)));
    let waits = heard(&handle);
    assert!(
        matches!(&waits, JudgeNews::Waits(why, 200.0) if why.starts_with("asked too often")),
        "{waits:?}"
    );
    send(JudgeCommand::Cancel);
    let ended = heard(&handle);
    let JudgeNews::Ended(progress, JudgeEnd::Cancelled) = ended else {
        panic!("it is not stopped: {ended:?}");
    };
    assert_eq!((progress.done, progress.retries), (1, 1));
    assert_eq!(progress.spent.replies, 2, "what was used is known");

    // A panic is news, and the thread goes on; so does the plan.
    let left = look();
    assert_eq!(left.requests, 26);
    panics.store(true, Ordering::SeqCst);
    send(JudgeCommand::Judge(Arc::clone(&plan), left));
    let ended = heard(&handle);
    let JudgeNews::Ended(_, JudgeEnd::Failed(trouble)) = ended else {
        panic!("no panic: {ended:?}");
    };
    assert_eq!(trouble.kind, TroubleKind::Program);
    send(JudgeCommand::Judge(Arc::clone(&plan), look()));
    let ended = heard(&handle);
    assert!(
        matches!(&ended, JudgeNews::Ended(progress, JudgeEnd::Done) if progress.done == progress.of)
    );
    assert_eq!(look().requests, 0);
    assert_eq!(votes(&fixture, &Voters::Judges), 14);
}

/// Against a server of somebody else's; `tests/peers/README.md` says how to start one.
#[test]
#[ignore = "needs an endpoint, named by PARETOSCOPE_JUDGE and PARETOSCOPE_JUDGE_MODEL"]
fn an_endpoint_of_somebody_else_s_is_understood() {
    let of = |name: &str| std::env::var(name).expect("the endpoint and its model are named");
    let fixture = table();
    let (endpoint, model) = (of("PARETOSCOPE_JUDGE"), of("PARETOSCOPE_JUDGE_MODEL"));
    let line = format!(
        "study judge {{}}/out/a.study --task T --endpoint {endpoint} --model {model} --yes --items 4"
    );
    let told = done(&fixture, &line);
    let run = &told.last().expect("lines")["run"];
    assert_eq!(run["done"], 4, "{run}");
    assert!(run["spent"]["output_tokens"].as_u64() > Some(0), "{run}");
}
