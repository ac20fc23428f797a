//! Opening the file: nobody else has it, it is whole, and its tables are those of this version.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction};

use crate::store::StoreError;

/// The file in the directory.
pub(super) const FILE: &str = "firedrill.db";
/// Whoever has the directory open holds a lock on this file, and says in it who they are.
const LOCK: &str = "lock";
/// How long a connection waits for another of ours.
const BUSY_FOR: Duration = Duration::from_secs(5);
/// Says of a file that it is one of these: `fdrl`.
const APPLICATION: i32 = 0x6664_726c;

/// The steps from an empty file to this version's tables. One that was released is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_begin.sql")];

/// The version of the tables that this program reads and writes.
pub(super) fn version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

pub(super) fn unusable(dir: &Path, why: impl Into<String>) -> StoreError {
    StoreError::Unusable { place: dir.display().to_string(), why: why.into() }
}

/// Makes the directory and locks it.
pub(super) fn lock(dir: &Path) -> Result<Flock<File>, StoreError> {
    let problem = |error: std::io::Error| unusable(dir, format!("{error}; choose another with `--data DIR`"));
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(problem)?;
    let path = dir.join(LOCK);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(problem)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut file) => {
            let who = format!("process {}", std::process::id());
            file.set_len(0)
                .and_then(|()| file.seek(SeekFrom::Start(0)))
                .and_then(|_| file.write_all(who.as_bytes()))
                .map_err(problem)?;
            Ok(file)
        }
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let mut who = String::new();
            let _ = (&mut file).take(200).read_to_string(&mut who);
            let who = if who.is_empty() { "another process" } else { who.trim() };
            Err(unusable(
                dir,
                format!("{who} has it open; stop that one, or choose another with `--data DIR`"),
            ))
        }
        Err((_, error)) => Err(unusable(dir, format!("it cannot be locked: {error}"))),
    }
}

/// The connection that writes.
pub(super) fn writer(dir: &Path) -> Result<Connection, StoreError> {
    let path = dir.join(FILE);
    let broken = |error: rusqlite::Error| {
        unusable(
            dir,
            format!("{error}; if `{FILE}` is damaged, put a copy of it back, or move it away to begin anew"),
        )
    };
    let mut connection = Connection::open(&path).map_err(broken)?;
    connection.busy_timeout(BUSY_FOR).map_err(broken)?;
    recognise(dir, &connection)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(broken)?;
    // A commit survives our death; what must survive the power too says so.
    connection.pragma_update(None, "synchronous", "normal").map_err(broken)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(broken)?;
    check(dir, &connection)?;
    migrate(dir, &mut connection)?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn reader(dir: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join(FILE), flags);
    connection
        .and_then(|connection| connection.busy_timeout(BUSY_FOR).map(|()| connection))
        .map_err(|error| unusable(dir, format!("it cannot be read: {error}")))
}

/// Leaves a file alone that is none of ours, before anything of it is changed.
fn recognise(dir: &Path, connection: &Connection) -> Result<(), StoreError> {
    let problem = |error: rusqlite::Error| {
        unusable(
            dir,
            format!("{error}; if `{FILE}` is damaged, put a copy of it back, or move it away to begin anew"),
        )
    };
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", (), |row| row.get(0)).map_err(problem)?;
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(problem)?;
    if tables > 0 && application != APPLICATION {
        return Err(unusable(dir, format!("`{FILE}` is not firedrill's; choose another with `--data DIR`")));
    }
    Ok(())
}

/// Every page is as it should be.
fn check(dir: &Path, connection: &Connection) -> Result<(), StoreError> {
    let found: Result<String, _> = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0));
    let why = match found {
        Ok(word) if word == "ok" => return Ok(()),
        Ok(why) => why,
        Err(error) => error.to_string(),
    };
    let why = why.lines().next_back().unwrap_or_default();
    Err(unusable(
        dir,
        format!("`{FILE}` is damaged ({why}); put a copy of it back, or move it away to begin anew"),
    ))
}

/// Brings the tables to this version, all steps or none.
fn migrate(dir: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| unusable(dir, format!("its tables cannot be made: {error}"));
    let transaction = connection.transaction().map_err(failed)?;
    let is = schema_version(&transaction).map_err(failed)?;
    if is > version() {
        let why = format!(
            "it was written by a newer firedrill (its tables are version {is}, this program knows {}); \
             run that version, or choose another directory with `--data DIR`",
            version()
        );
        return Err(unusable(dir, why));
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(is).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(failed)?;
    }
    if is < version() {
        transaction.execute("UPDATE schema_version SET version = ?1", [version()]).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

fn schema_version(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_version (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL) STRICT;
         INSERT OR IGNORE INTO schema_version VALUES (1, 0);",
    )?;
    let found =
        transaction.query_row("SELECT version FROM schema_version", (), |row| row.get(0)).optional()?;
    Ok(found.unwrap_or(0))
}
