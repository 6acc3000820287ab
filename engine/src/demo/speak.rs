//! Greedy answers from the trainer's own forward: the plain reference, without cache or gates, that
//! the recipe measures with.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::tokenizer::END;
use crate::Result;
use crate::train::batch::{FlatBatch, index_tensor};
use crate::train::forward::{Adapters, TrainModel};

/// Sequences that go through the model together.
const BATCH: usize = 24;

/// Continues every question greedily until the end token or `limit` new tokens; the end is left out.
/// `workers` threads share the questions; their number does not change the answers.
pub fn answers(
    model: &TrainModel,
    questions: &[Vec<u32>],
    limit: usize,
    workers: usize,
) -> Result<Vec<Vec<u32>>> {
    let mut out = Vec::with_capacity(questions.len());
    for part in in_threads(questions, workers, |chunk| {
        continue_all(model, chunk, limit)
    }) {
        out.extend(part?);
    }
    Ok(out)
}

/// Scores of whole texts by a reward model, one per text.
pub fn scores(model: &TrainModel, texts: &[Vec<u32>], workers: usize) -> Result<Vec<f64>> {
    let mut out = Vec::with_capacity(texts.len());
    for part in in_threads(texts, workers, |chunk| -> Result<Vec<f64>> {
        let batch = FlatBatch::new(chunk.iter().map(|t| t.iter().copied()));
        Ok(model
            .scores(&batch)?
            .to_vec1::<f32>()?
            .into_iter()
            .map(f64::from)
            .collect())
    }) {
        out.extend(part?);
    }
    Ok(out)
}

/// Runs `work` on batches of `items`, `workers` at a time, results in order.
fn in_threads<T: Sync, R: Send>(
    items: &[T],
    workers: usize,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let batches: Vec<&[T]> = items.chunks(BATCH).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut results: BTreeMap<usize, R> = BTreeMap::new();
    std::thread::scope(|scope| {
        let run = || {
            let mut mine = Vec::new();
            loop {
                let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                match batches.get(index) {
                    Some(batch) => mine.push((index, work(batch))),
                    None => return mine,
                }
            }
        };
        let threads: Vec<_> = (0..workers.max(1)).map(|_| scope.spawn(run)).collect();
        for thread in threads {
            match thread.join() {
                Ok(mine) => results.extend(mine),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results.into_values().collect()
}

fn continue_all(model: &TrainModel, questions: &[Vec<u32>], limit: usize) -> Result<Vec<Vec<u32>>> {
    let mut said: Vec<Vec<u32>> = vec![Vec::new(); questions.len()];
    let mut running: Vec<usize> = (0..questions.len()).collect();
    for _ in 0..limit {
        if running.is_empty() {
            break;
        }
        let sequences = running
            .iter()
            .filter_map(|&i| Some(questions.get(i)?.iter().chain(said.get(i)?).copied()));
        let batch = FlatBatch::new(sequences);
        let logits = model.logits(&batch, Adapters::On)?;
        let last = index_tensor(&batch.last_rows(), logits.device())?;
        let chosen: Vec<u32> = argmax(&logits.index_select(&last, 0)?)?;
        let mut still = Vec::with_capacity(running.len());
        for (&index, token) in running.iter().zip(chosen) {
            if let (true, Some(text)) = (token != END, said.get_mut(index)) {
                text.push(token);
                still.push(index);
            }
        }
        running = still;
    }
    Ok(said)
}

fn argmax(logits: &Tensor) -> Result<Vec<u32>> {
    Ok(logits.argmax(candle_core::D::Minus1)?.to_vec1::<u32>()?)
}
