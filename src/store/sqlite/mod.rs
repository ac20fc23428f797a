//! The store in a directory: SQLite with a write-ahead log, one connection that writes and one that reads beside it.

mod open;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use nix::fcntl::Flock;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::memory::until;
use super::{DOCUMENT_MAX_BYTES, Document, Fence, Store, StoreError, fit_line, fit_name, fit_text};

/// Keeps all in a directory of the disk.
#[derive(Debug)]
pub struct Sqlite {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    /// Held as long as the store is open; last, so that it is let go last.
    _lock: Flock<File>,
}

/// How a call to SQLite went wrong, before it is known what was tried.
enum Wrong {
    Sqlite(rusqlite::Error),
    Ours(StoreError),
}

impl From<rusqlite::Error> for Wrong {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        Self::Ours(error)
    }
}

fn told(deed: &'static str) -> impl Fn(Wrong) -> StoreError {
    move |wrong| match wrong {
        Wrong::Ours(error) => error,
        Wrong::Sqlite(error) => {
            let why = match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DiskFull) => {
                    format!("{error}; free some space in the data directory")
                }
                _ => error.to_string(),
            };
            StoreError::Failed { deed, why }
        }
    }
}

impl Sqlite {
    /// Opens the store in `dir`, which is made when it is not there.
    ///
    /// # Errors
    /// Another process has it open, it is damaged, or it was written by a newer version.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let lock = open::lock(dir)?;
        let writer = open::writer(dir)?;
        // Whoever held the lease is gone, or the directory would be locked.
        let freed = writer.execute("UPDATE lease SET holder = NULL, until_us = NULL", ());
        freed.map_err(|error| open::unusable(dir, error.to_string()))?;
        let reader = open::reader(dir)?;
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(reader), _lock: lock })
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something wholly or not at all.
    fn write<T>(
        &self,
        deed: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Wrong>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer();
        let run = || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(told(deed))
    }
}

