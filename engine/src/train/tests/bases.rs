//! Bases as they lie on disk: stored in 16 bits, changed between two halves of a run; two runs in one folder.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};

use super::*;
use crate::forge::DeltaSource;
use crate::lock::FolderLock;

fn load(folder: &Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(folder.join("model.safetensors"), &Device::Cpu).unwrap()
}

fn store(folder: &Path, tensors: &HashMap<String, Tensor>) {
    candle_core::safetensors::save(tensors, folder.join("model.safetensors")).unwrap();
}

fn config_of(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap()
}

/// A base whose weights are stored in `dtype`.
fn stored(folder: &Path, dtype: DType) -> Start {
    let start = base(folder);
    let half = |(name, tensor): (String, Tensor)| (name, tensor.to_dtype(dtype).unwrap());
    store(folder, &load(folder).into_iter().map(half).collect());
    let mut config = config_of(folder);
    config["torch_dtype"] = json!(if dtype == DType::F16 {
        "float16"
    } else {
        "bfloat16"
    });
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    start
}

#[test]
fn what_is_learnt_on_a_base_in_16_bits_is_told_from_rounding() {
    for dtype in [DType::F16, DType::BF16] {
        let root = tempfile::tempdir().unwrap();
        let (from, out) = (root.path().join("base"), root.path().join("out"));
        let start = stored(&from, dtype);
        let mut config = sft_config(2);
        // Steps far below what 16 bits hold.
        config.train.run.optimiser.learning_rate = 1e-5;
        sft(&config, &start, &counting(), &mut Silent, &out).unwrap();
        assert_eq!(config_of(&out)["torch_dtype"], "float32");
        let source = DeltaSource::tuned(&from, &out).unwrap();
        let (before, after) = (load(&from), load(&out));
        for delta in source.deltas() {
            let name = format!("{}.weight", delta.name);
            let numbers = |tensor: &Tensor| -> Vec<f32> {
                let wide = tensor.to_dtype(DType::F32).unwrap();
                wide.flatten_all().unwrap().to_vec1().unwrap()
            };
            let (before, after) = (numbers(&before[&name]), numbers(&after[&name]));
            let learnt = source.read(delta).unwrap();
            let moved = learnt.iter().filter(|d| **d != 0.0).count();
            assert!(
                moved > learnt.len() / 2,
                "{name}: {moved} of {}",
                learnt.len()
            );
            for ((before, after), learnt) in before.iter().zip(&after).zip(&learnt) {
                assert!(learnt.abs() < 1e-4 && after - before == *learnt, "{name}");
            }
        }
        // The mark is about what the base was stored in, not a pass for any other type.
        let other = if dtype == DType::F16 {
            DType::BF16
        } else {
            DType::F16
        };
        let elsewhere = root.path().join("elsewhere");
        stored(&elsewhere, other);
        let refused = DeltaSource::tuned(&elsewhere, &out).unwrap_err();
        assert!(refused.to_string().contains("rounding"), "{refused}");
    }
}

#[test]
fn a_second_run_in_one_folder_is_refused_and_touches_nothing() {
    let out = tempfile::tempdir().unwrap();
    let start = Start::Random(tiny());
    let mut config = sft_config(6);
    config.train.run.checkpoint_every = 2;
    let mut first = Recorder {
        cancel_at: Some(3),
        ..Recorder::default()
    };
    sft(&config, &start, &counting(), &mut first, out.path()).unwrap_err();
    let files = || {
        let read = |name: &str| std::fs::read(out.path().join(name)).unwrap();
        let place = checkpoint::newest(out.path()).unwrap();
        (
            read("metrics.jsonl"),
            std::fs::read(place.join("weights.safetensors")).unwrap(),
            place,
        )
    };
    let before = files();
    let held = FolderLock::hold(out.path(), "train sft").unwrap();
    for (resume, overwrite) in [(false, false), (true, false), (false, true)] {
        (config.train.run.resume, config.train.run.overwrite) = (resume, overwrite);
        let refused = sft(&config, &start, &counting(), &mut Silent, out.path()).unwrap_err();
        assert!(
            refused.is_input() && refused.to_string().contains("in use by another run"),
            "{refused}"
        );
        assert!(files() == before);
    }
    drop(held);
    sft(&config, &start, &counting(), &mut Silent, out.path()).unwrap();
    // The lock leaves nothing behind.
    let names = std::fs::read_dir(out.path()).unwrap().flatten();
    assert!(
        !names
            .into_iter()
            .any(|e| e.file_name().to_string_lossy().starts_with('.'))
    );
}

