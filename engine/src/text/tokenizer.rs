//! A model's tokenizer, with all that the files beside it say about text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokenizers::{PostProcessor as _, TruncationDirection, TruncationParams, truncate_encodings};

use super::added;
use super::caught::caught;
use super::gguf;
use super::slow::{self, Slow, Unread};
use super::stream::text_of;
use super::{AnswerStream, ChatTemplate, TokenStream, json};
use crate::types::{Given, GivenToken, Message, Prompt};
use crate::weights::gguf::{Gguf, GgufValue, is_gguf};
use crate::{Error, Result, files};

/// Refuses ids outside a vocabulary of `vocabulary` tokens.
pub fn check_ids(ids: &[u32], vocabulary: usize) -> Result<()> {
    match ids.iter().position(|&id| id as usize >= vocabulary) {
        Some(position) => Err(Error::TokenOutOfRange {
            position,
            id: ids[position],
            vocabulary: vocabulary.max(1),
        }),
        None => Ok(()),
    }
}

/// `tokenizer.json`, the chat template, the end tokens and the size of the vocabulary.
///
/// Without `tokenizer.json`, the older files are read (`slow`). A folder with neither loads as
/// well: token ids can go in and out, and only what needs text fails. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    /// A model's folder, or a GGUF file.
    folder: PathBuf,
    /// What errors of the library are laid to: `tokenizer.json`, or a GGUF file.
    file: PathBuf,
    inner: Option<Arc<tokenizers::Tokenizer>>,
    /// Why there is no text, though there is a tokenizer.
    unread: Option<Arc<Unread>>,
    byte_fallback: bool,
    template: Option<Arc<ChatTemplate>>,
    ends: Vec<u32>,
    closing: Option<u32>,
    vocabulary: usize,
    /// The time that chat templates are told; without it, that of each call.
    time: Option<u64>,
}

impl Tokenizer {
    /// Reads a Hugging Face folder: `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja`,
    /// `generation_config.json` and `config.json`, each of which may be absent.
    pub fn load(folder: &Path) -> Result<Self> {
        if is_gguf(folder) {
            let file = Gguf::open(folder)?;
            let mut read = Self::of_gguf(file.fields(), folder)?;
            // The model's own, as `config.json` has it of a folder.
            let rows = file
                .tensors()
                .iter()
                .find(|t| t.name == "token_embd.weight");
            if let Some(rows) = rows.and_then(|table| table.shape.first()) {
                read.vocabulary = read.vocabulary.max(*rows);
            }
            return Ok(read);
        }
        let path = folder.join("tokenizer.json");
        let mut unread = None;
        let (inner, byte_fallback) = match files::read_text_if_there(&path, files::TOKENIZER)? {
            Some(text) => {
                let config = json::object(&folder.join("tokenizer_config.json"))?;
                (
                    Some(Arc::new(parse(&path, text.as_bytes(), config)?)),
                    has_byte_fallback(text.as_bytes()),
                )
            }
            None => match slow::load(folder)? {
                Slow::Built(tokenizer) => (Some(Arc::from(tokenizer)), false),
                Slow::Unread(why) => {
                    unread = Some(Arc::new(why));
                    (None, false)
                }
                Slow::Nothing => (None, false),
            },
        };
        let template = ChatTemplate::load(folder)?.map(Arc::new);
        let (ends, closing) = ends(folder, inner.as_deref(), template.as_deref())?;
        let config_path = folder.join("config.json");
        let config = json::object(&config_path)?.unwrap_or_default();
        let known = inner
            .as_ref()
            .map_or(0, |tokenizer| tokenizer.get_vocab_size(true));
        Ok(Self {
            folder: folder.to_path_buf(),
            file: path,
            template,
            ends,
            closing,
            vocabulary: json::count(&config_path, &config, "vocab_size")?.unwrap_or(known),
            inner,
            unread,
            byte_fallback,
            time: None,
        })
    }

