//! `dependence`: how much two adapters depend on each other.

use std::path::PathBuf;

use clap::ValueEnum;
use paretoscope_engine::Result;
use paretoscope_engine::forge::dependence::{Measure, RowSample, dependence};

use super::{Bar, on_cpu};
use crate::options::Global;
use crate::print::json_line;

/// Options of `dependence`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A PEFT folder
    #[arg(long, value_name = "ADAPTER")]
    a: PathBuf,
    /// Another
    #[arg(long, value_name = "ADAPTER")]
    b: PathBuf,
    /// What is measured
    #[arg(long, value_enum)]
    measure: MeasureName,
    /// hsic-rows, hsic-normalised, hsic-unbiased: this many rows, the same of both, instead of all
    #[arg(long, value_name = "N")]
    rows: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MeasureName {
    /// HSIC of the rows of A, as MVA's code has it
    HsicReleased,
    /// HSIC of the rows of the difference, as MVA's text has it
    HsicRows,
    /// HSIC with median bandwidths, between 0 and 1; biased: independent adapters are above 0
    HsicNormalised,
    /// HSIC without bias: independent adapters are 0 on average, within a few `sd`; `z` is the total in those
    HsicUnbiased,
    /// Of the differences as vectors
    Cosine,
    /// Share of places whose signs agree
    Signs,
    /// Principal angles: mean squared cosine between output spaces, and all cosines
    Angles,
}

impl From<MeasureName> for Measure {
    fn from(name: MeasureName) -> Self {
        match name {
            MeasureName::HsicReleased => Self::HsicReleased,
            MeasureName::HsicRows => Self::HsicRows,
            MeasureName::HsicNormalised => Self::HsicNormalised,
            MeasureName::HsicUnbiased => Self::HsicUnbiased,
            MeasureName::Cosine => Self::Cosine,
            MeasureName::Signs => Self::Signs,
            MeasureName::Angles => Self::Angles,
        }
    }
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    on_cpu(global)?;
    let measure = args.measure.into();
    let rows = args.rows.map(|rows| RowSample {
        rows,
        seed: global.seed,
    });
    let mut bar = Bar::new();
    let found = dependence(&args.a, &args.b, measure, rows, &mut |progress| {
        bar.show(progress)
    })?;
    bar.finish();
    json_line(&found)
}
