//! What votes say, in words and numbers: those of `study stats`, line by line.

use paretoscope_core::stats::{Share, required_votes};
use paretoscope_core::study::{PairsSaid, RankingsSaid, RatingsSaid, Reader, Said};

use crate::widgets::format::{count, counted};

/// Said where agreement is undefined.
const NO_AGREEMENT: &str = "n/a: needs 2 annotators on \u{2265} 10 shared items";
/// Said where the rewards are not known, or do not differ.
const NO_TAU: &str = "n/a: needs strengths, and rewards of at least 2 points";

/// A line of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// What it is of.
    pub(super) label: &'static str,
    /// What is said.
    pub(super) words: String,
    /// Whether it is something to look into.
    pub(super) flag: bool,
}

fn line(label: &'static str, words: impl Into<String>) -> Line {
    Line {
        label,
        words: words.into(),
        flag: false,
    }
}

/// A number to three places, with the minus of text.
pub(in crate::view) fn figure(value: f64) -> String {
    let words = format!("{:.3}", value.abs());
    let zero = words.bytes().all(|b| matches!(b, b'0' | b'.'));
    if value < 0.0 && !zero {
        format!("\u{2212}{words}")
    } else {
        words
    }
}

fn or_none(value: Option<f64>, none: &str) -> String {
    value.map_or_else(|| none.to_owned(), figure)
}

/// A share with its interval: `0.590 (95 % 0.521 to 0.656), 118 of 200`.
pub(in crate::view) fn share_words(share: Share, of: &str) -> Option<String> {
    let value = share.value()?;
    Some(format!(
        "{} (95 % {} to {}), {} of {} {of}",
        figure(value),
        figure(share.low),
        figure(share.high),
        count(share.wins),
        count(share.n)
    ))
}

/// What votes say by one objective.
pub(super) fn lines(said: &Said) -> Vec<Line> {
    match said {
        Said::Pairs(said) => of_pairs(said),
        Said::Ratings(said) => of_ratings(said),
        Said::Rankings(said) => of_rankings(said),
    }
}

fn of_pairs(said: &PairsSaid) -> Vec<Line> {
    let summary = &said.summary;
    let mut lines = vec![
        line(
            "Votes",
            format!(
                "{} on {} by {}; {}, {} of them call both bad",
                count(summary.n),
                counted(summary.items, "item"),
                counted(summary.annotators, "person").replace("persons", "people"),
                counted(summary.ties, "tie"),
                count(summary.bad)
            ),
        ),
        line("Power", power_words(said.decisive)),
        line("Agreement", or_none(summary.percent, NO_AGREEMENT)),
        line("Cohen's \u{3ba}", or_none(summary.kappa, NO_AGREEMENT)),
        line(
            "Krippendorff's \u{3b1}",
            match (summary.alpha, summary.alpha_squared) {
                (Some(nominal), Some(squared)) => format!(
                    "{} nominal, {} by squared distance",
                    figure(nominal),
                    figure(squared)
                ),
                _ => NO_AGREEMENT.to_owned(),
            },
        ),
    ];
    lines.extend(of_strengths(said));
    lines.push(Line {
        flag: summary.first_shown.is_off_half(),
        ..line(
            "Shown first wins",
            share_words(summary.first_shown, "decisive votes")
                .unwrap_or_else(|| "n/a: no vote decides".to_owned()),
        )
    });
    lines.push(line(
        "Self-consistency",
        share_words(summary.self_consistency, "second looks")
            .unwrap_or_else(|| "n/a: nobody saw an item twice yet".to_owned()),
    ));
    lines.push(line("Reward agrees", reward_words(said)));
    lines.push(line(
        "Kendall's \u{3c4}",
        said.rewards_tau.map_or_else(
            || NO_TAU.to_owned(),
            |tau| format!("{} of strengths with the rewards' means", figure(tau)),
        ),
    ));
    lines
}

fn power_words(decisive: usize) -> String {
    let needed = |rate: f64| {
        let votes = required_votes(rate).map_or(0, |n| n as usize);
        let state = if decisive >= votes {
            "reached".to_owned()
        } else {
            format!("{} more", count(votes - decisive))
        };
        format!("win rate {rate:.2} needs {}: {state}", count(votes))
    };
    format!(
        "{}; {}; {}",
        counted(decisive, "decisive vote"),
        needed(0.6),
        needed(0.55)
    )
}

fn reward_words(said: &PairsSaid) -> String {
    let accuracy = said.summary.reward_accuracy;
    let Some(words) = accuracy.and_then(|share| share_words(share, "decisive votes")) else {
        return "n/a: the answers have no scores by it".to_owned();
    };
    match said.summary.percent {
        Some(percent) => format!(
            "{words}; people agree with each other {}, which is its ceiling",
            figure(percent)
        ),
        None => format!("{words}; its ceiling, how far people agree, is not known yet"),
    }
}

