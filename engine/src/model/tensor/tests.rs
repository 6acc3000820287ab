//! The tensors' forward on candle's CPU against the packed one, on a tiny model with everything in it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::TensorLlama;
use crate::device::Backend;
use crate::mixture::{Bank, BankRouter, Tap};
use crate::model::{
    Activation, Decoder, LayerKind, LayerRope, LlamaConfig, NormPlaces, QueryKeyNorm, RopeScaling,
    RowCache, RowSide, Shift, SideExperts, StepRow, Variant, Wanted,
};
use crate::types::{RouterActivation, RowGates};
use crate::weights::{Adapter, Checkpoint, Digest, LoraFactor, RouterExpert, RouterSite};

const VOCABULARY: usize = 40;
const ADAPTERS: usize = 3;
const ROUTERS: usize = 2;

fn config(tied: bool) -> LlamaConfig {
    LlamaConfig {
        hidden_size: 24,
        intermediate_size: 36,
        layers: 3,
        heads: 6,
        kv_heads: 2,
        head_dim: 8,
        vocabulary: VOCABULARY,
        context: 1024,
        positions: 1024,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::Linear { factor: 1.5 },
        tied_embeddings: tied,
        attention_bias: true,
        mlp_bias: true,
        variant: Variant::default(),
        bos_token_id: None,
        eos_token_id: None,
    }
}

/// With everything that sets a family apart from Llama.
fn unlike_llama() -> LlamaConfig {
    let kind = |window, rope| LayerKind { window, rope };
    LlamaConfig {
        variant: Variant {
            norms: NormPlaces::Both,
            norms_around_one: true,
            query_key_norm: QueryKeyNorm::Heads,
            activation: Activation::Gelu,
            attention_scale: Some(0.5),
            attention_cap: Some(1.5),
            logits_cap: Some(4.0),
            embedding_multiplier: 1.7,
            residual_multiplier: 0.6,
            logits_divisor: 1.3,
            rotary_dim: Some(6),
            local_theta: 50.0,
            layers: vec![
                kind(Some(3), LayerRope::Local),
                kind(None, LayerRope::Global),
                kind(Some(40), LayerRope::None),
            ],
            ..Variant::default()
        },
        ..config(true)
    }
}

fn numbers(rng: &mut ChaCha8Rng, count: usize, size: f32) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-size..size)).collect()
}

/// Random weights; every other module has a bias, the output layer as well.
fn write_checkpoint(folder: &Path, config: &LlamaConfig) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut tensors = HashMap::new();
    let mut add = |name: String, shape: &[usize], around: f32, size: f32| {
        let values = numbers(&mut rng, shape.iter().product(), size);
        let values = values.into_iter().map(|v| v + around).collect();
        let tensor = Tensor::from_vec::<_, f32>(values, shape, &Device::Cpu).unwrap();
        tensors.insert(name, tensor);
    };
    let hidden = config.hidden_size;
    add(
        "model.embed_tokens.weight".into(),
        &[VOCABULARY, hidden],
        0.0,
        1.0,
    );
    add("model.norm.weight".into(), &[hidden], 1.0, 0.3);
    for layer in 0..config.layers {
        for (norm, width) in config.layer_norms().all() {
            let around = if config.variant.norms_around_one {
                0.0
            } else {
                1.0
            };
            let name = format!("model.layers.{layer}.{norm}.weight");
            add(name, &[*width], around, 0.3);
        }
    }
    for (index, (path, shape)) in config.linears().into_iter().enumerate() {
        if path != "lm_head" || !config.tied_embeddings {
            add(format!("{path}.weight"), &shape, 0.0, 0.4);
        }
        if index % 2 == 0 {
            add(format!("{path}.bias"), &shape[..1], 0.0, 0.3);
        }
    }
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
}

