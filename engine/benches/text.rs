//! Text to ids, ids to text as it streams, and the choice of a token.
#![allow(
    clippy::expect_used,
    reason = "a bench that cannot be set up should stop at once"
)]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use paretoscope_core::types::{Prompt, Sampling};
use paretoscope_engine::generate::Sampler;
use paretoscope_engine::text::Tokenizer;

fn tokenizer(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/base");
    let tokenizer = Tokenizer::load(&folder).expect("the demonstration bundle's tokenizer");
    let text = "How do I get red wine out of a carpet? ".repeat(25);
    let ids = tokenizer.encode(&text, false).expect("ids");
    let prompt = Prompt::Chat(text.clone());
    let mut lines = criterion.benchmark_group("a kilobyte of text");
    lines.bench_function("to ids", |b| {
        b.iter(|| tokenizer.encode(black_box(&text), false))
    });
    lines.bench_function("through the chat template to ids", |b| {
        b.iter(|| tokenizer.encode_prompt(black_box(&prompt)));
    });
    lines.bench_function("back, token by token as it streams", |b| {
        b.iter(|| {
            let mut stream = tokenizer.stream();
            for id in black_box(&ids) {
                black_box(stream.push(*id));
            }
            stream.finish()
        });
    });
    lines.bench_function("back, all ids anew at each token (plain)", |b| {
        b.iter(|| {
            for end in 1..=ids.len() {
                black_box(tokenizer.decode(&ids[..end]).expect("text"));
            }
        });
    });
    lines.finish();
}

fn sampling(criterion: &mut Criterion) {
    let logits: Vec<f32> = (0..32_000)
        .map(|i| ((i * 7919) % 2003) as f32 / 100.0)
        .collect();
    let mut lines = criterion.benchmark_group("a token of 32,000");
    for (name, temperature, top_p) in [
        ("greedy", 0.0, 1.0),
        ("temperature 0.8", 0.8, 1.0),
        ("temperature 0.8, top-p 0.95", 0.8, 0.95),
    ] {
        let mut sampler = Sampler::new(&Sampling {
            temperature,
            top_p,
            ..Sampling::default()
        });
        lines.bench_function(name, |b| b.iter(|| sampler.sample(black_box(&logits), &[])));
    }
    lines.finish();
}

criterion_group!(benches, tokenizer, sampling);
criterion_main!(benches);
