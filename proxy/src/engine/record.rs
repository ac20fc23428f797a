//! What a fault has done, counted where it was done. Written by data threads, read by anyone, locked by nobody.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::spread::Histogram;
use crate::control::wire::{Evidence, LEDGER_MAX, LedgerEntry};

/// The evidence of one fault on one route; outlives changes of its parameters.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) matched: AtomicU64,
    /// Numbers handed out to what matches, where a scope counts.
    numbered: AtomicU64,
    pub(super) faulted: AtomicU64,
    pub(super) bytes: AtomicU64,
    /// In microseconds or bytes per second.
    achieved: Histogram,
    requested: Histogram,
    ledger: Ledger,
    /// When the fault was armed; a change of its parameters is not.
    pub(super) armed_ns: u64,
}

impl Record {
    /// Of a fault that is armed now.
    pub(super) fn since(armed_ns: u64) -> Self {
        Self { armed_ns, ..Self::default() }
    }

    /// One measured deed beside what was asked for, in microseconds or bytes per second.
    pub(super) fn measured(&self, achieved: u64, requested: u64) {
        self.achieved.record(achieved);
        self.requested.record(requested);
    }

    /// The number of what matches next, from 1.
    pub(super) fn next(&self) -> u64 {
        self.numbered.fetch_add(1, Relaxed) + 1
    }

    /// One decision.
    pub(super) fn decided(&self, entry: LedgerEntry) {
        self.matched.fetch_add(1, Relaxed);
        self.ledger.push(entry);
    }

    /// One connection or request that was really hit.
    pub(super) fn hit(&self) {
        self.faulted.fetch_add(1, Relaxed);
    }

    /// Everything so far, `unit` being what one measured step is worth outside (0.001: microseconds as milliseconds).
    pub(super) fn evidence(&self, unit: f64) -> Evidence {
        Evidence {
            matched: self.matched.load(Relaxed),
            faulted: self.faulted.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            ledger_dropped: self.ledger.dropped(),
            achieved: self.achieved.spread(unit),
            requested: self.requested.spread(unit),
        }
    }

    /// The decisions kept, by ordinal.
    pub(super) fn ledger(&self) -> Vec<LedgerEntry> {
        self.ledger.read()
    }
}

const CHUNK: usize = 1024;
const CHUNKS: usize = LEDGER_MAX / CHUNK;

/// The first 65,536 decisions. A slot is taken by counting up and filled once, so that nobody ever waits.
#[derive(Debug)]
struct Ledger {
    /// How many decisions there were.
    next: AtomicU64,
    chunks: [OnceLock<Box<[OnceLock<LedgerEntry>]>>; CHUNKS],
}

impl Default for Ledger {
    fn default() -> Self {
        Self { next: AtomicU64::new(0), chunks: std::array::from_fn(|_| OnceLock::new()) }
    }
}

impl Ledger {
    fn push(&self, entry: LedgerEntry) {
        let at = usize::try_from(self.next.fetch_add(1, Relaxed)).unwrap_or(usize::MAX);
        if let Some(chunk) = self.chunks.get(at / CHUNK) {
            let slots = chunk.get_or_init(|| (0..CHUNK).map(|_| OnceLock::new()).collect());
            // The counter hands every slot out once, so it is always empty here.
            let _ = slots[at % CHUNK].set(entry);
        }
    }

    /// How many there was no room for.
    fn dropped(&self) -> u64 {
        self.next.load(Relaxed).saturating_sub(LEDGER_MAX as u64)
    }

    fn read(&self) -> Vec<LedgerEntry> {
        let chunks = self.chunks.iter().map_while(OnceLock::get);
        let mut all: Vec<_> =
            chunks.flat_map(|chunk| chunk.iter().filter_map(OnceLock::get).cloned()).collect();
        all.sort_by_key(|entry| entry.ordinal);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_keeps_the_oldest_and_counts_all() {
        let record = Record::default();
        for ordinal in 0..70_000 {
            record.decided(LedgerEntry { ordinal, hit: false, drawn: None, drawn_request: 0, timed: false });
        }
        let ledger = record.ledger();
        assert_eq!((ledger.len(), ledger[65_535].ordinal), (65_536, 65_535));
        let evidence = record.evidence(1.0);
        assert_eq!((evidence.matched, evidence.ledger_dropped), (70_000, 70_000 - 65_536));
        // What the kernel turned away was decided by nobody.
        let record = Record::default();
        record.matched.fetch_add(70_000, Relaxed);
        assert_eq!(record.evidence(1.0).ledger_dropped, 0);
    }
}
