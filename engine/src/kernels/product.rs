//! Products of packed inputs and packed weights, shared out over the threads by output columns.

use pulp::{Arch, Simd, WithSimd};

use super::packed::{PackedInput, PackedMatrix, Panel};
use super::quantised;
use super::stored::Brain;
use super::tile::{PANEL, accumulate, accumulate_half, accumulate_stored, with_rows};

/// Multiply-adds below which a second thread costs more than it brings.
const SERIAL_BELOW: usize = 1 << 16;

/// `out = sum over terms of x W^T (+ bias)`: a base weight and, for a mixture, its experts' second factor.
#[derive(Debug)]
pub struct Product<'a> {
    /// Inputs `[rows, inner]` with weights `[out, inner]`; `rows` and `out` agree, `inner` may differ.
    pub terms: Vec<(&'a PackedInput, &'a PackedMatrix)>,
    /// One value per output.
    pub bias: Option<&'a [f32]>,
}

impl Product<'_> {
    fn rows(&self) -> usize {
        self.terms.first().map_or(0, |(x, _)| x.rows())
    }

    fn out(&self) -> usize {
        self.terms.first().map_or(0, |(_, w)| w.out())
    }

    fn panels(&self) -> usize {
        self.terms.first().map_or(0, |(_, w)| w.panels())
    }

    fn multiply_adds(&self) -> usize {
        self.terms
            .iter()
            .map(|(x, w)| x.rows() * w.out() * w.inner())
            .sum()
    }
}

/// Computes all products in one parallel region; each result is row-major `[rows, out]`.
///
/// The order of additions per element depends on neither the number of rows nor of threads.
pub fn products(products: &[Product<'_>]) -> Vec<Vec<f32>> {
    let mut outputs: Vec<Vec<f32>> = products
        .iter()
        .map(|p| vec![0.0; p.rows() * p.out()])
        .collect();
    // Before the region, so that all threads round together.
    let terms = products.iter().flat_map(|product| &product.terms);
    for (x, _) in terms.filter(|(_, weight)| weight.is_quantised()) {
        x.rounded();
    }
    let work: usize = products.iter().map(Product::multiply_adds).sum();
    let threads = if work < SERIAL_BELOW {
        1
    } else {
        rayon::current_num_threads()
    };

    // Thread t takes the t-th share of the panels of every product: rows of `out`, cut by columns.
    let mut shares: Vec<Vec<Share<'_>>> = (0..threads).map(|_| Vec::new()).collect();
    for (product, output) in products.iter().zip(&mut outputs) {
        let (panels, out) = (product.panels(), product.out());
        if product.rows() == 0 || out == 0 {
            continue;
        }
        let bound = |t: usize| panels * t / threads;
        let mut rows: Vec<Vec<&mut [f32]>> = (0..threads).map(|_| Vec::new()).collect();
        for mut row in output.chunks_exact_mut(out) {
            for (t, segments) in rows.iter_mut().enumerate() {
                let columns = (bound(t + 1) * PANEL).min(out) - (bound(t) * PANEL).min(out);
                let (segment, rest) = row.split_at_mut(columns);
                segments.push(segment);
                row = rest;
            }
        }
        for (t, rows) in rows.into_iter().enumerate() {
            if bound(t) < bound(t + 1) {
                shares[t].push(Share {
                    product,
                    first: bound(t),
                    last: bound(t + 1),
                    rows,
                });
            }
        }
    }
    shares.retain(|share| !share.is_empty());
    run(&mut shares);
    drop(shares);
    outputs
}

fn run(shares: &mut [Vec<Share<'_>>]) {
    match shares {
        [] => {}
        [one] => Arch::new().dispatch(Work(one)),
        many => {
            let half = many.len() / 2;
            let (left, right) = many.split_at_mut(half);
            rayon::join(|| run(left), || run(right));
        }
    }
}

/// One thread's panels of one product, and the segments of the output's rows that they fill.
struct Share<'a> {
    product: &'a Product<'a>,
    first: usize,
    last: usize,
    rows: Vec<&'a mut [f32]>,
}

struct Work<'a, 'b>(&'b mut [Share<'a>]);

