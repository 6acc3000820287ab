//! Paths among what is remembered. A path is bytes: one that is no text is written as a NUL, which no path
//! holds, and its bytes in hexadecimal, so that one folder's name never costs a person all the rest.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serializer};

/// A list of paths; one that this system cannot have is left out.
pub(super) mod many {
    use super::{Deserialize, Deserializer, PathBuf, Serializer, read, written};

    pub(in super::super) fn serialize<S: Serializer>(
        paths: &[PathBuf],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(|path| written(path)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        Ok(texts.into_iter().filter_map(read).collect())
    }
}

/// A path, or none.
pub(super) mod maybe {
    use super::{Deserialize, Deserializer, Path, PathBuf, Serializer, read, written};

    #[expect(clippy::ref_option, reason = "so serde calls it")]
    pub(in super::super) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&written(path.as_deref().unwrap_or(Path::new(""))))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(read(text).filter(|path| !path.as_os_str().is_empty()))
    }
}

/// One path.
pub(super) mod one {
    use super::{Deserialize, Deserializer, Path, PathBuf, Serializer, read, written};

    pub(in super::super) fn serialize<S: Serializer>(
        path: &Path,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&written(path))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PathBuf, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(text).ok_or_else(|| serde::de::Error::custom("a path of another system"))
    }
}

fn written(path: &Path) -> String {
    if let Some(text) = path.to_str() {
        return text.to_owned();
    }
    let bytes = path.as_os_str().as_encoded_bytes();
    let digits = bytes.iter().fold(String::new(), |mut digits, byte| {
        digits.push_str(&format!("{byte:02x}"));
        digits
    });
    format!("\0{digits}")
}

/// `None` for bytes that this system has no paths of.
fn read(text: String) -> Option<PathBuf> {
    let Some(digits) = text.strip_prefix('\0') else {
        return Some(PathBuf::from(text));
    };
    let bytes = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect::<Option<Vec<u8>>>()?;
    of_bytes(bytes)
}

#[cfg(unix)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "other systems have no paths of any bytes"
)]
fn of_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    Some(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn of_bytes(_bytes: Vec<u8>) -> Option<PathBuf> {
    None
}
