//! What prompts' lines say is right, kept beside the prompts: rules score by it, models never see it.

use std::collections::HashMap;

use super::file::{Study, to_json};
use super::hash::{Fields, Uid};
use crate::Result;
use crate::types::{Prompt, PromptSample, Reference};

/// How an artefact that holds a reference is told from others.
const KIND: &str = "reference";

impl Study {
    /// Notes what is right of prompts. What was noted first stands.
    pub fn refer<'a>(
        &self,
        references: impl IntoIterator<Item = (&'a Prompt, &'a Reference)>,
    ) -> Result<()> {
        let said: Vec<_> = references
            .into_iter()
            .filter(|(_, reference)| !reference.is_empty())
            .collect();
        if said.is_empty() {
            return Ok(());
        }
        self.write(|transaction, origin| {
            let mut known = self.references()?;
            for (prompt, reference) in said {
                let prompt = Uid::prompt(prompt).to_string();
                let known = known.entry(prompt.clone()).or_default();
                let new = Reference {
                    answer: reference.answer.clone().filter(|_| known.answer.is_none()),
                    label: reference.label.filter(|_| known.label.is_none()),
                };
                if new.is_empty() {
                    continue;
                }
                let card = to_json("reference", &new)?;
                known.answer = known.answer.take().or(new.answer);
                known.label = known.label.or(new.label);
                let mut fields = Fields::new("paretoscope reference 1");
                fields.text(&prompt);
                fields.text(&card);
                let columns: [(&str, &dyn rusqlite::ToSql); 4] = [
                    ("kind", &KIND),
                    ("digest", &prompt),
                    ("name", &""),
                    ("card", &card),
                ];
                self.put(transaction, origin, "artefact", &fields.uid(), &columns)?;
            }
            Ok(())
        })
    }

    /// [`Study::refer`] of those samples whose prompts the study holds, as they stand or, of a text, as a user's turn, as
    /// which `--chat` asks it. How many of those with something to say it holds.
    pub fn refer_known(&self, samples: &[PromptSample]) -> Result<usize> {
        let sql = "SELECT EXISTS (SELECT 1 FROM prompt WHERE uid = ?1)";
        let (mut known, mut held) = (Vec::new(), 0);
        for sample in samples.iter().filter(|s| !s.reference.is_empty()) {
            let turn = match &sample.prompt {
                Prompt::Text(text) => Some(Prompt::Chat(text.clone())),
                _ => None,
            };
            let before = known.len();
            for prompt in std::iter::once(sample.prompt.clone()).chain(turn) {
                if self.one(sql, [&Uid::prompt(&prompt).0])? {
                    known.push((prompt, &sample.reference));
                }
            }
            held += usize::from(known.len() > before);
        }
        self.refer(known.iter().map(|(prompt, reference)| (prompt, *reference)))?;
        Ok(held)
    }

    /// What is right of every prompt of which something is noted, by the prompt's name in every file: of an answer and of a
    /// label each what was noted first.
    pub fn references(&self) -> Result<HashMap<String, Reference>> {
        let sql = "SELECT digest, card FROM artefact WHERE kind = ?1 AND card IS NOT NULL ORDER BY created, uid";
        let mut found: HashMap<String, Reference> = HashMap::new();
        self.each(sql, [KIND], |row| {
            let said: Reference = self.json(&self.get::<String>(row, 1)?, "artefact.card")?;
            let known = found.entry(self.get(row, 0)?).or_default();
            known.answer = known.answer.take().or(said.answer);
            known.label = known.label.or(said.label);
            Ok(())
        })?;
        Ok(found)
    }
}
