//! Answers of sweeps as what people can compare.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::file::Study;
use super::hash::Uid;
use super::results::SweepScores;
use super::sweeps::SweepState;
use super::tasks::{NewItem, Sides, TaskState};
use crate::annotate::{
    Candidate, Case, Design, Drawing, Names, Pool, Question, Source, against, all_pairs,
    nearest_links, readable,
};
use crate::pareto::front_flags;
use crate::stats::{Choice, Duel};
use crate::types::Point;
use crate::{Error, Result};

/// What a drawing becomes, and what is to be known of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Built {
    /// The items, checks last.
    pub items: Vec<NewItem>,
    /// Items whose texts name an expert, an adapter or an objective.
    pub told: usize,
}

/// What of a pool is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Groups and the cases that they were asked about, by place.
    pub groups: Vec<(usize, usize)>,
    /// The number of the next batch.
    pub next: usize,
}

/// A sweep with its answers' names and texts.
struct Swept {
    state: SweepState,
    scores: SweepScores,
    /// Shape of [`SweepScores::answers`].
    answers: Vec<Option<Candidate>>,
}

impl Study {
    /// What a design's sweeps answered. Prompts are those of its split that can be read; answers that somebody hid are
    /// left out.
    ///
    /// # Errors
    /// [`Error::Option`] where the sweeps do not hold what the design compares.
    pub fn pool(&self, design: &Design, sweeps: &[SweepState]) -> Result<Pool> {
        let swept: Vec<Swept> = sweeps
            .iter()
            .map(|state| self.swept(state))
            .collect::<Result<_>>()?;
        let needed = match design.source {
            Source::Across => 2..=2,
            Source::Front => 1..=1,
            Source::Preferences | Source::Base => 1..=usize::MAX,
        };
        if !needed.contains(&swept.len()) {
            let problem = format!(
                "{} given; {} {} needed",
                swept.len(),
                if design.source == Source::Across {
                    "two"
                } else {
                    "one"
                },
                if design.source == Source::Across {
                    "sweeps are"
                } else {
                    "sweep is"
                },
            );
            return Err(Error::option("sweeps", problem));
        }
        let pool = if design.source == Source::Across {
            across(design, &swept)?
        } else {
            by_point(design, &swept)?
        };
        if pool.cases.is_empty() {
            let split = design.split.map_or("any split", |split| split.name());
            let problem = format!(
                "no prompt of {split} that can be read has an answer; name another split or sweep"
            );
            return Err(Error::option("sweeps", problem));
        }
        Ok(Pool {
            groups: match design.question {
                Question::Rating => (0..pool.contenders.len()).map(|c| vec![c]).collect(),
                _ => pool.groups.clone(),
            },
            ..pool
        })
    }

    fn swept(&self, state: &SweepState) -> Result<Swept> {
        let scores = self.sweep_scores(state.id, None)?;
        let sql = "SELECT uid, text FROM generation g WHERE id = ?1 AND status = 'done' AND NOT EXISTS
                   (SELECT 1 FROM mark m WHERE m.target = g.uid AND m.kind = 'hidden' AND m.standing = 1)";
        let mut answers = Vec::with_capacity(scores.answers.len());
        for answer in &scores.answers {
            let mut found = None;
            if let Some(id) = answer {
                self.each(sql, [id], |row| {
                    found = Some(Candidate {
                        uid: Uid(self.get(row, 0)?).to_string(),
                        text: Arc::from(self.get::<String>(row, 1)?),
                    });
                    Ok(())
                })?;
            }
            answers.push(found);
        }
        Ok(Swept {
            state: state.clone(),
            scores,
            answers,
        })
    }

    /// The names of sweeps in every file.
    pub fn sweep_uids(&self, sweeps: &[SweepState]) -> Result<Vec<String>> {
        let name = |sweep: &SweepState| {
            let uid: Vec<u8> = self.one("SELECT uid FROM sweep WHERE id = ?1", [sweep.id])?;
            Ok(Uid(uid).to_string())
        };
        sweeps.iter().map(name).collect()
    }

