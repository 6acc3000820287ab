//! The thread: one open file, commands in turn. What cannot be written waits and is tried again.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{
    Access, Filter, Label, NewAnswer, ScorerRecord, Sitting, Stored, Study, SweepState, Uid,
    bundle_uid,
};
use paretoscope_core::types::{BundleInfo, Scores};
use paretoscope_core::{Error, Result};
use paretoscope_figure::of_study::fronts;

use super::covered::{covered, starred};
use super::differ::differences;
use super::drawn::in_words;
use super::lease::LeaseKeeper;
use super::message::{Recalled, STAR, SavedAnswer, ShownSweeps, Sought, StudyCommand, StudyNews};
use super::paces::PaceKeeper;
use super::scores::ScoreCache;
use super::staged::DeckKeeper;
use super::view::ViewKeeper;
use crate::state::RunId;

/// How often it is asked whether another program has written.
const LOOK: Duration = Duration::from_millis(500);
/// Answers of the history that come back.
const LAST: usize = 200;
/// Gates that come back with answers, the newest first: 64 MiB of them. Routing beyond that can be found again.
const GATES: usize = 16 << 20;

/// Works until the window lets its end go and all is done.
pub(super) fn run(
    commands: &Receiver<StudyCommand>,
    news: Sender<StudyNews>,
    wake: Arc<dyn Fn() + Send + Sync>,
) {
    let mut worker = Worker {
        news,
        wake,
        study: None,
        version: None,
        waiting: VecDeque::new(),
        troubled: false,
        written: HashMap::new(),
        to_hide: HashSet::new(),
        view: ViewKeeper::default(),
        lease: LeaseKeeper::default(),
        decks: DeckKeeper::default(),
        shown: ShownSweeps::default(),
        drawn: None,
        scores: ScoreCache::default(),
        paces: PaceKeeper::default(),
        seat: None,
        weighing: None,
        judged: None,
    };
    loop {
        match commands.recv_timeout(LOOK) {
            Ok(command) => worker.take(command),
            Err(RecvTimeoutError::Timeout) => {
                worker.flush();
                worker.follow();
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        worker.beat();
    }
    worker.flush();
    worker.stop_beside();
    worker.end_lease();
}

pub(super) struct Worker {
    pub(super) news: Sender<StudyNews>,
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
    pub(super) study: Option<Study>,
    /// Of the file, as last seen.
    version: Option<i64>,
    /// Answers that are not in the file yet, oldest first.
    waiting: VecDeque<SavedAnswer>,
    /// Whether the window was told that something waits.
    troubled: bool,
    /// Under which number each answer stands, and what it was made with.
    pub(super) written: HashMap<RunId, (i64, Arc<BundleInfo>)>,
    /// Answers that are hidden once they are in the file.
    pub(super) to_hide: HashSet<RunId>,
    pub(super) view: ViewKeeper,
    pub(super) lease: LeaseKeeper,
    pub(super) decks: DeckKeeper,
    shown: ShownSweeps,
    /// When fronts were drawn last, and how long that took.
    drawn: Option<(Instant, Duration)>,
    scores: ScoreCache,
    paces: PaceKeeper,
    /// Who sits at a task.
    pub(super) seat: Option<Sitting>,
    /// Stops what is being weighed.
    pub(super) weighing: Option<Arc<AtomicBool>>,
    /// Stops what is being weighed of judges.
    pub(super) judged: Option<Arc<AtomicBool>>,
}

impl Worker {
    pub(super) fn tell(&self, news: StudyNews) {
        // A window that is gone needs no news.
        let _gone = self.news.send(news);
        (self.wake)();
    }

    fn take(&mut self, command: StudyCommand) {
        match command {
            StudyCommand::Open(path) => self.open(path),
            StudyCommand::OpenCopy { from, to } => self.open_copy(&from, &to),
            StudyCommand::EditDeck(title, edit) => self.edit_deck(title, &edit),
            StudyCommand::Save(answer) => {
                self.waiting.push_back(answer);
                self.flush();
            }
            StudyCommand::Score(run, scores) => self.score(run, scores),
            StudyCommand::History(bundle, sought) => {
                let found = self.with(|study| history(study, &bundle, &sought));
                if let Some(answers) = self.or_tell(found) {
                    self.tell(StudyNews::History(bundle, sought, answers));
                }
            }
            StudyCommand::Starred => {
                let found = self.with(starred);
                if let Some(points) = self.or_tell(found) {
                    self.tell(StudyNews::Starred(points));
                }
            }
            StudyCommand::Fetch(bundle, wanted) => self.fetch(bundle, &wanted),
            StudyCommand::SaveView(json) => {
                self.view.waiting = Some(json).filter(|_| !self.lease.is_theirs());
                self.flush();
            }
            StudyCommand::TakeOver => self.ask(true),
            StudyCommand::Edit(title, target, value) => self.edit(title, target, value),
            StudyCommand::Turn { step, title, again } => self.turn(step, &title, again),
            StudyCommand::Hide(run) => self.hide(run),
            StudyCommand::Forget => self.forget(),
            StudyCommand::Draw(shown) => {
                self.shown = shown;
                self.draw();
            }
            StudyCommand::Recall(dot) => {
                let Some(study) = &self.study else { return };
                let found = answers_of(study, &mut self.scores, &dot);
                let found = found.map_err(|error| Trouble::from(&error));
                self.tell(StudyNews::Answers(dot, found));
            }
            StudyCommand::Differ(pair) => {
                let Some(study) = &self.study else { return };
                let found = differences(study, &mut self.scores, &pair).map(Arc::new);
                let found = found.map_err(|error| Trouble::from(&error));
                self.tell(StudyNews::Differ(pair, found));
            }
            StudyCommand::Cover(chosen, split, known) => {
                let counted = self.with(|study| covered(study, &chosen, split, &known));
                if let Some(counted) = self.or_tell(counted) {
                    self.tell(StudyNews::Covered(split, counted));
                }
            }
            StudyCommand::Annotate(asked) => self.annotate(asked),
        }
    }

    /// Does something with the file, where one is open.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Study) -> Result<T>) -> Option<Result<T>> {
        self.study.as_ref().map(work)
    }

    pub(super) fn or_tell<T>(&self, done: Option<Result<T>>) -> Option<T> {
        match done? {
            Ok(done) => Some(done),
            Err(error) => {
                self.tell(StudyNews::Unsaved(Trouble::from(&error)));
                None
            }
        }
    }

    pub(super) fn open(&mut self, path: PathBuf) {
        self.flush();
        self.end_lease();
        self.stop_beside();
        self.seat = None;
        self.view = ViewKeeper::default();
        let opened = Study::open(&path).and_then(|study| {
            let answers = study.asked_for()?;
            self.look(&study, &path)?;
            Ok((study, answers))
        });
        match opened {
            Ok((study, answers)) => {
                let access = study.access().clone();
                self.study = Some(study);
                self.scores = ScoreCache::default();
                self.paces = PaceKeeper::default();
                self.decks = DeckKeeper::default();
                self.written.clear();
                (self.version, self.shown, self.drawn) = (None, ShownSweeps::default(), None);
                self.tell(StudyNews::Opened {
                    path,
                    access,
                    answers,
                });
                self.tell_steps();
                self.tell_tags();
                self.begin_lease();
                self.flush();
                self.follow();
            }
            Err(error) => self.tell(StudyNews::NotOpened {
                path,
                trouble: Trouble::from(&error),
            }),
        }
    }

    /// Writes what waits, oldest first, as far as it goes.
    fn flush(&mut self) {
        let Some(study) = &self.study else { return };
        if matches!(study.access(), Access::Read(_)) {
            // The window says so; to wait would fill the memory.
            self.waiting.clear();
            self.view.waiting = None;
            return;
        }
        while let Some(next) = self.waiting.front() {
            // Durable with its scores, or not at all.
            match study.together(|| save(study, next)).flatten() {
                Ok((number, uid)) => {
                    let run = next.run;
                    self.written.insert(run, (number, Arc::clone(&next.bundle)));
                    self.waiting.pop_front();
                    self.tell(StudyNews::Saved(run, uid));
                    if self.to_hide.remove(&run) {
                        self.hide(run);
                        return self.flush();
                    }
                }
                Err(error) => return self.wait_for(&error),
            }
        }
        if let Err(error) = self.view.write(study) {
            return self.wait_for(&error);
        }
        if std::mem::take(&mut self.troubled) {
            self.tell(StudyNews::AllSaved);
        }
    }

    /// It is tried again; the first time it is said.
    fn wait_for(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.troubled, true) {
            self.tell(StudyNews::Unsaved(Trouble::from(error)));
        }
    }

    fn score(&mut self, run: RunId, scores: Scores) {
        if let Some(waiting) = self.waiting.iter_mut().find(|w| w.run == run) {
            Arc::make_mut(&mut waiting.answer).scores = Some(scores);
            return self.flush();
        }
        let Some((number, bundle)) = self.written.get(&run) else {
            return;
        };
        let done = self.with(|study| put_scores(study, *number, bundle, &scores));
        self.or_tell(done);
    }

    /// Says what another program wrote.
    fn follow(&mut self) {
        let Some(version) = self.with(Study::version).and_then(Result::ok) else {
            return;
        };
        if self.version == Some(version) {
            return;
        }
        // While a sweep writes into a large study, a tenth of the time at most goes into drawing it.
        let rests = |(at, took): (Instant, Duration)| at.elapsed() < 9 * took;
        if self.drawn.is_some_and(rests) {
            return;
        }
        self.version = Some(version);
        self.tell_tags();
        let sweeps = self.with(Study::sweeps);
        if let Some(sweeps) = self.or_tell(sweeps) {
            self.tell_paces(&sweeps);
            self.tell(StudyNews::Sweeps(
                sweeps.into_iter().map(Arc::new).collect(),
            ));
        }
        self.tell_tasks();
        self.tell_decks();
        self.draw();
    }

    /// Says what stands in the file now that this thread itself changed more than answers.
    pub(super) fn look_again(&mut self) {
        (self.version, self.drawn) = (None, None);
        self.scores = ScoreCache::default();
        self.follow();
    }

    fn tell_paces(&mut self, sweeps: &[SweepState]) {
        let Some(study) = &self.study else { return };
        let paces = self.paces.of(study, sweeps);
        if let Some(paces) = self.or_tell(Some(paces)) {
            self.tell(StudyNews::Paces(paces));
        }
    }

    fn draw(&mut self) {
        let Some(study) = &self.study else { return };
        if self.shown.sweeps.is_empty() {
            return;
        }
        let begun = Instant::now();
        let front = fronts(study, &self.shown.asked());
        self.drawn = Some((begun, begun.elapsed()));
        let front = front.map(Arc::new).map_err(|error| in_words(&error));
        self.tell(StudyNews::Drawn(self.shown.clone(), front));
    }
}