impl WithSimd for Work<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for share in self.0 {
            let Some((x, _)) = share.product.terms.first() else {
                continue;
            };
            for panel in share.first..share.last {
                for &block in x.blocks() {
                    with_rows!(S, block.1, MR => one_tile::<S, MR>(simd, share, panel, block));
                }
            }
        }
    }
}

#[inline(always)]
fn one_tile<S: Simd, const MR: usize>(
    simd: S,
    share: &mut Share<'_>,
    panel: usize,
    block: (usize, usize),
) {
    let column = (panel - share.first) * PANEL;
    let width = (share.product.out() - panel * PANEL).min(PANEL);
    let mut sums = [[0.0; PANEL]; MR];
    if let Some(bias) = share.product.bias {
        for sums in &mut sums {
            sums[..width].copy_from_slice(&bias[panel * PANEL..][..width]);
        }
    }
    for (x, weight) in &share.product.terms {
        let (rows, _) = x.block(block).as_chunks::<MR>();
        match weight.panel(panel) {
            Panel::F32(panel) => accumulate::<S, MR>(simd, rows.iter(), panel, &mut sums),
            Panel::Bf16(panel) => {
                accumulate_stored::<S, Brain, MR>(simd, rows.iter(), panel, &mut sums);
            }
            Panel::F16(panel) => accumulate_half::<S, MR>(simd, rows, panel, &mut sums),
            Panel::Blocks(weight, panel) => {
                quantised::accumulate(x.rounded(), block.0, weight, panel, &mut sums);
            }
        }
    }
    for (sums, row) in sums.iter().zip(&mut share.rows[block.0..]) {
        row[column..column + width].copy_from_slice(&sums[..width]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|i| (((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5) - 1.0)
            .collect()
    }

    fn plain(x: &[f32], w: &[f32], rows: usize, inner: usize, out: usize) -> Vec<f32> {
        let mut y = vec![0.0; rows * out];
        for r in 0..rows {
            for o in 0..out {
                y[r * out + o] = (0..inner)
                    .map(|k| x[r * inner + k] * w[o * inner + k])
                    .sum();
            }
        }
        y
    }

    #[test]
    fn agrees_with_the_plain_product_at_every_number_of_rows() {
        for (rows, inner, out) in [
            (1, 1, 1),
            (1, 64, 33),
            (2, 7, 31),
            (5, 96, 96),
            (12, 40, 64),
            (13, 17, 100),
            (25, 300, 257),
        ] {
            let (x, w, z, b) = (
                numbers(rows * inner, 1),
                numbers(out * inner, 2),
                numbers(rows * 6, 3),
                numbers(out * 6, 4),
            );
            let bias = numbers(out, 5);
            let (xp, wp) = (
                PackedInput::new(&x, rows, inner),
                PackedMatrix::new(&w, out, inner),
            );
            let (zp, bp) = (PackedInput::new(&z, rows, 6), PackedMatrix::new(&b, out, 6));
            let got = &products(&[Product {
                terms: vec![(&xp, &wp), (&zp, &bp)],
                bias: Some(&bias),
            }])[0];
            let (base, extra) = (plain(&x, &w, rows, inner, out), plain(&z, &b, rows, 6, out));
            for (i, value) in got.iter().enumerate() {
                let expected = base[i] + extra[i] + bias[i % out];
                assert!(
                    (value - expected).abs() < 1e-3,
                    "{rows}x{inner}x{out} at {i}: {value} vs {expected}"
                );
            }
        }
    }

    #[test]
    fn a_row_alone_equals_the_row_in_company_bit_for_bit() {
        let (inner, out) = (200, 130);
        let (x, w) = (numbers(29 * inner, 1), numbers(out * inner, 2));
        let wp = PackedMatrix::new(&w, out, inner);
        let together = PackedInput::new(&x, 29, inner);
        let together = &products(&[Product {
            terms: vec![(&together, &wp)],
            bias: None,
        }])[0];
        for row in 0..29 {
            let alone = PackedInput::new(&x[row * inner..][..inner], 1, inner);
            let alone = &products(&[Product {
                terms: vec![(&alone, &wp)],
                bias: None,
            }])[0];
            assert_eq!(alone[..], together[row * out..][..out]);
        }
    }

    #[test]
    fn a_row_can_be_read_back() {
        let w = numbers(70 * 9, 3);
        let packed = PackedMatrix::new(&w, 70, 9);
        let mut row = vec![0.0; 9];
        packed.copy_row(65, &mut row);
        assert_eq!(row[..], w[65 * 9..66 * 9]);
    }

    /// Weights that 16 bits of a kind hold exactly, with zeros of both signs and numbers below the normal ones of f16.
    fn sixteen_bits(n: usize, half_precision: bool) -> Vec<f32> {
        let round = |(i, value): (usize, f32)| match (i % 11, half_precision) {
            (3, _) => -0.0,
            (5, true) => half::f16::from_bits(1 + (i % 1000) as u16).to_f32(),
            (_, true) => half::f16::from_f32(value).to_f32(),
            (_, false) => half::bf16::from_f32(value).to_f32(),
        };
        numbers(n, 8).into_iter().enumerate().map(round).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn sixteen_bits_give_the_bits_of_thirty_two_at_every_number_of_rows_and_threads() {
        for (inner, out, half_precision) in [(1, 1, true), (65, 33, true), (200, 130, false)] {
            let w = sixteen_bits(out * inner, half_precision);
            let (wide, narrow) = (
                PackedMatrix::new(&w, out, inner),
                PackedMatrix::narrowest(&w, out, inner),
            );
            let storage = if half_precision { "f16" } else { "bf16" };
            assert_eq!((wide.storage(), narrow.storage()), ("f32", storage));
            assert!(narrow.bytes() * 2 < wide.bytes() + 256);
            for rows in (1..=25).chain([64]) {
                let x = PackedInput::new(&numbers(rows * inner, 1), rows, inner);
                let compute = |w| {
                    let terms = vec![(&x, w)];
                    let bias = None;
                    bits(&products(&[Product { terms, bias }])[0])
                };
                let want = compute(&wide);
                for threads in [1, 2, 3] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    let got = pool.unwrap().install(|| compute(&narrow));
                    assert_eq!(got, want, "{rows}x{inner}x{out} on {threads} threads");
                }
            }
        }
    }

    /// On every instruction set that this processor has, whichever it would choose.
    #[test]
    fn sixteen_bits_give_the_bits_of_thirty_two_on_every_instruction_set() {
        let (inner, out) = (70, 50);
        for half_precision in [false, true] {
            let w = sixteen_bits(out * inner, half_precision);
            for rows in 1..=3 {
                let x = PackedInput::new(&numbers(rows * inner, 1), rows, inner);
                let on = |matrix: &PackedMatrix, run: &dyn Fn(Work<'_, '_>)| {
                    let (terms, bias) = (vec![(&x, matrix)], None);
                    let product = Product { terms, bias };
                    let mut y = vec![0.0; rows * out];
                    let share = Share {
                        product: &product,
                        first: 0,
                        last: product.panels(),
                        rows: y.chunks_exact_mut(out).collect(),
                    };
                    run(Work(&mut [share]));
                    bits(&y)
                };
                let agree = |run: &dyn Fn(Work<'_, '_>)| {
                    let wide = on(&PackedMatrix::new(&w, out, inner), run);
                    let narrow = on(&PackedMatrix::narrowest(&w, out, inner), run);
                    assert_eq!(wide, narrow, "{rows} rows");
                };
                agree(&|work| work.with_simd(pulp::Scalar));
                #[cfg(target_arch = "x86_64")]
                {
                    if let Some(simd) = pulp::x86::V3::try_new() {
                        agree(&|work| Simd::vectorize(simd, work));
                    }
                    if let Some(simd) = pulp::x86::V4::try_new() {
                        agree(&|work| Simd::vectorize(simd, work));
                    }
                }
            }
        }
    }

    /// What was packed in 16 bits takes any number later, and gives each one back.
    #[test]
    fn a_narrow_matrix_goes_over_to_f32_where_a_new_number_needs_it() {
        for half_precision in [false, true] {
            let mut want = sixteen_bits(40 * 6, half_precision);
            let mut packed = PackedMatrix::narrowest(&want, 40, 6);
            let narrow = packed.storage();
            packed.set_rows(33, &[0.5; 6]);
            want[33 * 6..34 * 6].fill(0.5);
            assert_eq!(packed.storage(), narrow);
            packed.set_columns(2, 1, &[0.1; 40]);
            want.iter_mut().skip(2).step_by(6).for_each(|v| *v = 0.1);
            assert_eq!(packed.storage(), "f32");
            let mut row = vec![0.0; 6];
            for (out, want) in want.chunks_exact(6).enumerate() {
                packed.copy_row(out, &mut row);
                assert_eq!(bits(&row), bits(want), "row {out}");
            }
        }
    }

    /// A quantised base and experts in f32 on it: every row alone gives the bits that it gives in company, on any number
    /// of threads, and each term is what its own product gives.
    #[test]
    fn quantised_terms_stand_beside_others_and_rows_stay_their_own() {
        let (inner, out, kind) = (64, 70, crate::kernels::BlockKind::Q8_0);
        // Blocks of i8 with the scale 1/64.
        let scale = half::f16::from_f32(1.0 / 64.0).to_le_bytes();
        let blocks: Vec<u8> = (0..out * inner / 32)
            .flat_map(|block| {
                let quants = (0..32).map(move |k| ((block * 37 + k * 11) % 251) as u8);
                scale.into_iter().chain(quants)
            })
            .collect();
        let base = PackedMatrix::blocks(kind, &blocks, out, inner);
        assert!(
            base.is_quantised() && base.bytes() < out.next_multiple_of(32) * inner * 9 / 8 + 64
        );
        let second = PackedMatrix::new(&numbers(out * 6, 4), out, 6);
        let (x, z, bias) = (numbers(29 * inner, 1), numbers(29 * 6, 3), numbers(out, 5));
        let compute = |first: usize, rows: usize| {
            let x = PackedInput::new(&x[first * inner..][..rows * inner], rows, inner);
            let z = PackedInput::new(&z[first * 6..][..rows * 6], rows, 6);
            let product = Product {
                terms: vec![(&x, &base), (&z, &second)],
                bias: Some(&bias),
            };
            products(&[product]).remove(0)
        };
        let together = compute(0, 29);
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            assert_eq!(
                bits(&pool.unwrap().install(|| compute(0, 29))),
                bits(&together)
            );
        }
        let mut row = vec![0.0; inner];
        for r in 0..29 {
            let alone = compute(r, 1);
            assert_eq!(bits(&alone), bits(&together[r * out..][..out]), "row {r}");
            for (o, got) in alone.iter().enumerate() {
                base.copy_row(o, &mut row);
                let dot =
                    |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
                let second = &numbers(out * 6, 4)[o * 6..][..6];
                let want =
                    dot(&row, &x[r * inner..][..inner]) + dot(second, &z[r * 6..][..6]) + bias[o];
                assert!((got - want).abs() < 0.15, "row {r} at {o}: {got} vs {want}");
            }
        }
        // Room for other numbers is f32.
        let mut changed = base.clone();
        changed.set_rows(3, &[0.1; 64]);
        assert_eq!((base.storage(), changed.storage()), ("Q8_0", "f32"));
        changed.copy_row(4, &mut row);
        let mut want = vec![0.0; inner];
        base.copy_row(4, &mut want);
        assert_eq!(row, want);
    }
}
