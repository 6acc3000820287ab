//! Between candle's tensors and the slices that kernels read and write.

use candle_core::{CpuStorage, Device, Layout, Result, Shape, Storage, Tensor, bail};

use crate::kernels::{dot, kernel, vectorised};

/// The numbers of a CPU storage, which must lie in order.
pub(super) fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!(
            "a training kernel needs contiguous numbers, got strides {:?}",
            layout.stride()
        ),
    }
}

/// Calls `read` with the numbers of `tensors`, all on the CPU.
pub(super) fn read<const N: usize, R>(
    tensors: [&Tensor; N],
    read: impl FnOnce([&[f32]; N]) -> R,
) -> Result<R> {
    let mut contiguous = Vec::with_capacity(N);
    for tensor in tensors {
        contiguous.push(tensor.contiguous()?);
    }
    let guards: Vec<_> = contiguous.iter().map(Tensor::storage_and_layout).collect();
    let mut slices: [&[f32]; N] = [&[]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(&guards) {
        match &**storage {
            Storage::Cpu(cpu) => *slice = floats(cpu, layout)?,
            _ => bail!("a training kernel for the CPU met a tensor of another device"),
        }
    }
    Ok(read(slices))
}

/// A tensor of `values` on the CPU.
pub(super) fn tensor(values: Vec<f32>, like: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, like.shape(), &Device::Cpu)
}

/// What a custom op's forward returns.
pub(super) fn output(values: Vec<f32>, shape: impl Into<Shape>) -> (CpuStorage, Shape) {
    (CpuStorage::F32(values), shape.into())
}

/// For in-place ops: the numbers of `target`, to be changed, beside those of `sources`.
pub(crate) fn with_floats<const N: usize>(
    target: &mut CpuStorage,
    layout: &Layout,
    sources: [(&CpuStorage, &Layout); N],
    change: impl FnOnce(&mut [f32], [&[f32]; N]),
) -> Result<()> {
    let mut slices: [&[f32]; N] = [&[]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(sources) {
        *slice = floats(storage, layout)?;
    }
    let (CpuStorage::F32(values), Some((start, end))) = (target, layout.contiguous_offsets())
    else {
        bail!("a training kernel changes contiguous f32 numbers only");
    };
    change(&mut values[start..end], slices);
    Ok(())
}

#[inline(always)]
fn square_sum_of(values: &[f32]) -> f64 {
    values.chunks(4096).map(|c| f64::from(dot(c, c))).sum()
}

kernel!(SquareSum = square_sum_of(&'a [f32]) -> f64);

/// The sum of squares, in f64 over blocks that fit the cache.
pub(crate) fn square_sum(tensor: &Tensor) -> Result<f64> {
    read([tensor], |[values]| vectorised(SquareSum(values)))
}
