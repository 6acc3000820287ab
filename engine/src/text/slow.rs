//! Tokenizers of folders without `tokenizer.json`: the older files of transformers' slow
//! tokenizers, put together as transformers converts them.
//!
//! | files | kind | special tokens around a text |
//! |---|---|---|
//! | `vocab.json`, `merges.txt` | byte-level BPE of GPT-2 | none |
//! | `vocab.json`, `merges.txt` | byte-level BPE of RoBERTa and BART | `<s> a </s>`, `<s> a </s></s> b </s>` |
//! | `vocab.txt` | WordPiece of BERT and DistilBERT | `[CLS] a [SEP]`, `[CLS] a [SEP] b [SEP]` |

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tokenizers::models::bpe::BPE;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::processors::roberta::RobertaProcessing;
use tokenizers::{AddedToken, Tokenizer};

use super::added::{self, added_token};
use super::json::{self, SPECIAL};
use crate::{Error, Result};

/// What a folder without `tokenizer.json` has in its place.
pub(super) enum Slow {
    /// A tokenizer.
    Built(Box<Tokenizer>),
    /// Files of a kind that is not built: token ids can still go in and out.
    Unread(Unread),
    /// Nothing.
    Nothing,
}

/// A tokenizer's file that stands there alone and cannot be read.
#[derive(Debug)]
pub(super) struct Unread {
    path: PathBuf,
    problem: String,
}

impl Unread {
    fn of(folder: &Path, file: &str, problem: &str) -> Slow {
        Slow::Unread(Self {
            path: folder.join(file),
            problem: format!("{problem}; text needs tokenizer.json beside it. {SAVE_AGAIN}"),
        })
    }

    /// What is said where text is asked for.
    pub(super) fn error(&self) -> Error {
        Error::file(&self.path, self.problem.clone())
    }
}

/// Reads the older files, where they are.
pub(super) fn load(folder: &Path) -> Result<Slow> {
    let has = |name: &str| folder.join(name).is_file();
    if has("vocab.json") && has("merges.txt") {
        return byte_level(folder);
    }
    // Before `vocab.txt`, which some SentencePiece models have beside them.
    for name in ["spm.model", "tokenizer.model", "spiece.model"] {
        if has(name) {
            let problem = "is a SentencePiece model, which is not read";
            return Ok(Unread::of(folder, name, problem));
        }
    }
    if has("vocab.txt") {
        return word_piece(folder).map(|t| Slow::Built(Box::new(t)));
    }
    Ok(Slow::Nothing)
}

/// What the JSON files beside the vocabulary say.
struct Beside {
    config: Map<String, Value>,
    special: Map<String, Value>,
    added: Map<String, Value>,
    /// `tokenizer_class`, or else `model_type`, in lower case.
    kind: String,
}

