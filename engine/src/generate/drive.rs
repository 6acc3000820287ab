//! The loop that keeps a generator's slots full.

use std::time::Instant;

use super::{Generator, RowNews, RowTag};
use crate::Result;
use crate::bundle::Bundle;
use crate::types::{RowRequest, Run};

/// Where [`Generator::drive`] takes rows from and brings them back to.
pub trait RowSource<T> {
    /// The next row, asked for when a slot is free; `None` where none is left.
    fn next_row(&mut self) -> Option<(T, RowRequest)>;

    /// Takes the rows that ended in a step, perhaps none. Called after every step; its error ends the drive.
    fn stepped(&mut self, ended: Vec<(T, Run)>) -> Result<()>;
}

impl<T: Copy + Eq + Send + Sync> Generator<T> {
    /// Runs the rows of `source` until none is left; a slot takes the next row as soon as its own has ended.
    pub fn drive(&mut self, bundle: &Bundle, source: &mut impl RowSource<T>) -> Result<()> {
        loop {
            while self.free() > 0
                && let Some((tag, request)) = source.next_row()
            {
                self.add(bundle, tag, request, Instant::now())?;
            }
            if self.is_empty() {
                return Ok(());
            }
            let news = self.step(bundle)?.into_iter();
            let ended = news.filter_map(|(tag, news)| match news {
                RowNews::Finished(run) => Some((tag, *run)),
                RowNews::Reading(_) | RowNews::Started(_) | RowNews::Tokens(_) => None,
            });
            source.stepped(ended.collect())?;
        }
    }
}

impl Generator {
    /// Runs all `requests` in empty slots; the runs come in their order. `tell` hears after every step how many have ended, and
    /// stops the rest by an error.
    pub fn run_all(
        mut self,
        bundle: &Bundle,
        requests: Vec<RowRequest>,
        tell: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Vec<Run>> {
        let mut list = List {
            runs: requests.iter().map(|_| None).collect(),
            waiting: requests.into_iter().enumerate(),
            ended: 0,
            tell,
        };
        self.drive(bundle, &mut list)?;
        Ok(list.runs.into_iter().flatten().collect())
    }
}

/// Requests by their places in a list.
struct List<'a, I> {
    waiting: I,
    runs: Vec<Option<Run>>,
    ended: usize,
    tell: &'a mut dyn FnMut(usize) -> Result<()>,
}

impl<I: Iterator<Item = (usize, RowRequest)>> RowSource<RowTag> for List<'_, I> {
    fn next_row(&mut self) -> Option<(RowTag, RowRequest)> {
        let (index, request) = self.waiting.next()?;
        Some((RowTag(index as u64), request))
    }

    fn stepped(&mut self, ended: Vec<(RowTag, Run)>) -> Result<()> {
        self.ended += ended.len();
        for (tag, run) in ended {
            self.runs[tag.0 as usize] = Some(run);
        }
        (self.tell)(self.ended)
    }
}

/// Generates one row and waits for it.
///
/// ```
/// use std::path::Path;
///
/// use paretoscope_engine::bundle::{Bundle, LoadOptions};
/// use paretoscope_engine::generate::generate;
/// use paretoscope_engine::types::{
///     Mutes, Point, Preference, Prompt, RowRequest, Sampling, TraceLevel,
/// };
///
/// let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
/// let bundle = Bundle::load(&demo, &LoadOptions::default(), &mut |_step, _fraction| Ok(()))?;
/// let row = RowRequest {
///     prompt: Prompt::Chat("How do I get red wine out of a carpet?".to_owned()),
///     point: Point::Preference(Preference::one_hot(0, 3)),
///     sampling: Sampling::default(),
///     mutes: Mutes::default(),
///     trace: TraceLevel::Full,
///     time: None,
/// };
/// let run = generate(&bundle, row)?;
/// let record = run.record.expect("asked for");
/// assert_eq!(record.tokens(), run.tokens.len());
/// // At helpful's own corner no other expert speaks.
/// let (helpful, others) = record.at(0, 0).split_first().expect("experts");
/// assert!(*helpful == 1.0 && others.iter().all(|&gate| gate == 0.0));
/// # Ok::<(), paretoscope_engine::Error>(())
/// ```
pub fn generate(bundle: &Bundle, request: RowRequest) -> Result<Run> {
    let mut runs = generate_all(bundle, vec![request], 1)?;
    Ok(runs.remove(0))
}

/// Generates rows, at most `slots` at a time; the runs come in the order of the requests.
pub fn generate_all(bundle: &Bundle, requests: Vec<RowRequest>, slots: usize) -> Result<Vec<Run>> {
    Generator::new(slots).run_all(bundle, requests, &mut |_| Ok(()))
}
