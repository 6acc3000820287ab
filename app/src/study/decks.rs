//! Talks of the study: their stops, what these show, and edits of them.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use paretoscope_core::Result;
use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{DeckEdit, ScorerRecord, Stop, Study, SweepState, Target, Uid};
use paretoscope_core::types::BundleInfo;

use super::message::StudyNews;
use super::staged::{DeckKeeper, Material, Staged, StagedSweep};
use super::worker::{Worker, with_scores};

impl Worker {
    /// Makes a change of talks as one edit, and says how they stand then.
    pub(super) fn edit_deck(&mut self, title: &str, edit: &DeckEdit) {
        let edited = self.with(|study| study.edit_deck(title, edit));
        self.edited(edited);
        self.tell_decks();
    }

    /// Says how talks stand, and what their stops show, as far as that is new.
    pub(super) fn tell_decks(&mut self) {
        let decks = self.with(Study::decks);
        let Some(decks) = self.or_tell(decks) else {
            return;
        };
        let stops = decks.iter().flat_map(|deck| &deck.stops);
        let stops: Vec<Stop> = stops.map(|state| state.stop.clone()).collect();
        if self.decks.told.as_ref() != Some(&decks) {
            self.decks.told = Some(decks.clone());
            self.tell(StudyNews::Decks(decks));
        }
        if stops.is_empty() {
            return;
        }
        let keeper = &self.decks;
        let found = self.with(|study| material(study, &stops, keeper));
        if let Some((material, sweeps)) = self.or_tell(found)
            && material != Material::default()
        {
            let names = material.answers.iter().map(|a| a.answer.uid.clone());
            self.decks.answers.extend(names);
            self.decks.sweeps.extend(sweeps);
            self.tell(StudyNews::Staged(material));
        }
    }

    /// Says how talks stand after an edit was turned, where it was one of theirs.
    pub(super) fn follow_decks(&mut self, targets: &[Target]) {
        let is_talk = |target: &Target| matches!(target, Target::Deck(_) | Target::Stop(_));
        if targets.iter().any(is_talk) {
            self.tell_decks();
        }
    }

    /// Opens a copy of a study, which is made where there is none; the study itself is read alone.
    pub(super) fn open_copy(&mut self, from: &Path, to: &Path) {
        if to.exists() {
            return self.open(to.to_path_buf());
        }
        match copied(from, to) {
            Ok(()) => self.open(to.to_path_buf()),
            Err(error) => self.tell(StudyNews::NotOpened {
                path: to.to_path_buf(),
                trouble: Trouble::from(&error),
            }),
        }
    }
}

fn copied(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        // Where it cannot be made, the copy says why.
        let _made = std::fs::create_dir_all(folder);
    }
    let Some(study) = Study::peek(from)? else {
        let words = format!("{}: there is no study", from.display());
        return Err(paretoscope_core::Error::option("talk", words));
    };
    study.copy_to(to)
}

/// What stops show that the window has not, with the rows of each sweep.
fn material(
    study: &Study,
    stops: &[Stop],
    keeper: &DeckKeeper,
) -> Result<(Material, Vec<(Uid, usize)>)> {
    let mut found = Material::default();
    let mut bundles: HashMap<i64, Arc<BundleInfo>> = HashMap::new();
    let mut seen: HashSet<&Uid> = HashSet::new();
    for uid in stops.iter().flat_map(Stop::answers) {
        if keeper.answers.contains(uid) || !seen.insert(uid) {
            continue;
        }
        // One that cannot be read takes no other with it.
        let Ok(Some(stored)) = study.answer_of(uid) else {
            continue;
        };
        let Some(number) = stored.bundle else {
            continue;
        };
        let bundle = match bundles.get(&number) {
            Some(known) => Arc::clone(known),
            None => match study.bundle_info(number)? {
                Some(info) => Arc::clone(bundles.entry(number).or_insert(Arc::new(info))),
                None => continue,
            },
        };
        let scorers = study.known_scorers(&ScorerRecord::rewards(&bundle))?;
        let answers = with_scores(study, vec![stored], &scorers)?.into_iter();
        found.answers.extend(answers.map(|answer| Staged {
            answer,
            bundle: Arc::clone(&bundle),
        }));
    }
    let mut rows = Vec::new();
    let wanted: HashSet<&Uid> = stops.iter().filter_map(|s| s.sweep.as_ref()).collect();
    if wanted.is_empty() {
        return Ok((found, rows));
    }
    let is_new = |sweep: &SweepState| {
        wanted.contains(&sweep.uid) && keeper.sweeps.get(&sweep.uid) != Some(&sweep.done)
    };
    for sweep in study.sweeps()?.into_iter().filter(is_new) {
        let Ok(points) = study.played_sweep(sweep.id) else {
            continue;
        };
        rows.push((sweep.uid.clone(), sweep.done));
        found.sweeps.push(StagedSweep {
            points: Arc::new(points),
            uid: sweep.uid,
            bundle: Arc::new(sweep.info),
        });
    }
    Ok((found, rows))
}
