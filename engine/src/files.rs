//! Files that people hand to the program: read with a bound, as text of any common encoding, and refused in words
//! where they are not what they seem.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::{Error, Result};

/// The most that a file of settings (JSON, TOML, a template) may hold: 64 MiB.
pub const SETTINGS: u64 = 64 << 20;
/// The most that a tokenizer may hold: 256 MiB.
pub const TOKENIZER: u64 = 256 << 20;
/// The most that a file of lines (prompts, pairs, texts, points) may hold: 4 GiB.
pub const DATA: u64 = 4 << 30;

/// What a Git LFS pointer begins with.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Opens a regular file (a link to one is one); FIFOs, devices and sockets are refused, for reading them may
/// never end. A Git LFS pointer is refused by name.
pub fn open(path: &Path) -> Result<File> {
    let about = std::fs::metadata(path).map_err(Error::io("open", path))?;
    if about.is_dir() {
        return Err(Error::file(path, "is a folder, expected a file"));
    }
    if !about.is_file() {
        let problem = "is not a regular file (a FIFO, a socket or a device); copy what it gives into a file first";
        return Err(Error::file(path, problem));
    }
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    // Pointers are about 130 bytes; the standard says under 1024.
    if about.len() < 1024 {
        let mut head = Vec::new();
        file.read_to_end(&mut head)
            .map_err(Error::io("read", path))?;
        if head.starts_with(LFS) {
            let problem =
                "is a Git LFS pointer, not the file; get the file itself with `git lfs pull`";
            return Err(Error::file(path, problem));
        }
        file = File::open(path).map_err(Error::io("open", path))?;
    }
    Ok(file)
}

/// All of a file, at most `limit` bytes.
pub fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    let size = file.metadata().map_err(Error::io("read", path))?.len();
    let too_large = |size: u64| {
        Error::file(
            path,
            format!("has {size} bytes; a file of this kind may have {limit} at most"),
        )
    };
    if size > limit {
        return Err(too_large(size));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// All of a text file, at most `limit` bytes: UTF-8, or UTF-16 with a byte-order mark; the mark is left out.
pub fn read_text(path: &Path, limit: u64) -> Result<String> {
    decode(path, read_bytes(path, limit)?)
}

/// [`read_text`], or `None` where there is no such file.
pub fn read_text_if_there(path: &Path, limit: u64) -> Result<Option<String>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => read_text(path, limit).map(Some),
    }
}

/// Bytes of a text file as text: UTF-8, or UTF-16 with a byte-order mark; the mark is left out.
pub fn decode(path: &Path, mut bytes: Vec<u8>) -> Result<String> {
    let wide = |pairs: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = pairs
            .chunks(2)
            .map(|p| read([p[0], *p.get(1).unwrap_or(&0)]))
            .collect();
        match String::from_utf16(&units) {
            Ok(text) if pairs.len().is_multiple_of(2) => Ok(text),
            _ => Err(Error::file(
                path,
                "begins as UTF-16 but is not; save it as UTF-8",
            )),
        }
    };
    match bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, ..] => {
            bytes.drain(..3);
        }
        [0xFF, 0xFE, rest @ ..] => return wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => return wide(rest, u16::from_be_bytes),
        _ => {}
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|&b| b == b'\n').count();
        Error::file(
            path,
            format!("is not UTF-8 from byte {at} on (line {line}); save it as UTF-8"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn text_is_read_in_every_common_encoding() {
        let wide = |read: fn(u16) -> [u8; 2], mark: [u8; 2]| {
            let units = "ü{}\r\n".encode_utf16().flat_map(read);
            mark.into_iter().chain(units).collect::<Vec<u8>>()
        };
        for bytes in [
            "ü{}\r\n".as_bytes().to_vec(),
            "\u{feff}ü{}\r\n".as_bytes().to_vec(),
            wide(u16::to_le_bytes, [0xFF, 0xFE]),
            wide(u16::to_be_bytes, [0xFE, 0xFF]),
        ] {
            assert_eq!(read_text(file(&bytes).path(), SETTINGS).unwrap(), "ü{}\r\n");
        }
        for (bytes, word) in [(&b"a\nb\xff"[..], "line 2"), (b"\xff\xfea", "UTF-16")] {
            let error = read_text(file(bytes).path(), SETTINGS).unwrap_err();
            assert!(
                error.is_input() && error.to_string().contains(word),
                "{error}"
            );
        }
    }

    #[test]
    fn pointers_folders_and_large_files_are_refused() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
        let message = |bytes: &[u8], limit| {
            read_bytes(file(bytes).path(), limit)
                .unwrap_err()
                .to_string()
        };
        assert!(message(pointer, SETTINGS).contains("git lfs pull"));
        assert!(message(&[0; 20], 10).contains("20 bytes"));
        let folder = tempfile::tempdir().unwrap();
        assert!(read_bytes(folder.path(), SETTINGS).unwrap_err().is_input());
        assert!(
            read_text_if_there(&folder.path().join("none"), SETTINGS)
                .unwrap()
                .is_none()
        );
    }
}
