//! Runs that go on with what earlier ones left, as models that correct answers do.

use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::text::{Correction, Tokenizer, samples};
use crate::types::{AlignerJob, AspectData, CorrectionConfig, MetaAlignerJob, Prompt};

fn adapters(steps: usize) -> SftConfig {
    SftConfig {
        method: Method::Lora(LoraConfig {
            rank: 3,
            alpha: 6.0,
            ..LoraConfig::default()
        }),
        ..sft_config(steps)
    }
}

#[test]
fn a_run_begins_with_the_adapter_that_another_left() {
    let root = tempfile::tempdir().unwrap();
    let start = base(&root.path().join("base"));
    let (first, second) = (root.path().join("first"), root.path().join("second"));
    let report = sft(&adapters(40), &start, &counting(), &mut Silent, &first).unwrap();
    let on = SftConfig {
        begin_with: Some(first.clone()),
        ..adapters(5)
    };
    let mut recorder = Recorder::default();
    sft(&on, &start, &counting(), &mut recorder, &second).unwrap();
    let distance = (recorder.losses[0] - report.final_loss).abs();
    assert!(
        distance < 0.3,
        "{} after {}",
        recorder.losses[0],
        report.final_loss
    );
    let mut fresh = Recorder::default();
    sft(
        &adapters(1),
        &start,
        &counting(),
        &mut fresh,
        &root.path().join("fresh"),
    )
    .unwrap();
    assert!(
        fresh.losses[0] > recorder.losses[0] + 0.5,
        "{:?} {:?}",
        fresh.losses,
        recorder.losses
    );
    let other = |change: &dyn Fn(&mut SftConfig)| {
        let mut config = on.clone();
        change(&mut config);
        let out = root.path().join("refused");
        let error = sft(&config, &start, &counting(), &mut Silent, &out).unwrap_err();
        assert!(error.is_input() && !out.exists(), "{error}");
        error.to_string()
    };
    let text = other(&|config| config.method = Method::Full);
    assert!(
        text.contains("begin_with") && text.contains("`lora`"),
        "{text}"
    );
    let text = other(&|config| config.method = Method::Lora(LoraConfig::of_rank(2)));
    assert!(
        text.contains("rank 3") && text.contains("this run of 2"),
        "{text}"
    );
    let text = other(&|config| {
        if let Method::Lora(lora) = &mut config.method {
            lora.target_modules = vec!["q_proj".to_owned()];
        }
    });
    assert!(
        text.contains("14 modules") && text.contains("adapts 2"),
        "{text}"
    );
}

/// A base that reads bytes, with pairs whose better answer is the worse one's other case; half of them stand in a
/// second file as well.
fn texts(root: &Path) -> (PathBuf, [PathBuf; 2]) {
    let folder = root.join("base");
    let shape = LlamaConfig {
        vocabulary: 263,
        context: 512,
        positions: 512,
        eos_token_id: Some(0),
        ..tiny()
    };
    sft(
        &sft_config(1),
        &Start::random(shape),
        &counting(),
        &mut Silent,
        &folder,
    )
    .unwrap();
    samples::write(&folder, &samples::byte_level());
    let settings = json!({"eos_token": "<|end|>"}).to_string();
    std::fs::write(folder.join("tokenizer_config.json"), settings).unwrap();
    let pairs: Vec<String> = (0..12u8)
        .map(|i| {
            let letter = char::from(b'a' + i);
            let (better, worse) = (letter.to_ascii_uppercase(), letter);
            let pair = json!({"prompt": format!("q{i} "), "chosen": better.to_string(), "rejected": worse.to_string()});
            pair.to_string()
        })
        .collect();
    let files = ["all.jsonl", "half.jsonl"].map(|name| root.join(name));
    std::fs::write(&files[0], pairs.join("\n")).unwrap();
    std::fs::write(&files[1], pairs[..6].join("\n")).unwrap();
    (folder, files)
}

fn config(steps: usize) -> CorrectionConfig {
    let SftConfig {
        mut train, method, ..
    } = adapters(steps);
    train.batch_tokens = 600;
    CorrectionConfig {
        train,
        method,
        copies: 0.5,
        template: None,
    }
}

