//! Which requests a fault is for, as files say it.

use serde_json::{Value, json, to_value};

use super::expanded::round_trip;
use super::http_faults::scenario;
use super::mistakes::{check, fault};
use super::planned;

#[track_caller]
fn means(entry: &str, matching: Value, scope: Value) {
    let text = scenario(&format!("latency: 1s\n    {entry}")) + "secrets: {OPT_IN: {env: OPT_IN}}\n";
    let fault = planned("x.yaml", &text, None).faults.remove(0);
    let found = (to_value(&fault.matching).unwrap(), to_value(&fault.scope).unwrap());
    assert_eq!(found, (matching, scope), "{entry}");
    round_trip("x.yaml", &text, None);
}

#[test]
fn patterns_networks_statuses_and_numbers_are_read() {
    let all = || json!({"percent": "100%"});
    means(r#"match: "~/v1/(a|b)/[0-9]+""#, json!({"path": "~/v1/(a|b)/[0-9]+"}), all());
    means(
        "match: {host: ~~odd, client: 10.0.0.0/8}",
        json!({"host": "~~odd", "client": "10.0.0.0/8"}),
        all(),
    );
    means("match: {status: 500}", json!({"status": 500}), all());
    means("match: {status: [429, 5xx]}", json!({"status": [429, "5xx"]}), all());
    means(
        "match: {opt_in: {secret: '${secrets.OPT_IN}'}}",
        json!({"opt_in": {"header": "x-firedrill-opt-in", "secret": "${secrets.OPT_IN}"}}),
        all(),
    );
    for which in ["first", "every", "after"] {
        means(
            &format!("scope: {{percent: 5%, requests: {{{which}: 10}}}}"),
            json!({}),
            json!({"percent": "5%", "requests": {which: 10}}),
        );
    }
}

#[test]
fn each_mistake_is_found_in_its_place() {
    let late = |rest: &str, expected: &str| fault(&format!("    latency: 1s\n    {rest}\n"), expected);
    late("match: {path: '~/v1/('}", "5:19 bad-parameter");
    late("match: {path: ~~/v1}", "5:19 bad-text");
    late("match: {client: 10.0.0.1/8}", "5:21 bad-parameter");
    late("match: {headers: {x-a: '~['}, query: {q: '~('}}", "5:28 bad-parameter, 5:46 bad-parameter");
    late("match: {status: 99}", "5:21 bad-parameter");
    late("match: {status: [500, 6xx]}", "5:27 bad-parameter");
    late("match: {status: []}", "5:21 bad-parameter");
    late("match: {opt_in: {secret: in-the-open-0123456789}}", "5:30 secret-in-file");
    late("match: {opt_in: {secret: '${secrets.NONE}'}}", "5:30 undeclared-secret");
    late("match: {opt_in: {header: x-a}}", "5:21 missing-key");
    late("scope: {requests: {}}", "5:23 no-request-number");
    late("scope: {requests: {first: 1, after: 1}}", "5:34 two-request-numbers");
    late("scope: {requests: {every: 0}}", "5:23 bad-parameter");
    late("scope: {exclude: {status: 500}}", "5:23 bad-parameter");
    fault("    reset: {}\n    match: {status: 500}\n", "5:13 bad-parameter");
    fault("    corrupt: 1%\n    match: {status: 500}\n", "5:5 of-connections, 5:13 bad-parameter");
}

#[test]
fn what_routes_allow_is_read_and_bounded() {
    let route = |keys: &str, expected: &str| {
        let route = "listen: '127.0.0.1:9001', upstream: '127.0.0.1:9000'";
        check(&format!("routes:\n  payments: {{{keys}, {route}}}\n"), expected);
    };
    route("mark_faults: true, envoy_headers: {max_percent: 5%, clients: 10.0.0.0/8}", "");
    route("envoy_headers: {}", "2:29 missing-key");
    route("envoy_headers: {max_percent: 0%}", "2:43 bad-route");
    route("envoy_headers: {max_percent: 1%, clients: nobody}", "2:56 bad-route");
    route("protocol: tcp, envoy_headers: {max_percent: 1%}", "2:29 bad-route");
}
