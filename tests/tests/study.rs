//! The study on the command line: what is found again, what is made anew, what several machines make together.
//!
//! What a study is accepted by, and which test holds it:
//!
//! | | what | test |
//! |---|---|---|
//! | 1 | a killed window comes back with answer, scores, pin and zoom | app `keep`: `a_killed_window_comes_back_...` |
//! | 2 | what an answer depends on makes it anew, a title does not | `whatever_an_answer_depends_on_...`, `a_new_title_...` |
//! | 3 | another reward model scores what stands | `another_reward_model_scores_...` |
//! | 4 | rows of a running sweep are seen as they come | `watched`; app `drawn`: `points_that_another_program_makes_...` |
//! | 5 | two programs make each row once | `together`: `two_programs_share_...`, `two_windows_and_a_command_line_...` |
//! | 6 | shards merged in any order, also twice, are one | core `merge_tests`: `order_grouping_and_repetition_...`; `shards_make_together_...` |
//! | 7 | an altered text diverges, once | core `merge_tests`: `a_text_that_was_altered_...` |
//! | 8 | plots, texts and routing without models | app `drawn`: `without_models_...` |
//! | 9 | files of later versions | core `tests`: `a_later_version_is_read_...` |
//! | 10 | damaged pages | core `recover_tests`: `four_kilobytes_in_the_middle_...`, `any_page_may_be_lost` |
//! | 11 | read-only folder, network disk | core `faults`: `a_folder_that_cannot_be_written_...`; core `info`: `on_a_network_s_disk_...`; app `study`: `what_cannot_be_written_...` |
//! | 12 | 100,000 rows | app `large`, which prints what it took; `bench study` |
//! | 19 | the report without network and without scripts | figure `report`: `without_its_script_...`, `the_page_may_load_nothing_...`, `texts_that_mean_harm_...` |
//! | 20 | undo across a restart, and not over another's edit | core `undo_tests`; app `keep`: `notes_are_undone_redone_...` |
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up should stop at once, and says where"
)]

use paretoscope_tests::{Fixture, Outcome, assert_alike};
use serde_json::{Value, json};

fn sweep(fixture: &Fixture, study: &str) -> Outcome {
    sweep_as(fixture, study, "")
}

fn sweep_as(fixture: &Fixture, study: &str, options: &str) -> Outcome {
    let line = format!(
        "sweep --bundle {{}} --prompts {{}}/prompts.jsonl --grid simplex:0.5 --max-tokens 8 --out {{}}/{study} {options}"
    );
    fixture.done(&line)
}

fn info(fixture: &Fixture, study: &str) -> Value {
    let outcome = fixture.done(&format!("study info {{}}/{study}"));
    outcome.lines().remove(0)
}

fn count(info: &Value, what: &str) -> u64 {
    info[what].as_u64().expect("a count")
}

/// A name, a file of the bundle, and what is changed there.
type Change = (&'static str, &'static str, fn(&mut Value));

