//! Scorers beside reward models: what they score, what they leave, and that nothing else changes for them.

use std::ops::ControlFlow;

use super::annotation_setup::{at_task, ballots, design, number, second, swept, task, vote_on};
use super::tests::{run, scorer, sweep};
use super::*;
use crate::annotate::{Design, Picked, Source, Voters};
use crate::rules::{ExactMatch, Given, Refusal, Rule, RuleObjective, Verdict};
use crate::stats::{Draws, Frame, FrameOptions, compare, win_rates};
use crate::types::{Point, Prompt, PromptLabel, PromptSample, Reference, Run, Split, Weights};

/// Counts letters; of every fifth prompt nothing.
struct Letters {
    objective: &'static str,
}

impl Rule for Letters {
    fn objectives(&self) -> Vec<RuleObjective> {
        vec![RuleObjective {
            name: self.objective.to_owned(),
            sign: -1.0,
            digest: "letters".to_owned(),
            words: "letters".to_owned(),
        }]
    }

    fn verdicts(&self, given: Given<'_>) -> Vec<Verdict> {
        let bread = given
            .prompt
            .words()
            .is_some_and(|asked| asked.starts_with("what of bread"));
        vec![if bread {
            Verdict::Nothing("bread")
        } else {
            Verdict::Counted(given.text.chars().count() as f64)
        }]
    }
}

fn by_letters(study: &Study, split: Option<Split>) -> Counted {
    let rule = Letters {
        objective: "letters",
    };
    let go = &mut |_, _| ControlFlow::Continue(());
    study
        .score_by_rule(&rule, split, go)
        .unwrap()
        .unwrap()
        .remove(0)
}

fn arm(study: &Study, objectives: &[&str]) -> crate::Result<crate::stats::Arm> {
    let names: Vec<String> = objectives.iter().map(|o| (*o).to_owned()).collect();
    study.arm_over("--a", "1", None, &names)
}

#[test]
fn a_rule_scores_what_stands_once_and_changes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 10);
    let before = (
        study.sweep_scores(1, None).unwrap(),
        arm(&study, &[]).unwrap(),
        study.played_sweep(1).unwrap(),
    );
    // A part first: the rest is scored by the same call without it.
    let part = by_letters(&study, Some(Split::Validation));
    assert_eq!((part.found, part.scored), (0, 6));
    let all = by_letters(&study, None);
    let left = all.left_out["bread"];
    assert_eq!((all.found, all.scored + left), (6, 24));
    assert!(
        left == 6 && all.summary.unwrap().mean < 0.0,
        "the sign is applied"
    );
    let again = by_letters(&study, None);
    assert_eq!((again.found, again.scored), (30 - left, 0));
    assert_eq!(again.summary, all.summary);
    assert_eq!(study.info().unwrap().generations, 30);

    // It stands behind the bundle's objectives, and what was compared before is as it was.
    let after = study.sweep_scores(1, None).unwrap();
    assert_eq!(after.objectives, ["helpful", "humor", "letters"]);
    assert_eq!((after.own, after.usual()), (2, vec![0, 1]));
    assert_eq!(
        after.over("o", &before.0.objectives).unwrap().values,
        before.0.values
    );
    assert_eq!(arm(&study, &[]).unwrap(), before.1);
    assert_eq!(study.played_sweep(1).unwrap(), before.2);
    let letters = after.values.chunks(3).map(|row| row[2]);
    assert_eq!(letters.filter(Option::is_none).count(), left);

    // Named, it is compared by.
    let named = arm(&study, &["letters", "helpful"]).unwrap();
    assert_eq!(named.objectives, ["letters", "helpful"]);
    let frame = Frame::new(&[named.clone(), named], &FrameOptions::default()).unwrap();
    assert_eq!(frame.prompts.len(), 10 - left / 3);
    let words = arm(&study, &["leters"]).unwrap_err().to_string();
    assert!(
        words.contains("--objective: `leters` is not known; did you mean `letters`?"),
        "{words}"
    );
}