/// Writes an answer with the scores that it has; its number, and its name in every file.
fn save(study: &Study, next: &SavedAnswer) -> Result<(i64, Uid)> {
    let run = &next.answer;
    let split = next.bundle.prompts.iter().find(|s| s.prompt == run.prompt);
    let record = run.record.as_ref();
    if let Some(group) = split.and_then(|sample| sample.group.as_deref()) {
        let label = Label {
            prompt: &run.prompt,
            split: None,
            topic: Some(group),
        };
        study.label(&[label])?;
    }
    if let Some(sample) = split {
        study.refer([(&run.prompt, &sample.reference)])?;
    }
    let answer = NewAnswer {
        run,
        mean: record.map_or_else(|| run.gates.adapters.clone(), |record| record.mean()),
        bundle: study.bundle(&next.bundle)?,
        interactive: true,
        split: split.map(|sample| sample.split),
        place: None,
    };
    let number = study.add(&[answer])?.first().copied().unwrap_or_default();
    if let Some(scores) = &run.scores {
        put_scores(study, number, &next.bundle, scores)?;
    }
    let uid = study.answer(number)?.map(|stored| stored.uid);
    let lost = || Error::option("study", "an answer is gone right after it was written");
    Ok((number, uid.ok_or_else(lost)?))
}

