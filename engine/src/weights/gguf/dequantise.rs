//! Quantised blocks as numbers, plainly: what fast products are held to.

use half::f16;

use crate::kernels::BlockKind;

/// The values that a 4-bit number of IQ4_NL stands for.
const TABLE: [f32; 16] = [
    -127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0,
    89.0, 113.0,
];

/// Writes the numbers that whole blocks stand for, and counts those that are not finite. `values.len()` is
/// [`BlockKind::values`] per block.
pub fn dequantise(kind: BlockKind, bytes: &[u8], values: &mut [f32]) -> usize {
    let blocks = bytes.chunks_exact(kind.bytes());
    for (block, values) in blocks.zip(values.chunks_exact_mut(kind.values())) {
        match kind {
            BlockKind::Q8_0 => {
                let d = half_at(block, 0);
                for (value, q) in values.iter_mut().zip(&block[2..]) {
                    *value = d * f32::from(*q as i8);
                }
            }
            BlockKind::Q4_0 => nibbles(half_at(block, 0), 0.0, &block[2..], values, |q, _| {
                f32::from(q) - 8.0
            }),
            BlockKind::Q4_1 => {
                let (d, m) = (half_at(block, 0), half_at(block, 2));
                nibbles(d, m, &block[4..], values, |q, _| f32::from(q));
            }
            BlockKind::Q5_0 => {
                let high = word_at(block, 2);
                nibbles(half_at(block, 0), 0.0, &block[6..], values, |q, j| {
                    f32::from(q | fifth(high, j)) - 16.0
                });
            }
            BlockKind::Q5_1 => {
                let (d, m, high) = (half_at(block, 0), half_at(block, 2), word_at(block, 4));
                nibbles(d, m, &block[8..], values, |q, j| {
                    f32::from(q | fifth(high, j))
                });
            }
            BlockKind::Iq4Nl => nibbles(half_at(block, 0), 0.0, &block[2..], values, |q, _| {
                TABLE[usize::from(q)]
            }),
            BlockKind::Q4_K => of_32(block, &block[16..144], None, values),
            BlockKind::Q5_K => of_32(block, &block[48..176], Some(&block[16..48]), values),
            BlockKind::Q6_K => of_16(block, values),
        }
    }
    values.iter().filter(|value| !value.is_finite()).count()
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

fn word_at(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// The fifth bit of number `j`.
fn fifth(high: u32, j: usize) -> u8 {
    (((high >> j) & 1) as u8) << 4
}

/// `d of(q) + m`: the low halves of 16 bytes are the first 16 numbers, the high ones the others.
fn nibbles(d: f32, m: f32, bytes: &[u8], values: &mut [f32], of: impl Fn(u8, usize) -> f32) {
    for (j, byte) in bytes.iter().take(16).enumerate() {
        values[j] = d * of(byte & 15, j) + m;
        values[j + 16] = d * of(byte >> 4, j + 16) + m;
    }
}

/// The 6-bit scale and minimum of the `j`-th 32 numbers.
fn scales(b: &[u8], j: usize) -> (f32, f32) {
    let (scale, minimum) = if j < 4 {
        (b[j] & 63, b[j + 4] & 63)
    } else {
        (
            (b[j + 4] & 15) | ((b[j - 4] >> 6) << 4),
            (b[j + 4] >> 4) | ((b[j] >> 6) << 4),
        )
    };
    (f32::from(scale), f32::from(minimum))
}

/// Q4_K and Q5_K: `d sc q - dmin mn` per 32; `high` holds fifth bits.
fn of_32(block: &[u8], low: &[u8], high: Option<&[u8]>, values: &mut [f32]) {
    let (d, least) = (half_at(block, 0), half_at(block, 2));
    for (i, values) in values.chunks_exact_mut(32).enumerate() {
        let (scale, minimum) = scales(&block[4..16], i);
        for (l, value) in values.iter_mut().enumerate() {
            let byte = low[32 * (i / 2) + l];
            let q = if i % 2 == 0 { byte & 15 } else { byte >> 4 };
            let bit = high.map_or(0, |high| ((high[l] >> i) & 1) << 4);
            *value = d * scale * f32::from(q | bit) - least * minimum;
        }
    }
}

/// Q6_K: `d sc (q - 32)` per 16.
fn of_16(block: &[u8], values: &mut [f32]) {
    let (low, high, scales, d) = (
        &block[..128],
        &block[128..192],
        &block[192..208],
        half_at(block, 208),
    );
    for (half, values) in values.chunks_exact_mut(128).enumerate() {
        let (low, high) = (&low[64 * half..][..64], &high[32 * half..][..32]);
        for (at, value) in values.iter_mut().enumerate() {
            let (part, l) = (at / 32, at % 32);
            let byte = low[32 * (part % 2) + l];
            let q = if part < 2 { byte & 15 } else { byte >> 4 };
            let q = q | (((high[l] >> (2 * part)) & 3) << 4);
            let scale = scales[8 * half + at / 16] as i8;
            *value = d * f32::from(scale) * (f32::from(q) - 32.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use candle_core::quantized::GgmlDType;
    use candle_core::quantized::ggml_file::qtensor_from_ggml;

    use super::*;

    /// Blocks of any bytes, but for scales that are finite.
    fn blocks(kind: BlockKind, count: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..count * kind.bytes())
            .map(|i| ((i * 7919 + 31) % 251) as u8)
            .collect();
        let halves: &[usize] = match kind {
            BlockKind::Q6_K => &[208],
            BlockKind::Q4_1 | BlockKind::Q5_1 | BlockKind::Q4_K | BlockKind::Q5_K => &[0, 2],
            _ => &[0],
        };
        for (index, block) in bytes.chunks_exact_mut(kind.bytes()).enumerate() {
            for at in halves {
                let scale = f16::from_f32(0.01 * (index + at + 1) as f32).to_le_bytes();
                block[*at..at + 2].copy_from_slice(&scale);
            }
        }
        bytes
    }

    #[test]
    fn blocks_stand_for_what_candle_makes_of_them() {
        for (kind, theirs) in [
            (BlockKind::Q4_0, GgmlDType::Q4_0),
            (BlockKind::Q4_1, GgmlDType::Q4_1),
            (BlockKind::Q5_0, GgmlDType::Q5_0),
            (BlockKind::Q5_1, GgmlDType::Q5_1),
            (BlockKind::Q8_0, GgmlDType::Q8_0),
            (BlockKind::Q4_K, GgmlDType::Q4K),
            (BlockKind::Q5_K, GgmlDType::Q5K),
            (BlockKind::Q6_K, GgmlDType::Q6K),
        ] {
            let bytes = blocks(kind, 3);
            let mut values = vec![0.0; 3 * kind.values()];
            assert_eq!(dequantise(kind, &bytes, &mut values), 0);
            let device = Device::Cpu;
            let tensor =
                qtensor_from_ggml(theirs, &bytes, vec![3 * kind.values()], &device).unwrap();
            let want: Vec<f32> = tensor.dequantize(&device).unwrap().to_vec1().unwrap();
            for (at, (got, want)) in values.iter().zip(&want).enumerate() {
                assert!(
                    (got - want).abs() <= 1e-6 * want.abs().max(1.0),
                    "{kind:?} at {at}: {got}, {want}"
                );
            }
        }
    }

    #[test]
    fn a_table_s_numbers_and_scales_that_are_none() {
        let mut block = vec![0u8; 18];
        block[..2].copy_from_slice(&f16::from_f32(2.0).to_le_bytes());
        block[2] = 0xf0;
        let mut values = vec![0.0; 32];
        assert_eq!(dequantise(BlockKind::Iq4Nl, &block, &mut values), 0);
        assert_eq!((values[0], values[16]), (-254.0, 226.0));
        block[..2].copy_from_slice(&f16::NAN.to_le_bytes());
        assert_eq!(dequantise(BlockKind::Iq4Nl, &block, &mut values), 32);
    }

    /// Rows that a product reads are the numbers that blocks stand for.
    #[test]
    fn packed_rows_are_read_back_as_the_plain_numbers() {
        use crate::kernels::PackedMatrix;
        for kind in [
            BlockKind::Q4_0,
            BlockKind::Q4_1,
            BlockKind::Q5_0,
            BlockKind::Q5_1,
            BlockKind::Q8_0,
            BlockKind::Q4_K,
            BlockKind::Q5_K,
            BlockKind::Q6_K,
            BlockKind::Iq4Nl,
        ] {
            let (out, inner) = (35, 2 * kind.values());
            let bytes = blocks(kind, out * 2);
            let mut values = vec![0.0; out * inner];
            dequantise(kind, &bytes, &mut values);
            let packed = PackedMatrix::blocks(kind, &bytes, out, inner);
            let mut row = vec![0.0; inner];
            for index in 0..out {
                packed.copy_row(index, &mut row);
                for (got, want) in row.iter().zip(&values[index * inner..]) {
                    assert!(
                        (got - want).abs() <= 1e-5 * want.abs().max(1.0),
                        "{kind:?}: {got}, {want}"
                    );
                }
            }
        }
    }
}
