//! `score`: what a reward model says of texts.

use std::path::{Path, PathBuf};

use paretoscope_engine::device::Precision;
use paretoscope_engine::reward::{Encoded, Rating, Reading, Reward, RewardInput};
use paretoscope_engine::{Error, Result, files};
use serde::{Deserialize, Serialize};

use super::place::{backend, token_ids};
use crate::options::Global;
use crate::print::json_line;

/// Options of `score`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A Hugging Face folder of a reward model
    #[arg(long, value_name = "DIR")]
    reward: PathBuf,
    #[command(flatten)]
    source: Source,
    /// The answer to --prompt, or a text alone
    #[arg(long, value_name = "R", conflicts_with_all = ["tokens", "input"], allow_hyphen_values = true)]
    response: Option<String>,
    /// A named reading: template, output and sign of a published reward model
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Index of the logit that is the score: by default the only one, the second of two, the first of more
    #[arg(long, value_name = "I")]
    output: Option<usize>,
    /// How prompt and response become one text, with {prompt} and {response} in it
    #[arg(long, value_name = "TEXT")]
    template: Option<String>,
    /// Tokens of a text at most; by default as many as the model reads
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Say what was scored: the exact text, its token ids, the reading, what was cut
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Source {
    /// What was asked
    #[arg(
        long,
        value_name = "P",
        requires = "response",
        allow_hyphen_values = true
    )]
    prompt: Option<String>,
    /// Token ids, verbatim
    #[arg(long, value_name = "IDS")]
    tokens: Option<String>,
    /// JSON Lines: {"tokens": [...]} or {"prompt": ..., "response": ...} or {"response": ...}
    #[arg(long, value_name = "F.jsonl")]
    input: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Line {
    tokens: Option<Vec<u32>>,
    prompt: Option<String>,
    response: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    score: f64,
    #[serde(skip_serializing_if = "<[f32]>::is_empty")]
    outputs: &'a [f32],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Explanation<'a>>,
}

/// How a score came about.
#[derive(Serialize)]
struct Explanation<'a> {
    model: String,
    preset: Option<&'static str>,
    /// The text, or the pair of texts, that the tokenizer was given; empty for ids.
    text: &'a [String],
    ids: &'a [u32],
    tokens: Vec<Option<String>>,
    /// Whether the text that was read ends with a token that ends an answer.
    end_token: bool,
    output: usize,
    label: Option<&'a str>,
    raw: Option<f32>,
    normalised: bool,
    sign: f64,
    mean: f64,
    std: f64,
    probability: bool,
    decimals: Option<i32>,
    truncation: Truncation,
}

#[derive(Serialize)]
struct Truncation {
    limit: usize,
    tokens: usize,
    kept: usize,
    rule: &'static str,
}

const RULE: &str =
    "cut from the end of the longer text of a pair; special tokens stay; ids are never cut";

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    if !matches!(global.dtype, Precision::Auto | Precision::F32) {
        return Err(Error::option(
            "--dtype",
            "reward models are held as f32; use f32 or auto",
        ));
    }
    let device = backend(global)?.device();
    let reading = Reading {
        preset: args.preset.clone(),
        output: args.output,
        template: args.template.clone(),
        max_tokens: args.max_tokens,
        ..Reading::default()
    };
    reading.rules().map_err(as_option)?;
    let load = || Reward::load(&args.reward, reading, &device).map_err(as_option);
    let (source, texts) = match (&args.source.tokens, &args.source.input, &args.response) {
        (Some(list), ..) => (
            None,
            vec![(0, RewardInput::Tokens(token_ids("--tokens", list)?))],
        ),
        (None, Some(path), _) => (Some(path.as_path()), read(path)?),
        (None, None, Some(response)) => (
            None,
            vec![(0, text(args.source.prompt.clone(), response.clone()))],
        ),
        (None, None, None) => {
            return Err(Error::option(
                "--response",
                "give --prompt and --response, --tokens, or --input",
            ));
        }
    };
    let reward = load()?;
    // All are checked before the first is scored: a bad line leaves nothing half done.
    let encoded = texts
        .iter()
        .map(|(line, input)| {
            reward
                .encode(input)
                .map_err(|error| at_line(source, *line, error))
        })
        .collect::<Result<Vec<_>>>()?;
    for (rating, encoded) in reward.score_encoded(&encoded)?.iter().zip(&encoded) {
        let explain = args.explain.then(|| explain(&reward, encoded, rating));
        print(rating, explain)?;
    }
    Ok(())
}

