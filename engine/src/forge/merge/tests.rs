use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::ties::{Divide, elect, trim};
use super::*;
use crate::forge::peft::{Precision, encode, write_tensors};
use crate::forge::svd::gaussian;
use crate::forge::{Module, write_adapter};
use crate::weights::Checkpoint;

const SHAPES: [(&str, usize, usize); 3] = [
    ("model.layers.0.mlp.up_proj.weight", 24, 10),
    ("model.layers.0.self_attn.q_proj.weight", 10, 10),
    ("model.norm.weight", 1, 10),
];

/// Files of seeded task vectors, of different sizes.
fn vectors(count: usize, seed: u64) -> (TempDir, Vec<DeltaSource>) {
    let folder = tempfile::tempdir().unwrap();
    let sources = (0..count)
        .map(|source| {
            let path = folder.path().join(format!("{source}.safetensors"));
            let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = SHAPES
                .iter()
                .enumerate()
                .map(|(i, (name, rows, cols))| {
                    let mut values = gaussian(*rows, *cols, seed, (source * 10 + i) as u64);
                    values.scale(0.01 * (source + 1) as f32);
                    let bytes = encode(values.values(), Precision::F32).unwrap();
                    ((*name).to_owned(), vec![*rows, *cols], bytes)
                })
                .collect();
            write_tensors(&path, &tensors, Precision::F32, []).unwrap();
            DeltaSource::open(&path, None).unwrap()
        })
        .collect();
    (folder, sources)
}

fn merged(sources: &[DeltaSource], settings: &MergeSettings) -> Vec<Vec<f32>> {
    let merger = Merger::new(sources, settings, &mut |_| Ok(())).unwrap();
    let merged = (0..SHAPES.len())
        .map(|i| merger.tensor(i, &mut Scratch::default()).unwrap())
        .collect();
    merger.check_seen().unwrap();
    merged
}

fn original(source: &DeltaSource) -> Vec<Vec<f32>> {
    let deltas = source.deltas().iter();
    deltas.map(|delta| source.read(delta).unwrap()).collect()
}

fn near(got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len());
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            (got - expected).abs() <= tolerance,
            "place {i}: {got}, not {expected}"
        );
    }
}

#[test]
fn one_source_alone_comes_back() {
    let (_folder, sources) = vectors(3, 1);
    let expected = original(&sources[1]);
    for method in [Method::Linear, Method::Pcb, Method::Fourier] {
        let settings = MergeSettings::new(method, vec![0.0, 1.0, 0.0]);
        assert_eq!(merged(&sources, &settings), expected, "{method:?}");
    }
    for method in [Method::Ties, Method::DareLinear, Method::DareTies] {
        let mut settings = MergeSettings::new(method, vec![0.0, 1.0, 0.0]);
        settings.density = 1.0;
        assert_eq!(merged(&sources, &settings), expected, "{method:?}");
    }
    // At a density below 1 TIES gives the trimmed vector.
    let settings = MergeSettings::new(Method::Ties, vec![0.0, 0.5, 0.0]);
    for (got, mut expected) in merged(&sources, &settings).into_iter().zip(expected) {
        trim(&mut expected, 0.2);
        assert_eq!(got, expected);
    }
}

