//! A drill's record in the store: its journal's lines are rows, what else it keeps are documents.

use std::io;
use std::sync::Arc;

use crate::coordinator::engine::Paper;
use crate::coordinator::office::books::{Books, drill_journal};
use crate::store::StoreError;

/// The folder of documents that drills keep beside their journals.
pub(in crate::coordinator) const KEPT: &str = "drill-files";

/// A journal in the store that grows.
pub(super) struct StorePaper {
    books: Arc<Books>,
    drill: String,
    journal: String,
    lines: u64,
}

impl StorePaper {
    /// The journal of a drill, which goes on where it is.
    pub(super) fn of(books: Arc<Books>, drill: &str) -> Result<Self, StoreError> {
        let journal = drill_journal(drill);
        let lines = books.length(&journal)?;
        Ok(Self { books, drill: drill.to_owned(), journal, lines })
    }
}

fn io_error(error: StoreError) -> io::Error {
    io::Error::other(error)
}

impl Paper for StorePaper {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        self.books.append(&self.journal, self.lines, line).map_err(io_error)?;
        self.lines += 1;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.books.sync().map_err(io_error)
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        self.books.read(&self.journal).map_err(io_error)
    }

    fn keep(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        self.books.replace(KEPT, &format!("{}/{name}", self.drill), text).map_err(io_error)
    }
}
