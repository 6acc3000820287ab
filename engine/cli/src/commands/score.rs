//! `score`: what a reward model says of texts.

use std::path::{Path, PathBuf};

use clap::ArgGroup;
use paretoscope_engine::device::Precision;
use paretoscope_engine::reward::{Encoded, Form, Rating, Reading, Reward, RewardInput};
use paretoscope_engine::types::{Message, Prompt};
use paretoscope_engine::weights::fields_of;
use paretoscope_engine::{Error, Problem, Result, files, hub};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::place::{Asked, backend, token_ids};
use crate::options::Global;
use crate::print::json_line;

/// Options of `score`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A Hugging Face folder of a reward model, or its hub id
    #[arg(long, value_name = "DIR")]
    reward: PathBuf,
    /// The base of a reward model that is a PEFT adapter; by default the folder that it names
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// The answer to --prompt, --chat or --messages, or a text alone
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
    /// Whether the tokenizer's end token stands after the text; by default as the model was trained
    #[arg(long, value_name = "true|false")]
    end_token: Option<bool>,
    /// Say what was scored: the exact text, its token ids, the reading, what was cut
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("asked").multiple(false).requires("response").conflicts_with_all(["tokens", "input"]))]
struct Source {
    #[command(flatten)]
    asked: Asked,
    /// Token ids, verbatim
    #[arg(long, value_name = "IDS", conflicts_with = "input")]
    tokens: Option<String>,
    /// JSON Lines: {"prompt", "response"}, {"chat", "response"} (with "system"), {"messages", "response"},
    /// {"messages"} that end with the answer, {"response"} or {"tokens"}
    #[arg(long, value_name = "F.jsonl")]
    input: Option<PathBuf>,
}

/// A line of --input. An unknown field is refused: left aside, it would change what is scored without a word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    tokens: Option<Vec<u32>>,
    prompt: Option<String>,
    chat: Option<String>,
    system: Option<String>,
    messages: Option<Vec<Message>>,
    response: Option<String>,
}

impl Line {
    fn input(self) -> std::result::Result<RewardInput, &'static str> {
        if self.system.is_some() && self.chat.is_none() {
            return Err("`system` stands beside `chat`; in `messages` it is a turn of its own");
        }
        let prompts = (self.prompt, self.chat, self.messages);
        let answered = |prompt: Prompt, response: String| Ok(RewardInput::of(&prompt, &response));
        match (self.tokens, prompts, self.response) {
            (Some(ids), (None, None, None), None) => Ok(RewardInput::Tokens(ids)),
            (None, (None, None, None), Some(response)) => Ok(RewardInput::Response(response)),
            (None, (Some(prompt), None, None), Some(response)) => {
                answered(Prompt::Text(prompt), response)
            }
            (None, (None, Some(turn), None), Some(response)) => {
                answered(Prompt::chat(self.system, turn), response)
            }
            (None, (None, None, Some(turns)), Some(response)) if !turns.is_empty() => {
                answered(Prompt::Messages(turns), response)
            }
            (None, (None, None, Some(mut turns)), None) => match turns.pop() {
                Some(last) if last.role == "assistant" && !turns.is_empty() => {
                    answered(Prompt::Messages(turns), last.content)
                }
                _ => Err("`messages` without `response` must end with the assistant's answer"),
            },
            _ => Err(EXPECTED),
        }
    }
}

const EXPECTED: &str = "expected {\"prompt\": ..., \"response\": ...}, {\"chat\": ..., \"response\": ...}, {\"messages\": [...], \"response\": ...}, {\"response\": ...} or {\"tokens\": [...]}";

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
    /// How the text was put together.
    form: Form,
    /// The text, or the pair of texts, that the tokenizer was given; empty for ids.
    text: &'a [String],
    ids: &'a [u32],
    tokens: Vec<Option<String>>,
    /// Whether the text that was read ends with a token that ends an answer.
    end_token: bool,
    /// The token whose state is scored.
    read_at: ReadAt,
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
struct ReadAt {
    position: usize,
    token: Option<String>,
}

