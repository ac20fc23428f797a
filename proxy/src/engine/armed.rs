//! Faults as the data threads see them: never changed, only replaced; and the one place where it is decided who is hit.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;

use super::candidates::Key;
use super::gates::Side;
use super::record::Record;
use super::timer::now_ns;
use crate::control::wire::{FaultSpec, FaultView, LedgerEntry};
use crate::fault::{Latency, Matcher, ParameterProblem, RequestMatch, RequestParts, Scope, TrafficFault};
use crate::quantity::Percent;
use crate::seed::{Draws, FaultSeed};

/// One fault with its parameters of one moment. A change makes a new one with the same `record`.
#[derive(Debug)]
pub(super) struct Armed {
    pub(super) spec: FaultSpec,
    pub(super) record: Arc<Record>,
    /// Goes up from fault to fault in the order in which they act, and stays through changes.
    pub(super) place: u64,
    /// Where it is found.
    pub(super) key: Key,
    /// For whom it is, and for whom it is not after all.
    matcher: Matcher,
    exclude: Option<Matcher>,
    /// Decisions, and draws for the response direction.
    seed: FaultSeed,
    /// Where bursts are.
    burst_seed: FaultSeed,
    /// Where delays lie that are like the one before, by side.
    score_seeds: [FaultSeed; 2],
    /// Draws for the request direction: a stream of its own, so that the directions never shift each other.
    request_seed: FaultSeed,
}

/// What came of one connection or request meeting one fault.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) hit: bool,
    /// What a `latency` draws; nothing for other faults.
    pub(super) delays: Option<Box<Delays>>,
}

/// The delays of each side that is meant.
pub(super) type Delays = [Option<SideDelays>; 2];

/// What a `latency` draws for one side.
#[derive(Debug)]
pub(super) struct SideDelays {
    /// The first delay, drawn with the decision.
    first_ns: Option<u64>,
    draws: Draws,
    /// Where the last delay lay, for delays that are like the one before.
    score: f64,
}

impl SideDelays {
    /// The delay of what comes next. The first one was drawn with the decision and stands in the ledger.
    pub(super) fn next_ns(&mut self, latency: &Latency) -> u64 {
        self.first_ns.take().unwrap_or_else(|| latency.draw_ns(&mut self.draws, &mut self.score))
    }
}

/// Whom a decision is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    Connection {
        client: IpAddr,
    },
    /// The bytes of a client's connection that carries requests.
    Stream {
        client: IpAddr,
    },
    Request(&'a RequestParts<'a>),
}

impl Decision {
    /// The first delay of a side in nanoseconds; 0 where none is meant.
    pub(super) fn first_ns(&self, side: Side) -> u64 {
        let of = |delays: &Delays| delays[side.index()].as_ref().and_then(|delays| delays.first_ns);
        self.delays.as_deref().and_then(of).unwrap_or(0)
    }

    /// Becomes what was decided in an earlier run. What is drawn later on comes from the seed, as it did then.
    fn repeat(&mut self, before: Option<&LedgerEntry>) {
        self.hit = before.is_some_and(|entry| entry.hit);
        let (Some(entry), Some(delays)) = (before, &mut self.delays) else { return };
        let Some(drawn) = entry.drawn else { return };
        // Of two sides the ledger has the one and the sum of both; of one side, the sum is all.
        let request =
            if delays[Side::Response.index()].is_none() { drawn } else { entry.drawn_request.min(drawn) };
        for (side, us) in [(Side::Request, request), (Side::Response, drawn - request)] {
            if let Some(delays) = &mut delays[side.index()] {
                delays.first_ns = Some(us * 1_000);
            }
        }
    }
}

impl Armed {
    pub(super) fn new(
        route: &str,
        spec: FaultSpec,
        record: Arc<Record>,
        place: u64,
    ) -> Result<Self, ParameterProblem> {
        let ready = |wanted| Matcher::new(wanted, route, &spec.id).map_err(|mut problems| problems.remove(0));
        let matcher = ready(&spec.matching)?;
        let exclude = spec.scope.exclude.as_ref().map(ready).transpose()?;
        let key = Key::of(&spec.matching);
        let seed = spec.seed.of_fault(route, &spec.id);
        let request_seed = spec.seed.of_fault(route, &format!("{}/request", spec.id));
        let burst_seed = spec.seed.of_fault(route, &format!("{}/bursts", spec.id));
        let score_seeds = ["request", "response"]
            .map(|side| spec.seed.of_fault(route, &format!("{}/{side}/correlation", spec.id)));
        Ok(Self { spec, record, place, key, matcher, exclude, seed, request_seed, burst_seed, score_seeds })
    }

