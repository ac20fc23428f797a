//! The faults of a route at one moment, and how they are found.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::Entry;
use http::{HeaderMap, HeaderName};

use super::armed::{Armed, Subject};
use super::candidates::Candidates;
use super::switched::Switched;
use crate::fault::{RequestParts, is_opt_in};

/// The faults of a route at one moment, in the order in which they act.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) faults: Vec<Arc<Armed>>,
    requests: Candidates,
    /// What acts on the bytes of connections that carry no requests, and of those that do.
    connections: Candidates,
    streams: Candidates,
    /// What acts on new connections.
    pub(super) at_door: Vec<Arc<Armed>>,
    /// What has turns.
    timed: Vec<Arc<Armed>>,
    /// Headers by which requests opt in.
    opt_ins: HashSet<HeaderName>,
}

impl Snapshot {
    /// These faults, after others. Refused when the regular expressions come to too much together.
    pub(super) fn following(before: &Self, faults: Vec<Arc<Armed>>) -> Result<Self, regex::Error> {
        let requests = Candidates::of_requests(&faults, &before.requests)?;
        let (mut at_door, mut timed) = (Vec::new(), Vec::new());
        for armed in &faults {
            if armed.spec.fault.acts_at_the_door() {
                at_door.push(Arc::clone(armed));
            }
            if armed.is_timed() {
                timed.push(Arc::clone(armed));
            }
        }
        let connections = Candidates::of_connections(&faults, |armed| {
            !armed.spec.fault.acts_at_the_door()
                && !armed.spec.fault.needs_http()
                && !armed.spec.matching.needs_http()
        });
        let streams = Candidates::of_connections(&faults, |armed| {
            !armed.spec.fault.acts_at_the_door() && armed.spec.fault.is_of_connections()
        });
        let opt_ins = faults.iter().filter_map(|armed| armed.opt_in_header().cloned()).collect();
        Ok(Self { faults, requests, connections, streams, at_door, timed, opt_ins })
    }

    /// When a schedule next changes what acts; 0 for never.
    pub(super) fn turn_ns(&self, now_ns: u64) -> u64 {
        self.timed.iter().filter_map(|armed| armed.turn_ns(now_ns)).min().unwrap_or(0)
    }