/// Three adapters of different rank and targets (one on the output layer), a router with layers on most
/// modules, and one of raw scores with a layer on a few.
fn bank(config: &LlamaConfig) -> Bank {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let linears = config.linears();
    let mut adapters = Vec::new();
    for (index, rank) in [4, 2, 7].into_iter().enumerate() {
        let mut factors = BTreeMap::new();
        for (at, (path, [out, inner])) in linears.iter().enumerate() {
            let skipped = (index == 1 && at % 3 == 0) || (path == "lm_head" && index != 2);
            if !skipped {
                let factor = LoraFactor {
                    a: numbers(&mut rng, rank * inner, 0.5),
                    b: numbers(&mut rng, out * rank, 0.5),
                    rank,
                    scale: 0.5 + index as f32,
                };
                factors.insert(path.clone(), factor);
            }
        }
        adapters.push(Adapter {
            path: "here".into(),
            factors,
            digest: String::new(),
            bytes: 0,
            warnings: Vec::new(),
        });
    }
    let mut routers = Vec::new();
    for (outputs, activation, every) in [
        (vec![2, 0, 1], RouterActivation::Softmax, 2),
        (vec![1, 0], RouterActivation::None, 5),
    ] {
        let mut sites = BTreeMap::new();
        for (at, (path, [_, inner])) in linears.iter().enumerate() {
            let has = if every == 2 {
                at % 4 != 3
            } else {
                at % every == 0
            };
            if has {
                let site = RouterSite {
                    weight: numbers(&mut rng, outputs.len() * inner, 0.4),
                    bias: numbers(&mut rng, outputs.len(), 0.3),
                };
                sites.insert(path.clone(), site);
            }
        }
        routers.push(BankRouter {
            expert: RouterExpert {
                path: "here".into(),
                preference: vec![],
                outputs,
                activation,
                sites,
                digest: String::new(),
                bytes: 0,
            },
            fallback: vec![0.2, 0.5, 0.3],
        });
    }
    Bank {
        adapters,
        experts: ADAPTERS,
        routers,
    }
}

/// The packed model and its twin on tensors.
fn pair(config: &LlamaConfig) -> (Decoder, Decoder, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    write_checkpoint(folder.path(), config);
    let checkpoint = Checkpoint::open_folder(folder.path()).unwrap();
    let bank = bank(config);
    let load = |backend: &Backend| {
        let mut digest = Digest::default();
        let model = Decoder::load(
            backend,
            config.clone(),
            &checkpoint,
            &mut bank.clone(),
            &mut digest,
            &mut |_| Ok(()),
        );
        (model.unwrap(), digest.hex())
    };
    let (packed, packed_digest) = load(&Backend::default());
    let (tensors, tensors_digest) = load(&Backend::tensors_on_cpu());
    assert_eq!(packed_digest, tensors_digest);
    (packed, tensors, bank.sites(&config.linears()))
}

fn gates(adapters: [f32; ADAPTERS], routers: [f32; ROUTERS]) -> RowGates {
    RowGates {
        adapters: adapters.to_vec(),
        routers: routers.to_vec(),
        muted: Vec::new(),
    }
}

/// Rows that both models run side by side.
struct Twins {
    models: [Decoder; 2],
    sites: Vec<String>,
    caches: Vec<[RowCache; 2]>,
    gates: Vec<RowGates>,
    /// Experts of their own that rows of this place and later ones carry, in both models, with their gates.
    sides: Option<(usize, [SideExperts; 2], RowGates)>,
    shift: Option<Shift>,
    rng: ChaCha8Rng,
}

impl Twins {
    fn new(tied: bool, rows: Vec<RowGates>) -> Self {
        Self::of(&config(tied), rows)
    }

    fn of(config: &LlamaConfig, rows: Vec<RowGates>) -> Self {
        let (packed, tensors, sites) = pair(config);
        let models = [packed, tensors];
        let caches = rows.iter().map(|_| {
            let mut pair = [RowCache::default(), RowCache::default()];
            for (model, cache) in models.iter().zip(&mut pair) {
                model.reset(cache, 700).unwrap();
            }
            pair
        });
        Self {
            caches: caches.collect(),
            models,
            sites,
            gates: rows,
            sides: None,
            shift: None,
            rng: ChaCha8Rng::seed_from_u64(3),
        }
    }

