//! Sweeps as arms of a comparison.

use super::file::Study;
use super::results::SweepScores;
use super::sweeps::SweepState;
use crate::stats::{Arm, ArmPoint, ArmPrompt};
use crate::types::{PointKind, Split};
use crate::{Error, Result};

impl SweepState {
    /// What the numbers of its points stand for: objectives of a preference, value vectors of weights.
    pub fn axes(&self) -> Vec<String> {
        match self.plan.grid.kind() {
            PointKind::Preference => self
                .info
                .objectives
                .iter()
                .map(|o| o.name.clone())
                .collect(),
            PointKind::Weights => self.info.values.iter().map(|v| v.name.clone()).collect(),
        }
    }
}

impl SweepScores {
    /// The scores over the prompts of a part, or over all, as an arm of one seed, by the usual objectives (see
    /// [`SweepScores::usual`]; [`SweepScores::over`] takes others). A score that is not there is NaN.
    pub fn arm(&self, sweep: &SweepState, split: Option<Split>) -> Arm {
        let scored = self.usual();
        let prompts = self.kept(split);
        let mut scores = Vec::with_capacity(self.points.len() * prompts.len() * scored.len());
        for point in 0..self.points.len() {
            for &prompt in &prompts {
                let row = self.row(point, prompt);
                scores.extend(scored.iter().map(|&k| row[k].unwrap_or(f64::NAN)));
            }
        }
        Arm {
            name: sweep.name.clone(),
            points: self
                .points
                .iter()
                .zip(&self.point_uids)
                .map(|((_, point), uid)| ArmPoint {
                    uid: uid.to_string(),
                    name: None,
                    place: point.as_slice().to_vec(),
                })
                .collect(),
            axes: sweep.axes(),
            objectives: scored.iter().map(|&k| self.objectives[k].clone()).collect(),
            prompts: prompts
                .iter()
                .map(|&p| ArmPrompt {
                    uid: self.prompts[p].uid.to_string(),
                    group: self.prompts[p].topic.clone(),
                })
                .collect(),
            seeds: vec![sweep.plan.sampling.seed],
            scores,
        }
    }
}

impl Study {
    /// The sweeps that a word names: a number, a sweep's name, or a method.
    ///
    /// # Errors
    /// [`Error::Option`] where it names none.
    pub fn sweeps_named(&self, option: &str, word: &str) -> Result<Vec<SweepState>> {
        let all = self.sweeps()?;
        let number = word.parse::<i64>().ok();
        let by = |test: &dyn Fn(&SweepState) -> bool| -> Vec<SweepState> {
            all.iter().filter(|s| test(s)).cloned().collect()
        };
        let found = [
            by(&|s| Some(s.id) == number),
            by(&|s| s.name == word),
            by(&|s| s.method == word),
        ];
        found.into_iter().find(|f| !f.is_empty()).ok_or_else(|| {
            let known: Vec<String> = all
                .iter()
                .map(|s| format!("{} ({})", s.id, s.name))
                .collect();
            let problem = format!(
                "no sweep is called `{word}`; those of this study: {}",
                known.join(", ")
            );
            Error::option(option, problem)
        })
    }

    /// The arm that a word names (see [`Study::sweeps_named`]). Several sweeps become one arm where they differ in nothing
    /// but the seed.
    ///
    /// # Errors
    /// [`Error::Option`] where the word names none, or several that differ in more.
    pub fn arm(&self, option: &str, word: &str, split: Option<Split>) -> Result<Arm> {
        self.arm_over(option, word, split, &[])
    }

    /// [`Study::arm`] by these objectives, those of scorers beside reward models among them; by the usual ones where none is
    /// named.
    ///
    /// # Errors
    /// As there, and [`Error::Option`] where nobody scored by one of them.
    pub fn arm_over(
        &self,
        option: &str,
        word: &str,
        split: Option<Split>,
        objectives: &[String],
    ) -> Result<Arm> {
        let sweeps = self.sweeps_named(option, word)?;
        let mut arms = Vec::with_capacity(sweeps.len());
        for sweep in &sweeps {
            let mut scores = self.sweep_scores(sweep.id, None)?;
            if !objectives.is_empty() {
                scores = scores.over("--objective", objectives)?;
            }
            arms.push(scores.arm(sweep, split));
        }
        let several = arms.len();
        seeds_together(arms).ok_or_else(|| {
            let numbers: Vec<String> = sweeps.iter().map(|s| format!("{} ({} of {} rows)", s.id, s.done, s.rows)).collect();
            let problem = format!(
                "`{word}` names {several} sweeps that differ in more than their seed: {}; name one by its number",
                numbers.join(", ")
            );
            Error::option(option, problem)
        })
    }
}

