//! Names: of contents by their hash, of events by their time.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::RngCore as _;
use sha2::{Digest as _, Sha256};

use crate::types::{Point, Prompt, RowGates};

/// A name that is the same in every file: 32 bytes of a hash for contents, 16 bytes ordered by time for events.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(pub Vec<u8>);

impl Uid {
    /// Of an event that happens now, `created` milliseconds after 1970: 6 bytes of time, 4 that count this process's
    /// events, 6 of chance.
    pub fn event(created: i64) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut bytes = created.to_be_bytes()[2..].to_vec();
        bytes.extend(COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes.resize(16, 0);
        rand::rng().fill_bytes(&mut bytes[10..]);
        Self(bytes)
    }

    /// When the event of this name happened, in milliseconds after 1970; `None` for a hash, and for a time that has not
    /// come yet.
    pub(super) fn time(&self) -> Option<i64> {
        let [a, b, c, d, e, f, ..] = <[u8; 16]>::try_from(self.0.as_slice()).ok()?;
        let created = i64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        (created <= now()).then_some(created)
    }

    /// Of a prompt.
    pub fn prompt(prompt: &Prompt) -> Self {
        let mut fields = Fields::new("paretoscope prompt 1");
        fields.prompt(prompt);
        fields.uid()
    }

    /// Of a point.
    pub fn point(point: &Point) -> Self {
        let mut fields = Fields::new("paretoscope point 1");
        fields.point(point);
        fields.uid()
    }

    /// From the words of [`fmt::Display`]; `None` for anything else.
    pub fn parse(words: &str) -> Option<Self> {
        let pairs = words.as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).ok().filter(|t| t.len() == 2)?;
            u8::from_str_radix(text, 16).ok()
        };
        let bytes: Vec<u8> = pairs.map(byte).collect::<Option<_>>()?;
        matches!(bytes.len(), 16 | 32).then_some(Self(bytes))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Milliseconds since 1970, UTC.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| {
        i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
    })
}

/// A hash over fields, each with its length before it, so that no two lists of fields run together into the same bytes.
#[derive(Debug, Clone)]
pub struct Fields(Sha256);

impl Fields {
    /// Begins a hash of a format, which names what is hashed and the version of its encoding.
    pub fn new(format: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.text(format);
        fields
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    /// A row's gates.
    pub fn gates(&mut self, gates: &RowGates) {
        self.singles(&gates.adapters);
        self.singles(&gates.routers);
        self.count(gates.muted.len());
        gates.muted.iter().for_each(|&muted| self.count(muted));
    }

    /// Several texts.
    pub fn texts(&mut self, texts: &[String]) {
        self.count(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    /// A whole number.
    pub fn whole(&mut self, value: u64) {
        self.0.update(value.to_le_bytes());
    }

    /// A number of things.
    pub fn count(&mut self, value: usize) {
        self.whole(value as u64);
    }

    /// A number, by its bits; -0 counts as 0.
    pub fn number(&mut self, value: f64) {
        self.whole((value + 0.0).to_bits());
    }

    /// Numbers of 32 bits.
    pub fn singles(&mut self, values: &[f32]) {
        self.count(values.len());
        for &value in values {
            self.whole(u64::from((value + 0.0).to_bits()));
        }
    }

    /// Token ids.
    pub fn ids(&mut self, ids: &[u32]) {
        self.count(ids.len());
        for &id in ids {
            self.whole(u64::from(id));
        }
    }

    /// A point, with its kind.
    pub fn point(&mut self, point: &Point) {
        self.text(super::encode::point_kind(point));
        self.count(point.as_slice().len());
        for &value in point.as_slice() {
            self.number(value);
        }
    }

    /// A prompt, with its kind.
    pub fn prompt(&mut self, prompt: &Prompt) {
        match prompt {
            Prompt::Text(text) => {
                self.text("text");
                self.text(text);
            }
            Prompt::Chat(text) => {
                self.text("chat");
                self.text(text);
            }
            Prompt::Messages(turns) => {
                self.text("messages");
                self.count(turns.len());
                for turn in turns {
                    self.text(&turn.role);
                    self.text(&turn.content);
                    // A template tells parts from a text; a text adds nothing here.
                    if let Some(parts) = turn.given_parts() {
                        self.texts(parts);
                    }
                }
            }
            Prompt::Tokens(tokens) => {
                self.text("tokens");
                self.ids(tokens);
            }
        }
    }

    /// The hash.
    pub fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The hash as a name.
    pub fn uid(self) -> Uid {
        Uid(self.digest().to_vec())
    }
}