    /// The tokenizer that the fields of a GGUF file hold; `path` is named in errors. A file without
    /// `tokenizer.ggml.model` gives one without text and without a vocabulary.
    pub fn of_gguf(fields: &BTreeMap<String, GgufValue>, path: &Path) -> Result<Self> {
        let built = caught(|| gguf::build(fields, path));
        let built = built.unwrap_or_else(|words| {
            Err(Error::file(
                path,
                format!("the tokenizer library failed on its tokenizer: {words}"),
            ))
        })?;
        let mut read = Self {
            folder: path.to_path_buf(),
            file: path.to_path_buf(),
            inner: None,
            unread: None,
            byte_fallback: false,
            template: None,
            ends: Vec::new(),
            closing: None,
            vocabulary: 0,
            time: None,
        };
        if let Some(parts) = built {
            let template = parts.template.as_ref();
            let written = template.and_then(|template| written_after(&parts.tokenizer, template));
            read.ends = parts.ends;
            read.closing = written.or(parts.eos).or(read.ends.first().copied());
            read.ends
                .extend(written.filter(|id| !read.ends.contains(id)));
            read.inner = Some(Arc::new(parts.tokenizer));
            read.byte_fallback = parts.byte_fallback;
            read.template = parts.template.map(Arc::new);
            read.vocabulary = parts.vocabulary;
        }
        Ok(read)
    }

    /// Tokens of the model's vocabulary: `vocab_size` of `config.json`, else the tokenizer's own.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Ids that the tokenizer itself can give: one more than the largest; 0 without a tokenizer.
    pub fn own_vocabulary(&self) -> usize {
        self.inner.as_ref().map_or(0, |tokenizer| {
            let ids = tokenizer.get_vocab(true);
            ids.values().max().map_or(0, |&id| id as usize + 1)
        })
    }

    /// Tokens that end an answer: `eos_token_id` of `generation_config.json` and of `config.json`; the tokenizer's own
    /// end token; the special token that the chat template writes after an answer.
    pub fn end_tokens(&self) -> &[u32] {
        &self.ends
    }

    /// Whether text can go in and out.
    pub fn has_text(&self) -> bool {
        self.inner.is_some()
    }

    /// This tokenizer, whose chat template is told a recorded time: seconds since 1970, in UTC. Without one it is
    /// told that of each call.
    #[must_use]
    pub fn at(&self, time: Option<u64>) -> Self {
        Self {
            time,
            ..self.clone()
        }
    }

    /// Whether [`Prompt::Chat`] and [`Prompt::Messages`] can be written down; without a template they are refused.
    pub fn has_chat_template(&self) -> bool {
        self.template.is_some()
    }

    /// Why chats cannot be written, where there is a template that cannot be parsed.
    pub fn template_problem(&self) -> Option<Error> {
        self.template.as_ref()?.problem()
    }