    /// A step of some rows: row, new tokens, what is read out. Logits and taps must agree.
    fn step(&mut self, rows: &[(usize, usize, Wanted)]) {
        let tokens: Vec<Vec<u32>> = rows
            .iter()
            .map(|(_, count, _)| {
                (0..*count)
                    .map(|_| self.rng.random_range(0..VOCABULARY as u32))
                    .collect()
            })
            .collect();
        let total = tokens.iter().map(Vec::len).sum();
        let results: Vec<(Vec<f32>, Tap)> = self
            .models
            .iter()
            .enumerate()
            .map(|(which, model)| {
                let mut tap = Tap::new(&self.sites, ADAPTERS, total);
                let mut caches: Vec<Option<&mut RowCache>> = self
                    .caches
                    .iter_mut()
                    .map(|pair| Some(&mut pair[which]))
                    .collect();
                let mut step: Vec<StepRow<'_>> = rows
                    .iter()
                    .zip(&tokens)
                    .map(|(&(row, _, wanted), tokens)| StepRow {
                        tokens,
                        cache: caches[row].take().unwrap(),
                        gates: &self.gates[row],
                        side: self.sides.as_ref().and_then(|(from, banks, gates)| {
                            let bank = &banks[which];
                            (row >= *from).then_some(RowSide { bank, gates })
                        }),
                        shift: self.shift.as_ref().filter(|_| row % 2 == 1),
                        wanted,
                    })
                    .collect();
                (model.forward(&mut step, Some(&mut tap)).unwrap(), tap)
            })
            .collect();
        let [(want, want_tap), (got, got_tap)] = &results[..] else {
            panic!("two models")
        };
        assert_eq!(want.len(), got.len(), "{rows:?}");
        for (at, (want, got)) in want.iter().zip(got).enumerate() {
            let close = (want - got).abs() <= 1e-4 * want.abs().max(1.0);
            assert!(close, "{rows:?}, logit {at}: {got} vs {want}");
        }
        for token in 0..total {
            let pairs = want_tap.token(token).iter().zip(got_tap.token(token));
            for (want, got) in pairs {
                assert!((want - got).abs() < 1e-4, "{rows:?}, gate {got} vs {want}");
            }
        }
    }
}

/// A mixture, a router, both with extrapolation, and the base.
fn mixed_rows() -> Vec<RowGates> {
    vec![
        gates([0.2, 0.3, 0.5], [0.0, 0.0]),
        gates([0.0, 0.1, 0.0], [0.6, 0.3]),
        gates([1.5, 0.0, -0.7], [0.0, 1.0]),
        RowGates::base(ADAPTERS, ROUTERS),
    ]
}

#[test]
fn rows_with_experts_and_vectors_of_their_own_agree() {
    for tied in [false, true] {
        let mut twins = Twins::new(tied, mixed_rows());
        let own = bank(&config(tied));
        let lay = |model: &Decoder| model.side(&mut own.clone()).unwrap();
        let banks = [lay(&twins.models[0]), lay(&twins.models[1])];
        twins.sides = Some((2, banks, gates([0.4, 0.0, 0.9], [0.5, 0.0])));
        let hidden = config(tied).hidden_size;
        twins.shift = Some(Shift {
            layers: vec![(0, vec![0.3; hidden]), (1, vec![-0.2; hidden])],
            from: 2,
        });
        twins.step(&[
            (0, 4, Wanted::All),
            (1, 3, Wanted::All),
            (2, 5, Wanted::Last),
            (3, 1, Wanted::Last),
        ]);
        for _ in 0..2 {
            twins.step(&[0, 1, 2, 3].map(|row| (row, 1, Wanted::Last)));
        }
        twins.step(&[(3, 3, Wanted::All), (1, 1, Wanted::Last)]);
    }
}

