//! The probes of a drill: each one's judgement, the guardrails, and how long all has been good.

use std::time::Duration;

use super::event::{Judgement, Record, Sample};
use super::judge::Judge;
use crate::scenario::plan::{Load, Plan, Probe, ProbeAction};

/// One probe and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// What was planned.
    pub plan: Probe,
    /// Whether answers to the load count for it (its URL is the load's).
    pub takes_load: bool,
    judge: Judge,
    /// The judgement in force, in the words of the moment when its word came into force.
    pub judgement: Judgement,
    /// Whether that is because it measures no more.
    is_blind: bool,
    /// Since when that word is in force.
    pub since: Duration,
    /// When it last measured.
    measured: Option<Duration>,
    /// When the newest of its measurements began.
    began: Option<Duration>,
}

/// An `abort:` entry being watched.
#[derive(Clone, Debug, PartialEq)]
struct Guardrail {
    probe: String,
    lasting: Duration,
    takes_load: bool,
    judge: Judge,
    /// Since when it is out of tolerance.
    violated: Option<Duration>,
}

/// All probes and guardrails.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// The probes in file order.
    pub probes: Vec<Watched>,
    guardrails: Vec<Guardrail>,
    good_since: Option<Duration>,
}

impl Watch {
    pub(super) fn new(plan: &Plan) -> Self {
        let takes_load = |probe: &Probe| {
            matches!((&probe.action, &plan.load),
            (ProbeAction::Http(http), Some(Load { request, .. })) if http.url == request.url)
        };
        let probes = plan.steady_state.probes.iter().map(|probe| Watched {
            plan: probe.clone(),
            takes_load: takes_load(probe),
            judge: Judge::new(probe.tolerance.clone()),
            judgement: Judgement::Unknown { why: "not measured yet".into() },
            is_blind: false,
            since: Duration::ZERO,
            measured: None,
            began: None,
        });
        let probes: Vec<Watched> = probes.collect();
        let guardrails = plan.abort.iter().filter_map(|rule| {
            let probe = plan.steady_state.probes.iter().find(|probe| probe.name == rule.probe)?;
            let tolerance = rule.tolerance.clone().unwrap_or_else(|| probe.tolerance.clone());
            Some(Guardrail {
                probe: rule.probe.clone(),
                lasting: rule.lasting.duration(),
                takes_load: takes_load(probe),
                judge: Judge::new(tolerance),
                violated: None,
            })
        });
        let guardrails = guardrails.collect();
        Self { probes, guardrails, good_since: None }
    }

    /// Takes a probe's sample; returns what changed.
    pub(super) fn on_probe(&mut self, now: Duration, probe: &str, sample: &Sample) -> Vec<Record> {
        for watched in self.probes.iter_mut().filter(|watched| watched.plan.name == probe) {
            watched.judge.take(sample);
            watched.measured = Some(now);
            watched.began = watched.began.max(Some(sample.began));
        }
        for guardrail in self.guardrails.iter_mut().filter(|guardrail| guardrail.probe == probe) {
            guardrail.judge.take(sample);
        }
        self.rejudge(now)
    }

    /// Takes answers to the load; returns what changed.
    pub(super) fn on_load(&mut self, now: Duration, samples: &[Sample]) -> Vec<Record> {
        for sample in samples {
            for watched in self.probes.iter_mut().filter(|watched| watched.takes_load) {
                watched.judge.take_from_load(sample);
                watched.began = watched.began.max(Some(sample.began));
            }
            for guardrail in self.guardrails.iter_mut().filter(|guardrail| guardrail.takes_load) {
                guardrail.judge.take_from_load(sample);
            }
        }
        self.rejudge(now)
    }

    /// Looks whether a probe has fallen silent; returns what changed.
    pub(super) fn on_time(&mut self, now: Duration) -> Vec<Record> {
        if self.probes.iter().any(|watched| watched.blind(now).is_some()) {
            self.rejudge(now)
        } else {
            Vec::new()
        }
    }

