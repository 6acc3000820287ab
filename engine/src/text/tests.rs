//! Round trips, streams against whole decodes, and what is refused.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::Error;
use crate::types::{Message, Prompt, TokenPiece};

/// Streams ids and checks everything that must hold of a stream.
fn streamed(tokenizer: &Tokenizer, ids: &[u32]) -> (Vec<String>, Vec<TokenPiece>) {
    let mut stream = tokenizer.stream();
    let mut given = Vec::new();
    for &id in ids {
        given.extend(stream.push(id));
        assert_eq!(given.concat(), stream.text());
    }
    given.extend(stream.finish());
    let (text, pieces) = stream.into_parts();
    assert_eq!(given.concat(), text);
    assert_eq!(
        text,
        tokenizer.decode(ids).unwrap(),
        "the stream equals the decode of all ids"
    );
    assert_eq!(pieces.iter().map(|p| p.id).collect::<Vec<_>>(), ids);
    let mut end = 0;
    for piece in &pieces {
        assert_eq!(piece.start, end, "no gap");
        assert!(text.is_char_boundary(piece.start) && text.is_char_boundary(piece.end));
        end = piece.end;
    }
    assert_eq!(end, text.len(), "nothing is left over");
    (given, pieces)
}

fn texts<'a>(text: &'a str, pieces: &[TokenPiece]) -> Vec<&'a str> {
    pieces.iter().map(|p| &text[p.start..p.end]).collect()
}

#[test]
fn a_character_made_of_four_tokens_comes_in_one_piece() {
    let tokenizer = samples::load(&samples::byte_level());
    let bytes = "a😀b".bytes().map(|b| u32::from(b) + 1).collect::<Vec<_>>();
    let (given, pieces) = streamed(&tokenizer, &bytes);
    assert_eq!(given, ["a", "😀", "b"]);
    assert_eq!(texts("a😀b", &pieces), ["a", "", "", "", "😀", "b"]);
}

#[test]
fn an_incomplete_character_is_flushed_at_the_end() {
    let tokenizer = samples::load(&samples::byte_level());
    let (given, _) = streamed(&tokenizer, &[1 + 0x61, 1 + 0xE5, 1 + 0x8F]);
    assert_eq!(given, ["a", "\u{FFFD}"]);
}

#[test]
fn the_first_space_goes_and_later_ones_stay() {
    for json in [samples::byte_fallback(), samples::metaspace()] {
        let tokenizer = samples::load(&json);
        let ids = tokenizer.encode("a a ab", true).unwrap();
        assert_eq!(ids[0], 1, "<s> comes first");
        let (given, _) = streamed(&tokenizer, &ids);
        assert_eq!(given.concat(), "a a ab");
        assert_eq!(given[0], "a");
    }
}

#[test]
fn byte_fallback_runs_wait_for_their_end() {
    let tokenizer = samples::load(&samples::byte_fallback());
    let a = tokenizer.encode("a", false).unwrap()[0];
    let valid: Vec<u32> = "😀é".bytes().map(|b| u32::from(b) + 3).chain([a]).collect();
    let (_, pieces) = streamed(&tokenizer, &valid);
    assert_eq!(texts("😀é a", &pieces), ["", "", "", "😀", "", "é", " a"]);
    // One byte too many spoils the run in this decoder, also what looked complete before.
    let (given, _) = streamed(&tokenizer, &[3 + 0xE5, 3 + 0x8F, 3 + 0xAB, 3 + 0x80, a]);
    assert_eq!(given.concat(), "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD} a");
}

#[test]
fn special_tokens_have_no_text() {
    let tokenizer = samples::load(&samples::byte_level());
    let (given, pieces) = streamed(&tokenizer, &[1 + 0x61, 0, 1 + 0x62]);
    assert_eq!(given, ["a", "b"]);
    assert_eq!(texts("ab", &pieces), ["a", "", "b"]);
}

fn ids_below(count: u32) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..count, 0..40)
}