#[test]
fn ragged_rows_agree_through_prompts_decoding_and_steering() {
    for config in [config(false), config(true), unlike_llama()] {
        let mut twins = Twins::of(&config, mixed_rows());
        // Prompts in chunks, one row ahead of the others.
        twins.step(&[(0, 5, Wanted::All), (1, 3, Wanted::Nothing)]);
        twins.step(&[
            (0, 1, Wanted::Last),
            (1, 4, Wanted::Last),
            (2, 9, Wanted::All),
            (3, 1, Wanted::Last),
        ]);
        // All decode, at four different lengths, in and out of the order of slots.
        for _ in 0..3 {
            twins.step(&[0, 1, 2, 3].map(|row| (row, 1, Wanted::Last)));
        }
        twins.step(&[3, 1, 0].map(|row| (row, 1, Wanted::Last)));
        // Steered on the way: a mixture becomes routed, a routed row static.
        twins.gates.swap(0, 1);
        twins.step(&[2, 0, 1].map(|row| (row, 1, Wanted::Last)));
        twins.step(&[(1, 2, Wanted::All), (0, 1, Wanted::Last)]);
    }
}

#[test]
fn static_rows_and_the_base_alone_agree() {
    let equal = gates([0.2, 0.3, 0.5], [0.0, 0.0]);
    let mut twins = Twins::new(false, vec![equal.clone(), equal]);
    twins.step(&[(0, 6, Wanted::Last), (1, 6, Wanted::Last)]);
    twins.step(&[0, 1].map(|row| (row, 1, Wanted::Last)));
    let base = RowGates::base(ADAPTERS, ROUTERS);
    let mut twins = Twins::new(false, vec![base.clone(), base]);
    twins.step(&[(0, 6, Wanted::Last), (1, 2, Wanted::Nothing)]);
    twins.step(&[0, 1].map(|row| (row, 1, Wanted::Last)));
}

/// More queries than go together, and rows in slots far apart.
#[test]
fn long_prompts_and_resting_rows_agree() {
    for config in [config(false), unlike_llama()] {
        let mut rows = mixed_rows();
        rows.extend(mixed_rows());
        let mut twins = Twins::of(&config, rows);
        twins.step(&[(0, 515, Wanted::Last), (7, 4, Wanted::Last)]);
        twins.step(&[(0, 90, Wanted::Last), (7, 1, Wanted::Last)]);
        twins.step(&[0, 7].map(|row| (row, 1, Wanted::Last)));
        twins.step(&[
            (4, 1, Wanted::Last),
            (7, 1, Wanted::Last),
            (6, 1, Wanted::Last),
        ]);
    }
}

#[test]
fn a_row_that_ends_leaves_nothing_to_the_next() {
    let (packed, tensors, _) = pair(&config(false));
    let run = |model: &Decoder, cache: &mut RowCache, ids: &[u32]| {
        model.reset(cache, 8).unwrap();
        let gates = gates([0.3, 0.3, 0.4], [0.0, 0.0]);
        let row = StepRow {
            tokens: ids,
            cache,
            gates: &gates,
            side: None,
            shift: None,
            wanted: Wanted::Last,
        };
        model.forward(&mut [row], None).unwrap()
    };
    let mut cache = RowCache::default();
    run(&tensors, &mut cache, &[9, 8, 7, 6, 5]);
    let again = run(&tensors, &mut cache, &[1, 2]);
    let want = run(&packed, &mut RowCache::default(), &[1, 2]);
    assert!(again.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-4));
}

#[test]
fn a_cache_of_another_model_or_too_short_is_an_error() {
    let (_, tensors, _) = pair(&config(false));
    let gates = RowGates::base(ADAPTERS, ROUTERS);
    let step = |cache: &mut RowCache, tokens: &[u32]| {
        let row = StepRow {
            tokens,
            cache,
            gates: &gates,
            side: None,
            shift: None,
            wanted: Wanted::Last,
        };
        tensors.forward(&mut [row], None)
    };
    assert!(step(&mut RowCache::default(), &[1]).is_err());
    let mut cache = RowCache::default();
    tensors.reset(&mut cache, 64).unwrap();
    assert!(step(&mut cache, &[1; 65]).is_err());
}