    fn rejudge(&mut self, now: Duration) -> Vec<Record> {
        let mut changed = Vec::new();
        for watched in &mut self.probes {
            if let Some(judgement) = watched.news(now) {
                watched.since = now;
                watched.judgement = judgement.clone();
                changed.push(Record::ProbeJudged { probe: watched.plan.name.clone(), judgement });
            }
        }
        for guardrail in &mut self.guardrails {
            let since = guardrail.violated.unwrap_or(now);
            guardrail.violated = guardrail.judge.is_violated(now).then_some(since);
        }
        let good = self.probes.iter().all(|watched| watched.judgement == Judgement::Good {});
        self.good_since = if good { self.good_since.or(Some(now)) } else { None };
        changed
    }

    /// Since when every probe has been judged good without a break.
    pub fn good_since(&self) -> Option<Duration> {
        if self.probes.is_empty() { Some(Duration::ZERO) } else { self.good_since }
    }

    /// The probes that are not good, each with why, in words.
    pub fn not_good(&self) -> Vec<String> {
        let words = |watched: &Watched| match watched.judged() {
            Judgement::Good {} => None,
            Judgement::Unknown { why } => Some(format!("{}: cannot be judged ({why})", watched.plan.name)),
            Judgement::Violated { why } => Some(format!("{}: {why}", watched.plan.name)),
        };
        self.probes.iter().filter_map(words).collect()
    }

    /// The same, and those that have not measured since then.
    pub(super) fn not_good_after(&self, after: Duration) -> Vec<String> {
        let old = self.probes.iter().filter(|watched| !watched.has_measured_since(after));
        let old = old.map(|watched| format!("{}: not measured since then", watched.plan.name));
        self.not_good().into_iter().chain(old).collect()
    }

    /// The impact probe that is violated, if one is.
    pub(super) fn impact(&self) -> Option<&Watched> {
        self.probes.iter().find(|watched| watched.plan.impact && watched.is_violated())
    }

    /// The probes that are violated, each since when.
    pub(super) fn violated(&self) -> impl Iterator<Item = (&str, Duration)> {
        let violated = self.probes.iter().filter(|watched| watched.is_violated());
        violated.map(|watched| (watched.plan.name.as_str(), watched.since))
    }

    /// The invariant that is violated, in words.
    pub(super) fn broken_invariant(&self) -> Option<String> {
        let watched = self.probes.iter().find(|watched| watched.plan.invariant && watched.is_violated())?;
        let Judgement::Violated { why } = watched.judged() else { return None };
        Some(format!("invariant `{}`: {why}", watched.plan.name))
    }

    /// The `abort:` entry that has been violated for long enough, in words.
    pub(super) fn broken_guardrail(&self, now: Duration) -> Option<String> {
        self.guardrails.iter().find_map(|guardrail| {
            let since = guardrail.violated.filter(|since| now >= *since + guardrail.lasting)?;
            let Judgement::Violated { why } = guardrail.judge.judgement() else { return None };
            let (probe, since) = (&guardrail.probe, since.as_secs_f64());
            Some(format!("abort rule on `{probe}`: {why}; out of tolerance since +{since:.1}s"))
        })
    }

    /// When a guardrail becomes due if nothing changes.
    pub(super) fn guardrail_due(&self) -> Option<Duration> {
        self.guardrails.iter().filter_map(|guardrail| Some(guardrail.violated? + guardrail.lasting)).min()
    }
}

impl Watched {
    /// Whether a measurement of it began at this time or later.
    pub(super) fn has_measured_since(&self, after: Duration) -> bool {
        self.began.is_some_and(|began| began >= after)
    }

