//! What is written for use elsewhere: figures with their numbers, tables, the report.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | ask | which plot or table, of what, as which kind of file | `job` |
//! | make | a study, or what the window has → bytes | `make` |
//! | write | bytes → files, whole or not at all | `write` |
//! | reveal | a file → the system's window on its folder | `reveal` |
//!
//! Studies are read by a connection of its own, on a thread of its own: no answer waits for a figure to be saved.

mod job;
mod make;
mod reveal;
mod write;

pub use job::{FigureFormat, Job, Made, Source, TableFormat, What, Written};
pub use reveal::reveal;

use paretoscope_core::protocol::Trouble;

/// Makes and writes what a job asks for; `stage` is told what is done at each moment.
///
/// # Errors
/// In words: what there is nothing of, which file is there already, why it was not written.
pub fn export(job: &Job, stage: &mut dyn FnMut(&'static str)) -> Result<Written, Trouble> {
    let place = write::Destination::of(job)?;
    place.check(&make::endings(job), job.replace)?;
    let made = make::make(job, &place.stem, stage)?;
    stage("Writing");
    place.write(made, job.replace)
}
