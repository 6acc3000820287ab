//! What a hub says of a model: its commit, its files, and the size and etag of each.

use paretoscope_engine::hub::{HubId, is_commit, is_path};
use paretoscope_engine::{Error, Result};
use serde::Deserialize;

use crate::client::{Ask, Client, Failure, header};

/// Bytes of a listing at most.
const LARGEST: u64 = 32 << 20;
/// Files of a model at most.
const MOST_FILES: usize = 100_000;
/// Bytes of a file at most: what no disk has is no size.
const MOST_BYTES: u64 = 1 << 46;

/// A commit and its files.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) commit: String,
    /// Those with names that are safe as paths; of the others none is read here.
    pub(crate) files: Vec<String>,
}

/// What is known of a file before it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    /// The name of its blob; 64 hexadecimal digits are the SHA-256 of its bytes.
    pub(crate) etag: String,
    pub(crate) size: u64,
}

#[derive(Deserialize)]
struct Said {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Client {
    /// The files of a name's revision.
    pub(crate) fn listing(&self, id: &HubId) -> Result<Listing, Failure> {
        let path = format!(
            "/api/models/{}/revision/{}",
            id.repo(),
            encoded(id.revision())
        );
        let mut reply = self.ask(Ask::Get(0), &path, &format!("{id}, taken as a hub id"))?;
        let text = reply.body_mut().with_config().limit(LARGEST);
        let text = text
            .read_to_string()
            .map_err(|error| Failure::Again(error.to_string()))?;
        let said: Said = serde_json::from_str(&text)
            .map_err(|error| Failure::Again(format!("its list of files is not read: {error}")))?;
        let wrong = |problem: String| {
            let host = self.endpoint.as_str();
            Failure::Never(Error::Endpoint(format!("{host} says of {id} {problem}")))
        };
        if !is_commit(&said.sha) {
            return Err(wrong("no commit of 40 hexadecimal digits".to_owned()));
        }
        if said.siblings.len() > MOST_FILES {
            return Err(wrong(format!("more than {MOST_FILES} files")));
        }
        let names = said.siblings.into_iter().map(|file| file.rfilename);
        Ok(Listing {
            commit: said.sha,
            files: names.filter(|name| is_path(name)).collect(),
        })
    }

    /// Size and etag of a file.
    pub(crate) fn about(&self, id: &HubId, commit: &str, file: &str) -> Result<About, Failure> {
        let of = format!("{}/{file}", id.repo());
        let reply = self.ask(Ask::Head, &place(id, commit, file), &of)?;
        let wrong = |problem: &str| Failure::Never(Error::Endpoint(format!("{of}: {problem}")));
        if header(&reply, "x-repo-commit").is_some_and(|said| said != commit) {
            return Err(wrong("is of another commit than its list; ask again"));
        }
        let etag = header(&reply, "x-linked-etag").or_else(|| header(&reply, "etag"));
        let etag = etag.unwrap_or_default().trim_start_matches("W/");
        let etag = etag.trim_matches('"').to_owned();
        // It becomes the name of a file.
        if !is_path(&etag) || etag.contains('/') {
            return Err(wrong("has no etag that could name it in the cache"));
        }
        let size = header(&reply, "x-linked-size").or_else(|| header(&reply, "content-length"));
        let size = size.and_then(|size| size.trim().parse().ok());
        match size.filter(|size| *size <= MOST_BYTES) {
            Some(size) => Ok(About { etag, size }),
            None => Err(wrong("does not say how large it is")),
        }
    }
}

/// The path of a file's bytes.
pub(crate) fn place(id: &HubId, commit: &str, file: &str) -> String {
    let parts: Vec<String> = file.split('/').map(encoded).collect();
    format!("/{}/resolve/{commit}/{}", id.repo(), parts.join("/"))
}

/// A text as one part of an address.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_into_addresses() {
        assert_eq!(encoded("refs/pr/1"), "refs%2Fpr%2F1");
        let id: HubId = "org/name".parse().unwrap();
        assert_eq!(
            place(&id, "abc", "sub/a.gguf"),
            "/org/name/resolve/abc/sub/a.gguf"
        );
    }
}
