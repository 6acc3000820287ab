//! Every method on the demonstration bundle: where it must be another one, it is that one.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::Path;
use std::sync::LazyLock;

use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::generate::{generate, generate_all, retrace};
use paretoscope_engine::method::{Method, MethodKind, plan};
use paretoscope_engine::reward::RewardInput;
use paretoscope_engine::types::{
    Mutes, Point, Preference, Prompt, RowRequest, Run, Sampling, TraceLevel, Weights,
};
use paretoscope_engine::{Error, Result};
use paretoscope_tests::{Fixture, OBJECTIVES};
use serde_json::{Value, json};

static DEMO: LazyLock<Bundle> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
    let options = LoadOptions {
        rewards: true,
        probe: false,
        ..LoadOptions::default()
    };
    Bundle::load(&folder, &options, &mut |_, _| Ok(())).expect("the demonstration bundle")
});

const QUESTION: &str = "How do I get red wine out of a carpet?";

fn preference(shares: [f64; 3]) -> Point {
    Point::Preference(Preference::new(shares.to_vec()).expect("a preference"))
}

fn row(method: &str, point: Point) -> RowRequest {
    RowRequest {
        prompt: Prompt::Chat(QUESTION.to_owned()),
        point,
        mutes: Mutes::default(),
        sampling: Sampling {
            max_tokens: 40,
            method: (!method.is_empty()).then(|| method.parse().expect("a method")),
            ..Sampling::default()
        },
        trace: TraceLevel::None,
        time: None,
    }
}

fn answer(method: &str, point: Point) -> Result<Run> {
    generate(&DEMO, row(method, point))
}

fn text(method: &str, point: Point) -> String {
    answer(method, point).expect("an answer").text
}

fn base() -> String {
    text("", Point::Weights(Weights::zero(3)))
}

#[test]
fn one_hot_methods_are_that_expert() {
    for axis in 0..3 {
        let mut shares = [0.0; 3];
        shares[axis] = 1.0;
        let expert = text("", preference(shares));
        for method in [
            "rs",
            "rs:average=factor",
            "mod",
            "nearest",
            "pcb",
            "fourier",
        ] {
            let said = text(method, preference(shares));
            assert_eq!(said, expert, "{method} at objective {axis}");
        }
    }
}

#[test]
fn nothing_added_is_the_base() {
    let base = base();
    let inside = || preference([0.2, 0.3, 0.5]);
    for method in ["base", "args:c=0", "args:k=1", "pad:c=0", "mod:c=0"] {
        assert_eq!(text(method, inside()), base, "{method}");
    }
    assert_eq!(text("mod", Point::Weights(Weights::zero(3))), base);
    assert_ne!(text("rs", inside()), base);
}

#[test]
fn the_logit_box_at_one_value_vector_is_that_vector() {
    let one = || Point::Weights(Weights::new(vec![0.0, 1.0, 0.0]).expect("weights"));
    assert_eq!(text("mod", one()), text("", one()));
}

#[test]
fn merges_and_mixtures_differ_inside() {
    let inside = || preference([0.4, 0.3, 0.3]);
    let linear = text("rs", inside());
    let others = [
        "mod",
        "rs:average=factor",
        "ties",
        "dare:density=0.5",
        "pcb",
        "fourier",
        "soup",
    ];
    let said = others.map(|method| text(method, inside()));
    assert!(said.iter().any(|said| *said != linear), "{said:?}");
    assert!(said.iter().all(|said| !said.is_empty()), "{said:?}");
    // What is made for a point is made once, and is the same afterwards.
    for (method, said) in others.iter().zip(&said) {
        assert_eq!(text(method, inside()), *said, "{method}");
    }
}

#[test]
fn a_row_alone_is_the_row_in_company() {
    let sampled = |method: &str, seed| {
        let mut row = row(method, preference([0.3, 0.3, 0.4]));
        row.sampling.temperature = 1.0;
        row.sampling.seed = seed;
        row
    };
    let methods = [
        "mod",
        "",
        "pcb",
        "pad",
        "rs:average=factor",
        "base",
        "prompting",
    ];
    let rows: Vec<RowRequest> = methods
        .iter()
        .enumerate()
        .map(|(index, method)| sampled(method, index as u64))
        .collect();
    let together = generate_all(&DEMO, rows.clone(), rows.len()).expect("answers");
    for ((method, row), together) in methods.iter().zip(rows).zip(together) {
        let alone = generate(&DEMO, row).expect("an answer");
        assert_eq!(alone.tokens, together.tokens, "{method}");
        assert_eq!(alone.key, together.key, "{method}");
    }
}