fn of_strengths(said: &PairsSaid) -> Vec<Line> {
    let Some(strengths) = &said.summary.davidson else {
        let why = said.summary.davidson_problem.as_deref();
        let words = format!("n/a: {}", why.unwrap_or("no votes"));
        return vec![line("Strengths", words)];
    };
    let mut by_strength: Vec<(&String, &f64)> = strengths.theta.iter().collect();
    by_strength.sort_by(|a, b| b.1.total_cmp(a.1));
    let mut lines: Vec<Line> = by_strength
        .into_iter()
        .map(|(name, theta)| {
            let interval = strengths.intervals.get(name);
            let interval = interval.map_or_else(String::new, |[low, high]| {
                format!(" (95 % {} to {})", figure(*low), figure(*high))
            });
            line("Strength", format!("{name}: {}{interval}", figure(*theta)))
        })
        .collect();
    let draws = strengths.draws + strengths.failed_draws;
    lines.push(line(
        "Ties",
        format!(
            "\u{3bd} {}; strengths by Davidson, logarithms that sum to 0, intervals from {} of {} draws of prompts",
            figure(strengths.nu),
            count(strengths.draws),
            count(draws)
        ),
    ));
    lines
}

fn of_ratings(said: &RatingsSaid) -> Vec<Line> {
    let mut lines = vec![
        line("Ratings", count(said.n)),
        line("Agreement", or_none(said.percent, NO_AGREEMENT)),
        line("Cohen's \u{3ba}", or_none(said.kappa, NO_AGREEMENT)),
        line(
            "Krippendorff's \u{3b1}",
            said.alpha.map_or_else(
                || NO_AGREEMENT.to_owned(),
                |alpha| format!("{} by squared distance", figure(alpha)),
            ),
        ),
    ];
    lines.extend(said.means.iter().map(|(name, (mean, n))| {
        line(
            "Mean",
            format!("{name}: {} of {}", figure(*mean), counted(*n, "rating")),
        )
    }));
    lines.push(line("Kendall's \u{3c4}", or_none(said.rewards_tau, NO_TAU)));
    lines
}

fn of_rankings(said: &RankingsSaid) -> Vec<Line> {
    let mut lines = vec![
        line("Rankings", count(said.n)),
        line(
            "Agreement",
            said.agreement.map_or_else(
                || NO_AGREEMENT.to_owned(),
                |tau| format!("{}, Kendall's \u{3c4} of two people's orders", figure(tau)),
            ),
        ),
    ];
    match (&said.theta, &said.theta_problem) {
        (Some(theta), _) => {
            let mut by_strength: Vec<(&String, &f64)> = theta.iter().collect();
            by_strength.sort_by(|a, b| b.1.total_cmp(a.1));
            lines.extend(
                by_strength
                    .into_iter()
                    .map(|(name, theta)| line("Strength", format!("{name}: {}", figure(*theta)))),
            );
        }
        (None, why) => lines.push(line(
            "Strengths",
            format!("n/a: {}", why.as_deref().unwrap_or("no rankings")),
        )),
    }
    lines.push(line("Kendall's \u{3c4}", or_none(said.rewards_tau, NO_TAU)));
    lines
}

/// How somebody read, in one line.
pub(super) fn reader_words(reader: &Reader) -> (String, bool) {
    let missed = reader.checks.n - reader.checks.wins;
    let checks = if reader.checks.n == 0 {
        "no checks yet".to_owned()
    } else {
        format!(
            "{} of {} checks seen, {missed} missed",
            reader.checks.wins, reader.checks.n
        )
    };
    let repeats = share_words(reader.repeats, "second looks alike")
        .unwrap_or_else(|| "no second looks yet".to_owned());
    let words = format!(
        "{}: {}, {:.1} s each (median), {} too fast to have been read; {checks}; {repeats}",
        reader.annotator,
        counted(reader.looks, "look"),
        reader.seconds,
        count(reader.hasty)
    );
    let odd =
        reader.hasty * 10 > reader.looks || (reader.checks.n > 0 && missed * 3 > reader.checks.n);
    (words, odd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use paretoscope_core::stats::wilson;

    #[test]
    fn numbers_read_as_in_text() {
        assert_eq!(figure(-0.0871), "\u{2212}0.087");
        assert_eq!(figure(-0.0001), "0.000");
        assert_eq!(
            share_words(wilson(118, 200), "decisive votes").as_deref(),
            Some("0.590 (95 % 0.521 to 0.656), 118 of 200 decisive votes")
        );
        assert_eq!(share_words(wilson(0, 0), "votes"), None);
        assert!(power_words(194).contains("win rate 0.60 needs 194: reached"));
        assert!(power_words(194).contains("win rate 0.55 needs 783: 589 more"));
    }
}
