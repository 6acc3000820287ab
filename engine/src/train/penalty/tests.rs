use std::path::{Path, PathBuf};

use candle_core::Device;
use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::forge::dependence::{Measure, RowSample, dependence};
use crate::forge::{Matrix, Module, Precision, write_adapter};
use crate::model::{RopeScaling, Variant};
use crate::train::params;

mod ratio;
mod shuffled;

fn shape() -> LlamaConfig {
    LlamaConfig {
        vocabulary: 24,
        hidden_size: 12,
        intermediate_size: 20,
        layers: 2,
        heads: 2,
        kv_heads: 1,
        head_dim: 6,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        context: 64,
        positions: 64,
        rope_scaling: RopeScaling::None,
        attention_bias: false,
        mlp_bias: false,
        variant: Variant::default(),
        tied_embeddings: true,
        eos_token_id: Some(1),
        bos_token_id: None,
    }
}

fn lora(rank: usize, targets: &[&str]) -> LoraConfig {
    LoraConfig {
        rank,
        alpha: 1.5 * rank as f64,
        target_modules: targets.iter().map(|t| (*t).to_owned()).collect(),
    }
}

/// Variables with a `B` of this size.
fn vars(config: &LoraConfig, seed: u64, size: f32) -> NamedVars {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let fresh = params::lora(&shape(), config, seed).unwrap();
    let filled = fresh
        .iter()
        .map(|(name, tensor)| {
            let sized = if name.contains("lora_B") { size } else { 0.6 };
            let values: Vec<f32> = (0..tensor.elem_count())
                .map(|_| random.random_range(-sized..=sized))
                .collect();
            let tensor = Tensor::from_vec(values, tensor.dims(), &Device::Cpu).unwrap();
            (name.clone(), tensor)
        })
        .collect();
    params::trainable(&filled).unwrap()
}

/// The adapter as a PEFT folder, written by the forge.
fn write(folder: &Path, config: &LoraConfig, vars: &NamedVars) {
    std::fs::create_dir_all(folder).unwrap();
    let matrix = |name: &str| {
        let tensor = vars[name].as_detached_tensor();
        let (rows, cols) = tensor.dims2().unwrap();
        let values = tensor.flatten_all().unwrap().to_vec1().unwrap();
        Matrix::new(rows, cols, values)
    };
    let modules: Vec<Module> = vars
        .keys()
        .filter_map(|name| name.strip_suffix(".lora_A.weight"))
        .map(|name| Module {
            name: name.to_owned(),
            a: matrix(&format!("{name}.lora_A.weight")),
            b: matrix(&format!("{name}.lora_B.weight")),
            scale: config.scale(),
        })
        .collect();
    write_adapter(folder, &modules, None, Precision::F32).unwrap();
}

struct Setting {
    folder: tempfile::TempDir,
    lora: LoraConfig,
    vars: NamedVars,
    against: Vec<PathBuf>,
}

/// An adapter in training and two earlier ones, which do not adapt all modules that it adapts.
fn setting(seed: u64, size: f32) -> Setting {
    let folder = tempfile::tempdir().unwrap();
    let own = lora(3, &["q_proj", "k_proj", "down_proj"]);
    let targets: [&[&str]; 2] = [&["q_proj", "down_proj"], &["k_proj", "down_proj", "o_proj"]];
    let mut against = Vec::new();
    for (index, targets) in targets.into_iter().enumerate() {
        let config = lora(3, targets);
        let path = folder.path().join(format!("earlier-{index}"));
        write(&path, &config, &vars(&config, seed + 1 + index as u64, 0.5));
        against.push(path);
    }
    Setting {
        vars: vars(&own, seed, size),
        lora: own,
        folder,
        against,
    }
}

impl Setting {
    fn penalty(&self, kind: PenaltyKind, alpha: f64, rows: Option<usize>) -> Penalty {
        self.strong(kind, Strength::Alpha(alpha), rows)
    }