    /// The faults that fit, in order. `places` is room to work in.
    pub(super) fn fitting<'a>(
        &'a self,
        subject: Subject<'a>,
        places: &'a mut Vec<u32>,
    ) -> impl Iterator<Item = &'a Arc<Armed>> {
        let by_client = |client: IpAddr, index: &Candidates, places: &mut Vec<u32>| {
            index.for_client(client, places);
        };
        match subject {
            Subject::Request(parts) => self.requests.for_request(parts, places),
            Subject::Connection { client } => by_client(client, &self.connections, places),
            Subject::Stream { client } => by_client(client, &self.streams, places),
        }
        let found = places.iter().filter_map(|place| self.faults.get(*place as usize));
        found.filter(move |armed| armed.fits(subject))
    }

    /// Takes out by what a request opts in. Whoever sees it could use it, so it is not for the upstream and its logs.
    pub(super) fn take_opt_ins(&self, headers: &mut HeaderMap) -> HeaderMap {
        let mut taken = HeaderMap::new();
        for name in &self.opt_ins {
            if !headers.get_all(name).iter().any(is_opt_in) {
                continue;
            }
            let Entry::Occupied(entry) = headers.entry(name) else { continue };
            let values: Vec<_> = entry.remove_entry_mult().1.collect();
            for value in values {
                let to = if is_opt_in(&value) { &mut taken } else { &mut *headers };
                to.append(name, value);
            }
        }
        taken
    }

    /// The faults that fit a connection that this request has made one of something else than HTTP, in order. It has had
    /// its answer, so what waits for a status does not fit.
    pub(super) fn of_switched<'a>(
        &'a self,
        parts: &RequestParts<'_>,
        places: &mut Vec<u32>,
    ) -> Vec<&'a Arc<Armed>> {
        let mut of_connection = Vec::new();
        self.streams.for_client(parts.client, &mut of_connection);
        self.requests.for_request(parts, places);
        places.append(&mut of_connection);
        places.sort_unstable();
        let found = places.iter().filter_map(|place| self.faults.get(*place as usize));
        let fits = |armed: &&Arc<Armed>| {
            armed.spec.matching.status.is_none() && armed.fits(Switched::subject(armed, parts))
        };
        found.filter(fits).collect()
    }

    /// How a fault of an earlier moment stands here.
    pub(super) fn standing(&self, before: &Armed) -> Option<&Arc<Armed>> {
        let at = self.faults.binary_search_by_key(&before.place, |armed| armed.place).ok()?;
        self.faults.get(at).filter(|armed| Arc::ptr_eq(&armed.record, &before.record))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::record::Record;

    fn armed(place: u64, fault: &Value, matching: &Value, scope: &Value) -> Arc<Armed> {
        let spec = json!({"id": format!("f{place}"), "fault": fault, "match": matching, "scope": scope});
        let spec = serde_json::from_value(spec).unwrap();
        Arc::new(Armed::new("r", spec, Arc::default(), place).unwrap())
    }

    fn error(place: u64, matching: &Value) -> Arc<Armed> {
        armed(place, &json!({"http_error": {"status": 503}}), matching, &json!({}))
    }

    /// Looks a request up, and hands over what was found and how many were looked at.
    fn found(snapshot: &Snapshot, path: &str, host: &str, client: IpAddr) -> (Vec<u64>, Vec<u64>, usize) {
        let request = http::Request::get(path).header("host", host).header("x-a", "1");
        let request = request.header("content-type", "application/grpc").body(()).unwrap();
        let parts = RequestParts {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            client,
            unix_seconds: || 0,
        };
        let subject = Subject::Request(&parts);
        let mut places = Vec::new();
        let found = snapshot.fitting(subject, &mut places).map(|armed| armed.place).collect();
        let walked = snapshot.faults.iter().filter(|armed| armed.fits(subject)).map(|armed| armed.place);
        (found, walked.collect(), places.len())
    }

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn of_ten_thousand_paths_only_those_are_looked_at_that_may_fit() {
        let mut faults: Vec<_> =
            (0..9_000).map(|n| error(n, &json!({"path": format!("/v1/item/{n}")}))).collect();
        faults.extend((9_000..10_000).map(|n| error(n, &json!({"path": format!("/v1/item/{n}/*")}))));
        let snapshot = Snapshot::following(&Snapshot::default(), faults).unwrap();
        for (path, expected) in [
            ("/v1/item/77", vec![77]),
            ("/v1/item/9500/x", vec![9_500]),
            ("/v1/item/9500", vec![]),
            ("/", vec![]),
        ] {
            let (found, walked, looked) = found(&snapshot, path, "a", CLIENT);
            assert_eq!((&found, &walked), (&expected, &expected), "{path}");
            assert!(looked <= 1, "{path}: {looked}");
        }
    }

    #[test]
    fn a_thousand_expressions_are_asked_at_once_and_arming_one_more_compiles_few() {
        let path = |n: u64| json!({"path": format!("~/v1/(user|group)/{n}/[0-9]+")});
        let mut faults: Vec<_> = (0..1_000).map(|n| error(n, &path(n))).collect();
        let mut snapshot = Snapshot::following(&Snapshot::default(), faults.clone()).unwrap();
        for n in 1_000..1_040 {
            faults.push(error(n, &path(n)));
            snapshot = Snapshot::following(&snapshot, faults.clone()).unwrap();
        }
        for n in [0, 500, 999, 1_000, 1_039] {
            let (found, walked, looked) = found(&snapshot, &format!("/v1/group/{n}/17"), "a", CLIENT);
            assert_eq!((&found, &walked, looked), (&vec![n], &vec![n], 1));
        }
        faults.drain(..1_030);
        let snapshot = Snapshot::following(&snapshot, faults).unwrap();
        assert_eq!(found(&snapshot, "/v1/user/5/1", "a", CLIENT), (vec![], vec![], 0), "what is gone");
        assert_eq!(found(&snapshot, "/v1/user/1035/1", "a", CLIENT).0, [1_035]);
    }

    #[test]
    fn arming_one_more_among_ten_thousand_takes_no_time_that_anybody_feels() {
        let mut faults: Vec<_> =
            (0..10_000).map(|n| error(n, &json!({"path": format!("/v1/item/{n}")}))).collect();
        let snapshot = Snapshot::following(&Snapshot::default(), faults.clone()).unwrap();
        faults.push(error(10_000, &json!({"path": "/one/more"})));
        #[expect(clippy::disallowed_methods, reason = "a generous bound on real time")]
        let began = Instant::now();
        let snapshot = Snapshot::following(&snapshot, faults).unwrap();
        let took = began.elapsed();
        assert_eq!(found(&snapshot, "/one/more", "a", CLIENT).0, [10_000]);
        println!("an index of 10,000 faults takes {took:?} to make");
        assert!(took.as_millis() < 500, "{took:?}");
    }

    #[test]
    fn a_fault_is_found_again_by_its_place_and_record() {
        let faults: Vec<_> = (0..10).map(|n| error(3 * n, &json!({}))).collect();
        let before = Snapshot::following(&Snapshot::default(), faults.clone()).unwrap();
        let fewer: Vec<_> = faults.iter().filter(|armed| armed.place != 9).cloned().collect();
        let after = Snapshot::following(&before, fewer).unwrap();
        for armed in &faults {
            let standing = after.standing(armed);
            assert_eq!(standing.is_some_and(|found| Arc::ptr_eq(found, armed)), armed.place != 9);
        }
        let other = Armed::new("r", faults[0].spec.clone(), Arc::new(Record::since(1)), 0).unwrap();
        assert!(after.standing(&other).is_none(), "another fault in its place");
    }

    fn pattern() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec!["/", "a", "b", "/a", "/b", "ab", "*", "?", "**"]);
        let glob = prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat());
        let regexes = vec!["~/a.*", "~/(a|b)+", "~.*", "~/a/b?", "~(?i)/AB.*", "~", "~~", "~/ab*/[ab/]*"];
        prop_oneof![3 => glob, 1 => prop::sample::select(regexes).prop_map(ToOwned::to_owned)]
    }

    fn matching() -> impl Strategy<Value = Value> {
        let host = prop::sample::select(vec!["a.test", "A.test", "b.test", "*.test", "~a.*", "*"]);
        let client =
            prop::sample::select(vec!["127.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.0/8", "10.*", "*"]);
        let grpc = prop::sample::select(vec!["a/b", "a/*", "*", "b", "~a/."]);
        let header = prop::sample::select(vec!["1", "2", "*"]);
        let path = prop::option::weighted(0.6, pattern());
        let [host, client, grpc] = [host, client, grpc].map(|one| prop::option::weighted(0.2, one));
        (path, host, client, grpc, prop::option::weighted(0.1, header)).prop_map(
            |(path, host, client, grpc, header)| {
                let mut all = json!({});
                for (key, value) in
                    [("path", path.as_deref()), ("host", host), ("client", client), ("grpc", grpc)]
                {
                    if let Some(value) = value {
                        all[key] = json!(value);
                    }
                }
                if let Some(header) = header {
                    all["headers"] = json!({"x-a": header});
                }
                all
            },
        )
    }

    fn faults() -> impl Strategy<Value = Vec<(Value, Value, Value)>> {
        let fault = prop::sample::select(vec![
            json!({"http_error": {"status": 503}}),
            json!({"latency": {"delay": "1ms"}}),
            json!({"slow_close": {"delay": "1ms"}}),
            json!({"refuse": {}}),
        ]);
        let exclude = prop::option::weighted(0.2, matching());
        let one = (fault, matching(), exclude).prop_map(|(fault, matching, exclude)| {
            (fault, matching, exclude.map_or(json!({}), |exclude| json!({"exclude": exclude})))
        });
        prop::collection::vec(one, 0..24)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]

        /// Whatever stands, comes and goes: what is looked up is what a walk over all of it finds, in its order.
        #[test]
        fn what_is_looked_up_is_what_a_walk_finds(
            first in faults(),
            keep in prop::collection::vec(any::<bool>(), 24),
            then in faults(),
            paths in prop::collection::vec("/[ab/]{0,6}", 1..12),
            host in prop::sample::select(vec!["a.test", "A.TEST:80", "b.test", ""]),
            client in prop::sample::select(vec!["127.0.0.1", "::ffff:10.0.0.1", "10.0.0.1", "::1"]),
        ) {
            let client: IpAddr = client.parse().unwrap();
            let arm = |from: usize, list: &[(Value, Value, Value)]| -> Vec<_> {
                let of = |(n, (fault, matching, scope)): (usize, &(Value, Value, Value))| {
                    armed((from + n) as u64, fault, matching, scope)
                };
                list.iter().enumerate().map(of).collect()
            };
            let one = Snapshot::following(&Snapshot::default(), arm(0, &first)).unwrap();
            let mut rest: Vec<_> = one.faults.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(f, _)| Arc::clone(f)).collect();
            rest.extend(arm(first.len(), &then));
            let two = Snapshot::following(&one, rest).unwrap();
            for snapshot in [&one, &two] {
                for path in &paths {
                    let (found, walked, _) = found(snapshot, path, host, client);
                    prop_assert_eq!(found, walked, "{}", path);
                }
                for subject in [Subject::Connection { client }, Subject::Stream { client }] {
                    let mut places = Vec::new();
                    let found: Vec<u64> = snapshot.fitting(subject, &mut places).map(|armed| armed.place).collect();
                    let in_flow = snapshot.faults.iter().filter(|armed| !armed.spec.fault.acts_at_the_door());
                    let walked: Vec<u64> = in_flow.filter(|armed| armed.fits(subject)).map(|armed| armed.place).collect();
                    prop_assert_eq!(found, walked);
                }
            }
        }
    }
}