#[test]
fn answers_of_different_methods_have_different_names() {
    let inside = || preference([0.4, 0.3, 0.3]);
    let methods = [
        "",
        "base",
        "rs:average=factor",
        "mod",
        "mod:c=2",
        "pcb",
        "pcb:density=0.2",
        "pad",
        "args:k=2",
        "prompting",
    ];
    let keys = methods.map(|method| {
        let mut row = row(method, inside());
        row.sampling.max_tokens = 2;
        generate(&DEMO, row).expect("an answer").key.expect("a key")
    });
    for (at, key) in keys.iter().enumerate() {
        assert!(
            !keys[..at].contains(key),
            "{} has the name of another",
            methods[at]
        );
    }
    // Rewarded soups at a corner receive what HoE's row receives, and are that answer.
    let corner = || preference([1.0, 0.0, 0.0]);
    let key = |method| answer(method, corner()).expect("an answer").key;
    assert_eq!(key("rs"), key(""));
}

#[test]
fn a_told_preference_is_in_what_the_model_is_given_and_not_in_the_question() {
    let run = answer("prompting", preference([0.25, 0.0, 0.75])).expect("an answer");
    let given = &run.given.as_ref().expect("what was given").text;
    assert!(given.contains("humor (75 %), helpful (25 %)"), "{given}");
    assert_eq!(run.prompt, Prompt::Chat(QUESTION.to_owned()));
    let ids = Prompt::Tokens(vec![1, 2, 3]);
    let refused = generate(
        &DEMO,
        RowRequest {
            prompt: ids,
            ..row("prompting", preference([1.0, 0.0, 0.0]))
        },
    );
    let words = refused.expect_err("ids cannot be told").to_string();
    assert!(words.contains("token ids"), "{words}");
}

#[test]
fn what_is_not_trained_is_refused_with_the_command_that_trains_it() {
    for (method, command) in [
        ("genarm", "train arm"),
        ("modpo", "train modpo"),
        ("parm", "train parm"),
    ] {
        let words = answer(method, preference([0.2, 0.3, 0.5]))
            .expect_err(method)
            .to_string();
        assert!(
            words.contains(command) && words.contains("methods"),
            "{words}"
        );
    }
    let refused = answer("pcb", Point::Weights(Weights::zero(3)));
    assert!(matches!(&refused, Err(e) if e.is_input()), "{refused:?}");
    assert!(matches!(refused, Err(Error::Option { .. })));
}

/// The tiny bundle with parts for every method that needs some, made of its own experts.
fn with_parts() -> (Fixture, Bundle) {
    let fixture = Fixture::new();
    let copy = |from: &str, to: &str| {
        std::fs::create_dir_all(fixture.join(to)).expect("a folder");
        for entry in std::fs::read_dir(fixture.join(from)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_owned();
            std::fs::copy(&path, fixture.join(to).join(name)).expect("a copy");
        }
    };
    for (objective, share) in OBJECTIVES.iter().zip(1..) {
        copy(
            &format!("experts/{objective}"),
            &format!("parm/{objective}"),
        );
        copy(
            &format!("experts/{objective}"),
            &format!("moe/expert-{share}"),
        );
    }
    copy("experts/humor", "parm/shared");
    copy("routers/centre", "moe/router");
    copy("experts/helpful", "aligner");
    fixture.edit_json("moe/router/router_config.json", |config| {
        config["outputs"] = json!(["expert-1", "expert-2", "expert-3"]);
    });
    let part = |name: &str| json!({"name": name, "path": name});
    fixture.write(
        "parm/parm.json",
        json!({"format": 1, "shared": "shared",
        "objectives": OBJECTIVES.map(part)})
        .to_string(),
    );
    let experts = [1, 2, 3].map(|n| part(&format!("expert-{n}")));
    fixture.write(
        "moe/loramoe.json",
        json!({"format": 1, "experts": experts, "router": "router"}).to_string(),
    );
    fixture.write(
        "aligner/correction.json",
        json!({"format": 1, "chat": false, "aspects": [],
        "template": "Better: {question} | {answer}"})
        .to_string(),
    );
    copy("experts/humor", "ric");
    let tag =
        |name: &str| json!({"name": name, "mean": 0.0, "deviation": 1.0, "low": -1.0, "high": 3.0});
    fixture.write(
        "ric/ric.json",
        json!({"format": 1, "rule": "l2", "objectives": OBJECTIVES.map(tag)}).to_string(),
    );
    let arms = OBJECTIVES.map(|o| json!({"name": o, "path": format!("experts/{o}")}));
    fixture.edit_json("bundle.json", |bundle| {
        bundle["methods"] = json!({
            "genarm": arms,
            "parm": [{"name": "parm", "path": "parm"}],
            "loramoe": [{"name": "moe", "path": "moe"}],
            "aligner": [{"name": "aligner", "path": "aligner"}],
            "ric": [{"name": "ric", "path": "ric"}],
            "modpo": [{"name": "half", "path": "experts/harmless", "preference": [0.5, 0.5, 0.0]}],
            "dpo-seqt": [{"name": "forward", "path": "experts/humor"}],
        });
    });
    let options = LoadOptions {
        probe: false,
        ..LoadOptions::default()
    };
    let bundle = Bundle::load(fixture.path(), &options, &mut |_, _| Ok(())).expect("a bundle");
    (fixture, bundle)
}

