//! Whole files in every format.

use std::path::{Path, PathBuf};

use super::*;
use crate::types::Message;

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/data")
        .join(name)
}

fn kinds<T>(lines: &Lines<T>) -> Vec<(usize, &str)> {
    lines.errors.iter().map(|(l, f)| (*l, f.kind())).collect()
}

#[test]
fn both_supervised_forms_are_read() {
    let file = file("{\"prompt\": \"a\", \"response\": \"b\"}\n\n{\"text\": \"c\"}\n");
    let read = read_examples(file.path()).unwrap();
    assert!(read.errors.is_empty());
    let example = |prompt: &str, response: &str| TextExample {
        prompt: Prompt::Text(prompt.into()),
        response: response.into(),
    };
    assert_eq!(read.items, [(1, example("a", "b")), (3, example("", "c"))]);
}

#[test]
fn dialogues_are_split_at_the_last_answer() {
    let chosen = r"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: good";
    let rejected = r"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: bad";
    let file = file(&format!(
        "{{\"chosen\": \"{chosen}\", \"rejected\": \"{rejected}\"}}"
    ));
    let (_, pair) = read_pairs(file.path()).unwrap().items.remove(0);
    let words = pair.chosen.prompt.words().unwrap();
    assert!(words.ends_with("Human: c\n\nAssistant:"));
    assert_eq!(pair.chosen.prompt, pair.rejected.prompt);
    assert_eq!(
        (
            pair.chosen.response.as_str(),
            pair.rejected.response.as_str()
        ),
        (" good", " bad")
    );
}

#[test]
fn bad_lines_are_named_by_number() {
    let pairs = |text: &str| {
        let read = read_pairs(file(text).path()).unwrap();
        read.settle(false).unwrap_err().to_string()
    };
    let good = r#"{"prompt": "p", "chosen": "a", "rejected": "b"}"#;
    assert!(
        pairs(&format!("{good}\n{{\"chosen\": \"x\"}}\n"))
            .contains("line 2: needs `chosen` and `rejected`")
    );
    assert!(pairs(&format!("{good}\n\nnot json")).contains("line 3"));
    assert!(pairs(r#"{"chosen": "x", "rejected": "y"}"#).contains("line 1: has no `prompt`"));
    let examples = read_examples(file(good).path()).unwrap().settle(false);
    let examples = examples.unwrap_err();
    assert!(examples.is_input() && examples.to_string().contains("line 1"));
    assert!(
        read_examples(file("\n").path())
            .unwrap_err()
            .to_string()
            .contains("no examples")
    );
}

#[test]
fn every_fault_is_found_where_it_is() {
    let text = [
        r#"{"prompt": "p", "chosen": "a", "rejected": "b"}"#,
        r#"{"prompt": "p", "chosen": " ", "rejected": "b"}"#,
        r#"{"prompt": "p", "chosen": "a", "rejected": ""}"#,
        r#"{"prompt": "p", "chosen": "a", "rejected": "a"}"#,
        "{",
    ]
    .join("\n");
    let file = file(&text);
    let mut bytes = text.into_bytes();
    bytes.extend(b"\n{\"prompt\": \"\xff\", \"chosen\": \"a\", \"rejected\": \"b\"}");
    std::fs::write(file.path(), bytes).unwrap();
    let read = read_pairs(file.path()).unwrap();
    assert_eq!(read.items.len(), 1);
    let kinds: Vec<(usize, &str)> = read.errors.iter().map(|(l, f)| (*l, f.kind())).collect();
    assert_eq!(
        kinds,
        [
            (2, "empty answer"),
            (3, "empty answer"),
            (4, "chosen equal to rejected"),
            (5, "bad line"),
            (6, "bad line")
        ]
    );
    assert_eq!(read.errors[1].1, LineError::EmptyAnswer("rejected"));
    assert_eq!(
        read.settle(true).unwrap().skipped.values().sum::<usize>(),
        5
    );
}

#[test]
fn a_bad_element_of_an_array_is_its_own_fault() {
    let text = r#"[{"prompt": "a", "response": "b"}, {"prompt": "\ud800", "response": "c"},
        {"prompt": "a" "response": "b"}, 5, {"prompt": "d", "response": "e"}]"#;
    let read = read_examples(file(text).path()).unwrap();
    let good: Vec<usize> = read.items.iter().map(|(place, _)| *place).collect();
    assert_eq!(good, [1, 5]);
    assert_eq!(kinds(&read), [2, 3, 4].map(|place| (place, "bad line")));
    let error = read.settle(false).unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains("element 2"),
        "{error}"
    );
    let cut = read_examples(file(&text[..60]).path()).unwrap();
    assert!(
        cut.settle(false)
            .unwrap_err()
            .to_string()
            .contains("element 2")
    );
    let none = read_examples(file(" [ ] ").path()).unwrap_err();
    assert!(none.to_string().contains("no examples"), "{none}");
}

