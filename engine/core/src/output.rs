//! Output files and folders that appear whole or not at all.

use std::fs::{File, TryLockError};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Why an output is not written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The system cannot do it.
    #[error("{path}: cannot {action}: {source}", path = path.display())]
    Io {
        /// What was tried, e.g. `write`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The path is none that could be written to.
    #[error("{path}: {problem}", path = path.display())]
    Place {
        /// The path.
        path: PathBuf,
        /// What is wrong and what would be right.
        problem: &'static str,
    },
}

impl OutputError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    fn place(path: &Path, problem: &'static str) -> Self {
        Self::Place {
            path: path.to_path_buf(),
            problem,
        }
    }
}

/// Writes a file through `fill`: into a temporary file beside it, which takes its place only when
/// everything is on disk. On any failure the file is as it was before, or absent.
pub fn write_atomically<E: From<OutputError>>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let path = &behind_links(path)?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if path.is_dir() {
        return Err(OutputError::place(path, "is a folder; name a file to write").into());
    }
    if path.exists() && !path.is_file() {
        let problem =
            "is a device, a FIFO or a socket, which a file would replace; name a file to write";
        return Err(OutputError::place(path, problem).into());
    }
    sweep_up(folder);
    let temporary = held(|builder| {
        #[cfg(unix)]
        {
            // As any new file: the umask takes away what it takes away.
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder)?;
        // The handle that writes holds the lock.
        Ok(hold(file.as_file(), file.path())?.then_some(file))
    })
    .map_err(OutputError::io("write", path))?;
    let mut writer = BufWriter::with_capacity(1 << 18, temporary.as_file());
    fill(&mut writer)?;
    writer.flush().map_err(OutputError::io("write", path))?;
    drop(writer);
    temporary
        .as_file()
        .sync_all()
        .map_err(OutputError::io("write", path))?;
    temporary
        .persist(path)
        .map_err(|e| OutputError::io("write", path)(e.error))?;
    sync_folder(folder);
    Ok(())
}

/// [`write_atomically`] for bytes that are at hand.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    write_atomically(path, |file| {
        file.write_all(bytes)
            .map_err(OutputError::io("write", path))
    })
}

/// Gives a file that is on disk its name, in place of what bore it before.
pub fn put_in_place(written: &Path, path: &Path) -> Result<(), OutputError> {
    std::fs::rename(written, path).map_err(OutputError::io("write", path))?;
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        sync_folder(parent);
    }
    Ok(())
}

/// Makes a folder, with those above it, where it is missing.
pub fn make_folder(path: &Path) -> Result<(), OutputError> {
    std::fs::create_dir_all(path).map_err(OutputError::io("make the folder", path))
}

/// Refuses a folder to write that is there already and holds something.
pub fn check_new_folder(path: &Path) -> Result<(), OutputError> {
    let empty =
        |path: &Path| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if path.exists() && !empty(path) {
        return Err(OutputError::place(
            path,
            "is there already; name a new folder, or remove this one first",
        ));
    }
    Ok(())
}

/// Makes a folder through `fill`: under another name beside it, which becomes its own only when
/// everything is written. On any failure nothing is left.
pub fn folder_atomically<E: From<OutputError>>(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    check_new_folder(path)?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    sweep_up(parent);
    let (temporary, _lock) = held(|builder| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o777));
        }
        let folder = builder.tempdir_in(parent)?;
        let Ok(lock) = File::open(folder.path()) else {
            // Where folders cannot be opened none is swept up either.
            return Ok(Some((folder, None)));
        };
        Ok(hold(&lock, folder.path())?.then_some((folder, Some(lock))))
    })
    .map_err(OutputError::io("write", path))?;
    fill(temporary.path())?;
    // From here on the folder is no longer ours to remove.
    let written = temporary.keep();
    std::fs::rename(&written, path).map_err(|error| {
        // The next one that is written here sweeps it up.
        let _left = std::fs::remove_dir_all(&written);
        OutputError::io("write", path)(error)
    })?;
    sync_folder(parent);
    Ok(())
}

/// The names of what is being written.
const PREFIX: &str = ".paretoscope-";
const SUFFIX: &str = ".part";

/// Tries new names until `make` holds one: another program may sweep up in the moment before it is held.
fn held<T>(
    make: impl Fn(&mut tempfile::Builder<'_, '_>) -> std::io::Result<Option<T>>,
) -> std::io::Result<T> {
    for _ in 0..100 {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        if let Some(made) = make(&mut builder)? {
            return Ok(made);
        }
    }
    Err(std::io::Error::other(
        "other programs remove our unfinished files as soon as they are made",
    ))
}