fn said(bundle: &Bundle, method: &str, prompt: &str, point: Point) -> Vec<u32> {
    let mut row = row(method, point);
    row.prompt = Prompt::Text(prompt.to_owned());
    row.sampling.max_tokens = 12;
    let run = generate(bundle, row).expect(method);
    run.tokens.iter().map(|token| token.id).collect()
}

#[test]
fn trained_parts_answer_as_what_they_are() {
    let (_fixture, bundle) = with_parts();
    assert!(bundle.info.methods.iter().any(|name| name == "genarm"));
    let inside = || preference([0.2, 0.3, 0.5]);
    let base = said(&bundle, "base", "The cat", inside());
    for method in ["genarm:c=0", "parm:c=0"] {
        assert_eq!(said(&bundle, method, "The cat", inside()), base, "{method}");
    }
    // An adapter beside the bank in full is the expert in the bank.
    let harmless = said(&bundle, "", "The cat", preference([0.0, 1.0, 0.0]));
    assert_eq!(
        said(&bundle, "modpo", "The cat", preference([0.5, 0.5, 0.0])),
        harmless
    );
    let humor = said(&bundle, "", "The cat", preference([0.0, 0.0, 1.0]));
    assert_eq!(said(&bundle, "dpo-seqt", "The cat", inside()), humor);
    // Wanted scores stand in the prompt of the adapter that reads them.
    let mut tagged = row("ric", preference([0.0, 0.6, 0.8]));
    tagged.prompt = Prompt::Text("The cat".to_owned());
    tagged.sampling.max_tokens = 12;
    let run = generate(&bundle, tagged).expect("an answer");
    let given = &run.given.as_ref().expect("what was given").text;
    assert!(
        given.ends_with("The cat <rm1_score> -1.0 <rm2_score> 1.4 <rm3_score> 2.2"),
        "{given}"
    );
    // Its model answers at its own preference and nowhere else.
    let words = generate(&bundle, row("modpo", inside()))
        .expect_err("no model")
        .to_string();
    assert!(
        words.contains("[0.5, 0.5, 0.0]") && words.contains("train modpo"),
        "{words}"
    );
    // The router of the bundle over the same experts, at a share of 1, is this mixture.
    let place = bundle.info.experts.iter().find(|e| e.name == "centre");
    let place = place.expect("the router").preference.clone();
    let routed = said(&bundle, "", "The cat", Point::Preference(place));
    assert_eq!(said(&bundle, "loramoe", "The cat", inside()), routed);
}

#[test]
fn a_second_model_is_told_the_question_and_the_first_answer() {
    let (_fixture, bundle) = with_parts();
    let mut asked = row("base", preference([0.2, 0.3, 0.5]));
    asked.prompt = Prompt::Text("The cat".to_owned());
    asked.sampling.max_tokens = 12;
    let draft = generate(&bundle, asked).expect("a draft").text;
    let told = format!("Better: The cat | {draft}");
    // The corrector is the helpful expert.
    let corrected = said(&bundle, "", &told, preference([1.0, 0.0, 0.0]));
    assert_eq!(
        said(&bundle, "aligner", "The cat", preference([0.2, 0.3, 0.5])),
        corrected
    );
    // In company, too, and under a name that a sweep finds again.
    let rows: Vec<RowRequest> = ["aligner", "base", "aligner", "genarm"]
        .into_iter()
        .map(|method| {
            let mut row = row(method, preference([0.2, 0.3, 0.5]));
            row.prompt = Prompt::Text("The cat".to_owned());
            row.sampling.max_tokens = 12;
            row
        })
        .collect();
    let together = generate_all(&bundle, rows, 4).expect("answers");
    let ids = |at: usize| {
        together[at]
            .tokens
            .iter()
            .map(|token| token.id)
            .collect::<Vec<u32>>()
    };
    assert_eq!(ids(0), corrected);
    assert_eq!(ids(0), ids(2));
    assert_eq!(together[0].key, together[2].key);
    assert_ne!(together[0].key, together[1].key);
}