    fn strong(&self, kind: PenaltyKind, alpha: Strength, rows: Option<usize>) -> Penalty {
        let config = PenaltyConfig {
            kind,
            alpha,
            rows,
            rows_seed: 3,
            shuffled: false,
        };
        Penalty::open(&config, &self.lora, &shape(), &self.against).unwrap()
    }

    /// Adds an earlier vector that the one in training hardly differs from.
    fn with_a_near_one(mut self) -> Self {
        let path = self.folder.path().join("near");
        let other = vars(&self.lora, 99, 0.1);
        let near: BTreeMap<String, Tensor> = self
            .vars
            .iter()
            .map(|(name, var)| {
                let moved = var.as_detached_tensor() + (other[name].as_tensor() * 0.3).unwrap();
                (name.clone(), moved.unwrap())
            })
            .collect();
        write(&path, &self.lora, &params::trainable(&near).unwrap());
        self.against.push(path);
        self
    }
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Along a random direction: the slope by differences, and by the gradient.
fn slopes(penalty: &Penalty, vars: &NamedVars, seed: u64, step: f64) -> (f64, f64) {
    let gradients = penalty
        .evaluate(vars, &Team::new(2).unwrap(), 0)
        .unwrap()
        .gradients;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut by_gradient = 0.0;
    let directions: Vec<Tensor> = vars
        .values()
        .zip(&gradients)
        .map(|(var, gradient)| {
            let direction: Vec<f32> = (0..var.elem_count())
                .map(|_| random.random_range(-1.0..=1.0))
                .collect();
            if let Some(gradient) = gradient {
                assert_eq!(gradient.dims(), var.dims());
                by_gradient += numbers(gradient)
                    .iter()
                    .zip(&direction)
                    .map(|(g, d)| f64::from(*g) * f64::from(*d))
                    .sum::<f64>();
            }
            Tensor::from_vec(direction, var.dims(), &Device::Cpu).unwrap()
        })
        .collect();
    let at = |times: f64| {
        let moved = vars
            .iter()
            .zip(&directions)
            .map(|((name, var), direction)| {
                let moved = (var.as_detached_tensor() + (direction * times).unwrap()).unwrap();
                (name.clone(), moved)
            })
            .collect();
        let moved = params::trainable(&moved).unwrap();
        penalty
            .evaluate(&moved, &Team::new(1).unwrap(), 0)
            .unwrap()
            .value
    };
    ((at(step) - at(-step)) / (2.0 * step), by_gradient)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Two forms take their bandwidth for a constant, so their own test follows.
    #[test]
    fn gradients_agree_with_differences(seed in 0u64..1000, rows in prop::option::of(5usize..9)) {
        let setting = setting(seed, 0.4);
        for kind in PenaltyKind::ALL {
            let fixed = [PenaltyKind::HsicNormalised, PenaltyKind::HsicUnbiased];
            if kind == PenaltyKind::None || fixed.contains(&kind) {
                continue;
            }
            let penalty = setting.penalty(kind, 7.0, rows);
            let (by_difference, by_gradient) = slopes(&penalty, &setting.vars, seed, 1e-3);
            let value = penalty.evaluate(&setting.vars, &Team::new(1).unwrap(), 0).unwrap().value;
            let tolerance = 0.01 * by_gradient.abs() + 2e-3 * value.abs() + 1e-6;
            prop_assert!(
                (by_difference - by_gradient).abs() < tolerance,
                "{}: {by_difference} by differences, {by_gradient} by gradient", kind.name()
            );
        }
    }
}

/// Squared distances between rows.
fn distances(factor: &Factor, rows: Option<RowSample>) -> Vec<Vec<f64>> {
    let difference: Vec<Vec<f32>> = factor.b.matmul(&factor.a).unwrap().to_vec2().unwrap();
    let chosen = rows.and_then(|rows| rows.choose(difference.len()).unwrap());
    let chosen = chosen.unwrap_or_else(|| (0..difference.len()).collect());
    let apart = |i: usize, j: usize| {
        let pairs = difference[i].iter().zip(&difference[j]);
        pairs
            .map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2))
            .sum()
    };
    chosen
        .iter()
        .map(|&i| chosen.iter().map(|&j| apart(i, j)).collect())
        .collect()
}

