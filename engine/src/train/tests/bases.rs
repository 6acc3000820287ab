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
        config.train.optimiser.learning_rate = 1e-5;
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
    config.train.checkpoint_every = 2;
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
    for (resume, overwrite) in [(true, false), (false, true)] {
        (config.train.resume, config.train.overwrite) = (resume, overwrite);
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
