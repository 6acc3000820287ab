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

    /// What an endpoint said, without the key, which some repeat; in JSON, some with its slashes escaped.
    fn without_key(&self, text: String) -> String {
        let Some(Key(key)) = self.key.as_ref().filter(|Key(key)| !key.is_empty()) else {
            return text;
        };
        match serde_json::from_str(&text) {
            Ok(json) => without(json, key).to_string(),
            Err(_no_json) => text.replace(key.as_str(), "[key]"),
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

/// JSON without a key, wherever it stands.
fn without(json: Value, key: &str) -> Value {
    let less = |words: String| words.replace(key, "[key]");
    match json {
        Value::String(words) => Value::String(less(words)),
        Value::Array(all) => all.into_iter().map(|value| without(value, key)).collect(),
        Value::Object(all) => {
            let all = all.into_iter();
            all.map(|(name, value)| (less(name), without(value, key)))
                .collect()
        }
        other => other,
    }
}

/// `Retry-After` in seconds; a date is left to our own pace.
fn seconds(words: &str) -> Option<Duration> {
    let seconds: f64 = words.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// With what no text of an endpoint holds by itself, and with what JSON escapes.
    const KEY: &str = "sk-1/2\"3+4==";

    /// What becomes of a reply with this status and body to a request with the key.
    fn sent(status: u16, body: &str) -> Result<Value, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let reply = format!(
            "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = Vec::new();
            while !heard.ends_with(b"{}") {
                let mut bytes = [0; 1024];
                let count = stream.read(&mut bytes).unwrap();
                assert!(count > 0, "the request ends with its body");
                heard.extend_from_slice(&bytes[..count]);
            }
            stream.write_all(reply.as_bytes()).unwrap();
            String::from_utf8(heard).unwrap()
        });
        let key = Key(KEY.to_owned());
        let endpoint = Endpoint::new(&base).unwrap();
        let client = Client::new(&endpoint, Some(&key), &JudgeLimits::default());
        let made = client.send(&serde_json::json!({}));
        assert!(
            server.join().unwrap().contains(&format!("Bearer {KEY}")),
            "the key went"
        );
        made
    }

    #[test]
    fn a_key_that_an_endpoint_repeats_is_told_to_nobody() {
        let escaped = KEY.replace('"', "\\\"");
        let slashes = escaped.replace('/', "\\/");
        for words in [&escaped, &slashes] {
            let error = format!("{{\"error\": {{\"message\": \"no such key: {words}\"}}}}");
            match sent(401, &error) {
                Err(Failure::Never(error)) => {
                    let told = error.to_string();
                    assert!(told.contains("401: no such key: [key];"), "{told}");
                }
                other => panic!("refused for good: {other:?}"),
            }
            match sent(503, &error) {
                Err(Failure::Again(told, None)) => {
                    assert_eq!(told, "status 503: no such key: [key]");
                }
                other => panic!("refused for a while: {other:?}"),
            }
            let reply = format!(
                "{{\"choices\": [{{\"message\": {{\"content\": \"A, says {words}\"}}}}], \"{words}\": 1}}"
            );
            let told = sent(200, &reply).unwrap();
            assert_eq!(
                told,
                serde_json::json!({"choices": [{"message": {"content": "A, says [key]"}}], "[key]": 1})
            );
        }
        match sent(500, &format!("<html>Bearer {KEY} is wrong")) {
            Err(Failure::Again(told, None)) => {
                assert_eq!(told, "status 500: <html>Bearer [key] is wrong");
            }
            other => panic!("refused for a while: {other:?}"),
        }
        // What holds no key stays as it is.
        let reply = "{\"choices\": [{\"message\": {\"content\": \"sk-1/2\"}}]}";
        assert_eq!(
            sent(200, reply).unwrap().to_string(),
            reply.replace(": ", ":")
        );
    }

    #[test]
    fn a_wait_is_read_and_a_key_is_not_shown() {
        assert_eq!(seconds(" 1.5 "), Some(Duration::from_millis(1500)));
        assert_eq!(seconds("Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(seconds("-1"), None);
        assert_eq!(format!("{:?}", Key("secret".to_owned())), "Key(..)");
    }
}
