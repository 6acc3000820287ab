//! Where is asked, and with which token.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use paretoscope_engine::files::read_text_if_there;
use paretoscope_engine::{Error, Result};

/// The hub that is asked where `HF_ENDPOINT` names no other.
const HUB: &str = "https://huggingface.co";
/// Bytes that a token's file may have.
const LONGEST: u64 = 4096;

/// A hub's address, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// `HF_ENDPOINT`, or Hugging Face's own.
    pub fn of_env() -> Result<Self> {
        match std::env::var("HF_ENDPOINT") {
            Ok(address) if !address.trim().is_empty() => Self::new(&address),
            _ => Self::new(HUB),
        }
    }

    /// An address: `http://` or `https://`, a host, perhaps a path; no name and no password in it.
    pub fn new(address: &str) -> Result<Self> {
        let address = address.trim().trim_end_matches('/');
        if Origin::of(address).is_none() || address.contains(['?', '#']) {
            let problem = format!("`{address}` is no address of a hub, e.g. {HUB}");
            return Err(Error::option("HF_ENDPOINT", problem));
        }
        Ok(Self(address.to_owned()))
    }

    /// An address on it; `path` begins with a slash.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The address itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a token may be sent to an address: to this host alone, and nowhere that others can listen.
    pub(crate) fn trusts(&self, address: &str) -> bool {
        let (own, other) = (Origin::of(&self.0), Origin::of(address));
        own.is_some_and(|own| {
            Some(&own) == other.as_ref() && (own.is_secure() || own.is_loopback())
        })
    }

    /// Whether it is a server on this machine, for which no proxy is asked.
    pub(crate) fn is_loopback(&self) -> bool {
        Origin::of(&self.0).is_some_and(|origin| origin.is_loopback())
    }
}

/// Scheme and host with port of an address, in small letters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: String,
    host: String,
}

impl Origin {
    /// `None` where the address has neither or holds a name or password, which no address here has.
    pub(crate) fn of(address: &str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let known = matches!(scheme.as_str(), "http" | "https");
        let plain = host.chars().all(|c| c.is_ascii_graphic()) && !host.contains(['@', '\\']);
        (known && plain && !host.is_empty()).then(|| Self {
            scheme,
            host: host.to_ascii_lowercase(),
        })
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == "https"
    }

    fn is_loopback(&self) -> bool {
        let name = match self.host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => self.host.as_str(),
        };
        let address = name.parse().ok();
        let address = address.or_else(|| name.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
        name == "localhost" || address.is_some_and(|ip: std::net::IpAddr| ip.is_loopback())
    }

    /// Its address, to which a path may be put.
    pub(crate) fn address(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }
}

/// A token that is neither shown nor stored.
#[derive(Clone)]
pub struct Token(pub(crate) String);

impl Token {
    /// `HF_TOKEN`, else the file that `HF_TOKEN_PATH` names, `HF_HOME/token`, or the one in the cache's folder.
    pub fn of_env() -> Result<Option<Self>> {
        let home = std::env::home_dir();
        Self::of(|name| std::env::var_os(name), home.as_deref())
    }

    /// [`Token::of_env`] of variables that are handed in.
    fn of(
        variable: impl Fn(&str) -> Option<OsString>,
        home: Option<&Path>,
    ) -> Result<Option<Self>> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(token) = set("HF_TOKEN") {
            return Self::checked("HF_TOKEN", &token.to_string_lossy());
        }
        let from_home = |value: OsString| {
            let path = PathBuf::from(value);
            match (path.strip_prefix("~"), home) {
                (Ok(rest), Some(home)) => home.join(rest),
                _ => path,
            }
        };
        let below = |name: &str, rest: &str| Some(from_home(set(name)?).join(rest));
        let path = set("HF_TOKEN_PATH")
            .map(from_home)
            .or_else(|| below("HF_HOME", "token"))
            .or_else(|| below("XDG_CACHE_HOME", "huggingface/token"))
            .or_else(|| Some(home?.join(".cache/huggingface/token")));
        let Some(path) = path else { return Ok(None) };
        match read_text_if_there(&path, LONGEST)? {
            Some(text) => Self::checked(&path.display().to_string(), &text),
            None => Ok(None),
        }
    }

    /// Without space around it; nothing where nothing is left, refused where no header can hold it.
    fn checked(from: &str, text: &str) -> Result<Option<Self>> {
        let token = text.trim();
        if token.is_empty() {
            return Ok(None);
        }
        if !token.chars().all(|c| c.is_ascii_graphic()) {
            return Err(Error::option(from, "holds characters that no token has"));
        }
        Ok(Some(Self(token.to_owned())))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_its_host_alone() {
        let hub = Endpoint::new("https://hub.example/").unwrap();
        assert!(hub.trusts("https://HUB.example/a/b"));
        for elsewhere in [
            "https://hub.example.org/a",
            "https://cdn.hub.example/a",
            "https://hub.example:444/a",
            "http://hub.example/a",
            "https://hub.example@evil.example/a",
            "hub.example/a",
        ] {
            assert!(!hub.trusts(elsewhere), "{elsewhere}");
        }
        // In clear no token goes over a network.
        assert!(
            !Endpoint::new("http://mirror")
                .unwrap()
                .trusts("http://mirror/a")
        );
        for own in ["http://127.0.0.1:81", "http://localhost", "http://[::1]:8"] {
            assert!(Endpoint::new(own).unwrap().trusts(own), "{own}");
        }
        for wrong in [
            "",
            "hub",
            "ftp://hub",
            "https://",
            "https://a@b",
            "https://a?b",
        ] {
            assert!(Endpoint::new(wrong).unwrap_err().is_input(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_found_where_others_put_it_and_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), " hf_file\n").unwrap();
        let place = folder.path().to_str().unwrap();
        let of = |set: &[(&str, &str)]| {
            let find = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            Token::of(find, None).map(|found| found.map(|token| token.0))
        };
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&[("HF_HOME", place)]).unwrap(), Some("hf_file".into()));
        let path = format!("{place}/token");
        assert_eq!(
            of(&[("HF_TOKEN_PATH", &path)]).unwrap(),
            Some("hf_file".into())
        );
        let both = [("HF_TOKEN", "hf_own"), ("HF_HOME", place)];
        assert_eq!(of(&both).unwrap(), Some("hf_own".into()));
        assert!(of(&[("HF_TOKEN", "two words")]).is_err());
        assert_eq!(format!("{:?}", Token("hf".into())), "Token(..)");
    }
}
