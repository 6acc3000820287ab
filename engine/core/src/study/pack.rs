//! Items for another machine: texts alone, under names that only the study which packed them can read.

use std::collections::HashMap;
use std::path::Path;

use rand::RngCore as _;
use sha2::{Digest as _, Sha256};

use super::file::Study;
use super::hash::Uid;
use super::merge::{MergeCount, MergeCounts};
use super::open::input;
use super::sitting::Sitting;
use super::tasks::{Asks, NewItem, Packed, Sides};
use super::votes::NewVote;
use crate::annotate::{Ballot, Picked};
use crate::{Error, Result};

/// The word of a study under which the key of its packs is kept.
const KEY: &str = "pack key";
/// What the task of a pack is called: its own name could tell what is compared.
const NAME: &str = "Annotation";

/// HMAC-SHA-256 (RFC 2104) of parts, each with its length before it.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    block[..key.len().min(64)].copy_from_slice(&key[..key.len().min(64)]);
    let start = |pad: u8| {
        let mut hash = Sha256::new();
        hash.update(block.map(|byte| byte ^ pad));
        hash
    };
    let mut inner = start(0x36);
    for part in parts {
        inner.update(part);
    }
    let mut outer = start(0x5c);
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// A name that says nothing without the key.
fn name(key: &[u8], kind: &str, parts: &[&[u8]]) -> Uid {
    let lengths: Vec<[u8; 8]> = parts
        .iter()
        .map(|part| (part.len() as u64).to_le_bytes())
        .collect();
    let mut all: Vec<&[u8]> = vec![kind.as_bytes(), b"\0"];
    for (length, part) in lengths.iter().zip(parts) {
        all.extend([&length[..], part]);
    }
    Uid(hmac(key, &all)[..16].to_vec())
}

/// The name of a place in a person's queue.
fn place_name(key: &[u8], person: &Uid, sitting: &Sitting, place: usize) -> Uid {
    let shown = sitting.shown(place);
    let item = &sitting.items()[sitting.queue()[place].item];
    let order: Vec<u8> = shown.order.iter().map(|side| *side as u8).collect();
    let look = [u8::from(shown.repeat)];
    name(key, "showing", &[&person.0, &item.uid.0, &look, &order])
}

impl Study {
    /// Writes what a person has still to vote on into a file of its own, a study that holds texts alone: no point, no
    /// score, no name of what is compared. Gives how many items that are. [`Study::merge`] takes the votes in.
    ///
    /// # Errors
    /// [`Error::Option`] where nothing is left to vote on, or this study is a pack itself.
    pub fn pack(&self, sitting: &Sitting, out: &Path) -> Result<usize> {
        let task = sitting.task();
        if matches!(task.asks, Asks::Pack(_)) {
            return Err(Error::option(
                "task",
                "is in a pack; make packs of the study it is from",
            ));
        }
        if out.exists() {
            return Err(input(out, "is there already; name another file"));
        }
        let left = self.left(sitting)?;
        if left.is_empty() {
            let problem = format!(
                "{} has voted on all {}",
                sitting.alias(),
                sitting.queue().len()
            );
            return Err(Error::option("annotator", problem));
        }
        let (key, person) = self.write(|_transaction, _origin| {
            if self.own_word(KEY)?.is_none() {
                let mut fresh = vec![0_u8; 32];
                rand::rng().fill_bytes(&mut fresh);
                self.keep_own_word(KEY, &Uid(fresh).to_string())?;
            }
            Ok((self.pack_key()?, self.put_annotator(sitting.alias())?))
        })?;
        let Some(key) = key else {
            return Err(self.misread("meta, pack key"));
        };
        let mut items = Vec::with_capacity(left.len());
        for (at, &place) in left.iter().enumerate() {
            let shown = self.show(sitting, place)?;
            let item = NewItem {
                sides: Sides::Texts {
                    place: at,
                    prompt: shown.prompt,
                    texts: shown.sides,
                },
                wrong: None,
                probability: 1.0,
            };
            items.push((place_name(&key, &person.uid, sitting, place), item));
        }
        let asks = Asks::Pack(Packed {
            pack: 1,
            question: task.asks.question(),
            objectives: task.asks.objectives().to_vec(),
            instructions: task.asks.told(),
            strength: task.asks.strength(),
        });
        let folder = tempfile::tempdir().map_err(|e| input(out, format!("cannot be made: {e}")))?;
        let pack = Self::open(&folder.path().join("pack.study"))?;
        pack.write(|_transaction, _origin| {
            let packed = pack.put_task(NAME, &name(&key, "task", &[&task.uid.0]), asks)?;
            let who = name(&key, "annotator", &[&person.uid.0]);
            pack.put_annotator_as(&who, sitting.alias())?;
            pack.put_items(
                packed.id,
                items.iter().map(|(uid, item)| (uid.clone(), item)),
            )
        })?;
        pack.copy_to(out)?;
        Ok(items.len())
    }

