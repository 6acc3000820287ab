//! What would be sent, how far it is, what judges said: in words and numbers.

use paretoscope_core::stats::WinRate;
use paretoscope_core::study::{JudgeObjective, JudgeSaid};
use paretoscope_core::types::{JudgePlan, JudgePreview, Prices};

use crate::state::{JudgePhase, JudgeRun};
use crate::view::annotate::{figure, share_words};
use crate::widgets::format::{count, counted, duration, signed_to};

/// What would be sent, and how.
pub(super) fn seen_words(plan: &JudgePlan, seen: &JudgePreview) -> Vec<String> {
    let mut words = vec![
        format!(
            "{}: {} by {}, each in both orders; {}",
            counted(seen.requests, "request"),
            counted(seen.items, "item"),
            seen.objectives.join(", "),
            counted(seen.characters, "character"),
        ),
        format!(
            "To the model {}, at temperature {}, for at most {} a reply",
            seen.model,
            plan.of.temperature,
            counted(plan.of.max_tokens, "new token"),
        ),
    ];
    if let Some(rate) = plan.limits.per_minute {
        words.push(format!("At most {rate} requests a minute"));
    }
    words
}

/// What that may cost, as far as it can be known before.
pub(super) fn cost_words(prices: Prices, seen: &JudgePreview) -> String {
    let tokens = format!(
        "About {} sent, and at most {} back",
        counted(whole(seen.tokens), "token"),
        count(whole(seen.most_reply_tokens)),
    );
    if !prices.is_known() {
        return format!("{tokens}; no price is given, so that no cost is known");
    }
    let [least, most] = seen.cost;
    format!("{tokens}: {least:.4} to {most:.4} by your prices, if nothing is sent again")
}

fn whole(tokens: u64) -> usize {
    usize::try_from(tokens).unwrap_or(usize::MAX)
}

/// How far a run is, or was.
pub(super) fn run_words(run: &JudgeRun) -> String {
    let progress = &run.progress;
    if progress.of == 0 {
        return match run.phase {
            JudgePhase::Running => "Beginning\u{2026}".to_owned(),
            JudgePhase::Stopping => "Stopping\u{2026}".to_owned(),
            _ => "no verdict".to_owned(),
        };
    }
    let mut words = format!(
        "{} of {} verdicts",
        count(progress.done),
        count(progress.of)
    );
    match run.phase {
        JudgePhase::Stopping => words.push_str("; stopping after the request under way\u{2026}"),
        JudgePhase::Running => {
            if let Some(eta) = progress.eta_seconds {
                words.push_str(&format!(", {} to go", duration(eta)));
            }
        }
        _ => {}
    }
    if progress.disagree > 0 {
        words.push_str(&format!(
            "; {} differ by the order, which makes a tie",
            count(progress.disagree)
        ));
    }
    if progress.unreadable > 0 {
        words.push_str(&format!(
            "; {} could not be read, which is no vote",
            count(progress.unreadable)
        ));
    }
    words
}

/// What was used so far, and how often something was sent again.
pub(super) fn spent_words(run: &JudgeRun) -> Vec<String> {
    let spent = &run.progress.spent;
    let mut lines = Vec::new();
    if spent.replies > 0 {
        let replies = if spent.replies == 1 {
            "reply"
        } else {
            "replies"
        };
        let tokens = format!(
            "{} sent, {} back in {} {replies}",
            counted(whole(spent.input_tokens), "token"),
            count(whole(spent.output_tokens)),
            count(spent.replies)
        );
        lines.push(if run.plan.prices.is_known() {
            let budget = run.plan.limits.budget;
            let budget = budget.map_or_else(String::new, |most| format!(" of {most}"));
            format!("Cost so far: {:.4}{budget}; {tokens}", spent.cost)
        } else {
            format!("Used so far: {tokens}")
        });
    }
    if spent.untold > 0 {
        lines.push(format!(
            "{} of them said nothing of tokens and are not in this count",
            count(spent.untold)
        ));
    }
    let retries = run.progress.retries;
    if retries > 0 {
        lines.push(format!(
            "{} failed and went again",
            counted(retries, "request")
        ));
    }
    lines
}

/// How a judge did on checks.
pub(super) fn checks_words(said: &JudgeSaid) -> String {
    let seen = share_words(said.checks, "checks");
    seen.map_or_else(
        || "No checks among its votes".to_owned(),
        |words| format!("Checks that it saw through: {words}"),
    )
}