/// Cancelled after three of six steps, in a folder of its own.
fn broken_off(start: &Start, out: &Path) -> SftConfig {
    let mut config = sft_config(6);
    config.train.run.checkpoint_every = 2;
    config.train.run.resume = true;
    let mut first = Recorder {
        cancel_at: Some(3),
        ..Recorder::default()
    };
    sft(&config, start, &counting(), &mut first, out).unwrap_err();
    config
}

#[test]
fn a_changed_base_is_named_at_resume() {
    let root = tempfile::tempdir().unwrap();
    let (from, out) = (root.path().join("base"), root.path().join("out"));
    let start = base(&from);
    let config = broken_off(&start, &out);
    let refusal = || {
        let refused = sft(&config, &start, &counting(), &mut Silent, &out).unwrap_err();
        assert!(refused.is_input(), "{refused}");
        refused.to_string()
    };
    let tensors = load(&from);
    // One number of all.
    let mut changed = tensors.clone();
    let table = &tensors["model.embed_tokens.weight"];
    let mut numbers: Vec<f32> = table.flatten_all().unwrap().to_vec1().unwrap();
    numbers[7] += 0.25;
    let other = Tensor::from_vec(numbers, table.dims(), &Device::Cpu).unwrap();
    changed.insert("model.embed_tokens.weight".to_owned(), other);
    store(&from, &changed);
    assert!(refusal().contains("weights of the base"), "{}", refusal());
    store(&from, &tensors);
    let mut settings = config_of(&from);
    settings["rope_theta"] = json!(20_000.0);
    std::fs::write(from.join("config.json"), settings.to_string()).unwrap();
    let words = refusal();
    assert!(
        words.contains("config.json of the base") && !words.contains("weights"),
        "{words}"
    );
    settings["rope_theta"] = json!(10_000.0);
    std::fs::write(from.join("config.json"), settings.to_string()).unwrap();
    let mut config = config.clone();
    config.train.run.seed = 5;
    let seed = sft(&config, &start, &counting(), &mut Silent, &out).unwrap_err();
    assert!(
        seed.to_string().contains("config.train.seed was 0, is 5"),
        "{seed}"
    );
}

#[test]
fn the_final_loss_of_a_resumed_run_is_that_of_an_undisturbed_one() {
    let root = tempfile::tempdir().unwrap();
    let (whole, out) = (root.path().join("whole"), root.path().join("out"));
    let start = Start::Random(tiny());
    let mut config = sft_config(30);
    let undisturbed = sft(&config, &start, &counting(), &mut Silent, &whole).unwrap();
    config.train.run.checkpoint_every = 29;
    config.train.run.resume = true;
    let mut first = Recorder {
        cancel_at: Some(29),
        ..Recorder::default()
    };
    sft(&config, &start, &counting(), &mut first, &out).unwrap_err();
    let resumed = sft(&config, &start, &counting(), &mut Silent, &out).unwrap();
    assert_eq!(
        resumed.final_loss.to_bits(),
        undisturbed.final_loss.to_bits()
    );
    // Already at its end.
    let again = sft(&config, &start, &counting(), &mut Silent, &out).unwrap();
    assert_eq!(again.final_loss.to_bits(), undisturbed.final_loss.to_bits());
}

