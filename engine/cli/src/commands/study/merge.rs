//! `study merge`: several studies become one.

use std::path::PathBuf;

use paretoscope_engine::study::{MergeCounts, Study};
use paretoscope_engine::{Error, Result};
use serde_json::json;

use crate::print::json_line;

/// Options of `study merge`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study that takes the others in; it is made where it is not there
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// The others, which stay as they are
    #[arg(value_name = "IN", required = true)]
    sources: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    for source in &args.sources {
        if !source.is_file() {
            return Err(Error::option(
                "IN",
                format!("{} is no file", source.display()),
            ));
        }
    }
    let study = Study::open(&args.out)?;
    let mut all: Vec<(String, MergeCounts)> = Vec::new();
    for source in &args.sources {
        all.push((source.display().to_string(), study.merge(source)?));
    }
    let total = |of: fn(&paretoscope_engine::study::MergeCount) -> usize| -> usize {
        all.iter()
            .flat_map(|(_, counts)| &counts.tables)
            .map(of)
            .sum()
    };
    let sources: Vec<_> = all
        .iter()
        .map(|(source, counts)| json!({"file": source, "tables": counts.tables, "warnings": counts.warnings}))
        .collect();
    json_line(&json!({
        "new": total(|count| count.new),
        "equal": total(|count| count.equal),
        "diverged": total(|count| count.diverged),
        "sources": sources,
    }))
}
