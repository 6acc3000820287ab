//! A fetch from a hub on this machine, as one goes well and as they go wrong.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use paretoscope_engine::hub::{Cache, Fetch as _, Fetched, HubId, Look};
use paretoscope_engine::{Error, Result};
use sha2::{Digest as _, Sha256};

use crate::server::{Heard, Reply, Server, reply};
use crate::{Downloader, Endpoint, Token};
use paretoscope_engine::digest::hexadecimal;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const CONFIG: &[u8] = br#"{"model_type": "llama"}"#;

fn weights() -> Vec<u8> {
    (0..700_000_u32).map(|i| (i * 31 % 251) as u8).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// A hub with `org/name`: settings at the hub itself, weights at `cdn` after a redirection.
#[derive(Clone)]
struct Hub {
    cdn: String,
    /// What the weights' etag promises.
    hash: String,
    /// Whether a token is needed.
    gated: bool,
}

impl Hub {
    fn say(&self, heard: &Heard) -> Reply {
        if self.gated && !heard.headers.contains_key("authorization") {
            return reply(401, &[], b"", 0);
        }
        let small = [("ETag", "\"c0ffee\""), ("X-Repo-Commit", COMMIT)];
        let resolve = format!("/org/name/resolve/{COMMIT}");
        let config = format!("{resolve}/config.json");
        let model = format!("{resolve}/model.safetensors");
        match heard.line.split_once(' ') {
            Some(("GET", "/api/models/org/name/revision/main")) => {
                let body = format!(
                    r#"{{"sha": "{COMMIT}", "siblings": [{{"rfilename": "model.safetensors"}}, {{"rfilename": "config.json"}}, {{"rfilename": "../evil.json"}}, {{"rfilename": "README.md"}}]}}"#
                );
                reply(200, &[], body.as_bytes(), body.len())
            }
            Some(("HEAD", path)) if path == config => reply(200, &small, b"", CONFIG.len()),
            Some(("GET", path)) if path == config => reply(200, &small, CONFIG, CONFIG.len()),
            Some((_, path)) if path == model => {
                let to = format!("{}/blob?signed=1", self.cdn);
                let (etag, size) = (format!("\"{}\"", self.hash), weights().len().to_string());
                let headers = [
                    ("Location", to.as_str()),
                    ("X-Repo-Commit", COMMIT),
                    ("X-Linked-Etag", &etag),
                    ("X-Linked-Size", &size),
                    ("ETag", "\"of-the-page\""),
                ];
                reply(302, &headers, b"", 0)
            }
            _ => reply(404, &[], b"", 0),
        }
    }
}

/// The bytes of a file from where they are asked for: 206, or 200 for all.
fn bytes_from(heard: &Heard, bytes: &[u8], cut: Option<usize>) -> Reply {
    let from = heard.first() as usize;
    let rest = &bytes[from..];
    let sent = &rest[..cut.unwrap_or(rest.len()).min(rest.len())];
    if from == 0 {
        return reply(200, &[], sent, rest.len());
    }
    let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
    reply(206, &[("Content-Range", &range)], sent, rest.len())
}

struct Bench {
    hub: Server,
    cdn: Server,
    cache: Cache,
    _folder: tempfile::TempDir,
    downloader: Downloader,
}

impl Bench {
    /// `cdn` says what comes of a request for the weights; `hub` changes the hub.
    fn new(
        cdn: impl Fn(usize, &Heard) -> Reply + Send + 'static,
        hub: impl Fn(Hub) -> Hub,
        token: Option<&str>,
    ) -> Self {
        let cdn = Server::new(cdn);
        let usual = Hub {
            cdn: cdn.address.clone(),
            hash: sha256(&weights()),
            gated: false,
        };
        let hub = hub(usual);
        let hub = Server::new(move |_, heard| hub.say(heard));
        let folder = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::new(&hub.address).unwrap();
        let token = token.map(|token| Token(token.to_owned()));
        Self {
            cache: Cache::at(folder.path()),
            downloader: Downloader::new(endpoint, token).with_pause(Duration::from_millis(1)),
            hub,
            cdn,
            _folder: folder,
        }
    }

    fn fetch(&self, id: &str, progress: &mut dyn FnMut(Fetched) -> Result<()>) -> Result<()> {
        let id: HubId = id.parse().unwrap();
        self.downloader.fetch(&id, &self.cache, progress)
    }

    fn fails(&self, id: &str) -> Error {
        self.fetch(id, &mut |_| Ok(())).unwrap_err()
    }

    fn blobs(&self) -> PathBuf {
        self.cache.root().join("models--org--name/blobs")
    }

    fn look(&self) -> Look {
        self.cache.look(&"org/name".parse().unwrap()).unwrap()
    }
}

#[test]
fn a_model_comes_with_its_links_and_the_token_stays_at_its_host() {
    let bench = Bench::new(
        |_, heard| bytes_from(heard, &weights(), None),
        |hub| Hub { gated: true, ..hub },
        Some("hf_secret"),
    );
    let mut told = Vec::new();
    bench
        .fetch("org/name", &mut |fetched| {
            told.push(fetched);
            Ok(())
        })
        .unwrap();
    let Look::Here(place) = bench.look() else {
        panic!("it is here")
    };
    assert_eq!(std::fs::read(place.join("config.json")).unwrap(), CONFIG);
    assert_eq!(
        std::fs::read(place.join("model.safetensors")).unwrap(),
        weights()
    );
    assert!(
        !place.join("README.md").exists(),
        "what is not read is not brought"
    );
    let blob = bench.blobs().join(sha256(&weights()));
    assert!(blob.is_file() && bench.blobs().join("c0ffee").is_file());
    #[cfg(unix)]
    assert_eq!(
        std::fs::read_link(place.join("model.safetensors")).unwrap(),
        PathBuf::from("../../blobs").join(sha256(&weights()))
    );
    // By bytes, of all of them, never backwards.
    let all = (CONFIG.len() + weights().len()) as u64;
    assert_eq!(
        told.last(),
        Some(&Fetched {
            bytes: all,
            of: all
        })
    );
    assert!(told.is_sorted_by_key(|fetched| fetched.bytes));
    for heard in bench.hub.heard() {
        assert_eq!(heard.headers["authorization"], "Bearer hf_secret");
    }
    for heard in bench.cdn.heard() {
        assert!(!heard.headers.contains_key("authorization"), "{heard:?}");
    }
    // Once more: what is here is not brought again.
    let before = bench.cdn.heard().len();
    bench.fetch("org/name", &mut |_| Ok(())).unwrap();
    assert_eq!(bench.cdn.heard().len(), before);
}

#[test]
fn a_cut_connection_goes_on_where_it_was_cut() {
    let bench = Bench::new(
        |count, heard| bytes_from(heard, &weights(), (count < 2).then_some(300_000)),
        |hub| hub,
        None,
    );
    bench.fetch("org/name", &mut |_| Ok(())).unwrap();
    let asked: Vec<u64> = bench.cdn.heard().iter().map(Heard::first).collect();
    assert_eq!(asked.len(), 3);
    assert!(
        asked[0] == 0 && asked[1] > 0 && asked[2] > asked[1],
        "{asked:?}"
    );
    assert!(matches!(bench.look(), Look::Here(_)));
}

#[test]
fn a_stop_keeps_what_came_and_a_server_without_ranges_begins_anew() {
    let stopped = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&stopped);
    let bench = Bench::new(
        move |_, heard| {
            let whole = Heard {
                headers: Default::default(),
                ..heard.clone()
            };
            // After the stop: 200 with all of it, whatever was asked for.
            let cut = (seen.load(Ordering::Relaxed) == 0).then_some(400_000);
            bytes_from(&whole, &weights(), cut)
        },
        |hub| hub,
        None,
    );
    let stop = bench.fetch("org/name", &mut |fetched| {
        if fetched.bytes > 200_000 {
            stopped.store(1, Ordering::Relaxed);
            return Err(Error::Cancelled);
        }
        Ok(())
    });
    assert!(matches!(stop, Err(Error::Cancelled)));
    let part = format!("{}.incomplete", sha256(&weights()));
    let kept = std::fs::metadata(bench.blobs().join(&part)).unwrap().len();
    assert!(kept > 200_000, "{kept}");
    assert!(matches!(bench.look(), Look::Missing(_)));
    bench.fetch("org/name", &mut |_| Ok(())).unwrap();
    assert!(bench.cdn.heard().last().unwrap().first() >= kept);
    assert!(matches!(bench.look(), Look::Here(_)));
    assert!(!bench.blobs().join(part).exists());
}

