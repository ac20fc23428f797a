//! The books: every journal and document of the office, who waits for new lines, and the fence that is written with.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::coordinator::clock;
use crate::store::{Document, Fence, Store, StoreError};

/// How long the lease lasts without a renewal.
const LEASE: Duration = Duration::from_secs(30);
/// Lines that are read at a time.
pub(in crate::coordinator) const LINES_AT_ONCE: usize = 1_000;
/// The folder of the last number of each name.
const NUMBERS: &str = "numbers";
/// Documents that are read at a time.
const DOCUMENTS_AT_ONCE: usize = 500;

/// What is kept, with the right to write it.
pub(in crate::coordinator) struct Books {
    store: Arc<dyn Store>,
    fence: Fence,
    /// How many lines each journal has that is open, for those who wait.
    open: Mutex<BTreeMap<String, watch::Sender<u64>>>,
    changes: watch::Sender<u64>,
    appends: AtomicU64,
    append_nanos: AtomicU64,
}

/// The journal of a game day.
pub(in crate::coordinator) fn day_journal(id: &str) -> String {
    format!("gamedays/{id}")
}

/// The journal of a drill.
pub(in crate::coordinator) fn drill_journal(id: &str) -> String {
    format!("drills/{id}")
}

impl Books {
    /// Takes the lease.
    pub(super) fn open(store: Arc<dyn Store>, holder: &str, now: Timestamp) -> Result<Self, StoreError> {
        let fence = store.take(holder, now, LEASE)?;
        Ok(Self {
            store,
            fence,
            open: Mutex::default(),
            changes: watch::channel(0).0,
            appends: AtomicU64::new(0),
            append_nanos: AtomicU64::new(0),
        })
    }

    pub(super) fn renew(&self, now: Timestamp) -> Result<(), StoreError> {
        self.store.renew(self.fence, now, LEASE)
    }

    pub(super) fn release(&self) -> Result<(), StoreError> {
        self.store.release(self.fence)
    }

    fn watched(&self) -> MutexGuard<'_, BTreeMap<String, watch::Sender<u64>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a line and tells those who wait for it.
    pub(in crate::coordinator) fn append(
        &self,
        journal: &str,
        seq: u64,
        line: &[u8],
    ) -> Result<(), StoreError> {
        let began = clock::instant();
        self.store.append(journal, seq, line, self.fence)?;
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.appends.fetch_add(1, Ordering::Relaxed);
        self.append_nanos.fetch_add(took, Ordering::Relaxed);
        let mut open = self.watched();
        match open.get(journal) {
            Some(lines) => drop(lines.send_replace(seq + 1)),
            None => drop(open.insert(journal.to_owned(), watch::channel(seq + 1).0)),
        }
        Ok(())
    }

    /// How many lines were appended, and the seconds that took.
    pub(super) fn appended(&self) -> (u64, f64) {
        let nanos = self.append_nanos.load(Ordering::Relaxed);
        (self.appends.load(Ordering::Relaxed), Duration::from_nanos(nanos).as_secs_f64())
    }

    /// Lines will follow, also where none has since this process began.
    pub(in crate::coordinator) fn goes_on(&self, journal: &str) -> Result<(), StoreError> {
        let lines = self.store.length(journal)?;
        self.watched().entry(journal.to_owned()).or_insert_with(|| watch::channel(lines).0);
        Ok(())
    }

    /// No line will follow: those who wait are told so.
    pub(in crate::coordinator) fn shut(&self, journal: &str) {
        self.watched().remove(journal);
        self.changed();
    }

    /// How many lines a journal has, and every change of it.
    pub(super) fn lines_of(&self, journal: &str) -> Result<watch::Receiver<u64>, StoreError> {
        if let Some(lines) = self.watched().get(journal) {
            return Ok(lines.subscribe());
        }
        Ok(watch::channel(self.store.length(journal)?).1)
    }

    /// Something changed that a list shows.
    pub(in crate::coordinator) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(in crate::coordinator) fn sync(&self) -> Result<(), StoreError> {
        self.store.sync()
    }

