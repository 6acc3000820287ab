//! When the tokens of a recorded answer come.

use paretoscope_core::types::Run;

/// When each token of an answer comes, in seconds from the beginning of its replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    ends: Vec<f64>,
    /// Whether it is as it was recorded; else tokens come evenly over the time that the answer took.
    pub recorded: bool,
}

impl Pace {
    /// Seconds to the first token at most: nobody looks at an empty stage for longer.
    pub const FIRST: f64 = 2.0;

    /// Of an answer, so many times as fast as it was recorded.
    pub fn of(run: &Run, times: f64) -> Self {
        let count = run.tokens.len();
        let recorded = run.pace.len() == count;
        let deltas: Vec<f64> = if recorded {
            run.pace.iter().map(|ms| f64::from(*ms) / 1000.0).collect()
        } else {
            let rest = (run.seconds - run.first_token_seconds).max(0.0);
            let even = rest / count.saturating_sub(1).max(1) as f64;
            let of = |token: usize| match token {
                0 => run.first_token_seconds,
                _ => even,
            };
            (0..count).map(of).collect()
        };
        let mut at = 0.0;
        let ends = deltas.into_iter().enumerate().map(|(token, delta)| {
            let delta = (delta / times).max(0.0);
            at += if token == 0 {
                delta.min(Self::FIRST)
            } else {
                delta
            };
            at
        });
        Self {
            ends: ends.collect(),
            recorded,
        }
    }

    /// Tokens that are there after so many seconds.
    pub fn tokens(&self, seconds: f64) -> usize {
        self.ends.partition_point(|end| *end <= seconds)
    }

    /// Seconds until all of them are.
    pub fn whole(&self) -> f64 {
        self.ends.last().copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use paretoscope_core::types::{
        Finish, Point, Preference, Prompt, RowGates, RunStatus, Sampling, Steering, TokenPiece,
    };

    use super::*;

    /// An answer of three tokens.
    fn run() -> Run {
        let piece = |end: usize| TokenPiece {
            id: 0,
            start: end - 4,
            end,
        };
        Run {
            prompt: Prompt::Text("count".to_owned()),
            prompt_tokens: Vec::new(),
            given: None,
            point: Point::Preference(Preference::uniform(3)),
            gates: RowGates::base(0, 0),
            steering: Steering::default(),
            sampling: Sampling::default(),
            text: "one two ten ".to_owned(),
            tokens: [4, 8, 12].map(piece).to_vec(),
            finish: Finish::Eos,
            end: None,
            status: RunStatus::Done,
            record: None,
            key: None,
            scores: None,
            first_token_seconds: 0.5,
            seconds: 2.5,
            pace: Vec::new(),
        }
    }

    #[test]
    fn tokens_come_as_they_were_recorded_and_the_first_within_two_seconds() {
        let mut answer = run();
        answer.pace = vec![5_000, 100, 300];
        let pace = Pace::of(&answer, 1.0);
        assert!(pace.recorded);
        let there = [1.9, 2.05, 2.15, 2.35, 2.45].map(|at| pace.tokens(at));
        assert_eq!(there, [0, 1, 2, 2, 3]);
        assert!((pace.whole() - 2.4).abs() < 1e-9);
        let fast = Pace::of(&answer, 20.0);
        assert!((fast.whole() - 0.27).abs() < 1e-9);
        assert_eq!(fast.tokens(0.251), 1);
    }

    #[test]
    fn without_a_pace_tokens_come_evenly_over_the_recorded_time() {
        let pace = Pace::of(&run(), 1.0);
        assert!(!pace.recorded);
        let there = [0.4, 0.6, 1.6, 2.6].map(|at| pace.tokens(at));
        assert_eq!(there, [0, 1, 2, 3]);
    }
}