#[test]
fn what_is_not_what_was_promised_is_not_kept() {
    let other = || {
        let mut other = weights();
        other[5] ^= 1;
        other
    };
    let bench = Bench::new(
        move |_, heard| bytes_from(heard, &other(), None),
        |h| h,
        None,
    );
    let said = bench.fails("org/name").to_string();
    assert!(said.contains("SHA-256") && said.contains("anew"), "{said}");
    let part = bench
        .blobs()
        .join(format!("{}.incomplete", sha256(&weights())));
    assert_eq!(std::fs::metadata(part).unwrap().len(), 0);
    assert!(matches!(bench.look(), Look::Missing(_)));
    // More bytes than were promised.
    let longer = || [weights(), vec![0; 10]].concat();
    let bench = Bench::new(
        move |_, heard| bytes_from(heard, &longer(), None),
        |h| h,
        None,
    );
    let said = bench.fails("org/name").to_string();
    assert!(said.contains("more came than its 700000 bytes"), "{said}");
}

#[test]
fn refusals_say_what_would_help_and_never_the_token() {
    let none = |_: usize, heard: &Heard| bytes_from(heard, &weights(), None);
    let gated = |hub: Hub| Hub { gated: true, ..hub };
    let bench = Bench::new(none, gated, None);
    let error = bench.fails("org/name");
    let said = error.to_string();
    assert!(error.is_input() && said.contains("401"), "{said}");
    assert!(said.contains("HF_TOKEN") && said.contains("hf auth login"));
    let bench = Bench::new(none, |hub| hub, Some("hf_secret"));
    let error = bench.fails("org/other");
    let said = error.to_string();
    assert!(error.is_input() && said.contains("404"), "{said}");
    assert!(said.contains("check the name") && !said.contains("hf_secret"));
    assert!(!bench.cache.root().join("models--org--other").exists());
}

#[test]
fn a_hub_that_is_busy_is_asked_again_and_not_for_ever() {
    let bench = Bench::new(|_, _| reply(503, &[], b"", 0), |hub| hub, None);
    let error = bench.fails("org/name");
    let said = error.to_string();
    assert!(!error.is_input(), "{said}");
    assert!(
        said.contains("503, 5 times; nothing more was fetched"),
        "{said}"
    );
    assert_eq!(bench.cdn.heard().len(), 5);
}

#[test]
fn a_second_program_waits_its_turn() {
    let bench = Bench::new(|_, heard| bytes_from(heard, &weights(), None), |h| h, None);
    std::fs::create_dir_all(bench.blobs()).unwrap();
    let part = bench
        .blobs()
        .join(format!("{}.incomplete", sha256(&weights())));
    let held = std::fs::File::create(part).unwrap();
    held.lock().unwrap();
    let said = bench.fails("org/name").to_string();
    assert!(said.contains("another program"), "{said}");
    drop(held);
    bench.fetch("org/name", &mut |_| Ok(())).unwrap();
    assert!(matches!(bench.look(), Look::Here(_)));
}