    /// The sweeps that such names name.
    ///
    /// # Errors
    /// [`Error::Option`] where one is not in this file.
    pub fn sweeps_of(&self, uids: &[String]) -> Result<Vec<SweepState>> {
        let all = self.sweeps()?;
        let known = self.sweep_uids(&all)?;
        uids.iter()
            .map(|uid| {
                let at = known.iter().position(|name| name == uid);
                at.map(|at| all[at].clone()).ok_or_else(|| {
                    let problem = format!("{uid} is not in this study, where its items come from; merge the study that holds it");
                    Error::option("sweeps", problem)
                })
            })
            .collect()
    }

    /// What of a pool a task's items have taken.
    pub fn taken(&self, task: &TaskState, pool: &Pool) -> Result<Taken> {
        let places = contender_places(pool);
        let width = pool.contenders.len();
        let mut cases: HashMap<&str, usize> = HashMap::new();
        for (at, answer) in pool.answers.iter().enumerate() {
            if let Some(answer) = answer {
                cases.entry(&answer.uid).or_insert(at / width);
            }
        }
        let mut taken = Taken::default();
        for item in self.items(task)? {
            let Sides::Stored {
                batch,
                answers,
                names,
                ..
            } = item.sides
            else {
                continue;
            };
            taken.next = taken.next.max(batch + 1);
            let group: Option<Vec<usize>> = names
                .iter()
                .map(|name| places.get(name.as_str()).copied())
                .collect();
            let group = group.and_then(|group| pool.groups.iter().position(|g| *g == group));
            let case = answers.first().and_then(|uid| cases.get(uid.as_str()));
            if let (Some(group), Some(&case), None) = (group, case, item.wrong) {
                taken.groups.push((group, case));
            }
        }
        Ok(taken)
    }

    /// The votes of a task by each objective, between contenders of a pool.
    pub fn duels(&self, task: &TaskState, pool: &Pool) -> Result<Vec<Vec<Duel>>> {
        let places = contender_places(pool);
        let mut by: BTreeMap<String, Vec<Duel>> = BTreeMap::new();
        for vote in self.judged(task)?.votes {
            let place = |name: &String| places.get(name.as_str()).copied();
            let (Some(first), Some(second)) = (place(&vote.left), place(&vote.right)) else {
                continue;
            };
            by.entry(vote.objective).or_default().push(Duel {
                first,
                second,
                outcome: match vote.choice {
                    Choice::Left => Ordering::Greater,
                    Choice::Right => Ordering::Less,
                    Choice::Tie | Choice::Bad => Ordering::Equal,
                },
                weight: 1.0 / vote.probability.unwrap_or(1.0),
            });
        }
        Ok(by.into_values().collect())
    }
}

/// Names that would give away what wrote a text: of experts, adapters, objectives and methods of sweeps.
pub fn telling_names(sweeps: &[SweepState]) -> Names {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for SweepState { method, info, .. } in sweeps {
        names.insert(method.clone());
        names.extend(info.experts.iter().map(|expert| expert.name.clone()));
        names.extend(info.adapters.iter().cloned());
        names.extend(info.objectives.iter().map(|o| o.name.clone()));
    }
    Names::new(names)
}