#[test]
fn equal_sources_merge_to_themselves_under_ties() {
    let (_folder, sources) = vectors(1, 5);
    let twice = vec![
        DeltaSource::open(sources[0].path(), None).unwrap(),
        DeltaSource::open(sources[0].path(), None).unwrap(),
    ];
    let mut settings = MergeSettings::new(Method::Ties, vec![0.3, 0.7]);
    settings.density = 1.0;
    for (got, expected) in merged(&twice, &settings).iter().zip(original(&sources[0])) {
        near(got, &expected, 1e-8);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn linear_is_the_weighted_sum(weights in prop::collection::vec(0.0f64..2.0, 3), seed: u64) {
        prop_assume!(weights.iter().any(|w| *w > 0.0));
        let (_folder, sources) = vectors(3, seed);
        let originals: Vec<Vec<Vec<f32>>> = sources.iter().map(original).collect();
        let got = merged(&sources, &MergeSettings::new(Method::Linear, weights.clone()));
        for (tensor, got) in got.iter().enumerate() {
            for (place, got) in got.iter().enumerate() {
                let terms = originals.iter().zip(&weights).map(|(o, w)| w * f64::from(o[tensor][place]));
                let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
                // A number of 32 bits is rounded by 6e-8 of itself.
                prop_assert!((f64::from(*got) - sum).abs() <= 1e-9 + 1e-7 * size);
            }
        }
    }

    #[test]
    fn trimming_keeps_exactly_the_share(values in prop::collection::vec(-3i8..3, 1..80), density in 0.0f64..1.0) {
        let values: Vec<f32> = values.iter().map(|v| f32::from(*v) + 0.5).collect();
        let mut trimmed = values.clone();
        trim(&mut trimmed, density);
        let kept: Vec<usize> = (0..values.len()).filter(|&i| trimmed[i] != 0.0).collect();
        prop_assert_eq!(kept.len(), (density * values.len() as f64) as usize);
        prop_assert!(kept.iter().all(|&i| trimmed[i] == values[i]));
        let smallest = kept.iter().map(|&i| values[i].abs()).fold(f32::INFINITY, f32::min);
        let dropped = (0..values.len()).filter(|i| !kept.contains(i));
        prop_assert!(dropped.map(|i| values[i].abs()).all(|v| v <= smallest));
    }
}

#[test]
fn the_elected_sign_is_that_of_the_weighted_sum() {
    // By hand. Place 0: 0.5·2 - 0.5·1 > 0, so 2 alone stays. Place 1: 0.5·1 - 0.5·3 < 0, so -3.
    // Place 2: both agree, their mean. Place 3: a sum of 0 counts as +. Place 4: nothing.
    let parts = vec![
        vec![2.0, 1.0, 4.0, 1.0, 0.0],
        vec![-1.0, -3.0, 2.0, -1.0, 0.0],
    ];
    let got = elect(&parts, &[0.5, 0.5], Divide::ByWeights, 1.0);
    assert_eq!(got, [2.0, -3.0, 3.0, 1.0, 0.0]);
    // The weights vote: at 0.9 to 0.1 the first wins place 1, too.
    let got = elect(&parts, &[0.9, 0.1], Divide::ByWeights, 1.0);
    near(&got, &[2.0, 1.0, 3.8, 1.0, 0.0], 1e-6);
    let got = elect(&parts, &[0.5, 0.5], Divide::ByNothing, 2.0);
    assert_eq!(got, [2.0, -3.0, 6.0, 1.0, 0.0]);
}

#[test]
fn dare_keeps_about_its_share_and_the_expectation() {
    let mask = |seed, source| dare::Mask {
        density: 0.25,
        seed,
        tensor: 3,
        source,
    };
    let mut values = vec![1.0f32; 100_000];
    mask(1, 0).apply(&mut values);
    assert!(values.iter().all(|v| *v == 0.0 || *v == 4.0));
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    assert!((mean - 1.0).abs() < 0.03, "{mean}");
    let drawn = |seed, source| {
        let mut other = vec![1.0f32; 100_000];
        mask(seed, source).apply(&mut other);
        other
    };
    assert_eq!(drawn(1, 0), values);
    assert_ne!(drawn(2, 0), values);
    assert_ne!(drawn(1, 1), values);
}

#[test]
fn nothing_depends_on_the_number_of_threads() {
    let (_folder, sources) = vectors(3, 8);
    for method in [
        Method::Linear,
        Method::Ties,
        Method::DareTies,
        Method::Pcb,
        Method::Fourier,
    ] {
        let settings = MergeSettings::new(method, vec![0.5, 0.2, 0.3]);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| merged(&sources, &settings))
        };
        assert_eq!(on(1), on(4), "{method:?}");
    }
}