fn bandwidth(distances: &[Vec<f64>]) -> f64 {
    let m = distances.len();
    let mut all: Vec<f64> = (0..m)
        .flat_map(|i| (i + 1..m).map(move |j| (i, j)))
        .map(|(i, j)| distances[i][j].sqrt())
        .collect();
    all.sort_by(f64::total_cmp);
    f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2])
}

/// `H K H`.
fn centred(distances: &[Vec<f64>], bandwidth: f64) -> Vec<f64> {
    let m = distances.len();
    let kernel = |i: usize, j: usize| (-0.5 * distances[i][j] / (bandwidth * bandwidth)).exp();
    let means: Vec<f64> = (0..m)
        .map(|i| (0..m).map(|j| kernel(i, j)).sum::<f64>() / m as f64)
        .collect();
    let all = means.iter().sum::<f64>() / m as f64;
    (0..m * m)
        .map(|place| {
            let (i, j) = (place / m, place % m);
            kernel(i, j) - means[i] - means[j] + all
        })
        .collect()
}

/// A centred kernel without its diagonal, as Song et al. have it.
fn centred_unbiased(distances: &[Vec<f64>], bandwidth: f64) -> Vec<f64> {
    let m = distances.len();
    let kernel = |i: usize, j: usize| {
        if i == j {
            return 0.0;
        }
        (-0.5 * distances[i][j] / (bandwidth * bandwidth)).exp()
    };
    let sums: Vec<f64> = (0..m)
        .map(|i| (0..m).map(|j| kernel(i, j)).sum::<f64>())
        .collect();
    let all = sums.iter().sum::<f64>();
    let n = m as f64;
    (0..m * m)
        .map(|place| {
            let (i, j) = (place / m, place % m);
            if i == j {
                return 0.0;
            }
            kernel(i, j) - (sums[i] + sums[j]) / (n - 2.0) + all / ((n - 1.0) * (n - 2.0))
        })
        .collect()
}

/// A normalised penalty with all matrices formed in f64, at the bandwidths that `vars` has.
fn plain<'a>(penalty: &'a Penalty, vars: &NamedVars) -> impl Fn(&NamedVars) -> f64 + 'a {
    let rows = hsic::sample(&penalty.config);
    let of = move |module: &str, vars: &NamedVars, scale| {
        distances(&Factor::trained(module, vars, scale).unwrap(), rows)
    };
    let bandwidths: BTreeMap<String, f64> = penalty
        .modules
        .iter()
        .map(|module| (module.clone(), bandwidth(&of(module, vars, penalty.scale))))
        .collect();
    move |vars| {
        let mut total = 0.0;
        for earlier in &penalty.earlier {
            let mut sum = 0.0;
            for (module, factor) in &earlier.factors {
                let unbiased = penalty.config.kind == PenaltyKind::HsicUnbiased;
                let centre = if unbiased { centred_unbiased } else { centred };
                let k = centre(&of(module, vars, penalty.scale), bandwidths[module]);
                let theirs = distances(factor, rows);
                let l = centre(&theirs, bandwidth(&theirs));
                let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
                let value = dot(&k, &l) / (dot(&k, &k) * dot(&l, &l)).sqrt();
                let m = theirs.len() as f64;
                sum += if unbiased {
                    (value - 2.0 * (2.0 / (m * (m - 3.0))).sqrt()).max(0.0)
                } else {
                    value
                };
            }
            total += sum / earlier.factors.len() as f64;
        }
        penalty.config.alpha.factor() * total
    }
}

