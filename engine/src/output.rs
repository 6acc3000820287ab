//! Output files and folders that appear whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::{Error, Result};

/// Writes a file through `fill`: into a temporary file beside it, which takes its place only when
/// everything is on disk. On any failure the file is as it was before, or absent.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    // A link stays, and what it leads to is replaced.
    let path = &match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() && path.exists() => {
            path.canonicalize().map_err(Error::io("write", path))?
        }
        _ => path.to_path_buf(),
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if path.is_dir() {
        return Err(Error::file(path, "is a folder; name a file to write"));
    }
    if path.exists() && !path.is_file() {
        let problem =
            "is a device, a FIFO or a socket, which a file would replace; name a file to write";
        return Err(Error::file(path, problem));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".paretoscope-").suffix(".part");
    #[cfg(unix)]
    {
        // As any new file: the umask takes away what it takes away.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder
        .tempfile_in(folder)
        .map_err(Error::io("write", path))?;
    let mut writer = BufWriter::with_capacity(1 << 18, temporary.as_file());
    fill(&mut writer)?;
    writer.flush().map_err(Error::io("write", path))?;
    drop(writer);
    temporary
        .as_file()
        .sync_all()
        .map_err(Error::io("write", path))?;
    temporary
        .persist(path)
        .map_err(|e| Error::io("write", path)(e.error))?;
    sync_folder(folder);
    Ok(())
}

/// [`write_atomically`] for bytes that are at hand.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically(path, |file| {
        file.write_all(bytes).map_err(Error::io("write", path))
    })
}

/// Gives a file that is on disk its name, in place of what bore it before.
pub fn put_in_place(written: &Path, path: &Path) -> Result<()> {
    std::fs::rename(written, path).map_err(Error::io("write", path))?;
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        sync_folder(parent);
    }
    Ok(())
}

/// Refuses a folder to write that is there already and holds something.
pub fn check_new_folder(path: &Path) -> Result<()> {
    let empty =
        |path: &Path| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if path.exists() && !empty(path) {
        return Err(Error::file(
            path,
            "is there already; name a new folder, or remove this one first",
        ));
    }
    Ok(())
}

/// Makes a folder through `fill`: under another name beside it, which becomes its own only when
/// everything is written. On any failure nothing is left.
pub fn folder_atomically(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    check_new_folder(path)?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".paretoscope-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    let temporary = builder
        .tempdir_in(parent)
        .map_err(Error::io("write", path))?;
    fill(temporary.path())?;
    // From here on the folder is no longer ours to remove.
    let written = temporary.keep();
    std::fs::rename(&written, path).map_err(|error| {
        if let Err(left) = std::fs::remove_dir_all(&written) {
            tracing::debug!(%left, folder = %written.display(), "folder not removed");
        }
        Error::io("write", path)(error)
    })?;
    sync_folder(parent);
    Ok(())
}

/// Makes the new name durable. Where a system cannot sync a folder, the file itself is safe.
fn sync_folder(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|f| f.sync_all()) {
        tracing::debug!(%error, folder = %folder.display(), "folder not synced");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.txt");
        write_bytes(&path, b"first").unwrap();
        let failed = write_atomically(&path, |file| {
            file.write_all(b"half").map_err(Error::io("write", &path))?;
            Err(Error::Cancelled)
        });
        assert!(matches!(failed, Err(Error::Cancelled)));
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        write_bytes(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let failed = folder_atomically(&path, |part| {
            write_bytes(&part.join("a"), b"half")?;
            Err(Error::Cancelled)
        });
        assert!(matches!(failed, Err(Error::Cancelled)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let write = || folder_atomically(&path, |part| write_bytes(&part.join("a"), b"whole"));
        write().unwrap();
        assert_eq!(std::fs::read(path.join("a")).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write().unwrap_err().is_input());
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_devices_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::fs::write(&target, b"old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_bytes(&link, b"new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(write_bytes(&socket, b"").unwrap_err().is_input());
    }

    #[test]
    fn missing_folders_and_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            write_bytes(&folder.path().join("a/b"), b"")
                .unwrap_err()
                .is_input()
        );
        assert!(write_bytes(folder.path(), b"").unwrap_err().is_input());
    }
}
