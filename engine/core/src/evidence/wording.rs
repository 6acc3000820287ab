//! What is told of a contrast, in one sentence and in one row. The sentence names the rival, the indicator, the part of the
//! prompts, training seeds, groups of prompts, the interval, what was chosen, and the command; what is not shown is told in
//! the same words as what is.

use super::contrast::{AtMargin, Contrast};
use super::protocol::Protocol;
use super::verdict::{Finding, Reservation};
use crate::numbers::{places, short, signed, thousands};
use crate::stats::Trained;
use crate::types::Split;

/// What all contrasts of an evidence rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Training seeds.
    pub(super) seeds: usize,
    /// Groups of prompts.
    pub(super) groups: usize,
    /// Which reading of the test rows.
    pub(super) reading: usize,
    /// Where settings and points were chosen.
    pub(super) chosen_on: Split,
}

/// A contrast in one sentence.
pub(super) fn sentence(protocol: &Protocol, seen: &Seen, told: &Contrast) -> String {
    let mut parts = vec![volumes(told)];
    parts.push(rests_on(seen));
    let [mine, rival] = &told.settings;
    parts.push(format!(
        "{mine} against {rival}, each chosen on {}",
        seen.chosen_on.name()
    ));
    parts.push(compared(told));
    if told.verdict.finding != Finding::ValueAgainstCost {
        parts.push(beside(told));
        parts.extend(told.verdict.equivalent.then(|| within(protocol, told)));
        parts.push(match told.p_holm {
            Some(p) if told.family > 1 => {
                format!("p {} by Holm's rule over {}", short(p), told.family)
            }
            Some(p) => format!("p {}", short(p)),
            None => format!("p {}, exploratory", short(told.p)),
        });
    }
    parts.extend(not_called(told));
    if !protocol.test_is.is_empty() {
        parts.push(format!("the test is {}", protocol.test_is));
    }
    if seen.reading > 1 {
        parts.push(format!(
            "the test was read before: this is reading {}",
            seen.reading
        ));
    }
    if protocol.quick {
        parts.push("a quick run, not to be quoted".to_owned());
    }
    format!(
        "{} on test prompts, by {}: {}. Made by `{}`.",
        lead(seen, told),
        protocol.scorer,
        parts.join("; "),
        protocol.command
    )
}

/// Who has more, as far as it may be said.
fn lead(seen: &Seen, told: &Contrast) -> String {
    let (a, b) = (&told.a, &told.b);
    let verdict = &told.verdict;
    let words = match verdict.finding {
        Finding::Ahead if verdict.is_better() => format!("{a} is better than {b} in hypervolume"),
        Finding::Behind if verdict.is_worse() => format!("{a} is worse than {b} in hypervolume"),
        Finding::Ahead => format!("{a} is ahead of {b} in hypervolume"),
        Finding::Behind => format!("{a} is behind {b} in hypervolume"),
        Finding::Turns => {
            format!("Which of {a} and {b} has more hypervolume turns with the reference")
        }
        Finding::NotShown if verdict.equivalent => {
            format!("{a} and {b} are equivalent in hypervolume")
        }
        Finding::NotShown => format!("No difference between {a} and {b} is shown in hypervolume"),
        Finding::ValueAgainstCost => format!(
            "{a} and {b} spend differently ({}), so their hypervolumes are value against cost and no difference is told",
            told.unequal.join(", ")
        ),
    };
    if seen.seeds == 1 {
        format!("In one run: {words}")
    } else {
        words
    }
}

/// Volumes at each margin, with their difference where one is told.
fn volumes(told: &Contrast) -> String {
    let holm = if told.p_holm.is_some() && told.family > 1 {
        " by Holm"
    } else {
        ""
    };
    let at = |volume: &AtMargin| {
        let values = format!("{:.3} against {:.3}", volume.a.value, volume.b.value);
        let reference = short(-volume.margin);
        if told.verdict.finding == Finding::ValueAgainstCost {
            return format!("{values} from {reference}");
        }
        let [low, high] = volume.asked;
        let digits = places((high - low) / 2.0);
        format!(
            "{values}, {} (95 %{holm} {} to {}) from {reference}",
            signed(volume.difference.value, digits),
            signed(low, digits),
            signed(high, digits)
        )
    };
    let all: Vec<String> = told.volumes.iter().map(at).collect();
    all.join(" and ")
}

fn rests_on(seen: &Seen) -> String {
    let groups = thousands(seen.groups);
    match seen.seeds {
        1 => format!("over {groups} groups of prompts, of this training run"),
        seeds => format!("over {seeds} training seeds and {groups} groups of prompts"),
    }
}