/// Whether a writer with this token may write.
fn hold(transaction: &Transaction<'_>, fence: Fence) -> Result<(), Wrong> {
    let mut lease = transaction.prepare_cached("SELECT token, holder FROM lease")?;
    let (token, holder): (u64, Option<String>) = lease.query_row((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if token == fence.0 && holder.is_some() {
        return Ok(());
    }
    Err(StoreError::Fenced { by: holder.unwrap_or_else(|| "nobody".to_owned()) }.into())
}

fn expect_version(
    transaction: &Transaction<'_>,
    folder: &str,
    name: &str,
    expected: u64,
) -> Result<(), Wrong> {
    let mut found =
        transaction.prepare_cached("SELECT version FROM document WHERE folder = ?1 AND name = ?2")?;
    let is: u64 = found.query_row([folder, name], |row| row.get(0)).optional()?.unwrap_or(0);
    if is == expected {
        return Ok(());
    }
    Err(StoreError::Changed { folder: folder.to_owned(), name: name.to_owned(), expected, is }.into())
}

impl Store for Sqlite {
    fn append(&self, journal: &str, seq: u64, line: &[u8], fence: Fence) -> Result<(), StoreError> {
        fit_name("the journal's name", journal)?;
        fit_line(line)?;
        self.write("append a line", |transaction| {
            hold(transaction, fence)?;
            let mut find = transaction.prepare_cached("SELECT id, lines FROM journal WHERE name = ?1")?;
            let found: Option<(i64, u64)> =
                find.query_row([journal], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let next = found.map_or(0, |(_, lines)| lines);
            if seq != next {
                return Err(StoreError::NotNext { journal: journal.to_owned(), seq, next }.into());
            }
            let id = match found {
                Some((id, _)) => {
                    transaction
                        .prepare_cached("UPDATE journal SET lines = lines + 1 WHERE id = ?1")?
                        .execute([id])?;
                    id
                }
                None => {
                    transaction.execute("INSERT INTO journal (name, lines) VALUES (?1, 1)", [journal])?;
                    transaction.last_insert_rowid()
                }
            };
            transaction
                .prepare_cached("INSERT INTO line (journal, seq, text) VALUES (?1, ?2, ?3)")?
                .execute(params![id, seq, line])?;
            Ok(())
        })
    }

    // A commit with full synchronisation waits until the log, with all that stands in it before, is on the disk.
    fn sync(&self) -> Result<(), StoreError> {
        let writer = self.writer();
        let run = || {
            writer.pragma_update(None, "synchronous", "full")?;
            let written = writer.execute("UPDATE synced SET times = times + 1", ());
            writer.pragma_update(None, "synchronous", "normal")?;
            written.map(|_| ())
        };
        run().map_err(Wrong::Sqlite).map_err(told("write to the disk"))
    }

    fn lines(&self, journal: &str, from: u64, most: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let reader = self.reader();
        let run = || {
            let mut find = reader.prepare_cached(
                "SELECT text FROM line WHERE journal = (SELECT id FROM journal WHERE name = ?1) AND seq >= ?2
                 ORDER BY seq LIMIT ?3",
            )?;
            let rows = find.query_map(params![journal, clamp(from), clamp(most as u64)], |row| row.get(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        run().map_err(Wrong::Sqlite).map_err(told("read a journal"))
    }

    fn length(&self, journal: &str) -> Result<u64, StoreError> {
        let reader = self.reader();
        let found = reader
            .query_row("SELECT lines FROM journal WHERE name = ?1", [journal], |row| row.get(0))
            .optional();
        found.map(|lines| lines.unwrap_or(0)).map_err(Wrong::Sqlite).map_err(told("read a journal"))
    }

    fn journals(&self, prefix: &str, after: &str, most: usize) -> Result<Vec<String>, StoreError> {
        let reader = self.reader();
        let run = || {
            let mut find = reader.prepare_cached(
                "SELECT name FROM journal WHERE name > ?1 AND substr(name, 1, length(?2)) = ?2
                 ORDER BY name LIMIT ?3",
            )?;
            let rows = find.query_map(params![after, prefix, clamp(most as u64)], |row| row.get(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        run().map_err(Wrong::Sqlite).map_err(told("list journals"))
    }

    fn take(&self, holder: &str, now: Timestamp, how_long: Duration) -> Result<Fence, StoreError> {
        self.write("take the lease", |transaction| {
            let (token, held, until_us): (u64, Option<String>, Option<i64>) =
                transaction.query_row("SELECT token, holder, until_us FROM lease", (), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
            let runs_out = until_us.and_then(|us| Timestamp::from_microsecond(us).ok());
            if let (Some(by), Some(until)) = (held, runs_out)
                && until > now
            {
                return Err(StoreError::Held { by, until }.into());
            }
            let until_us = until(now, how_long).as_microsecond();
            transaction.execute(
                "UPDATE lease SET token = ?1, holder = ?2, until_us = ?3",
                params![token + 1, holder, until_us],
            )?;
            Ok(Fence(token + 1))
        })
    }

    fn renew(&self, fence: Fence, now: Timestamp, how_long: Duration) -> Result<(), StoreError> {
        self.write("renew the lease", |transaction| {
            hold(transaction, fence)?;
            let until_us = until(now, how_long).as_microsecond();
            transaction.execute("UPDATE lease SET until_us = ?1", [until_us])?;
            Ok(())
        })
    }

    fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.write("let the lease go", |transaction| {
            transaction
                .execute("UPDATE lease SET holder = NULL, until_us = NULL WHERE token = ?1", [fence.0])?;
            Ok(())
        })
    }

    fn put(
        &self,
        folder: &str,
        name: &str,
        text: &[u8],
        expected: u64,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        fit_name("the folder's name", folder)?;
        fit_name("the document's name", name)?;
        fit_text("a document", text, DOCUMENT_MAX_BYTES)?;
        self.write("put a document", |transaction| {
            hold(transaction, fence)?;
            expect_version(transaction, folder, name, expected)?;
            let mut put = transaction.prepare_cached(
                "INSERT INTO document (folder, name, version, text) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (folder, name) DO UPDATE SET version = ?3, text = ?4",
            )?;
            put.execute(params![folder, name, expected + 1, text])?;
            Ok(expected + 1)
        })
    }

    fn get(&self, folder: &str, name: &str) -> Result<Option<Document>, StoreError> {
        let reader = self.reader();
        let run = || {
            let mut find = reader
                .prepare_cached("SELECT name, version, text FROM document WHERE folder = ?1 AND name = ?2")?;
            find.query_row([folder, name], document).optional()
        };
        run().map_err(Wrong::Sqlite).map_err(told("read a document"))
    }

    fn list(&self, folder: &str, after: &str, most: usize) -> Result<Vec<Document>, StoreError> {
        let reader = self.reader();
        let run = || {
            let mut find = reader.prepare_cached(
                "SELECT name, version, text FROM document WHERE folder = ?1 AND name > ?2 ORDER BY name LIMIT ?3",
            )?;
            let rows = find.query_map(params![folder, after, clamp(most as u64)], document)?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        run().map_err(Wrong::Sqlite).map_err(told("list documents"))
    }

    fn remove(&self, folder: &str, name: &str, expected: u64, fence: Fence) -> Result<(), StoreError> {
        self.write("remove a document", |transaction| {
            hold(transaction, fence)?;
            expect_version(transaction, folder, name, expected)?;
            transaction.execute("DELETE FROM document WHERE folder = ?1 AND name = ?2", [folder, name])?;
            Ok(())
        })
    }
}

fn document(row: &rusqlite::Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document { name: row.get(0)?, version: row.get(1)?, text: row.get(2)? })
}

/// SQLite counts with a sign.
fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
