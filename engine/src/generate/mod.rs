//! Rows: continuous batching over preallocated slots.
//!
//! A [`Generator`] holds a fixed number of slots. Every step takes the next tokens of all rows
//! through the model at once, whatever their prompts, positions and mixtures; a row that ends frees
//! its slot for the next. Nothing is padded, and a row's tokens do not depend on its company.

mod generator;
mod retrace;
mod row;
mod sampler;

pub use generator::{Generator, PREFILL_CHUNK};
pub use retrace::retrace;
pub use row::{RowNews, RowTag};
pub use sampler::Sampler;

use std::time::Instant;

use crate::Result;
use crate::bundle::Bundle;
use crate::types::{RowRequest, Run};

/// Generates one row and waits for it.
/// ```
/// use std::path::Path;
///
/// use paretoscope_engine::bundle::{Bundle, LoadOptions};
/// use paretoscope_engine::generate::generate;
/// use paretoscope_engine::types::{Point, Preference, Prompt, RowRequest, Sampling, TraceLevel};
///
/// let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
/// let bundle = Bundle::load(&demo, &LoadOptions::default(), &mut |_step, _fraction| Ok(()))?;
/// let row = RowRequest {
///     prompt: Prompt::Chat("How do I get red wine out of a carpet?".to_owned()),
///     point: Point::Preference(Preference::one_hot(0, 3)),
///     sampling: Sampling::default(),
///     trace: TraceLevel::Full,
///     time: None,
/// };
/// let run = generate(&bundle, row)?;
/// let record = run.record.expect("asked for");
/// assert_eq!(record.tokens(), run.tokens.len());
/// // At helpful's own corner no other expert speaks.
/// assert_eq!(record.at(0, 0), [1.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), paretoscope_engine::Error>(())
/// ```
pub fn generate(bundle: &Bundle, request: RowRequest) -> Result<Run> {
    let mut runs = generate_all(bundle, vec![request], 1)?;
    Ok(runs.remove(0))
}

/// Generates rows, at most `slots` at a time; the runs come in the order of the requests.
pub fn generate_all(bundle: &Bundle, requests: Vec<RowRequest>, slots: usize) -> Result<Vec<Run>> {
    let mut generator = Generator::new(slots);
    let mut runs: Vec<Option<Run>> = requests.iter().map(|_| None).collect();
    let mut waiting = requests.into_iter().enumerate();
    let mut next = waiting.next();
    while next.is_some() || !generator.is_empty() {
        while let Some((index, request)) = next.take_if(|_| generator.free() > 0) {
            generator.add(bundle, RowTag(index as u64), request, Instant::now())?;
            next = waiting.next();
        }
        for (tag, news) in generator.step(bundle)? {
            if let RowNews::Finished(run) = news {
                runs[tag.0 as usize] = Some(*run);
            }
        }
    }
    Ok(runs.into_iter().flatten().collect())
}
