//! Products by how their weight is stored, each beside its floor: reading as many bytes on as many threads.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use paretoscope_engine::kernels::{BlockKind, PackedInput, PackedMatrix, Product, products};

/// `gate_proj` of Llama-2-7B.
const OUT: usize = 11_008;
const INNER: usize = 4_096;

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// Blocks whose scales and minima are 0.01.
fn blocks(kind: BlockKind) -> Vec<u8> {
    let count = OUT * INNER / kind.values();
    let mut bytes: Vec<u8> = (0..count * kind.bytes())
        .map(|i| (i.wrapping_mul(40_503) >> 7) as u8)
        .collect();
    // The bits of 0.01 as f16.
    let number = 0x211f_u16.to_le_bytes();
    for block in bytes.chunks_exact_mut(kind.bytes()) {
        let at: &[usize] = match kind {
            BlockKind::Q6_K => &[208],
            BlockKind::Q4_1 | BlockKind::Q5_1 | BlockKind::Q4_K | BlockKind::Q5_K => &[0, 2],
            BlockKind::Q4_0 | BlockKind::Q5_0 | BlockKind::Q8_0 | BlockKind::Iq4Nl => &[0],
        };
        for &at in at {
            block[at..at + 2].copy_from_slice(&number);
        }
    }
    bytes
}

/// The last bits of all words of a share of memory for each thread.
fn read(shares: &[Vec<u64>]) -> u64 {
    let sum = |share: &[u64]| {
        share
            .iter()
            .fold(0_u64, |sum, word| sum.wrapping_add(*word))
    };
    match shares {
        [] => 0,
        [one] => sum(one),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            let (left, right) = rayon::join(|| read(left), || read(right));
            left.wrapping_add(right)
        }
    }
}

fn by_storage(criterion: &mut Criterion) {
    let weight = numbers(OUT * INNER);
    // Multiples of 2^-10, of up to eleven bits: f16 holds them. Without their low half, bf16 holds numbers.
    let halves: Vec<f32> = weight
        .iter()
        .map(|w| (w * 1024.0).round() / 1024.0)
        .collect();
    let cut = |w: &f32| f32::from_bits(w.to_bits() & 0xffff_0000);
    let brains: Vec<f32> = weight.iter().map(cut).collect();
    let mut matrices = vec![
        PackedMatrix::new(&weight, OUT, INNER),
        PackedMatrix::narrowest(&halves, OUT, INNER),
        PackedMatrix::narrowest(&brains, OUT, INNER),
    ];
    let kinds = [
        BlockKind::Q8_0,
        BlockKind::Q6_K,
        BlockKind::Q5_K,
        BlockKind::Q5_1,
        BlockKind::Q5_0,
        BlockKind::Q4_K,
        BlockKind::Q4_1,
        BlockKind::Q4_0,
        BlockKind::Iq4Nl,
    ];
    matrices.extend(kinds.map(|kind| PackedMatrix::blocks(kind, &blocks(kind), OUT, INNER)));
    for rows in [1, 16] {
        let x = numbers(rows * INNER);
        for matrix in &matrices {
            let name = format!("{} x 7B gate_proj, {rows} rows", matrix.storage());
            let mut lines = criterion.benchmark_group(name);
            lines.throughput(Throughput::Bytes(matrix.bytes() as u64));
            lines.bench_function("product", |b| {
                b.iter(|| {
                    let x = PackedInput::new(black_box(&x), rows, INNER);
                    products(&[Product {
                        terms: vec![(&x, matrix)],
                        bias: None,
                    }])
                });
            });
            let threads = rayon::current_num_threads();
            let share = vec![1_u64; matrix.bytes() / size_of::<u64>() / threads];
            let shares = vec![share; threads];
            lines.bench_function("floor", |b| b.iter(|| read(black_box(&shares))));
            lines.finish();
        }
    }
}

criterion_group!(benches, by_storage);
criterion_main!(benches);