#[test]
fn answers_that_are_not_there_are_empty_ones() {
    let pairs = [
        r#"{"prompt": "p", "chosen": null, "rejected": "b"}"#,
        r#"{"prompt": "p", "chosen": "a", "rejected": []}"#,
        r#"{"chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": null}], "rejected": "b"}"#,
    ];
    let read = read_pairs(file(&pairs.join("\n")).path()).unwrap();
    assert_eq!(read.counts()["empty answer"], 2);
    let examples = [
        r#"{"prompt": "p", "response": null}"#,
        r#"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": " "}]}"#,
        r#"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": null}]}"#,
        r#"{"instruction": "p", "output": ""}"#,
    ];
    let read = read_examples(file(&examples.join("\n")).path()).unwrap();
    assert_eq!(read.counts()["empty answer"], 4);
}

#[test]
fn parquet_rows_are_what_lines_would_be() {
    let pairs = read_pairs(&fixture("pairs.parquet")).unwrap();
    assert!(pairs.errors.is_empty() && pairs.unit == Unit::Row);
    let found: Vec<_> = pairs
        .items
        .iter()
        .map(|(row, pair)| {
            let Prompt::Messages(turns) = &pair.chosen.prompt else {
                panic!("{:?}", pair.chosen.prompt);
            };
            let answers = (
                pair.chosen.response.as_str(),
                pair.rejected.response.as_str(),
            );
            (*row, turns[0].content.as_str(), answers)
        })
        .collect();
    assert_eq!(
        found,
        [
            (1, "Why?", ("Because.", "No.")),
            (2, "How?", ("So.", "Grün, 漢."))
        ]
    );

    let examples = read_examples(&fixture("messages.parquet")).unwrap();
    let last = &examples.items[1].1;
    let turns = [
        Message::system("Be brief."),
        Message::user("A"),
        Message::assistant("B"),
        Message::user("C"),
    ];
    assert_eq!(last.prompt, Prompt::Messages(turns.to_vec()));
    assert_eq!(last.response, "D");
    assert_eq!(kinds(&examples), [(3, "bad line")]);
    let error = examples.settle(false).unwrap_err().to_string();
    assert!(error.contains("row 3"), "{error}");
}

/// Cut short anywhere, and with any byte another: an error with the file's name, or other rows, but no panic.
#[test]
fn broken_parquet_is_refused() {
    for name in ["pairs.parquet", "messages.parquet"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let broken = tempfile::NamedTempFile::new().unwrap();
        let read = |bytes: &[u8]| {
            std::fs::write(broken.path(), bytes).unwrap();
            read_pairs(broken.path()).map(drop)
        };
        for end in (4..whole.len()).step_by(37) {
            let error = read(&whole[..end]).unwrap_err();
            assert!(
                error.is_input() && error.to_string().contains("Parquet"),
                "{error}"
            );
        }
        for place in (4..whole.len()).step_by(3) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x41;
            if let Err(error) = read(&bytes) {
                assert!(error.is_input(), "byte {place}: {error}");
            }
        }
    }
}