/// Which points are compared, and how many of them differ.
fn compared(told: &Contrast) -> String {
    let [mine, rival] = told.points;
    let points = if mine == rival {
        format!("{mine} points each")
    } else {
        format!("{mine} and {rival} points")
    };
    let grids = match told.grids {
        [a, b] if a == b => format!("the fronts of grids of {a}"),
        [a, b] => format!(
            "the fronts of grids of {a} and {b}, the larger thinned to {}",
            a.min(b)
        ),
    };
    let differing = told.differing;
    let whole = if differing.is_whole() {
        format!("{} of {} differ", differing.points, differing.of)
    } else {
        format!(
            "{} of {} differ, so nothing is said of a whole front",
            differing.points, differing.of
        )
    };
    format!("{points} ({grids}; {whole})")
}

/// A second indicator, and a third.
fn beside(told: &Contrast) -> String {
    let number = |of: &Trained| {
        let digits = places((of.high - of.low) / 2.0);
        let [value, low, high] = [of.value, of.low, of.high].map(|x| signed(x, digits));
        format!("{value} ({low} to {high})")
    };
    format!(
        "IGD+ {} and R2 {}, where less is better",
        number(&told.beside.igd_plus),
        number(&told.beside.r2)
    )
}

/// What was settled beforehand as no difference, and that this is none.
fn within(protocol: &Protocol, told: &Contrast) -> String {
    let share = short(100.0 * protocol.delta);
    let at = |volume: &AtMargin| {
        let [low, high] = volume.difference.interval(0.9);
        let digits = places(volume.delta);
        format!(
            "{} to {} within ±{}",
            signed(low, digits),
            signed(high, digits),
            short(volume.delta)
        )
    };
    let all: Vec<String> = told.volumes.iter().map(at).collect();
    format!(
        "90 % {}, the {share} % of {}'s volume that was settled beforehand as no difference",
        all.join(" and "),
        told.b
    )
}

/// Why what is ahead is not called better.
fn not_called(told: &Contrast) -> Option<String> {
    let word = match told.verdict.finding {
        Finding::Ahead => "better",
        Finding::Behind => "worse",
        _ => return None,
    };
    let reason = |reservation: &Reservation| match reservation {
        Reservation::OneRun => "another training run may differ by more".to_owned(),
        Reservation::FewSeeds { seeds, least } => {
            format!("{seeds} training seeds of the {least} that it takes")
        }
        Reservation::Exploratory => "it was not named beforehand".to_owned(),
        Reservation::Control { name } => format!("the control {name} is not beaten"),
    };
    let reasons: Vec<String> = told.verdict.reservations.iter().map(reason).collect();
    (!reasons.is_empty()).then(|| format!("not called {word}: {}", reasons.join(", ")))
}

/// The columns of a table of contrasts, for [`table_row`].
pub const TABLE_HEAD: [&str; 9] = [
    "contrast",
    "settings",
    "hypervolume",
    "difference (95 %, by Holm where primary)",
    "p",
    "IGD+ (less is better)",
    "covers / is covered, surely",
    "points that differ",
    "verdict",
];

/// A contrast as a row of its table, nulls like the others. A contrast of value against cost has no difference.
pub fn table_row(told: &Contrast) -> [String; 9] {
    let cost = told.verdict.finding == Finding::ValueAgainstCost;
    let per_margin = |text: &dyn Fn(&AtMargin) -> String| {
        let all: Vec<String> = told.volumes.iter().map(text).collect();
        all.join("; ")
    };
    let unless_cost = |text: String| if cost { "-".to_owned() } else { text };
    let kind = if told.primary { "" } else { " (exploratory)" };
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    [
        format!("{} against {}{kind}", told.a, told.b),
        told.settings.join(" against "),
        per_margin(&|v| format!("{:.3} against {:.3}", v.a.value, v.b.value)),
        unless_cost(per_margin(&|v| {
            let [low, high] = v.asked;
            let digits = places((high - low) / 2.0);
            let [value, low, high] = [v.difference.value, low, high].map(|x| signed(x, digits));
            format!("{value} ({low} to {high}) from {}", short(-v.margin))
        })),
        unless_cost(short(told.p_holm.unwrap_or(told.p))),
        unless_cost(signed(told.beside.igd_plus.value, 3)),
        format!(
            "{} / {}",
            percent(told.beside.coverage[0].surely),
            percent(told.beside.coverage[1].surely)
        ),
        format!("{} of {}", told.differing.points, told.differing.of),
        told.verdict.call().to_owned(),
    ]
}

#[cfg(test)]
#[path = "wording_tests.rs"]
mod tests;