/// A drawing's items as they are stored, in batch `batch`, places from `first`.
pub fn built(pool: &Pool, drawing: &Drawing, names: &Names, batch: usize, first: usize) -> Built {
    let mut built = Built::default();
    for (at, drawn) in drawing.items.iter().enumerate() {
        let shown: Option<Vec<&Candidate>> = drawn
            .sides
            .iter()
            .map(|&(case, contender)| pool.answer(case, contender))
            .collect();
        // What is drawn has an answer; what had none could not be shown.
        let Some(shown) = shown else { continue };
        let told: BTreeSet<&str> = shown.iter().flat_map(|a| names.told_by(&a.text)).collect();
        built.told += usize::from(!told.is_empty());
        let name = |&(_, contender): &(usize, usize)| pool.contenders[contender].clone();
        built.items.push(NewItem {
            sides: Sides::Stored {
                batch,
                place: first + at,
                prompt: pool.cases[drawn.case].prompt.clone(),
                answers: shown.iter().map(|answer| answer.uid.clone()).collect(),
                names: drawn.sides.iter().map(name).collect(),
                told: told.into_iter().map(str::to_owned).collect(),
            },
            wrong: drawn.wrong,
            probability: drawn.probability,
        });
    }
    built
}

fn contender_places(pool: &Pool) -> HashMap<&str, usize> {
    let places = pool.contenders.iter().enumerate();
    places.map(|(at, name)| (name.as_str(), at)).collect()
}

/// The prompts of the design's split that can be read, by place.
fn asked(design: &Design, swept: &Swept) -> Vec<usize> {
    let prompts = &swept.scores.prompts;
    (0..prompts.len())
        .filter(|&at| {
            let within = design.split.is_none() || prompts[at].split == design.split;
            within && readable(&prompts[at].prompt).is_some()
        })
        .collect()
}

/// Points as contenders. Sweeps that differ in their name stand apart; others are one, prompt by prompt and seed by seed.
fn by_point(design: &Design, swept: &[Swept]) -> Result<Pool> {
    let names: BTreeSet<&str> = swept.iter().map(|s| s.state.name.as_str()).collect();
    let mut contenders: Vec<String> = Vec::new();
    let mut points: HashMap<(String, Uid), usize> = HashMap::new();
    let mut cases: Vec<Case> = Vec::new();
    let mut places: HashMap<(String, u64), usize> = HashMap::new();
    let mut found: Vec<(usize, usize, Option<Candidate>)> = Vec::new();
    let mut base = None;
    let mut links: Vec<Vec<usize>> = Vec::new();
    for s in swept {
        let kept: Vec<usize> = if design.source == Source::Front {
            let (on_front, between) = front(design, s)?;
            links = between;
            on_front
        } else {
            (0..s.scores.points.len()).collect()
        };
        for &point in &kept {
            let at = &s.scores.points[point].1;
            let prefix = if names.len() > 1 {
                format!("{} ", s.state.name)
            } else {
                String::new()
            };
            let key = (prefix.clone(), s.scores.point_uids[point].clone());
            let contender = *points.entry(key).or_insert_with(|| {
                let short = format!("{prefix}{}", words(at, 4));
                let name = if contenders.contains(&short) {
                    format!("{prefix}{}", words(at, 17))
                } else {
                    short
                };
                contenders.push(name);
                contenders.len() - 1
            });
            if at.is_base() {
                base = base.or(Some(contender));
            }
            for prompt in asked(design, s) {
                let about = &s.scores.prompts[prompt];
                let key = (about.uid.to_string(), s.state.plan.sampling.seed);
                let case = *places.entry(key).or_insert_with(|| {
                    cases.push(Case {
                        prompt: about.uid.to_string(),
                        split: about.split,
                    });
                    cases.len() - 1
                });
                let answer = &s.answers[point * s.scores.prompts.len() + prompt];
                found.push((case, contender, answer.clone()));
            }
        }
    }
    let groups = match (design.source, base) {
        (Source::Base, None) => {
            let problem =
                "no sweep measured the base model; sweep with --base, or compare preferences";
            return Err(Error::option("sweeps", problem));
        }
        (Source::Base, Some(base)) => against(base, contenders.len()),
        (Source::Front, _) => links,
        _ => all_pairs(contenders.len()),
    };
    let mut answers = vec![None; cases.len() * contenders.len()];
    for (case, contender, answer) in found {
        answers[case * contenders.len() + contender] = answer;
    }
    if contenders.len() < 2 && design.question != Question::Rating {
        let problem = format!("{} to compare, at least 2 needed", contenders.len());
        return Err(Error::option("sweeps", problem));
    }
    Ok(Pool {
        contenders,
        cases,
        answers,
        groups,
    })
}