    /// Text to ids, with the tokenizer's special tokens where `add_special` says so.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>> {
        let inner = self.text()?;
        self.ids_of(guarded(|| inner.encode_fast(text, add_special)))
    }

    /// A pair of texts to ids, joined as the tokenizer joins pairs.
    pub fn encode_pair(&self, first: &str, second: &str, add_special: bool) -> Result<Vec<u32>> {
        let inner = self.text()?;
        self.ids_of(guarded(|| inner.encode_fast((first, second), add_special)))
    }

    /// A text or a pair of texts to ids, at most `limit` of them with the tokenizer's special
    /// tokens, and how many there would be without the limit.
    ///
    /// What is too much is cut from the end of the longer text of a pair, and of the other only
    /// where both are longer than half of the room (transformers' `longest_first`); special tokens
    /// stay. Ids are not checked against the vocabulary.
    pub fn encode_within(
        &self,
        first: &str,
        second: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<u32>, usize)> {
        self.within(first, second, (true, limit), TruncationDirection::Right)
    }

    /// A text to ids as [`Tokenizer::encode_within`], but what is too much is cut from its beginning.
    /// The tokenizer's special tokens come where `add_special` says so.
    pub fn encode_last_within(
        &self,
        text: &str,
        add_special: bool,
        limit: usize,
    ) -> Result<(Vec<u32>, usize)> {
        self.within(text, None, (add_special, limit), TruncationDirection::Left)
    }

    fn within(
        &self,
        first: &str,
        second: Option<&str>,
        (add_special, limit): (bool, usize),
        direction: TruncationDirection,
    ) -> Result<(Vec<u32>, usize)> {
        let inner = self.text()?;
        let wrong = |error: tokenizers::Error| {
            Error::file(&self.file, format!("cannot encode this text: {error}"))
        };
        let whole = guarded(|| match second {
            Some(second) => inner.encode_fast((first, second), add_special),
            None => inner.encode_fast(first, add_special),
        })
        .map_err(wrong)?;
        let length = whole.len();
        if length <= limit {
            return Ok((whole.get_ids().to_vec(), length));
        }
        let special = inner
            .get_post_processor()
            .filter(|_| add_special)
            .map_or(0, |processor| processor.added_tokens(second.is_some()));
        if special >= limit {
            let problem = format!("is {limit}, but {special} special tokens stand around a text");
            return Err(Error::option("max_tokens", problem));
        }
        let room = TruncationParams {
            max_length: limit - special,
            direction,
            ..TruncationParams::default()
        };
        let cut = guarded(|| {
            let alone = |text: &str| inner.encode_fast(text, false);
            let second = second.map(alone).transpose()?;
            let (first, second) = truncate_encodings(alone(first)?, second, &room)?;
            inner.post_process(first, second, add_special)
        })
        .map_err(wrong)?;
        Ok((cut.get_ids().to_vec(), length))
    }

    /// A whole conversation as the chat template writes it down, the last answer with what ends it. It holds its
    /// special tokens already.
    pub fn conversation(&self, turns: &[Message]) -> Result<String> {
        self.through_template(turns, false)
    }

    /// A conversation as the chat template writes it down, ready for the answer; see [`Tokenizer::conversation`].
    pub fn opening(&self, turns: &[Message]) -> Result<String> {
        self.through_template(turns, true)
    }

    fn through_template(&self, turns: &[Message], answer_next: bool) -> Result<String> {
        match &self.template {
            Some(template) => template.render(turns, answer_next, self.time),
            None => Err(Error::file(
                &self.folder,
                "has no chat template (chat_template.jinja, or `chat_template` of tokenizer_config.json; `tokenizer.chat_template` of a GGUF file), and there is no usual one to take in its place: give the text as a `prompt`, or put the model's own template there",
            )),
        }
    }

    /// The text that a prompt becomes, and whether the tokenizer adds its special tokens to it; `None` for ids.
    fn written(&self, prompt: &Prompt) -> Result<Option<(String, bool)>> {
        Ok(match prompt {
            Prompt::Text(text) => Some((text.clone(), true)),
            Prompt::Chat(turn) => Some((self.opening(&[Message::user(turn)])?, false)),
            Prompt::Messages(turns) => Some((self.opening(turns)?, false)),
            Prompt::Tokens(_) => None,
        })
    }

    /// A prompt and its answer to ids, as the joined text gives them: ids of the prompt, then of the answer.
    ///
    /// A token that covers the end of the prompt and the beginning of the answer counts as the answer's.
    /// Nothing is put after the answer: see [`Tokenizer::closing_token`].
    pub fn encode_answer(&self, prompt: &Prompt, answer: &str) -> Result<(Vec<u32>, Vec<u32>)> {
        let mut ids = match prompt {
            // To learn a text from its beginning.
            Prompt::Text(text) if text.is_empty() => self.encode("", true)?,
            _ => self.encode_prompt(prompt)?,
        };
        let answer = match self.written(prompt)? {
            None => self.encode(answer, false)?,
            Some((text, special)) => {
                let joined = self.encode(&format!("{text}{answer}"), special)?;
                let same = ids.iter().zip(&joined).take_while(|(a, b)| a == b).count();
                ids.truncate(same);
                joined[same..].to_vec()
            }
        };
        Ok((ids, answer))
    }

    /// What the model is given for a prompt: the text after the template and every token.
    pub fn given(&self, prompt: &Prompt) -> Result<Given> {
        let ids = self.encode_prompt(prompt)?;
        let mut stream = self.stream();
        let special = |id: u32| -> Option<String> {
            let inner = self.inner.as_ref()?;
            let token = inner.id_to_token(id)?;
            let special = inner.get_added_vocabulary().is_special_token(&token);
            special.then_some(token)
        };
        let tokens: Vec<GivenToken> = ids
            .iter()
            .map(|&id| match special(id) {
                Some(text) => GivenToken {
                    id,
                    text,
                    special: true,
                },
                None => GivenToken {
                    id,
                    text: stream.push(id).unwrap_or_default(),
                    special: false,
                },
            })
            .collect();
        let spelled =
            |tokens: &[GivenToken]| tokens.iter().map(|t| t.text.as_str()).collect::<String>();
        let text = match self.written(prompt)? {
            // What the tokenizer puts around a text is spelled out there.
            Some((text, true)) => {
                let inside = |token: &GivenToken| !token.special || text.contains(&token.text);
                let first = tokens.iter().position(inside).unwrap_or(tokens.len());
                let last = tokens.iter().rposition(inside).map_or(first, |at| at + 1);
                format!(
                    "{}{text}{}",
                    spelled(&tokens[..first]),
                    spelled(&tokens[last..])
                )
            }
            Some((text, false)) => text,
            None => spelled(&tokens),
        };
        Ok(Given { text, tokens })
    }

    /// The token that is learnt after an answer: the one that the chat template writes there, else the
    /// tokenizer's own end token; `None` where none is known.
    pub fn closing_token(&self) -> Option<u32> {
        self.closing
    }

    /// [`Tokenizer::closing_token`] for training, which needs one: answers would else never end.
    pub fn closing_token_to_learn(&self) -> Result<u32> {
        self.closing.ok_or_else(|| {
            Error::file(
                &self.folder,
                "names no end token (`eos_token` of tokenizer_config.json, `eos_token_id` of generation_config.json or config.json); answers learnt without one would never end",
            )
        })
    }

    /// A prompt to ids. Refuses an empty one and ids outside the vocabulary.
    pub fn encode_prompt(&self, prompt: &Prompt) -> Result<Vec<u32>> {
        let ids = match prompt {
            // Even where the tokenizer would put its special tokens around nothing.
            Prompt::Text(text) | Prompt::Chat(text) if text.is_empty() => Vec::new(),
            Prompt::Text(_) | Prompt::Chat(_) | Prompt::Messages(_) => {
                match self.written(prompt)? {
                    Some((text, special)) => self.encode(&text, special)?,
                    None => Vec::new(),
                }
            }
            Prompt::Tokens(ids) => {
                check_ids(ids, self.vocabulary)?;
                ids.clone()
            }
        };
        if ids.is_empty() {
            Err(Error::EmptyPrompt)
        } else {
            Ok(ids)
        }
    }

    /// Ids to text; special tokens and ids that the tokenizer does not know have none.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        Ok(text_of(self.text()?, ids))
    }

    /// The token as the vocabulary writes it, for display; `None` without a tokenizer.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.as_ref()?.id_to_token(id)
    }

    /// A new stream; without a tokenizer its tokens have no text.
    pub fn stream(&self) -> TokenStream {
        TokenStream::new(self.inner.clone(), self.byte_fallback)
    }

    /// A new answer that ends before the first of `stops`.
    pub fn answer(&self, stops: &[String]) -> AnswerStream {
        AnswerStream::new(self.stream(), stops)
    }

    fn text(&self) -> Result<&tokenizers::Tokenizer> {
        match (&self.inner, &self.unread) {
            (Some(inner), _) => Ok(inner),
            (None, Some(why)) => Err(why.error()),
            (None, None) => Err(Error::NoTokenizer {
                path: self.folder.clone(),
            }),
        }
    }

    fn ids_of(&self, encoding: tokenizers::Result<tokenizers::Encoding>) -> Result<Vec<u32>> {
        let encoding = encoding.map_err(|error| {
            Error::file(&self.file, format!("cannot encode this text: {error}"))
        })?;
        let ids = encoding.get_ids().to_vec();
        check_ids(&ids, self.vocabulary)?;
        Ok(ids)
    }
}

