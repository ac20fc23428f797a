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
        self.window.push_back(Point { ended, took: sample.took, failed: sample.failure.is_some() });
        if self.window.len() > Self::WINDOW_MAX {
            self.window.pop_front();
        }
    }

    fn needs_window(&self) -> bool {
        let Tolerance { p50, p95, p99, errors, .. } = &self.tolerance;
        p50.is_some() || p95.is_some() || p99.is_some() || errors.is_some()
    }

    /// What the samples up to `now` are worth. A violation outweighs a missing judgement, which outweighs a good one.
    pub fn judge(&mut self, now: Duration) -> Judgement {
        let oldest = now.saturating_sub(self.tolerance.over.duration());
        // Points stand in order of arrival, nearly that of their end; a straggler only stays a little longer.
        while self.window.front().is_some_and(|point| point.ended < oldest) {
            self.window.pop_front();
        }
        let parts =
            [self.judge_failures(), self.judge_value(), self.judge_errors(), self.judge_percentiles()];
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
        let failed = self.window.iter().filter(|point| point.failed).count();
        let share = failed as f64 / self.window.len() as f64;
        if share > allowed.fraction() {
            let why = format!("{:.1}% of {} failed, {allowed} allowed", share * 100.0, self.window.len());
            return Judgement::Violated { why };
        }
        Judgement::Good {}
    }

    fn judge_percentiles(&self) -> Judgement {
        let Tolerance { p50, p95, p99, .. } = self.tolerance;
        let wanted: Vec<(u32, Period)> = [(50, p50), (95, p95), (99, p99)]
            .into_iter()
            .filter_map(|(p, limit)| Some((p, limit?)))
            .collect();
        if wanted.is_empty() {
            return Judgement::Good {};
        }
        if let Some(unknown) = self.too_few() {
            return unknown;
        }
        let mut took: Vec<Duration> = self.window.iter().map(|point| point.took).collect();
        for (p, limit) in wanted {
            let measured = percentile(&mut took, p);
            if measured > limit.duration() {
                let (n, over) = (took.len(), self.tolerance.over);
                let measured = Period::from(round_to_ms(measured));
                let why = format!("p{p} is {measured}, {limit} allowed ({n} samples in {over})");
                return Judgement::Violated { why };
            }
        }
        Judgement::Good {}
    }

    fn too_few(&self) -> Option<Judgement> {
        let (have, need) = (self.window.len(), Tolerance::SAMPLES_MIN);
        (have < need).then(|| Judgement::Unknown { why: format!("{have} of {need} samples") })
    }
}

/// The nearest-rank percentile: the smallest sample that at least `p` % of all do not exceed.
fn percentile(samples: &mut [Duration], p: u32) -> Duration {
    let rank = (samples.len() * p as usize).div_ceil(100).max(1);
    *samples.select_nth_unstable(rank - 1).1
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

    #[test]
    fn the_percentile_is_the_nearest_rank() {
        let mut samples: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut samples, 95), Duration::from_millis(95));
        assert_eq!(percentile(&mut samples[..1].to_vec(), 99), samples[..1][0]);
    }
}
