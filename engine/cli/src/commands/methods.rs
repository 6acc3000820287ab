//! `methods`: the systems that answers can be had by.

use std::path::PathBuf;

use paretoscope_engine::Result;
use paretoscope_engine::bundle::Manifest;
use paretoscope_engine::method::{MethodKind, Wanted};
use serde_json::{Map, Value, json};

use crate::print::json_line;

/// Options of `methods`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also say which of them this bundle holds the trained parts of
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let manifest = args.bundle.as_deref().map(Manifest::open).transpose()?;
    for kind in MethodKind::ALL {
        let settings: Map<String, Value> = kind
            .settings()
            .iter()
            .map(|setting| {
                let mut about = json!({ "usual": setting.wanted.usual(), "says": setting.says });
                match setting.wanted {
                    Wanted::Number { bounds, .. } => about["number"] = json!(bounds.to_string()),
                    Wanted::Whole { least, most, .. } => about["whole"] = json!([least, most]),
                    Wanted::Word(words) => about["words"] = json!(words),
                }
                (setting.name.to_owned(), about)
            })
            .collect();
        let mut line = json!({
            "method": kind.name(),
            "title": kind.title(),
            "acts": kind.acts(),
            "points": kind.points(),
            "settings": settings,
            "trained": kind.needs_parts(),
        });
        if let Some(manifest) = &manifest {
            let there = !kind.needs_parts() || manifest.methods.contains_key(kind.name());
            line["there"] = json!(there);
        }
        json_line(&line)?;
    }
    Ok(())
}
