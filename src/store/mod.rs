//! What is kept: journals and documents, behind one narrow trait.
//!
//! A journal is the exact bytes of its lines, append-only and without a gap. A document is small, has a version, and is
//! changed only by whoever knows that version. Whoever writes holds the lease: its token is the fence that keeps out
//! a writer who was thought dead and is not.

#[cfg(test)]
mod conformance;
mod memory;
mod sqlite;

use std::time::Duration;

use jiff::Timestamp;

pub use memory::Memory;
pub use sqlite::Sqlite;

/// The token of a lease. A store takes nothing from a writer whose token is not the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// A document as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name in its folder.
    pub name: String,
    /// 1 for the first, one more with each change.
    pub version: u64,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// The longest line of a journal, in bytes. Line 0 of a game day holds the text of every file.
pub const LINE_MAX_BYTES: usize = 16 << 20;
/// The largest document, in bytes.
pub const DOCUMENT_MAX_BYTES: usize = 16 << 20;
/// The longest name of a journal, a folder or a document, in bytes.
pub const NAME_MAX_BYTES: usize = 200;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The line is not the next one: one is missing before it, or it is there already.
    #[error("line {seq} of the journal `{journal}` is not the next one, which is {next}")]
    NotNext {
        /// Of which journal.
        journal: String,
        /// The line that was handed in.
        seq: u64,
        /// The line that is due.
        next: u64,
    },
    /// Another writer holds the lease by now.
    #[error("another writer has taken over ({by}); this one must end")]
    Fenced {
        /// Who holds it.
        by: String,
    },
    /// Somebody else holds the lease.
    #[error("the store is held by {by} until {until}; stop that one first, or use another directory")]
    Held {
        /// Who.
        by: String,
        /// Until when, if it is not renewed.
        until: Timestamp,
    },
    /// The document was changed, made or removed by somebody else meanwhile.
    #[error("the document `{folder}/{name}` is at version {is}, not {expected}; read it again")]
    Changed {
        /// The folder.
        folder: String,
        /// The document.
        name: String,
        /// The version that the writer knew; 0: none.
        expected: u64,
        /// The version that is kept; 0: none.
        is: u64,
    },
    /// A name or a text is longer than the store takes, or a name has characters that it does not take.
    #[error("{what} is not taken: {why}")]
    Unfit {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The store cannot be opened.
    #[error("the store in `{place}` cannot be opened: {why}")]
    Unusable {
        /// Where.
        place: String,
        /// Why, and the way out.
        why: String,
    },
    /// The disk, or what keeps the store on it, failed.
    #[error("the store cannot {deed}: {why}")]
    Failed {
        /// What was tried.
        deed: &'static str,
        /// What came back.
        why: String,
    },
}

/// Keeps journals and documents. Every method may be called from any thread; each returns once its work is done.
pub trait Store: Send + Sync {
    /// Appends a line, which must be the `seq`-th of its journal, counted from 0. It survives our death when this
    /// returns. The line is kept as it is, without its line end.
    ///
    /// # Errors
    /// It is not the next line, the fence is old, or the disk fails: then nothing was appended.
    fn append(&self, journal: &str, seq: u64, line: &[u8], fence: Fence) -> Result<(), StoreError>;

    /// Waits until all that was written survives a loss of power too.
    fn sync(&self) -> Result<(), StoreError>;

    /// Lines of a journal, from the `from`-th on, at most `most`; none when there is no such journal.
    fn lines(&self, journal: &str, from: u64, most: usize) -> Result<Vec<Vec<u8>>, StoreError>;

    /// How many lines a journal has; 0 when there is no such journal.
    fn length(&self, journal: &str) -> Result<u64, StoreError>;

    /// The names of journals that begin with `prefix` and come after `after`, in the order of their bytes, at most
    /// `most`.
    fn journals(&self, prefix: &str, after: &str, most: usize) -> Result<Vec<String>, StoreError>;

    /// Takes the lease for `how_long` from `now` on, once whoever held it has let it go or let it run out.
    ///
    /// # Errors
    /// Somebody else holds it.
    fn take(&self, holder: &str, now: Timestamp, how_long: Duration) -> Result<Fence, StoreError>;

    /// Holds the lease for `how_long` from `now` on.
    ///
    /// # Errors
    /// Somebody else has taken it.
    fn renew(&self, fence: Fence, now: Timestamp, how_long: Duration) -> Result<(), StoreError>;

    /// Lets the lease go. Nothing when it is held by another by now.
    fn release(&self, fence: Fence) -> Result<(), StoreError>;

    /// Puts a document whose version is `expected`, 0 for one that is not there yet; gives its new version.
    ///
    /// # Errors
    /// It has another version.
    fn put(
        &self,
        folder: &str,
        name: &str,
        text: &[u8],
        expected: u64,
        fence: Fence,
    ) -> Result<u64, StoreError>;

    /// A document; absent: no such document.
    fn get(&self, folder: &str, name: &str) -> Result<Option<Document>, StoreError>;

    /// The documents of a folder whose names come after `after`, in the order of their bytes, at most `most`.
    fn list(&self, folder: &str, after: &str, most: usize) -> Result<Vec<Document>, StoreError>;

    /// Removes a document whose version is `expected`.
    ///
    /// # Errors
    /// It has another version, or is not there.
    fn remove(&self, folder: &str, name: &str, expected: u64, fence: Fence) -> Result<(), StoreError>;
}

/// A name is plain text that files, addresses and messages can hold.
fn fit_name(what: &'static str, name: &str) -> Result<(), StoreError> {
    let unfit = |why: String| Err(StoreError::Unfit { what, why });
    if name.is_empty() {
        return unfit("it is empty".to_owned());
    }
    if name.len() > NAME_MAX_BYTES {
        return unfit(format!("it is {} bytes long and may have {NAME_MAX_BYTES}", name.len()));
    }
    if let Some(bad) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_./".contains(*c))) {
        return unfit(format!(
            "it holds `{}`; letters, digits, `-`, `_`, `.` and `/` are taken",
            bad.escape_debug()
        ));
    }
    Ok(())
}

fn fit_text(what: &'static str, text: &[u8], most: usize) -> Result<(), StoreError> {
    if text.len() > most {
        let why = format!("it is {} bytes long and may have {most}", text.len());
        return Err(StoreError::Unfit { what, why });
    }
    Ok(())
}

/// A journal is read line by line, so that a line holds no line end.
fn fit_line(line: &[u8]) -> Result<(), StoreError> {
    fit_text("a line", line, LINE_MAX_BYTES)?;
    if line.contains(&b'\n') {
        return Err(StoreError::Unfit { what: "a line", why: "it holds a line end".to_owned() });
    }
    Ok(())
}
