//! The mixture on the demonstration bundle: one module and one token of whole rows, each beside its plain reference.
#![allow(
    clippy::expect_used,
    reason = "a bench that cannot be set up should stop at once"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use paretoscope_core::types::{
    Mutes, Point, Preference, Prompt, RowGates, RowRequest, Sampling, TraceLevel,
};
use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::device::Backend;
use paretoscope_engine::generate::{Generator, RowTag};
use paretoscope_engine::kernels::PackedMatrix;
use paretoscope_engine::mixture::{Bank, LinearSpec, MixedGroup, TokenGates, mixed_linear};
use paretoscope_engine::weights::{Adapter, Checkpoint, Digest};

/// The widest module of a layer.
const MODULE: &str = "model.layers.0.mlp.gate_proj";

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo")
}

fn module(criterion: &mut Criterion) {
    let base = Checkpoint::open_folder(&demo().join("base")).expect("the base");
    let name = format!("{MODULE}.weight");
    let [out, inner] = *base.shape(&name).expect("the module") else {
        panic!("{name} is no matrix");
    };
    let weight = base
        .read(&name, &[out, inner], &mut Digest::default())
        .expect("its weights");
    let experts = ["helpful", "harmless", "humor"].map(|name| {
        let folder = demo().join("experts").join(name);
        let linears = [(MODULE.to_owned(), [out, inner])];
        let mut adapter = Adapter::load(&folder, &linears).expect("an expert");
        adapter.factors.retain(|path, _| path == MODULE);
        adapter
    });
    let bank = Bank {
        experts: experts.len(),
        adapters: experts.into(),
        routers: Vec::new(),
    };
    let row = RowGates {
        adapters: vec![0.2, 0.3, 0.5],
        ..RowGates::base(3, 0)
    };
    let x: Vec<f32> = (0..inner).map(|i| (i as f32 * 0.37).sin()).collect();
    let spec = LinearSpec {
        path: MODULE.into(),
        weight: PackedMatrix::new(&weight, out, inner),
        bias: None,
    };
    let group = MixedGroup::new(vec![spec], &mut bank.clone(), 0);
    let mut lines = criterion.benchmark_group("one module, one token, three experts");
    lines.bench_function("packed", |b| {
        b.iter(|| group.forward(black_box(&x), 1, &TokenGates::new([(1, &row)]), None));
    });
    lines.bench_function("plain loop", |b| {
        b.iter(|| mixed_linear(MODULE, &weight, black_box(&x), &bank, &row));
    });
    lines.finish();
}

/// Rows of different preferences, with their prompts read.
fn rows(bundle: &Bundle, count: usize) -> Generator {
    let mut generator = Generator::new(count);
    for row in 0..count {
        let values = vec![1.0, 1.0 + row as f64, 2.0];
        let request = RowRequest {
            prompt: Prompt::Tokens((0..16).map(|i| 100 + i).collect()),
            point: Point::Preference(Preference::new(values).expect("a preference")),
            sampling: Sampling {
                max_tokens: 200,
                ignore_eos: true,
                ..Sampling::default()
            },
            mutes: Mutes::default(),
            trace: TraceLevel::None,
            time: Some(0),
        };
        generator
            .add(bundle, RowTag(row as u64), request, Instant::now())
            .expect("a free slot");
    }
    for _ in 0..2 {
        generator.step(bundle).expect("a step");
    }
    generator
}

fn token(criterion: &mut Criterion) {
    let backends = [
        ("packed kernels", Backend::default()),
        ("tensor library", Backend::tensors_on_cpu()),
    ];
    let bundles = backends.map(|(name, backend)| {
        let options = LoadOptions {
            rewards: false,
            probe: false,
            backend,
            ..LoadOptions::default()
        };
        let bundle =
            Bundle::load(&demo(), &options, &mut |_, _| Ok(())).expect("the demonstration bundle");
        (name, bundle)
    });
    for count in [1, 16] {
        let mut lines = criterion.benchmark_group(format!("a token of each of {count} rows"));
        for (name, bundle) in &bundles {
            lines.bench_function(*name, |b| {
                b.iter_batched_ref(
                    || rows(bundle, count),
                    |generator| generator.step(bundle).expect("a step"),
                    BatchSize::PerIteration,
                );
            });
        }
        lines.finish();
    }
}

criterion_group!(benches, module, token);
criterion_main!(benches);
