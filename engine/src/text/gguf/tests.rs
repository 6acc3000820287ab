//! Small vocabularies by hand with their ids, round trips, and what is refused.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use crate::Error;
use crate::text::Tokenizer;
use crate::text::samples::byte_characters;
use crate::types::{Message, Prompt};
use crate::weights::gguf::GgufValue;

type Given = BTreeMap<String, GgufValue>;

fn ggml(name: &str) -> String {
    format!("tokenizer.ggml.{name}")
}

fn texts<S: AsRef<str>>(list: &[S]) -> GgufValue {
    GgufValue::Texts(list.iter().map(|s| s.as_ref().to_owned()).collect())
}

/// `text` as byte-level vocabularies write it.
fn written(text: &str) -> String {
    let characters = byte_characters();
    text.bytes().map(|b| characters[b as usize]).collect()
}

/// Byte `b` is token `b`, `<|end|>` 256, `<|im_start|>` 257, the person's `<tool>` 258, then merged ones.
fn byte_level(pre: &str) -> Given {
    let mut tokens: Vec<String> = byte_characters().iter().map(char::to_string).collect();
    tokens.extend(["<|end|>", "<|im_start|>", "<tool>"].map(str::to_owned));
    let mut merges = Vec::new();
    for (left, right) in [
        (" ", "t"),
        ("h", "e"),
        (" t", "he"),
        ("1", "2"),
        ("12", "3"),
        ("\n", "\n"),
    ] {
        merges.push(format!("{} {}", written(left), written(right)));
        tokens.push(written(left) + &written(right));
    }
    // No merges lead here.
    tokens.push("whole".to_owned());
    let mut types = vec![1; tokens.len()];
    types[256] = 3;
    types[257] = 3;
    types[258] = 4;
    Given::from([
        (ggml("model"), GgufValue::Text("gpt2".to_owned())),
        (ggml("pre"), GgufValue::Text(pre.to_owned())),
        (ggml("tokens"), texts(&tokens)),
        (ggml("token_type"), GgufValue::Integers(types)),
        (ggml("merges"), texts(&merges)),
        (ggml("bos_token_id"), GgufValue::U64(257)),
        (ggml("eos_token_id"), GgufValue::U64(256)),
    ])
}

const THE: u32 = 261;
const TWELVE: u32 = 262;
const HUNDRED: u32 = 263;
const LINES: u32 = 264;
const WHOLE: u32 = 265;

/// `<unk>` 0, `<s>` 1, `</s>` 2, byte `b` at `3 + b`, then [`PIECES`] with their scores.
fn scored() -> Given {
    let mut tokens = ["<unk>", "<s>", "</s>"].map(str::to_owned).to_vec();
    tokens.extend((0..=u8::MAX).map(|b| format!("<0x{b:02X}>")));
    let mut types = vec![2, 3, 3];
    types.extend([6; 256]);
    let mut scores = vec![0.0; tokens.len()];
    for (piece, score) in PIECES {
        tokens.push(piece.to_owned());
        types.push(1);
        scores.push(score);
    }
    Given::from([
        (ggml("model"), GgufValue::Text("llama".to_owned())),
        (ggml("tokens"), texts(&tokens)),
        (ggml("token_type"), GgufValue::Integers(types)),
        (ggml("scores"), GgufValue::Numbers(scores)),
        (ggml("bos_token_id"), GgufValue::U64(1)),
        (ggml("eos_token_id"), GgufValue::U64(2)),
        (ggml("unknown_token_id"), GgufValue::U64(0)),
    ])
}

/// Unigram would take `abc` apart as `a`, `bc`: -10 - 4 against -2 - 11 - 12 and so on. BPE joins `ab` first.
const PIECES: [(&str, f64); 7] = [
    ("▁", -9.0),
    ("a", -10.0),
    ("b", -11.0),
    ("c", -12.0),
    ("ab", -2.0),
    ("bc", -4.0),
    ("▁a", -6.0),
];

/// The id of a piece of [`PIECES`].
fn piece(text: &str) -> u32 {
    let at = PIECES.iter().position(|(piece, _)| *piece == text).unwrap();
    259 + u32::try_from(at).unwrap()
}

fn read(given: &Given) -> crate::Result<Tokenizer> {
    Tokenizer::of_gguf(given, Path::new("m.gguf"))
}

fn ids(given: &Given, text: &str) -> Vec<u32> {
    read(given).unwrap().encode(text, false).unwrap()
}