    fn pack_key(&self) -> Result<Option<Vec<u8>>> {
        let word = self.own_word(KEY)?;
        Ok(word.and_then(|word| Uid::parse(&word)).map(|uid| uid.0))
    }

    /// Within a merge: takes the votes of the attached file in where it is a pack; `None` where it is none.
    pub(super) fn take_pack(&self, source: &Path) -> Result<Option<MergeCounts>> {
        let sql = "SELECT uid FROM source.task WHERE CASE WHEN json_valid(design) THEN json_extract(design, '$.pack') END IS NOT NULL";
        let mut packed: Vec<Uid> = Vec::new();
        self.each(sql, [], |row| {
            packed.push(Uid(self.get(row, 0)?));
            Ok(())
        })?;
        if packed.is_empty() {
            return Ok(None);
        }
        let stranger = || {
            input(
                source,
                format!(
                    "is a pack of items that {} did not make, or whose key it has lost; merge it into the study that packed it",
                    self.path().display()
                ),
            )
        };
        let key = self.pack_key()?.ok_or_else(stranger)?;
        let tasks = self.tasks()?;
        let task = tasks
            .iter()
            .find(|task| packed.contains(&name(&key, "task", &[&task.uid.0])))
            .ok_or_else(stranger)?;
        let mut whose: Vec<Uid> = Vec::new();
        self.each("SELECT uid FROM source.annotator", [], |row| {
            whose.push(Uid(self.get(row, 0)?));
            Ok(())
        })?;
        let person = self
            .annotators()?
            .into_iter()
            .find(|a| whose.contains(&name(&key, "annotator", &[&a.uid.0])))
            .ok_or_else(stranger)?;
        let sitting = self.sit(task, &person.alias).map_err(|_alias| {
            input(
                source,
                "is a pack for somebody who was forgotten here; its votes are left out",
            )
        })?;
        let places: HashMap<Uid, usize> = (0..sitting.queue().len())
            .map(|place| (place_name(&key, &person.uid, &sitting, place), place))
            .collect();
        let mut count = MergeCount {
            table: "vote".to_owned(),
            new: 0,
            equal: 0,
            diverged: 0,
        };
        let mut unknown = 0;
        let sql = "SELECT v.uid, v.created, i.uid, v.objective, v.choice, v.strength, v.active_ms, v.early, v.comment, v.replaces
                   FROM source.vote v JOIN source.item i ON i.id = v.item ORDER BY v.created, v.uid";
        self.each(sql, [], |row| {
            let replaces: Option<Vec<u8>> = self.get(row, 9)?;
            let place = places.get(&Uid(self.get(row, 2)?)).copied();
            let ballot = Ballot {
                objective: self.get(row, 3)?,
                picked: Picked::parse(&self.get::<String>(row, 4)?)
                    .ok_or_else(|| input(source, "holds a vote that is none"))?,
                strength: self.get(row, 5)?,
                comment: self.get(row, 8)?,
            };
            let fits = |place: &usize| {
                let asks = &task.asks;
                let sides = sitting.queue()[*place].order.len();
                asks.objectives().contains(&ballot.objective)
                    && (ballot.picked == Picked::Undone
                        || ballot.picked.answers(asks.question(), sides))
            };
            let Some(place) = place.filter(fits) else {
                unknown += 1;
                return Ok(());
            };
            let fresh = self.put_vote(&NewVote {
                uid: Uid(self.get(row, 0)?),
                created: self.get(row, 1)?,
                item: sitting.items()[sitting.queue()[place].item].id,
                annotator: person.id,
                ballot: &ballot,
                shown: &sitting.shown(place),
                active_ms: u64::try_from(self.get::<i64>(row, 6)?).unwrap_or(0),
                early: self.get(row, 7)?,
                replaces: replaces.map(Uid).as_ref(),
            })?;
            count.new += usize::from(fresh);
            count.equal += usize::from(!fresh);
            Ok(())
        })?;
        let mut counts = MergeCounts::default();
        if unknown > 0 {
            counts.warnings.push(format!("{unknown} votes are on items that are not here, or say what was not asked, and were left out"));
        }
        counts.tables.push(count);
        Ok(Some(counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // RFC 4231, cases 1 and 2.
        let hex = |bytes: [u8; 32]| Uid(bytes.to_vec()).to_string();
        assert_eq!(
            hex(hmac(&[0x0b; 20], &[b"Hi ", b"There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(hmac(b"Jefe", &[b"what do ya want for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn parts_do_not_run_together() {
        let key = [7; 32];
        assert_ne!(
            name(&key, "a", &[b"bc", b"d"]),
            name(&key, "a", &[b"b", b"cd"])
        );
        assert_ne!(name(&key, "a", &[b"b"]), name(&key, "c", &[b"b"]));
    }
}
