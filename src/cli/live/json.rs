//! One JSON object per event: the shape of the journal's lines without their hashes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::drill::Summary;

/// Numbers the lines as the journal does; its line 0 holds the plan.
#[derive(Debug, Default)]
pub(super) struct Lines {
    count: u64,
}

impl Lines {
    /// `value` is an event, a command or a record: its kind and its data.
    pub(super) fn line(&mut self, at: jiff::Timestamp, mono: Duration, mut value: Value) -> String {
        self.count += 1;
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
