//! A store in memory with somebody before it who sees every line first.

use std::ops::Deref;
use std::time::Duration;

use jiff::Timestamp;

use crate::store::{Document, Fence, Memory, Store, StoreError};

/// Sees each line of a journal before it is kept, and may hold it up or refuse it.
pub(super) trait Guard: Send + Sync {
    fn before(&self, journal: &str, seq: u64, line: &[u8]) -> Result<(), StoreError>;
}

/// Keeps all in memory, as far as its guard lets it.
#[derive(Default)]
pub(super) struct Guarded<G> {
    memory: Memory,
    guard: G,
}

impl<G> Deref for Guarded<G> {
    type Target = G;

    fn deref(&self) -> &G {
        &self.guard
    }
}

impl<G: Guard> Store for Guarded<G> {
    fn append(&self, journal: &str, seq: u64, line: &[u8], fence: Fence) -> Result<(), StoreError> {
        self.guard.before(journal, seq, line)?;
        self.memory.append(journal, seq, line, fence)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.memory.sync()
    }

    fn lines(&self, journal: &str, from: u64, most: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.memory.lines(journal, from, most)
    }

    fn length(&self, journal: &str) -> Result<u64, StoreError> {
        self.memory.length(journal)
    }

    fn journals(&self, prefix: &str, after: &str, most: usize) -> Result<Vec<String>, StoreError> {
        self.memory.journals(prefix, after, most)
    }

    fn take(&self, holder: &str, now: Timestamp, how_long: Duration) -> Result<Fence, StoreError> {
        self.memory.take(holder, now, how_long)
    }

    fn renew(&self, fence: Fence, now: Timestamp, how_long: Duration) -> Result<(), StoreError> {
        self.memory.renew(fence, now, how_long)
    }

    fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.memory.release(fence)
    }

    fn put(
        &self,
        folder: &str,
        name: &str,
        text: &[u8],
        expected: u64,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        self.memory.put(folder, name, text, expected, fence)
    }

    fn get(&self, folder: &str, name: &str) -> Result<Option<Document>, StoreError> {
        self.memory.get(folder, name)
    }

    fn list(&self, folder: &str, after: &str, most: usize) -> Result<Vec<Document>, StoreError> {
        self.memory.list(folder, after, most)
    }

    fn remove(&self, folder: &str, name: &str, expected: u64, fence: Fence) -> Result<(), StoreError> {
        self.memory.remove(folder, name, expected, fence)
    }
}