#[test]
fn sixteen_bits_stay_near() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(false);
    write_checkpoint(folder.path(), &config);
    let checkpoint = Checkpoint::open_folder(folder.path()).unwrap();
    let bank = bank(&config);
    let load = |dtype| {
        TensorLlama::load(
            (&Device::Cpu, dtype),
            config.clone(),
            &checkpoint,
            &mut bank.clone(),
            &mut Digest::default(),
            &mut |_| Ok(()),
        )
        .unwrap()
    };
    let gates = gates([0.2, 0.3, 0.1], [0.4, 0.0]);
    let logits = |model: &TensorLlama| {
        let mut cache = RowCache::default();
        model.reset(&mut cache, 8).unwrap();
        let row = StepRow {
            tokens: &[3, 1, 4, 1, 5],
            cache: &mut cache,
            gates: &gates,
            side: None,
            shift: None,
            wanted: Wanted::Last,
        };
        model.forward(&mut [row], None).unwrap()
    };
    let (exact, half) = (load(DType::F32), load(DType::F16));
    assert!(half.bytes() * 2 <= exact.bytes() + exact.bytes() / 100);
    let (exact, half) = (logits(&exact), logits(&half));
    let size = exact.iter().fold(0.0_f32, |size, v| size.max(v.abs()));
    for (exact, half) in exact.iter().zip(&half) {
        assert!((exact - half).abs() < 0.03 * size, "{half} vs {exact}");
    }
}

/// Logits of a prompt under `gates`, by a decoder of its own cache.
fn logits(decoder: &Decoder, gates: &RowGates) -> Vec<f32> {
    let mut cache = RowCache::default();
    decoder.reset(&mut cache, 8).unwrap();
    let mut rows = [StepRow {
        tokens: &[3, 17, 5, 29, 8],
        cache: &mut cache,
        gates,
        side: None,
        shift: None,
        wanted: Wanted::All,
    }];
    decoder.forward(&mut rows, None).unwrap()
}

/// Numbers put into a loaded model are those of a model that is loaded with them, for a router between
/// others and an adapter between others, on both kinds of decoder.
#[test]
fn changed_experts_equal_loaded_ones() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(true);
    write_checkpoint(folder.path(), &config);
    let checkpoint = Checkpoint::open_folder(folder.path()).unwrap();
    let start = bank(&config);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut wanted = start.clone();
    for site in wanted.routers[1].expert.sites.values_mut() {
        site.weight = numbers(&mut rng, site.weight.len(), 0.6);
        site.bias = numbers(&mut rng, site.bias.len(), 0.6);
    }
    for factor in wanted.adapters[1].factors.values_mut() {
        factor.a = numbers(&mut rng, factor.a.len(), 0.6);
        factor.b = numbers(&mut rng, factor.b.len(), 0.6);
        factor.scale = 1.25;
    }
    let gates = gates([0.2, 0.5, 0.3], [0.4, 0.6]);
    for backend in [Backend::default(), Backend::tensors_on_cpu()] {
        let load = |bank: &Bank| {
            let (mut bank, mut digest) = (bank.clone(), Digest::default());
            let parts = (&backend, config.clone(), &checkpoint);
            Decoder::load(
                parts.0,
                parts.1,
                parts.2,
                &mut bank,
                &mut digest,
                &mut |_| Ok(()),
            )
            .unwrap()
        };
        let mut changed = load(&start);
        let before = logits(&changed, &gates);
        for (path, site) in &wanted.routers[1].expert.sites {
            changed.set_router(1, path, site).unwrap();
            assert!(changed.set_router(7, path, site).is_err());
        }
        for (path, factor) in &wanted.adapters[1].factors {
            changed.set_adapter(1, path, factor).unwrap();
            let other = LoraFactor {
                rank: factor.rank + 1,
                ..factor.clone()
            };
            assert!(changed.set_adapter(1, path, &other).is_err());
        }
        let (after, want) = (logits(&changed, &gates), logits(&load(&wanted), &gates));
        let apart = |a: &[f32], b: &[f32]| {
            let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
            differences.fold(0.0, f32::max)
        };
        assert!(apart(&after, &want) < 1e-5, "{}", apart(&after, &want));
        assert!(apart(&before, &want) > 0.1);
    }
}