/// After a change the same sweep into the same study says what a fresh study says.
#[test]
fn whatever_an_answer_depends_on_makes_it_anew() {
    let changes: [Change; 9] = [
        ("rope", "base/config.json", |c| {
            c["rope_theta"] = json!(500.0)
        }),
        ("norm", "base/config.json", |c| {
            c["rms_norm_eps"] = json!(0.5)
        }),
        ("ends", "base/generation_config.json", |c| {
            c["eos_token_id"] = json!([2, 5, 7, 9, 11, 13])
        }),
        ("place", "bundle.json", |c| {
            let experts = c["experts"].as_array_mut().expect("experts");
            let router = experts
                .iter_mut()
                .find(|e| e["kind"] == "router")
                .expect("a router");
            router["preference"] = json!([0.5, 0.25, 0.25]);
        }),
        ("router", "router", |c| c["activation"] = json!("none")),
        ("outputs", "router", |c| {
            c["outputs"].as_array_mut().expect("outputs").reverse()
        }),
        ("reward", "bundle.json", |c| {
            c["objectives"][1]["reward"]["sign"] = json!(1)
        }),
        ("reward's norm", "rewards/helpful/config.json", |c| {
            c["layer_norm_epsilon"] = json!(0.5)
        }),
        ("template", "base/tokenizer_config.json", |c| {
            c["chat_template"] = json!("{% for m in messages %}Q: {{ m.content }}{% endfor %} A:")
        }),
    ];
    let mut mattered = Vec::new();
    for (name, file, change) in changes {
        let fixture = Fixture::new();
        let options = if name == "template" { "--chat" } else { "" };
        let sweep = |study| sweep_as(&fixture, study, options);
        let before = sweep("x.study");
        let file = match file {
            "router" => {
                let bundle: Value =
                    serde_json::from_slice(&fixture.read("bundle.json")).expect("JSON");
                let experts = bundle["experts"].as_array().expect("experts");
                let router = experts
                    .iter()
                    .find(|e| e["kind"] == "router")
                    .expect("a router");
                format!(
                    "{}/router_config.json",
                    router["path"].as_str().expect("a path")
                )
            }
            file => file.to_owned(),
        };
        if !fixture.join(&file).exists() {
            fixture.write(&file, "{}");
        }
        fixture.edit_json(&file, change);
        let again = sweep("x.study");
        let fresh = sweep("fresh.study");
        let both = (again.lines(), fresh.lines());
        assert_eq!(both.0.len(), both.1.len(), "{name}");
        for (again, fresh) in both.0.iter().zip(&both.1) {
            println!("{name}: {again}");
            assert_alike(again, fresh);
        }
        if before.stdout != fresh.stdout {
            mattered.push(name);
        }
    }
    assert!(
        mattered.len() >= 5 && mattered.contains(&"template"),
        "these changes alone matter to these answers: {mattered:?}"
    );
}

#[test]
fn a_new_title_makes_nothing_anew() {
    let fixture = Fixture::new();
    let before = sweep(&fixture, "x.study");
    let answers = count(&info(&fixture, "x.study"), "generations");
    fixture.edit_json("bundle.json", |c| c["name"] = json!("another title"));
    let again = sweep(&fixture, "x.study");
    assert_eq!(before.stdout, again.stdout);
    let now = info(&fixture, "x.study");
    assert_eq!(count(&now, "generations"), answers);
    assert_eq!(now["bundles"].as_array().expect("bundles").len(), 2);
}

