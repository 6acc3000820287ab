//! What every benchmark prints beside its own figure.

use std::time::Instant;

use serde_json::{Value, json};

/// Bytes per second that all threads read together from a buffer beyond the caches, best of five.
pub(super) fn read_bandwidth() -> f64 {
    let threads = threads();
    let buffer = vec![1.0_f32; 1 << 27];
    let chunk = buffer.len() / threads;
    let mut best = 0.0_f64;
    for _ in 0..5 {
        let start = Instant::now();
        let total: f32 = std::thread::scope(|scope| {
            let sums: Vec<_> = buffer
                .chunks(chunk)
                .map(|part| scope.spawn(move || sum(part)))
                .collect();
            sums.into_iter().filter_map(|s| s.join().ok()).sum()
        });
        std::hint::black_box(total);
        best = best.max((buffer.len() * 4) as f64 / start.elapsed().as_secs_f64());
    }
    best
}

fn sum(part: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 64];
    for chunk in part.as_chunks::<64>().0 {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().sum()
}

/// Threads that the engine computes with.
pub(super) fn threads() -> usize {
    // What RAYON_NUM_THREADS asks for, else one per core.
    rayon::current_num_threads()
}

/// The highest resident size of this process so far, where the system tells.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1024)
}

/// The middle value, the upper of two; NaN of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Median, smallest and largest.
pub(super) fn spread(values: impl Iterator<Item = f64>) -> Value {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match (values.first(), values.last()) {
        (Some(min), Some(max)) => {
            json!({ "median": values[values.len() / 2], "min": min, "max": max })
        }
        _ => Value::Null,
    }
}
