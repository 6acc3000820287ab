//! Tensors in main memory as slices.

use std::ops::Deref;

use candle_core::{Result, Storage, Tensor, bail};
use rayon::prelude::*;

/// The values of a contiguous f32 tensor on the CPU, without a copy.
pub(in crate::reward) fn host(tensor: &Tensor) -> Result<impl Deref<Target = [f32]>> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((first, last)) = layout.contiguous_offsets() else {
        bail!("a contiguous tensor is needed, not {layout:?}");
    };
    let Storage::Cpu(cpu) = &*storage else {
        bail!("a tensor in main memory is needed");
    };
    let held = cpu.as_slice::<f32>()?.len();
    if last > held {
        bail!("a tensor of {last} values lies in a storage of {held}");
    }
    Ok(Host {
        storage,
        first,
        last,
    })
}

/// A lock on a storage, and the values of it that are meant.
struct Host<G> {
    storage: G,
    first: usize,
    last: usize,
}

impl<G: Deref<Target = Storage>> Deref for Host<G> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // `host` has seen that the storage is one of f32s on the CPU and long enough.
        match &*self.storage {
            Storage::Cpu(cpu) => cpu
                .as_slice::<f32>()
                .map_or(&[][..], |all| &all[self.first..self.last]),
            _ => &[],
        }
    }
}

/// Rows of a parallel piece of work, so that it has about this many values.
pub(super) fn rows_per_piece(width: usize) -> usize {
    (16_384 / width.max(1)).max(1)
}

/// `x + y` of one shape, in main memory on all threads.
pub(in crate::reward) fn add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return x + y;
    }
    let (left, right) = (host(x)?, host(y)?);
    let mut sum = left.to_vec();
    sum.par_chunks_mut(16_384)
        .zip(right.par_chunks(16_384))
        .for_each(|(sum, y)| {
            for (sum, y) in sum.iter_mut().zip(y) {
                *sum += y;
            }
        });
    Tensor::from_vec(sum, x.shape(), x.device())
}
