//! `stall` in one direction of one stream: where it begins, how long it lasts, what it held.

use super::record::Record;
use crate::fault::Stall;

/// Goes on through changes of the fault's parameters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hold {
    /// Since when nothing flows; 0 before.
    since_ns: u64,
    /// Up to which byte of the stream what waits has been counted.
    counted_to: u64,
    /// Something waited, so there is something to measure once it is over.
    felt: bool,
    measured: bool,
}

impl Hold {
    /// How many bytes may leave after `passed` have; otherwise when it is over, 0 for never by itself.
    pub(super) fn ask(&mut self, stall: &Stall, passed: u64, now_ns: u64) -> Result<u64, u64> {
        let left = stall.passes_first().saturating_sub(passed);
        if left > 0 {
            return Ok(left);
        }
        if self.since_ns == 0 {
            self.since_ns = now_ns;
        }
        match stall.over_ns(self.since_ns) {
            0 => Err(0),
            over_ns if now_ns < over_ns => Err(over_ns),
            _ => Ok(u64::MAX),
        }
    }

    /// What waits behind `passed` bytes would have left without it. Returns how many of them were not counted before.
    pub(super) fn keeps(&mut self, passed: u64, waiting: u64) -> u64 {
        self.felt = true;
        let from = self.counted_to.max(passed);
        self.counted_to = from.max(passed + waiting);
        self.counted_to - from
    }

    /// Once it is over and was felt: how long it lasted, beside how long it should have.
    pub(super) fn measure(&mut self, stall: &Stall, record: &Record, now_ns: u64) {
        let over_ns = stall.over_ns(self.since_ns);
        if !self.felt || self.measured || over_ns == 0 || now_ns < over_ns {
            return;
        }
        self.measured = true;
        record.measured((now_ns - self.since_ns) / 1_000, (over_ns - self.since_ns) / 1_000);
    }
}

/// What two holds allow together. One that lasts until it is removed lasts longest.
pub(super) fn both(one: Result<u64, u64>, other: Result<u64, u64>) -> Result<u64, u64> {
    match (one, other) {
        (Ok(a), Ok(b)) => Ok(a.min(b)),
        (Err(0), Err(_)) | (Err(_), Err(0)) => Err(0),
        (Err(a), Err(b)) => Err(a.max(b)),
        (Err(at), Ok(_)) | (Ok(_), Err(at)) => Err(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stall(json: &str) -> Stall {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn bytes_before_its_place_pass_and_the_rest_waits_for_its_time() {
        let (mut hold, stall) = (Hold::default(), stall(r#"{"after_bytes": "10B", "for": "1s"}"#));
        assert_eq!(hold.ask(&stall, 4, 5), Ok(6));
        assert_eq!(hold.ask(&stall, 10, 7), Err(1_000_000_007));
        assert_eq!(hold.ask(&stall, 10, 1_000_000_006), Err(1_000_000_007));
        assert_eq!(hold.ask(&stall, 10, 1_000_000_007), Ok(u64::MAX));
        assert_eq!(hold.ask(&stall, 99, 2_000_000_000), Ok(u64::MAX), "once a stream");
    }

    #[test]
    fn without_a_time_it_ends_with_the_fault() {
        let mut hold = Hold::default();
        assert_eq!(hold.ask(&stall("{}"), 0, 5), Err(0));
        assert_eq!(hold.ask(&stall("{}"), 0, u64::MAX / 2), Err(0));
        let timed = stall(r#"{"for": "2s"}"#);
        assert_eq!(hold.ask(&timed, 0, 2_000_000_005), Ok(u64::MAX), "counted from when it began");
        assert_eq!([both(Err(0), Err(9)), both(Ok(3), Err(9)), both(Ok(3), Ok(2))], [Err(0), Err(9), Ok(2)]);
    }

    #[test]
    fn each_byte_that_waits_counts_once() {
        let mut hold = Hold::default();
        let counts: Vec<u64> = [30, 30, 45].into_iter().map(|waiting| hold.keeps(100, waiting)).collect();
        assert_eq!(counts, [30, 0, 15]);
    }

    #[test]
    fn only_a_stall_that_was_felt_is_measured_and_only_once() {
        let (record, timed) = (Record::default(), stall(r#"{"for": "1s"}"#));
        let mut hold = Hold::default();
        let _ = hold.ask(&timed, 0, 5_000);
        hold.measure(&timed, &record, 2_000_000_000);
        assert_eq!(record.evidence(1.0).achieved, None);
        hold.keeps(0, 4);
        hold.measure(&timed, &record, 2_000_005_000);
        hold.measure(&timed, &record, 3_000_005_000);
        let (achieved, requested) = (record.evidence(1.0).achieved, record.evidence(1.0).requested);
        assert_eq!(achieved.map(|spread| spread.count), Some(1));
        assert!(achieved.unwrap().min >= requested.unwrap().max, "never early");
    }
}