/// PCB by its formulas, on sorted copies of everything.
fn plain_pcb(tasks: &[Vec<f32>], weights: &[f64], density: f64, variant: PcbVariant) -> Vec<f64> {
    let (n, d) = (tasks.len(), tasks[0].len());
    let sorted = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let magnitudes: Vec<Vec<f64>> = tasks
        .iter()
        .map(|task| {
            let raw: Vec<f64> = task.iter().map(|v| f64::from(v.abs())).collect();
            let order = sorted(&raw);
            let (low, high) = (
                order[(0.01 * d as f64) as usize],
                order[(0.99 * d as f64 - 1.0) as usize],
            );
            raw.iter().map(|v| v.clamp(low, high)).collect()
        })
        .collect();
    let scaled: Vec<Vec<f64>> = magnitudes
        .iter()
        .map(|m| {
            let order = sorted(m);
            m.iter()
                .map(|v| (v - order[0]) / (order[d - 1] - order[0]))
                .collect()
        })
        .collect();
    let z = |i: usize, e: usize| scaled[i][e] * f64::from(tasks[i][e].signum());
    let raw = |i: usize, e: usize| f64::from(tasks[i][e]);
    let shares: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let score = |e: usize| {
                let agreement = match variant {
                    PcbVariant::A => (raw(i, e) * (0..n).map(|j| raw(j, e)).sum::<f64>()).tanh(),
                    PcbVariant::B => (raw(i, e) * (0..n).map(|j| z(j, e)).sum::<f64>()).tanh(),
                    PcbVariant::C => (0..n).map(|j| (z(i, e) * z(j, e)).tanh()).sum(),
                };
                (n as f64 * scaled[i][e].powi(2)).exp() * agreement
            };
            let scores: Vec<f64> = (0..d).map(score).collect();
            let order = sorted(&scores);
            let (low, high) = (order[((1.0 - density) * d as f64) as usize], order[d - 1]);
            scores
                .iter()
                .map(|s| (s.max(low) - low) / (high - low))
                .collect()
        })
        .collect();
    (0..d)
        .map(|e| {
            let terms = (0..n).map(|i| {
                let clamped = magnitudes[i][e] * f64::from(tasks[i][e].signum());
                1.2 * n as f64 * weights[i] * clamped * shares[i][e]
            });
            let total: f64 = (0..n).map(|i| shares[i][e]).sum();
            terms.sum::<f64>() / total.max(1e-12)
        })
        .collect()
}

#[test]
fn pcb_in_passes_is_pcb_by_its_formulas() {
    let (_folder, sources) = vectors(3, 21);
    let flat: Vec<Vec<f32>> = sources.iter().map(|s| original(s).concat()).collect();
    let weights = vec![0.2, 0.3, 0.5];
    for variant in [PcbVariant::A, PcbVariant::B, PcbVariant::C] {
        let mut settings = MergeSettings::new(Method::Pcb, weights.clone());
        settings.pcb = variant;
        settings.density = 0.15;
        let expected = plain_pcb(&flat, &weights, 0.15, variant);
        let got = merged(&sources, &settings).concat();
        let mut nonzero = 0;
        for (got, expected) in got.iter().zip(&expected) {
            assert!((f64::from(*got) - expected).abs() < 1e-7 + 1e-5 * expected.abs());
            nonzero += usize::from(*got != 0.0);
        }
        assert!(nonzero > 0 && nonzero <= (3.0 * 0.15 * got.len() as f64) as usize + 3);
    }
}

fn adapters(ranks: &[usize], scales: &[f64]) -> (TempDir, Vec<DeltaSource>) {
    let folder = tempfile::tempdir().unwrap();
    let sources = ranks
        .iter()
        .zip(scales)
        .enumerate()
        .map(|(i, (&rank, &scale))| {
            let path = folder.path().join(i.to_string());
            std::fs::create_dir(&path).unwrap();
            let modules = [
                "model.layers.0.self_attn.q_proj",
                "model.layers.0.mlp.up_proj",
            ]
            .map(|name| Module {
                name: name.to_owned(),
                a: gaussian(rank, 12, i as u64, name.len() as u64),
                b: gaussian(9, rank, i as u64, 100 + name.len() as u64),
                scale,
            });
            write_adapter(&path, &modules, None, Precision::F32).unwrap();
            DeltaSource::open(&path, None).unwrap()
        });
    let sources = sources.collect();
    (folder, sources)
}