    /// A probe answers within its period and its time-out, well or badly. One that says nothing for much longer has
    /// died, and what it said last must not count as good for ever.
    fn blind(&self, now: Duration) -> Option<Judgement> {
        let patience =
            (self.plan.every.duration() + self.plan.timeout.duration()) * 3 + Duration::from_secs(2);
        let silent = now.checked_sub(self.measured?).filter(|silent| *silent > patience)?;
        Some(Judgement::Unknown { why: format!("it has not measured for {}s", silent.as_secs()) })
    }

    /// Looks again; gives the judgement when its word is another. A new wording of the same word ("p95 is 2.1s" after
    /// "2.0s") is no news, and is made only for whoever asks.
    fn news(&mut self, now: Duration) -> Option<Judgement> {
        let blind = self.blind(now);
        self.is_blind = blind.is_some();
        match blind {
            None => self.judge.news(now, &self.judgement),
            Some(_) if matches!(self.judgement, Judgement::Unknown { .. }) => {
                self.judgement = blind?;
                None
            }
            Some(_) => blind,
        }
    }

    /// The judgement in force, in the words of now.
    pub(super) fn judged(&self) -> Judgement {
        if self.is_blind { self.judgement.clone() } else { self.judge.judgement() }
    }

    fn is_violated(&self) -> bool {
        matches!(self.judgement, Judgement::Violated { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Period;
    use crate::scenario::plan::{Level, Tolerance};

    fn within(secs: u64) -> Tolerance {
        Tolerance { over: Period::from_secs(secs), ..Tolerance::default() }
    }

    /// Watches one probe, `shop`.
    fn watch(tolerance: Tolerance) -> Watch {
        let probe = Probe {
            name: "shop".into(),
            level: Level::Application,
            impact: true,
            invariant: false,
            every: Period::from_secs(1),
            timeout: Period::from_secs(1),
            action: ProbeAction::Tcp("127.0.0.1:1".into()),
            tolerance,
        };
        let mut watch = Watch { probes: vec![], guardrails: vec![], good_since: None };
        watch.probes.push(Watched {
            takes_load: false,
            judge: Judge::new(probe.tolerance.clone()),
            plan: probe,
            judgement: Judgement::Unknown { why: "not measured yet".into() },
            is_blind: false,
            since: Duration::ZERO,
            measured: None,
            began: None,
        });
        watch
    }

    #[test]
    fn a_violation_is_news_once_and_told_in_the_words_of_now() {
        let tolerance = Tolerance { p95: Some(Period::from_millis(100)), ..within(30) };
        let mut watch = watch(tolerance);
        let taken = |n: u64, took: u64| Sample {
            began: Duration::from_millis(n * 10),
            took: Duration::from_millis(took),
            failure: None,
            value: None,
            detail: None,
        };
        for n in 0..20 {
            watch.on_probe(Duration::from_secs(1), "shop", &taken(n, 200));
        }
        assert_eq!(watch.not_good(), ["shop: p95 is 200ms, 100ms allowed (20 samples in 30s)"]);
        assert!(watch.on_probe(Duration::from_secs(2), "shop", &taken(20, 300)).is_empty(), "the same word");
        assert!(watch.on_probe(Duration::from_secs(2), "shop", &taken(21, 300)).is_empty());
        assert_eq!(watch.not_good(), ["shop: p95 is 300ms, 100ms allowed (22 samples in 30s)"]);
    }

    #[test]
    fn a_probe_that_falls_silent_is_good_no_longer() {
        let mut watch = watch(within(30));
        let at = Duration::from_secs;
        let sample = Sample { began: at(1), took: at(0), failure: None, value: None, detail: None };
        watch.on_probe(at(1), "shop", &sample);
        assert!(watch.good_since().is_some());
        assert!(watch.on_time(at(9)).is_empty(), "within its patience of 8 s");
        assert_eq!(watch.on_time(at(10)).len(), 1);
        assert_eq!(
            (watch.good_since(), watch.not_good()),
            (None, vec!["shop: cannot be judged (it has not measured for 9s)".to_owned()])
        );
    }
}
