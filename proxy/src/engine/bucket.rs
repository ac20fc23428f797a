//! How fast bytes may flow: GCRA in nanoseconds, and a measure of how fast they did.

/// What a bucket holds at most, as time at full rate.
const QUANTUM_NS: u64 = 4_000_000;
/// Below this many bytes in one go a slow rate would be all wake-ups, unless they took longer than `SLOW_NS`.
const QUANTUM_MIN_BYTES: u64 = 1460;
const SLOW_NS: u64 = 100_000_000;
/// How much of the time that was lost while bytes waited is made up for: a busy host wakes late, and the rate holds.
const MADE_UP_NS: u64 = 100_000_000;
/// How long to measure for one sample.
const SAMPLE_NS: u64 = 100_000_000;
/// A shorter stretch says nothing about a rate.
const SAMPLE_MIN_NS: u64 = 20_000_000;

/// The rate limit of one connection in one direction.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    rate: u64,
    quantum_bytes: u64,
    burst_ns: u64,
    /// When the bucket would be full again. What was let through too much stays here and is paid back by waiting.
    tat_ns: u64,
    window: Option<Window>,
}

/// A stretch during which bytes were held back all the time; it begins with a wait, so its bytes flow at the rate.
#[derive(Clone, Copy, Debug)]
struct Window {
    since_ns: u64,
    bytes: u64,
}

impl Bucket {
    /// Starts with one quantum, so that the first moments do not exceed the rate by much.
    pub(super) fn new(rate: u64, now_ns: u64) -> Self {
        let mut bucket = Self { rate, quantum_bytes: 1, burst_ns: 0, tat_ns: 0, window: None };
        bucket.set_rate(rate, now_ns);
        bucket.tat_ns = now_ns + bucket.burst_ns / 2;
        bucket
    }

    /// Goes on at another rate. A debt made at the old one is worth an empty bucket, no more: a fast rate does not wait
    /// for what a slow one would still have held back.
    pub(super) fn set_rate(&mut self, rate: u64, now_ns: u64) {
        self.rate = rate.max(1);
        let in_time = |ns: u64| {
            u64::try_from(u128::from(self.rate) * u128::from(ns) / 1_000_000_000).unwrap_or(u64::MAX)
        };
        self.quantum_bytes = in_time(QUANTUM_NS).max(QUANTUM_MIN_BYTES.min(in_time(SLOW_NS))).max(1);
        self.burst_ns = 2 * self.cost_ns(self.quantum_bytes);
        self.tat_ns = self.tat_ns.min(now_ns + self.burst_ns);
        self.window = None;
    }

    pub(super) const fn rate(&self) -> u64 {
        self.rate
    }

    /// How many of `want` bytes may leave now; otherwise when to ask again.
    pub(super) fn ask(&self, want: u64, now_ns: u64) -> Result<u64, u64> {
        let quantum = want.min(self.quantum_bytes);
        let tat_ns = self.counting_tat_ns(now_ns);
        let free_ns = (now_ns + self.burst_ns).saturating_sub(tat_ns);
        let free =
            u64::try_from(u128::from(free_ns) * u128::from(self.rate) / 1_000_000_000).unwrap_or(u64::MAX);
        if free >= quantum {
            return Ok(free.min(want));
        }
        Err((tat_ns + self.cost_ns(quantum)).saturating_sub(self.burst_ns).max(now_ns + 1))
    }

    /// Time in which nobody wanted to send is gone. Time in which bytes waited is not.
    fn counting_tat_ns(&self, now_ns: u64) -> u64 {
        let lost_ns = if self.window.is_some() { MADE_UP_NS } else { 0 };
        self.tat_ns.max(now_ns.saturating_sub(lost_ns))
    }

    /// `bytes` have left. True when they were held back before.
    pub(super) fn take(&mut self, bytes: u64, now_ns: u64) -> bool {
        self.tat_ns = self.counting_tat_ns(now_ns) + self.cost_ns(bytes);
        if let Some(window) = &mut self.window {
            window.bytes += bytes;
        }
        self.window.is_some()
    }