/// What a judge said by one objective: what it is of, what is said, whether to look into it.
pub(super) fn lines(said: &JudgeObjective) -> Vec<(&'static str, String, bool)> {
    let or = |words: Option<String>, none: &str| words.unwrap_or_else(|| none.to_owned());
    let mut lines = vec![
        (
            "Votes",
            format!(
                "{}, {} among them; {} could not be read, which is no vote",
                count(said.n),
                counted(said.ties, "tie"),
                count(said.unreadable)
            ),
            false,
        ),
        (
            "Alike in both orders",
            or(
                share_words(said.consistent, "items"),
                "n/a: nothing was read in both orders",
            ),
            false,
        ),
        (
            "Shown first wins",
            or(
                share_words(said.first_shown, "decisive replies"),
                "n/a: no reply decides",
            ),
            said.first_shown.is_off_half(),
        ),
        (
            "Agrees with people",
            or(
                share_words(said.agrees_with_people, "items that both decided"),
                "n/a: no item was decided by people and by it",
            ),
            false,
        ),
        (
            "Cohen's \u{3ba} with people",
            or(
                said.kappa_with_people.map(figure),
                "n/a: needs votes of people on its items, and verdicts that are not all alike",
            ),
            false,
        ),
    ];
    if let Some(rates) = &said.against_base {
        lines.push(("Against the base", rate_words(&rates.all), false));
        let each = rates.by.iter().filter(|_| rates.by.len() > 1);
        lines.extend(each.map(|(name, rate)| ("", format!("{name}: {}", rate_words(rate)), false)));
    }
    lines
}

fn rate_words(rate: &WinRate) -> String {
    let less = rate.win_minus_lose;
    format!(
        "win rate {} (95 % {} to {}): {} won, {}, {} lost; won less lost {} (95 % {} to {}; {})",
        figure(rate.rate),
        figure(rate.low),
        figure(rate.high),
        count(rate.wins),
        counted(rate.ties, "tie"),
        count(rate.losses),
        signed_to(less.value, 3),
        signed_to(less.low, 3),
        signed_to(less.high, 3),
        counted(rate.prompts, "prompt")
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use paretoscope_core::stats::wilson;
    use paretoscope_core::types::{JudgeProgress, Spent};

    use super::*;
    use crate::state::JudgeForm;

    fn run(phase: JudgePhase, progress: JudgeProgress) -> JudgeRun {
        let form = JudgeForm {
            endpoint: "http://127.0.0.1:1/v1".to_owned(),
            price_in: 3.0,
            budget: Some(2.0),
            ..JudgeForm::default()
        };
        JudgeRun {
            plan: Arc::new(form.plan(Path::new("/a.study")).expect("a plan")),
            phase,
            progress,
            waits: None,
        }
    }

    #[test]
    fn a_run_says_how_far_it_is_what_it_cost_and_what_went_wrong() {
        let progress = JudgeProgress {
            done: 8,
            of: 1400,
            unreadable: 1,
            disagree: 3,
            retries: 2,
            spent: Spent {
                replies: 17,
                untold: 1,
                input_tokens: 4000,
                output_tokens: 32,
                cost: 0.012,
            },
            eta_seconds: Some(200.0),
        };
        let running = run(JudgePhase::Running, progress);
        assert_eq!(
            run_words(&running),
            "8 of 1,400 verdicts, 3 min 20 s to go; 3 differ by the order, which makes a tie; 1 could not be read, which is no vote"
        );
        assert_eq!(
            spent_words(&running),
            [
                "Cost so far: 0.0120 of 2; 4,000 tokens sent, 32 back in 17 replies",
                "1 of them said nothing of tokens and are not in this count",
                "2 requests failed and went again",
            ]
        );
        let none = run(JudgePhase::Cancelled, JudgeProgress::default());
        assert_eq!(run_words(&none), "no verdict");
        assert!(spent_words(&none).is_empty());
    }

    #[test]
    fn a_judge_that_goes_by_the_place_is_flagged() {
        let said = JudgeObjective {
            n: 12,
            ties: 12,
            unreadable: 0,
            consistent: wilson(0, 12),
            first_shown: wilson(24, 24),
            agrees_with_people: wilson(0, 0),
            kappa_with_people: None,
            against_base: None,
        };
        let lines = lines(&said);
        assert_eq!(
            lines[0].1,
            "12, 12 ties among them; 0 could not be read, which is no vote"
        );
        assert_eq!(
            lines[2].1,
            "1.000 (95 % 0.862 to 1.000), 24 of 24 decisive replies"
        );
        assert!(lines[2].2 && !lines[1].2);
        assert!(lines[3].1.starts_with("n/a"));
    }
}
