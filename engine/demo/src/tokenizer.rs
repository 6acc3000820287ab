//! Trains the demonstration's tokenizer: byte-level BPE, its special tokens and its chat template.

use std::path::Path;

use serde_json::json;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{
    AddedToken, Tokenizer, TokenizerBuilder, decoders, normalizers, pre_tokenizers, processors,
};

use paretoscope_engine::output::write_json;
use paretoscope_engine::{Error, Result};

/// Special tokens, in order of their ids from 0: padding, begin of text, the user's turn, the
/// assistant's turn, end of answer.
pub const SPECIAL: [&str; 5] = ["<|pad|>", "<|bos|>", "<|user|>", "<|assistant|>", "<|end|>"];
/// Id of the padding token.
pub const PAD: u32 = 0;
/// Id of the token that begins a text.
pub const BOS: u32 = 1;
/// Id of the token before the user's turn.
pub const USER: u32 = 2;
/// Id of the token before the assistant's turn.
pub const ASSISTANT: u32 = 3;
/// Id of the token that ends an answer.
pub const END: u32 = 4;

/// The chat template: `<|bos|><|user|>QUESTION<|assistant|>ANSWER<|end|>`.
pub const CHAT_TEMPLATE: &str = "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}<|user|>{{ message['content'] }}{% elif message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

fn refused(error: tokenizers::Error) -> Error {
    Error::option(
        "tokenizer",
        format!("the tokenizers library refused: {error}"),
    )
}

/// Trains on `texts`; the same texts in the same order give the same tokenizer. One text alone
/// encodes as a question in the chat's form, ready for the answer; a pair as a question with its
/// answer, which is what reward models read.
pub fn train<'a>(
    texts: impl Iterator<Item = &'a str> + Send,
    vocabulary: usize,
) -> Result<Tokenizer> {
    let byte_level = ByteLevel::new(false, true, true);
    let mut tokenizer = TokenizerBuilder::<
        BPE,
        normalizers::NormalizerWrapper,
        pre_tokenizers::PreTokenizerWrapper,
        processors::PostProcessorWrapper,
        decoders::DecoderWrapper,
    >::default()
    .with_model(BPE::default())
    .with_pre_tokenizer(Some(byte_level.into()))
    .with_decoder(Some(byte_level.into()))
    .with_post_processor(Some(template()?.into()))
    .build()
    .map_err(refused)?;
    let mut trainer = BpeTrainer::builder()
        .vocab_size(vocabulary)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(SPECIAL.iter().map(|t| AddedToken::from(*t, true)).collect())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    tokenizer.train(&mut trainer, texts).map_err(refused)?;
    Ok(tokenizer.into())
}

fn template() -> Result<TemplateProcessing> {
    let wrong = |problem: String| Error::option("tokenizer", problem);
    TemplateProcessing::builder()
        .try_single("<|bos|> <|user|> $A <|assistant|>")
        .map_err(wrong)?
        .try_pair("<|bos|> <|user|> $A <|assistant|> $B <|end|>")
        .map_err(wrong)?
        .special_tokens(
            SPECIAL
                .iter()
                .zip(0_u32..)
                .map(|(t, id)| ((*t).to_owned(), id))
                .collect::<Vec<_>>(),
        )
        .build()
        .map_err(|e| wrong(e.to_string()))
}

/// Writes `tokenizer.json` and `tokenizer_config.json` into `folder`.
pub fn save(tokenizer: &Tokenizer, folder: &Path, context: usize) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    tokenizer
        .save(folder.join("tokenizer.json"), false)
        .map_err(refused)?;
    let config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|bos|>",
        "eos_token": "<|end|>",
        "pad_token": "<|pad|>",
        "model_max_length": context,
        "clean_up_tokenization_spaces": false,
        "chat_template": CHAT_TEMPLATE,
    });
    write_json(&folder.join("tokenizer_config.json"), &config)
}

/// Token ids of a question, ready for the answer.
pub fn question(tokenizer: &Tokenizer, prompt: &str) -> Result<Vec<u32>> {
    let mut ids = vec![BOS, USER];
    ids.extend(tokenizer.encode(prompt, false).map_err(refused)?.get_ids());
    ids.push(ASSISTANT);
    Ok(ids)
}

/// Token ids of an answer, with its end.
pub fn answer(tokenizer: &Tokenizer, response: &str) -> Result<Vec<u32>> {
    let mut ids = tokenizer
        .encode(response, false)
        .map_err(refused)?
        .get_ids()
        .to_vec();
    ids.push(END);
    Ok(ids)
}

/// Text of an answer's ids, special tokens left out.
pub fn text(tokenizer: &Tokenizer, ids: &[u32]) -> Result<String> {
    tokenizer.decode(ids, true).map_err(refused)
}
