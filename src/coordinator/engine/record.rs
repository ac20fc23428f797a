//! The record of a drill: the journal as it grows, and the summary at the end.

use std::io;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Setup;
use super::outside::Paper;
use crate::drill::journal::{CLOSED, Chain, PLANNED};
use crate::drill::summary::Summary;
use crate::score::Scorecard;

/// The journal's name in its folder.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// A file that went into the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub(super) fn new(deed: &'static str, path: PathBuf, source: io::Error) -> Self {
        Self { deed, path, source, came_to: None }
    }

    fn meanwhile(&self) -> &'static str {
        match self.came_to.as_ref().map(|summary| summary.exit) {
            None => "",
            Some(7) => "the drill was stopped and left something behind (`firedrill agent heal`); ",
            Some(_) => "the drill was stopped and everything taken back; ",
        }
    }
}

/// The growing record.
pub(super) struct Recorder {
    /// Where people find it.
    folder: PathBuf,
    paper: Box<dyn Paper>,
    chain: Chain,
    /// A line failed. None follows it, so that the record reads as cut there, and not as tampered with.
    ended: bool,
}

impl Recorder {
    /// Begins a record with its line 0.
    pub(super) fn open(setup: &Setup, paper: Box<dyn Paper>, wall: Timestamp) -> Result<Self, RecordError> {
        let mut recorder =
            Self { folder: setup.folder.clone(), paper, chain: Chain::default(), ended: false };
        let plan = json!({
            "drill": setup.drill,
            "firedrill": env!("CARGO_PKG_VERSION"),
            "plan": setup.plan,
            "playbook": setup.playbook,
            "inputs": setup.inputs,
        });
        recorder.line(wall, Duration::ZERO, PLANNED, &plan)?;
        Ok(recorder)
    }

    /// Goes on with a record of which this much is written.
    pub(super) fn go_on(folder: PathBuf, paper: Box<dyn Paper>, chain: Chain) -> Self {
        Self { folder, paper, chain, ended: false }
    }

    /// Appends a line.
    pub(super) fn line(
        &mut self,
        wall: Timestamp,
        mono: Duration,
        kind: &str,
        data: &Value,
    ) -> Result<(), RecordError> {
        if self.ended {
            let source = io::Error::other("a line before could not be written");
            return Err(self.failed(JOURNAL, source));
        }
        let mut line = self.chain.seal(wall, mono, kind, data);
        line.push('\n');
        let written = self.paper.append(line.as_bytes());
        self.ended = written.is_err();
        written.map_err(|source| self.failed(JOURNAL, source))
    }

    /// Waits until all lines are on the disk, so that a loss of power cannot lose them either.
    pub(super) fn sync(&mut self) -> Result<(), RecordError> {
        self.paper.sync().map_err(|source| self.failed(JOURNAL, source))
    }

    fn failed(&self, name: &str, source: io::Error) -> RecordError {
        RecordError::new("write", self.folder.join(name), source)
    }

    /// What the journal is worth so far; absent when it cannot be read back, which is then said in the log.
    pub(super) fn score(&self) -> Option<Scorecard> {
        let journal = self.paper.read().ok()?;
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
    pub(super) fn keep_scorecard(&mut self, card: Option<&Scorecard>) -> Result<(), RecordError> {
        match card.map(Scorecard::to_json_bytes) {
            Some(Ok(text)) => self.keep("scorecard.json", &text),
            Some(Err(_)) | None => Ok(()),
        }
    }

    fn keep(&mut self, name: &str, text: &[u8]) -> Result<(), RecordError> {
        self.paper.keep(name, text).map_err(|source| self.failed(name, source))
    }

    /// Writes the closing line and the summary; gives the hash of the last line.
    pub(super) fn close(
        &mut self,
        wall: Timestamp,
        mono: Duration,
        summary: &Summary,
    ) -> Result<String, RecordError> {
        let data = json!({"lines": self.chain.len(), "exit": summary.exit, "reasons": summary.reasons});
        self.line(wall, mono, CLOSED, &data)?;
        self.sync()?;
        self.keep_summary(summary)
    }

    /// Keeps the summary beside the closed journal; gives the hash of its last line.
    pub(super) fn keep_summary(&mut self, summary: &Summary) -> Result<String, RecordError> {
        let head = self.chain.head().to_owned();
        let mut whole = json!({"firedrill": "v1", "journal": {"lines": self.chain.len(), "head": head}});
        whole["summary"] = serde_json::to_value(summary).unwrap_or_default();
        let text = serde_json::to_vec_pretty(&whole).unwrap_or_default();
        self.keep("summary.json", &text)?;
        Ok(head)
    }
}