fn dense(module: &Module) -> Vec<f32> {
    let mut product = module.b.times(&module.a);
    product.scale(module.scale as f32);
    product.into_values()
}

#[test]
fn ranks_side_by_side_are_the_exact_sum() {
    let (_folder, sources) = adapters(&[2, 3, 1], &[1.0, 0.5, 2.0]);
    let weights = [0.3, 0.9, 0.0];
    let modules = concatenate(&sources, &weights).unwrap();
    let merger = Merger::new(
        &sources,
        &MergeSettings::new(Method::Linear, weights.to_vec()),
        &mut |_| Ok(()),
    )
    .unwrap();
    assert_eq!(modules.len(), 2);
    for (index, module) in modules.iter().enumerate() {
        assert_eq!(module.rank(), 5);
        near(
            &dense(module),
            &merger.tensor(index, &mut Scratch::default()).unwrap(),
            1e-5,
        );
    }
}

#[test]
fn averaging_factors_is_right_alone_and_has_cross_terms_in_company() {
    let (_folder, sources) = adapters(&[2, 2], &[0.5, 0.5]);
    let alone = factor_average(&sources, &[1.0, 0.0]).unwrap();
    for module in &alone {
        let delta = sources[0]
            .deltas()
            .iter()
            .find(|d| d.name == module.name)
            .unwrap();
        near(&dense(module), &sources[0].read(delta).unwrap(), 1e-5);
    }
    let soup = factor_average(&sources, &[0.5, 0.5]).unwrap();
    let sum = concatenate(&sources, &[0.5, 0.5]).unwrap();
    let apart = dense(&soup[0])
        .iter()
        .zip(dense(&sum[0]))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(apart > 0.1, "{apart}");

    let (_folder, uneven) = adapters(&[2, 3], &[1.0, 1.0]);
    assert!(factor_average(&uneven, &[0.5, 0.5]).unwrap_err().is_input());
    let (_folder, dense_sources) = vectors(2, 0);
    assert!(
        concatenate(&dense_sources, &[1.0, 1.0])
            .unwrap_err()
            .is_input()
    );
}

#[test]
fn a_written_merge_reads_back() {
    let (folder, sources) = vectors(2, 4);
    let settings = MergeSettings::new(Method::Ties, vec![0.5, 0.5]);
    let merger = Merger::new(&sources, &settings, &mut |_| Ok(())).unwrap();
    let path: PathBuf = folder.path().join("merged.safetensors");
    write_vectors(&merger, &path, &mut |_| Ok(())).unwrap();
    let back = Checkpoint::open_file(&path).unwrap();
    let mut names: Vec<&str> = SHAPES.iter().map(|(name, ..)| *name).collect();
    names.sort_unstable();
    assert_eq!(back.names().collect::<Vec<_>>(), names);
    for (index, name) in names.iter().enumerate() {
        assert_eq!(
            back.values(name).unwrap(),
            merger.tensor(index, &mut Scratch::default()).unwrap()
        );
    }
}

#[test]
fn wrong_settings_are_refused() {
    let (_folder, sources) = vectors(2, 0);
    let good = MergeSettings::new(Method::Ties, vec![0.5, 0.5]);
    let spoilt: [fn(&mut MergeSettings); 8] = [
        |s| s.weights = vec![1.0],
        |s| s.weights = vec![0.0, 0.0],
        |s| s.weights = vec![-1.0, 1.0],
        |s| s.weights = vec![f64::NAN, 1.0],
        |s| s.density = 0.0,
        |s| s.density = 1.5,
        |s| s.density = f64::NAN,
        |s| s.scale = 0.0,
    ];
    for (index, spoil) in spoilt.iter().enumerate() {
        let mut settings = good.clone();
        spoil(&mut settings);
        let refused = Merger::new(&sources, &settings, &mut |_| Ok(()));
        assert!(refused.is_err_and(|e| e.is_input()), "case {index}");
    }
    assert!(Merger::new(&sources, &good, &mut |_| Ok(())).is_ok());
}
