//! Every family of models, held to transformers: tiny checkpoints with seeded weights, and the logits that transformers
//! computes with them in f32 (`tests/golden/make_families.py`).

use std::path::PathBuf;

use super::*;
use crate::device::Backend;
use crate::mixture::Bank;
use crate::model::{Decoder, RowCache, StepRow, Wanted};
use crate::types::RowGates;
use crate::weights::{Adapter, Checkpoint, Digest};

const FAMILIES: [&str; 10] = [
    "mistral",
    "qwen2",
    "qwen3",
    "smollm3",
    "granite",
    "phi3",
    "phi4-mini",
    "olmo2",
    "gemma2",
    "gemma3",
];

/// How far a logit may lie from transformers', which states five decimals.
const TOLERANCE: f32 = 3e-5;

#[derive(serde::Deserialize)]
struct Expected {
    ids: Vec<u32>,
    logits: Vec<Vec<f32>>,
    adapted: Option<Vec<Vec<f32>>>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/families")
        .join(name)
}

fn expected(name: &str) -> Expected {
    crate::weights::read_json(&folder(name).join("expected.json")).unwrap()
}

fn decoder(folder: &Path, backend: &Backend, adapters: &[Adapter]) -> Decoder {
    let config = LlamaConfig::load(folder).unwrap();
    let checkpoint = Checkpoint::open_folder(folder).unwrap();
    assert!(config.not_asked_for(&checkpoint).unwrap().is_empty());
    let mut bank = Bank {
        experts: adapters.len(),
        adapters: adapters.to_vec(),
        routers: Vec::new(),
    };
    let mut digest = Digest::default();
    Decoder::load(
        backend,
        config,
        &checkpoint,
        &mut bank,
        &mut digest,
        &mut |_| Ok(()),
    )
    .unwrap()
}

