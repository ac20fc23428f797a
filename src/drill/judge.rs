//! What samples are worth: one probe's tolerance held against its recent samples.

use std::collections::VecDeque;
use std::time::Duration;

use super::event::{Judgement, Sample};
use crate::fault::Period;
use crate::scenario::plan::{KOfN, Tolerance};

/// The samples of one probe within the windows of one tolerance.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    tolerance: Tolerance,
    /// The probe's own samples and, for percentiles and `errors`, the answers to the load, by when they ended.
    window: VecDeque<Point>,
    /// How many of the window failed, and how many took longer than each percentile's limit: kept, so that a judgement
    /// need not look at the whole window each time.
    failed: usize,
    slow: [usize; 3],
    /// Whether each of the probe's own last `n` samples failed, and the last value and failure.
    own: VecDeque<bool>,
    last_value: Option<f64>,
    last_failure: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    ended: Duration,
    took: Duration,
    failed: bool,
}

impl Judge {
    /// Beyond this many samples the oldest are dropped and the window is shorter than `over`: memory stays bounded.
    const WINDOW_MAX: usize = 200_000;

    /// Judges by this tolerance, without samples yet.
    pub fn new(tolerance: Tolerance) -> Self {
        Self {
            tolerance,
            window: VecDeque::new(),
            failed: 0,
            slow: [0; 3],
            own: VecDeque::new(),
            last_value: None,
            last_failure: None,
        }
    }

    /// Takes one of the probe's own samples.
    pub fn take(&mut self, sample: &Sample) {
        self.last_failure.clone_from(&sample.failure);
        self.last_value = sample.value;
        let keep = self.tolerance.failures.map_or(1, |KOfN { n, .. }| n as usize);
        self.own.push_back(sample.failure.is_some());
        while self.own.len() > keep {
            self.own.pop_front();
        }
        self.take_from_load(sample);
    }

    /// Takes an answer to the load, which counts for percentiles and the share of failures only.
    pub fn take_from_load(&mut self, sample: &Sample) {
        if !self.needs_window() {
            return;
        }
        let ended = sample.began + sample.took;
        let point = Point { ended, took: sample.took, failed: sample.failure.is_some() };
        self.window.push_back(point);
        self.failed += usize::from(point.failed);
        for (slow, (_, limit)) in self.slow.iter_mut().zip(limits(&self.tolerance)) {
            *slow += usize::from(point.is_slower_than(limit));
        }
        if self.window.len() > Self::WINDOW_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(point) = self.window.pop_front() else { return };
        self.failed -= usize::from(point.failed);
        for (slow, (_, limit)) in self.slow.iter_mut().zip(limits(&self.tolerance)) {
            *slow -= usize::from(point.is_slower_than(limit));
        }
    }

    fn needs_window(&self) -> bool {
        let Tolerance { p50, p95, p99, errors, .. } = &self.tolerance;
        p50.is_some() || p95.is_some() || p99.is_some() || errors.is_some()
    }

    /// What the samples up to `now` are worth. A violation outweighs a missing judgement, which outweighs a good one.
    pub fn judge(&mut self, now: Duration) -> Judgement {
        self.forget_before(now);
        self.judgement()
    }

    /// The judgement of the samples up to `now` when its word is another than that of the one in force.
    pub fn news(&mut self, now: Duration, in_force: &Judgement) -> Option<Judgement> {
        self.forget_before(now);
        let word = std::mem::discriminant(&self.word());
        (word != std::mem::discriminant(in_force)).then(|| self.judgement())
    }

    /// Whether the samples up to `now` are out of tolerance.
    pub fn is_violated(&mut self, now: Duration) -> bool {
        self.forget_before(now);
        matches!(self.word(), Judgement::Violated { .. })
    }

    /// The judgement of the samples as they stand.
    pub fn judgement(&self) -> Judgement {
        self.held(|p, limit| self.over_limit(p, limit))
    }

    /// Its word alone: what a percentile is now would have to be looked for in the whole window.
    fn word(&self) -> Judgement {
        self.held(|_, _| String::new())
    }

    fn forget_before(&mut self, now: Duration) {
        let oldest = now.saturating_sub(self.tolerance.over.duration());
        // Points stand in order of arrival, nearly that of their end; a straggler only stays a little longer.
        while self.window.front().is_some_and(|point| point.ended < oldest) {
            self.forget_oldest();
        }
    }

    fn held(&self, over_limit: impl Fn(u32, Period) -> String) -> Judgement {
        let parts = [
            self.judge_failures(),
            self.judge_value(),
            self.judge_errors(),
            self.judge_percentiles(over_limit),
        ];
        let mut unknown = None;
        for part in parts {
            match part {
                Judgement::Violated { .. } => return part,
                Judgement::Unknown { .. } => unknown = unknown.or(Some(part)),
                Judgement::Good {} => {}
            }
        }
        unknown.unwrap_or(Judgement::Good {})
    }

