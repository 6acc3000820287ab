//! The thread that writes: one for a process and a study, so that nobody else waits for a disk.
//!
//! Requests go through a bounded channel; those that come within [`WAIT`] of one another, up to [`ROWS`] rows, are written
//! in one transaction, and answered when it is durable.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::claim::CLAIM;
use super::file::{Access, Study};
use super::hash::now;
use super::lease::{BEAT, Lease};
use super::open::fault;
use super::request::{Answer, Change, Reply, Request};
use crate::{Error, Result};

/// Rows after which a transaction ends. A request is never cut in two.
pub const ROWS: usize = 16;

/// How long the first request of a transaction waits for others.
pub const WAIT: Duration = Duration::from_millis(50);

/// How often the thread looks whether another program has written.
pub const LOOK: Duration = Duration::from_millis(500);

/// How often what was claimed is prolonged: several times before it ends.
const PROLONG: Duration = Duration::from_millis(CLAIM.unsigned_abs() / 4);

/// Requests that may wait; who sends one more waits, too.
const WAITING: usize = 256;

/// A reply to come.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    reply: Receiver<Result<Reply>>,
}

impl Pending {
    /// Waits until the request is durable, or refused.
    pub fn wait(self) -> Result<Reply> {
        self.reply
            .recv()
            .unwrap_or_else(|_gone| Err(ended(&self.path)))
    }

    /// The reply, where it is there; who has got it asks no more.
    pub fn try_wait(&self) -> Option<Result<Reply>> {
        self.reply.try_recv().ok()
    }
}

/// The thread that cannot be there no more.
fn ended(path: &Path) -> Error {
    fault(
        path,
        "is no longer written: the thread that did has ended; start again, every row that was told written is safe",
    )
}

struct Job {
    request: Request,
    reply: Sender<Result<Reply>>,
}

