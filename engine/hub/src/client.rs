//! Requests and their replies; redirections are followed by hand, so that the token stays with its host.

use std::time::Duration;

use paretoscope_engine::{Error, Result};
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::endpoint::{Endpoint, Origin, Token};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(15);
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);
/// Redirections of one request at most.
const REDIRECTS: usize = 8;

/// A request without a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// What a file is: its size and etag. A redirection to another host is the answer, not followed.
    Head,
    /// All of it from this byte on.
    Get(u64),
}

/// Why no reply came.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may come if it is asked for again.
    Again(String),
    /// It will not.
    Never(Error),
}

/// What asks.
pub(crate) struct Client {
    agent: Agent,
    pub(crate) endpoint: Endpoint,
    token: Option<Token>,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint, token: Option<Token>) -> Self {
        let mut config = Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            // What a status means is told here, and where the token goes.
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("paretoscope/", env!("CARGO_PKG_VERSION")));
        if endpoint.is_loopback() {
            config = config.proxy(None);
        }
        Self {
            agent: config.build().into(),
            endpoint,
            token,
        }
    }

    /// The reply to a request: status 200 or 206, or for [`Ask::Head`] a redirection elsewhere. `of` is what is asked for, in
    /// words.
    pub(crate) fn ask(&self, ask: Ask, path: &str, of: &str) -> Result<Response<Body>, Failure> {
        let mut address = self.endpoint.at(path);
        for _ in 0..REDIRECTS {
            let reply = self.once(ask, &address)?;
            let status = reply.status().as_u16();
            match status {
                200 | 206 => return Ok(reply),
                301 | 302 | 303 | 307 | 308 => {
                    let next =
                        redirected(&address, header(&reply, "location")).map_err(Failure::Never)?;
                    if ask == Ask::Head && Origin::of(&next) != Origin::of(&address) {
                        return Ok(reply);
                    }
                    address = next;
                }
                // All of it is here already, or the file is another one now.
                416 => return Ok(reply),
                408 | 425 | 429 | 500..=599 => {
                    return Err(Failure::Again(format!("status {status}")));
                }
                _ => return Err(Failure::Never(self.refused(status, of))),
            }
        }
        let problem = format!("{of}: sent on more than {REDIRECTS} times");
        Err(Failure::Never(Error::Endpoint(problem)))
    }

    fn once(&self, ask: Ask, address: &str) -> Result<Response<Body>, Failure> {
        let mut request = match ask {
            Ask::Head => self.agent.head(address),
            Ask::Get(_) => self.agent.get(address),
        };
        // Bytes as they are: what is counted and hashed is the file itself.
        request = request.header("Accept-Encoding", "identity");
        if let Ask::Get(from @ 1..) = ask {
            request = request.header("Range", format!("bytes={from}-"));
        }
        if let Some(Token(token)) = self
            .token
            .as_ref()
            .filter(|_| self.endpoint.trusts(address))
        {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request.call().map_err(|error| match error {
            ureq::Error::BadUri(problem) => {
                Failure::Never(Error::Endpoint(format!("{address}: {problem}")))
            }
            other => Failure::Again(other.to_string()),
        })
    }

    /// What a status says, and what would help.
    fn refused(&self, status: u16, of: &str) -> Error {
        let host = self.endpoint.as_str();
        let help = match (status, &self.token) {
            (401, None) => {
                "there is none of this name, or it asks for a token: put one that may read it into HF_TOKEN, or log in with `hf auth login`"
            }
            (401, Some(_)) => "the token is not known there, or there is none of this name",
            (403, _) => "the token may not read it; ask for access on its page there",
            (404, _) => "there is none; check the name and the revision",
            _ => "nothing was changed",
        };
        Error::option(of, format!("{host} says status {status}: {help}"))
    }
}

/// A header as text.
pub(crate) fn header<'r>(reply: &'r Response<Body>, name: &str) -> Option<&'r str> {
    reply.headers().get(name)?.to_str().ok()
}

/// Where a redirection leads: to an address, or to a path on the same host; never from a secure address to an open one.
fn redirected(from: &str, location: Option<&str>) -> Result<String> {
    let wrong = |problem: &str| Err(Error::Endpoint(format!("{from}: {problem}")));
    let Some(location) = location else {
        return wrong("sends elsewhere and does not say where");
    };
    let own = Origin::of(from);
    if location.starts_with('/') && !location.starts_with("//") {
        let own = own.map(|own| own.address()).unwrap_or_default();
        return Ok(format!("{own}{location}"));
    }
    match (own, Origin::of(location)) {
        (Some(own), Some(next)) if next.is_secure() || !own.is_secure() => Ok(location.to_owned()),
        _ => wrong("sends to an address that is not followed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_lead_on_and_never_down() {
        let to = |from: &str, location: &str| redirected(from, Some(location)).ok();
        let hub = "https://hub.example/a";
        assert_eq!(to(hub, "/b").as_deref(), Some("https://hub.example/b"));
        let cdn = "https://cdn.example/c?sign=1";
        assert_eq!(to(hub, cdn).as_deref(), Some(cdn));
        for wrong in [
            "http://hub.example/b",
            "//evil",
            "b",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(to(hub, wrong), None, "{wrong}");
        }
        assert!(redirected(hub, None).is_err());
        assert_eq!(
            to("http://127.0.0.1:1/a", "http://127.0.0.1:2/b").as_deref(),
            Some("http://127.0.0.1:2/b")
        );
    }
}