    fn judge_failures(&self) -> Judgement {
        if self.own.is_empty() {
            return Judgement::Unknown { why: "not measured yet".into() };
        }
        let why = || self.last_failure.clone().unwrap_or_else(|| "failed".into());
        match self.tolerance.failures {
            Some(KOfN { k, n }) => {
                let failed = self.own.iter().filter(|failed| **failed).count();
                if failed > k as usize {
                    let last =
                        self.last_failure.as_ref().map_or(String::new(), |why| format!("; last: {why}"));
                    Judgement::Violated { why: format!("{failed} of the last {n} failed, {k} allowed{last}") }
                } else if self.own.len() < n as usize {
                    Judgement::Unknown { why: format!("{} of {n} samples", self.own.len()) }
                } else {
                    Judgement::Good {}
                }
            }
            // A share of failures tolerates single ones; `judge_errors` has the word.
            None if self.tolerance.errors.is_some() => Judgement::Good {},
            None if self.own.back() == Some(&true) => Judgement::Violated { why: why() },
            None => Judgement::Good {},
        }
    }

    fn judge_value(&self) -> Judgement {
        let Tolerance { at_least, at_most, .. } = self.tolerance;
        if at_least.is_none() && at_most.is_none() {
            return Judgement::Good {};
        }
        let Some(value) = self.last_value else {
            return Judgement::Unknown { why: "no value measured".into() };
        };
        match (at_least, at_most) {
            (Some(least), _) if value < least => {
                Judgement::Violated { why: format!("{value} measured, at least {least} wanted") }
            }
            (_, Some(most)) if value > most => {
                Judgement::Violated { why: format!("{value} measured, at most {most} allowed") }
            }
            _ => Judgement::Good {},
        }
    }

    fn judge_errors(&self) -> Judgement {
        let Some(allowed) = self.tolerance.errors else { return Judgement::Good {} };
        if let Some(unknown) = self.too_few() {
            return unknown;
        }
        let share = self.failed as f64 / self.window.len() as f64;
        if share > allowed.fraction() {
            let why = format!("{:.1}% of {} failed, {allowed} allowed", share * 100.0, self.window.len());
            return Judgement::Violated { why };
        }
        Judgement::Good {}
    }

    fn judge_percentiles(&self, over_limit: impl Fn(u32, Period) -> String) -> Judgement {
        let limits = limits(&self.tolerance);
        if limits.iter().all(|(_, limit)| limit.is_none()) {
            return Judgement::Good {};
        }
        if let Some(unknown) = self.too_few() {
            return unknown;
        }
        let n = self.window.len();
        for ((p, limit), slow) in limits.into_iter().zip(self.slow) {
            // The sample of that rank is too slow exactly when fewer than so many are fast enough.
            let Some(limit) = limit.filter(|_| n - slow < rank(n, p)) else { continue };
            return Judgement::Violated { why: over_limit(p, limit) };
        }
        Judgement::Good {}
    }

    fn over_limit(&self, p: u32, limit: Period) -> String {
        let mut took: Vec<Duration> = self.window.iter().map(|point| point.took).collect();
        let measured = Period::from(round_to_ms(percentile(&mut took, p)));
        let (n, over) = (self.window.len(), self.tolerance.over);
        format!("p{p} is {measured}, {limit} allowed ({n} samples in {over})")
    }

    fn too_few(&self) -> Option<Judgement> {
        let (have, need) = (self.window.len(), Tolerance::SAMPLES_MIN);
        (have < need).then(|| Judgement::Unknown { why: format!("{have} of {need} samples") })
    }
}

impl Point {
    fn is_slower_than(self, limit: Option<Period>) -> bool {
        limit.is_some_and(|limit| self.took > limit.duration())
    }
}

/// The nearest-rank percentile: the smallest sample that at least `p` % of all do not exceed.
fn percentile(samples: &mut [Duration], p: u32) -> Duration {
    let rank = rank(samples.len(), p);
    *samples.select_nth_unstable(rank - 1).1
}

/// Which sample that is, from 1.
fn rank(samples: usize, p: u32) -> usize {
    (samples * p as usize).div_ceil(100).max(1)
}

/// The percentiles that a tolerance can bound, each with its limit if it does.
fn limits(tolerance: &Tolerance) -> [(u32, Option<Period>); 3] {
    [(50, tolerance.p50), (95, tolerance.p95), (99, tolerance.p99)]
}