#[test]
fn a_kill_costs_a_batch_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 120);
    let rule = Letters {
        objective: "letters",
    };
    let mut calls = 0;
    let stopped = study.score_by_rule(&rule, None, &mut |done, of| {
        calls += 1;
        assert!(of == 360 && done <= 360);
        if calls == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!(stopped.unwrap(), None);
    let rest = by_letters(&study, None);
    let left = rest.left_out["bread"];
    assert!(rest.found > 150 && rest.scored > 0);
    assert_eq!(rest.found + rest.scored + left, 360);
}

#[test]
fn a_rule_that_bears_a_reward_s_name_is_told_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 5);
    let before = study.sweep_scores(1, None).unwrap();
    let rule = Letters { objective: "humor" };
    study
        .score_by_rule(&rule, None, &mut |_, _| ControlFlow::Continue(()))
        .unwrap();
    let after = study.sweep_scores(1, None).unwrap();
    assert_eq!(after.objectives, ["helpful", "humor", "humor (rule)"]);
    assert_eq!(
        after.over("o", &before.objectives).unwrap().values,
        before.values
    );
    let names = study.scorer_names().unwrap();
    let names: Vec<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["helpful", "humor", "humor (rule)"]);
    let info = study.info().unwrap();
    assert_eq!(info.scorers[2].scorer.kind, "rule");
    // A newer reward model stays the one that counts.
    let newer = study.scorers(&[scorer("humor", "2")]).unwrap()[0].unwrap();
    let answer = after.answers[0].unwrap();
    study.score(&[(answer, newer, 9.0)]).unwrap();
    assert_eq!(study.sweep_scores(1, None).unwrap().scorers[1], Some(newer));
}

fn sample(prompt: Prompt, answer: Option<&str>, label: Option<PromptLabel>) -> PromptSample {
    PromptSample {
        title: String::new(),
        prompt,
        split: Split::Test,
        group: None,
        reference: Reference {
            answer: answer.map(str::to_owned),
            label,
        },
    }
}

#[test]
fn references_are_of_known_prompts_and_the_first_stands() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 3);
    let asked = |at: usize| study.sweeps().unwrap()[0].plan.prompts[at].clone();
    let words = asked(0).words().unwrap().to_owned();
    let samples = [
        // Plain text in the file, a user's turn in the sweep.
        sample(Prompt::Text(words), Some("#### 7"), None),
        sample(asked(0), Some("#### 8"), Some(PromptLabel::Unsafe)),
        sample(asked(1), None, Some(PromptLabel::Safe)),
        sample(asked(2), Some("a word"), None),
        sample(Prompt::Text("of another study".to_owned()), Some("1"), None),
    ];
    assert_eq!(study.refer_known(&samples).unwrap(), 4);
    assert_eq!(study.refer_known(&samples).unwrap(), 4, "again is once");
    let known = study.references().unwrap();
    let of = |at: usize| known[&Uid::prompt(&asked(at)).to_string()].clone();
    assert_eq!(of(0).answer.as_deref(), Some("#### 7"));
    assert_eq!(
        (of(0).label, of(1).label),
        (Some(PromptLabel::Unsafe), Some(PromptLabel::Safe))
    );
    assert_eq!(known.len(), 3);

    let go = &mut |_, _| ControlFlow::Continue(());
    let exact = study.score_by_rule(&ExactMatch, None, go).unwrap().unwrap();
    for counted in &exact {
        assert_eq!(counted.scored, 3, "three points, one prompt with a number");
        let whys: Vec<usize> = counted.left_out.values().copied().collect();
        assert_eq!(whys, [3, 3]);
    }
    let refusals = study
        .score_by_rule(&Refusal::default(), None, go)
        .unwrap()
        .unwrap();
    let counts: Vec<usize> = refusals.iter().map(|c| c.scored).collect();
    assert_eq!(counts, [3, 3]);
    assert_eq!(refusals[0].left_out.len(), 2);
}

