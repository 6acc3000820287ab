//! Byte-level BPE (`gpt2`): each byte is a character, texts are cut by a rule that has a name, merges are listed.

use serde_json::{Value, json};
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use super::fields::{Fields, Tokens};
use crate::Result;

/// The most merges that are read; the longest known list has 580,604.
pub(super) const MERGES: usize = 1 << 22;

/// How texts are cut into pieces before merging.
enum Cut {
    /// By GPT-2's expression, which the library holds.
    Gpt2,
    /// Each digit alone, then as GPT-2.
    DigitsThenGpt2,
    /// By an expression.
    By(&'static str),
}

/// What a name in `tokenizer.ggml.pre` stands for.
struct Rule {
    names: &'static [&'static str],
    cut: Cut,
    /// Whether texts are put in Unicode's form C first.
    composed: bool,
    /// Whether a piece that is a token is never merged together.
    ignore_merges: bool,
    /// Whether the begin token stands before a text where the file does not say.
    starts: bool,
}

/// Llama 3: up to three digits together.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen 2: each digit alone.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Mistral's Tekken: words are cut where small letters turn into capitals.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// GPT-4o: as Tekken, with endings like `'s` at their word, and up to three digits together.
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The rules, each as the `tokenizer.json` of the models has it that gave it its name.
const RULES: [Rule; 8] = [
    Rule {
        names: &["llama-bpe", "llama3", "llama-v3", "pixtral"],
        cut: Cut::By(LLAMA3),
        composed: false,
        ignore_merges: true,
        starts: true,
    },
    Rule {
        names: &["smaug-bpe", "dbrx"],
        cut: Cut::By(LLAMA3),
        composed: false,
        ignore_merges: false,
        starts: false,
    },
    Rule {
        names: &["qwen2", "deepseek-r1-qwen", "stablelm2"],
        cut: Cut::By(QWEN2),
        composed: true,
        ignore_merges: false,
        starts: false,
    },
    Rule {
        names: &["smollm", "refact"],
        cut: Cut::DigitsThenGpt2,
        composed: false,
        ignore_merges: false,
        starts: false,
    },
    Rule {
        names: &["gpt-2"],
        cut: Cut::Gpt2,
        composed: false,
        ignore_merges: false,
        starts: false,
    },
    Rule {
        names: &["olmo"],
        cut: Cut::Gpt2,
        composed: true,
        ignore_merges: false,
        starts: false,
    },
    Rule {
        names: &["tekken"],
        cut: Cut::By(TEKKEN),
        composed: false,
        ignore_merges: true,
        starts: true,
    },
    Rule {
        names: &["gpt-4o"],
        cut: Cut::By(GPT4O),
        composed: false,
        ignore_merges: false,
        starts: false,
    },
];

impl Rule {
    fn named(fields: &Fields<'_>) -> Result<&'static Self> {
        const FIELD: &str = "tokenizer.ggml.pre";
        let name = fields.text(FIELD)?;
        let known = || RULES.iter();
        if let Some(rule) = known().find(|rule| name.is_some_and(|name| rule.names.contains(&name)))
        {
            return Ok(rule);
        }
        let names: Vec<&str> = known().flat_map(|rule| rule.names).copied().collect();
        let said = name.map_or("is absent".to_owned(), |name| format!("is `{name}`"));
        Err(fields.wrong(
            FIELD,
            format!(
                "{said}, so how texts are cut is not known; known are {}",
                names.join(", ")
            ),
        ))
    }

    fn pre_tokenizer(&self) -> Value {
        let bytes = |gpt2: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": gpt2});
        match self.cut {
            Cut::Gpt2 => bytes(true),
            Cut::DigitsThenGpt2 => {
                let digits = json!({"type": "Digits", "individual_digits": true});
                json!({"type": "Sequence", "pretokenizers": [digits, bytes(true)]})
            }
            Cut::By(expression) => {
                let split = json!({"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": false});
                json!({"type": "Sequence", "pretokenizers": [split, bytes(false)]})
            }
        }
    }
}

/// The tokenizer without its whole tokens, and whether the begin token stands before a text by default.
pub(super) fn build(fields: &Fields<'_>, tokens: &Tokens<'_>) -> Result<(Tokenizer, bool)> {
    let rule = Rule::named(fields)?;
    if fields.flag("tokenizer.ggml.add_space_prefix")? == Some(true) {
        return Err(fields.wrong(
            "tokenizer.ggml.add_space_prefix",
            "is true, which is read for `llama` tokenizers alone",
        ));
    }
    if let Some(scores) = fields.numbers("tokenizer.ggml.scores")? {
        fields.same_length("tokenizer.ggml.scores", scores.len(), tokens.len())?;
    }
    let vocabulary: Vocab = tokens
        .iter()
        .map(|(id, text)| (text.to_owned(), id))
        .collect();
    let model = BPE::builder()
        .vocab_and_merges(vocabulary, merges(fields, tokens)?)
        .ignore_merges(rule.ignore_merges)
        .build()
        .map_err(|e| {
            fields.wrong(
                "tokenizer.ggml.merges",
                format!("are no byte-level BPE: {e}"),
            )
        })?;
    let mut tokenizer = Tokenizer::new(model);
    if rule.composed {
        let normalizer: NormalizerWrapper = fields.part(json!({"type": "NFC"}))?;
        tokenizer
            .with_normalizer(Some(normalizer))
            .map_err(|e| fields.wrong("tokenizer.ggml.pre", e.to_string()))?;
    }
    let cut: PreTokenizerWrapper = fields.part(rule.pre_tokenizer())?;
    tokenizer.with_pre_tokenizer(Some(cut));
    tokenizer.with_decoder(Some(ByteLevel::new(false, true, true)));
    Ok((tokenizer, rule.starts))
}

/// The merges, first ones first: `a b`, where `a`, `b` and `ab` are tokens.
fn merges(fields: &Fields<'_>, tokens: &Tokens<'_>) -> Result<Merges> {
    const FIELD: &str = "tokenizer.ggml.merges";
    let Some(listed) = fields.texts(FIELD)? else {
        return Err(fields.wrong(FIELD, "is absent, but byte-level BPE needs it"));
    };
    if listed.len() > MERGES {
        return Err(fields.wrong(
            FIELD,
            format!("has {} merges; {MERGES} at most are read", listed.len()),
        ));
    }
    let parts = |(at, merge): (usize, &String)| {
        let wrong =
            |problem: &str| Err(fields.wrong(FIELD, format!("merge {at} is `{merge}`; {problem}")));
        let Some((left, right)) = merge.split_once(' ') else {
            return wrong("expected two tokens with a space between them");
        };
        for part in [left, right] {
            if tokens.id(part).is_none() {
                return wrong(&format!("`{part}` is no token"));
            }
        }
        let union = format!("{left}{right}");
        if tokens.id(&union).is_none() {
            return wrong(&format!("`{union}` is no token"));
        }
        Ok((left.to_owned(), right.to_owned()))
    };
    listed.iter().enumerate().map(parts).collect()
}
