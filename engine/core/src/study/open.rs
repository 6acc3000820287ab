//! Opening a file, whatever it turns out to be, and putting SQLite's errors into words.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tempfile::TempDir;

use super::file::Access;
use super::schema::{APPLICATION, MIN_READER, MIN_WRITER, NEWEST_ROW_STORE, ROW_STORE, STEPS};
use crate::{Error, Result};

/// How long a write waits for another program's write.
const BUSY: Duration = Duration::from_secs(5);

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing yet.
    New,
    /// A study of this version.
    Study(usize),
    /// A store of rows, as sweeps wrote it before studies.
    RowStore,
}

/// An open file.
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// Where it was copied to be read.
    pub(super) copy: Option<TempDir>,
    pub(super) access: Access,
}

/// Opens or makes the study at `path`, to write where that can be.
///
/// # Errors
/// [`Error::Study`] on a damaged file, one of another program, or one of a version that this program cannot read.
/// `None` for a store of rows, which has to be converted first.
pub(super) fn open(path: &Path) -> Result<Option<Opened>> {
    check_name(path)?;
    open_on(path, on_network(path))
}

/// As [`open`], on a disk of a network or one of this machine.
pub(super) fn open_on(path: &Path, network: bool) -> Result<Option<Opened>> {
    if !path.exists() {
        return make_on(path, network).map(Some);
    }
    let looked = look(path)?;
    match looked.kind {
        Kind::RowStore => Ok(None),
        Kind::New => {
            drop(looked);
            make_on(path, network).map(Some)
        }
        Kind::Study(version) => {
            if let Some(why) = looked.newer.clone().or_else(|| read_only(path)) {
                return Ok(Some(Opened {
                    connection: looked.connection,
                    copy: looked.copy,
                    access: Access::Read(why),
                }));
            }
            drop(looked);
            let mut connection = to_write(path, network)?;
            if version < STEPS.len() {
                backup(&connection, path, &format!("v{version}.bak"))?;
                migrate(&mut connection, path)?;
            }
            Ok(Some(Opened {
                connection,
                copy: None,
                access: Access::Write,
            }))
        }
    }
}

/// Opens the study at `path` to read alone, and writes nothing, not even beside it where that can be helped; `None` where
/// there is none yet, or one that a writer has to bring up to date first.
pub(super) fn peek(path: &Path) -> Result<Option<Looked>> {
    if !path.is_file() {
        return Ok(None);
    }
    let looked = look(path)?;
    Ok((looked.kind == Kind::Study(STEPS.len()) || looked.newer.is_some()).then_some(looked))
}

fn check_name(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(input(path, "is a folder; a study is one SQLite file"));
    }
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
    if let Some(folder) = folder
        && !folder.is_dir()
    {
        let problem = format!("the folder {} does not exist", folder.display());
        return Err(input(path, problem));
    }
    if path.as_os_str().is_empty() || path.as_os_str().as_encoded_bytes().starts_with(b":") {
        let problem = "is no file's name: SQLite would keep its rows in memory and lose them; name a file, e.g. mine.study";
        return Err(input(path, problem));
    }
    Ok(())
}

pub(super) fn make_on(path: &Path, network: bool) -> Result<Opened> {
    let mut connection = to_write(path, network)?;
    migrate(&mut connection, path)?;
    Ok(Opened {
        connection,
        copy: None,
        access: Access::Write,
    })
}

/// A connection that may write.
fn to_write(path: &Path, network: bool) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = connect(path, flags, "")?;
    if connection.is_readonly("main").map_err(sqlite(path))? {
        return Err(input(
            path,
            "cannot be written; change its permissions or copy it elsewhere",
        ));
    }
    // With WAL a reader (a window) never blocks the writer; on a network's disk its shared memory does not work. FULL
    // syncs at every commit, so that a finished row survives a power cut and not only a kill; beside the generation of
    // a row that costs nothing that can be felt.
    let journal = if network { "DELETE" } else { "WAL" };
    let settings = format!(
        "PRAGMA journal_mode = {journal}; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
    );
    let began = Instant::now();
    loop {
        match connection.execute_batch(&settings) {
            Ok(()) => return Ok(connection),
            // SQLite itself does not wait where two programs turn to the log at the same moment.
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && began.elapsed() < BUSY =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(sqlite(path)(error)),
        }
    }
}