    pub(in crate::coordinator) fn length(&self, journal: &str) -> Result<u64, StoreError> {
        self.store.length(journal)
    }

    /// Lines from the `from`-th on, without their line ends.
    pub(super) fn lines(&self, journal: &str, from: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        self.store.lines(journal, from, LINES_AT_ONCE)
    }

    /// A whole journal, as a file would hold it.
    pub(in crate::coordinator) fn read(&self, journal: &str) -> Result<Vec<u8>, StoreError> {
        let (mut bytes, mut from) = (Vec::new(), 0);
        loop {
            let lines = self.store.lines(journal, from, LINES_AT_ONCE)?;
            if lines.is_empty() {
                return Ok(bytes);
            }
            from += lines.len() as u64;
            for line in lines {
                bytes.extend_from_slice(&line);
                bytes.push(b'\n');
            }
        }
    }

    /// The names of all journals that begin with this, without it.
    pub(super) fn journals(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let found = self.store.journals(prefix, &after, LINES_AT_ONCE)?;
            let Some(last) = found.last() else { return Ok(all) };
            after.clone_from(last);
            all.extend(found.iter().map(|name| name[prefix.len()..].to_owned()));
        }
    }

    pub(super) fn get(&self, folder: &str, name: &str) -> Result<Option<Document>, StoreError> {
        self.store.get(folder, name)
    }

    pub(super) fn put(
        &self,
        folder: &str,
        name: &str,
        text: &[u8],
        expected: u64,
    ) -> Result<u64, StoreError> {
        self.store.put(folder, name, text, expected, self.fence)
    }

    /// Puts a text in place of what is there. There is one writer, so that nobody is overtaken.
    pub(in crate::coordinator) fn replace(
        &self,
        folder: &str,
        name: &str,
        text: &[u8],
    ) -> Result<(), StoreError> {
        let is = self.store.get(folder, name)?.map_or(0, |document| document.version);
        self.put(folder, name, text, is).map(drop)
    }

    /// The same for anything that can be written as JSON.
    pub(in crate::coordinator) fn replace_with<T: Serialize>(
        &self,
        folder: &str,
        name: &str,
        thing: &T,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_vec(thing)
            .map_err(|error| StoreError::Failed { deed: "write a document", why: error.to_string() })?;
        self.replace(folder, name, &text)
    }

    /// All documents of a folder that can be read as such a thing. One that cannot is left out: what it says stands in
    /// a journal too.
    pub(super) fn all<T: DeserializeOwned>(&self, folder: &str) -> Result<Vec<(String, T)>, StoreError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let found = self.store.list(folder, &after, DOCUMENTS_AT_ONCE)?;
            let Some(last) = found.last() else { return Ok(all) };
            after.clone_from(&last.name);
            let read =
                |document: Document| Some((document.name, serde_json::from_slice(&document.text).ok()?));
            all.extend(found.into_iter().filter_map(read));
        }
    }

    /// Gives the last number of a name back, for nothing was made of it.
    pub(super) fn not_taken(&self, name: &str, number: u64) -> Result<(), StoreError> {
        let Some(found) = self.store.get(NUMBERS, name)? else { return Ok(()) };
        if found.text != number.to_string().as_bytes() {
            return Ok(());
        }
        let before = number.saturating_sub(1).to_string();
        self.put(NUMBERS, name, before.as_bytes(), found.version).map(drop)
    }

    /// The next number for a name: 1, 2, 3, …
    pub(super) fn next_number(&self, name: &str) -> Result<u64, StoreError> {
        let found = self.store.get(NUMBERS, name)?;
        let last =
            found.as_ref().and_then(|document| std::str::from_utf8(&document.text).ok()?.parse::<u64>().ok());
        let next = last.unwrap_or(0) + 1;
        let version = found.map_or(0, |document| document.version);
        self.put(NUMBERS, name, next.to_string().as_bytes(), version)?;
        Ok(next)
    }
}