/// With the bandwidths of the middle, as the gradient has it.
#[test]
fn normalised_gradients_agree_with_differences_at_a_fixed_bandwidth() {
    for (kind, seed) in [PenaltyKind::HsicNormalised, PenaltyKind::HsicUnbiased]
        .into_iter()
        .flat_map(|kind| (0..4).map(move |seed| (kind, seed)))
    {
        let setting = setting(seed, 0.4).with_a_near_one();
        for rows in [None, Some(8)] {
            let penalty = setting.penalty(kind, 7.0, rows);
            let fixed = plain(&penalty, &setting.vars);
            let addition = penalty
                .evaluate(&setting.vars, &Team::new(1).unwrap(), 0)
                .unwrap();
            let value = addition.value;
            assert!(value > 0.5, "{value} costs too little to tell");
            assert!((fixed(&setting.vars) - value).abs() < 1e-4 * value);
            for (place, (name, var)) in setting.vars.iter().enumerate() {
                let gradient = addition.gradients[place].as_ref().map(numbers);
                let values = numbers(var);
                for entry in [0, values.len() / 2, values.len() - 1] {
                    let at = |difference: f32| {
                        let mut moved: BTreeMap<String, Tensor> = setting
                            .vars
                            .iter()
                            .map(|(n, v)| (n.clone(), v.as_detached_tensor()))
                            .collect();
                        let mut changed = values.clone();
                        changed[entry] += difference;
                        let changed = Tensor::from_vec(changed, var.dims(), &Device::Cpu).unwrap();
                        moved.insert(name.clone(), changed);
                        fixed(&params::trainable(&moved).unwrap())
                    };
                    let slope = (at(4e-3) - at(-4e-3)) / 8e-3;
                    let found = gradient.as_ref().map_or(0.0, |g| f64::from(g[entry]));
                    assert!(
                        (slope - found).abs() < 0.02 * slope.abs() + 5e-3,
                        "{} {name}[{entry}]: {slope} by differences, {found} by gradient",
                        kind.name()
                    );
                }
            }
        }
    }
}

/// What chance explains is left alone.
#[test]
fn independent_vectors_cost_nothing_without_bias() {
    let mut costs = [0.0, 0.0];
    for seed in 0..10 {
        let setting = setting(10 * seed, 0.4);
        for (cost, kind) in costs
            .iter_mut()
            .zip([PenaltyKind::HsicNormalised, PenaltyKind::HsicUnbiased])
        {
            let penalty = setting.penalty(kind, 1.0, None);
            *cost += penalty
                .evaluate(&setting.vars, &Team::new(1).unwrap(), 0)
                .unwrap()
                .value
                / 20.0;
        }
    }
    assert!(costs[0] > 0.2 && costs[1] < 0.05, "{costs:?}");
}

#[test]
fn values_are_those_of_the_forge() {
    for (seed, size) in [(1, 0.4), (2, 0.05)] {
        let setting = setting(seed, size);
        let own = setting.folder.path().join("own");
        write(&own, &setting.lora, &setting.vars);
        for (kind, measure) in [
            (PenaltyKind::HsicReleased, Measure::HsicReleased),
            (PenaltyKind::HsicRows, Measure::HsicRows),
            (PenaltyKind::HsicNormalised, Measure::HsicNormalised),
            (PenaltyKind::HsicUnbiased, Measure::HsicUnbiased),
        ] {
            for rows in [None, Some(7)] {
                let penalty = setting.penalty(kind, 2.0, rows);
                let addition = penalty
                    .evaluate(&setting.vars, &Team::new(2).unwrap(), 0)
                    .unwrap();
                let mut sum = 0.0;
                for (index, earlier) in setting.against.iter().enumerate() {
                    let sample = rows.map(|rows| RowSample { rows, seed: 3 });
                    let found =
                        dependence(&own, earlier, measure, sample, &mut |_| Ok(())).unwrap();
                    let figure = addition.figures[&format!("dependence.earlier-{index}")];
                    assert!(
                        (figure - found.total).abs() < 1e-4 * found.total.abs() + 1e-15,
                        "{}: {figure} here, {} there",
                        kind.name(),
                        found.total
                    );
                    sum += found.total;
                }
                if kind != PenaltyKind::HsicUnbiased {
                    assert!((addition.value - 2.0 * sum).abs() < 1e-4 * sum.abs() + 1e-15);
                }
            }
        }
        for (index, earlier) in setting.against.iter().enumerate() {
            let found = dependence(&own, earlier, Measure::Cosine, None, &mut |_| Ok(())).unwrap();
            let penalty = setting.penalty(PenaltyKind::OrthogonalCosine, 1.0, None);
            let figures = penalty
                .evaluate(&setting.vars, &Team::new(1).unwrap(), 0)
                .unwrap()
                .figures;
            let cosine = figures[&format!("cosine.earlier-{index}")];
            assert!((cosine - found.total).abs() < 1e-5, "{cosine}");
            let squares: f64 = found.modules.values().map(|c| c * c).sum();
            let mean = squares / found.modules.len() as f64;
            let figure = figures[&format!("dependence.earlier-{index}")];
            assert!((figure - mean).abs() < 1e-5, "{figure}, not {mean}");
        }
    }
}