/// A file that was looked at.
pub(super) struct Looked {
    pub(super) connection: Connection,
    /// Where it was copied to be read.
    pub(super) copy: Option<TempDir>,
    pub(super) kind: Kind,
    /// Why a file of a later version may be read and not written.
    pub(super) newer: Option<String>,
}

/// Looks at a file without changing it.
pub(super) fn look(path: &Path) -> Result<Looked> {
    let (connection, copy) = to_read(path)?;
    let (kind, newer) = recognise(&connection, path)?;
    Ok(Looked {
        connection,
        copy,
        kind,
        newer,
    })
}

/// A connection that only reads. Where neither the file nor its folder can be written, SQLite is told that nobody
/// changes it; with a write-ahead log beside it, that log would be overlooked, so that both are copied away first.
fn to_read(path: &Path) -> Result<(Connection, Option<TempDir>)> {
    if read_only(path).is_none() {
        // With the right to write, SQLite takes its log away again; `query_only` holds all else back.
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, "")?;
        return Ok((query_only(connection, path)?, None));
    }
    let wal = beside(path, "-wal");
    if std::fs::metadata(&wal).is_ok_and(|about| about.len() > 0) {
        let failed = |e: std::io::Error| input(path, format!("cannot be copied to be read: {e}"));
        let folder = tempfile::tempdir().map_err(failed)?;
        let copy = folder.path().join("copy.study");
        for (from, to) in [(path, copy.clone()), (&wal, beside(&copy, "-wal"))] {
            // Contents alone: the copy may be written, whatever the permissions of the file.
            std::fs::File::open(from)
                .and_then(|mut from| std::io::copy(&mut from, &mut std::fs::File::create(to)?))
                .map_err(failed)?;
        }
        let connection = connect(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE, "")?;
        return Ok((query_only(connection, path)?, Some(folder)));
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, "?immutable=1")?;
    Ok((connection, None))
}

fn query_only(connection: Connection, path: &Path) -> Result<Connection> {
    connection
        .execute_batch("PRAGMA query_only = ON")
        .map_err(sqlite(path))?;
    Ok(connection)
}

/// Why the file cannot be written, where it cannot; a log has to be made beside it.
///
/// The file itself is not opened for that: on Unix the end of any handle of a process takes away the locks that its other
/// connections hold, and another program would then remove a log that is still written.
pub(super) fn read_only(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    match may_write(path) {
        Err(e) => Some(format!("the file cannot be written ({e})")),
        Ok(()) => {
            let probe = tempfile::Builder::new()
                .prefix(".paretoscope")
                .tempfile_in(folder);
            probe
                .err()
                .map(|e| format!("its folder cannot be written ({e})"))
        }
    }
}

#[cfg(unix)]
fn may_write(path: &Path) -> std::io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

#[cfg(not(unix))]
fn may_write(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .append(true)
        .open(path)
        .map(drop)
}

/// A file beside another: its name with an ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Whether a file lies on a disk of another machine, where locks and shared memory are not to be trusted.
fn on_network(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        // NFS, SMB, CIFS, SMB2, AFS, Coda, 9p, Ceph, FUSE (sshfs), Lustre, GPFS, BeeGFS
        const NETWORK: [i64; 12] = [
            0x6969,
            0x517B,
            0xFF53_4D42,
            0xFE53_4D42,
            0x5346_414F,
            0x7375_7245,
            0x0102_1997,
            0x00C3_6400,
            0x6573_5546,
            0x0BD0_0BD0,
            0x4750_4653,
            0x1983_0326,
        ];
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
        #[allow(
            clippy::useless_conversion,
            reason = "the type is another on other processors"
        )]
        rustix::fs::statfs(folder.unwrap_or(Path::new(".")))
            .is_ok_and(|about| NETWORK.contains(&(i64::from(about.f_type))))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _untold = path;
        false
    }
}