/// Logits of rows that go on side by side; `steps` says how many tokens each takes at a time.
fn logits(
    decoder: &Decoder,
    rows: &[&[u32]],
    steps: &[&[usize]],
    gates: &RowGates,
) -> Vec<Vec<f32>> {
    let mut caches: Vec<RowCache> = rows.iter().map(|_| RowCache::default()).collect();
    for (row, cache) in rows.iter().zip(&mut caches) {
        decoder.reset(cache, row.len()).unwrap();
    }
    let vocabulary = decoder.config().vocabulary;
    let mut all = vec![Vec::new(); rows.len()];
    for step in steps {
        let mut taking = Vec::new();
        for (index, (row, cache)) in rows.iter().zip(&mut caches).enumerate() {
            if step[index] > 0 {
                let tokens = &row[cache.len()..cache.len() + step[index]];
                let row = StepRow {
                    tokens,
                    cache,
                    gates,
                    side: None,
                    shift: None,
                    wanted: Wanted::All,
                };
                taking.push((index, row));
            }
        }
        let (indices, mut step): (Vec<usize>, Vec<StepRow<'_>>) = taking.into_iter().unzip();
        let counts: Vec<usize> = step.iter().map(|row| row.tokens.len()).collect();
        let mut got = decoder.forward(&mut step, None).unwrap().into_iter();
        for (index, count) in indices.into_iter().zip(counts) {
            all[index].extend(got.by_ref().take(count * vocabulary));
        }
    }
    all
}

#[track_caller]
fn assert_near(name: &str, got: &[f32], want: &[f32], within: f32) {
    assert_eq!(got.len(), want.len(), "{name}");
    let apart = got.iter().zip(want).map(|(a, b)| (a - b).abs());
    let apart = apart.fold(0.0, f32::max);
    assert!(apart <= within, "{name}: {apart} apart");
}

#[test]
fn every_family_answers_as_transformers_does() {
    for name in FAMILIES {
        let Expected {
            ids, logits: want, ..
        } = expected(name);
        let want = want.concat();
        for backend in [Backend::Packed, Backend::tensors_on_cpu()] {
            let model = decoder(&folder(name), &backend, &[]);
            let base = RowGates::base(0, 0);
            let run = |rows: &[&[u32]], steps: &[&[usize]]| logits(&model, rows, steps, &base);
            let whole = run(&[&ids], &[&[ids.len()]]).remove(0);
            assert_near(name, &whole, &want, TOLERANCE);
            // In pieces, token by token, and beside others that begin later and end sooner.
            let other: Vec<u32> = ids.iter().rev().copied().collect();
            let steps: [&[usize]; 6] = [&[9, 0], &[1, 3], &[1, 1], &[1, 1], &[5, 14], &[7, 0]];
            let beside = run(&[&ids, &other], &steps);
            let alone = run(&[&other], &[&[19]]).remove(0);
            match backend {
                Backend::Packed => assert!(beside[0] == whole && beside[1] == alone, "{name}"),
                Backend::Tensors { .. } => {
                    assert_near(name, &beside[0], &whole, TOLERANCE);
                    assert_near(name, &beside[1], &alone, TOLERANCE);
                }
            }
        }
    }
}

/// The log-probabilities of a text's tokens from logits of its rows.
fn log_probs(logits: &[f32], ids: &[u32]) -> Vec<f32> {
    let rows = logits.chunks_exact(logits.len() / ids.len());
    let next = ids.iter().skip(1);
    let of = |(row, id): (&[f32], &u32)| {
        let top = row.iter().copied().fold(f32::MIN, f32::max);
        let sum: f64 = row.iter().map(|x| f64::from(x - top).exp()).sum();
        (f64::from(row[*id as usize] - top) - sum.ln()) as f32
    };
    rows.zip(next).map(of).collect()
}

fn example(ids: &[u32]) -> Example {
    Example {
        prompt: ids[..3].to_vec(),
        response: ids[3..].to_vec(),
    }
}

#[test]
fn every_family_learns_what_it_answers() {
    for name in FAMILIES {
        let Expected { ids, logits, .. } = expected(name);
        let want = log_probs(&logits.concat(), &ids);
        let shape = LlamaConfig::load(&folder(name)).unwrap();
        let weights = params::read(&folder(name), &shape).unwrap().weights;
        // Beside another, which must not change it.
        let examples = [example(&ids[..9]), example(&ids)];
        let batch = batch::PredictionBatch::new(&examples, true);
        let make = || {
            let (shape, full) = (shape.clone(), Method::Full);
            forward::TrainModel::new(shape, &weights, &full, 2).unwrap()
        };
        let fast = make();
        let plain = make().with_kernels(forward::Kernels::Plain);
        for model in [&fast, &plain] {
            let got = model.log_probs(&batch, forward::Adapters::On).unwrap();
            let got: Vec<f32> = got.to_vec1().unwrap();
            assert_near(name, &got[..8], &want[..8], TOLERANCE);
            assert_near(name, &got[8..], &want, TOLERANCE);
        }
        let (_, fast_gradients) = gradients_of(&fast, &batch);
        let (_, plain_gradients) = gradients_of(&plain, &batch);
        let flat = |t: &candle_core::Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let pairs = fast_gradients.iter().zip(&plain_gradients);
        for (variable, (a, b)) in fast.vars().keys().zip(pairs) {
            let (a, b) = (flat(a), flat(b));
            assert!(
                a.iter().any(|g| *g != 0.0),
                "{name}: {variable} learns nothing"
            );
            let size = b.iter().fold(1e-3_f32, |size, g| size.max(g.abs()));
            assert_near(&format!("{name}: {variable}"), &a, &b, 2e-4 * size);
        }
    }
}

/// Norms of queries and keys, caps, the other activation, windows, biases, multipliers: by differences of the loss.
#[test]
fn gradients_of_what_sets_families_apart_are_slopes() {
    for (name, variables) in [
        (
            "gemma2",
            [
                "self_attn.q_proj.weight",
                "mlp.gate_proj.weight",
                "post_feedforward_layernorm.weight",
            ],
        ),
        (
            "gemma3",
            [
                "self_attn.q_norm.weight",
                "self_attn.k_norm.weight",
                "pre_feedforward_layernorm.weight",
            ],
        ),
        (
            "qwen2",
            [
                "self_attn.q_proj.bias",
                "self_attn.k_proj.bias",
                "self_attn.v_proj.bias",
            ],
        ),
        (
            "granite",
            [
                "self_attn.k_proj.weight",
                "mlp.down_proj.weight",
                "input_layernorm.weight",
            ],
        ),
    ] {
        let ids = expected(name).ids;
        let shape = LlamaConfig::load(&folder(name)).unwrap();
        let weights = params::read(&folder(name), &shape).unwrap().weights;
        let model = forward::TrainModel::new(shape, &weights, &Method::Full, 2).unwrap();
        let batch = batch::PredictionBatch::new(&[example(&ids)], true);
        let (_, gradients) = gradients_of(&model, &batch);
        let loss = || {
            let log_probs = model.log_probs(&batch, forward::Adapters::On).unwrap();
            let log_probs: Vec<f32> = log_probs.to_vec1().unwrap();
            log_probs.iter().copied().map(f64::from).sum::<f64>() / log_probs.len() as f64
        };
        for variable in variables {
            let variable = format!("model.layers.1.{variable}");
            let index = model
                .vars()
                .keys()
                .position(|name| *name == variable)
                .unwrap();
            let var = &model.vars()[&variable];
            let gradient: Vec<f32> = gradients[index].flatten_all().unwrap().to_vec1().unwrap();
            let original: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
            // The place where it matters most.
            let place = (0..gradient.len())
                .max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs()))
                .unwrap();
            let at = |shift: f32| {
                let mut moved = original.clone();
                moved[place] += shift;
                let moved = candle_core::Tensor::from_vec(moved, var.dims(), var.device());
                var.set(&moved.unwrap()).unwrap();
                loss()
            };
            let slope = (at(3e-3) - at(-3e-3)) / 6e-3;
            at(0.0);
            let got = f64::from(gradient[place]);
            assert!(
                (slope - got).abs() < 0.02 * got.abs(),
                "{name}: {variable}: {got}, by differences {slope}"
            );
        }
    }
}

