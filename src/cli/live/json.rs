//! One JSON object per event: the shape of the journal's lines without their hashes.

use std::path::Path;

use serde_json::{Value, json};

use super::Feed;
use crate::drill::{Command, Summary};

/// Numbers the lines as the journal does; its line 0 holds the plan.
#[derive(Debug, Default)]
pub(super) struct Lines {
    count: u64,
}

impl Lines {
    pub(super) fn line(&mut self, at: jiff::Timestamp, feed: &Feed) -> String {
        self.count += 1;
        let (mono, value) = match feed {
            Feed::Event(timed) => (timed.mono, serde_json::to_value(&timed.event)),
            // A record stands under its own kind.
            Feed::Command(timed) => (
                timed.mono,
                match &timed.event {
                    Command::Record(record) => serde_json::to_value(record),
                    command => serde_json::to_value(command),
                },
            ),
        };
        let mut value = value.unwrap_or_default();
        let (kind, data) = (value["kind"].take(), value["data"].take());
        let mono_ns = u64::try_from(mono.as_nanos()).unwrap_or(u64::MAX);
        let line = json!({
            "seq": self.count, "at": format!("{at:.6}"), "mono_ns": mono_ns, "kind": kind, "data": data
        });
        line.to_string()
    }

    pub(super) fn summary(&mut self, summary: &Summary, folder: &Path, head: Option<&str>) -> String {
        let summary = serde_json::to_value(summary).unwrap_or(Value::Null);
        json!({"kind": "drill.summary", "data": {"summary": summary, "folder": folder, "head": head}})
            .to_string()
    }
}