/// Locks what is being written, as a sign that somebody still writes it; false where it was swept up.
fn hold(file: &File, path: &Path) -> std::io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(path.exists()),
        Err(TryLockError::WouldBlock) => Ok(false),
        // Without locks nothing is ever swept up.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes what killed programs left half-written in a folder: what bears our name and nobody holds.
fn sweep_up(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(random) = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX))
        else {
            continue;
        };
        let ours = random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric());
        let path = entry.path();
        let kind = entry.file_type();
        let is_folder = kind.as_ref().is_ok_and(std::fs::FileType::is_dir);
        if !ours || !(is_folder || kind.is_ok_and(|kind| kind.is_file())) {
            continue;
        }
        let Ok(file) = File::open(&path) else {
            continue;
        };
        if file.try_lock().is_err() {
            continue;
        }
        // What cannot be removed is tried again by the next one.
        let _left = if is_folder {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
    }
}

/// Where a path leads through links: they stay, and what they lead to is replaced, or made.
fn behind_links(path: &Path) -> Result<PathBuf, OutputError> {
    let mut path = path.to_path_buf();
    // As many as Linux follows.
    for _ in 0..40 {
        match std::fs::symlink_metadata(&path) {
            Ok(about) if about.is_symlink() => {
                let target = std::fs::read_link(&path).map_err(OutputError::io("read", &path))?;
                path = path.parent().unwrap_or(Path::new("")).join(target);
            }
            _ => return Ok(path),
        }
    }
    Err(OutputError::place(
        &path,
        "is a link in a circle of links; name a file to write",
    ))
}

/// Makes the new name durable. Where a system cannot sync a folder, the file itself is safe.
fn sync_folder(folder: &Path) {
    let _unsynced = File::open(folder).and_then(|f| f.sync_all());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(written: Result<(), OutputError>) -> bool {
        matches!(written, Err(OutputError::Place { .. }))
    }

    #[test]
    fn whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.txt");
        write_bytes(&path, b"first").unwrap();
        let failed = write_atomically(&path, |file| {
            file.write_all(b"half")
                .map_err(OutputError::io("write", &path))?;
            Err(OutputError::place(&path, "given up"))
        });
        assert!(failed.unwrap_err().to_string().contains("given up"));
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
            Err(OutputError::place(part, "given up"))
        });
        assert!(failed.unwrap_err().to_string().contains("given up"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let write = || folder_atomically(&path, |part| write_bytes(&part.join("a"), b"whole"));
        write().unwrap();
        assert_eq!(std::fs::read(path.join("a")).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(matches!(write(), Err(OutputError::Place { .. })));
    }

    #[test]
    fn leftovers_go_and_what_is_held_or_another_s_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at(".paretoscope-Ab12cd.part"), b"half").unwrap();
        std::fs::create_dir(at(".paretoscope-Ab12ce.part")).unwrap();
        std::fs::write(at(".paretoscope-Ab12ce.part/inside"), b"half").unwrap();
        std::fs::write(at(".paretoscope-Ab12cf.part"), b"being written").unwrap();
        let held = File::open(at(".paretoscope-Ab12cf.part")).unwrap();
        held.try_lock().unwrap();
        std::fs::write(at(".paretoscope-notes.part"), b"a person's").unwrap();
        write_bytes(&at("out"), b"whole").unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        let right = [".paretoscope-Ab12cf.part", ".paretoscope-notes.part", "out"];
        assert_eq!(names, right);
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
        // A link to nothing yet: the file appears where it points, relative to the link.
        let dangling = folder.path().join("dangling");
        std::os::unix::fs::symlink("later", &dangling).unwrap();
        write_bytes(&dangling, b"made").unwrap();
        assert!(std::fs::symlink_metadata(&dangling).unwrap().is_symlink());
        assert_eq!(std::fs::read(folder.path().join("later")).unwrap(), b"made");
        let circle = folder.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        assert!(is_refused(write_bytes(&circle, b"")));
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(is_refused(write_bytes(&socket, b"")));
    }

    #[test]
    fn missing_folders_and_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = write_bytes(&folder.path().join("a/b"), b"");
        assert!(
            matches!(nowhere, Err(OutputError::Io { source, .. }) if source.kind() == ErrorKind::NotFound)
        );
        assert!(is_refused(write_bytes(folder.path(), b"")));
    }
}
