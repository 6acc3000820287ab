//! `bundle`: made from a recipe, or checked without a window.

use std::path::PathBuf;

use clap::Subcommand;
use paretoscope_engine::Result;
use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::forge::build::{BundleRecipe, build};
use serde_json::json;

use super::{Bar, on_cpu};
use crate::options::Global;
use crate::print::json_line;

/// Bundles.
#[derive(Debug, Subcommand)]
pub(crate) enum Args {
    /// Make a bundle from a base, a fine-tune or adapter per objective, and places for merged experts
    Build(Build),
    /// Load a bundle as the window would, and say all that it would show
    Check(Check),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Build {
    /// The recipe; its paths are relative to its folder
    #[arg(value_name = "RECIPE.toml")]
    recipe: PathBuf,
    /// The bundle's folder, new
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The bundle's folder
    #[arg(value_name = "DIR")]
    bundle: PathBuf,
    /// Leave the reward models out
    #[arg(long)]
    no_rewards: bool,
    /// Leave out whether each adapter changes anything
    #[arg(long)]
    no_probe: bool,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    on_cpu(global)?;
    match args {
        Args::Build(args) => {
            let recipe = BundleRecipe::load(&args.recipe)?;
            let (mut bar, mut current) = (Bar::new(), String::new());
            let manifest = build(&recipe, &args.out, &mut |expert, progress| {
                if current != expert {
                    expert.clone_into(&mut current);
                    eprintln!("expert {expert}");
                }
                bar.show(progress)
            })?;
            bar.finish();
            json_line(&json!({ "out": args.out, "bundle": manifest }))
        }
        Args::Check(args) => check(args),
    }
}

fn check(args: &Check) -> Result<()> {
    let options = LoadOptions {
        rewards: !args.no_rewards,
        probe: !args.no_probe,
        ..LoadOptions::default()
    };
    let bundle = Bundle::load(&args.bundle, &options, &mut |stage, fraction| {
        tracing::info!(?stage, fraction, "loading");
        Ok(())
    })?;
    let config = bundle.model.config();
    // Keys and values, f32.
    let per_token = 2 * config.layers * config.kv_heads * config.head_dim * size_of::<f32>();
    for warning in &bundle.info.warnings {
        eprintln!("warning: {warning}");
    }
    json_line(&json!({
        "bundle": bundle.info,
        "memory": {
            "weights_bytes": bundle.info.memory_bytes,
            "cache_bytes_per_token": per_token,
            "cache_bytes_per_row": per_token * config.context,
        },
    }))
}
