//! The undo journal's bytes: a mark, then records of length, checksum and JSON. The rest of the file is zeros.

use serde::{Deserialize, Serialize};

use super::crc::crc32;
use super::step::UndoStep;
use crate::agent::identity::Identity;

/// The version of what is written here; a reader refuses to act on a later one.
pub(in crate::agent) const VERSION: u32 = 1;

/// The first bytes of every undo journal.
pub(super) const MARK: &[u8; 8] = b"fd-undo\n";

/// Length and checksum before each record.
const FRAME: usize = 8;

/// The longest record: an intent that names the most processes one fault may hit.
pub(super) const RECORD_MAX: usize = 2 << 20;

/// What an undo journal says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::agent) enum Entry {
    /// First: whose it is.
    Opened {
        /// [`VERSION`].
        version: u32,
        /// The drill.
        owner: String,
        /// Which start of the host.
        boot_id: String,
        /// Which table of process numbers.
        pid_namespace: String,
        /// The process that does the deeds.
        worker: Identity,
    },
    /// The process that only undoes.
    Guardian {
        /// Which.
        guardian: Identity,
    },
    /// Before the deed: what is about to be done, and the way back.
    Intent {
        /// The fault's id.
        fault: String,
        /// Its kind.
        kind: String,
        /// The way back; empty where there is none (class C).
        undo: Vec<UndoStep>,
        /// What was already as the fault would make it, and is left alone by the way back too.
        left_alone: Vec<Identity>,
    },
    /// The deed was done and its effect seen.
    Applied {
        /// The fault's id.
        fault: String,
    },
    /// The way back was gone.
    Undone {
        /// The fault's id.
        fault: String,
        /// Who went it.
        by: Undoer,
        /// How much could not be taken back.
        residue: u32,
    },
}

/// Who took a fault back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::agent) enum Undoer {
    /// The process that did the deed.
    Worker,
    /// The guardian.
    Guardian,
    /// A later life.
    Heal,
    /// A restart of the host: the processes are gone.
    Reboot,
}

/// How an undo journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Tail {
    /// After a whole record.
    Clean,
    /// In the middle of a record: its writer died before the record counted, so the deed was not begun.
    Torn,
    /// With a whole record that this version cannot read.
    Foreign,
}

/// One record, framed; an error when it is too long.
pub(super) fn encode(entry: &Entry) -> std::io::Result<Vec<u8>> {
    let body = serde_json::to_vec(entry)?;
    if body.len() > RECORD_MAX {
        let limit = format!("the way back takes {} bytes and may take {RECORD_MAX}", body.len());
        return Err(std::io::Error::other(limit));
    }
    let mut out = Vec::with_capacity(FRAME + body.len());
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(crc32(&body).to_le_bytes());
    out.extend(body);
    Ok(out)
}

/// The record at the start of `bytes` and its whole length.
fn first(bytes: &[u8]) -> Result<(Entry, usize), Tail> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(if bytes.iter().all(|byte| *byte == 0) { Tail::Clean } else { Tail::Torn });
    };
    let length = u32::from_le_bytes(*length) as usize;
    let Some((sum, rest)) = rest.split_first_chunk::<4>() else {
        return Err(if bytes.iter().all(|byte| *byte == 0) { Tail::Clean } else { Tail::Torn });
    };
    let sum = u32::from_le_bytes(*sum);
    if (length, sum) == (0, 0) {
        return Err(Tail::Clean);
    }
    match rest.get(..length) {
        Some(body) if length <= RECORD_MAX && crc32(body) == sum => {
            serde_json::from_slice(body).map(|entry| (entry, FRAME + length)).map_err(|_| Tail::Foreign)
        }
        _ => Err(Tail::Torn),
    }
}

