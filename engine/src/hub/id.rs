//! A model's name on a hub.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::{Error, Result};

/// The revision of a name that says none.
const MAIN: &str = "main";
/// Characters that a part of a name may have, as the hub has it.
const LONGEST: usize = 96;

/// `org/name`, optionally with a GGUF file of it and a revision: `org/name/file.gguf@revision`.
///
/// Every part is safe in a path and in an address: letters, digits, `-`, `_` and `.`, never `..`.
/// ```
/// use paretoscope_engine::hub::HubId;
///
/// let id: HubId = "org/small-model@v1.0".parse()?;
/// assert_eq!((id.repo(), id.revision()), ("org/small-model", "v1.0"));
/// assert!("../etc".parse::<HubId>().is_err());
/// # Ok::<(), paretoscope_engine::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HubId {
    repo: String,
    file: Option<String>,
    revision: String,
}

impl HubId {
    /// The name that a path reads as, whether anything lies there or not.
    pub fn of_path(path: &Path) -> Option<Self> {
        path.to_str()?.parse().ok()
    }

    /// `org/name`.
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// The GGUF file that is meant, where one is named.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// A branch, a tag or a commit; `main` where none is named.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The folder of it in a cache.
    pub(super) fn folder(&self) -> String {
        format!("models--{}", self.repo.replace('/', "--"))
    }
}

impl FromStr for HubId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            let problem = format!(
                "`{text}` is no hub id; one is org/name, org/name@revision or org/name/file.gguf"
            );
            Error::option("id", problem)
        };
        let (name, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let mut parts = name.splitn(3, '/');
        let (Some(org), Some(model), file) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        // The cache joins both by two dashes, which neither may hold then.
        let named = |part: &str| is_part(part) && part.len() <= LONGEST && !part.contains("--");
        let gguf = |file: &str| {
            let ends = file.to_ascii_lowercase().ends_with(".gguf");
            ends && is_path(file)
        };
        if !named(org) || !named(model) || !is_path(revision) || !file.is_none_or(gguf) {
            return Err(wrong());
        }
        Ok(Self {
            repo: format!("{org}/{model}"),
            file: file.map(str::to_owned),
            revision: revision.to_owned(),
        })
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        if let Some(file) = &self.file {
            write!(f, "/{file}")?;
        }
        if self.revision != MAIN {
            write!(f, "@{}", self.revision)?;
        }
        Ok(())
    }
}

/// Whether a name is safe as one part of a path: it leads nowhere else.
fn is_part(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = part.starts_with(['.', '-']) || part.ends_with('.');
    !part.is_empty() && !ends && !part.contains("..") && part.chars().all(allowed)
}

/// Whether names between slashes are all safe as parts of a path: letters, digits, `-`, `_` and `.`, none of them `..`.
pub fn is_path(path: &str) -> bool {
    path.len() <= 255 && path.split('/').all(is_part)
}

/// Whether a revision is a commit: 40 hexadecimal digits.
pub fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_said_as_they_were_given() {
        for (text, parts) in [
            ("org/name", ("org/name", None, "main")),
            ("org/name@v1.0", ("org/name", None, "v1.0")),
            ("o-g/n_a.me@refs/pr/1", ("o-g/n_a.me", None, "refs/pr/1")),
            (
                "org/name/sub/a.Q4_K_M.gguf@dev",
                ("org/name", Some("sub/a.Q4_K_M.gguf"), "dev"),
            ),
        ] {
            let id: HubId = text.parse().unwrap();
            assert_eq!((id.repo(), id.file(), id.revision()), parts);
            assert_eq!(id.to_string(), text);
        }
        assert_eq!(
            "org/name".parse::<HubId>().unwrap().folder(),
            "models--org--name"
        );
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_name() {
        for text in [
            "",
            "name",
            "/org/name",
            "./org/name",
            "../name",
            "org/..",
            "org/name/",
            "org/name/config.json",
            "org/name/../x.gguf",
            "org//name",
            "org/na--me",
            "org/na me",
            "org/name@",
            "org/name@..",
            "org/name@a/../b",
            "org/name@/a",
            "org\\name/x",
            "C:/name",
            "org/.name",
            "org/näme",
        ] {
            assert!(text.parse::<HubId>().is_err(), "{text}");
        }
        assert!("o/n".parse::<HubId>().is_ok() && !is_commit("abc"));
        assert!(is_commit(&"0aF".repeat(14)[..40]));
    }
}