#[test]
fn orthogonality_and_decay_agree_with_formed_matrices() {
    let setting = setting(4, 0.4);
    let earlier = Adapter::load(&setting.against[0], &shape().projections()).unwrap();
    let mut overlap = 0.0;
    for (module, factor) in &earlier.factors {
        let a = numbers(&setting.vars[&format!("{module}.lora_A.weight")]);
        let inner = factor.a.len() / factor.rank;
        for row in a.chunks(inner) {
            for other in factor.a.chunks(inner) {
                let product: f32 = row.iter().zip(other).map(|(x, y)| x * y).sum();
                overlap += f64::from(product.abs());
            }
        }
    }
    let addition = setting
        .penalty(PenaltyKind::OrthogonalOlora, 0.5, None)
        .evaluate(&setting.vars, &Team::new(1).unwrap(), 0)
        .unwrap();
    let figure = addition.figures["dependence.earlier-0"];
    assert!((figure - overlap).abs() < 1e-4, "{figure}, not {overlap}");

    let mut square = 0.0;
    for name in setting.vars.keys().filter(|n| n.contains("lora_A")) {
        let a = &setting.vars[name];
        let b = &setting.vars[&name.replace("lora_A", "lora_B")];
        let formed = (b.matmul(a).unwrap() * setting.lora.scale()).unwrap();
        square += numbers(&formed)
            .iter()
            .map(|v| f64::from(*v).powi(2))
            .sum::<f64>();
    }
    let addition = setting
        .penalty(PenaltyKind::WeightDecay, 3.0, None)
        .evaluate(&setting.vars, &Team::new(1).unwrap(), 0)
        .unwrap();
    assert!((addition.value - 3.0 * square).abs() < 1e-4 * square);
    assert!((addition.figures["norm"] - square.sqrt()).abs() < 1e-4 * square.sqrt());
}

#[test]
fn at_the_start_there_is_no_dependence_and_no_nan() {
    let setting = setting(5, 0.0);
    for kind in PenaltyKind::ALL {
        let addition = setting
            .penalty(kind, 10.0, None)
            .evaluate(&setting.vars, &Team::new(2).unwrap(), 0)
            .unwrap();
        let by_factors = matches!(
            kind,
            PenaltyKind::HsicReleased | PenaltyKind::OrthogonalOlora
        );
        // Those two look at `A`, which is not 0 at the start.
        assert_eq!(addition.value != 0.0, by_factors, "{}", kind.name());
        assert_eq!(addition.figures["norm"], 0.0);
        for gradient in addition.gradients.into_iter().flatten() {
            assert!(numbers(&gradient).iter().all(|g| g.is_finite()));
        }
    }
}