#[derive(Serialize)]
struct Truncation {
    limit: usize,
    /// The option, the reading's field or the field of config.json that sets it.
    limit_from: &'static str,
    tokens: usize,
    kept: usize,
    rule: &'static str,
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
        preset: args.preset.clone(),
        output: args.output,
        template: args.template.clone(),
        max_tokens: args.max_tokens,
        end_token: args.end_token,
        ..Reading::default()
    };
    reading.rules().map_err(as_option)?;
    let folder = hub::locate(Path::new(""), &args.reward)?;
    let named = args.base.as_deref();
    let base = named
        .map(|base| hub::locate(Path::new(""), base))
        .transpose()?;
    let load = || Reward::load_on(&folder, base.as_deref(), reading, &device).map_err(as_option);
    let (file, texts) = args.texts()?;
    let reward = load()?;
    for warning in reward.warnings() {
        tracing::warn!("{warning}");
    }
    // All are checked before the first is scored: a bad line leaves nothing half done.
    let encoded = texts
        .iter()
        .map(|(line, input)| {
            if matches!(input, RewardInput::Conversation { .. }) {
                reward
                    .check_conversations()
                    .map_err(|error| at_line(file, *line, error))?;
            }
            reward
                .encode(input)
                .map_err(|error| at_line(file, *line, error))
        })
        .collect::<Result<Vec<_>>>()?;
    let ratings = reward.score_encoded(&encoded)?;
    let scores = ratings.iter().zip(&texts).map(|(rating, (line, _))| {
        rating.score.map_err(|reason| {
            let problem = format!("gives this text no score: {reason}");
            at_line(file, *line, Error::file(reward.folder(), problem))
        })
    });
    let scores = scores.collect::<Result<Vec<f64>>>()?;
    for ((rating, encoded), score) in ratings.iter().zip(&encoded).zip(scores) {
        let explain = args.explain.then(|| explain(&reward, encoded, rating));
        print(score, rating, explain)?;
    }
    Ok(())
}

/// Texts with their lines.
type Texts = Vec<(usize, RewardInput)>;

impl Args {
    /// The texts to score, and the file that they come from.
    fn texts(&self) -> Result<(Option<&Path>, Texts)> {
        let source = &self.source;
        if let Some(list) = &source.tokens {
            let ids = token_ids("--tokens", list)?;
            return Ok((None, vec![(0, RewardInput::Tokens(ids))]));
        }
        if let Some(path) = &source.input {
            return Ok((Some(path), read(path)?));
        }
        let Some(response) = &self.response else {
            return Err(Error::option(
                "--response",
                "give --response, with --prompt, --chat or --messages or alone; or --tokens; or --input",
            ));
        };
        let Some(prompt) = source.asked.prompt()? else {
            return Ok((None, vec![(0, RewardInput::Response(response.clone()))]));
        };
        Ok((None, vec![(0, RewardInput::of(&prompt, response))]))
    }
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
    let reads_at = reward.reads_at(ids);
    Explanation {
        model: reward.kind(),
        preset: rules.preset,
        form: encoded.form,
        text: &encoded.written,
        ids,
        tokens: ids.iter().map(|&id| reward.tokenizer().token(id)).collect(),
        end_token: ids.last().is_some_and(|last| {
            reward.closing_token() == Some(*last) || reward.tokenizer().end_tokens().contains(last)
        }),
        read_at: ReadAt {
            position: reads_at,
            token: ids
                .get(reads_at)
                .and_then(|&id| reward.tokenizer().token(id)),
        },
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
            limit_from: reward.limit_from(),
            tokens: encoded.whole,
            kept: ids.len(),
            rule: encoded.cut.rule(),
        },
    }
}

fn print(score: f64, rating: &Rating, explain: Option<Explanation<'_>>) -> Result<()> {
    let outputs = if rating.outputs.len() > 1 {
        rating.outputs.as_slice()
    } else {
        &[]
    };
    json_line(&Answer {
        score,
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
        let wrong = |problem: Problem| Error::line(path, index + 1, problem);
        let fields = serde_json::from_str::<Map<String, Value>>(line)
            .map_err(|e| wrong(Problem::format("a text to score", e)))?;
        let known = fields_of::<Line>();
        if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(wrong(Problem::unknown(name, known.iter().copied())));
        }
        // Once more from the text, which says the column of what is wrong.
        let parsed: Line =
            serde_json::from_str(line).map_err(|e| wrong(Problem::format("a text to score", e)))?;
        let input = parsed.input().map_err(|problem| wrong(problem.into()))?;
        texts.push((index + 1, input));
    }
    if texts.is_empty() {
        let empty = Problem::Empty {
            of: "texts",
            right: "a line is {\"prompt\": ..., \"response\": ...}",
        };
        return Err(Error::file(path, empty));
    }
    Ok(texts)
}

fn at_line(source: Option<&Path>, line: usize, error: Error) -> Error {
    match source {
        Some(path) if error.is_input() => Error::line(path, line, error.to_string()),
        _ => as_option(error),
    }
}
