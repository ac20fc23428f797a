//! What worker and guardian say to each other: one JSON value per line, over the socket that they share. Both are the
//! same program, so there is one version; the guardian refuses a line that it cannot read by undoing everything.

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::identity::Identity;

/// The worker says that it lives this often, and the guardian answers.
pub(super) const BEAT_EVERY: Duration = Duration::from_millis(250);
/// A worker that says nothing for so long is stuck.
pub(super) const STUCK_AFTER: Duration = Duration::from_secs(3);
/// A guardian that leaves so many beats without answer is stuck.
pub(super) const UNANSWERED_MAX: u32 = 20;

/// The longest line; ours are far shorter.
const LINE_MAX: usize = 64 << 10;

/// From the worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToGuardian {
    /// I live.
    Beat,
    /// All faults may live until then (time since the host started).
    Lease {
        /// When the lease ends.
        until: Duration,
    },
    /// This fault must end then, whatever the lease says.
    Max {
        /// Its id.
        fault: String,
        /// When.
        until: Duration,
    },
    /// This fault was taken back.
    Forget {
        /// Its id.
        fault: String,
    },
    /// Everything was taken back: end.
    Stop,
}

/// From the guardian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToWorker {
    /// I am there and hold the undo journal.
    Ready {
        /// Who I am.
        guardian: Identity,
    },
    /// I heard you.
    Beat,
    /// I took this fault back.
    Undone {
        /// Its id.
        fault: String,
        /// Why.
        why: String,
    },
    /// I took everything back and end.
    Ending {
        /// Why.
        why: String,
    },
}

/// A line to send.
pub(super) fn line(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Bytes that came, until they are whole lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
}

impl Lines {
    /// Takes what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message; an error when it cannot be read.
    pub fn next<T: DeserializeOwned>(&mut self) -> Option<io::Result<T>> {
        match self.bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                Some(serde_json::from_slice(&line).map_err(io::Error::from))
            }
            None if self.bytes.len() > LINE_MAX => {
                Some(Err(io::Error::other(format!("a line is longer than {LINE_MAX} bytes"))))
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whole_however_the_bytes_arrive() {
        let sent =
            [ToGuardian::Beat, ToGuardian::Lease { until: Duration::from_millis(1_500) }, ToGuardian::Stop];
        let bytes: Vec<u8> = sent.iter().flat_map(|message| line(message).unwrap()).collect();
        for size in 1..bytes.len() {
            let (mut lines, mut received) = (Lines::default(), Vec::new());
            for chunk in bytes.chunks(size) {
                lines.push(chunk);
                received.extend(std::iter::from_fn(|| lines.next::<ToGuardian>()).map(Result::unwrap));
            }
            assert_eq!(received, sent, "in chunks of {size}");
        }
    }

    #[test]
    fn what_is_no_message_is_an_error_and_not_silence() {
        let mut lines = Lines::default();
        lines.push(b"nonsense\n");
        assert!(lines.next::<ToGuardian>().unwrap().is_err());
        lines.push(&vec![b'x'; LINE_MAX + 1]);
        assert!(lines.next::<ToGuardian>().unwrap().is_err(), "endless lines are not collected");
    }
}
