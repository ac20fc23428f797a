//! The pieces that a `slicer` cuts one direction of a connection into.

use super::record::Record;
use crate::fault::Slicer;
use crate::seed::Draws;

/// Where the stream is cut next. Goes on through changes of the fault's parameters.
#[derive(Debug)]
pub(super) struct Pieces {
    draws: Draws,
    /// Bytes until the next cut.
    left: u64,
    /// When the last piece was complete.
    ended_ns: u64,
    /// Bytes waited for the next one.
    waited: bool,
    /// More bytes were there than the piece takes.
    cut: bool,
}

impl Pieces {
    pub(super) fn new(slicer: &Slicer, mut draws: Draws) -> Self {
        let left = slicer.draw(&mut draws);
        Self { draws, left, ended_ns: 0, waited: false, cut: false }
    }

    /// Goes on with other sizes.
    pub(super) fn follow(&mut self, slicer: &Slicer) {
        self.left = self.left.min(slicer.draw(&mut self.draws));
    }

    /// How many of `want` bytes may leave now; otherwise when to ask again.
    pub(super) fn ask(&mut self, slicer: &Slicer, want: u64, now_ns: u64) -> Result<u64, u64> {
        let due_ns = self.ended_ns + slicer.delay.nanos();
        if self.ended_ns != 0 && now_ns < due_ns {
            self.waited = true;
            return Err(due_ns);
        }
        self.cut |= want > self.left;
        Ok(want.min(self.left))
    }

    /// `bytes` have left. Returns whether they were cut off from others, or had to wait for a piece before.
    pub(super) fn take(&mut self, slicer: &Slicer, bytes: u64, now_ns: u64, record: &Record) -> bool {
        let felt = self.cut || self.waited;
        if std::mem::take(&mut self.waited) {
            record.measured((now_ns - self.ended_ns) / 1_000, slicer.delay.nanos() / 1_000);
        }
        self.left = self.left.saturating_sub(bytes);
        if self.left == 0 {
            self.left = slicer.draw(&mut self.draws);
            (self.ended_ns, self.cut) = (now_ns, false);
        }
        felt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn pieces(json: &str) -> (Pieces, Slicer) {
        let slicer = serde_json::from_str(json).unwrap();
        (Pieces::new(&slicer, Seed(1).of_fault("r", "f").draws_at(0, 0)), slicer)
    }

    #[test]
    fn a_piece_ends_where_it_was_drawn_and_the_next_one_waits() {
        let record = Record::default();
        let (mut pieces, slicer) = pieces(r#"{"size": "4B", "delay": "1us"}"#);
        assert_eq!(pieces.ask(&slicer, 3, 10), Ok(3));
        assert!(!pieces.take(&slicer, 3, 10, &record), "nothing was cut off");
        assert_eq!(pieces.ask(&slicer, 9, 10), Ok(1), "a place in the stream, and not in what came together");
        assert!(pieces.take(&slicer, 1, 10, &record));
        assert_eq!(pieces.ask(&slicer, 8, 20), Err(1_010));
        assert_eq!(pieces.ask(&slicer, 8, 1_010), Ok(4));
        assert!(pieces.take(&slicer, 4, 2_010, &record));
        let evidence = record.evidence(1.0);
        assert_eq!((evidence.achieved.unwrap().max, evidence.requested.unwrap().max), (2.0, 1.0));
    }

    #[test]
    fn smaller_pieces_are_felt_at_once() {
        let (mut pieces, _) = pieces(r#"{"size": "1MB"}"#);
        let small = serde_json::from_str(r#"{"size": "10B", "variation": "3B"}"#).unwrap();
        pieces.follow(&small);
        assert!((7..=13).contains(&pieces.ask(&small, 1_000, 5).unwrap()));
    }
}