proptest! {
    #[test]
    fn byte_level_streams_equal_the_whole(ids in ids_below(265)) {
        streamed(&samples::load(&samples::byte_level()), &ids);
    }

    #[test]
    fn byte_fallback_streams_equal_the_whole(ids in prop::collection::vec(prop_oneof![Just(1), 150u32..270, 225u32..235, 258u32..270], 0..40)) {
        streamed(&samples::load(&samples::byte_fallback()), &ids);
    }

    #[test]
    fn metaspace_streams_equal_the_whole(ids in prop::collection::vec(prop_oneof![0u32..6, 255u32..270], 0..40)) {
        streamed(&samples::load(&samples::metaspace()), &ids);
    }

    #[test]
    fn wordpiece_streams_equal_the_whole(ids in ids_below(14)) {
        streamed(&samples::load(&samples::wordpiece()), &ids);
    }

    #[test]
    fn byte_level_text_survives_the_round_trip(text in "\\PC{0,20}") {
        let tokenizer = samples::load(&samples::byte_level());
        let ids = tokenizer.encode(&text, true).unwrap();
        prop_assert_eq!(streamed(&tokenizer, &ids).0.concat(), text);
    }
}

#[test]
fn a_stop_string_across_tokens_ends_the_answer() {
    let tokenizer = samples::load(&samples::byte_level());
    let mut answer = tokenizer.answer(&["\n\nHuman:".to_owned()]);
    let mut shown = String::new();
    let mut stopped = false;
    for id in tokenizer.encode("One\ntwo.\n\nHuman: three", true).unwrap() {
        let step = answer.push(id);
        shown.push_str(&step.text);
        assert_eq!(answer.text(), shown);
        assert!(answer.pieces().iter().all(|p| p.end <= shown.len()));
        stopped = step.stopped;
        if stopped {
            break;
        }
    }
    assert!(stopped);
    assert!(answer.finish().text.is_empty());
    let (text, pieces) = answer.into_parts();
    assert_eq!((text.as_str(), shown.as_str()), ("One\ntwo.", "One\ntwo."));
    assert_eq!(pieces.last().unwrap().end, text.len());
}

#[test]
fn an_answer_that_ends_on_half_a_stop_string_keeps_it() {
    let tokenizer = samples::load(&samples::byte_level());
    let mut answer = tokenizer.answer(&["STOP".to_owned()]);
    let ids = tokenizer.encode("go ST", true).unwrap();
    let mut shown: String = ids.iter().map(|&id| answer.push(id).text).collect();
    assert_eq!(shown, "go ");
    shown.push_str(&answer.finish().text);
    assert_eq!(shown, "go ST");
    assert_eq!(answer.pieces().len(), ids.len());
}

#[test]
fn pairs_are_joined_by_the_tokenizer() {
    let tokenizer = samples::load(&samples::byte_fallback());
    let pair = tokenizer.encode_pair("a", "b", true).unwrap();
    let (a, b) = (
        tokenizer.encode("a", true).unwrap(),
        tokenizer.encode("b", true).unwrap(),
    );
    assert_eq!(pair, [a, b].concat());
}

#[test]
fn prompts_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    samples::write(folder.path(), &samples::byte_level());
    std::fs::write(
        folder.path().join("config.json"),
        r#"{"vocab_size": 100, "eos_token_id": [7, 8]}"#,
    )
    .unwrap();
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    assert_eq!(
        (tokenizer.vocabulary(), tokenizer.end_tokens()),
        (100, &[7, 8][..])
    );
    assert_eq!(
        tokenizer.encode_prompt(&Prompt::Tokens(vec![99])).unwrap(),
        [99]
    );
    let error = tokenizer
        .encode_prompt(&Prompt::Tokens(vec![1, 100]))
        .unwrap_err();
    assert!(matches!(
        error,
        Error::TokenOutOfRange {
            position: 1,
            id: 100,
            vocabulary: 100
        }
    ));
    assert!(matches!(
        tokenizer.encode_prompt(&Prompt::Text("zz".to_owned())),
        Err(Error::TokenOutOfRange { .. })
    ));
    assert!(matches!(
        tokenizer.encode_prompt(&Prompt::Tokens(Vec::new())),
        Err(Error::EmptyPrompt)
    ));
    assert!(matches!(
        tokenizer.encode_prompt(&Prompt::Text(String::new())),
        Err(Error::EmptyPrompt)
    ));
    assert!(!tokenizer.has_chat_template());
    // Never as plain text: the model was not trained on that.
    for prompt in [
        Prompt::Chat("A b".to_owned()),
        Prompt::Messages(vec![Message::user("A b")]),
    ] {
        let error = tokenizer.encode_prompt(&prompt).unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains("no chat template"),
            "{error}"
        );
    }

    std::fs::write(
        folder.path().join("generation_config.json"),
        r#"{"eos_token_id": 3}"#,
    )
    .unwrap();
    std::fs::write(
        folder.path().join("chat_template.jinja"),
        "U:{{ messages[0].content }}",
    )
    .unwrap();
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    // Those of config.json end an answer as well.
    assert_eq!(tokenizer.end_tokens(), [3, 7, 8]);
    assert_eq!(
        tokenizer
            .encode_prompt(&Prompt::Chat("A".to_owned()))
            .unwrap(),
        tokenizer.encode("U:A", false).unwrap()
    );
}

