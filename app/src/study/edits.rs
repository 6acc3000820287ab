//! Edits of the study, and taking them back.

use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{Edit, Study, Target};
use paretoscope_core::{Error, Result};

use super::message::{StudyNews, Turned};
use super::worker::Worker;
use crate::state::RunId;

impl Worker {
    /// Makes an edit, and says whether it changed anything.
    pub(super) fn edit(&self, title: &str, target: Target, value: Option<String>) {
        let edited = self.with(|study| study.edit(title, &[Edit { target, value }]));
        self.edited(edited);
    }

    /// Hides all answers, and says so.
    pub(super) fn forget(&self) {
        let hidden = self.with(Study::hide_answers);
        let forgotten = matches!(hidden, Some(Ok(_)));
        self.edited(hidden.map(|done| done.map(|count| count > 0)));
        if forgotten {
            self.tell(StudyNews::Forgotten);
        }
    }

    /// Hides an answer that no person looks for, once it is in the file.
    pub(super) fn hide(&mut self, run: RunId) {
        let Some((number, _)) = self.written.get(&run) else {
            self.to_hide.insert(run);
            return;
        };
        let hidden = self.with(|study| study.hide(*number));
        if self.or_tell(hidden).is_some() {
            self.tell(StudyNews::Hidden);
        }
    }

    pub(super) fn edited(&self, done: Option<Result<bool>>) {
        let changed = self.or_tell(done).unwrap_or(false);
        self.tell(StudyNews::Edited(changed));
        self.tell_steps();
        self.tell_tags();
    }

    /// Takes the last edit back, or does it again, where it is the one that is meant.
    pub(super) fn turn(&mut self, step: u64, title: &str, again: bool) {
        let Some(study) = &self.study else { return };
        let done = turned(study, title, again).map_err(|error| {
            if !again {
                // It stands in the way of those before it.
                let _stays = study.skip_undo();
            }
            Trouble::from(&error)
        });
        let turned = done.as_ref().map(|turned| turned.now.iter());
        let targets: Vec<Target> = (turned.into_iter().flatten())
            .map(|(target, _)| target.clone())
            .collect();
        self.tell(StudyNews::Turned(step, again, done));
        self.tell_steps();
        self.follow_decks(&targets);
        self.tell_tags();
    }

    /// Says which tags there are.
    pub(super) fn tell_tags(&self) {
        let tagged = self.with(Study::tagged);
        if let Some(tagged) = self.or_tell(tagged) {
            let tags = tagged.into_iter().map(|(_, tag)| tag).collect();
            self.tell(StudyNews::Tags(tags));
        }
    }

    /// Says what the file would take back next, and do again.
    pub(super) fn tell_steps(&self) {
        let titles = self.with(|study| Ok([study.undo_title()?, study.redo_title()?]));
        if let Some(titles) = self.or_tell(titles) {
            self.tell(StudyNews::Steps(titles));
        }
    }
}

fn turned(study: &Study, title: &str, again: bool) -> Result<Turned> {
    let next = if again {
        study.redo_title()?
    } else {
        study.undo_title()?
    };
    if next.as_deref() != Some(title) {
        let next = next.map_or_else(|| "nothing".to_owned(), |next| format!("`{next}`"));
        let words = format!("`{title}` is not what the study did last, but {next}");
        return Err(Error::option("undo", words));
    }
    let undone = if again { study.redo()? } else { study.undo()? };
    let mut now = Vec::new();
    for target in undone.map(|undone| undone.targets).unwrap_or_default() {
        let value = study.state(&target)?.value;
        now.push((target, value));
    }
    Ok(Turned {
        title: title.to_owned(),
        now,
        answers: study.asked_for()?,
    })
}