/// Runs the library on a person's file: where it panics, that is an error like any other.
fn guarded<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> tokenizers::Result<T> {
    caught(work).unwrap_or_else(|words| {
        Err(
            format!("the tokenizer library failed on it ({words}): one of its parts cannot work")
                .into(),
        )
    })
}

/// The tokenizer of a file, with the tokens that `tokenizer_config.json` adds.
fn parse(
    path: &Path,
    bytes: &[u8],
    config: Option<Map<String, Value>>,
) -> Result<tokenizers::Tokenizer> {
    let read = || {
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(bytes)?;
        added::complete(&mut tokenizer, &config.unwrap_or_default())?;
        Ok(tokenizer)
    };
    let mut tokenizer = guarded(read).map_err(|error| {
        Error::file(
            path,
            format!("is not a tokenizer of the Hugging Face format: {error}"),
        )
    })?;
    // A file may carry the truncation and padding of somebody's last use of it.
    tokenizer.with_padding(None);
    tokenizer
        .with_truncation(None)
        .map_err(|error| Error::file(path, format!("cannot switch truncation off: {error}")))?;
    Ok(tokenizer)
}

/// Whether the decoder makes characters out of tokens like `<0x0A>`.
fn has_byte_fallback(bytes: &[u8]) -> bool {
    fn holds(decoder: &serde_json::Value) -> bool {
        decoder.get("type").and_then(serde_json::Value::as_str) == Some("ByteFallback")
            || decoder
                .get("decoders")
                .and_then(serde_json::Value::as_array)
                .is_some_and(|inner| inner.iter().any(holds))
    }
    #[derive(serde::Deserialize)]
    struct DecoderOnly {
        #[serde(default)]
        decoder: serde_json::Value,
    }
    serde_json::from_slice::<DecoderOnly>(bytes).is_ok_and(|file| holds(&file.decoder))
}

