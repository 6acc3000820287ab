//! `extract`: what a fine-tune added to its base, as a LoRA adapter.

use std::path::{Path, PathBuf};

use paretoscope_engine::forge::extract;
use paretoscope_engine::types::shown;
use paretoscope_engine::{Result, hub};
use serde_json::json;

use super::{Bar, Compression, on_cpu, tell_figures};
use crate::options::Global;
use crate::print::json_line;

/// Options of `extract`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The base model's folder
    #[arg(long, value_name = "DIR")]
    base: PathBuf,
    /// The fine-tuned model's folder, or an adapter's (LoRA or DoRA)
    #[arg(long, value_name = "DIR")]
    tuned: PathBuf,
    /// Rank of the adapter
    #[arg(long, value_name = "R", default_value_t = 64)]
    rank: usize,
    #[command(flatten)]
    compression: Compression,
    /// The PEFT folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    on_cpu(global)?;
    let mut settings = args.compression.settings(args.rank, global)?;
    let base = hub::locate(Path::new(""), &args.base)?;
    let tuned = hub::locate(Path::new(""), &args.tuned)?;
    settings.base = Some(base.clone());
    let mut bar = Bar::new();
    let figures = extract(&base, &tuned, &settings, &args.out, &mut |progress| {
        bar.show(progress)
    })?;
    bar.finish();
    tell_figures(&figures);
    json_line(&json!({ "out": shown(&args.out), "figures": figures }))
}