/// One arm of several that differ in the seed alone; `None` where they differ in more.
fn seeds_together(arms: Vec<Arm>) -> Option<Arm> {
    let mut first = arms.first()?.clone();
    let alike = |arm: &Arm| {
        let uids =
            |arm: &Arm| -> Vec<String> { arm.points.iter().map(|p| p.uid.clone()).collect() };
        uids(arm) == uids(&first)
            && arm.prompts == first.prompts
            && arm.objectives == first.objectives
    };
    let mut seeds: Vec<u64> = arms.iter().flat_map(|arm| arm.seeds.clone()).collect();
    seeds.sort_unstable();
    seeds.dedup();
    if seeds.len() != arms.len() || !arms.iter().all(alike) {
        return None;
    }
    let row = first.prompts.len() * first.objectives.len();
    let scores = (0..first.points.len()).flat_map(|point| {
        arms.iter()
            .flat_map(move |arm| arm.scores[point * row..(point + 1) * row].iter().copied())
    });
    let scores: Vec<f64> = scores.collect();
    first.seeds = arms.iter().flat_map(|arm| arm.seeds.clone()).collect();
    first.scores = scores;
    Some(first)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::protocol::SweepPlan;
    use crate::stats::{Comparison, Draws, Frame, FrameOptions, compare};
    use crate::study::tests::{answer, run, scorer, sweep};
    use crate::study::{Label, NewAnswer, Placed};
    use crate::types::Prompt;

    /// Two sweeps of one point over prompts of which five each are alike, compared; topics are noted as given, one list
    /// after another.
    fn compared(topics: &[[Option<&str>; 15]]) -> (Comparison, Vec<Option<String>>) {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let words: Vec<String> = (0..15).map(|n| format!("prompt {n}")).collect();
        let prompts: Vec<Prompt> = words.iter().map(|w| Prompt::Chat(w.clone())).collect();
        for topics in topics {
            let labels = prompts.iter().zip(topics);
            let labels = labels.map(|(prompt, topic)| Label {
                prompt,
                split: None,
                topic: *topic,
            });
            study.label(&labels.collect::<Vec<_>>()).unwrap();
        }
        let listed: Vec<&str> = words.iter().map(String::as_str).collect();
        let plain = sweep(&listed);
        let based = SweepPlan {
            include_base: true,
            ..plain.plan.clone()
        };
        let based = super::super::SweepRecord {
            plan: based,
            ..plain.clone()
        };
        let scorers = study
            .scorers(&[scorer("helpful", "1"), scorer("humor", "1")])
            .unwrap();
        let bundle = study.bundle(&plain.bundle).unwrap();
        for (record, share, gain) in [(&plain, 0.25, 1.0), (&based, 0.75, 0.0)] {
            let id = study.sweep(record, 1).unwrap();
            for (prompt, words) in words.iter().enumerate() {
                let place = Some(Placed {
                    sweep: id,
                    seed: 0,
                    point: 0,
                    prompt,
                });
                let run = run(words, share, words);
                let new = NewAnswer {
                    place,
                    ..answer(&run, bundle)
                };
                let number = study.add(&[new]).unwrap()[0];
                let helpful = gain * (prompt / 5) as f64 + 0.1 * (prompt % 5) as f64;
                let scores = scorers.iter().zip([helpful, 1.0 + 0.5 * gain]);
                let scores = scores.map(|(by, score)| (number, by.unwrap(), score));
                study.score(&scores.collect::<Vec<_>>()).unwrap();
            }
        }
        let arms = ["1", "2"].map(|word| study.arm("arm", word, None).unwrap());
        let groups = arms[0].prompts.iter().map(|p| p.group.clone()).collect();
        let frame = Frame::new(&arms, &FrameOptions::default()).unwrap();
        let draws = Draws {
            draws: 500,
            seed: 0,
        };
        let found = compare(&frame, draws, &mut |_| ControlFlow::Continue(())).unwrap();
        (found[0].clone(), groups)
    }

    #[test]
    fn paraphrases_of_few_topics_show_less_than_as_many_topics() {
        let of = |names: [Option<&'static str>; 3]| {
            std::array::from_fn::<_, 15, _>(|prompt| names[prompt / 5])
        };
        let (alone, groups) = compared(&[of([None; 3])]);
        assert!(groups.iter().all(Option::is_none));
        let topics = of([Some("kettle"), Some("carpet"), Some("moon")]);
        let (together, groups) = compared(&[topics]);
        assert_eq!(
            groups[4..6],
            [Some("kettle".to_owned()), Some("carpet".to_owned())]
        );
        let width = |c: &Comparison| c.hypervolume.high - c.hypervolume.low;
        let difference = |c: &Comparison| c.hypervolume.difference;
        assert!((difference(&alone) - difference(&together)).abs() < 1e-9);
        assert!(
            width(&together) > 1.5 * width(&alone),
            "{} {}",
            width(&together),
            width(&alone)
        );
        // Of two that disagree the first stays, however it is spelled, and what it left out is filled in.
        let first = of([Some("Kettle"), Some("carpet "), None]);
        let second = of([Some("stove"), Some("stove"), Some("moon")]);
        assert_eq!(compared(&[first, second]), (together, groups));
    }

    fn arm(seed: u64, scores: &[f64]) -> Arm {
        let uid = |uid: &str| uid.to_owned();
        Arm {
            name: "a".to_owned(),
            points: ["p", "q"]
                .map(|u| ArmPoint {
                    uid: uid(u),
                    name: None,
                    place: vec![1.0],
                })
                .to_vec(),
            axes: vec!["x".to_owned()],
            objectives: vec!["x".to_owned()],
            prompts: ["1", "2"]
                .map(|u| ArmPrompt {
                    uid: uid(u),
                    group: None,
                })
                .to_vec(),
            seeds: vec![seed],
            scores: scores.to_vec(),
        }
    }

    #[test]
    fn sweeps_that_differ_in_the_seed_alone_are_one_arm() {
        let both = seeds_together(vec![
            arm(1, &[1.0, 2.0, 3.0, 4.0]),
            arm(2, &[5.0, 6.0, 7.0, 8.0]),
        ])
        .unwrap();
        assert!(both.check().is_ok());
        assert_eq!(both.seeds, [1, 2]);
        assert_eq!(
            [
                both.score(0, 1, 1, 0),
                both.score(1, 0, 0, 0),
                both.score(1, 1, 1, 0)
            ],
            [6.0, 3.0, 8.0]
        );
        assert_eq!(
            seeds_together(vec![arm(1, &[0.0; 4]), arm(1, &[0.0; 4])]),
            None
        );
        let mut other = arm(2, &[0.0; 4]);
        other.points[0].uid = "r".to_owned();
        assert_eq!(seeds_together(vec![arm(1, &[0.0; 4]), other]), None);
    }
}