impl Beside {
    fn read(folder: &Path) -> Result<Self> {
        let object = |name: &str| json::object(&folder.join(name)).map(Option::unwrap_or_default);
        let config = object("tokenizer_config.json")?;
        let model = object("config.json")?;
        let kind = config
            .get("tokenizer_class")
            .or_else(|| model.get("model_type"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase();
        Ok(Self {
            config,
            special: object("special_tokens_map.json")?,
            added: object("added_tokens.json")?,
            kind,
        })
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.config
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or(default)
    }

    fn special(&self, field: &str, default: &str) -> String {
        json::special(&self.special, field)
            .or_else(|| json::special(&self.config, field))
            .unwrap_or_else(|| default.to_owned())
    }

    /// Special tokens that the files name, with how they take up the space around them.
    fn named(&self) -> Vec<AddedToken> {
        let list = |object: &Map<String, Value>| -> Vec<AddedToken> {
            SPECIAL
                .iter()
                .filter_map(|field| object.get(*field))
                .filter_map(added_token)
                .collect()
        };
        let mut tokens = list(&self.special);
        tokens.extend(list(&self.config));
        tokens
    }

    /// Makes the special tokens whole, and adds those that have ids beyond the vocabulary.
    fn finish(
        &self,
        tokenizer: &mut Tokenizer,
        defaults: Vec<AddedToken>,
        path: &Path,
    ) -> Result<()> {
        let wrong = |e: &dyn std::fmt::Display| Error::file(path, format!("special tokens: {e}"));
        let mut known = Vec::new();
        // The first to name a token decides how it stands; defaults come last.
        for token in self.named().into_iter().chain(defaults) {
            let seen = known
                .iter()
                .any(|k: &AddedToken| k.content == token.content);
            if !seen && tokenizer.token_to_id(&token.content).is_some() {
                known.push(token);
            }
        }
        tokenizer.add_special_tokens(known).map_err(|e| wrong(&e))?;
        let mut later = added::listed(&self.config);
        for (content, id) in &self.added {
            if let Some(id) = id.as_u64().and_then(|id| u32::try_from(id).ok()) {
                later
                    .entry(id)
                    .or_insert_with(|| AddedToken::from(content.clone(), false));
            }
        }
        for (id, token) in later {
            let content = token.content.clone();
            added::add(tokenizer, token).map_err(|e| wrong(&e))?;
            if tokenizer.token_to_id(&content) != Some(id) {
                return Err(wrong(&format!(
                    "`{content}` should be token {id}, after a vocabulary of {}",
                    tokenizer.get_vocab_size(true)
                )));
            }
        }
        Ok(())
    }
}

fn text_path(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    match path.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(Error::file(&path, "has a name that is not UTF-8")),
    }
}

fn byte_level(folder: &Path) -> Result<Slow> {
    let path = folder.join("vocab.json");
    let beside = Beside::read(folder)?;
    let framed = ["roberta", "bart", "longformer"]
        .iter()
        .any(|name| beside.kind.contains(name));
    if !framed && !beside.kind.contains("gpt2") {
        let problem = format!(
            "belongs to a tokenizer of kind `{}`, of which only GPT-2's, RoBERTa's and BART's are built",
            beside.kind
        );
        return Ok(Unread::of(folder, "vocab.json", &problem));
    }
    let model = BPE::from_file(
        &text_path(folder, "vocab.json")?,
        &text_path(folder, "merges.txt")?,
    )
    .build()
    .map_err(|e| Error::file(&path, format!("with merges.txt is no byte-level BPE: {e}")))?;
    let space = beside.flag("add_prefix_space", false);
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(space, true, true)));
    tokenizer.with_decoder(Some(ByteLevel::new(true, true, true)));
    if !framed {
        let end = AddedToken::from("<|endoftext|>", true);
        beside.finish(&mut tokenizer, vec![end], &path)?;
        return Ok(Slow::Built(Box::new(tokenizer)));
    }
    let id_of = |token: String| match tokenizer.token_to_id(&token) {
        Some(id) => Ok((token, id)),
        None => Err(Error::file(
            &path,
            format!("lacks the special token `{token}`"),
        )),
    };
    let separator = id_of(beside.special("sep_token", "</s>"))?;
    let first = id_of(beside.special("cls_token", "<s>"))?;
    let frame = RobertaProcessing::new(separator, first)
        .trim_offsets(true)
        .add_prefix_space(space);
    tokenizer.with_post_processor(Some(frame));
    let defaults = ["<s>", "</s>", "<unk>", "<pad>"]
        .map(|token| AddedToken::from(token, true))
        .into_iter()
        // The mask takes the space before it.
        .chain([AddedToken::from("<mask>", true).lstrip(true)]);
    beside.finish(&mut tokenizer, defaults.collect(), &path)?;
    Ok(Slow::Built(Box::new(tokenizer)))
}

fn word_piece(folder: &Path) -> Result<Tokenizer> {
    let path = folder.join("vocab.txt");
    let beside = Beside::read(folder)?;
    let unknown = beside.special("unk_token", "[UNK]");
    let model = WordPiece::from_file(&text_path(folder, "vocab.txt")?)
        .unk_token(unknown)
        .build()
        .map_err(|e| Error::file(&path, format!("is no WordPiece vocabulary: {e}")))?;
    let mut tokenizer = Tokenizer::new(model);
    let normalizer = BertNormalizer::new(
        true,
        beside.flag("tokenize_chinese_chars", true),
        beside.config.get("strip_accents").and_then(Value::as_bool),
        beside.flag("do_lower_case", true),
    );
    tokenizer
        .with_normalizer(Some(normalizer))
        .map_err(|e| Error::file(&path, e.to_string()))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_decoder(Some(tokenizers::decoders::wordpiece::WordPiece::default()));
    let id_of = |token: String| match tokenizer.token_to_id(&token) {
        Some(id) => Ok((token, id)),
        None => Err(Error::file(
            &path,
            format!("lacks the special token `{token}`"),
        )),
    };
    let separator = id_of(beside.special("sep_token", "[SEP]"))?;
    let first = id_of(beside.special("cls_token", "[CLS]"))?;
    tokenizer.with_post_processor(Some(BertProcessing::new(separator, first)));
    let defaults =
        ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"].map(|token| AddedToken::from(token, true));
    beside.finish(&mut tokenizer, defaults.to_vec(), &path)?;
    Ok(tokenizer)
}

/// How to get a tokenizer that can be read.
const SAVE_AGAIN: &str =
    "transformers makes the file: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)";
