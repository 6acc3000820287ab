//! Logits of several streams → one distribution.

use crate::study::Fields;

/// Which tokens may come next; the others have none of the probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Among {
    /// All of the vocabulary.
    All,
    /// The first stream's likeliest, of equals the earlier.
    Top(usize),
}

/// What reward models add to each candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide {
    /// One per objective: what its score counts, 0 for one that is not asked.
    pub weights: Vec<f64>,
    /// Candidates: the likeliest tokens.
    pub candidates: usize,
    /// Digests of the reward models, in order of objectives.
    pub rewards: Vec<Option<String>>,
}

/// How the streams' logits become one distribution over the next token.
#[derive(Debug, Clone, PartialEq)]
pub enum Mixer {
    /// The one stream's own.
    Alone,
    /// `Σ cₖ log pₖ`, one coefficient per stream. What normalises each `log pₖ` is the same for every token and changes
    /// neither the greedy choice nor the distribution, so that raw logits are summed: one coefficient of 1 and otherwise
    /// zeros is that stream bit for bit.
    Sum {
        /// Per stream.
        coefficients: Vec<f64>,
        /// Which tokens count.
        among: Among,
    },
    /// The one stream's logits plus the reward models' scores of what each candidate would make of the answer.
    Guided(Guide),
}

impl Mixer {
    /// The mixed logits into `out`; tokens that are out are `-inf`. Every stream's are finite.
    pub fn mix(&self, streams: &[&[f32]], out: &mut Vec<f32>) {
        out.clear();
        let first = streams.first().copied().unwrap_or_default();
        let Self::Sum {
            coefficients,
            among,
        } = self
        else {
            out.extend_from_slice(first);
            return;
        };
        out.resize(first.len(), 0.0);
        for (logits, &c) in streams.iter().zip(coefficients) {
            if c != 0.0 {
                let c = c as f32;
                out.iter_mut()
                    .zip(*logits)
                    .for_each(|(out, l)| *out += c * l);
            }
        }
        if let Among::Top(count) = among {
            let kept = top(first, *count);
            for (id, out) in out.iter_mut().enumerate() {
                if kept.binary_search(&id).is_err() {
                    *out = f32::NEG_INFINITY;
                }
            }
        }
    }

    /// What of it a row's key depends on.
    pub(super) fn note(&self, fields: &mut Fields) {
        match self {
            Self::Alone => fields.text("alone"),
            Self::Sum {
                coefficients,
                among,
            } => {
                fields.text("sum");
                for &c in coefficients {
                    fields.number(c);
                }
                fields.count(match among {
                    Among::All => 0,
                    Among::Top(count) => *count,
                });
            }
            Self::Guided(guide) => {
                fields.text("guided");
                for &weight in &guide.weights {
                    fields.number(weight);
                }
                fields.count(guide.candidates);
                for digest in &guide.rewards {
                    fields.text(digest.as_deref().unwrap_or_default());
                }
            }
        }
    }
}

/// The places of the `count` largest, of equals the earlier, ascending.
pub(crate) fn top(logits: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    let count = count.clamp(1, order.len().max(1)).min(order.len());
    if count < order.len() {
        order.select_nth_unstable_by(count, |&a, &b| {
            logits[b].total_cmp(&logits[a]).then(a.cmp(&b))
        });
        order.truncate(count);
    }
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(coefficients: &[f64], among: Among) -> Mixer {
        Mixer::Sum {
            coefficients: coefficients.to_vec(),
            among,
        }
    }

    #[test]
    fn one_coefficient_of_one_is_that_stream_bit_for_bit() {
        let streams: [&[f32]; 2] = [&[0.1, -3.7, 2.2], &[9.0, 1e-20, -4.0]];
        let mut out = Vec::new();
        sum(&[0.0, 1.0], Among::All).mix(&streams, &mut out);
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&out), bits(streams[1]));
    }

    #[test]
    fn sums_are_those_of_log_probabilities_up_to_a_constant() {
        let streams: [&[f32]; 2] = [&[0.1, -0.7, 1.2], &[2.0, 0.5, -1.0]];
        let mut out = Vec::new();
        sum(&[0.3, 1.5], Among::All).mix(&streams, &mut out);
        let log_p = |l: &[f32]| {
            let total = l.iter().map(|v| v.exp()).sum::<f32>().ln();
            l.iter().map(|v| v - total).collect::<Vec<f32>>()
        };
        let (a, b) = (log_p(streams[0]), log_p(streams[1]));
        let apart: Vec<f32> = (0..3).map(|i| out[i] - (0.3 * a[i] + 1.5 * b[i])).collect();
        assert!(
            apart.iter().all(|d| (d - apart[0]).abs() < 1e-5),
            "{apart:?}"
        );
    }

    #[test]
    fn candidates_are_the_first_streams_likeliest() {
        assert_eq!(top(&[1.0, 3.0, 3.0, 2.0], 2), [1, 2]);
        assert_eq!(top(&[3.0, 3.0, 3.0], 1), [0], "of equals the earlier");
        assert_eq!(top(&[1.0, 2.0], 9), [0, 1]);
        let streams: [&[f32]; 2] = [&[0.0, 5.0, 4.0], &[9.0, 0.0, 1.0]];
        let mut out = Vec::new();
        sum(&[1.0, 1.0], Among::Top(2)).mix(&streams, &mut out);
        assert_eq!(out, [f32::NEG_INFINITY, 5.0, 5.0]);
    }
}
