//! Many measurements in a few atomics: data threads add, the control plane reads, nobody waits.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::control::wire::Spread;

/// Buckets per power of two: a percentile is off by less than 1/128.
const PER_OCTAVE: u64 = 128;
const OCTAVES: u64 = 38;
const BUCKETS: usize = (PER_OCTAVE * (OCTAVES + 1)) as usize;

/// A histogram of whole numbers (microseconds, bytes per second). The 40 KB of it exist from the first value on.
#[derive(Debug)]
pub(super) struct Histogram {
    counts: OnceLock<Box<[AtomicU64]>>,
    min: AtomicU64,
    max: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: OnceLock::new(), min: AtomicU64::new(u64::MAX), max: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Adds one measurement.
    pub(super) fn record(&self, value: u64) {
        let counts = self.counts.get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        counts[bucket(value)].fetch_add(1, Relaxed);
        self.min.fetch_min(value, Relaxed);
        self.max.fetch_max(value, Relaxed);
    }

    /// The numbers that stand for all, each multiplied by `unit`; nothing when nothing was measured.
    pub(super) fn spread(&self, unit: f64) -> Option<Spread> {
        let counts = self.counts.get()?;
        let counts: Vec<u64> = counts.iter().map(|count| count.load(Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let (min, max) = (self.min.load(Relaxed), self.max.load(Relaxed));
        if count == 0 {
            return None;
        }
        let at = |share: f64| {
            let rank = ((count as f64 * share).ceil() as u64).clamp(1, count);
            let mut seen = 0;
            let found = counts.iter().position(|n| {
                seen += n;
                seen >= rank
            });
            middle(found.unwrap_or(0)).clamp(min as f64, max as f64)
        };
        Some(Spread {
            count,
            min: min as f64 * unit,
            p50: at(0.50) * unit,
            p99: at(0.99) * unit,
            max: max as f64 * unit,
        })
    }
}

/// Exact below 128; above, the top 8 bits choose.
fn bucket(value: u64) -> usize {
    if value < PER_OCTAVE {
        return value as usize;
    }
    let octave = u64::from(63 - value.leading_zeros()) - 7;
    let index = PER_OCTAVE * (octave + 1) + (value >> octave) - PER_OCTAVE;
    (index as usize).min(BUCKETS - 1)
}

/// The middle of a bucket.
fn middle(bucket: usize) -> f64 {
    let bucket = bucket as u64;
    if bucket < PER_OCTAVE {
        return bucket as f64;
    }
    let octave = bucket / PER_OCTAVE - 1;
    let low = (bucket % PER_OCTAVE + PER_OCTAVE) << octave;
    low as f64 + ((1u64 << octave) - 1) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_close_and_the_ends_exact() {
        let histogram = Histogram::default();
        assert_eq!(histogram.spread(1.0), None);
        for value in 1..=100_000 {
            histogram.record(value);
        }
        let spread = histogram.spread(0.001).unwrap();
        assert_eq!((spread.count, spread.min, spread.max), (100_000, 0.001, 100.0));
        assert!((spread.p50 - 50.0).abs() < 0.5, "{spread:?}");
        assert!((spread.p99 - 99.0).abs() < 1.0, "{spread:?}");
    }

    #[test]
    fn every_number_has_a_bucket_that_is_close_to_it() {
        for shift in 0..45 {
            for value in [1u64 << shift, (1u64 << shift) + 1, (1u64 << shift) * 2 - 1] {
                let found = middle(bucket(value));
                assert!((found - value as f64).abs() <= value as f64 / 128.0, "{value}: {found}");
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }
}