/// Methods 5.2: `r = 64`, `d_in = 4096`, entries uniform within `1/√d_in`: 0.00124 for independent matrices and
/// 0.00125 for one with itself, and the gradient points along `A`.
#[test]
fn the_released_form_hardly_tells_dependence_from_independence() {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut fresh = || {
        let values: Vec<f32> = (0..64 * 4096)
            .map(|_| random.random_range(-1.0 / 64.0..=1.0 / 64.0))
            .collect();
        Factor {
            a: Tensor::from_vec(values, (64, 4096), &Device::Cpu).unwrap(),
            b: Tensor::zeros((4, 64), candle_core::DType::F32, &Device::Cpu).unwrap(),
            square: 0.0,
        }
    };
    let (one, other) = (fresh(), fresh());
    let config = PenaltyConfig {
        kind: PenaltyKind::HsicReleased,
        ..PenaltyConfig::default()
    };
    let frozen = [&one, &other].map(|f| hsic::Frozen::new(&config, f).unwrap());
    let found = hsic::evaluate(
        &config,
        &other,
        &[frozen[0].as_ref(), frozen[1].as_ref()],
        &[1.0, 0.0],
    )
    .unwrap();
    let (values, gradient) = (found.values, found.gradient);
    assert!((values[0] - 0.001_238).abs() < 2e-5, "{values:?}");
    assert!((values[1] - 0.001_251).abs() < 2e-5, "{values:?}");
    let (gradient, a) = (numbers(&gradient.a.unwrap()), numbers(&other.a));
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum()
    };
    let cosine = dot(&gradient, &a) / (dot(&gradient, &gradient) * dot(&a, &a)).sqrt();
    assert!(cosine > 0.97, "{cosine}");
}

#[test]
fn what_cannot_be_compared_is_refused_by_name() {
    let setting = setting(6, 0.4);
    let open = |kind, lora: &LoraConfig, against: &[PathBuf]| {
        let config = PenaltyConfig {
            kind,
            ..PenaltyConfig::default()
        };
        let opened = Penalty::open(&config, lora, &shape(), against);
        opened.map(drop).map_err(|e| {
            assert!(e.is_input(), "{e}");
            e.to_string()
        })
    };
    let alone = open(PenaltyKind::HsicNormalised, &setting.lora, &[]).unwrap_err();
    assert!(alone.contains("`against`"), "{alone}");
    open(PenaltyKind::WeightDecay, &setting.lora, &[]).unwrap();
    let wider = lora(4, &["q_proj", "k_proj"]);
    let ranks = open(PenaltyKind::HsicReleased, &wider, &setting.against).unwrap_err();
    assert!(
        ranks.contains("rank 3") && ranks.contains("in training 4"),
        "{ranks}"
    );
    open(PenaltyKind::HsicRows, &wider, &setting.against).unwrap();
    let apart = lora(3, &["up_proj"]);
    let modules = open(PenaltyKind::HsicRows, &apart, &setting.against).unwrap_err();
    assert!(modules.contains("nothing to compare"), "{modules}");
    let mut config = PenaltyConfig {
        alpha: Strength::Alpha(f64::NAN),
        ..PenaltyConfig::default()
    };
    assert!(Penalty::open(&config, &setting.lora, &shape(), &[]).is_err());
    config.alpha = Strength::Ratio { ratio: -1.0 };
    assert!(Penalty::open(&config, &setting.lora, &shape(), &[]).is_err());
    let few = PenaltyConfig {
        rows: Some(3),
        ..PenaltyConfig::of(PenaltyKind::HsicUnbiased)
    };
    let few = Penalty::open(&few, &setting.lora, &shape(), &setting.against);
    let few = few.map(drop).unwrap_err().to_string();
    assert!(
        few.contains("penalty_rows") && few.contains("at least 4"),
        "{few}"
    );
}

#[test]
fn threads_and_names_do_not_change_the_sum() {
    let mut setting = setting(7, 0.4);
    setting.against.push(setting.against[0].clone());
    let penalty = setting.penalty(PenaltyKind::HsicNormalised, 10.0, Some(6));
    let [one, three] = [1, 3].map(|workers| {
        let team = Team::new(workers).unwrap();
        penalty.evaluate(&setting.vars, &team, 0).unwrap()
    });
    assert_eq!(one.value, three.value);
    assert_eq!(one.figures, three.figures);
    assert_eq!(
        one.figures["cosine.earlier-0"],
        one.figures["cosine.earlier-0-2"]
    );
    for (one, three) in one.gradients.iter().zip(&three.gradients) {
        assert_eq!(one.as_ref().map(numbers), three.as_ref().map(numbers));
    }
}
