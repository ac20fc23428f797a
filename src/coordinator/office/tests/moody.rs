//! A store that refuses to write some journals for a while, as a full disk would.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;

use crate::store::{Document, Fence, Memory, Store, StoreError};

/// Keeps all in memory; of the journals that it was told to refuse it takes no line.
#[derive(Default)]
pub(super) struct Moody {
    kept: Memory,
    refuses: Mutex<Vec<Refuses>>,
    refused: Mutex<u32>,
}

/// What is refused, and how often still.
struct Refuses {
    journal: &'static str,
    /// Lines that hold this.
    saying: &'static str,
    times: u32,
}

impl Moody {
    /// Refuses so many lines of these journals that say so.
    pub(super) fn refuse(&self, journal: &'static str, saying: &'static str, times: u32) {
        self.refuses.lock().unwrap().push(Refuses { journal, saying, times });
    }

    /// Takes everything again.
    pub(super) fn relent(&self) {
        self.refuses.lock().unwrap().clear();
    }

    /// How many lines it has refused.
    pub(super) fn refused(&self) -> u32 {
        *self.refused.lock().unwrap()
    }

    fn takes(&self, journal: &str, line: &[u8]) -> Result<(), StoreError> {
        let line = String::from_utf8_lossy(line);
        let mut refuses = self.refuses.lock().unwrap();
        let refused = refuses
            .iter_mut()
            .find(|refuses| refuses.journal == journal && refuses.times > 0 && line.contains(refuses.saying));
        let Some(refused) = refused else { return Ok(()) };
        refused.times -= 1;
        *self.refused.lock().unwrap() += 1;
        Err(StoreError::Failed { deed: "append a line", why: "no space left on device".to_owned() })
    }
}

impl Store for Moody {
    fn append(&self, journal: &str, seq: u64, line: &[u8], fence: Fence) -> Result<(), StoreError> {
        self.takes(journal, line)?;
        self.kept.append(journal, seq, line, fence)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.kept.sync()
    }

    fn lines(&self, journal: &str, from: u64, most: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.kept.lines(journal, from, most)
    }

    fn length(&self, journal: &str) -> Result<u64, StoreError> {
        self.kept.length(journal)
    }

    fn journals(&self, prefix: &str, after: &str, most: usize) -> Result<Vec<String>, StoreError> {
        self.kept.journals(prefix, after, most)
    }

    fn take(&self, holder: &str, now: Timestamp, how_long: Duration) -> Result<Fence, StoreError> {
        self.kept.take(holder, now, how_long)
    }

    fn renew(&self, fence: Fence, now: Timestamp, how_long: Duration) -> Result<(), StoreError> {
        self.kept.renew(fence, now, how_long)
    }

    fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.kept.release(fence)
    }

    fn put(
        &self,
        folder: &str,
        name: &str,
        text: &[u8],
        expected: u64,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        self.kept.put(folder, name, text, expected, fence)
    }

    fn get(&self, folder: &str, name: &str) -> Result<Option<Document>, StoreError> {
        self.kept.get(folder, name)
    }

    fn list(&self, folder: &str, after: &str, most: usize) -> Result<Vec<Document>, StoreError> {
        self.kept.list(folder, after, most)
    }

    fn remove(&self, folder: &str, name: &str, expected: u64, fence: Fence) -> Result<(), StoreError> {
        self.kept.remove(folder, name, expected, fence)
    }
}