/// All records from the start of `bytes`, how many bytes they take, and how it ends. Never fails: what cannot be read
/// is the tail.
pub(in crate::agent) fn decode(bytes: &[u8]) -> (Vec<Entry>, usize, Tail) {
    let (mut entries, mut at) = (Vec::new(), 0);
    loop {
        match first(&bytes[at..]) {
            Ok((entry, length)) => {
                entries.push(entry);
                at += length;
            }
            Err(tail) => return (entries, at, tail),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn journal(faults: &[String]) -> (Vec<Entry>, Vec<u8>) {
        let pinned = |n: usize| Identity { start: n as u64, pid: n as i32 };
        let entries: Vec<Entry> = faults
            .iter()
            .enumerate()
            .map(|(n, fault)| match n % 3 {
                0 => Entry::Intent {
                    fault: fault.clone(),
                    kind: "process_pause".into(),
                    undo: vec![UndoStep::Resume { process: pinned(n + 2), name: fault.clone() }],
                    left_alone: vec![pinned(n)],
                },
                1 => Entry::Applied { fault: fault.clone() },
                _ => Entry::Undone { fault: fault.clone(), by: Undoer::Guardian, residue: n as u32 },
            })
            .collect();
        let bytes = entries.iter().flat_map(|entry| encode(entry).unwrap()).collect();
        (entries, bytes)
    }

    /// One of each record, as version 1 writes them.
    fn one_of_each() -> Vec<Entry> {
        let process = Identity { start: 123_456, pid: 4_711 };
        vec![
            Entry::Opened {
                version: 1,
                owner: "checkout-2026-11-21".into(),
                boot_id: "4f2f6f3e-8f1c-4b53-9c8e-1a2b3c4d5e6f".into(),
                pid_namespace: "pid:[4026531836]".into(),
                worker: Identity { start: 123_000, pid: 4_000 },
            },
            Entry::Guardian { guardian: Identity { start: 123_001, pid: 4_001 } },
            Entry::Intent {
                fault: "freeze".into(),
                kind: "process_pause".into(),
                undo: vec![UndoStep::Resume { process, name: "api".into() }],
                left_alone: vec![Identity { start: 120_000, pid: 4_712 }],
            },
            Entry::Applied { fault: "freeze".into() },
            Entry::Undone { fault: "freeze".into(), by: Undoer::Guardian, residue: 0 },
        ]
    }

    #[test]
    fn what_version_1_wrote_is_read_for_ever() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/agent/undo/golden/v1.undo");
        let written: Vec<u8> = one_of_each().iter().flat_map(|entry| encode(entry).unwrap()).collect();
        let written = [&MARK[..], &written].concat();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &written).unwrap();
        }
        let golden = std::fs::read(path).unwrap();
        let (entries, _, tail) = decode(&golden[MARK.len()..]);
        assert_eq!((entries, tail), (one_of_each(), Tail::Clean));
        assert_eq!(written, golden, "the bytes changed: that is a new version");
    }

    #[test]
    fn a_record_with_a_good_sum_that_cannot_be_read_is_foreign_and_not_torn() {
        let body = br#"{"later":{}}"#;
        let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
        bytes.extend(crc32(body).to_le_bytes());
        bytes.extend(body);
        assert_eq!(decode(&bytes), (vec![], 0, Tail::Foreign));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let (_, read, _) = decode(&bytes);
            prop_assert!(read <= bytes.len());
        }

        #[test]
        fn whole_records_before_a_cut_are_read_and_nothing_after(
            faults in prop::collection::vec(".{0,12}", 0..6),
            cut in any::<prop::sample::Index>(),
            zeros in 0usize..64,
        ) {
            let (entries, bytes) = journal(&faults);
            let cut = cut.index(bytes.len() + 1);
            let mut left = bytes[..cut].to_vec();
            left.resize(cut + zeros, 0);
            let (read, at, tail) = decode(&left);
            prop_assert_eq!(&entries[..read.len()], &read[..]);
            prop_assert!(at <= cut);
            if cut == bytes.len() {
                prop_assert_eq!((read.len(), tail), (entries.len(), Tail::Clean));
            }
        }

        #[test]
        fn a_changed_byte_is_never_taken_for_a_record(
            faults in prop::collection::vec("[a-z]{1,8}", 1..5),
            place in any::<prop::sample::Index>(),
            flip in 1u8..,
        ) {
            let (entries, mut bytes) = journal(&faults);
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            let (read, at, _) = decode(&bytes);
            prop_assert!(at <= place && read.len() < entries.len());
            prop_assert_eq!(&entries[..read.len()], &read[..]);
        }
    }
}
