//! The thread that claims rows, so that who makes them never waits for a disk.
//!
//! It has a connection of its own, which prolongs what it claimed for as long as it lives and gives that back at its end.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};

use super::claim::{CLAIM, Claim};
use super::file::Study;
use super::open::fault;
use crate::types::Key;
use crate::{Error, Result};

/// How often what was claimed is prolonged: several times before it ends, since a row may take longer than a claim holds.
const PROLONG: Duration = Duration::from_millis(CLAIM.unsigned_abs() / 4);

/// Requests that may wait; who sends one more waits, too.
const WAITING: usize = 256;

#[derive(Debug)]
enum Request {
    Claim(Vec<Key>, Sender<Result<Vec<Claim>>>),
    Release(Vec<Key>),
}

/// Claims that are under way.
#[derive(Debug)]
pub struct Claims {
    path: PathBuf,
    reply: Receiver<Result<Vec<Claim>>>,
}

impl Claims {
    /// Whose each row is, in the order asked; `None` while it is not known. Who has got it asks no more.
    pub fn try_get(&self) -> Option<Result<Vec<Claim>>> {
        match self.reply.try_recv() {
            Ok(claims) => Some(claims),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(ended(&self.path))),
        }
    }
}

/// The thread that cannot be there no more.
fn ended(path: &Path) -> Error {
    fault(
        path,
        "claims no more rows: the thread that did has ended; start again, every row that was told written is safe",
    )
}

/// Claims rows of a study on a thread of its own. Dropped, it gives back what it claimed and ends.
#[derive(Debug)]
pub struct Claimer {
    path: PathBuf,
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Claimer {
    /// Opens the study at `path` beside the connection that writes its rows.
    ///
    /// # Errors
    /// Those of [`Study::open`], and [`Error::Study`] where no thread is to be had.
    pub fn start(path: &Path) -> Result<Self> {
        let study = Study::open(path)?;
        let path = study.path().to_path_buf();
        let (requests, to_do) = bounded(WAITING);
        let thread = std::thread::Builder::new()
            .name("claims".to_owned())
            .spawn(move || serve(&study, &to_do))
            .map_err(|e| {
                fault(
                    &path,
                    format!("cannot be shared: no thread to be had ({e})"),
                )
            })?;
        Ok(Self {
            path,
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    /// Asks for rows, see [`Study::claim`].
    pub fn claim(&self, keys: Vec<Key>) -> Claims {
        let (whose, reply) = bounded(1);
        self.ask(Request::Claim(keys, whose));
        Claims {
            path: self.path.clone(),
            reply,
        }
    }

    /// Gives rows back that were claimed and are not made, see [`Study::release`]. That it fails is no harm: claims end by
    /// themselves.
    pub fn release(&self, keys: Vec<Key>) {
        self.ask(Request::Release(keys));
    }

    fn ask(&self, request: Request) {
        if let Some(requests) = &self.requests {
            // Where the thread is gone, the reply's channel closes with the request, which `Claims` tells.
            let _gone = requests.send(request);
        }
    }
}

impl Drop for Claimer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn serve(study: &Study, requests: &Receiver<Request>) {
    // Since when nothing was prolonged, once it has claimed something.
    let mut held: Option<Instant> = None;
    loop {
        let until = held.unwrap_or_else(Instant::now) + PROLONG;
        match requests.recv_deadline(until) {
            Ok(Request::Claim(keys, whose)) => {
                held.get_or_insert_with(Instant::now);
                // Who asked may not want to know.
                let _unread = whose.send(study.claim(&keys));
            }
            Ok(Request::Release(keys)) => {
                let _kept = study.release(&keys);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Some(since) = &mut held
            && since.elapsed() >= PROLONG
        {
            *since = Instant::now();
            // A disk that is busy or full now is asked again, long before the claims end.
            let _later = study.prolong();
        }
    }
    if held.is_some() {
        // The file may be gone; then claims are, too.
        let _left = study.release_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::{answer, info, key, run};

    fn get(claims: &Claims) -> Result<Vec<Claim>> {
        let begun = Instant::now();
        loop {
            if let Some(found) = claims.try_get() {
                return found;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "no reply");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn rows_are_claimed_given_back_and_free_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let study = Study::open(&path).unwrap();
        let runs = [run("a", 0.5, "x"), run("b", 0.5, "y"), run("c", 0.5, "z")];
        let keys: Vec<Key> = runs.iter().map(key).collect();
        let number = study.bundle(&info("demo")).unwrap();
        study.add(&[answer(&runs[0], number)]).unwrap();
        let (one, two) = (
            Claimer::start(&path).unwrap(),
            Claimer::start(&path).unwrap(),
        );
        let ours = [Claim::Done, Claim::Ours, Claim::Ours];
        assert_eq!(get(&one.claim(keys.clone())).unwrap(), ours);
        let found = get(&two.claim(keys[1..].to_vec())).unwrap();
        assert!(
            matches!(found[..], [Claim::Theirs(_), Claim::Theirs(_)]),
            "{found:?}"
        );
        // Asked in this order they are done in this order.
        one.release(keys[1..2].to_vec());
        assert_eq!(get(&one.claim(Vec::new())).unwrap(), []);
        let found = get(&two.claim(keys[1..].to_vec())).unwrap();
        assert!(
            matches!(found[..], [Claim::Ours, Claim::Theirs(_)]),
            "{found:?}"
        );
        drop(one);
        assert_eq!(get(&two.claim(keys.clone())).unwrap(), ours);
        drop(two);
        assert_eq!(study.count("claim").unwrap(), 0);
    }

    #[test]
    fn a_refusal_is_said_and_the_next_claim_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let claimer = Claimer::start(&path).unwrap();
        let study = Study::open(&path).unwrap();
        let keys = vec![key(&run("a", 0.5, "x"))];
        let harm = |sql: &str| study.connection.execute_batch(sql).unwrap();
        harm("ALTER TABLE claim RENAME TO lost");
        let refused = get(&claimer.claim(keys.clone()));
        assert!(matches!(refused, Err(Error::Study { .. })), "{refused:?}");
        harm("ALTER TABLE lost RENAME TO claim");
        assert_eq!(get(&claimer.claim(keys)).unwrap(), [Claim::Ours]);
    }
}