/// All tokens that end an answer, and the one that is learnt after an answer.
fn ends(
    folder: &Path,
    inner: Option<&tokenizers::Tokenizer>,
    template: Option<&ChatTemplate>,
) -> Result<(Vec<u32>, Option<u32>)> {
    let mut all = Vec::new();
    for name in ["generation_config.json", "config.json"] {
        let path = folder.join(name);
        let object = json::object(&path)?.unwrap_or_default();
        for id in json::ids(&path, &object, "eos_token_id")?.unwrap_or_default() {
            if !all.contains(&id) {
                all.push(id);
            }
        }
    }
    let mut own = None;
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
        let token = json::object(&folder.join(name))?.and_then(|o| json::special(&o, "eos_token"));
        own = own.or(token.and_then(|token| inner?.token_to_id(&token)));
    }
    let written = match (inner, template) {
        (Some(inner), Some(template)) => written_after(inner, template),
        _ => None,
    };
    let closing = written.or(own).or(all.first().copied());
    for id in [own, written].into_iter().flatten() {
        if !all.contains(&id) {
            all.push(id);
        }
    }
    Ok((all, closing))
}

/// The first token that a template writes after an answer, where it is a special one. A template that cannot write
/// a conversation of two turns has none.
fn written_after(inner: &tokenizers::Tokenizer, template: &ChatTemplate) -> Option<u32> {
    const ANSWER: &str = "paretoscope";
    let turns = [Message::user("a"), Message::assistant(ANSWER)];
    let text = template.render(&turns, false, Some(0)).ok()?;
    let (_, after) = text.rsplit_once(ANSWER)?;
    let encoding = guarded(|| inner.encode_fast(after.trim_start(), false)).ok()?;
    let &first = encoding.get_ids().first()?;
    let special = inner
        .get_added_vocabulary()
        .is_special_token(&inner.id_to_token(first)?);
    special.then_some(first)
}
