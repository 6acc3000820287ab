//! What is learnt from, and what is measured on.

use std::collections::BTreeSet;

use crate::annotate::readable;
use crate::bundle::read_prompts;
use crate::output::write_json_lines;
use crate::study::{Asks, Pairs, PairsAsked, Study, SweepState, SweptPrompt, TaskState, Uid};
use crate::types::{BundleInfo, LearnPlan, Prompt, Split};
use crate::{Error, Result};

/// Prompts with what each is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) prompts: Vec<Prompt>,
    pub(super) groups: Vec<Option<String>>,
    /// Where they are from, in words.
    pub(super) from: String,
}

impl Asked {
    fn push(&mut self, prompt: Prompt, group: Option<String>) {
        self.prompts.push(prompt);
        self.groups.push(group);
    }

    /// The prompts that were voted on.
    pub(super) fn voted(pairs: &Pairs) -> Self {
        let mut asked = Self::default();
        for SweptPrompt { prompt, topic, .. } in &pairs.prompts {
            asked.push(prompt.clone(), topic.clone());
        }
        asked
    }
}

/// The pairs that a plan learns from: on prompts of the training part alone.
///
/// # Errors
/// [`Error::Option`] where there is none, with what there is instead.
pub(super) fn pairs(study: &Study, task: &TaskState, plan: &LearnPlan) -> Result<Pairs> {
    let asked = PairsAsked {
        objective: Some(plan.objective.clone()),
        split: Some(Split::Train),
        voters: plan.voters.clone(),
    };
    let pairs = study.pairs(task, &asked)?;
    if pairs.lines.is_empty() {
        let problem = format!(
            "`{}` has no decided pair by {} to learn from ({}); vote on pairs whose prompts are of the training part (study task --split train)",
            task.name,
            plan.objective,
            pairs.counts().words()
        );
        return Err(Error::option("task", problem));
    }
    Ok(pairs)
}

/// Writes the pairs as a trainer reads them.
pub(super) fn write(pairs: &Pairs, plan: &LearnPlan) -> Result<std::path::PathBuf> {
    std::fs::create_dir_all(&plan.out).map_err(Error::io("create", &plan.out))?;
    let path = plan.out.join("pairs.jsonl");
    write_json_lines(&path, pairs.lines.iter())?;
    Ok(path)
}

/// The sweeps whose answers a task shows.
pub(super) fn sweeps(study: &Study, task: &TaskState) -> Result<Vec<SweepState>> {
    match &task.asks {
        Asks::Home(design) => Ok(study.sweeps_of(&design.sweeps)?),
        Asks::Pack(_) => {
            let problem = "is in a pack; merge its votes into the study that it was made from, and learn there";
            Err(Error::option("task", problem))
        }
    }
}

/// The test prompts that a plan measures on: those of its file, else of the task's sweeps, else of the bundle.
///
/// # Errors
/// [`Error::Option`] where there are none, or where one of them is learnt from.
pub(super) fn test_prompts(
    study: &Study,
    sweeps: &[SweepState],
    info: &BundleInfo,
    plan: &LearnPlan,
    pairs: &Pairs,
) -> Result<Asked> {
    let mut asked = Asked::default();
    if let Some(path) = &plan.prompts {
        asked.from = path.display().to_string();
        for sample in read_prompts(path)? {
            if sample.split == Split::Test {
                asked.push(sample.prompt, sample.group);
            }
        }
    } else {
        "the task's sweeps".clone_into(&mut asked.from);
        let mut seen = BTreeSet::new();
        for sweep in sweeps {
            for prompt in study.sweep_scores(sweep.id, None)?.prompts {
                if prompt.split == Some(Split::Test) && seen.insert(prompt.uid.clone()) {
                    asked.push(prompt.prompt, prompt.topic);
                }
            }
        }
        if asked.prompts.is_empty() {
            "the bundle's own".clone_into(&mut asked.from);
            let test = info.prompts.iter().filter(|p| p.split == Split::Test);
            for sample in test {
                asked.push(sample.prompt.clone(), sample.group.clone());
            }
        }
    }
    if asked.prompts.len() < 2 {
        let problem = format!(
            "{} of {} are of the test part, and an effect with its interval takes at least 2; give a file of prompts with \"split\": \"test\"",
            asked.prompts.len(),
            asked.from
        );
        return Err(Error::option("prompts", problem));
    }
    let topics: BTreeSet<&String> = asked.groups.iter().flatten().collect();
    if asked.groups.iter().all(Option::is_some) && topics.len() == 1 {
        let problem = format!(
            "all {} test prompts of {} are about one topic, and an interval takes at least 2",
            asked.prompts.len(),
            asked.from
        );
        return Err(Error::option("prompts", problem));
    }
    let learnt: BTreeSet<&Uid> = pairs.prompts.iter().map(|prompt| &prompt.uid).collect();
    // The same words are the same prompt, whether through the template or without it.
    let words = pairs.prompts.iter();
    let words: BTreeSet<String> = words.filter_map(|p| readable(&p.prompt)).collect();
    let both = asked.prompts.iter().filter(|prompt| {
        learnt.contains(&Uid::prompt(prompt))
            || readable(prompt).is_some_and(|read| words.contains(&read))
    });
    match both.count() {
        0 => Ok(asked),
        count => {
            let problem = format!(
                "{count} of the {} test prompts of {} are learnt from as well; what is measured on them would be in sample",
                asked.prompts.len(),
                asked.from
            );
            Err(Error::option("prompts", problem))
        }
    }
}
