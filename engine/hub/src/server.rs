//! A hub of one model on this machine, for tests: it says what it is told to say, once per request.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// `GET /path`.
    pub(crate) line: String,
    /// By name in small letters.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Heard {
    /// The first byte that is asked for.
    pub(crate) fn first(&self) -> u64 {
        let range = self.headers.get("range").map(String::as_str).unwrap_or("");
        let start = range.trim_start_matches("bytes=").trim_end_matches('-');
        start.parse().unwrap_or(0)
    }
}

/// What is said: the whole reply, after which the connection ends.
pub(crate) type Reply = Vec<u8>;

/// A reply with headers and a body; `length` where it says another than the body has.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: &[u8], length: usize) -> Reply {
    let mut head =
        format!("HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut all = format!("{head}\r\n").into_bytes();
    all.extend_from_slice(body);
    all
}

/// The server; it ends with the last request that it is asked to hear.
pub(crate) struct Server {
    pub(crate) address: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    listener: Arc<TcpListener>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers every request by `say`, which is told how many came before.
    pub(crate) fn new(say: impl Fn(usize, &Heard) -> Reply + Send + 'static) -> Self {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (ear, own) = (Arc::clone(&heard), Arc::clone(&listener));
        let thread = std::thread::spawn(move || {
            for (count, stream) in own.incoming().enumerate() {
                let stream = stream.unwrap();
                let Some(asked) = hear(&stream) else { return };
                let said = say(count, &asked);
                ear.lock().unwrap().push(asked);
                // Whoever stopped listening has heard enough.
                let _gone = (&stream).write_all(&said);
            }
        });
        Self {
            address,
            heard,
            listener,
            thread: Some(thread),
        }
    }

    /// Requests so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A connection without a request ends it.
        let address = self.listener.local_addr().unwrap();
        drop(TcpStream::connect(address));
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn hear(stream: &TcpStream) -> Option<Heard> {
    let mut lines = BufReader::new(stream).lines();
    let line = lines.next()?.ok()?;
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = BTreeMap::new();
    for header in lines {
        let header = header.ok()?;
        match header.split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => break,
        };
    }
    Some(Heard { line, headers })
}