fn round_to_ms(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_ms: u64, took_ms: u64, failure: Option<&str>) -> Sample {
        Sample {
            began: Duration::from_millis(at_ms),
            took: Duration::from_millis(took_ms),
            failure: failure.map(str::to_owned),
            value: None,
            detail: None,
        }
    }

    fn over(secs: u64) -> Tolerance {
        Tolerance { over: Period::from_secs(secs), ..Tolerance::default() }
    }

    fn word(judgement: &Judgement) -> &'static str {
        match judgement {
            Judgement::Unknown { .. } => "unknown",
            Judgement::Good {} => "good",
            Judgement::Violated { .. } => "violated",
        }
    }

    #[test]
    fn without_a_tolerance_for_failures_the_last_sample_decides() {
        let mut judge = Judge::new(over(30));
        assert_eq!(word(&judge.judge(Duration::ZERO)), "unknown");
        judge.take(&sample(0, 1, None));
        assert_eq!(word(&judge.judge(Duration::from_secs(1))), "good");
        judge.take(&sample(1000, 1, Some("status 500")));
        assert_eq!(judge.judge(Duration::from_secs(1)), Judgement::Violated { why: "status 500".into() });
    }

    #[test]
    fn at_most_k_of_n_may_fail_and_n_samples_make_it_good() {
        let mut judge = Judge::new(Tolerance { failures: Some(KOfN { k: 1, n: 3 }), ..over(30) });
        for (at, failure, expected) in [
            (0, None, "unknown"),
            (1, Some("down"), "unknown"),
            (2, None, "good"),
            (3, Some("down"), "violated"),
            (4, None, "good"),
            (5, None, "good"),
        ] {
            judge.take(&sample(at * 1000, 1, failure));
            assert_eq!(word(&judge.judge(Duration::from_secs(at))), expected, "at {at}");
        }
    }

    #[test]
    fn a_percentile_over_fewer_than_20_samples_is_never_good() {
        let mut judge = Judge::new(Tolerance { p95: Some(Period::from_millis(100)), ..over(10) });
        for n in 0..19 {
            judge.take_from_load(&sample(n * 10, 5, None));
        }
        judge.take(&sample(190, 5, None));
        assert_eq!(word(&judge.judge(Duration::from_millis(200))), "good");
        let mut few = judge.clone();
        assert_eq!(
            word(&few.judge(Duration::from_millis(10_100))),
            "unknown",
            "old samples leave the window"
        );
        for n in 0..2 {
            judge.take_from_load(&sample(300 + n, 2_000, None));
        }
        let Judgement::Violated { why } = judge.judge(Duration::from_millis(2_400)) else { panic!() };
        assert_eq!(why, "p95 is 2s, 100ms allowed (22 samples in 10s)");
    }

    #[test]
    fn a_share_of_failures_tolerates_single_ones() {
        let mut judge = Judge::new(Tolerance { errors: Some("5%".parse().unwrap()), ..over(60) });
        for n in 0..20 {
            judge.take(&sample(n * 10, 1, (n == 19).then_some("status 500")));
        }
        assert_eq!(word(&judge.judge(Duration::from_secs(1))), "good", "1 of 20 is 5%");
        judge.take(&sample(210, 1, Some("status 500")));
        assert_eq!(word(&judge.judge(Duration::from_secs(1))), "violated");
    }

    proptest::proptest! {
        #[test]
        fn what_is_counted_on_the_way_says_what_the_whole_window_says(
            took in proptest::collection::vec((0u64..200, 0u64..60, proptest::bool::ANY), 20..200),
            limit in 1u64..70,
        ) {
            let limit = Period::from_millis(limit);
            let tolerance = Tolerance { p95: Some(limit), p50: Some(limit), ..over(1) };
            let mut judge = Judge::new(tolerance);
            let mut now = 0;
            for (gap, took, failed) in took {
                now += gap;
                judge.take_from_load(&sample(now, took, failed.then_some("down")));
                judge.take(&sample(now, took, None));
                let at = Duration::from_millis(now);
                let (judged, whole) = (judge.judge_window(at), judge.judge(at));
                let mut all: Vec<Duration> = judge.window.iter().map(|point| point.took).collect();
                let violated = all.len() >= Tolerance::SAMPLES_MIN && percentile(&mut all, 95) > limit.duration();
                proptest::prop_assert_eq!(matches!(judged, Judgement::Violated { .. }), violated);
                // Its word alone is the same, whoever asks and in whatever form.
                proptest::prop_assert_eq!(judge.is_violated(at), matches!(whole, Judgement::Violated { .. }));
                proptest::prop_assert_eq!(judge.news(at, &whole), None);
                let other = if whole == (Judgement::Good {}) {
                    Judgement::Unknown { why: String::new() }
                } else {
                    Judgement::Good {}
                };
                proptest::prop_assert_eq!(judge.news(at, &other), Some(whole));
                proptest::prop_assert_eq!(judge.failed, judge.window.iter().filter(|point| point.failed).count());
            }
        }
    }

    impl Judge {
        fn judge_window(&mut self, now: Duration) -> Judgement {
            let _ = self.judge(now);
            self.judge_percentiles(|p, limit| self.over_limit(p, limit))
        }
    }

    #[test]
    fn the_percentile_is_the_nearest_rank() {
        let mut samples: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut samples, 95), Duration::from_millis(95));
        assert_eq!(percentile(&mut samples[..1].to_vec(), 99), samples[..1][0]);
    }
}
