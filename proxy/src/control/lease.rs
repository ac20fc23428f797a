//! Which faults stand until when, and which ended why. Pure: the time is handed in.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::wire::{EndReason, EndedFault, FaultSpec, FaultView, MANUAL, Problem};

/// The longest lease: a fault whose owner died is gone after this at the latest.
pub const LEASE_MAX: Duration = Duration::from_secs(3_600);
/// How many ended faults are remembered; the oldest is forgotten first.
pub(super) const ENDED_MAX: usize = 256;

/// Route and fault id.
pub(super) type Place = (String, String);

/// The terms of every fault that has a lease, and the ends of those that are gone. Times count from boot.
#[derive(Debug, Default)]
pub(super) struct Book {
    terms: BTreeMap<Place, Term>,
    ended: VecDeque<EndedFault>,
}

#[derive(Clone, Debug)]
struct Term {
    owner: String,
    began: Duration,
    lease_ends: Duration,
    ends: Duration,
}

impl Book {
    /// Whether the fault's owner, lease and max go together.
    pub(super) fn check(spec: &FaultSpec) -> Result<(), Problem> {
        let no = |detail: String| Err(Problem::new(422, "the lease does not fit", detail));
        match (spec.owner == MANUAL, spec.lease, spec.max) {
            (true, None, None) => Ok(()),
            (true, _, _) => no(format!(
                "fault `{}` has the owner `{MANUAL}`, which lives as long as its route, and a `lease` or `max`; \
                 leave both out, or name another `owner` that renews",
                spec.id
            )),
            (false, Some(lease), Some(max)) => {
                check_lease(lease.duration())?;
                if max.is_zero() {
                    return no(format!("fault `{}` has `max` 0s; write for example `15m`", spec.id));
                }
                Ok(())
            }
            (false, lease, _) => no(format!(
                "fault `{}` of owner `{}` has no `{}`; give both, for example `\"lease\": \"15s\", \"max\": \
                 \"15m\"`, or leave `owner` out for a fault that is set by hand",
                spec.id,
                spec.owner,
                if lease.is_none() { "lease" } else { "max" }
            )),
        }
    }

    /// Notes a fault that now stands. A change restarts the lease; `max` counts from the first time.
    pub(super) fn stands(&mut self, route: &str, spec: &FaultSpec, now: Duration) {
        let place = (route.to_owned(), spec.id.clone());
        self.ended.retain(|ended| !is_at(ended, route, &spec.id));
        if let (Some(lease), Some(max)) = (spec.lease, spec.max) {
            let began = self.terms.get(&place).map_or(now, |term| term.began);
            let (lease_ends, ends) = (now + lease.duration(), began + max.duration());
            self.terms.insert(place, Term { owner: spec.owner.clone(), began, lease_ends, ends });
        }
    }

    /// Moves the lease of every fault of `owner`; says how many there are. `max` does not move.
    pub(super) fn renew(&mut self, owner: &str, lease: Duration, now: Duration) -> usize {
        let mine = self.terms.values_mut().filter(|term| term.owner == owner);
        mine.map(|term| term.lease_ends = now + lease).count()
    }

    /// The faults whose time has come, and why.
    pub(super) fn due(&self, now: Duration) -> Vec<(Place, EndReason)> {
        let due = self.terms.iter().filter_map(|(place, term)| {
            // Where both have come, the one that came first is the reason.
            let (at, why) = if term.ends <= term.lease_ends {
                (term.ends, EndReason::MaxReached)
            } else {
                (term.lease_ends, EndReason::LeaseExpired)
            };
            (at <= now).then(|| (place.clone(), why))
        });
        due.collect()
    }

    /// When to look again.
    pub(super) fn next(&self) -> Option<Duration> {
        self.terms.values().map(|term| term.ends.min(term.lease_ends)).min()
    }

    /// Notes the end of a fault.
    pub(super) fn end(&mut self, route: &str, why: EndReason, fault: FaultView) {
        self.terms.remove(&(route.to_owned(), fault.spec.id.clone()));
        self.ended.retain(|ended| !is_at(ended, route, &fault.spec.id));
        if self.ended.len() == ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(EndedFault { route: route.to_owned(), why, fault });
    }

    /// Forgets the term of a fault that is not there any more.
    pub(super) fn forget(&mut self, place: &Place) {
        self.terms.remove(place);
    }

    /// The end of a fault, if it is remembered.
    pub(super) fn ended(&self, route: &str, id: &str) -> Option<&EndedFault> {
        self.ended.iter().find(|ended| is_at(ended, route, id))
    }

    /// The ends of all faults of an owner, oldest first.
    pub(super) fn ended_of<'a>(&'a self, owner: &'a str) -> impl Iterator<Item = &'a EndedFault> {
        self.ended.iter().filter(move |ended| ended.fault.spec.owner == owner)
    }
}

