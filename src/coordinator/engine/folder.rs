//! The folder of a drill: its record in the files that people keep.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::outside::Paper;
use super::record::{JOURNAL, RecordError};

/// A folder with a journal that grows.
pub(super) struct Folder {
    path: PathBuf,
    journal: File,
}

impl Folder {
    /// Makes the folder and an empty journal in it.
    pub(super) fn make(path: &Path) -> Result<Self, RecordError> {
        DirBuilder::new()
            .recursive(true)
            .create(path)
            .map_err(|source| RecordError::new("make the folder", path.to_owned(), source))?;
        let journal = path.join(JOURNAL);
        // An old record is never written over.
        let opened = OpenOptions::new().create_new(true).append(true).open(&journal);
        let journal = opened.map_err(|source| RecordError::new("make the journal", journal, source))?;
        Ok(Self { path: path.to_owned(), journal })
    }

    /// Goes on with a journal of which this much is there. A last line that is not whole is cut off: what follows would
    /// stand on it.
    pub(super) fn go_on(path: &Path, journal: &[u8]) -> io::Result<Self> {
        let whole = journal.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let file = OpenOptions::new().append(true).open(path.join(JOURNAL))?;
        file.set_len(whole as u64)?;
        Ok(Self { path: path.to_owned(), journal: file })
    }

    /// On any file, to see what becomes of a record that breaks.
    #[cfg(test)]
    pub(super) fn on(path: &Path, journal: File) -> Self {
        Self { path: path.to_owned(), journal }
    }
}

impl Paper for Folder {
    // In the kernel's hands: a kill of ours cannot lose it.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.journal.write_all(line)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.journal.sync_data()
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        std::fs::read(self.path.join(JOURNAL))
    }

    // Written beside and renamed, so that a reader never sees half of it.
    fn keep(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        let (path, beside) = (self.path.join(name), self.path.join(format!("{name}.new")));
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, &path)
    }
}
