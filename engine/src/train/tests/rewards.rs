//! A reward model reads in use what it read in training, whatever its tokenizer adds.

use candle_core::Device;
use serde_json::{Value, json};

use super::*;
use crate::reward::{Reading, Reward, RewardInput};
use crate::text::{Tokenizer, samples};
use crate::types::Prompt;

/// Byte-level, with `<|end|>` as its end token; `around` stands around a text.
fn base_of(folder: &Path, around: &[&str], template: Option<&str>) {
    let mut tokenizer = samples::byte_level();
    if around.len() > 1 {
        let part = |name: &&str| match *name {
            "A" => json!({"Sequence": {"id": "A", "type_id": 0}}),
            token => json!({"SpecialToken": {"id": token, "type_id": 0}}),
        };
        let single: Vec<Value> = around.iter().map(part).collect();
        tokenizer["post_processor"] = json!({"type": "TemplateProcessing", "single": single, "pair": [
                {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                "<|end|>": {"id": "<|end|>", "ids": [0], "tokens": ["<|end|>"]},
                "<|begin|>": {"id": "<|begin|>", "ids": [263], "tokens": ["<|begin|>"]}}});
        let added = tokenizer["added_tokens"].as_array_mut().unwrap();
        added.push(json!({"id": 263, "content": "<|begin|>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}));
    }
    let shape = LlamaConfig {
        vocabulary: 264,
        eos_token_id: Some(0),
        ..tiny()
    };
    let config = SftConfig {
        method: Method::Full,
        ..sft_config(1)
    };
    sft(
        &config,
        &Start::random(shape),
        &counting(),
        &mut Silent,
        folder,
    )
    .unwrap();
    samples::write(folder, &tokenizer);
    let mut settings = json!({"eos_token": "<|end|>"});
    if let Some(template) = template {
        settings["chat_template"] = json!(template);
    }
    std::fs::write(folder.join("tokenizer_config.json"), settings.to_string()).unwrap();
}

/// Trains on pairs under `field` and compares what the last step, which saw them all, says of them with their scores.
fn agrees(around: &[&str], template: Option<&str>, field: &str) {
    let (base, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    base_of(base.path(), around, template);
    let data = base.path().join("pairs.jsonl");
    let texts: Vec<(String, String, String)> = (0..24)
        .map(|i| {
            let (good, bad) = (format!("yes{}", i % 4), format!("no{}", i % 3));
            (format!("q{i}: "), good, bad)
        })
        .collect();
    let lines: String = texts
        .iter()
        .map(|(p, c, r)| json!({field: p, "chosen": c, "rejected": r}).to_string() + "\n")
        .collect();
    std::fs::write(&data, lines).unwrap();
    let mut train = TrainConfig {
        // Every step takes all pairs.
        batch_tokens: 1 << 20,
        ..sft_config(40).train
    };
    train.run.workers = 1;
    let job = TrainJob {
        task: TrainTask::Reward(RewardJob {
            base: base.path().to_path_buf(),
            data,
            skip_bad: false,
            config: RewardConfig { train, center: 0.0 },
        }),
        out: out.path().join("reward"),
        joins: None,
    };
    let last = run_job(&job, &mut Silent).unwrap().last.unwrap();
    let reward =
        Reward::load(&out.path().join("reward"), Reading::default(), &Device::Cpu).unwrap();
    let tokenizer = Tokenizer::load(base.path()).unwrap();
    let (mut margin, mut right) = (0.0, 0);
    for (prompt, chosen, rejected) in &texts {
        let prompt = if field == "chat" {
            Prompt::Chat(prompt.clone())
        } else {
            Prompt::Text(prompt.clone())
        };
        let mut scores = Vec::new();
        for response in [chosen, rejected] {
            let example = data::TextExample {
                prompt: prompt.clone(),
                response: response.clone(),
            };
            let trained = example.tokenise(&tokenizer).unwrap();
            let input = RewardInput::of(&prompt, response);
            let read = reward.encode(&input).unwrap();
            let ids: Vec<u32> = trained
                .prompt
                .iter()
                .chain(&trained.response)
                .copied()
                .collect();
            assert_eq!(read.text.ids, ids, "{around:?} {field}");
            assert_eq!(reward.reads_at(&ids), ids.len() - 1);
            scores.push(reward.score(&[input]).unwrap()[0].score.unwrap());
        }
        margin += scores[0] - scores[1];
        right += usize::from(scores[0] > scores[1]);
    }
    let pairs = texts.len() as f64;
    assert_eq!(last.figures["accuracy"], right as f64 / pairs, "{last:?}");
    // The last step's figures are of the weights before it.
    let (in_training, in_use) = (last.figures["margin"], margin / pairs);
    assert!(
        in_training > 1.0 && (in_use / in_training - 1.0).abs() < 0.15,
        "{in_training} in training, {in_use} in use"
    );
}

const CHAT: &str = "{% for m in messages %}[{{ m.role }}]{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

#[test]
fn a_tokenizer_that_adds_nothing() {
    agrees(&["A"], None, "prompt");
    agrees(&["A"], Some(CHAT), "chat");
}

#[test]
fn a_tokenizer_that_adds_a_begin_token() {
    agrees(&["<|begin|>", "A"], None, "prompt");
    agrees(&["<|begin|>", "A"], Some(CHAT), "chat");
}

#[test]
fn a_tokenizer_that_adds_begin_and_end() {
    agrees(&["<|begin|>", "A", "<|end|>"], None, "prompt");
    agrees(&["<|begin|>", "A", "<|end|>"], Some(CHAT), "chat");
}