    /// Bytes are waiting for this bucket. Returns the rate measured, once a stretch is long enough.
    pub(super) fn waiting(&mut self, now_ns: u64) -> Option<u64> {
        match self.window {
            Some(window) if now_ns - window.since_ns < SAMPLE_NS => None,
            old => {
                self.window = Some(Window { since_ns: now_ns, bytes: 0 });
                old.and_then(|window| window.rate(now_ns))
            }
        }
    }

    /// Nothing is waiting any more. Returns the rate measured, if the stretch was long enough.
    pub(super) fn dry(&mut self, now_ns: u64) -> Option<u64> {
        self.window.take().filter(|window| now_ns - window.since_ns >= SAMPLE_MIN_NS)?.rate(now_ns)
    }

    fn cost_ns(&self, bytes: u64) -> u64 {
        u64::try_from((u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(self.rate)))
            .unwrap_or(u64::MAX / 8)
    }
}

impl Window {
    fn rate(self, now_ns: u64) -> Option<u64> {
        let elapsed = now_ns.checked_sub(self.since_ns).filter(|ns| *ns > 0)?;
        u64::try_from(u128::from(self.bytes) * 1_000_000_000 / u128::from(elapsed)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `total` bytes, waking `late_ns` too late each time; returns how long it took and the rates measured.
    fn send(rate: u64, total: u64, late_ns: u64) -> (u64, Vec<u64>) {
        let (mut now, mut left, start) = (1_000_000_000, total, 1_000_000_000);
        let mut bucket = Bucket::new(rate, now);
        let mut samples = Vec::new();
        while left > 0 {
            match bucket.ask(left, now) {
                Ok(n) => {
                    bucket.take(n, now);
                    left -= n;
                }
                Err(at) => {
                    samples.extend(bucket.waiting(now));
                    now = at + late_ns;
                }
            }
        }
        samples.extend(bucket.dry(now));
        (now - start, samples)
    }

    #[test]
    fn the_rate_is_kept_and_measured_even_when_wakes_come_late() {
        for (rate, total) in [(10_000, 20_000), (1_000_000, 2_000_000), (100_000_000, 100_000_000)] {
            let (took_ns, samples) = send(rate, total, 1_000_000);
            let achieved = total as f64 * 1e9 / took_ns as f64;
            let error = achieved / rate as f64 - 1.0;
            assert!(error.abs() < 0.08, "{rate}: {error:+.3}");
            assert!(!samples.is_empty());
            for sample in samples {
                assert!((sample as f64 / rate as f64 - 1.0).abs() < 0.12, "{rate}: measured {sample}");
            }
        }
    }

    #[test]
    fn what_a_busy_host_loses_by_waking_late_is_made_up_and_no_more() {
        for (rate, total) in [(1_000_000, 10_000_000), (100_000_000, 1_000_000_000)] {
            let (took_ns, _) = send(rate, total, 50_000_000);
            let error = total as f64 * 1e9 / took_ns as f64 / rate as f64 - 1.0;
            assert!(error.abs() < 0.005, "{rate}: {error:+.4}");
        }
        // Nobody sent for an hour, and one burst is all that is left of it.
        let bucket = Bucket::new(1_000_000, 5);
        assert_eq!(bucket.ask(1 << 30, 3_600_000_000_000), Ok(8_000));
    }

    #[test]
    fn the_first_moments_do_not_exceed_one_quantum() {
        let bucket = Bucket::new(1_000_000, 5);
        assert_eq!(bucket.ask(1 << 20, 5), Ok(4_000));
    }

    #[test]
    fn a_faster_rate_is_felt_at_once() {
        let mut bucket = Bucket::new(1, 1_000_000_000);
        while let Ok(n) = bucket.ask(8, 1_000_000_000) {
            bucket.take(n, 1_000_000_000);
        }
        bucket.set_rate(1_000_000, 1_000_000_000);
        let again = bucket.ask(8, 1_000_000_000).unwrap_err();
        assert!(again <= 1_010_000_000, "in {} ns", again - 1_000_000_000);
    }

    #[test]
    fn a_rate_of_one_byte_a_second_moves() {
        let (took_ns, _) = send(1, 4, 0);
        assert!((2_000_000_000..=4_000_000_000).contains(&took_ns), "{took_ns}");
    }
}