    pub(super) fn view(&self) -> FaultView {
        let mut evidence = self.record.evidence(self.unit());
        if let TrafficFault::EnvoyHeaders(_) = self.spec.fault {
            // Delays and rates, which no one number stands for.
            (evidence.achieved, evidence.requested) = (None, None);
        }
        FaultView::new(self.spec.clone(), evidence)
    }

    /// What one measured step is worth outside: times are measured in microseconds and shown in milliseconds.
    fn unit(&self) -> f64 {
        match self.spec.fault {
            TrafficFault::Latency(_)
            | TrafficFault::Stall(_)
            | TrafficFault::SlowClose(_)
            | TrafficFault::Slicer(_) => 1e-3,
            _ => 1.0,
        }
    }

    /// The same fault as somebody asks for it in a request: what is done, and for which share.
    pub(super) fn asked(&self, route: &str, kind: &str, fault: TrafficFault, percent: Percent) -> Self {
        let spec = FaultSpec {
            fault,
            matching: RequestMatch::default(),
            scope: Scope { percent, ..Scope::default() },
            ..self.spec.clone()
        };
        let name = format!("{}/{kind}", spec.id);
        Self {
            record: Arc::clone(&self.record),
            place: self.place,
            key: Key::Rest,
            matcher: Matcher::default(),
            exclude: None,
            seed: spec.seed.of_fault(route, &name),
            request_seed: spec.seed.of_fault(route, &format!("{name}/request")),
            burst_seed: self.burst_seed,
            score_seeds: self.score_seeds,
            spec,
        }
    }

    /// The header by which requests opt in.
    pub(super) fn opt_in_header(&self) -> Option<&HeaderName> {
        self.matcher.opt_in_header()
    }

    /// Whether the subject is one that the fault is for.
    pub(super) fn fits(&self, subject: Subject<'_>) -> bool {
        let fits_client = |client| {
            self.matcher.fits_connection(client)
                && !self.exclude.as_ref().is_some_and(|except| except.fits_connection(client))
        };
        match subject {
            Subject::Connection { client } => !self.spec.fault.needs_http() && fits_client(client),
            Subject::Stream { client } => self.spec.fault.is_of_connections() && fits_client(client),
            Subject::Request(parts) => {
                !self.spec.fault.is_of_connections()
                    && self.spec.fault.is_for(parts)
                    && self.matcher.fits(parts)
                    && !self.exclude.as_ref().is_some_and(|except| except.fits(parts))
            }
        }
    }

    /// The number of a subject that fits, from 1 in the order in which they come; 0 where nobody asks for it.
    pub(super) fn next(&self) -> u64 {
        if self.spec.scope.requests.is_some() { self.record.next() } else { 0 }
    }

    /// Takes what waited for the answer as one that fits.
    pub(super) fn settle(&self, decision: &mut Decision) {
        let nth = self.next();
        decision.hit &= self.spec.replay.is_some() || self.counts_in(nth);
    }

    fn counts_in(&self, nth: u64) -> bool {
        self.spec.scope.requests.is_none_or(|requests| requests.hold(nth))
    }

    /// Decides for the `nth` subject that fits; nothing for one of which that is not known yet. The same seed and ordinal
    /// give the same decision and the same draws on any machine and with any number of workers.
    pub(super) fn decide(&self, subject: Subject<'_>, ordinal: u64, nth: Option<u64>) -> Decision {
        let percent = self.spec.scope.percent;
        let latency =
            if let TrafficFault::Latency(latency) = &self.spec.fault { Some(latency) } else { None };
        // All or nothing needs no draw, unless delays are drawn after it.
        let drawn = latency.is_some() || ![Percent::ZERO, Percent::ALL].contains(&percent);
        let mut draws = drawn.then(|| self.seed.draws(ordinal));
        let by_ordinal = draws.as_mut().map_or(percent == Percent::ALL, |draws| draws.holds(percent));
        let key = match subject {
            Subject::Connection { client } | Subject::Stream { client } => self.spec.scope.client_key(client),
            Subject::Request(parts) => self.spec.scope.key(parts),
        };
        let hit = key.map_or(by_ordinal, |key| self.seed.holds_key(&key, percent));
        let bursts = self.spec.schedule.and_then(|schedule| schedule.bursts);
        let hit = hit
            && bursts.is_none_or(|bursts| bursts.hold(self.burst_seed, ordinal))
            && nth.is_none_or(|nth| self.counts_in(nth));
        let delays = latency.zip(draws).map(|(latency, draws)| {
            let direction = latency.direction();
            let request = Side::Request.meant_by(direction).then(|| self.request_seed.draws(ordinal));
            let response = Side::Response.meant_by(direction).then_some(draws);
            Box::new([
                request.map(|draws| self.first(latency, Side::Request, ordinal, draws)),
                response.map(|draws| self.first(latency, Side::Response, ordinal, draws)),
            ])
        });
        let mut decision = Decision { hit, delays };
        if let Some(replay) = &self.spec.replay {
            decision.repeat(replay.at(ordinal));
        }
        decision
    }