#[test]
fn without_a_tokenizer_only_text_fails() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), r#"{"vocab_size": 10}"#).unwrap();
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    assert!(!tokenizer.has_text());
    assert_eq!(
        tokenizer.encode_prompt(&Prompt::Tokens(vec![3])).unwrap(),
        [3]
    );
    assert!(matches!(
        tokenizer.encode("a", true),
        Err(Error::NoTokenizer { .. })
    ));
    assert!(matches!(
        tokenizer.decode(&[1]),
        Err(Error::NoTokenizer { .. })
    ));
    let mut stream = tokenizer.stream();
    assert_eq!(
        (stream.push(3), stream.push(4), stream.finish()),
        (None, None, None)
    );
    assert_eq!(
        stream.pieces(),
        [
            TokenPiece {
                id: 3,
                start: 0,
                end: 0
            },
            TokenPiece {
                id: 4,
                start: 0,
                end: 0
            }
        ]
    );
}

#[test]
fn broken_files_are_refused_by_name() {
    let cases: [(&str, &str); 5] = [
        ("tokenizer.json", "{"),
        ("tokenizer.json", r#"{"model": {"type": "Unheard"}}"#),
        ("config.json", r#"{"vocab_size": -1}"#),
        ("config.json", "[1]"),
        ("generation_config.json", r#"{"eos_token_id": "</s>"}"#),
    ];
    for (name, content) in cases {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), content).unwrap();
        let error = Tokenizer::load(folder.path()).unwrap_err();
        assert!(error.is_input(), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn truncation_and_padding_of_the_file_are_switched_off() {
    let mut json = samples::byte_level();
    json["truncation"] = serde_json::json!({"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0});
    json["padding"] = serde_json::json!({"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "<|end|>"});
    assert_ne!(json["truncation"], Value::Null);
    assert_eq!(samples::load(&json).encode("abcd", true).unwrap().len(), 4);
}

#[test]
fn tokens_that_stand_beside_the_tokenizer_are_added() {
    let folder = tempfile::tempdir().unwrap();
    samples::write(folder.path(), &samples::byte_level());
    let plain = Tokenizer::load(folder.path()).unwrap();
    let next = plain.own_vocabulary() as u32;
    let config = serde_json::json!({
        "eos_token": "the",
        "added_tokens_decoder": {
            next.to_string(): {"content": "<|turn|>", "special": true},
            (next + 1).to_string(): {"content": "<note>", "special": false},
        },
    });
    std::fs::write(
        folder.path().join("tokenizer_config.json"),
        config.to_string(),
    )
    .unwrap();
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    let ids = tokenizer.encode("a<|turn|><note>the", false).unwrap();
    let the = tokenizer.closing_token().unwrap();
    assert_eq!(ids, [1 + u32::from(b'a'), next, next + 1, the]);
    assert_eq!(tokenizer.decode(&ids).unwrap(), "a<note>");
}

#[test]
fn end_tokens_of_both_configurations_end_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    samples::write(folder.path(), &samples::byte_level());
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put(
        "config.json",
        r#"{"vocab_size": 300, "eos_token_id": [4, 5]}"#,
    );
    put("generation_config.json", r#"{"eos_token_id": [5, 6]}"#);
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    assert_eq!(tokenizer.end_tokens(), [5, 6, 4]);
}

#[test]
fn one_recorded_time_is_told_to_the_template() {
    let folder = tempfile::tempdir().unwrap();
    samples::write(folder.path(), &samples::byte_level());
    let source = "{{ strftime_now('%F %T') }}{{ messages[0].content }}";
    std::fs::write(folder.path().join("chat_template.jinja"), source).unwrap();
    let tokenizer = Tokenizer::load(folder.path()).unwrap();
    let given = |time| {
        let prompt = Prompt::Chat("!".to_owned());
        tokenizer.at(time).given(&prompt).unwrap().text
    };
    assert_eq!(given(Some(951_782_399)), "2000-02-28 23:59:59!");
    assert!(given(None).as_str() > "2026");
}
