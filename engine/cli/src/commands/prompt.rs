//! `prompt`: what the model is given.

use std::path::PathBuf;

use paretoscope_engine::Result;
use paretoscope_engine::bundle::Manifest;
use paretoscope_engine::text::Tokenizer;
use serde_json::json;

use super::place::PromptArgs;
use crate::print::json_line;

/// Options of `prompt`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    #[command(flatten)]
    prompt: PromptArgs,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let manifest = Manifest::load(&args.bundle)?;
    let tokenizer = Tokenizer::load(&args.bundle.join(&manifest.base))?;
    let given = tokenizer.given(&args.prompt.prompt()?)?;
    json_line(&json!({ "text": given.text, "tokens": given.ids() }))
}
