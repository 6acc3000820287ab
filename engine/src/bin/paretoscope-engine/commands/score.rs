//! `score`: what a reward model says of texts.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use paretoscope_engine::device::Precision;
use paretoscope_engine::reward::{Rating, Reading, Reward, RewardInput};
use paretoscope_engine::{Error, Result};
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
    /// Index of the logit that is the score: by default the only one, the second of two, the first of more
    #[arg(long, value_name = "I")]
    output: Option<usize>,
    /// How prompt and response become one text, with {prompt} and {response} in it
    #[arg(long, value_name = "TEXT")]
    template: Option<String>,
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
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    if !matches!(global.dtype, Precision::Auto | Precision::F32) {
        return Err(Error::option(
            "--dtype",
            "reward models are held as f32; use f32 or auto",
        ));
    }
    let device = backend(global)?.device();
    let reading = Reading {
        output: args.output,
        template: args.template.clone(),
        ..Reading::default()
    };
    if args
        .template
        .as_ref()
        .is_some_and(|template| !template.contains("{response}"))
    {
        return Err(Error::option(
            "--template",
            "has no {response} in it, so every answer would score the same",
        ));
    }
    let load = || {
        Reward::load(&args.reward, reading, &device).map_err(|error| match error {
            Error::Option { name, problem } => Error::option(format!("--{name}"), problem),
            other => other,
        })
    };
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
    for rating in reward.score_encoded(encoded)? {
        print(&rating)?;
    }
    Ok(())
}

fn text(prompt: Option<String>, response: String) -> RewardInput {
    match prompt {
        Some(prompt) => RewardInput::Pair { prompt, response },
        None => RewardInput::Response(response),
    }
}

fn print(rating: &Rating) -> Result<()> {
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
    })
}

fn read(path: &Path) -> Result<Vec<(usize, RewardInput)>> {
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    let mut texts = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(Error::io("read", path))?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |problem: String| Error::Line {
            path: path.to_path_buf(),
            line: index + 1,
            problem,
        };
        let parsed: Line = serde_json::from_str(&line)
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
        _ => error,
    }
}