#[test]
fn another_reward_model_scores_what_stands_and_generates_nothing() {
    let fixture = Fixture::new();
    let before = sweep(&fixture, "x.study");
    let first = info(&fixture, "x.study");
    fixture.edit_json("bundle.json", |c| {
        c["objectives"][0]["reward"]["sign"] = json!(-1)
    });
    let again = sweep(&fixture, "x.study");
    assert_ne!(before.stdout, again.stdout, "other scores");
    assert!(
        again
            .stderr
            .contains("0 of 18 rows made here, 18 found in the study"),
        "{}",
        again.stderr
    );
    let now = info(&fixture, "x.study");
    assert_eq!(count(&now, "generations"), count(&first, "generations"));
    let scored = count(&first, "scores");
    let objectives = before.lines()[0]["scores"]
        .as_object()
        .expect("scores")
        .len() as u64;
    assert_eq!(
        count(&now, "scores"),
        scored + scored / objectives,
        "one objective more"
    );
    assert_eq!(now["sweeps"].as_array().expect("sweeps").len(), 1);
    let scorers: i64 = rusqlite::Connection::open(fixture.join("x.study"))
        .expect("a study")
        .query_row(
            "SELECT count(*) FROM scorer WHERE objective = 'helpful'",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert_eq!(scorers, 2);
}

#[test]
fn shards_make_together_what_one_makes_alone() {
    let fixture = Fixture::new();
    let whole = sweep(&fixture, "whole.study");
    for shard in ["1/2", "2/2"] {
        let line = format!(
            "sweep --bundle {{}} --prompts {{}}/prompts.jsonl --grid simplex:0.5 --max-tokens 8 --shard {shard} --out {{}}/{}.study",
            &shard[..1]
        );
        fixture.done(&line);
    }
    let merged = fixture
        .done("study merge {}/all.study {}/1.study {}/2.study")
        .lines()
        .remove(0);
    assert_eq!(count(&merged, "diverged"), 0);
    let again = fixture
        .done("study merge {}/all.study {}/2.study")
        .lines()
        .remove(0);
    assert_eq!(count(&again, "new"), 0);
    let [all, alone] = ["all.study", "whole.study"].map(|study| info(&fixture, study));
    for what in ["generations", "scores"] {
        assert_eq!(count(&all, what), count(&alone, what), "{what}");
    }
    assert_eq!(all["sweeps"].as_array().expect("sweeps").len(), 1);
    let made = sweep(&fixture, "all.study");
    assert_eq!(made.lines().len(), whole.lines().len());
    assert_eq!(
        count(&info(&fixture, "all.study"), "generations"),
        count(&alone, "generations")
    );
    let refused = fixture.run("sweep --bundle {} --prompts {}/prompts.jsonl --grid simplex:1 --shard 0/2 --out {}/x.study",
    );
    assert_eq!(refused.status, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--shard"), "{}", refused.stderr);
}

#[test]
fn stored_answers_come_out_the_same_when_made_anew() {
    let fixture = Fixture::new();
    sweep(&fixture, "x.study");
    let line = fixture
        .done("study verify {}/x.study --bundle {} --sample 6")
        .lines()
        .remove(0);
    assert_eq!(
        (count(&line, "checked"), count(&line, "equal")),
        (6, 6),
        "{line}"
    );
    assert_eq!(line["diverged"], json!([]));
    let study = rusqlite::Connection::open(fixture.join("x.study")).expect("a study");
    study
        .execute("UPDATE generation SET text = text || 'x'", [])
        .expect("a writable study");
    drop(study);
    let line = fixture
        .done("study verify {}/x.study --bundle {} --sample 6")
        .lines()
        .remove(0);
    assert_eq!(
        line["diverged"].as_array().expect("a list").len(),
        6,
        "{line}"
    );
}

#[test]
fn sweeps_are_compared_drawn_exported_and_reported_without_a_model() {
    let fixture = Fixture::new();
    sweep(&fixture, "x.study");
    fixture.done("sweep --bundle {} --prompts {}/prompts.jsonl --grid box:1:0.5 --max-tokens 8 --out {}/x.study",
    );
    fixture.remove("base/model.safetensors");
    let line = fixture
        .done("study compare {}/x.study --a hoe --b mva --draws 200")
        .lines()
        .remove(0);
    let found = &line["hypervolume"];
    let number = |value: &Value| value.as_f64().expect("a number");
    let difference = number(&found["a"]) - number(&found["b"]);
    assert!(
        (number(&found["difference"]) - difference).abs() < 1e-9,
        "{line}"
    );
    assert!(number(&found["low"]) <= number(&found["high"]), "{line}");
    assert_eq!(line["draws"], json!(200));
    assert!(
        line["words"]
            .as_str()
            .expect("words")
            .contains("paired draws"),
        "{line}"
    );
    for ending in ["svg", "pdf", "png"] {
        fixture.done(&format!(
            "study figure {{}}/x.study --out {{}}/front.{ending} --width-mm 84"
        ));
        assert!(fixture.read(&format!("front.{ending}")).len() > 1000);
    }
    let csv = String::from_utf8(fixture.read("front.csv")).expect("text");
    assert!(csv.lines().count() > 6, "{csv}");
    for ending in ["csv", "jsonl", "parquet", "tex"] {
        for what in ["points", "generations"] {
            let line =
                format!("study export {{}}/x.study --what {what} --out {{}}/{what}.{ending}");
            assert!(count(&fixture.done(&line).lines()[0], "rows") > 0);
        }
    }
    fixture.done("study report {}/x.study --out {}/report.html");
    let html = String::from_utf8(fixture.read("report.html")).expect("text");
    assert!(
        html.contains("default-src") && html.contains("<svg"),
        "a page of its own"
    );
    let outcome = fixture.run("study compare {}/x.study --a nothing --b mva");
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome.stderr.contains("no sweep is called `nothing`"),
        "{}",
        outcome.stderr
    );
}

/// Prompts of two splits, one of them listed twice; the sweep's own means, the study's and a comparison's weigh it so.
#[test]
fn equal_prompts_weigh_in_a_study_as_in_the_sweep() {
    let fixture = Fixture::new();
    let line = |words: &str, split: &str| json!({"prompt": words, "split": split}).to_string();
    let lines = [
        line("a word", "test"),
        line("another", "test"),
        line("a word", "test"),
        line("the third", "test"),
        line("one", "validation"),
        line("two", "validation"),
    ];
    fixture.write("two.jsonl", lines.join("\n"));
    let sweep = "sweep --bundle {} --prompts {}/two.jsonl --max-tokens 6 --out {}/x.study";
    let told = fixture
        .done(&format!("{sweep} --grid simplex:0.5 --base"))
        .lines();
    fixture.done("study export {}/x.study --what points --out {}/points.jsonl");
    let text = String::from_utf8(fixture.read("points.jsonl")).expect("text");
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON Lines"))
        .collect();
    assert_eq!(rows.len(), told.len());
    for (row, told) in rows.iter().zip(&told) {
        let own = &told["scores"]["helpful"];
        assert_eq!(own["n"], json!(6), "{told}");
        for (column, what) in [
            ("helpful", "mean"),
            ("helpful_se", "se"),
            ("helpful_n", "n"),
        ] {
            assert_eq!(row[column], own[what], "{row} {told}");
        }
    }
    fixture.done(&format!("{sweep} --grid box:1:1"));
    fixture.done(&format!("{sweep} --grid simplex:0.25"));
    let compared = |options: &str| -> Value {
        let line = format!("study compare {{}}/x.study --a 1 --draws 100 {options}");
        fixture.done(&line).lines().remove(0)
    };
    let plain = compared("--b mva --split test");
    assert_eq!(
        (&plain["prompts"], &plain["units"]),
        (&json!(4), &json!("raw"))
    );
    assert_eq!(plain["chosen"], Value::Null);
    let words = |line: &Value| line["words"].as_str().expect("words").to_owned();
    let z = compared("--b mva --split test --z");
    assert_eq!(
        (&z["units"], &z["base"]["answers"]),
        (&json!("sd"), &json!(4))
    );
    assert!(words(&z).contains("in SD of the base model's"), "{z}");
    assert_ne!(z["frame"], plain["frame"], "another frame");
    let held = compared("--b mva --split test --chosen-on validation");
    assert_eq!(held["chosen"]["optimistic"], json!(false));
    assert_eq!(
        held["chosen"]["arms"][0]["of"],
        json!(7),
        "six and the base"
    );
    assert!(
        words(&held).ends_with("points chosen on validation"),
        "{held}"
    );
    let same = compared("--b mva --split test --choose test");
    assert_eq!(same["chosen"]["optimistic"], json!(true));
    assert!(
        words(&same).ends_with("optimistic: chosen and measured on test"),
        "{same}"
    );
    let three = compared("--b mva --b 3 --split test");
    let pairs = three["comparisons"].as_array().expect("a list");
    assert_eq!(pairs.len(), 3);
    for pair in pairs {
        assert!(pair["p_holm"].as_f64() >= pair["p"].as_f64(), "{pair}");
        assert!(words(pair).contains("by Holm"), "{pair}");
    }
    fixture.refused(
        "study compare {}/x.study --a 3 --b 3 --split test --z",
        &["the base model's answers", "--base"],
    );
    fixture.refused(
        "study compare {}/x.study --a 1 --b mva --split test --chosen-on train",
        &["no prompt of 1 belongs to train"],
    );
}