/// A study that is written by a thread of its own. Dropped, it writes what waits and ends.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    access: Access,
    jobs: Option<Sender<Job>>,
    changes: Receiver<Change>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Opens the study at `path` and begins to write it, and the day's copy. A study that can only be read is opened, too:
    /// its writes are refused.
    pub fn start(path: &Path) -> Result<Self> {
        let study = Study::open(path)?;
        let backup = study.daily_backup(now())?;
        Self::of(study, backup)
    }

    /// As [`Writer::start`], beside another connection of this process that writes it: without the day's copy.
    pub fn beside(path: &Path) -> Result<Self> {
        Self::of(Study::open(path)?, None)
    }

    fn of(study: Study, backup: Option<JoinHandle<Result<PathBuf>>>) -> Result<Self> {
        let path = study.path().to_path_buf();
        let access = study.access().clone();
        let (jobs, to_do) = bounded(WAITING);
        let (tell, changes) = bounded(WAITING);
        let serving = Serving {
            version: study.version()?,
            backup,
            study,
            jobs: to_do,
            tell,
            lease: None,
            beat: Instant::now(),
            claimed: None,
        };
        let thread = std::thread::Builder::new()
            .name("study".to_owned())
            .spawn(move || serving.serve())
            .map_err(|e| {
                fault(
                    &path,
                    format!("cannot be written: no thread to be had ({e})"),
                )
            })?;
        Ok(Self {
            path,
            access,
            jobs: Some(jobs),
            changes,
            thread: Some(thread),
        })
    }

    /// Where the study is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What may be done to it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Asks for something; waits where very much waits already.
    pub fn ask(&self, request: Request) -> Pending {
        let (reply, to_come) = bounded(1);
        if let Some(jobs) = &self.jobs {
            // Where the thread is gone, the reply's channel is closed, which `wait` tells.
            let _gone = jobs.send(Job { request, reply });
        }
        Pending {
            path: self.path.clone(),
            reply: to_come,
        }
    }

    /// What happened unasked; those that nobody reads are left out.
    pub fn changes(&self) -> &Receiver<Change> {
        &self.changes
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// The thread's own.
struct Serving {
    study: Study,
    jobs: Receiver<Job>,
    tell: Sender<Change>,
    version: i64,
    backup: Option<JoinHandle<Result<PathBuf>>>,
    /// Who has the lease, once it was asked for.
    lease: Option<Lease>,
    beat: Instant,
    /// When what it has claimed was prolonged last, once it claimed: a row may take longer than a claim holds.
    claimed: Option<Instant>,
}

impl Serving {
    fn serve(mut self) {
        let mut looked = Instant::now();
        loop {
            match self.jobs.recv_deadline(looked + LOOK) {
                Ok(first) => self.write(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look();
            }
        }
        // The file may be gone; then lease and claims are, too.
        if self.lease == Some(Lease::Ours) {
            let _left = self.study.end_lease();
        }
        if self.claimed.is_some() {
            let _left = self.study.release_all();
        }
    }

    /// A transaction, from its first request on.
    fn write(&mut self, first: Job) {
        let until = Instant::now() + WAIT;
        let (mut jobs, mut last) = (Vec::new(), Some(first));
        let mut rows = 0;
        while let Some(job) = last.take() {
            if job.request.alone() {
                last = Some(job);
                break;
            }
            rows += job.request.rows();
            jobs.push(job);
            if rows < ROWS {
                last = self.jobs.recv_deadline(until).ok();
            }
        }
        if !jobs.is_empty() {
            if jobs
                .iter()
                .any(|job| matches!(job.request, Request::Claim(_)))
            {
                self.claimed.get_or_insert_with(Instant::now);
            }
            let lease = &mut self.lease;
            let study = &self.study;
            let done = study.together(|| {
                let done = |job: &Job| perform(study, lease, &job.request);
                jobs.iter().map(done).collect::<Vec<_>>()
            });
            match done {
                Ok(replies) => jobs
                    .iter()
                    .zip(replies)
                    .for_each(|(job, reply)| answer(job, reply)),
                Err(error) => jobs.iter().for_each(|job| answer(job, Err(error.clone()))),
            }
        }
        if let Some(job) = last {
            let done = match &job.request {
                Request::Merge(source) => self.study.merge(source).map(Reply::Merged),
                _ => self.study.compact().map(Reply::Compacted),
            };
            answer(&job, done);
        }
    }

    fn look(&mut self) {
        match self.study.version() {
            Ok(version) if version != self.version => {
                self.version = version;
                self.say(Change::Others);
            }
            Ok(_same) => {}
            Err(error) => self.say(Change::Fault(error)),
        }
        let beat = Duration::from_millis(BEAT.unsigned_abs());
        if let Some(had) = self.lease.clone()
            && self.beat.elapsed() >= beat
        {
            self.beat = Instant::now();
            match self.study.lease(false) {
                Ok(has) => {
                    let turned = (had == Lease::Ours) != (has == Lease::Ours);
                    self.lease = Some(has.clone());
                    if turned {
                        self.say(Change::Lease(has));
                    }
                }
                Err(error) => self.say(Change::Fault(error)),
            }
        }
        if let Some(last) = &mut self.claimed
            && last.elapsed() >= PROLONG
        {
            *last = Instant::now();
            if let Err(error) = self.study.prolong() {
                self.say(Change::Fault(error));
            }
        }
        if let Some(thread) = self.backup.take_if(|thread| thread.is_finished()) {
            let died = |_panic| {
                Err(fault(
                    self.study.path(),
                    "its copy was not made: the thread ended",
                ))
            };
            self.say(Change::Backup(thread.join().unwrap_or_else(died)));
        }
    }

    fn say(&self, change: Change) {
        let _unread = self.tell.try_send(change);
    }
}

fn answer(job: &Job, reply: Result<Reply>) {
    // Who asked may not want to know.
    let _unread = job.reply.send(reply);
}

fn perform(study: &Study, lease: &mut Option<Lease>, request: &Request) -> Result<Reply> {
    if request.leased()
        && let Some(Lease::Theirs { who, .. }) = lease
    {
        let problem =
            format!("its views, talks and undo belong to {who}; take over to edit them here");
        return Err(fault(study.path(), problem));
    }
    match request {
        Request::Bundle(record) => study.bundle(record).map(Reply::Number),
        Request::Scorers(records) => study.scorers(records).map(Reply::Scorers),
        Request::Sweep(record, time) => study.sweep(record, *time).map(Reply::Number),
        Request::Status(sweep, status) => study.set_status(*sweep, status).map(|()| Reply::Done),
        Request::Answers(answers) => {
            let new: Vec<_> = answers.iter().map(Answer::to_write).collect();
            study.add(&new).map(Reply::Numbers)
        }
        Request::Scores(scores) => study.score(scores).map(|()| Reply::Done),
        Request::Trace(answer, record) => study.put_trace(*answer, record).map(|()| Reply::Done),
        Request::Playback(answer, pace) => study.put_playback(*answer, pace).map(|()| Reply::Done),
        Request::Edit(title, edits) => study.edit(title, edits).map(Reply::Changed),
        Request::View { name, json, known } => study.save_view(name, json, *known).map(Reply::Rev),
        Request::Undo => study.undo().map(Reply::Undone),
        Request::Redo => study.redo().map(Reply::Undone),
        Request::Claim(keys) => study.claim(keys).map(Reply::Claims),
        Request::Release(keys) => study.release(keys).map(|()| Reply::Done),
        Request::Lease { over } => {
            let found = study.lease(*over)?;
            *lease = Some(found.clone());
            Ok(Reply::Lease(found))
        }
        Request::Merge(_) | Request::Compact => Err(fault(
            study.path(),
            "is asked for what stands alone, with other writes",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::study::tests::{info, run};
    use crate::study::{Edit, Filter, Target, Uid};
    use crate::types::Run;

    fn new(run: Run, bundle: i64) -> Answer {
        Answer {
            mean: run.gates.adapters.clone(),
            run: Arc::new(run),
            bundle,
            interactive: true,
            split: None,
            place: None,
        }
    }

    fn number(writer: &Writer) -> i64 {
        match writer
            .ask(Request::Bundle(Box::new(info("demo"))))
            .wait()
            .unwrap()
        {
            Reply::Number(number) => number,
            other => panic!("{other:?}"),
        }
    }

    fn note(value: &str) -> Request {
        let target = Target::Note(Uid(vec![1; 16]));
        Request::Edit(
            "Edit note".to_owned(),
            vec![Edit {
                target,
                value: Some(value.to_owned()),
            }],
        )
    }

    #[test]
    fn what_several_threads_ask_is_written_and_what_waits_at_the_end_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let writer = Writer::start(&path).unwrap();
        let bundle = number(&writer);
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let writer = &writer;
                scope.spawn(move || {
                    let pending: Vec<_> = (0..30)
                        .map(|n| {
                            writer.ask(Request::Answers(vec![new(
                                run(&format!("{thread} {n}"), 0.5, "x"),
                                bundle,
                            )]))
                        })
                        .collect();
                    for pending in pending {
                        assert!(
                            matches!(pending.wait().unwrap(), Reply::Numbers(ids) if ids.len() == 1)
                        );
                    }
                });
            }
        });
        for n in 0..20 {
            writer.ask(Request::Answers(vec![new(
                run(&format!("last {n}"), 0.5, "x"),
                bundle,
            )]));
        }
        drop(writer);
        let study = Study::open(&path).unwrap();
        assert_eq!(study.history(&Filter::default()).unwrap().len(), 110);
        assert_eq!(Study::backups(&path).len(), 1);
    }

    #[test]
    fn one_refusal_is_one_request_s() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(&folder.path().join("a.study")).unwrap();
        let bundle = number(&writer);
        let good = writer.ask(Request::Answers(vec![new(run("a", 0.5, "x"), bundle)]));
        // Written in the same transaction: a bundle that is not there, and a trace of no answer.
        let bad = writer.ask(Request::Answers(vec![
            new(run("b", 0.5, "x"), 99),
            new(run("c", 0.5, "x"), bundle),
        ]));
        let none = writer.ask(Request::Playback(99, vec![1]));
        let also = writer.ask(note("kept"));
        assert!(good.wait().is_ok());
        assert!(matches!(bad.wait(), Err(Error::Study { .. })));
        assert!(matches!(none.wait(), Err(Error::Option { .. })));
        assert_eq!(also.wait().unwrap(), Reply::Changed(true));
        let study = Study::open(writer.path()).unwrap();
        assert_eq!(study.history(&Filter::default()).unwrap().len(), 1);
    }

    #[test]
    fn others_writes_are_told_and_views_belong_to_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.study");
        let (one, two) = (Writer::start(&path).unwrap(), Writer::start(&path).unwrap());
        let lease = |writer: &Writer, over| writer.ask(Request::Lease { over }).wait().unwrap();
        assert_eq!(lease(&one, false), Reply::Lease(Lease::Ours));
        assert!(matches!(
            lease(&two, false),
            Reply::Lease(Lease::Theirs { .. })
        ));
        // The day's copy, and that the other wrote, in some order.
        let mut told = Vec::new();
        while !told.contains(&Change::Others) {
            told.push(two.changes().recv().unwrap());
        }
        let view = |known| Request::View {
            name: "window".to_owned(),
            json: "{}".to_owned(),
            known,
        };
        assert_eq!(one.ask(view(0)).wait().unwrap(), Reply::Rev(1));
        let refused = two.ask(view(1)).wait().unwrap_err().to_string();
        assert!(
            refused.contains("belong to paretoscope") && refused.contains("take over"),
            "{refused}"
        );
        assert_eq!(
            two.ask(note("anyone's")).wait().unwrap(),
            Reply::Changed(true),
            "notes are anyone's"
        );
        assert_eq!(lease(&two, true), Reply::Lease(Lease::Ours));
        assert_eq!(two.ask(view(1)).wait().unwrap(), Reply::Rev(2));
    }

    #[test]
    fn what_stands_alone_is_done_between_transactions() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("b.study");
        let other = Writer::start(&source).unwrap();
        let bundle = number(&other);
        other
            .ask(Request::Answers(vec![new(run("theirs", 0.5, "x"), bundle)]))
            .wait()
            .unwrap();
        drop(other);
        let writer = Writer::start(&folder.path().join("a.study")).unwrap();
        let before = writer.ask(note("before"));
        let merged = writer.ask(Request::Merge(source));
        let after = writer.ask(note("after"));
        assert_eq!(before.wait().unwrap(), Reply::Changed(true));
        assert!(
            matches!(merged.wait().unwrap(), Reply::Merged(counts) if counts.of("generation").new == 1)
        );
        assert_eq!(after.wait().unwrap(), Reply::Changed(true));
        assert!(matches!(
            writer.ask(Request::Compact).wait().unwrap(),
            Reply::Compacted(_)
        ));
    }
}