#[test]
fn what_is_right_goes_along_when_studies_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 3);
    let asked = study.sweeps().unwrap()[0].plan.prompts[0].clone();
    study
        .refer_known(&[sample(asked, Some("7"), None)])
        .unwrap();
    by_letters(&study, None);
    let other = Study::open(&folder.path().join("b.study")).unwrap();
    other.merge(study.path()).unwrap();
    assert_eq!(other.references().unwrap(), study.references().unwrap());
    let again = by_letters(&other, None);
    assert_eq!(again.scored, 0);
}

/// A study in which every point was compared with the base model, and votes on it.
fn against_base() -> (tempfile::TempDir, Study, TaskState) {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 20);
    let asked: Vec<String> = (0..20).map(|p| format!("what of {}", number(p))).collect();
    let names: Vec<&str> = asked.iter().map(String::as_str).collect();
    let record = SweepRecord {
        name: "other".to_owned(),
        method: "other".to_owned(),
        rows: 4 * names.len(),
        ..sweep(&names)
    };
    let made = study.whole_sweep(&record, |point, prompt| {
        let who = ["Dora", "Emil", "Fay", "Gus"][point];
        let text = format!("{who} says {}", number(prompt));
        let made = run(names[prompt], [1.0, 0.5, 0.0, 0.0][point], &text);
        let base = Point::Weights(Weights::zero(2));
        Run {
            key: None,
            point: if point == 3 { base } else { made.point.clone() },
            ..made
        }
    });
    made.unwrap();
    let sweeps = study.sweeps().unwrap();
    let design = Design {
        repeats: 0.0,
        sweeps: study.sweep_uids(&sweeps[1..]).unwrap(),
        ..Design::new(Source::Base, vec!["helpful".to_owned()])
    };
    let pool = study.pool(&design, &sweeps[1..]).unwrap();
    let mut random = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(1);
    let drawing = crate::annotate::blocks(&pool, 30, 0, &mut random);
    let items = built(&pool, &drawing, &telling_names(&sweeps), 0, 0);
    let task = study
        .new_task("against base", &design, &items.items)
        .unwrap();
    (folder, study, task)
}

#[test]
fn votes_become_shares_against_the_base_model() {
    let (_folder, study, task) = against_base();
    let score = |voters: &Voters, against| study.score_by_votes(&task, voters, against, None);
    assert!(
        score(&Voters::People, Against::Base).unwrap().is_empty(),
        "nobody voted yet"
    );
    let sitting = study.sit(&task, "A1").unwrap();
    for (n, place) in study.left(&sitting).unwrap().into_iter().enumerate() {
        let picked = [Picked::Left, Picked::Right, Picked::Tie][n % 3].clone();
        let all = ballots(&sitting, |_| picked.clone());
        let looked = Looked {
            active_ms: 5000,
            early: false,
        };
        study.cast(&sitting, place, &all, looked).unwrap();
    }
    let counted = score(&Voters::People, Against::Base).unwrap().remove(0);
    assert_eq!(
        (counted.objective.as_str(), counted.kind),
        ("votes-helpful", ScorerKind::Votes)
    );
    // The mean of what is compared with the base model is the win rate, a vote an answer; the base's own is one half.
    let few = Draws { draws: 2, seed: 0 };
    let votes = study.judged(&task).unwrap().votes;
    let rates = win_rates(&votes, "base", few, &mut |_| ControlFlow::Continue(())).unwrap();
    let scores = study.sweep_scores(2, None).unwrap();
    let at = scores
        .objectives
        .iter()
        .position(|o| o == "votes-helpful")
        .unwrap();
    assert!(at >= scores.own);
    let (mut others, mut bases) = (Vec::new(), Vec::new());
    for (point, (_, place)) in scores.points.iter().enumerate() {
        for prompt in 0..scores.prompts.len() {
            let own = if place.is_base() {
                &mut bases
            } else {
                &mut others
            };
            own.extend(scores.row(point, prompt)[at]);
        }
    }
    let mean = others.iter().sum::<f64>() / others.len() as f64;
    assert_eq!(
        others.len(),
        rates["helpful"].all.wins + rates["helpful"].all.ties + rates["helpful"].all.losses
    );
    assert!((mean - rates["helpful"].all.rate).abs() < 1e-12);
    assert!(!bases.is_empty() && bases.iter().all(|share| *share == 0.5));

    // The same votes are the same scorer; what was taken back makes another.
    let again = score(&Voters::People, Against::Base).unwrap().remove(0);
    assert_eq!(
        (again.scored, again.scorer.clone()),
        (0, counted.scorer.clone())
    );
    study.take_back(&sitting).unwrap();
    let fewer = score(&Voters::People, Against::Base).unwrap().remove(0);
    assert!(fewer.scorer != counted.scorer && fewer.scored < again.found);
    let newest = study.sweep_scores(2, None).unwrap();
    assert_ne!(newest.scorers[at], scores.scorers[at]);
    // Nobody takes them for a reward model's scores.
    assert!(study.judged(&task).unwrap().rewards.is_empty());
    assert!(score(&Voters::Judges, Against::Base).unwrap().is_empty());
}

