//! One file per command.

mod bench;
mod demo;
mod demo_loop;
mod evidence;
mod fetch;
mod forge;
mod generate;
mod logits;
mod methods;
mod pareto;
mod place;
mod prompt;
mod route;
mod score;
mod stats;
mod study;
mod sweep;
mod train;
mod train_answers;
mod train_options;
mod train_pairs;
mod train_policy;

use clap::Subcommand;
use paretoscope_engine::Result;

use crate::options::Global;

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Which experts enclose a preference, and with which weights
    Route(route::Args),
    /// Logits after every token of a prompt, and the gates that were applied
    Logits(logits::Args),
    /// What the model is given for a prompt: text after the template, and ids
    Prompt(prompt::Args),
    /// Bring a model of a hub into the local cache
    Fetch(fetch::Args),
    /// One answer
    Generate(generate::Args),
    /// The systems that answers can be had by, and what can be set of each
    Methods(methods::Args),
    /// Points x prompts, scored and stored; a line per finished point
    Sweep(sweep::Args),
    /// What a study holds, and what can be had from it
    #[command(subcommand)]
    Study(study::Args),
    /// The methods of both papers on a bundle: chosen on validation, read once on test, with tables and a page
    Evidence(evidence::Args),
    /// The front of a list of points, and the hypervolume under it
    Pareto(pareto::Args),
    /// What votes say: agreement, strengths, bias of the side
    Stats(stats::Args),
    /// What a reward model says of texts
    Score(score::Args),
    /// What a fine-tune added to its base, as an adapter
    Extract(forge::extract::Args),
    /// Several task vectors, fine-tunes or adapters become one
    Merge(forge::merge::Args),
    /// Settings of a merge, or an expert's factor, by what they score on validation prompts
    Search(Box<forge::search::Args>),
    /// How much two adapters depend on each other
    Dependence(forge::dependence::Args),
    /// One adapter equal to a static mixture of a bundle
    Export(forge::export::Args),
    /// Make a bundle from a recipe, or check one
    #[command(subcommand)]
    Bundle(forge::bundle::Args),
    /// Train a model, an adapter, or a reward model
    Train(train::Args),
    /// The demonstration bundle and its data
    #[command(subcommand)]
    Demo(demo::Args),
    /// How fast things go on this machine
    #[command(subcommand)]
    Bench(bench::Args),
}

impl Command {
    /// How to go on after a cancel, in words.
    pub(crate) fn goes_on(&self) -> &'static str {
        match self {
            Self::Train(_) => {
                "a checkpoint holds what was done, and the same command with --resume goes on from it"
            }
            Self::Study(study::Args::Learn(_) | study::Args::Judge(_) | study::Args::Score(_)) => {
                "the same command goes on where it stopped"
            }
            Self::Dependence(_) | Self::Stats(_) | Self::Study(_) => {
                "nothing was written, and the same command begins again"
            }
            _ => "the same command goes on where it stopped",
        }
    }

    /// An error's words, with its settings as the options that set them here.
    pub(crate) fn in_options(&self) -> fn(&str) -> String {
        match self {
            Self::Train(_) => train::in_options,
            _ => str::to_owned,
        }
    }
}

pub(crate) fn run(command: Command, global: &Global) -> Result<()> {
    match command {
        Command::Route(args) => route::run(&args),
        Command::Logits(args) => logits::run(&args, global),
        Command::Prompt(args) => prompt::run(&args),
        Command::Fetch(args) => fetch::run(&args),
        Command::Generate(args) => generate::run(&args, global),
        Command::Methods(args) => methods::run(&args),
        Command::Sweep(args) => sweep::run(&args, global),
        Command::Study(args) => study::run(args, global),
        Command::Evidence(args) => evidence::run(&args, global),
        Command::Pareto(args) => pareto::run(&args),
        Command::Stats(args) => stats::run(&args, global),
        Command::Score(args) => score::run(&args, global),
        Command::Extract(args) => forge::extract::run(&args, global),
        Command::Merge(args) => forge::merge::run(&args, global),
        Command::Search(args) => forge::search::run(&args, global),
        Command::Dependence(args) => forge::dependence::run(&args, global),
        Command::Export(args) => forge::export::run(&args, global),
        Command::Bundle(args) => forge::bundle::run(&args, global),
        Command::Train(args) => train::run(args, global),
        Command::Demo(args) => demo::run(args, global),
        Command::Bench(args) => bench::run(args, global),
    }
}
