//! `generate`: one answer.

use paretoscope_engine::generate::generate;
use paretoscope_engine::method::{Method, MethodError, MethodKind};
use paretoscope_engine::types::{Finish, Mutes, RowRequest, Sampling, TraceLevel};
use paretoscope_engine::{Error, Result};
use serde_json::json;

use super::place::{BundlePoint, PromptArgs};
use crate::options::Global;
use crate::print::json_line;

/// Options of `generate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: BundlePoint,
    #[command(flatten)]
    prompt: PromptArgs,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    /// `NAME[:key=value,...]`, e.g. `mod` or `pcb:density=0.2`; HoE at preferences and MVA at weights by default. See
    /// `methods` for what there is
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
}

/// How tokens are chosen.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SamplingArgs {
    /// New tokens at most
    #[arg(long, value_name = "N", default_value_t = 128)]
    max_tokens: usize,
    /// 0 is greedy
    #[arg(
        long,
        value_name = "T",
        default_value_t = 0.0,
        allow_hyphen_values = true
    )]
    temperature: f64,
    /// Keep the smallest set of tokens that reaches this probability
    #[arg(
        long,
        value_name = "P",
        default_value_t = 1.0,
        allow_hyphen_values = true
    )]
    top_p: f64,
    /// End before this text; may be given several times
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
}

impl SamplingArgs {
    pub(crate) fn sampling(&self, global: &Global) -> Sampling {
        Sampling {
            temperature: self.temperature,
            top_p: self.top_p,
            seed: global.seed,
            max_tokens: self.max_tokens,
            stop: self.stop.clone(),
            ignore_eos: false,
            method: None,
        }
    }
}

/// A method by name, with its settings.
pub(crate) fn method_of(text: &str) -> Result<Method> {
    text.parse().map_err(|error: MethodError| {
        let of = error.of.strip_prefix("method").unwrap_or(&error.of);
        let of = if of.is_empty() {
            "--method".to_owned()
        } else {
            format!("--method {of}")
        };
        Error::option(of, error.problem)
    })
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let method = args.method.as_deref().map(method_of).transpose()?;
    // A method may ask the reward models while it answers.
    let rewards = method
        .as_ref()
        .is_some_and(|m| m.kind() == MethodKind::Args);
    let bundle = args.place.place.load(global, rewards)?;
    let point = args.place.point(&bundle)?;
    let request = RowRequest {
        prompt: args.prompt.prompt()?,
        sampling: Sampling {
            method: method.filter(|method| *method != Method::of(point.kind())),
            ..args.sampling.sampling(global)
        },
        point,
        mutes: Mutes::default(),
        trace: TraceLevel::None,
        time: None,
    };
    let run = generate(&bundle, request)?;
    if run.finish == Finish::NotFinite {
        return Err(Error::LogitsNotFinite {
            token: run.tokens.len() + 1,
        });
    }
    let tokens: Vec<u32> = run.tokens.iter().map(|token| token.id).collect();
    json_line(&json!({ "tokens": tokens, "text": run.text, "finish": run.finish }))
}
