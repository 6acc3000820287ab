//! Whose the view and undo of the file are: one window's at a time, which says every few seconds that it is there.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use paretoscope_core::Result;
use paretoscope_core::study::{Access, BEAT, Lease};

use super::message::StudyNews;
use super::worker::Worker;

/// Of one open file.
#[derive(Debug, Default)]
pub(super) struct LeaseKeeper {
    /// Who has it, as far as is known.
    has: Option<Lease>,
    asked: Option<Instant>,
    /// The day's copy, while it is made.
    backup: Option<JoinHandle<Result<PathBuf>>>,
}

impl LeaseKeeper {
    /// Whether another program has it.
    pub(super) fn is_theirs(&self) -> bool {
        matches!(self.has, Some(Lease::Theirs { .. }))
    }
}

impl Worker {
    /// A file was opened: the lease is taken where it is free, and the day's copy is begun.
    pub(super) fn begin_lease(&mut self) {
        self.lease = LeaseKeeper::default();
        let Some(study) = self.study.as_ref().filter(|s| s.access() == &Access::Write) else {
            return;
        };
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        match study.daily_backup(now) {
            Ok(backup) => self.lease.backup = backup,
            Err(error) => tracing::warn!("{error}"),
        }
        self.ask(false);
    }

    /// Keeps the lease, or looks whether it has become free, where it is time to.
    pub(super) fn beat(&mut self) {
        let lease = &mut self.lease;
        if let Some(Ok(Err(error))) = lease
            .backup
            .take_if(|thread| thread.is_finished())
            .map(JoinHandle::join)
        {
            tracing::warn!("the day's copy was not made: {error}");
        }
        let beat = Duration::from_millis(BEAT.unsigned_abs());
        if lease.asked.is_some_and(|asked| asked.elapsed() >= beat) {
            self.ask(false);
        }
    }

    /// Asks for the lease; with `over`, takes it from whoever has it.
    pub(super) fn ask(&mut self, over: bool) {
        let Some(study) = &self.study else { return };
        if study.access() != &Access::Write {
            return;
        }
        self.lease.asked = Some(Instant::now());
        match study.lease(over) {
            Ok(lease) => {
                if is_news(self.lease.has.as_ref(), &lease) {
                    self.tell(StudyNews::Lease(lease.clone()));
                }
                self.lease.has = Some(lease);
            }
            // The file is busy, or gone, which the next write says.
            Err(error) => tracing::warn!("the lease is not known: {error}"),
        }
    }

    /// Gives the lease back, where it is ours.
    pub(super) fn end_lease(&mut self) {
        if let (Some(study), Some(Lease::Ours)) = (&self.study, &self.lease.has) {
            // The file may be gone; then the lease is, too.
            let _left = study.end_lease();
        }
        self.lease = LeaseKeeper::default();
    }
}

/// Whether a lease says something new; when its holder was heard last is nothing new.
fn is_news(before: Option<&Lease>, now: &Lease) -> bool {
    match (before, now) {
        (Some(Lease::Ours), Lease::Ours) => false,
        (
            Some(Lease::Theirs { who, since, .. }),
            Lease::Theirs {
                who: holder,
                since: begun,
                ..
            },
        ) => (who, since) != (holder, begun),
        _ => true,
    }
}