pub(super) fn connect(path: &Path, flags: OpenFlags, query: &str) -> Result<Connection> {
    // A path that begins with `file:` is a path, whatever the library was built to take it for.
    let place = Path::new(".").join(path);
    // With URIs a file can be attached to be read alone; no path above begins like one.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let opened = if query.is_empty() {
        Connection::open_with_flags(&place, flags)
    } else {
        Connection::open_with_flags(uri(&place, query), flags)
    };
    let connection = opened.map_err(sqlite(path))?;
    // A file of somebody else's may carry code that runs on our writes.
    for off in [
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW,
        DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
    ] {
        connection.set_db_config(off, false).map_err(sqlite(path))?;
    }
    connection.busy_timeout(BUSY).map_err(sqlite(path))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A file as a URI, for what SQLite is told after the name.
pub(super) fn uri(path: &Path, query: &str) -> String {
    let place = std::path::absolute(path).unwrap_or_else(|_untold| path.to_path_buf());
    format!(
        "file:{}{query}",
        percent(place.as_os_str().as_encoded_bytes())
    )
}

/// A path within a URI.
fn percent(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte);
    bytes
        .iter()
        .map(|byte| {
            if plain(byte) {
                char::from(*byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// What a file is; refuses what is neither a study nor can become one.
fn recognise(connection: &Connection, path: &Path) -> Result<(Kind, Option<String>)> {
    // All of it at one moment: another program may be making the file just now.
    let _moment = connection
        .is_autocommit()
        .then(|| connection.unchecked_transaction())
        .transpose()
        .map_err(sqlite(path))?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let version = number("user_version").map_err(sqlite(path))?;
    let application = number("application_id").map_err(sqlite(path))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(sqlite(path))?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok((Kind::New, None));
    }
    if application != APPLICATION && application != ROW_STORE {
        let problem = "is a SQLite database of another program; name another file";
        return Err(input(path, problem));
    }
    let version = usize::try_from(version)
        .map_err(|_below_zero| damaged(path, &format!("its version is {version}")))?;
    if tables > 0 {
        let health: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(sqlite(path))?;
        if health != "ok" {
            return Err(damaged(path, &health));
        }
    }
    if application == ROW_STORE {
        if version > NEWEST_ROW_STORE {
            let problem = format!(
                "is a store of rows of version {version}, this program knows versions up to {NEWEST_ROW_STORE}; use the program that made it"
            );
            return Err(input(path, problem));
        }
        return Ok((Kind::RowStore, None));
    }
    if version <= STEPS.len() {
        return Ok((Kind::Study(version), None));
    }
    let least = |name: &str| -> Result<usize> {
        let sql = "SELECT value FROM meta WHERE name = ?1";
        let value: String = connection
            .query_row(sql, [name], |row| row.get(0))
            .map_err(sqlite(path))?;
        value
            .parse()
            .map_err(|_unread| damaged(path, &format!("meta.{name} is `{value}`")))
    };
    let known = STEPS.len();
    let reader = least("min_reader")?;
    if reader > known {
        let problem = format!(
            "is a study of version {version}, which programs from version {reader} on can read; this one knows version {known}: use a newer program"
        );
        return Err(input(path, problem));
    }
    let newer = (least("min_writer")? > known).then(|| {
        format!("it is of version {version}, which this program (version {known}) can read and not write; use a newer program to go on in it")
    });
    Ok((Kind::Study(version), newer))
}

/// All missing steps in one transaction: another program at the same file sees all or nothing.
fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(sqlite(path))?;
    // Somebody else may have done it while we waited for the lock.
    let version = match recognise(&transaction, path)?.0 {
        Kind::New => 0,
        Kind::Study(version) => version,
        Kind::RowStore => return Err(damaged(path, "it changed while it was opened")),
    };
    if version >= STEPS.len() {
        return Ok(());
    }
    for step in &STEPS[version..] {
        transaction.execute_batch(step).map_err(sqlite(path))?;
    }
    let current = i32::try_from(STEPS.len()).unwrap_or(i32::MAX);
    for (name, value) in [("application_id", APPLICATION), ("user_version", current)] {
        transaction
            .pragma_update(None, name, value)
            .map_err(sqlite(path))?;
    }
    for (name, value) in [("min_reader", MIN_READER), ("min_writer", MIN_WRITER)] {
        transaction
            .execute(
                "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value.to_string()),
            )
            .map_err(sqlite(path))?;
    }
    transaction.commit().map_err(sqlite(path))
}

/// A copy beside the file, whole or not at all; one that stands is left alone.
pub(super) fn backup(connection: &Connection, path: &Path, ending: &str) -> Result<PathBuf> {
    let place = beside(path, &format!(".{ending}"));
    if place.exists() {
        return Ok(place);
    }
    let partial = beside(&place, ".partial");
    let gone = std::fs::remove_file(&partial);
    if let Err(e) = gone
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(fault(
            path,
            format!("{} cannot be replaced: {e}", partial.display()),
        ));
    }
    copy_into(connection, path, &partial)?;
    std::fs::rename(&partial, &place).map_err(|e| {
        fault(
            path,
            format!("its copy {} cannot be named: {e}", place.display()),
        )
    })?;
    Ok(place)
}

/// Writes all that the connection sees into a new file without a log.
pub(super) fn copy_into(connection: &Connection, path: &Path, to: &Path) -> Result<()> {
    let place = Path::new(".").join(to);
    let Some(place) = place.to_str() else {
        let problem = format!(
            "its copy {} would have a name that is not UTF-8",
            to.display()
        );
        return Err(input(path, problem));
    };
    // SQLite counts this as a write of the file that it reads.
    let only: i64 = connection
        .pragma_query_value(None, "query_only", |row| row.get(0))
        .map_err(sqlite(path))?;
    let set = |only: i64| {
        connection
            .pragma_update(None, "query_only", only)
            .map_err(sqlite(path))
    };
    set(0)?;
    let copied = connection.execute("VACUUM INTO ?1", [place]);
    set(only)?;
    copied.map(|_none| ()).map_err(sqlite(path))
}

pub(super) fn input(path: &Path, problem: impl Into<String>) -> Error {
    Error::Study {
        path: path.to_path_buf(),
        problem: problem.into(),
        input: true,
    }
}

/// The disk's fault, or another program's.
pub(super) fn fault(path: &Path, problem: impl Into<String>) -> Error {
    Error::Study {
        path: path.to_path_buf(),
        problem: problem.into(),
        input: false,
    }
}

/// A study that SQLite or we cannot make sense of.
pub(super) fn damaged(path: &Path, detail: &str) -> Error {
    let detail = detail.replace('\n', " ");
    input(
        path,
        format!(
            "is damaged ({detail}); `paretoscope-engine study recover {}` saves what can be read, the daily copies beside it hold what was",
            path.display()
        ),
    )
}

/// An [`Error::Study`] in words, for `map_err`.
pub(super) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |error| {
        if matches!(
            error,
            rusqlite::Error::NulError(_) | rusqlite::Error::InvalidPath(_)
        ) {
            return input(&path, "is no name of a file");
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => input(
                &path,
                format!(
                    "is not a SQLite database, or its beginning is damaged; name another file, or try `paretoscope-engine study recover {}`",
                    path.display()
                ),
            ),
            Some(ErrorCode::DatabaseCorrupt) => damaged(&path, &error.to_string()),
            // Values of other types, text that is not UTF-8, tables and columns that are not there.
            None => damaged(&path, &error.to_string()),
            Some(ErrorCode::Unknown) if error.to_string().contains("no such ") => {
                damaged(&path, &error.to_string())
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => input(
                &path,
                "cannot be written; change its permissions or copy it elsewhere",
            ),
            Some(ErrorCode::CannotOpen) => input(
                &path,
                "cannot be opened or made; check the folder and its permissions",
            ),
            Some(ErrorCode::DiskFull) => fault(
                &path,
                "the disk is full; every row up to here is safe, free some space and start again",
            ),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => fault(
                &path,
                "another program has been writing all the while; close it and start again",
            ),
            Some(ErrorCode::SystemIoFailure) => fault(
                &path,
                format!(
                    "the disk refuses ({error}); every row up to here is safe, see to it and start again"
                ),
            ),
            _ => fault(&path, error.to_string()),
        }
    }
}