    /// The first delay of a side: where it is like the one before, that one belongs to the ordinal before.
    fn first(&self, latency: &Latency, side: Side, ordinal: u64, draws: Draws) -> SideDelays {
        let mut delays = SideDelays { first_ns: None, draws, score: 0.0 };
        delays.first_ns = Some(match latency.correlation() {
            None => latency.draw_ns(&mut delays.draws, &mut delays.score),
            Some(share) => {
                delays.score = self.score_seeds[side.index()].score(ordinal, share);
                latency.at_score_ns(delays.score)
            }
        });
        delays
    }

    /// Where draws for the bytes of one direction come from.
    pub(super) const fn seed_of(&self, side: Side) -> FaultSeed {
        match side {
            Side::Request => self.request_seed,
            Side::Response => self.seed,
        }
    }

    /// What a delay that was drawn comes to now.
    pub(super) fn shaped_ns(&self, drawn_ns: u64) -> u64 {
        match &self.spec.fault {
            TrafficFault::Latency(latency) if latency.changes_in_time() => {
                latency.shaped_ns(drawn_ns, now_ns().saturating_sub(self.record.armed_ns))
            }
            _ => drawn_ns,
        }
    }

    /// Writes the decision down. The returned word is whether the deed is to be done: a build with the feature
    /// `inert-faults` decides and accounts as always, and then does nothing.
    pub(super) fn account(&self, ordinal: u64, decision: &Decision) -> bool {
        let (mut drawn, mut drawn_request) = (None, 0);
        if decision.hit
            && let Some(delays) = &decision.delays
        {
            let (request_ns, response_ns) =
                (decision.first_ns(Side::Request), decision.first_ns(Side::Response));
            drawn = Some((request_ns + response_ns) / 1_000);
            if delays.iter().all(Option::is_some) {
                drawn_request = request_ns / 1_000;
            }
        }
        let timed = self.is_timed();
        self.record.decided(LedgerEntry { ordinal, hit: decision.hit, drawn, drawn_request, timed });
        self.does(decision)
    }

    /// Whether a decision leads to a deed.
    pub(super) fn does(&self, decision: &Decision) -> bool {
        decision.hit && self.does_at_all()
    }

    /// Whether anything is ever done.
    pub(super) const fn does_at_all(&self) -> bool {
        !cfg!(feature = "inert-faults")
    }

    /// Whether it hits every connection while it acts.
    pub(super) fn hits_all(&self) -> bool {
        let bursts = self.spec.schedule.is_some_and(|schedule| schedule.bursts.is_some());
        self.spec.matching.is_empty() && self.spec.scope.is_all() && !bursts && self.spec.replay.is_none()
    }

    /// Whether it acts in turns.
    pub(super) fn is_timed(&self) -> bool {
        self.spec.schedule.is_some_and(|schedule| schedule.is_timed())
    }

    /// Whether its schedule lets it act at this time.
    pub(super) fn is_on(&self, now_ns: u64) -> bool {
        self.turn(now_ns).0
    }

    /// When its schedule next lets it act, or no more; nothing when it has no turns.
    pub(super) fn turn_ns(&self, now_ns: u64) -> Option<u64> {
        self.turn(now_ns).1.map(|stood_ns| self.record.armed_ns + stood_ns)
    }

    fn turn(&self, now_ns: u64) -> (bool, Option<u64>) {
        let stood_ns = now_ns.saturating_sub(self.record.armed_ns);
        self.spec.schedule.map_or((true, None), |schedule| schedule.at(stood_ns))
    }
}
