//! The folder of a drill: the journal as it grows, and the summary at the end.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::Setup;
use crate::coordinator::clock;
use crate::drill::journal::{CLOSED, Chain, PLANNED};
use crate::drill::summary::Summary;
use crate::score::Scorecard;

/// A file that went into the plan.
#[derive(Clone, Debug, Serialize)]
pub struct Input {
    /// Its path as it was given or found.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Why a record cannot be kept. A drill without a record is not started, and one that loses it is stopped.
#[derive(Debug, thiserror::Error)]
#[error("cannot {deed} `{}`: {source}; {}choose another folder with `--out DIR`", path.display(), self.meanwhile())]
pub struct RecordError {
    deed: &'static str,
    path: PathBuf,
    source: io::Error,
    /// What the drill came to, once it had begun: known, though not on record.
    pub came_to: Option<Box<Summary>>,
}

impl RecordError {
    fn meanwhile(&self) -> &'static str {
        match self.came_to.as_ref().map(|summary| summary.exit) {
            None => "",
            Some(7) => "the drill was stopped and left something behind (`firedrill agent heal`); ",
            Some(_) => "the drill was stopped and everything taken back; ",
        }
    }
}

/// The growing record.
#[derive(Debug)]
pub(super) struct Recorder {
    folder: PathBuf,
    journal: File,
    chain: Chain,
}

impl Recorder {
    /// Makes the folder and the journal, and writes line 0.
    pub(super) fn open(setup: &Setup) -> Result<Self, RecordError> {
        let folder = setup.folder.clone();
        let wrong = |deed, path: &Path| {
            let path = path.to_owned();
            move |source| RecordError { deed, path, source, came_to: None }
        };
        DirBuilder::new().recursive(true).create(&folder).map_err(wrong("make the folder", &folder))?;
        let path = folder.join("journal.jsonl");
        // An old record is never written over.
        let journal = OpenOptions::new().create_new(true).append(true).open(&path);
        let journal = journal.map_err(wrong("make the journal", &path))?;
        let mut recorder = Self { folder, journal, chain: Chain::default() };
        let plan = json!({
            "drill": setup.drill,
            "firedrill": env!("CARGO_PKG_VERSION"),
            "plan": setup.plan,
            "inputs": setup.inputs,
        });
        recorder.line(Duration::ZERO, PLANNED, &plan)?;
        Ok(recorder)
    }

    /// On any file, to see what becomes of a record that breaks.
    #[cfg(test)]
    pub(super) fn on(folder: PathBuf, journal: File) -> Self {
        Self { folder, journal, chain: Chain::default() }
    }

    /// Appends a line. It is in the kernel's hands when this returns, so that a kill of ours cannot lose it.
    pub(super) fn line(&mut self, mono: Duration, kind: &str, data: &Value) -> Result<(), RecordError> {
        let mut line = self.chain.seal(clock::wall(), mono, kind, data);
        line.push('\n');
        self.journal.write_all(line.as_bytes()).map_err(|source| self.failed("write", source))
    }

    /// Waits until all lines are on the disk, so that a loss of power cannot lose them either.
    pub(super) fn sync(&mut self) -> Result<(), RecordError> {
        self.journal.sync_data().map_err(|source| self.failed("write", source))
    }

    fn failed(&self, deed: &'static str, source: io::Error) -> RecordError {
        RecordError { deed, path: self.folder.join("journal.jsonl"), source, came_to: None }
    }

    /// What the journal is worth so far; absent when it cannot be read back, which is then said in the log.
    pub(super) fn score(&self) -> Option<Scorecard> {
        let journal = std::fs::read(self.folder.join("journal.jsonl")).ok()?;
        // A mistake in the score must not cost the record its closing line.
        match catch_unwind(|| Scorecard::of(&journal)) {
            Ok(Ok(card)) => Some(card),
            Err(_) => {
                tracing::error!("the journal cannot be scored: internal failure");
                None
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the journal cannot be scored");
                None
            }
        }
    }

    /// Keeps the scorecard beside the journal.
    pub(super) fn keep_scorecard(&self, card: Option<&Scorecard>) -> Result<(), RecordError> {
        match card.map(Scorecard::to_json_bytes) {
            Some(Ok(text)) => self.keep("scorecard.json", &text),
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Writes a file beside and renames it, so that a reader never sees half of it.
    fn keep(&self, name: &str, text: &[u8]) -> Result<(), RecordError> {
        let (path, beside) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, &path))
            .map_err(|source| RecordError { deed: "write", path, source, came_to: None })
    }

    /// Writes the closing line and the summary; gives the hash of the last line.
    pub(super) fn close(&mut self, mono: Duration, summary: &Summary) -> Result<String, RecordError> {
        let data = json!({"lines": self.chain.len(), "exit": summary.exit, "reasons": summary.reasons});
        self.line(mono, CLOSED, &data)?;
        self.sync()?;
        let head = self.chain.head().to_owned();
        let mut whole = json!({"firedrill": "v1", "journal": {"lines": self.chain.len(), "head": head}});
        whole["summary"] = serde_json::to_value(summary).unwrap_or_default();
        let text = serde_json::to_vec_pretty(&whole).unwrap_or_default();
        self.keep("summary.json", &text)?;
        Ok(head)
    }
}