/// Whether a lease is one.
pub(super) fn check_lease(lease: Duration) -> Result<(), Problem> {
    if lease.is_zero() || lease > LEASE_MAX {
        return Err(Problem::new(
            422,
            "the lease does not fit",
            format!(
                "`lease` {} is not between 1us and {}; write for example `15s` and renew it every `5s`",
                crate::quantity::Period::from(lease),
                crate::quantity::Period::from(LEASE_MAX)
            ),
        ));
    }
    Ok(())
}

fn is_at(ended: &EndedFault, route: &str, id: &str) -> bool {
    ended.route == route && ended.fault.spec.id == id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire::Evidence;

    fn spec(id: &str, owner: &str, lease: Option<&str>, max: Option<&str>) -> FaultSpec {
        let mut json = serde_json::json!({"id": id, "owner": owner, "fault": {"reset": {}}});
        for (key, value) in [("lease", lease), ("max", max)] {
            if let Some(value) = value {
                json[key] = value.into();
            }
        }
        serde_json::from_value(json).unwrap()
    }

    fn view(spec: &FaultSpec, faulted: u64) -> FaultView {
        FaultView::new(spec.clone(), Evidence { faulted, ..Evidence::default() })
    }

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn an_owner_needs_a_lease_and_a_max_and_a_hand_has_neither() {
        for (owner, lease, max, says) in [
            ("manual", None, None, None),
            ("drill-1", Some("15s"), Some("1m"), None),
            ("manual", Some("15s"), None, Some("leave both out")),
            ("manual", None, Some("1m"), Some("leave both out")),
            ("drill-1", None, Some("1m"), Some("no `lease`")),
            ("drill-1", Some("15s"), None, Some("no `max`")),
            ("drill-1", Some("0s"), Some("1m"), Some("not between")),
            ("drill-1", Some("2h"), Some("3h"), Some("not between 1us and 1h")),
            ("drill-1", Some("15s"), Some("0s"), Some("`max` 0s")),
        ] {
            let result = Book::check(&spec("slow", owner, lease, max));
            match (result, says) {
                (Ok(()), None) => {}
                (Err(problem), Some(says)) => {
                    assert!(problem.detail.contains(says), "{}", problem.detail);
                    assert_eq!(problem.status, 422);
                }
                (result, _) => panic!("{owner} {lease:?} {max:?}: {result:?}"),
            }
        }
    }

    #[test]
    fn a_renewal_moves_the_lease_and_never_the_max() {
        let (mut book, slow) = (Book::default(), spec("slow", "drill-1", Some("15s"), Some("40s")));
        book.stands("payments", &slow, secs(100));
        assert_eq!(book.next(), Some(secs(115)));
        assert!(book.due(secs(114)).is_empty());
        assert_eq!(book.renew("drill-1", secs(15), secs(110)), 1);
        assert_eq!(book.renew("drill-2", secs(15), secs(110)), 0, "another owner has nothing here");
        assert_eq!(book.next(), Some(secs(125)));
        assert_eq!(book.due(secs(125))[0].1, EndReason::LeaseExpired);
        book.renew("drill-1", secs(15), secs(130));
        assert_eq!(book.next(), Some(secs(140)), "the max comes before the lease now");
        assert_eq!(book.due(secs(140))[0].1, EndReason::MaxReached);
    }

    #[test]
    fn a_change_restarts_the_lease_but_not_the_max() {
        let (mut book, slow) = (Book::default(), spec("slow", "drill-1", Some("15s"), Some("20s")));
        book.stands("payments", &slow, secs(100));
        book.stands("payments", &slow, secs(110));
        assert_eq!(book.next(), Some(secs(120)));
        assert_eq!(book.due(secs(120)), [(("payments".into(), "slow".into()), EndReason::MaxReached)]);
    }

    #[test]
    fn an_end_is_remembered_until_the_fault_stands_again() {
        let (mut book, slow) = (Book::default(), spec("slow", "drill-1", Some("15s"), Some("20s")));
        book.stands("payments", &slow, secs(1));
        book.end("payments", EndReason::LeaseExpired, view(&slow, 7));
        assert_eq!(book.next(), None, "nothing is left to wait for");
        let ended = book.ended("payments", "slow").unwrap();
        assert_eq!((ended.why, ended.fault.evidence.faulted), (EndReason::LeaseExpired, 7));
        assert_eq!(book.ended("stock", "slow"), None, "another route is another fault");
        book.stands("payments", &slow, secs(2));
        assert_eq!(book.ended("payments", "slow"), None);
    }

    #[test]
    fn the_list_of_the_ended_is_bounded_and_the_oldest_goes_first() {
        let mut book = Book::default();
        for n in 0..=ENDED_MAX {
            let gone = spec(&format!("f{n}"), "drill-1", Some("1s"), Some("1s"));
            book.end("payments", EndReason::Removed, view(&gone, 0));
        }
        assert_eq!(book.ended_of("drill-1").count(), ENDED_MAX);
        assert!(book.ended("payments", "f0").is_none());
        assert!(book.ended("payments", "f1").is_some());
    }
}
