//! Where a judge is asked.

use crate::{Error, Result};

/// What OpenAI's interface calls a conversation.
const PATH: &str = "/chat/completions";

/// An endpoint with OpenAI's interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    loopback: bool,
}

impl Endpoint {
    /// From its base, e.g. `http://127.0.0.1:8000/v1`, or the whole address of its conversations.
    ///
    /// # Errors
    /// [`Error::Option`] where it is no address of HTTP, holds a password, or would send texts over a network unencrypted.
    pub fn new(words: &str) -> Result<Self> {
        let wrong = |problem: String| {
            Err(Error::Option {
                name: "--endpoint",
                problem: format!("`{words}` {problem}"),
            })
        };
        let Some((scheme, rest)) = words.trim().split_once("://") else {
            return wrong("is no address; write e.g. http://127.0.0.1:8000/v1".to_owned());
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        // What may be a secret is not said again.
        let secret = |problem: &str| {
            Err(Error::Option {
                name: "--endpoint",
                problem: problem.to_owned(),
            })
        };
        if rest.contains('@') {
            return secret(
                "holds a name or password; name a variable that holds the key: --key-env",
            );
        }
        if authority.is_empty() || rest.contains(['?', '#', ' ']) {
            return secret("is no plain address of a host and a path; a key goes by --key-env");
        }
        let loopback = is_loopback(authority);
        match scheme {
            "https" => {}
            "http" if loopback => {}
            "http" => {
                return wrong("would send prompts, answers and the key unencrypted over a network; use https, or http to this machine".to_owned());
            }
            other => {
                return wrong(format!(
                    "begins with {other}; it must be https, or http to this machine"
                ));
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

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or(""),
        None => authority.split(':').next().unwrap_or(""),
    };
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
            assert_eq!(url(words).unwrap(), (whole.to_owned(), loopback));
        }
        for (words, why) in [
            ("api.example.org/v1", "is no address"),
            ("http://api.example.org/v1", "unencrypted"),
            ("http://127.0.0.1.example.org/v1", "unencrypted"),
            ("https://me:secret@api.example.org/v1", "--key-env"),
            ("ftp://127.0.0.1/v1", "begins with ftp"),
            ("https:///v1", "no plain address"),
            ("https://api.example.org/v1?key=1", "no plain address"),
        ] {
            let error = url(words).unwrap_err();
            assert!(
                error.is_input() && error.to_string().contains(why),
                "{error}"
            );
        }
    }
}
