//! Items in full, for tables.

use serde::Serialize;

use super::file::Study;
use super::tasks::{Sides, TaskState};
use crate::Result;
use crate::annotate::readable;
use crate::types::Split;

/// An item with what it shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemRow {
    /// Its name in every file.
    pub item: String,
    /// The prompt's name in every file; absent in a pack.
    pub prompt: Option<String>,
    /// Which part of the prompts that belongs to.
    pub split: Option<Split>,
    /// What was asked.
    pub asked: String,
    /// What statistics call what made the answers; empty in a pack.
    pub names: Vec<String>,
    /// The answers' names in every file; empty in a pack.
    pub answers: Vec<String>,
    /// The answers.
    pub texts: Vec<String>,
    /// How likely it was to be asked.
    pub probability: f64,
    /// The side that is wrong, from 0, where it is a check.
    pub wrong: Option<usize>,
    /// Names of experts and objectives that stand in the texts.
    pub told: Vec<String>,
}

impl Study {
    /// The items of a task with what they show, in the order in which they were drawn.
    pub fn item_rows(&self, task: &TaskState) -> Result<Vec<ItemRow>> {
        let items = self.items(task)?;
        let known = self.texts_of(&items)?;
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            let lost = || self.misread("item.sides: an answer that is not in this file");
            let mut row = ItemRow {
                item: item.uid.to_string(),
                prompt: None,
                split: None,
                asked: String::new(),
                names: Vec::new(),
                answers: Vec::new(),
                texts: Vec::new(),
                probability: item.probability,
                wrong: item.wrong,
                told: Vec::new(),
            };
            match item.sides {
                Sides::Texts { prompt, texts, .. } => {
                    row.asked = prompt;
                    row.texts = texts;
                }
                Sides::Stored {
                    prompt,
                    answers,
                    names,
                    told,
                    ..
                } => {
                    let about = self.prompt_named(&prompt)?.ok_or_else(lost)?;
                    row.asked = readable(&about.prompt).unwrap_or_default();
                    row.split = about.split;
                    let text = |uid: &String| known.get(uid).map(|(_, text)| text.clone());
                    let texts: Option<Vec<String>> = answers.iter().map(text).collect();
                    row.texts = texts.ok_or_else(lost)?;
                    (row.prompt, row.answers, row.names, row.told) =
                        (Some(prompt), answers, names, told);
                }
            }
            rows.push(row);
        }
        Ok(rows)
    }
}
