//! A stub of an OpenAI-compatible endpoint on this machine, which counts what it is sent.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// What the stub does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Answers with a text, as a model would.
    Say(&'static str),
    /// Answers with a status, headers and a body.
    Raw(u16, &'static str, String),
    /// Closes the connection without a word.
    Drop,
    /// Says nothing for longer than anybody waits.
    Hang,
}

/// Decides by the request's content; the script's acts come first.
pub(crate) type Mind = fn(&str) -> Act;

/// A server of one request per connection.
pub(crate) struct Stub {
    /// The base of its address.
    pub(crate) url: String,
    /// Bodies and header lines of all requests.
    pub(crate) seen: Arc<Mutex<Vec<(Value, String)>>>,
    script: Arc<Mutex<VecDeque<Act>>>,
}

impl Stub {
    /// Listens at a port that is free.
    pub(crate) fn new(mind: Mind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let stub = Self {
            url,
            seen: Arc::default(),
            script: Arc::default(),
        };
        let (seen, script) = (Arc::clone(&stub.seen), Arc::clone(&stub.script));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                std::thread::spawn(move || serve(stream, mind, &seen, &script));
            }
        });
        stub
    }

    /// What it does with the next requests.
    pub(crate) fn script(&self, acts: impl IntoIterator<Item = Act>) {
        self.script.lock().expect("a lock").extend(acts);
    }

    /// Requests so far.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().expect("a lock").len()
    }
}

/// One request per connection.
fn serve(
    mut stream: TcpStream,
    mind: Mind,
    seen: &Mutex<Vec<(Value, String)>>,
    script: &Mutex<VecDeque<Act>>,
) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let content = body["messages"][0]["content"]
        .as_str()
        .expect("a content")
        .to_owned();
    seen.lock().expect("a lock").push((body, head));
    let act = script
        .lock()
        .expect("a lock")
        .pop_front()
        .unwrap_or_else(|| mind(&content));
    let (status, headers, body) = match act {
        Act::Say(text) => {
            let reply = json!({"choices": [{"message": {"role": "assistant", "content": text}}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 2}});
            (200, "", reply.to_string())
        }
        Act::Raw(status, headers, body) => (status, headers, body),
        Act::Drop => return,
        Act::Hang => {
            std::thread::sleep(Duration::from_secs(5));
            return;
        }
    };
    let reply = format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    );
    // Whoever asked may be gone.
    let _gone = stream.write_all(reply.as_bytes());
}

/// The two answers of a request, as they were shown.
pub(crate) fn shown(content: &str) -> [&str; 2] {
    ["A", "B"].map(|name| {
        let from = content
            .split(&format!("<answer {name}>\n"))
            .nth(1)
            .expect("an answer");
        from.split(&format!("\n</answer {name}>"))
            .next()
            .expect("its end")
    })
}

/// The answer that sorts first is better, wherever it stands.
pub(crate) fn by_text(content: &str) -> Act {
    let [first, second] = shown(content);
    Act::Say(if first < second { "A" } else { "B" })
}

/// Whatever stands first is better.
pub(crate) fn by_place(_content: &str) -> Act {
    Act::Say("Answer A")
}