fn bytes(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

/// The field that is named in the error, and the words.
fn refused(given: &Given) -> (String, String) {
    match read(given) {
        Err(Error::Field { field, problem, .. }) => (field, problem.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn merges_are_followed_in_their_order() {
    let given = byte_level("gpt-2");
    assert_eq!(ids(&given, " the"), [THE]);
    assert_eq!(ids(&given, "the"), [&bytes("t")[..], &[260]].concat());
    assert_eq!(ids(&given, "é"), bytes("é"));
}

#[test]
fn each_rule_cuts_digits_lines_and_words_in_its_way() {
    let three = |pre| ids(&byte_level(pre), "1234");
    let together = [HUNDRED, u32::from(b'4')];
    for pre in [
        "gpt-2",
        "olmo",
        "llama-bpe",
        "smaug-bpe",
        "dbrx",
        "gpt-4o",
        "pixtral",
    ] {
        assert_eq!(three(pre), together, "{pre}");
    }
    for pre in [
        "qwen2",
        "deepseek-r1-qwen",
        "stablelm2",
        "smollm",
        "refact",
        "tekken",
    ] {
        assert_eq!(three(pre), bytes("1234"), "{pre}");
    }
    // GPT-2 leaves the last of many spaces to what follows, the others the line ends together.
    assert_eq!(ids(&byte_level("gpt-2"), "\n\nx"), bytes("\n\nx"));
    assert_eq!(ids(&byte_level("qwen2"), "\n\nx"), [LINES, u32::from(b'x')]);
    // Four digits: three, then what is left; GPT-2 has no limit.
    let four = |pre| ids(&byte_level(pre), "4123");
    assert_eq!(four("gpt-2"), [u32::from(b'4'), HUNDRED]);
    assert_eq!(
        four("llama-bpe"),
        [u32::from(b'4'), TWELVE, u32::from(b'3')]
    );
}

#[test]
fn a_piece_that_is_a_token_needs_no_merges_where_the_rule_says_so() {
    for pre in ["llama-bpe", "tekken"] {
        assert_eq!(ids(&byte_level(pre), "whole"), [WHOLE], "{pre}");
    }
    for pre in ["smaug-bpe", "qwen2", "gpt-4o"] {
        assert_ne!(ids(&byte_level(pre), "whole"), [WHOLE], "{pre}");
    }
}

#[test]
fn composed_and_taken_apart_letters_are_one_where_the_rule_says_so() {
    assert_eq!(ids(&byte_level("qwen2"), "e\u{301}"), bytes("é"));
    assert_eq!(ids(&byte_level("llama-bpe"), "e\u{301}"), bytes("e\u{301}"));
}

#[test]
fn control_tokens_are_special_and_a_persons_own_are_text() {
    let tokenizer = read(&byte_level("qwen2")).unwrap();
    let given = tokenizer
        .encode("a<|im_start|><tool><|end|>", true)
        .unwrap();
    assert_eq!(given, [97, 257, 258, 256]);
    assert_eq!(tokenizer.decode(&given).unwrap(), "a<tool>");
    assert_eq!(tokenizer.vocabulary(), 266);
}

#[test]
fn tokens_stand_around_a_text_as_the_file_or_its_rule_says() {
    let around = |given: &Given| read(given).unwrap().encode("a", true).unwrap();
    assert_eq!(around(&byte_level("llama-bpe")), [257, 97]);
    assert_eq!(around(&byte_level("tekken")), [257, 97]);
    assert_eq!(around(&byte_level("qwen2")), [97]);
    let mut given = byte_level("qwen2");
    for side in ["add_bos_token", "add_eos_token"] {
        given.insert(ggml(side), GgufValue::Bool(true));
    }
    assert_eq!(around(&given), [257, 97, 256]);
    let pair = read(&given).unwrap().encode_pair("a", "b", true).unwrap();
    assert_eq!(pair, [257, 97, 256, 257, 98, 256]);
    given = byte_level("llama-bpe");
    given.insert(ggml("add_bos_token"), GgufValue::Bool(false));
    assert_eq!(around(&given), [97]);
    assert_eq!(around(&scored()), [1, piece("▁a")]);
}

#[test]
fn neighbours_with_the_best_union_are_joined_first() {
    // ▁ ab c, as `ab` scores higher than `bc` and `▁a`.
    assert_eq!(ids(&scored(), "abc"), [piece("▁"), piece("ab"), piece("c")]);
    assert_eq!(
        ids(&scored(), "a bc"),
        [piece("▁a"), piece("▁"), piece("bc")]
    );
    // ▁a, as nothing better takes the a.
    assert_eq!(ids(&scored(), "ac"), [piece("▁a"), piece("c")]);
}

#[test]
fn unknown_characters_fall_back_to_bytes_and_come_back() {
    let tokenizer = read(&scored()).unwrap();
    let ids = tokenizer.encode("aé\n", false).unwrap();
    assert_eq!(ids, [piece("▁a"), 3 + 0xC3, 3 + 0xA9, 3 + 0x0A]);
    assert_eq!(tokenizer.decode(&ids).unwrap(), "aé\n");
    let mut stream = tokenizer.stream();
    let given: Vec<_> = ids.iter().map(|&id| stream.push(id)).collect();
    assert_eq!(given[1], None, "half a character waits");
}

#[test]
fn no_space_is_put_first_where_the_file_says_so() {
    let mut given = scored();
    given.insert(ggml("add_space_prefix"), GgufValue::Bool(false));
    let tokenizer = read(&given).unwrap();
    assert_eq!(tokenizer.encode("bc", false).unwrap(), [piece("bc")]);
    let ids = tokenizer.encode(" a", false).unwrap();
    assert_eq!(ids, [piece("▁a")]);
    assert_eq!(tokenizer.decode(&ids).unwrap(), " a");
}

#[test]
fn answers_end_at_every_token_that_ends_one() {
    let mut given = byte_level("qwen2");
    given.insert(ggml("eot_token_id"), GgufValue::U64(257));
    given.insert(ggml("eom_token_id"), GgufValue::U64(258));
    given.insert(ggml("eos_token_id"), GgufValue::U64(97));
    let tokenizer = read(&given).unwrap();
    assert_eq!(
        tokenizer.end_tokens(),
        [97, 257, 258, 256],
        "`<|end|>` by its text"
    );
    assert_eq!(tokenizer.closing_token(), Some(97));
}

#[test]
fn the_chat_template_is_told_the_special_tokens() {
    let mut given = byte_level("qwen2");
    let source = "{% for m in messages %}{{ bos_token }}{{ m.content }}{{ eos_token }}{% endfor %}";
    given.insert(
        "tokenizer.chat_template".to_owned(),
        GgufValue::Text(source.to_owned()),
    );
    let tokenizer = read(&given).unwrap();
    let ids = tokenizer
        .encode_prompt(&Prompt::Chat("a".to_owned()))
        .unwrap();
    assert_eq!(ids, [257, 97, 256]);
    assert_eq!(tokenizer.closing_token(), Some(256));
    let long = GgufValue::Text("a".repeat((1 << 20) + 1));
    given.insert("tokenizer.chat_template".to_owned(), long);
    let tokenizer = read(&given).unwrap();
    assert!(tokenizer.template_problem().is_some());
    assert!(tokenizer.opening(&[Message::user("a")]).is_err());
}

#[test]
fn a_file_without_a_tokenizer_has_no_text() {
    let tokenizer = read(&Given::new()).unwrap();
    assert!(!tokenizer.has_text() && !tokenizer.has_chat_template());
    assert!(tokenizer.encode("a", false).is_err());
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table: one entry per fault")]
fn what_does_not_fit_is_refused_by_name() {
    let text = |text: &str| GgufValue::Text(text.to_owned());
    let cases: Vec<(bool, &str, GgufValue, &str)> = vec![
        (true, "model", text("bert"), "is `bert`"),
        (true, "model", GgufValue::U64(1), "another type"),
        (
            true,
            "pre",
            text("mystery"),
            "is `mystery`, so how texts are cut is not known; known are llama-bpe",
        ),
        (
            true,
            "tokens",
            texts(&["a", "a"]),
            "tokens 0 and 1 are both `a`",
        ),
        (true, "tokens", texts(&["a", ""]), "token 1 has 0 bytes"),
        (
            true,
            "tokens",
            texts(&["a".repeat(4097)]),
            "token 0 has 4097 bytes",
        ),
        (true, "tokens", texts::<&str>(&[]), "has 0 tokens"),
        (
            true,
            "tokens",
            GgufValue::Numbers(vec![1.0]),
            "another type",
        ),
        (
            true,
            "token_type",
            GgufValue::Integers(vec![1; 3]),
            "has 3 entries, but `tokenizer.ggml.tokens` has 266",
        ),
        (
            true,
            "token_type",
            GgufValue::Integers(vec![7; 266]),
            "is 7 for token 0",
        ),
        (
            true,
            "token_type",
            GgufValue::Integers(vec![-1; 266]),
            "is -1 for token 0",
        ),
        (
            true,
            "scores",
            GgufValue::Numbers(vec![0.0; 2]),
            "has 2 entries",
        ),
        (
            true,
            "merges",
            texts(&["ab"]),
            "expected two tokens with a space",
        ),
        (
            true,
            "merges",
            texts(&["a b", "x yy"]),
            "merge 0 is `a b`; `ab` is no token",
        ),
        (true, "merges", texts(&["a yy"]), "`yy` is no token"),
        (true, "merges", texts(&["a b c"]), "`b c` is no token"),
        (true, "merges", texts(&[" a"]), "`` is no token"),
        (
            true,
            "bos_token_id",
            GgufValue::U64(266),
            "is 266, but the vocabulary has 266 tokens",
        ),
        (true, "eos_token_id", GgufValue::I64(-1), "is -1"),
        (
            true,
            "eot_token_id",
            GgufValue::U64(u64::MAX),
            "is 18446744073709551615",
        ),
        (true, "eom_token_id", GgufValue::F64(1.0), "another type"),
        (
            true,
            "unknown_token_id",
            GgufValue::U64(1 << 32),
            "is 4294967296",
        ),
        (true, "padding_token_id", GgufValue::U64(999), "is 999"),
        (true, "add_bos_token", GgufValue::U64(1), "another type"),
        (
            true,
            "add_space_prefix",
            GgufValue::Bool(true),
            "`llama` tokenizers alone",
        ),
        (
            false,
            "scores",
            GgufValue::Numbers(vec![0.0; 2]),
            "has 2 entries",
        ),
        (
            false,
            "scores",
            GgufValue::Numbers(vec![f64::NAN; 266]),
            "is NaN for token 0",
        ),
        (false, "scores", texts(&["a"]), "another type"),
    ];
    for (bytes, name, value, words) in cases {
        let mut given = if bytes { byte_level("qwen2") } else { scored() };
        given.insert(ggml(name), value);
        let (field, problem) = refused(&given);
        assert_eq!(field, ggml(name), "{problem}");
        assert!(problem.contains(words), "{field}: {problem}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (bytes, name, words) in [
        (true, "pre", "is absent"),
        (true, "tokens", "has 0 tokens"),
        (true, "merges", "is absent"),
        (false, "scores", "is absent"),
    ] {
        let mut given = if bytes { byte_level("qwen2") } else { scored() };
        given.remove(&ggml(name));
        let (field, problem) = refused(&given);
        assert_eq!(field, ggml(name), "{problem}");
        assert!(problem.contains(words), "{problem}");
    }
    let mut given = byte_level("qwen2");
    given.remove(&ggml("bos_token_id"));
    given.insert(ggml("add_bos_token"), GgufValue::Bool(true));
    assert_eq!(refused(&given).0, ggml("add_bos_token"));
}

#[test]
fn byte_tokens_are_bytes_and_all_there() {
    let with = |at: usize, text: &str| {
        let mut given = scored();
        if let Some(GgufValue::Texts(tokens)) = given.get_mut(&ggml("tokens")) {
            text.clone_into(&mut tokens[at]);
        }
        given
    };
    for text in ["<0x-1>", "<0x+1>", "<0x0a>", "<0x00", "<0x100>", "é"] {
        let (field, problem) = refused(&with(3, text));
        assert_eq!(field, ggml("tokens"));
        assert!(problem.contains("token 3 is a byte"), "{problem}");
    }
    // One is missing: characters with it are unknown, which needs a token for that.
    let mut given = with(3 + 0xC3, "strange");
    if let Some(GgufValue::Integers(types)) = given.get_mut(&ggml("token_type")) {
        types[3 + 0xC3] = 5;
    }
    assert_eq!(ids(&given, "aé"), [piece("▁a"), 0]);
    given.remove(&ggml("unknown_token_id"));
    assert_eq!(ids(&given, "aé"), [piece("▁a"), 0], "by its type");
    if let Some(GgufValue::Integers(types)) = given.get_mut(&ggml("token_type")) {
        types[0] = 3;
    }
    assert!(refused(&given).1.contains("lacks `<0xC3>`"));
}

#[test]
fn a_long_token_of_a_scored_vocabulary_is_refused() {
    let mut given = scored();
    if let Some(GgufValue::Texts(tokens)) = given.get_mut(&ggml("tokens")) {
        tokens[260] = "a".repeat(257);
    }
    assert!(refused(&given).1.contains("token 260 has 257 bytes"));
}

proptest! {
    #[test]
    fn texts_come_back_from_ids(text in "[a-e1-4 \n'é😀]{0,40}|\\PC{0,20}") {
        prop_assume!(!text.contains('▁'), "which `llama` reads as a space");
        for given in [byte_level("gpt-2"), byte_level("smollm"), byte_level("llama-bpe"), byte_level("tekken"), byte_level("gpt-4o"), scored()] {
            let tokenizer = read(&given).unwrap();
            let ids = tokenizer.encode(&text, false).unwrap();
            prop_assert_eq!(tokenizer.decode(&ids).unwrap(), text.clone());
        }
    }
}
