//! Buckets of relative positions: exact nearby, logarithmic further off.

/// How distances fall into rows of the table of relative positions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buckets {
    /// Rows to either side; without it every distance has its own.
    pub(super) count: Option<usize>,
    /// The distance at which the last bucket begins.
    pub(super) reach: usize,
}

impl Buckets {
    /// Rows of the table to either side.
    pub(super) fn span(self) -> usize {
        self.count.unwrap_or(self.reach)
    }

    /// The row of the distance from a key to its query, `query - key`.
    pub(super) fn row(self, distance: isize) -> usize {
        let span = self.span() as isize;
        let bucket = match self.count {
            Some(count) => bucket(distance, count, self.reach),
            None => distance,
        };
        (bucket + span).clamp(0, 2 * span - 1) as usize
    }
}

/// Distances within half of the buckets are their own; the others share the rest, by logarithm, in
/// f32 as the reference has it.
fn bucket(distance: isize, buckets: usize, reach: usize) -> isize {
    let middle = (buckets / 2) as isize;
    if distance.abs() <= middle {
        return distance;
    }
    let ratio = ((reach as f64 - 1.0) / middle as f64) as f32;
    let share = (distance.unsigned_abs() as f32 / middle as f32).ln() / ratio.ln();
    let far = (share * (middle - 1) as f32).ceil() as isize + middle;
    far * distance.signum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_distances_are_their_own_and_far_ones_share() {
        let buckets = Buckets {
            count: Some(256),
            reach: 512,
        };
        assert_eq!(buckets.row(0), 256);
        assert_eq!(buckets.row(128), 384);
        assert_eq!(buckets.row(-128), 128);
        // The furthest that training saw falls into the last bucket, and so does all beyond.
        assert_eq!(buckets.row(511), 256 + 255);
        assert_eq!(buckets.row(-511), 1);
        assert_eq!(buckets.row(5000), 511);
        assert_eq!(buckets.row(-5000), 0);
        let rows: Vec<usize> = (-600..=600).map(|d| buckets.row(d)).collect();
        assert!(rows.is_sorted());
    }

    #[test]
    fn without_buckets_every_distance_has_its_own_row() {
        let buckets = Buckets {
            count: None,
            reach: 10,
        };
        assert_eq!(
            [-12, -10, 0, 9, 12].map(|d| buckets.row(d)),
            [0, 0, 10, 19, 19]
        );
    }
}
