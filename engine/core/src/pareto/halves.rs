//! Maximal points in four and more objectives, by halves.

/// Pairs of points up to which each is compared with each.
const FEW: usize = 256;

/// Indices of the points that no other exceeds, ascending. The points are finite, differ from each other, and are in
/// falling lexicographic order, so that only an earlier one can dominate a later one.
pub(super) fn maximal(points: &[&[f64]]) -> Vec<usize> {
    let all: Vec<usize> = (0..points.len()).collect();
    among(points, &all)
}

fn among(points: &[&[f64]], part: &[usize]) -> Vec<usize> {
    if part.len() < 2 {
        return part.to_vec();
    }
    let (high, low) = part.split_at(part.len() / 2);
    let mut kept = among(points, high);
    let low = among(points, low);
    let mut beaten = vec![false; low.len()];
    let of: Vec<usize> = (0..low.len()).collect();
    // The first number is settled by the order.
    mark(&Pair { points, low: &low }, &kept, &of, 1, &mut beaten);
    kept.extend(
        low.iter()
            .zip(&beaten)
            .filter(|(_, b)| !**b)
            .map(|(i, _)| *i),
    );
    kept
}

struct Pair<'a> {
    points: &'a [&'a [f64]],
    low: &'a [usize],
}

impl Pair<'_> {
    fn low(&self, at: usize) -> &[f64] {
        self.points[self.low[at]]
    }
}

/// Marks each of `low` that some of `high` is at least as large as, in every number from `from` on.
fn mark(pair: &Pair<'_>, high: &[usize], low: &[usize], from: usize, beaten: &mut [bool]) {
    if high.is_empty() || low.is_empty() {
        return;
    }
    let points = pair.points;
    if high.len() * low.len() <= FEW {
        for &l in low {
            let covers = |h: &usize| {
                let numbers = points[*h][from..].iter().zip(&pair.low(l)[from..]);
                numbers.into_iter().all(|(x, y)| x >= y)
            };
            beaten[l] = beaten[l] || high.iter().any(covers);
        }
        return;
    }
    let dimensions = points[high[0]].len();
    if dimensions - from <= 2 {
        let last = |p: &[f64]| p.get(from + 1).map_or(0.0, |v| v + 0.0);
        // From the largest number to the smallest; of equals, those that may cover first.
        let mut order: Vec<(f64, bool, usize)> = Vec::with_capacity(high.len() + low.len());
        order.extend(high.iter().map(|&h| (points[h][from] + 0.0, true, h)));
        order.extend(low.iter().map(|&l| (pair.low(l)[from] + 0.0, false, l)));
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        let mut top = f64::NEG_INFINITY;
        for (_, covers, at) in order {
            if covers {
                top = top.max(last(points[at]));
            } else if top >= last(pair.low(at)) {
                beaten[at] = true;
            }
        }
        return;
    }
    let mut values: Vec<f64> = high.iter().map(|&h| points[h][from]).collect();
    values.extend(low.iter().map(|&l| pair.low(l)[from]));
    let middle = values.len() / 2;
    let (_, &mut median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    // Below the border there must be somebody, or the two parts would be the whole again.
    let border = if median > smallest {
        median
    } else {
        let above = values.iter().copied().filter(|v| *v > smallest);
        above.fold(f64::INFINITY, f64::min)
    };
    if border == f64::INFINITY {
        // All are equal here.
        mark(pair, high, low, from + 1, beaten);
        return;
    }
    let (high_up, high_down): (Vec<usize>, Vec<usize>) =
        high.iter().partition(|h| points[**h][from] >= border);
    let (low_up, low_down): (Vec<usize>, Vec<usize>) =
        low.iter().partition(|l| pair.low(**l)[from] >= border);
    mark(pair, &high_up, &low_up, from, beaten);
    mark(pair, &high_down, &low_down, from, beaten);
    mark(pair, &high_up, &low_down, from + 1, beaten);
}
