//! Named f32 tensors, in and out of safetensors files.

use std::collections::BTreeMap;
use std::path::Path;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// Name → shape and values, row-major.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Writes f32 tensors.
pub fn write_tensors(path: &Path, tensors: &Tensors) {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, values))| {
            (
                name.clone(),
                shape.clone(),
                values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            )
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, data)| {
        (
            name.as_str(),
            TensorView::new(Dtype::F32, shape.clone(), data).expect("shape and values agree"),
        )
    });
    let file = safetensors::serialize(views, None).expect("sound tensors");
    std::fs::write(path, file).expect("a writable folder");
}

/// Reads f32 tensors.
pub fn read_tensors(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).expect("a file");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    file.tensors()
        .into_iter()
        .map(|(name, view)| {
            let values = view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect();
            (name, (view.shape().to_vec(), values))
        })
        .collect()
}

/// Random tensors of these shapes, always the same for a seed; norms' weights lie around 1.
pub(crate) fn random(
    seed: u64,
    size: f32,
    shapes: impl IntoIterator<Item = (String, Vec<usize>)>,
) -> Tensors {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    shapes
        .into_iter()
        .map(|(name, shape)| {
            let around = if name.contains("norm") { 1.0 } else { 0.0 };
            let values = (0..shape.iter().product())
                .map(|_| around + rng.random_range(-size..size))
                .collect();
            (name, (shape, values))
        })
        .collect()
}