#[test]
fn votes_without_the_base_model_count_against_all_or_are_refused() {
    let (_folder, study, made) = at_task(40, design());
    vote_on(&study, &study.sit(&made, "A1").unwrap(), 60);
    let score = |against| study.score_by_votes(&made, &Voters::People, against, None);
    let words = score(Against::Base).unwrap_err().to_string();
    assert!(
        words.contains("against=all counts every comparison"),
        "{words}"
    );
    let all = score(Against::All).unwrap();
    let names: Vec<&str> = all.iter().map(|c| c.objective.as_str()).collect();
    assert_eq!(names, ["votes-helpful", "votes-humor"]);
    // The earlier in the alphabet is more helpful, and stands at the first point.
    let scores = study.sweep_scores(1, None).unwrap();
    let at = scores
        .objectives
        .iter()
        .position(|o| o == "votes-helpful")
        .unwrap();
    let mean = |point: usize| {
        let of = (0..scores.prompts.len()).filter_map(|p| scores.row(point, p)[at]);
        let of: Vec<f64> = of.collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    assert!(mean(0) > 0.7 && mean(2) < 0.3, "{} {}", mean(0), mean(2));
    let rated = Design {
        question: crate::annotate::Question::Rating,
        ..design()
    };
    let rated = task(&study, "rated", rated);
    let sitting = study.sit(&rated, "A1").unwrap();
    for place in study.left(&sitting).unwrap().into_iter().take(9) {
        let all = ballots(&sitting, |_| Picked::Rating(4));
        let looked = Looked {
            active_ms: 5000,
            early: false,
        };
        study.cast(&sitting, place, &all, looked).unwrap();
    }
    let rated = study
        .score_by_votes(&rated, &Voters::People, Against::Base, None)
        .unwrap();
    let summary = rated[0].summary.unwrap();
    assert!(rated[0].words.starts_with("mean rating") && summary.mean == 4.0 && summary.n > 0);
}

#[test]
fn scorers_that_no_reward_stands_beside_are_compared_by_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 10);
    second(&study);
    study
        .score_by_rule(
            &Letters {
                objective: "letters",
            },
            None,
            &mut |_, _| ControlFlow::Continue(()),
        )
        .unwrap();
    let alone = study.arm("--a", "2", None).unwrap();
    assert_eq!(alone.objectives, ["letters"]);
    let arms = [arm(&study, &["letters"]).unwrap(), alone];
    let frame = Frame::new(&arms, &FrameOptions::default()).unwrap();
    let few = Draws { draws: 20, seed: 0 };
    let found = compare(&frame, few, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(found.len(), 1);
}
