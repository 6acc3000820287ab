//! Opening a file, whatever it turns out to be, and putting SQLite's errors into words.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::migrations::{APPLICATION, STEPS};
use crate::{Error, Result};

/// How long a write waits for another program's write.
const BUSY: Duration = Duration::from_secs(5);

/// Opens or makes the store at `path` and brings it to the current version.
pub(super) fn open(path: &Path) -> Result<Connection> {
    if path.is_dir() {
        return Err(input(path, "is a folder; a store is one SQLite file"));
    }
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty())
        && !folder.is_dir()
    {
        return Err(input(
            path,
            format!("the folder {} does not exist", folder.display()),
        ));
    }
    if path.as_os_str().is_empty() || path.as_os_str().as_encoded_bytes().starts_with(b":") {
        let problem = "is no file's name: SQLite would keep its rows in memory and lose them; name a file, e.g. run.db";
        return Err(input(path, problem));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection = connect(path, flags)?;
    let version = recognise(&connection, path)?;
    if connection.is_readonly("main").map_err(sqlite(path))? {
        return Err(input(
            path,
            "cannot be written; change its permissions or copy it elsewhere",
        ));
    }
    // With WAL a reader (a window) never blocks the writer. FULL syncs at every commit, so that a
    // finished row survives a power cut and not only a kill; beside the generation of a row
    // that costs nothing that can be felt.
    let settings =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
    connection.execute_batch(settings).map_err(sqlite(path))?;
    if version < STEPS.len() {
        migrate(&mut connection, path)?;
    }
    Ok(connection)
}

/// Opens the store at `path` to read alone, where it is one of the current version.
pub(super) fn peek(path: &Path) -> Result<Option<Connection>> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let version = recognise(&connection, path)?;
    Ok((version == STEPS.len()).then_some(connection))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    // A path that begins with `file:` is a path, whatever the library was built to take it for.
    let place = Path::new(".").join(path);
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&place, flags).map_err(sqlite(path))?;
    // A file of somebody else's may carry code that runs on our writes.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .map_err(sqlite(path))?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)
        .map_err(sqlite(path))?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)
        .map_err(sqlite(path))?;
    connection.busy_timeout(BUSY).map_err(sqlite(path))?;
    Ok(connection)
}

/// The version of an existing store, 0 for a new file; refuses everything else.
fn recognise(connection: &Connection, path: &Path) -> Result<usize> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let version = number("user_version").map_err(sqlite(path))?;
    let application = number("application_id").map_err(sqlite(path))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(sqlite(path))?;
    if application != APPLICATION && (application != 0 || version != 0 || tables != 0) {
        return Err(input(
            path,
            "is a SQLite database of another program; name another file",
        ));
    }
    let version = usize::try_from(version)
        .map_err(|_below_zero| damaged(path, &format!("its version is {version}")))?;
    if version > STEPS.len() {
        let problem = format!(
            "is a store of version {version}, this program knows versions up to {}; use a newer program or another file",
            STEPS.len()
        );
        return Err(input(path, problem));
    }
    if tables > 0 {
        let health: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(sqlite(path))?;
        if health != "ok" {
            return Err(damaged(path, &health));
        }
    }
    Ok(version)
}

/// All missing steps in one transaction: another program at the same file sees all or nothing.
fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(sqlite(path))?;
    // Somebody else may have done it while we waited for the lock.
    let version = recognise(&transaction, path)?;
    for step in &STEPS[version..] {
        transaction.execute_batch(step).map_err(sqlite(path))?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION)
        .map_err(sqlite(path))?;
    let current = i32::try_from(STEPS.len()).unwrap_or(i32::MAX);
    transaction
        .pragma_update(None, "user_version", current)
        .map_err(sqlite(path))?;
    transaction.commit().map_err(sqlite(path))
}

fn input(path: &Path, problem: impl Into<String>) -> Error {
    Error::Store {
        path: path.to_path_buf(),
        problem: problem.into(),
        input: true,
    }
}

/// A store that SQLite or we cannot make sense of.
pub(super) fn damaged(path: &Path, detail: &str) -> Error {
    let detail = detail.replace('\n', " ");
    input(
        path,
        format!("is damaged ({detail}); restore a copy, or name another file to start anew"),
    )
}

/// An [`Error::Store`] in words, for `map_err`.
pub(super) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |error| {
        let fault = |problem: String| Error::Store {
            path: path.clone(),
            problem,
            input: false,
        };
        if matches!(
            error,
            rusqlite::Error::NulError(_) | rusqlite::Error::InvalidPath(_)
        ) {
            return input(&path, "is no name of a file");
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => input(
                &path,
                "is not a SQLite database, or its beginning is damaged; name another file",
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
                "the disk is full; every row up to here is safe, free some space and start again"
                    .to_owned(),
            ),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => fault(format!(
                "another program has been writing for more than {} s; close it and start again",
                BUSY.as_secs()
            )),
            _ => fault(error.to_string()),
        }
    }
}
