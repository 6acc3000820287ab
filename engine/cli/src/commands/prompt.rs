//! `prompt`: what the model is given.

use paretoscope_engine::Result;
use paretoscope_engine::bundle::base_of;
use paretoscope_engine::text::Tokenizer;
use serde_json::json;

use super::place::{Place, PromptArgs};
use crate::print::json_line;

/// Options of `prompt`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    prompt: PromptArgs,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let tokenizer = Tokenizer::load(&base_of(&args.place.path()?)?)?;
    let given = tokenizer.given(&args.prompt.prompt()?)?;
    json_line(&json!({ "text": given.text, "tokens": given.ids() }))
}
