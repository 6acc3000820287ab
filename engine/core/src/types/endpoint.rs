//! Where a judge is asked.

use serde::{Deserialize, Serialize};

use crate::Problem;

/// What OpenAI's interface calls a conversation.
const PATH: &str = "/chat/completions";

/// An address with OpenAI's interface, with nothing secret in it: it can be shown and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    url: String,
    loopback: bool,
}

impl Endpoint {
    /// From its base, e.g. `http://127.0.0.1:8000/v1`, or the whole address of its conversations.
    ///
    /// # Errors
    /// Where it is no address of HTTP, holds a password, or would send texts over a network unencrypted. What may be a secret
    /// is not said again.
    pub fn new(words: &str) -> Result<Self, Problem> {
        let Some((scheme, rest)) = words.trim().split_once("://") else {
            let problem = "is no address; write e.g. http://127.0.0.1:8000/v1";
            return Err(problem.into());
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        if rest.contains('@') {
            let problem =
                "holds a name or password; name an environment variable that holds the key instead";
            return Err(problem.into());
        }
        if rest.contains(['?', '#']) || rest.contains(char::is_whitespace) {
            let problem =
                "is no plain address of a host and a path; a key goes by an environment variable";
            return Err(problem.into());
        }
        let Some(host) = host(authority) else {
            let problem = "is no plain address: after its host there may be a port, which is a number, and a path";
            return Err(problem.into());
        };
        let loopback = is_loopback(host);
        match scheme {
            "https" => {}
            "http" if loopback => {}
            "http" => {
                return Err(format!(
                    "`{words}` would send prompts, answers and the key unencrypted over a network; use https, or http to \
                     this machine"
                )
                .into());
            }
            other => {
                return Err(format!(
                    "`{words}` begins with {other}; it must be https, or http to this machine"
                )
                .into());
            }
        }
        let base = rest.trim_end_matches('/');
        let path = if base.ends_with(PATH) { "" } else { PATH };
        Ok(Self {
            url: format!("{scheme}://{base}{path}"),
            loopback,
        })
    }

    /// What is called.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The machine, with its port where one is named.
    pub fn authority(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl TryFrom<String> for Endpoint {
    type Error = Problem;

    fn try_from(words: String) -> Result<Self, Problem> {
        Self::new(&words)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.url
    }
}

/// The host of `host`, `host:port` or `[address]:port`; `None` where it is none of them.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(six) => {
            let (host, rest) = six.split_once(']')?;
            match rest {
                "" => (host, None),
                rest => (host, Some(rest.strip_prefix(':')?)),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port_is_a_number = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    (!host.is_empty() && port_is_a_number).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    let numbers = host.parse::<std::net::IpAddr>();
    host == "localhost" || numbers.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed_or_refused() {
        let url = |words: &str| Endpoint::new(words).map(|e| (e.url().to_owned(), e.is_loopback()));
        for (words, whole, loopback) in [
            (
                "http://127.0.0.1:8000/v1",
                "http://127.0.0.1:8000/v1/chat/completions",
                true,
            ),
            (
                "http://[::1]:8/v1/",
                "http://[::1]:8/v1/chat/completions",
                true,
            ),
            (
                "http://localhost/v1",
                "http://localhost/v1/chat/completions",
                true,
            ),
            (
                "https://api.example.org/v1/chat/completions",
                "https://api.example.org/v1/chat/completions",
                false,
            ),
        ] {
            assert_eq!(url(words), Ok((whole.to_owned(), loopback)));
        }
        for (words, why) in [
            ("api.example.org/v1", "is no address"),
            ("http://api.example.org/v1", "unencrypted"),
            ("http://127.0.0.1.example.org/v1", "unencrypted"),
            ("https://me:secret@api.example.org/v1", "variable"),
            // As it stands while it is typed.
            ("https://me:secret", "a port"),
            ("ftp://127.0.0.1/v1", "begins with ftp"),
            ("https:///v1", "no plain address"),
            ("https://api.example.org/v1?key=secret", "no plain address"),
        ] {
            let problem = url(words).unwrap_err().to_string();
            assert!(problem.contains(why), "{problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
    }

    #[test]
    fn an_address_says_its_machine_and_is_read_by_the_same_rule() {
        let machine = |words: &str| Endpoint::new(words).unwrap().authority().to_owned();
        assert_eq!(machine("http://127.0.0.1:8000/v1"), "127.0.0.1:8000");
        assert_eq!(machine("https://api.example.org/v1"), "api.example.org");
        let kept = serde_json::to_string(&Endpoint::new("http://[::1]:8/v1").unwrap()).unwrap();
        let read: Endpoint = serde_json::from_str(&kept).unwrap();
        assert_eq!(read.url(), "http://[::1]:8/v1/chat/completions");
        assert!(serde_json::from_str::<Endpoint>("\"http://example.org\"").is_err());
    }
}