#[test]
fn vectors_from_pairs_steer_and_none_of_them_is_the_base() {
    let (fixture, _) = with_parts();
    let pairs: Vec<String> = (0..6)
        .map(|i| json!({"prompt": format!("The cat {i}"), "chosen": " sat down.", "rejected": " ran off!"}).to_string())
        .collect();
    fixture.write("out/pairs.jsonl", pairs.join("\n"));
    let data = OBJECTIVES
        .map(|o| format!("--data {o}={{}}/out/pairs.jsonl"))
        .join(" ");
    let line =
        format!("bundle steering --bundle {{}} {data} --share 2 --out {{}}/out/v.safetensors");
    let lines = fixture.done(&line).lines();
    assert_eq!(lines.len(), 3);
    assert!(
        lines
            .iter()
            .all(|line| line["pairs"] == 6 && line["apart"].as_f64() > Some(0.0))
    );
    fixture.done("bundle add --bundle {} --method steering --part {}/out/v.safetensors --name v --out {}/out/more");
    let bundle = Bundle::load(
        &fixture.out("more"),
        &LoadOptions::default(),
        &mut |_, _| Ok(()),
    )
    .expect("a bundle");
    let inside = || preference([0.2, 0.3, 0.5]);
    let base = said(&bundle, "base", "The cat", inside());
    assert_eq!(said(&bundle, "steering:c=0", "The cat", inside()), base);
    let there: Vec<Vec<u32>> = ["1", "4", "16"]
        .map(|c| said(&bundle, &format!("steering:c={c}"), "The cat", inside()))
        .into();
    assert!(there.iter().any(|said| *said != base), "{there:?}");
    fixture.refused(
        "bundle add --bundle {} --method steering --part {}/base --name v --out {}/out/other",
        &["is no file", "bundle steering"],
    );
}

/// One row makes its answers itself: those of a pool, of which it keeps the one that its weights prefer.
#[test]
fn a_row_s_best_of_n_is_the_draw_with_the_highest_reward() {
    let corner = |axis: usize| {
        let mut shares = [0.0; 3];
        shares[axis] = 1.0;
        preference(shares)
    };
    let short = |method: &str, point: Point| {
        let mut row = row(method, point);
        row.sampling.max_tokens = 12;
        row
    };
    let draw = |at: u64| {
        let mut row = short("base", corner(0));
        row.sampling.temperature = 1.0;
        row.sampling.seed = at << 32;
        generate(&DEMO, row).expect("an answer").text
    };
    let draws: Vec<String> = (0..4).map(draw).collect();
    let texts: Vec<RewardInput> = draws
        .iter()
        .map(|text| RewardInput::of(&Prompt::Chat(QUESTION.to_owned()), text))
        .collect();
    for axis in 0..3 {
        let reward = DEMO.rewards[axis].as_ref().expect("a reward model");
        let scores = reward.score(&texts).expect("scores");
        let scores: Vec<f64> = scores
            .iter()
            .map(|rating| rating.score.expect("a score"))
            .collect();
        let best = (0..4)
            .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
            .expect("a draw");
        let run =
            generate(&DEMO, short("best-of-n:n=4,temperature=1", corner(axis))).expect("an answer");
        assert_eq!(run.text, draws[best], "axis {axis}: {scores:?}");
        assert_eq!(run.pace.len(), run.tokens.len());
    }
    let one = generate(&DEMO, short("best-of-n:n=1,temperature=1", corner(0))).expect("an answer");
    assert_eq!(one.text, draws[0]);
}

#[test]
fn the_best_of_n_is_chosen_among_the_bases_answers() {
    let fixture = Fixture::new();
    // The tiny bundle's humor has no reward model; two objectives have.
    fixture.edit_json("bundle.json", |bundle| {
        bundle["objectives"][2]["reward"] = bundle["objectives"][1]["reward"].clone();
    });
    let line = "sweep --bundle {} --prompts {}/prompts.jsonl --grid simplex:1 --max-tokens 4 \
                --method best-of-n:n=4 --method best-of-n:n=1 --out {}/out/a.study";
    let first = fixture.done(line).lines();
    assert_eq!(first.len(), 6);
    assert_eq!(
        fixture.done(line).lines(),
        first,
        "the pools are found again"
    );
    let mean =
        |line: &Value, objective: &str| line["scores"][objective]["mean"].as_f64().expect("a mean");
    for (axis, objective) in OBJECTIVES.iter().enumerate() {
        let at = |method: &str| {
            let here = |line: &&Value| line["method"] == method && line["point"][axis] == 1.0;
            mean(first.iter().find(here).expect("a corner"), objective)
        };
        assert!(at("best-of-n:n=4") >= at("best-of-n:n=1"), "{objective}");
    }
    let info = fixture.done("study info {}/out/a.study").lines().remove(0);
    let prompts = fixture
        .read("prompts.jsonl")
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .count();
    assert_eq!(
        info["generations"],
        4 * prompts,
        "one pool serves all points and every n"
    );
}