/// Whatever stands in a checkpoint's files, going on from it ends in a result or an error.
#[test]
fn a_spoilt_checkpoint_never_panics() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let start = Start::Random(tiny());
    let config = broken_off(&start, &out);
    let place = checkpoint::newest(&out).unwrap();
    let (mut refused, mut tried) = (0, 0);
    for name in [
        "position.json",
        "weights.safetensors",
        "optimiser.safetensors",
    ] {
        let path = place.join(name);
        let whole = std::fs::read(&path).unwrap();
        let mut variants = vec![
            Vec::new(),
            whole[..whole.len() / 2].to_vec(),
            b"{}".to_vec(),
        ];
        for seed in 0..12 {
            let mut bytes = whole.clone();
            let at = (seed * 7919) % bytes.len().min(700);
            bytes[at] = bytes[at].wrapping_add(1 + seed as u8);
            variants.push(bytes);
        }
        if name == "position.json" {
            for (field, value) in [
                ("step", json!(usize::MAX)),
                ("epoch", json!(u64::MAX)),
                ("tokens", json!(u64::MAX)),
                ("step_in_epoch", json!(1u64 << 40)),
                ("step", json!(-1)),
                ("settings", json!(null)),
            ] {
                let mut position: Value = serde_json::from_slice(&whole).unwrap();
                position[field] = value;
                variants.push(position.to_string().into_bytes());
            }
        }
        for bytes in variants {
            std::fs::write(&path, bytes).unwrap();
            tried += 1;
            // The result of one that could go on is not to be gone on from.
            let result = sft(&config, &start, &counting(), &mut Silent, &out);
            refused += usize::from(result.is_err());
            for entry in std::fs::read_dir(out.join("checkpoints"))
                .unwrap()
                .flatten()
            {
                if entry.path() != place {
                    std::fs::remove_dir_all(entry.path()).unwrap();
                }
            }
            if !place.exists() {
                broken_off_again(&start, &out, &place);
            }
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert!(refused * 2 > tried, "{refused} of {tried} were refused");
}

/// The checkpoint once more, where a run went past it.
fn broken_off_again(start: &Start, out: &Path, place: &Path) {
    std::fs::remove_dir_all(out).unwrap();
    broken_off(start, out);
    assert!(place.exists());
}

#[test]
fn sizes_beyond_reason_are_refused_by_option_and_range() {
    let out = tempfile::tempdir().unwrap();
    let start = Start::Random(tiny());
    let refusal = |change: &dyn Fn(&mut SftConfig)| {
        let mut config = sft_config(1);
        config.method = Method::Lora(LoraConfig::default());
        change(&mut config);
        let refused = sft(&config, &start, &counting(), &mut Silent, out.path()).unwrap_err();
        assert!(refused.is_input(), "{refused}");
        refused.to_string()
    };
    let rank = |rank: usize| {
        refusal(&move |config: &mut SftConfig| {
            config.method = Method::Lora(LoraConfig {
                rank,
                ..LoraConfig::default()
            });
        })
    };
    for wrong in [0, 25, 1_000_000_000, usize::MAX] {
        let words = rank(wrong);
        assert!(
            words.starts_with("lora") && words.contains("1 to 24"),
            "{words}"
        );
    }
    for (words, part) in [
        (
            refusal(&|c| c.train.run.workers = 1_000_000),
            "workers: is 1000000; it must be 1 to 1024",
        ),
        (refusal(&|c| c.train.epochs = usize::MAX), "epochs"),
        (
            refusal(&|c| c.train.run.optimiser.warm_up = 1.5),
            "warm_up: is 1.5; it must be 0 to 1",
        ),
        (
            refusal(&|c| c.train.run.optimiser.beta2 = f64::NAN),
            "beta2",
        ),
        (
            refusal(&|c| c.train.run.optimiser.weight_decay = -1.0),
            "weight_decay: is -1; it must be at least 0",
        ),
    ] {
        assert!(words.contains(part), "{words} lacks {part}");
    }
    let huge = Start::Random(LlamaConfig {
        vocabulary: 1 << 24,
        hidden_size: 1 << 16,
        ..tiny()
    });
    let refused = sft(&sft_config(1), &huge, &counting(), &mut Silent, out.path()).unwrap_err();
    assert!(
        refused.is_input() && refused.to_string().contains("drawn at random"),
        "{refused}"
    );
    let folder = tempfile::tempdir().unwrap();
    let mut config = tiny().to_json();
    config["num_hidden_layers"] = json!(1_000_000_000);
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let refused = LlamaConfig::load(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("`num_hidden_layers`"), "{refused}");
}

/// Stretched positions are learnt on as the base has them, and what is written keeps them.
#[test]
fn a_base_with_stretched_positions_is_tuned_and_stays_one() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stretched = LlamaConfig {
        rope_scaling: RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_context: 16.0,
        },
        ..tiny()
    };
    let tune = |start: &Start, out: &Path| {
        let config = SftConfig {
            method: Method::Full,
            ..sft_config(2)
        };
        sft(&config, start, &counting(), &mut Silent, out).unwrap()
    };
    tune(&Start::Random(stretched.clone()), from.path());
    let tuned = tune(&Start::Folder(from.path().to_path_buf()), to.path());
    for folder in [&from, &to] {
        assert_eq!(LlamaConfig::load(folder.path()).unwrap(), stretched);
    }
    // Without the stretching the first loss is another.
    let mut config = config_of(from.path());
    config["rope_scaling"] = Value::Null;
    std::fs::write(from.path().join("config.json"), config.to_string()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let plain = tune(&Start::Folder(from.path().to_path_buf()), other.path());
    assert_ne!(plain.final_loss, tuned.final_loss);
}
