//! The prompts of an evidence run: those that choose, and those that tell.

use std::path::{Path, PathBuf};

use crate::bundle::{Bundle, read_prompts};
use crate::types::{Prompt, PromptSample, Split};
use crate::{Error, Result};

/// Prompts of the two parts.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// What choices are made on.
    pub validation: Vec<PromptSample>,
    /// What is told.
    pub test: Vec<PromptSample>,
}

/// Reads the prompts of the files given, else those in the bundle's folder `prompts`, else the bundle's own. Lines name
/// their part, or their file does (`validation.jsonl`, `test.jsonl`), or a hash does. At most `most` groups of each part
/// are kept, the first ones.
pub fn evidence_prompts(bundle: &Bundle, files: &[PathBuf], most: Option<usize>) -> Result<Inputs> {
    let folder = bundle.info.path.join("prompts");
    let own = ["validation.jsonl", "test.jsonl"].map(|name| folder.join(name));
    let mut samples: Vec<PromptSample> = Vec::new();
    if !files.is_empty() {
        for file in files {
            samples.extend(of_file(file)?);
        }
    } else if own.iter().all(|file| file.is_file()) {
        for file in &own {
            samples.extend(of_file(file)?);
        }
    } else {
        samples.clone_from(&bundle.info.prompts);
    }
    // As in use: a bundle with a chat template is asked through it.
    for sample in &mut samples {
        if let (true, Prompt::Text(text)) = (bundle.info.model.has_chat_template, &sample.prompt) {
            sample.prompt = Prompt::Chat(text.clone());
        }
    }
    let of = |split: Split| {
        let part = samples.iter().filter(|sample| sample.split == split);
        first_groups(part.cloned().collect(), most)
    };
    let inputs = Inputs {
        validation: of(Split::Validation),
        test: of(Split::Test),
    };
    for (name, part) in [("validation", &inputs.validation), ("test", &inputs.test)] {
        if part.len() < 2 {
            let problem = format!(
                "{} of {} are {name} prompts; at least 2 are needed to say how sure a number is. Lines may name their \"split\"",
                part.len(),
                samples.len()
            );
            return Err(Error::option("--prompts", problem));
        }
    }
    Ok(inputs)
}

/// The prompts of a file, which may be called as the part that it is.
fn of_file(path: &Path) -> Result<Vec<PromptSample>> {
    let mut samples = read_prompts(path)?;
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let part = [Split::Train, Split::Validation, Split::Test];
    if let Some(split) = part.into_iter().find(|split| Some(split.name()) == stem) {
        for sample in &mut samples {
            sample.split = split;
        }
    }
    Ok(samples)
}

/// The prompts of the first groups; one without a group is one by itself.
fn first_groups(samples: Vec<PromptSample>, most: Option<usize>) -> Vec<PromptSample> {
    let Some(most) = most else { return samples };
    let mut groups: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for (index, sample) in samples.into_iter().enumerate() {
        let group = sample.group.clone().unwrap_or_else(|| format!("{index}"));
        if !groups.contains(&group) {
            if groups.len() == most {
                continue;
            }
            groups.push(group);
        }
        kept.push(sample);
    }
    kept
}