/// Told what is prepared and done, and stops where it is told to.
#[derive(Default)]
struct Listener {
    prepared: Vec<(&'static str, usize)>,
    losses: Vec<f64>,
    cancel_in: Option<(&'static str, usize)>,
}

impl TrainReporter for Listener {
    fn step(&mut self, report: &TrainStep) {
        self.losses.push(report.loss);
    }

    fn preparing(&mut self, what: &'static str, done: usize, _total: usize) {
        self.prepared.push((what, done));
    }

    fn cancelled(&self) -> bool {
        match self.cancel_in {
            Some(("steps", at)) => self.losses.len() >= at,
            Some(at) => self.prepared.contains(&at),
            None => false,
        }
    }
}

#[test]
fn a_model_that_corrects_copies_first_and_goes_on_wherever_it_was_broken_off() {
    let root = tempfile::tempdir().unwrap();
    let (folder, [all, _]) = texts(root.path());
    let job = |name: &str, change: &dyn Fn(&mut CorrectionConfig)| {
        let mut config = config(8);
        config.train.run.checkpoint_every = 3;
        change(&mut config);
        TrainJob {
            task: TrainTask::Aligner(AlignerJob {
                base: folder.clone(),
                data: all.clone(),
                skip_bad: false,
                config,
            }),
            out: root.path().join(name),
            joins: None,
        }
    };
    let mut whole = Listener::default();
    run_job(&job("whole", &|_| {}), &mut whole).unwrap();
    assert_eq!(whole.losses.len(), 8);
    let copies = |listener: &Listener| -> Vec<usize> {
        let steps = listener
            .prepared
            .iter()
            .filter(|(what, _)| *what == "learning to copy");
        steps.map(|(_, step)| *step).collect()
    };
    assert_eq!(copies(&whole), (1..=8).collect::<Vec<_>>());
    let out = root.path().join("whole");
    let asked = Correction::load(&out).unwrap();
    assert!(asked.aspects.is_empty());
    // The second run began with the first one's factors.
    let file = "adapter_model.safetensors";
    let first = weights(&out.join("stages/copies"), file);
    assert!(first.keys().eq(weights(&out, file).keys()));

    let broken = job("broken", &|config| config.train.run.resume = true);
    let mut done = Vec::new();
    for cancel_in in [("learning to copy", 5), ("steps", 4)] {
        let mut listener = Listener {
            cancel_in: Some(cancel_in),
            ..Listener::default()
        };
        let error = run_job(&broken, &mut listener).unwrap_err();
        assert!(matches!(error, crate::Error::Cancelled), "{error}");
        assert!(!broken.out.join("correction.json").exists());
        done.extend(listener.losses);
    }
    let mut last = Listener::default();
    run_job(&broken, &mut last).unwrap();
    assert!(copies(&last).is_empty(), "{:?}", last.prepared);
    done.extend(last.losses);
    assert_eq!(done, whole.losses);
    assert_same(&weights(&broken.out, file), &weights(&out, file));

    let again = run_job(&job("whole", &|_| {}), &mut Silent).unwrap_err();
    assert!(
        again.is_input() && again.to_string().contains("`overwrite`"),
        "{again}"
    );
    std::fs::remove_file(out.join(file)).unwrap();
    std::fs::remove_dir_all(out.join("checkpoints")).unwrap();
    std::fs::remove_file(out.join("metrics.jsonl")).unwrap();
    let again = run_job(&job("whole", &|_| {}), &mut Silent).unwrap_err();
    assert!(again.to_string().contains("stages"), "{again}");
    let anew = |config: &mut CorrectionConfig| {
        (config.train.run.overwrite, config.copies) = (true, 0.0);
    };
    let mut none = Listener::default();
    run_job(&job("whole", &anew), &mut none).unwrap();
    assert!(copies(&none).is_empty() && none.losses != whole.losses);
}

/// The first step's loss is that of the prompts as they are written.
#[test]
fn aspects_are_told_and_a_pair_in_two_files_is_better_at_both() {
    let root = tempfile::tempdir().unwrap();
    let (folder, [all, half]) = texts(root.path());
    let named = [("neat", all), ("kind", half)];
    let data = named.map(|(name, path)| AspectData {
        name: name.to_owned(),
        words: AspectData::usual_words(name),
        path,
    });
    let mut config = config(1);
    (config.copies, config.train.batch_tokens) = (0.0, 1 << 20);
    let job = TrainJob {
        task: TrainTask::MetaAligner(MetaAlignerJob {
            base: folder.clone(),
            data: data.to_vec(),
            skip_bad: false,
            config,
        }),
        out: root.path().join("out"),
        joins: None,
    };
    let mut listener = Listener::default();
    run_job(&job, &mut listener).unwrap();
    let asked = Correction::load(&job.out).unwrap();
    assert_eq!(asked.aspects[1].words, "The response should be kind");
    let tokenizer = Tokenizer::load(&folder).unwrap();
    let examples: Vec<Example> = (0..12u8)
        .map(|i| {
            let letter = char::from(b'a' + i);
            let aspects = match i {
                0..6 => "neat: The response should be neat; kind: The response should be kind",
                _ => "neat: The response should be neat",
            };
            let prompt = format!(
                "You are an assistant to human. You will be provided with a context and an answer. Consider the context, \
                 then edit the answer to improve it considering these aspects: {aspects} | Context: q{i} | \
                 Answer: {letter} | Edit: "
            );
            let text = data::TextExample {
                prompt: Prompt::Text(prompt),
                response: letter.to_ascii_uppercase().to_string(),
            };
            text.tokenise(&tokenizer).unwrap()
        })
        .collect();
    let (sum, targets) = log_likelihood(&Start::Folder(folder), &examples, 1).unwrap();
    let expected = -sum / targets as f64;
    assert!(
        (listener.losses[0] - expected).abs() < 1e-4,
        "{} {expected}",
        listener.losses[0]
    );
}