#[test]
fn what_is_said_of_a_method_is_what_its_rows_are_made_of() {
    let prompt = Prompt::Chat(QUESTION.to_owned());
    let inside = preference([0.2, 0.3, 0.5]);
    let weights = Point::Weights(Weights::new(vec![0.5, 0.0, 1.0]).expect("weights"));
    let at_preferences = [
        "hoe",
        "base",
        "nearest",
        "rs",
        "rs:average=factor",
        "soup",
        "ties",
        "dare",
        "pcb",
        "fourier",
        "mod",
        "mod:c=2",
        "args",
        "pad",
        "prompting",
    ];
    let rows = at_preferences.map(|name| (name, &inside)).into_iter();
    for (name, point) in rows.chain(["mva", "base", "mod", "mod:c=2"].map(|name| (name, &weights)))
    {
        let method: Method = name.parse().expect("a method");
        let row = plan(&DEMO, Some(&method), point, &prompt, &Mutes::default()).expect(name);
        assert_eq!(row.streams.len(), method.streams(point.kind(), 3), "{name}");
        let plain = method.speaks().is_traced() || method.kind() == MethodKind::Base;
        assert_eq!(row.is_plain(), plain, "{name}");
    }
}

#[test]
fn routing_is_recorded_and_found_again_by_the_method_that_made_it_or_refused_in_words() {
    let traced = |method: &str| {
        let row = RowRequest {
            trace: TraceLevel::Full,
            ..row(method, preference([0.2, 0.3, 0.5]))
        };
        generate(&DEMO, row).expect("an answer")
    };
    for method in ["", "rs", "nearest"] {
        let run = traced(method);
        let recorded = run.record.clone().expect("a record");
        let found = retrace(&DEMO, &run).expect("its routing");
        assert_eq!(found, *recorded, "{method}");
    }
    for method in ["mod", "pcb", "prompting"] {
        let run = traced(method);
        assert_eq!(run.record, None, "{method}");
        let refused = retrace(&DEMO, &run).expect_err(method);
        assert!(matches!(&refused, Error::Option { name, .. } if name == "method"));
        let words = refused.to_string();
        assert!(
            words.contains(method) && words.contains("no routing"),
            "{words}"
        );
    }
}

#[test]
fn the_base_is_the_base_in_sweeps_of_all_methods_and_answers_once() {
    let fixture = Fixture::new();
    let line = "sweep --bundle {} --prompts {}/prompts.jsonl --grid simplex:1 --max-tokens 3 --base \
                --method rs --method mod --out {}/out/b.study";
    let lines = fixture.done(line).lines();
    let of = |method: &str| lines.iter().filter(|line| line["method"] == method).count();
    assert_eq!((of("rs"), of("mod")), (4, 4));
    let info = fixture.done("study info {}/out/b.study").lines().remove(0);
    // Three corners by three prompts for each, and the base once.
    assert_eq!(info["generations"], 2 * 9 + 3);
}

#[test]
fn several_methods_share_a_sweep_and_its_study() {
    let fixture = Fixture::new();
    let line = "sweep --bundle {} --prompts {}/prompts.jsonl --grid simplex:0.5 --max-tokens 4 \
                --method base --method mod --method hoe --out {}/out/a.study";
    let first = fixture.done(line).lines();
    let of = |method: &str| first.iter().filter(|line| line["method"] == method).count();
    assert_eq!((of("base"), of("mod"), of("hoe")), (6, 6, 6));
    let again = fixture.done(line).lines();
    assert_eq!(first, again, "a second run finds everything");
    let info = fixture.done("study info {}/out/a.study").lines().remove(0);
    let sweeps = info["sweeps"].to_string();
    assert!(
        sweeps.contains("mod") && sweeps.contains("base"),
        "{sweeps}"
    );
    fixture.refused(
        "sweep --bundle {} --prompts {}/prompts.jsonl --grid box:1:0.5 --method rs --out {}/out/b.study",
        &["rs"],
    );
    fixture.refused(
        "sweep --bundle {} --prompts {}/prompts.jsonl --grid simplex:0.5 --method mood --out {}/out/b.study",
        &["--method", "mod"],
    );
}
