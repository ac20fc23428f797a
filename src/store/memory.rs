//! A store that is gone with its process, for tests.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{DOCUMENT_MAX_BYTES, Document, Fence, Store, StoreError, fit_line, fit_name, fit_text};

/// Keeps all in memory.
#[derive(Debug, Default)]
pub struct Memory {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    journals: BTreeMap<String, Vec<Vec<u8>>>,
    documents: BTreeMap<(String, String), (u64, Vec<u8>)>,
    lease: Option<Lease>,
    token: u64,
}

#[derive(Debug)]
struct Lease {
    holder: String,
    until: Timestamp,
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn hold(&self, fence: Fence) -> Result<(), StoreError> {
        match &self.lease {
            Some(_) if fence.0 == self.token => Ok(()),
            Some(lease) => Err(StoreError::Fenced { by: lease.holder.clone() }),
            None => Err(StoreError::Fenced { by: "nobody".to_owned() }),
        }
    }

    fn version(&self, key: &(String, String)) -> u64 {
        self.documents.get(key).map_or(0, |(version, _)| *version)
    }

    fn expect(&self, key: &(String, String), expected: u64) -> Result<(), StoreError> {
        let is = self.version(key);
        if is == expected {
            return Ok(());
        }
        let (folder, name) = key.clone();
        Err(StoreError::Changed { folder, name, expected, is })
    }
}

impl Store for Memory {
    fn append(&self, journal: &str, seq: u64, line: &[u8], fence: Fence) -> Result<(), StoreError> {
        fit_name("the journal's name", journal)?;
        fit_line(line)?;
        let mut kept = self.kept();
        kept.hold(fence)?;
        let next = kept.journals.get(journal).map_or(0, |lines| lines.len() as u64);
        if seq != next {
            return Err(StoreError::NotNext { journal: journal.to_owned(), seq, next });
        }
        kept.journals.entry(journal.to_owned()).or_default().push(line.to_vec());
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn lines(&self, journal: &str, from: u64, most: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let kept = self.kept();
        let Some(lines) = kept.journals.get(journal) else { return Ok(Vec::new()) };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(lines.iter().skip(from).take(most).cloned().collect())
    }

    fn length(&self, journal: &str) -> Result<u64, StoreError> {
        Ok(self.kept().journals.get(journal).map_or(0, |lines| lines.len() as u64))
    }

    fn journals(&self, prefix: &str, after: &str, most: usize) -> Result<Vec<String>, StoreError> {
        let kept = self.kept();
        let names = kept.journals.keys().filter(|name| name.starts_with(prefix) && name.as_str() > after);
        Ok(names.take(most).cloned().collect())
    }

    fn take(&self, holder: &str, now: Timestamp, how_long: Duration) -> Result<Fence, StoreError> {
        let mut kept = self.kept();
        if let Some(lease) = kept.lease.as_ref().filter(|lease| lease.until > now) {
            return Err(StoreError::Held { by: lease.holder.clone(), until: lease.until });
        }
        kept.token += 1;
        kept.lease = Some(Lease { holder: holder.to_owned(), until: until(now, how_long) });
        Ok(Fence(kept.token))
    }

    fn renew(&self, fence: Fence, now: Timestamp, how_long: Duration) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.hold(fence)?;
        if let Some(lease) = &mut kept.lease {
            lease.until = until(now, how_long);
        }
        Ok(())
    }

    fn release(&self, fence: Fence) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if kept.hold(fence).is_ok() {
            kept.lease = None;
        }
        Ok(())
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
        let mut kept = self.kept();
        kept.hold(fence)?;
        let key = (folder.to_owned(), name.to_owned());
        kept.expect(&key, expected)?;
        kept.documents.insert(key, (expected + 1, text.to_vec()));
        Ok(expected + 1)
    }

    fn get(&self, folder: &str, name: &str) -> Result<Option<Document>, StoreError> {
        let kept = self.kept();
        let found = kept.documents.get(&(folder.to_owned(), name.to_owned()));
        Ok(found.map(|(version, text)| Document {
            name: name.to_owned(),
            version: *version,
            text: text.clone(),
        }))
    }

    fn list(&self, folder: &str, after: &str, most: usize) -> Result<Vec<Document>, StoreError> {
        let kept = self.kept();
        let from = Bound::Excluded((folder.to_owned(), after.to_owned()));
        let found = kept
            .documents
            .range((from, Bound::Unbounded))
            .take_while(|((in_folder, _), _)| in_folder == folder);
        Ok(found
            .take(most)
            .map(|((_, name), (version, text))| Document {
                name: name.clone(),
                version: *version,
                text: text.clone(),
            })
            .collect())
    }

    fn remove(&self, folder: &str, name: &str, expected: u64, fence: Fence) -> Result<(), StoreError> {
        let mut kept = self.kept();
        kept.hold(fence)?;
        let key = (folder.to_owned(), name.to_owned());
        kept.expect(&key, expected)?;
        kept.documents.remove(&key);
        Ok(())
    }
}

/// A lease that would last past the end of time lasts until then.
pub(super) fn until(now: Timestamp, how_long: Duration) -> Timestamp {
    SignedDuration::try_from(how_long)
        .ok()
        .and_then(|how_long| now.checked_add(how_long).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Store, conformance};
    use super::Memory;

    #[test]
    fn memory_does_all_that_a_store_must() {
        for (name, hold) in conformance::ALL {
            let store: Arc<dyn Store> = Arc::new(Memory::new());
            println!("{name}");
            hold(&store);
        }
    }
}
