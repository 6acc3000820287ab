//! Whether the program behind an origin still runs, so that nobody waits for the rows of one that was killed.
//!
//! Each that claims keeps a file of its origin's name among the system's temporary ones, locked for as long as it lives;
//! the system opens the lock of one that died. Where there is no such file (another machine, a folder that was tidied up),
//! nothing is known, and claims end by their time.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use super::file::Study;
use super::hash::Uid;
use crate::Result;

/// Where the program behind an origin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It is this process.
    Here,
    /// Another process of this machine.
    Elsewhere,
    /// It died: its claims are free.
    Gone,
    /// Nothing is known.
    Unknown,
}

/// Says that this process is alive, until it is dropped.
#[derive(Debug)]
pub(super) struct Alive {
    origin: Uid,
    /// Locked.
    file: Option<File>,
}

/// The file of an origin.
pub(super) fn place(origin: &Uid) -> PathBuf {
    tempfile::env::temp_dir().join(format!("paretoscope-{origin}.alive"))
}

impl Alive {
    /// Where no such file can be had, nothing is said.
    fn say(origin: Uid) -> Self {
        let say = || {
            let mut options = File::options();
            let mut file = options.write(true).create_new(true).open(place(&origin))?;
            // Who looks at it at this moment holds it for no longer than that.
            let said = file
                .lock()
                .and_then(|()| write!(file, "{}", std::process::id()));
            said.inspect_err(|_| bury(&origin))?;
            Ok::<_, std::io::Error>(file)
        };
        let file = say().ok();
        Self { origin, file }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        // Taken away before the lock opens: nobody takes it for the file of one that died.
        if let Some(file) = self.file.take() {
            let _gone = std::fs::remove_file(place(&self.origin));
            drop(file);
        }
    }
}

/// Where the program behind an origin is.
pub(super) fn whereabouts(origin: &Uid) -> Whereabouts {
    let Ok(mut file) = File::open(place(origin)) else {
        return Whereabouts::Unknown;
    };
    match file.try_lock() {
        Ok(()) => Whereabouts::Gone,
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let read = file.read_to_string(&mut process).is_ok();
            if read && process == std::process::id().to_string() {
                Whereabouts::Here
            } else {
                Whereabouts::Elsewhere
            }
        }
        Err(TryLockError::Error(_unlockable)) => Whereabouts::Unknown,
    }
}

/// Takes the file of one that died away.
pub(super) fn bury(origin: &Uid) {
    let _gone = std::fs::remove_file(place(origin));
}

impl Study {
    /// Tells other programs, for as long as this is open, that what it makes is under way.
    pub fn attend(&self) -> Result<()> {
        self.write(|_transaction, origin| self.attend_as(origin))
    }

    pub(super) fn attend_as(&self, origin: i64) -> Result<()> {
        let uid = Uid(self.one("SELECT uid FROM origin WHERE id = ?1", [origin])?);
        let mut alive = self.alive.borrow_mut();
        if alive.as_ref().is_none_or(|alive| alive.origin != uid) {
            *alive = Some(Alive::say(uid));
        }
        Ok(())
    }

    /// Whether who wrote an answer still attends to this study, see [`Study::attend`].
    pub fn maker_attends(&self, answer: i64) -> Result<bool> {
        let sql = "SELECT o.uid FROM generation g JOIN origin o ON o.id = g.origin WHERE g.id = ?1";
        let mut attends = false;
        self.each(sql, [answer], |row| {
            let maker = whereabouts(&Uid(self.get(row, 0)?));
            attends = matches!(maker, Whereabouts::Here | Whereabouts::Elsewhere);
            Ok(())
        })?;
        Ok(attends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::{answer, info, run};

    #[test]
    fn a_lock_tells_who_lives() {
        let origin = Uid::event(1);
        assert_eq!(whereabouts(&origin), Whereabouts::Unknown);
        let alive = Alive::say(origin.clone());
        assert_eq!(whereabouts(&origin), Whereabouts::Here);
        drop(alive);
        assert_eq!(whereabouts(&origin), Whereabouts::Unknown);
        // What a program that was killed leaves.
        std::fs::write(place(&origin), "1").unwrap();
        assert_eq!(whereabouts(&origin), Whereabouts::Gone);
        bury(&origin);
        assert_eq!(whereabouts(&origin), Whereabouts::Unknown);
    }

    #[test]
    fn an_answer_s_maker_attends_while_its_study_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let (one, two) = (Study::open(&path).unwrap(), Study::open(&path).unwrap());
        let number = one.bundle(&info("demo")).unwrap();
        let id = one.add(&[answer(&run("a", 0.5, "x"), number)]).unwrap()[0];
        assert!(!two.maker_attends(id).unwrap(), "it has not said so");
        one.attend().unwrap();
        assert!(two.maker_attends(id).unwrap());
        drop(one);
        assert!(!two.maker_attends(id).unwrap());
    }
}
