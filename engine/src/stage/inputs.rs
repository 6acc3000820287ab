//! What a step reads, in one digest: files by name, length and time of change, so that gigabytes need not
//! be read to learn that nothing has changed.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::digest;
use crate::{Error, Result};

/// The digest of a file, or of the files directly in a folder.
pub(crate) fn digest_of(path: &Path) -> Result<String> {
    let lines: Result<Vec<String>> = files(path)?.iter().map(|file| line(file)).collect();
    Ok(digest(lines?.iter().map(String::as_str)))
}

/// The file itself, or the files directly in a folder, in order of name.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(Error::io("read", path))? {
        let file = entry.map_err(Error::io("read", path))?.path();
        if file.is_file() {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

fn line(path: &Path) -> Result<String> {
    let data = std::fs::metadata(path).map_err(Error::io("read", path))?;
    let changed = data.modified().ok();
    let since = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let whole = std::path::absolute(path).map_err(Error::io("find", path))?;
    Ok(format!("{} {} {since:?}", whole.display(), data.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_length_or_another_file_is_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a", "1");
        let first = digest_of(folder.path()).unwrap();
        assert_eq!(digest_of(folder.path()).unwrap(), first);
        write("a", "12");
        let second = digest_of(folder.path()).unwrap();
        write("b", "1");
        assert!(first != second && digest_of(folder.path()).unwrap() != second);
        assert!(digest_of(&folder.path().join("c")).unwrap_err().is_input());
    }
}