fn put_scores(study: &Study, number: i64, bundle: &BundleInfo, scores: &Scores) -> Result<()> {
    let scorers = study.scorers(&ScorerRecord::rewards(bundle))?;
    let scored = scorers.iter().zip(&scores.0);
    let rows: Vec<(i64, i64, f64)> = scored
        .filter_map(|(scorer, score)| Some((number, (*scorer)?, (*score)?)))
        .collect();
    study.score(&rows)
}

fn history(study: &Study, bundle: &BundleInfo, sought: &Sought) -> Result<Vec<Recalled>> {
    let Some(number) = study.bundle_of(&bundle_uid(bundle))? else {
        return Ok(Vec::new());
    };
    let filter = Filter {
        text: sought.words.clone(),
        tag: sought.tag.clone(),
        bundle: Some(number),
        limit: LAST,
        ..Filter::default()
    };
    let stored = study.history(&filter)?;
    let scorers = study.known_scorers(&ScorerRecord::rewards(bundle))?;
    with_scores(study, stored, &scorers)
}

pub(super) fn with_scores(
    study: &Study,
    stored: Vec<Stored>,
    scorers: &[Option<i64>],
) -> Result<Vec<Recalled>> {
    let numbers: Vec<i64> = stored.iter().map(|answer| answer.id).collect();
    let scores = study.scores(&numbers, scorers)?;
    let starred: HashSet<Uid> = study
        .marked(STAR)?
        .into_iter()
        .map(|(uid, _)| uid)
        .collect();
    let mut notes: HashMap<Uid, String> = study.notes()?.into_iter().collect();
    let mut tags: HashMap<Uid, BTreeSet<String>> = HashMap::new();
    for (uid, tag) in study.tagged()? {
        tags.entry(uid).or_default().insert(tag);
    }
    let mut gates = GATES;
    let recalled = stored
        .into_iter()
        .zip(scores)
        .filter_map(|(answer, scores)| {
            let run = if gates == 0 {
                answer.run()?
            } else {
                study.played(&answer)?
            };
            gates = gates.saturating_sub(run.record.as_ref().map_or(0, |r| r.values.len()));
            Some(Recalled {
                run: Arc::new(run),
                star: starred.contains(&answer.uid),
                note: notes.remove(&answer.uid).unwrap_or_default(),
                tags: tags.remove(&answer.uid).unwrap_or_default(),
                uid: answer.uid,
                created: answer.created,
                asked: answer.asked,
                scores,
            })
        });
    Ok(recalled.collect())
}

/// The answers of a dot, named `sweep-point`.
fn answers_of(
    study: &Study,
    scores: &mut ScoreCache,
    dot: &str,
) -> Result<(Arc<BundleInfo>, Vec<Recalled>)> {
    let unknown = || Error::option("dot", format!("`{dot}` is none of this study's"));
    let (sweep, point) = dot.split_once('-').ok_or_else(unknown)?;
    let sweep: i64 = sweep.parse().map_err(|_not_a_number| unknown())?;
    let sweeps = study.sweeps()?;
    let state = sweeps.into_iter().find(|s| s.id == sweep);
    let info = Arc::new(state.ok_or_else(unknown)?.info);
    let scores = scores.of(study, sweep)?;
    let row = scores
        .point_uids
        .iter()
        .position(|uid| uid.to_string() == point);
    let row = row.ok_or_else(unknown)?;
    let width = scores.prompts.len();
    let numbers = scores
        .answers
        .iter()
        .skip(row * width)
        .take(width)
        .flatten();
    let mut stored = Vec::new();
    for number in numbers {
        stored.extend(study.answer(*number)?);
    }
    Ok((info, with_scores(study, stored, &scores.scorers)?))
}
