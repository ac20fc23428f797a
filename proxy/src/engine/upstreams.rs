//! The upstreams of a route: whose turn it is, and which ones are left out for a while.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::EngineError;
use super::address::Upstream;
use crate::control::wire::{RouteSpec, UPSTREAMS_MAX};
use crate::fault::Glob;

/// How long an upstream that could not be reached is left out; twice as long after each further time …
const BACK_OFF_NS: u64 = 1_000_000_000;
/// … but no longer than this.
const BACK_OFF_MAX_NS: u64 = 30_000_000_000;

/// Where connections of a route lead.
#[derive(Debug)]
pub(super) struct Leads {
    own: Upstreams,
    /// By the name in the client's hello; the first that fits.
    by_name: Vec<(Glob, Upstreams)>,
}

impl Leads {
    pub(super) fn read(spec: &RouteSpec) -> Result<Self, EngineError> {
        let by_name = spec.sni.iter().map(|rule| {
            let place = Upstream::one(spec, &rule.upstream)?;
            Ok((rule.name.clone(), Upstreams { all: vec![Marked::new(place)] }))
        });
        Ok(Self { own: Upstreams::read(spec)?, by_name: by_name.collect::<Result<_, EngineError>>()? })
    }

    /// The rule that a name fits.
    pub(super) fn rule(&self, name: &str) -> Option<u8> {
        let rule = self.by_name.iter().position(|(glob, _)| glob.matches_ignoring_case(name))?;
        u8::try_from(rule).ok()
    }

    pub(super) fn of(&self, rule: Option<u8>) -> &Upstreams {
        rule.and_then(|rule| self.by_name.get(usize::from(rule)))
            .map_or(&self.own, |(_, upstreams)| upstreams)
    }
}

/// All upstreams of a route, in the order in which they are written; none on a transparent route.
#[derive(Debug)]
pub(super) struct Upstreams {
    all: Vec<Marked>,
}

#[derive(Debug)]
struct Marked {
    place: Upstream,
    /// How often in a row it could not be reached.
    failures: AtomicU32,
    /// Until when it is left out.
    down_until_ns: AtomicU64,
}

impl Marked {
    const fn new(place: Upstream) -> Self {
        Self { place, failures: AtomicU32::new(0), down_until_ns: AtomicU64::new(0) }
    }
}

impl Upstreams {
    fn read(spec: &RouteSpec) -> Result<Self, EngineError> {
        Ok(Self { all: Upstream::all(spec)?.into_iter().map(Marked::new).collect() })
    }

    /// Which ones to try for a connection, each once. They take turns by its ordinal, so that the same connection goes
    /// to the same one again; those left out come last, for the case that all the others fail.
    pub(super) fn turn(&self, ordinal: u64, now_ns: u64) -> Turn {
        let count = self.all.len().min(UPSTREAMS_MAX);
        let mut turn = Turn { order: [0; UPSTREAMS_MAX], next: 0, count };
        let first = if count == 0 { 0 } else { (ordinal % count as u64) as usize };
        let up = |n: &usize| self.all[*n].down_until_ns.load(Relaxed) <= now_ns;
        let round = || (0..count).map(|n| (first + n) % count);
        // Read once each: a mark that changes in between must leave no one out.
        let marks: [bool; UPSTREAMS_MAX] = std::array::from_fn(|n| n < count && up(&n));
        let order = round().filter(|n| marks[*n]).chain(round().filter(|n| !marks[*n]));
        for (at, n) in order.enumerate() {
            turn.order[at] = n as u8;
        }
        turn
    }

    pub(super) fn place(&self, n: usize) -> &Upstream {
        &self.all[n].place
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn was_reached(&self, n: usize) {
        // Most of the time there is nothing to change, and reading is cheaper than writing.
        let marked = &self.all[n];
        if marked.failures.load(Relaxed) != 0 {
            marked.failures.store(0, Relaxed);
            marked.down_until_ns.store(0, Relaxed);
        }
    }

    pub(super) fn was_not_reached(&self, n: usize, now_ns: u64) {
        let marked = &self.all[n];
        // Connections that failed together are one failure: only the first of them makes the time longer.
        if marked.down_until_ns.load(Relaxed) > now_ns {
            return;
        }
        let before = marked.failures.fetch_add(1, Relaxed).min(16);
        let back_off_ns = (BACK_OFF_NS << before).min(BACK_OFF_MAX_NS);
        marked.down_until_ns.store(now_ns + back_off_ns, Relaxed);
    }
}

/// The upstreams to try, by number.
#[derive(Debug)]
pub(super) struct Turn {
    order: [u8; UPSTREAMS_MAX],
    next: usize,
    count: usize,
}

impl Iterator for Turn {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let n = (self.next < self.count).then(|| usize::from(self.order[self.next]))?;
        self.next += 1;
        Some(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire::Protocol;

    const SECOND: u64 = 1_000_000_000;

    fn spec() -> RouteSpec {
        RouteSpec::new("r", "127.0.0.1:0", "", Protocol::Tcp)
    }

    fn three() -> Upstreams {
        let upstreams = ["a:1", "b:1", "c:1"].map(String::from).to_vec();
        Upstreams::read(&RouteSpec { upstreams, ..spec() }).unwrap()
    }

    fn turn(upstreams: &Upstreams, ordinal: u64, now_ns: u64) -> Vec<usize> {
        upstreams.turn(ordinal, now_ns).collect()
    }

    #[test]
    fn connections_take_turns_by_their_ordinal() {
        let upstreams = three();
        assert_eq!(turn(&upstreams, 0, 1), [0, 1, 2]);
        assert_eq!(turn(&upstreams, 1, 1), [1, 2, 0]);
        assert_eq!(turn(&upstreams, 5, 1), [2, 0, 1]);
        let none = Upstreams::read(&RouteSpec { transparent: true, ..spec() }).unwrap();
        assert!(turn(&none, 3, 1).is_empty());
    }

    #[test]
    fn one_that_is_down_comes_last_until_its_time_is_over() {
        let upstreams = three();
        let now = 100 * SECOND;
        upstreams.was_not_reached(1, now);
        assert_eq!(turn(&upstreams, 1, now), [2, 0, 1]);
        assert_eq!(turn(&upstreams, 1, now + SECOND - 1), [2, 0, 1]);
        assert_eq!(turn(&upstreams, 1, now + SECOND), [1, 2, 0], "tried again");
        (0..3).for_each(|n| upstreams.was_not_reached(n, now + SECOND));
        assert_eq!(turn(&upstreams, 1, now + SECOND), [1, 2, 0], "with all down each is tried as ever");
    }

    #[test]
    fn the_time_doubles_up_to_half_a_minute_and_ends_with_a_success() {
        let upstreams = three();
        let mut now = SECOND;
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            upstreams.was_not_reached(0, now);
            upstreams.was_not_reached(0, now + 1);
            assert_eq!(turn(&upstreams, 0, now + seconds * SECOND - 1), [1, 2, 0]);
            now += seconds * SECOND;
            assert_eq!(turn(&upstreams, 0, now), [0, 1, 2], "{seconds}s");
        }
        upstreams.was_not_reached(0, now);
        upstreams.was_reached(0);
        assert_eq!(turn(&upstreams, 0, now), [0, 1, 2]);
        upstreams.was_not_reached(0, now);
        assert_eq!(turn(&upstreams, 0, now + SECOND), [0, 1, 2], "it begins anew");
    }
}
