//! `evidence`: the methods of both papers on a bundle, chosen on validation, read once on test.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use paretoscope_engine::Result;
use paretoscope_engine::bundle::Bundle;
use paretoscope_engine::evidence::{EvidencePlan, evidence_prompts, run as gather};
use paretoscope_engine::output::write_bytes;
use paretoscope_engine::types::Split;
use paretoscope_figure::of_study::{Asked, report};

use super::place::load;
use super::study::file::{drawn, existing};
use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::print::json_line;

/// Groups of prompts of each part in little time.
const QUICK_GROUPS: usize = 40;

/// Options of `evidence`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The bundle's folder; several are training runs of one recipe with other seeds
    #[arg(long, value_name = "DIR", required = true)]
    bundle: Vec<PathBuf>,
    /// The folder of protocol, study, choices, tables and page; the same command goes on where it stopped
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Prompts, whose lines or file names (`validation.jsonl`, `test.jsonl`) say which part they are (default: the
    /// bundle's `prompts` folder, or its own)
    #[arg(long, value_name = "F.jsonl")]
    prompts: Vec<PathBuf>,
    /// In little time, to try it out: few points, settings and prompts, and everything is stamped
    #[arg(long)]
    quick: bool,
    /// These arms alone, comma-separated, e.g. mva,plain,decay; contrasts between others fall away
    #[arg(long, value_name = "ARMS", value_delimiter = ',')]
    only: Vec<String>,
    /// New tokens of an answer at most
    #[arg(long, value_name = "N", default_value_t = 96)]
    max_tokens: usize,
    /// Draws of groups of prompts
    #[arg(long, value_name = "N", default_value_t = 2000)]
    draws: usize,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let bundles = args.bundle.iter().map(|folder| load(folder, global, true));
    let bundles: Vec<Bundle> = bundles.collect::<Result<_>>()?;
    let most = args.quick.then_some(QUICK_GROUPS);
    let inputs = match bundles.first() {
        Some(first) => evidence_prompts(first, &args.prompts, most)?,
        None => return Ok(()), // clap asks for one
    };
    let shown: Vec<String> = args
        .bundle
        .iter()
        .map(|folder| format!(" --bundle {}", folder.display()))
        .collect();
    let demonstration = bundles.iter().any(|b| b.info.demonstration.is_some());
    let plan = EvidencePlan {
        out: args.out.clone(),
        quick: args.quick,
        only: args.only.clone(),
        max_tokens: args.max_tokens,
        draws: args.draws,
        command: format!(
            "paretoscope-engine evidence{} --out DIR{}{}",
            shown.concat(),
            if args.quick { " --quick" } else { "" },
            if args.only.is_empty() {
                String::new()
            } else {
                format!(" --only {}", args.only.join(","))
            }
        ),
        test_is: if demonstration {
            "other phrasings of topics that were trained on".to_owned()
        } else {
            String::new()
        },
    };
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} to go");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let interrupt = Interrupt::listen();
    let mut under_way = String::new();
    let outcome = gather(&bundles, &inputs, &plan, &mut |stage| {
        if under_way != stage.what {
            stage.what.clone_into(&mut under_way);
            bar.set_message(under_way.clone());
            bar.reset_eta();
        }
        bar.set_length(stage.all as u64);
        bar.set_position(stage.done as u64);
        interrupt.check()
    })?;
    bar.finish_and_clear();
    let evidence = outcome.evidence;
    let study = existing(&outcome.study)?;
    let asked = Asked {
        sweeps: outcome.sweeps,
        split: Some(Split::Test),
        reference: None,
    };
    let html = report(&study, &asked, &plan.command)
        .and_then(|report| report.html())
        .map_err(drawn)?;
    write_bytes(&args.out.join("report.html"), html.as_bytes())?;
    for contrast in &evidence.contrasts {
        crate::say::line(&contrast.sentence);
    }
    json_line(&evidence)
}