/// The points on a sweep's front by its rewards, and who neighbours whom among them.
fn front(design: &Design, swept: &Swept) -> Result<(Vec<usize>, Vec<Vec<usize>>)> {
    let summary = swept.scores.summary(design.split);
    let flags = front_flags(&summary);
    let mut places = Vec::new();
    let mut kept = Vec::new();
    for (result, _) in summary.iter().zip(flags).filter(|(_, on_front)| *on_front) {
        let means: Vec<f64> = result.scores.iter().flatten().map(|s| s.mean).collect();
        let point = swept
            .scores
            .points
            .iter()
            .position(|(index, _)| *index == result.index);
        if let Some(point) = point {
            places.push(means);
            kept.push(point);
        }
    }
    if kept.len() < 2 {
        let problem = format!(
            "{} of its points on the front by scores, at least 2 needed to compare neighbours",
            kept.len()
        );
        return Err(Error::option("sweeps", problem));
    }
    Ok((kept, nearest_links(&places)))
}

/// Two sweeps as contenders, at each point that both have, else point by point in order.
fn across(design: &Design, swept: &[Swept]) -> Result<Pool> {
    let [one, other] = swept else {
        return Err(Error::option("sweeps", "two are needed"));
    };
    let name = |s: &Swept| s.state.name.clone();
    let contenders = if name(one) == name(other) {
        [one, other].map(|s| format!("{} ({})", s.state.name, s.state.id))
    } else {
        [name(one), name(other)]
    };
    let theirs = |uid: &Uid| other.scores.point_uids.iter().position(|u| u == uid);
    let mut matched: Vec<(usize, usize)> = (0..one.scores.points.len())
        .filter_map(|point| Some((point, theirs(&one.scores.point_uids[point])?)))
        .collect();
    let counts = [one, other].map(|s| s.scores.points.len());
    if matched.is_empty() && counts[0] == counts[1] {
        matched = (0..counts[0]).map(|point| (point, point)).collect();
    }
    let prompts = asked(design, one);
    let seeds = [one, other].map(|s| s.state.plan.sampling.seed);
    if matched.is_empty() || seeds[0] != seeds[1] {
        let problem = format!(
            "sweeps {} and {} share no point ({} and {} of them), or their seeds differ ({} and {}); compare like with like",
            one.state.id, other.state.id, counts[0], counts[1], seeds[0], seeds[1]
        );
        return Err(Error::option("sweeps", problem));
    }
    let mut pool = Pool {
        contenders: contenders.to_vec(),
        cases: Vec::new(),
        answers: Vec::new(),
        groups: all_pairs(2),
    };
    for (mine, yours) in matched {
        for &prompt in &prompts {
            let about = &one.scores.prompts[prompt];
            let Some(their) = other.scores.prompts.iter().position(|p| p.uid == about.uid) else {
                continue;
            };
            pool.cases.push(Case {
                prompt: about.uid.to_string(),
                split: about.split,
            });
            pool.answers
                .push(one.answers[mine * one.scores.prompts.len() + prompt].clone());
            pool.answers
                .push(other.answers[yours * other.scores.prompts.len() + their].clone());
        }
    }
    Ok(pool)
}

/// A point as statistics name it: its numbers to so many digits, or `base`.
fn words(point: &Point, digits: usize) -> String {
    if point.is_base() {
        return "base".to_owned();
    }
    let number = |value: &f64| {
        let long = format!("{value:.digits$}");
        long.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    point
        .as_slice()
        .iter()
        .map(number)
        .collect::<Vec<_>>()
        .join(",")
}