/// A field of the reading as the option that sets it.
fn as_option(error: Error) -> Error {
    match error {
        Error::Option { name, problem } => {
            Error::option(format!("--{}", name.replace('_', "-")), problem)
        }
        other => other,
    }
}

fn explain<'a>(reward: &'a Reward, encoded: &'a Encoded, rating: &Rating) -> Explanation<'a> {
    let rules = reward.rules();
    let (output, label) = reward.output();
    let ids = &encoded.text.ids;
    Explanation {
        model: reward.kind(),
        preset: rules.preset,
        text: &encoded.written,
        ids,
        tokens: ids.iter().map(|&id| reward.tokenizer().token(id)).collect(),
        end_token: ids.last().is_some_and(|last| {
            reward.closing_token() == Some(*last) || reward.tokenizer().end_tokens().contains(last)
        }),
        output,
        label,
        raw: rating.outputs.get(output).copied(),
        normalised: rules.mean != 0.0 || rules.std != 1.0,
        sign: rules.sign,
        mean: rules.mean,
        std: rules.std,
        probability: rules.probability,
        decimals: rules.decimals,
        truncation: Truncation {
            limit: reward.limit(),
            tokens: encoded.whole,
            kept: ids.len(),
            rule: RULE,
        },
    }
}

fn text(prompt: Option<String>, response: String) -> RewardInput {
    match prompt {
        Some(prompt) => RewardInput::Pair { prompt, response },
        None => RewardInput::Response(response),
    }
}

fn print(rating: &Rating, explain: Option<Explanation<'_>>) -> Result<()> {
    if !rating.score.is_finite() {
        tracing::warn!(
            score = rating.score,
            "the score is not finite; it is written as null"
        );
    }
    let outputs = if rating.outputs.len() > 1 {
        rating.outputs.as_slice()
    } else {
        &[]
    };
    json_line(&Answer {
        score: rating.score,
        outputs,
        truncated: rating.truncated,
        explain,
    })
}

fn read(path: &Path) -> Result<Vec<(usize, RewardInput)>> {
    let text_of_file = files::read_text(path, files::DATA)?;
    let mut texts = Vec::new();
    for (index, line) in text_of_file.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |problem: String| Error::Line {
            path: path.to_path_buf(),
            line: index + 1,
            problem,
        };
        let parsed: Line = serde_json::from_str(line)
            .map_err(|e| wrong(format!("is not a text to score: {e}")))?;
        let input = match (parsed.tokens, parsed.prompt, parsed.response) {
            (Some(ids), None, None) => RewardInput::Tokens(ids),
            (None, prompt, Some(response)) => text(prompt, response),
            _ => {
                return Err(wrong(
                    "expected {\"tokens\": [...]} or {\"prompt\": ..., \"response\": ...}"
                        .to_owned(),
                ));
            }
        };
        texts.push((index + 1, input));
    }
    if texts.is_empty() {
        return Err(Error::file(
            path,
            "holds no texts; a line is {\"prompt\": ..., \"response\": ...}",
        ));
    }
    Ok(texts)
}

fn at_line(source: Option<&Path>, line: usize, error: Error) -> Error {
    match source {
        Some(path) if error.is_input() => Error::Line {
            path: path.to_path_buf(),
            line,
            problem: error.to_string(),
        },
        _ => as_option(error),
    }
}
