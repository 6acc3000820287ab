//! One request and its reply.

use std::fmt;
use std::time::Duration;

use paretoscope_core::types::{Endpoint, JudgeLimits, JudgePlan};
use serde_json::Value;
use ureq::Agent;

use crate::reply::said;
use crate::{Error, Result};

/// Bytes of a reply at most.
const LARGEST: u64 = 4 << 20;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(15);

/// A key that is neither shown nor stored.
#[derive(Clone)]
pub(crate) struct Key(String);

impl Key {
    /// The key of a plan, where it names one.
    pub(crate) fn of_plan(plan: &JudgePlan) -> Result<Option<Self>> {
        plan.key_env.as_deref().map(Self::of_env).transpose()
    }

    /// From the environment variable of this name.
    ///
    /// # Errors
    /// [`Error::Option`] where it is not set, or holds what no header can.
    fn of_env(name: &str) -> Result<Self> {
        let wrong = |problem: &str| {
            Err(Error::Option {
                name: "key",
                problem: format!("{name} {problem}"),
            })
        };
        match std::env::var(name) {
            Ok(key) if key.trim().is_empty() => wrong("is empty; put the key into it"),
            Ok(key) if !key.trim().chars().all(|c| c.is_ascii_graphic()) => {
                wrong("holds characters that no key has")
            }
            Ok(key) => Ok(Self(key.trim().to_owned())),
            Err(_absent) => {
                wrong("is not set; put the key into it before this program starts, or name none")
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Why no reply came.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may come if it is asked for again, at the earliest after so long.
    Again(String, Option<Duration>),
    /// It will not.
    Never(Error),
}

/// What asks.
pub(crate) struct Client {
    agent: Agent,
    endpoint: Endpoint,
    key: Option<Key>,
}

impl Client {
    pub(crate) fn new(endpoint: &Endpoint, key: Option<&Key>, limits: &JudgeLimits) -> Self {
        let mut config = Agent::config_builder()
            .timeout_global(Some(limits.timeout))
            .timeout_connect(Some(CONNECT.min(limits.timeout)))
            // What a status means is told below; where texts go was shown to a person, so that nothing is followed.
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("paretoscope/", env!("CARGO_PKG_VERSION")));
        if endpoint.is_loopback() {
            config = config.proxy(None);
        }
        Self {
            agent: config.build().into(),
            endpoint: endpoint.clone(),
            key: key.cloned(),
        }
    }

    /// Sends a body; the reply as JSON.
    pub(crate) fn send(&self, body: &Value) -> Result<Value, Failure> {
        let mut request = self
            .agent
            .post(self.endpoint.url())
            .content_type("application/json");
        if let Some(Key(key)) = &self.key {
            request = request.header("Authorization", &format!("Bearer {key}"));
        }
        let body = body.to_string();
        let mut response = request.send(&body).map_err(|error| self.failed(&error))?;
        let status = response.status().as_u16();
        let after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .and_then(seconds);
        let text = response
            .body_mut()
            .with_config()
            .limit(LARGEST)
            .read_to_string();
        let text = self.without_key(text.map_err(|error| self.failed(&error))?);
        match status {
            200..=299 => serde_json::from_str(&text)
                .map_err(|error| Failure::Again(format!("the reply is no JSON ({error})"), None)),
            429 => Err(Failure::Again(
                format!("asked too often (status 429: {})", said(&text)),
                after,
            )),
            408 | 409 | 425 | 500..=599 => Err(Failure::Again(
                format!("status {status}: {}", said(&text)),
                after,
            )),
            _ => Err(Failure::Never(Error::Refused {
                endpoint: self.endpoint.url().to_owned(),
                status,
                said: said(&text),
                help: match status {
                    300..=399 => "it sends elsewhere, which is not followed; give that address",
                    401 | 403 => "name the environment variable that holds its key",
                    404 => "check the address and the model's name",
                    _ => "check the model's name and the length of the texts",
                },
            })),
        }
    }

    /// What an endpoint said, without the key, which some repeat.
    fn without_key(&self, text: String) -> String {
        match &self.key {
            Some(Key(key)) if !key.is_empty() => text.replace(key.as_str(), "[key]"),
            _ => text,
        }
    }

    /// An error on the way: all of them may pass, but an address that is none.
    fn failed(&self, error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::BadUri(problem) => Failure::Never(Error::Option {
                name: "endpoint",
                problem: format!("{}: {problem}", self.endpoint.url()),
            }),
            other => Failure::Again(self.without_key(other.to_string()), None),
        }
    }
}

/// `Retry-After` in seconds; a date is left to our own pace.
fn seconds(words: &str) -> Option<Duration> {
    let seconds: f64 = words.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_and_a_key_is_not_shown() {
        assert_eq!(seconds(" 1.5 "), Some(Duration::from_millis(1500)));
        assert_eq!(seconds("Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(seconds("-1"), None);
        assert_eq!(format!("{:?}", Key("secret".to_owned())), "Key(..)");
    }
}