/// An adapter on fused modules is the adapter of their parts.
#[test]
fn an_adapter_on_fused_modules_answers_as_peft_does() {
    let Expected { ids, adapted, .. } = expected("phi3");
    let want = adapted.unwrap().concat();
    let linears = LlamaConfig::load(&folder("phi3")).unwrap().linears();
    let adapter = Adapter::load(&folder("phi3").join("adapter"), &linears).unwrap();
    let gates = RowGates {
        adapters: vec![1.0],
        ..RowGates::base(1, 0)
    };
    for backend in [Backend::Packed, Backend::tensors_on_cpu()] {
        let model = decoder(&folder("phi3"), &backend, std::slice::from_ref(&adapter));
        let got = logits(&model, &[&ids], &[&[ids.len()]], &gates).remove(0);
        assert_near("phi3", &got, &want, TOLERANCE);
    }
}

/// What training writes is read again: a whole model in the family's own names, and an adapter.
#[test]
fn what_a_family_learns_it_answers_with() {
    for name in ["phi3", "gemma3", "qwen2"] {
        let ids = expected(name).ids;
        let start = Start::Folder(folder(name));
        let examples = [example(&ids), example(&ids[4..])];
        let shape = LlamaConfig::load(&folder(name)).unwrap();
        let lora = LoraConfig {
            rank: 2,
            ..LoraConfig::default()
        };
        for method in [Method::Full, Method::Lora(lora)] {
            let out = tempfile::tempdir().unwrap();
            let config = SftConfig {
                method: method.clone(),
                train_on_prompts: true,
                ..sft_config(8)
            };
            let report = sft(&config, &start, &examples, &mut Silent, out.path()).unwrap();
            let (place, adapters) = if method == Method::Full {
                assert_eq!(LlamaConfig::load(out.path()).unwrap(), shape);
                let names = weights(out.path(), "model.safetensors");
                let original = weights(&folder(name), "model.safetensors");
                assert!(names.keys().eq(original.keys()), "{name}");
                (out.path().to_path_buf(), Vec::new())
            } else {
                let adapter = Adapter::load(out.path(), &shape.linears()).unwrap();
                (folder(name), vec![adapter])
            };
            let gates = RowGates {
                adapters: vec![1.0; adapters.len()],
                ..RowGates::base(adapters.len(), 0)
            };
            let model = decoder(&place, &Backend::Packed, &adapters);
            let loss = |model: &Decoder, gates: &RowGates| {
                let got = logits(model, &[&ids], &[&[ids.len()]], gates).remove(0);
                -log_probs(&got, &ids).iter().sum::<f32>() / (ids.len() - 1) as f32
            };
            let before = decoder(&folder(name), &Backend::Packed, &[]);
            let (before, after) = (loss(&before, &RowGates::base(0, 0)), loss(&model, &gates));
            assert!(
                after < before - 0.01,
                "{name}: {before} to {after}, {report:?}"
            );
        }
    }
}
