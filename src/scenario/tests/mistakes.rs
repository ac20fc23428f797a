//! What is refused: each mistake with the place and the rule of every problem that it makes, and no other.

use super::{checked, problems, told};

/// A scenario without a mistake, block by block.
const BLOCKS: [(&str, &str); 7] = [
    ("firedrill", "firedrill: v1\n"),
    ("kind", "kind: Scenario\n"),
    ("name", "name: x\n"),
    (
        "routes",
        "routes:\n  payments: {listen: '127.0.0.1:9001', upstream: '127.0.0.1:9000'}\n  raw: {listen: '127.0.0.1:9002', upstream: '127.0.0.1:9003', protocol: tcp}\n",
    ),
    ("load", "load: {http: 'http://127.0.0.1:8080/', rate: 20/s}\n"),
    ("steady_state", "steady_state: [{name: shop, http: 'http://127.0.0.1:8080/'}]\n"),
    ("faults", "faults: [{target: route/payments, latency: 2s, max: 2m}]\n"),
];

/// The part stands first, so that its lines count from 1; the blocks that it does not hold follow. A block whose name
/// stands behind `-` is left out.
fn whole(part: &str) -> String {
    let mut text = String::new();
    let mut held = Vec::new();
    for line in part.lines() {
        if let Some(name) = line.strip_prefix('-') {
            held.push(name);
            continue;
        }
        if let Some((name, _)) = line.split_once(':').filter(|_| !line.starts_with(' ')) {
            held.push(name);
        }
        text.push_str(line);
        text.push('\n');
    }
    for (name, block) in BLOCKS {
        if !held.contains(&name) {
            text.push_str(block);
        }
    }
    text
}

fn check_in(environment: Option<&str>, part: &str, expected: &str) {
    let text = whole(part);
    let read = checked("x.yaml", &text, environment);
    let words = told(&read);
    let usable = read.value.is_some();
    let found = problems(read).join(", ");
    assert_eq!(found, expected, "\n{text}\n{words}");
    let errors = !expected.split(", ").all(|line| line.is_empty() || line.ends_with("(warning)"));
    assert_eq!(usable, !errors, "a file is usable exactly when it has no error\n{text}");
}

pub(super) fn check(part: &str, expected: &str) {
    check_in(None, part, expected);
}

/// One fault entry that begins with a target on a route and a `max`.
pub(super) fn fault(rest: &str, expected: &str) {
    check(&format!("faults:\n  - target: route/payments\n    max: 2m\n{rest}"), expected);
}

/// One probe that asks the shop.
fn probe(rest: &str, expected: &str) {
    check(&format!("steady_state:\n  - http: 'http://127.0.0.1:8080/'\n{rest}"), expected);
}

#[test]
fn the_blocks_themselves_are_without_a_mistake() {
    check("", "");
    fault("    latency: 2s\n", "");
    probe("    tolerance: {status: 200}\n", "");
}

#[test]
fn what_a_file_begins_with() {
    check("firedrill: v2\n", "1:12 wrong-version");
    check("kind: Scenarios\n", "1:7 wrong-kind");
    check("-firedrill\n-kind\n-name\n", "1:1 missing-key, 1:1 missing-key, 1:1 missing-key");
    check("name: z\n", "1:7 name-differs (warning)");
    check("name: No-Name\n", "1:7 bad-name");
    check("name: 'null'\n", "1:7 bad-name");
    check("-faults\n", "1:1 missing-key");
    check("-steady_state\n", "1:1 missing-key");
    check("faults: []\n", "1:9 no-fault");
    check("steady_state: []\n", "1:15 no-probe");
    check("steady_sate: {every: 1s}\n", "1:1 unknown-key");
    check("seed: -1\n", "1:7 bad-value");
}

#[test]
fn routes_and_addresses() {
    let route = |entry: &str, expected: &str| {
        check(&format!("routes:\n  payments: {entry}\n"), expected);
    };
    route("{listen: '127.0.0.1:9001'}", "2:3 missing-key");
    route("{listen: '9001', upstream: 'a:1'}", "2:22 bad-address");
    route("{listen: '127.0.0.1:99999', upstream: 'a:1'}", "2:22 bad-address");
    route("{listen: '127.0.0.1:0', upstream: 'a:0'}", "2:47 bad-address");
    route("{listen: '127.0.0.1:1', upstream: '300.1.1.1:5'}", "2:47 bad-address");
    route("{listen: '[::1]:1', upstream: 'payments.internal:443'}", "");
    route("{listen: '127.0.0.1:1', upstream: 'localhost:1'}", "2:47 route-to-itself");
    route("{listen: '127.0.0.1:1', upstream: 'a:1', protocol: htttp}", "2:64 unknown-value");
    route("{listen: 'unix:/run/a.sock', upstream: 'unix:/run/b.sock'}", "");
    route("{listen: 'unix:/run/a.sock', upstream: 'unix:/run/a.sock'}", "2:52 route-to-itself");
    route("{listen: 'unix:a.sock', upstream: 'a:1'}", "2:22 bad-address");
    route("{listen: '127.0.0.1:1', upstreams: ['a:1', 'unix:/b', 'localhost:2']}", "");
    route("{listen: '127.0.0.1:1', upstreams: ['a:1', 'b']}", "2:56 bad-address");
    route("{listen: '127.0.0.1:1', upstreams: ['a:1', 'a:1']}", "2:37 bad-route");
    route("{listen: '127.0.0.1:1', upstream: 'a:1', upstreams: ['b:1']}", "2:54 bad-route");
    route("{listen: '127.0.0.1:1', upstreams: []}", "2:3 bad-route");
    route("{listen: '127.0.0.1:1', transparent: true}", "");
    route("{listen: '127.0.0.1:1', transparent: true, upstream: 'a:1'}", "2:37 bad-route");
    let more = |keys: &str, expected: &str| {
        route(&format!("{{listen: '127.0.0.1:1', upstream: 'a:1', {keys}}}"), expected);
    };
    more(
        "proxy_protocol: {accept: true, send: v2}, idle_timeout: 5m, dial_timeout: 2s, connections_max: 9",
        "",
    );
    more("proxy_protocol: {send: v3}", "2:77 unknown-value");
    more("proxy_protocol: {sned: v2}", "2:71 unknown-key");
    more("connections_max: 0", "2:71 bad-route");
    more("idle_timeout: 1ms", "2:68 bad-route");
    more("dial_timeout: 6m", "2:68 bad-route");
    more("dial_timeout: 10", "2:68 bad-value");
    let other = "routes:\n  payments: {listen: '127.0.0.1:1', upstream: 'a:1'}\n  b: {listen: '0.0.0.0:1', upstream: 'a:1'}\n";
    check(other, "3:15 same-address");
    check(
        "routes: {payments: {listen: '127.0.0.1:1', upstream: 'a:1'}, Bad: {listen: '127.0.0.1:2', upstream: 'a:1'}}\n",
        "1:62 bad-name",
    );
}

#[test]
fn targets() {
    let target = |target: &str, expected: &str| {
        check(&format!("faults: [{{target: {target}, latency: 2s, max: 2m}}]\n"), expected);
    };
    target("payments", "1:19 bad-target");
    target("route/paymnts", "1:19 unknown-target");
    target("host/local", "1:19 wrong-target");
    target("host/web-1", "1:19 unknown-target");
    check("faults: [{target: route/payments, process_kill: nginx}]\n", "1:19 wrong-target");
    check("faults: [{target: 'host[role=shop]', process_kill: nginx}]\n", "1:19 unknown-target");
    check("faults: [{latency: 2s, max: 2m}]\n", "1:10 missing-key");
    check("faults: [{target: host/local, process_kill: nginx, scope: 10%}]\n", "1:52 unfit-key");
    fault("    latency: 2s\n    hosts: {count: 1}\n", "5:5 unfit-key");
}

#[test]
fn one_fault_per_entry() {
    fault("", "2:5 no-fault");
    fault("    latency: 2s\n    reset: {}\n", "5:5 two-faults");
    fault("    latencey: 2s\n", "4:5 unknown-key");
    fault("    latency: fast\n", "4:14 bad-value");
    let twins = "faults:\n  - {id: a, target: route/payments, latency: 2s, max: 2m}\n  - {id: a, target: route/payments, reset: {}, max: 2m}\n";
    check(twins, "3:10 duplicate-name");
    let default = "faults:\n  - {target: route/payments, latency: 2s, max: 2m}\n  - {id: latency-1, target: route/payments, reset: {}, max: 2m}\n";
    check(default, "3:10 duplicate-name");
}

#[test]
fn parameters_of_faults() {
    fault("    latency: 0s\n", "4:14 bad-parameter");
    fault("    latency: {delay: 1s, jitter: 2s}\n", "4:34 bad-parameter");
    fault("    latency: {delay: 1s, distribution: normal}\n", "4:40 bad-parameter");
    fault("    latency: {jitter: 1s}\n", "4:14 missing-key");
    fault("    bandwidth: 0B/s\n", "4:16 bad-value");
    fault("    http_error: 99\n", "4:17 bad-parameter");
    fault("    http_error: {status: 503, headers: {content-length: 4}}\n", "4:40 bad-parameter");
    fault("    reset: {after: soon}\n", "4:20 bad-value");
    fault("    blackhole: {direction: up}\n", "4:28 unknown-value");
    let host = |rest: &str, expected: &str| {
        check(&format!("faults:\n  - target: host/local\n{rest}"), expected);
    };
    host("    process_kill: nginx\n", "");
    host("    process_kill: {}\n", "3:19 bad-parameter");
    host("    process_kill: {name: a, port: 80}\n", "3:29 bad-parameter");
    host("    process_kill: {pid: 1}\n", "3:20 bad-parameter");
    host("    process_kill: {port: 65535}\n", "");
    for port in ["0", "65536", "http", "-1", "80.0"] {
        host(&format!("    process_kill: {{port: {port}}}\n"), "3:26 bad-parameter");
    }
    host("    process_kill: {port: \"${NO_PORT}\"}\n", "3:26 unknown-variable");
    host("    process_kill: {name: a, count: 0}\n", "3:36 bad-parameter");
    host("    process_kill: {name: a, count: 1, percent: 5%}\n", "3:39 bad-parameter");
    host("    process_kill: {name: a, signal: STOP}\n", "3:37 bad-parameter");
    host("    process_kill: '*'\n", "3:19 bad-parameter");
    host("    process_pause: {name: a, signal: KILL}\n    max: 1m\n", "3:30 unknown-key");
}

#[test]
fn beginning_and_end() {
    check("faults: [{target: route/payments, latency: 2s}]\n", "1:10 missing-key");
    check(
        "faults: [{target: host/local, process_kill: nginx, max: 2m, until: 1m}]\n",
        "1:52 max-on-instant, 1:61 max-on-instant",
    );
    check("faults: [{target: host/local, process_pause: nginx}]\n", "1:10 missing-key");
    fault("    latency: 2s\n    until: 3m\n", "5:12 until-beyond-max");
    fault("    latency: 2s\n    until: later\n", "5:12 bad-until");
    fault("    latency: 2s\n    until: 0s\n", "5:12 bad-number");
    check("faults: [{target: route/payments, latency: 2s, max: 0s}]\n", "1:53 bad-number");
    fault("    latency: 2s\n    start: {after: other}\n", "5:12 unknown-fault");
    let circle = "faults:\n  - {id: a, target: route/payments, reset: {}, max: 2m, start: {after: c}}\n  - {id: b, target: route/payments, reset: {}, max: 2m, start: {after: a}}\n  - {id: c, target: route/payments, reset: {}, max: 2m, start: {after: b}}\n";
    check(circle, "2:64 cycle");
}

#[test]
fn a_circle_is_named() {
    let text = whole(
        "faults:\n  - {id: a, target: route/payments, reset: {}, max: 2m, start: {after: b}}\n  - {id: b, target: route/payments, reset: {}, max: 2m, start: {after: a}}\n",
    );
    let words = told(&checked("x.yaml", &text, None));
    assert!(words.contains("`a` waits for `b` waits for `a`"), "{words}");
}

#[test]
fn which_requests_and_which_share() {
    let raw = |rest: &str, expected: &str| {
        check(&format!("faults:\n  - target: route/raw\n    max: 2m\n{rest}"), expected);
    };
    raw("    http_error: 503\n", "4:5 needs-http");
    raw("    latency: 2s\n    match: {method: GET}\n", "5:5 needs-http");
    raw("    latency: 2s\n    match: {client: 10.*}\n", "");
    raw("    latency: 2s\n    scope: {percent: 5%, sticky: {cookie: sid}}\n", "5:5 needs-http");
    fault("    latency: 2s\n    match: charge\n", "5:12 bad-text");
    fault("    latency: 2s\n    match: {}\n", "5:12 empty-match (warning)");
    fault("    latency: 2s\n    scope: 0%\n", "5:12 bad-number");
    fault("    latency: 2s\n    scope: 25\n", "5:12 bad-value");
    fault("    latency: 2s\n    scope: {sticky: {header: a, cookie: b}}\n", "5:33 two-sticky-keys");
    fault("    latency: 2s\n    scope: {sticky: {}}\n", "5:21 no-sticky-key");
    fault("    latency: 2s\n    scope: {percent: {steps: [5%, 1%], every: 60s}}\n", "5:35 bad-number");
    fault("    latency: 2s\n    scope: {percent: {steps: [5%]}}\n", "5:22 missing-key");
    fault("    latency: 2s\n    scope: 0.001%\n", "5:12 nobody-hit (warning)");
}

#[test]
fn probes() {
    probe("    tcp: 'a:1'\n", "3:5 two-actions");
    check("steady_state: [{name: a}]\n", "1:16 no-action");
    check("steady_state: [{http: 'ftp://a/'}]\n", "1:23 bad-url");
    check("steady_state: [{http: 'http://'}]\n", "1:23 bad-url");
    check("steady_state: [{http: 'http://a:99999/'}]\n", "1:23 bad-url");
    check("steady_state: [{http: 'http://u:p@a/'}]\n", "1:23 bad-url");
    check("steady_state: [{http: {method: GET}}]\n", "1:23 missing-key");
    check("steady_state: [{http: {url: 'http://a/', method: get}}]\n", "1:50 bad-method");
    check("steady_state: [{http: {url: 'http://a/', headers: {'a b': c}}}]\n", "1:52 bad-header");
    check("steady_state: [{http: {url: 'http://a/', body: a, json: {}}}]\n", "1:51 two-bodies");
    check("steady_state: [{tcp: 'a'}]\n", "1:22 bad-address");
    check("steady_state: [{run: []}]\n", "1:22 no-command");
    check("steady_state: [{name: a, tcp: 'a:1'}, {name: a, tcp: 'a:1'}]\n", "1:46 duplicate-name");
    check("steady_state: [{prometheus: {url: 'http://a', query: up}}]\n", "1:15 no-probe");
    check("steady_state: [{tcp: 'a:1', prometheus: {query: up}}]\n", "1:29 two-actions");
    check("steady_state: {every: 1ms, probes: [{tcp: 'a:1'}]}\n", "1:23 bad-number");
    check("steady_state: {stable_for: 0s, probes: [{tcp: 'a:1'}]}\n", "1:28 bad-number");
    check("steady_state: [{tcp: 'a:1', invariant: true}]\n", "1:16 no-impact-probe (warning)");
    check("steady_state: [{tcp: 'a:1', impact: yes}]\n", "1:37 wrong-type");
}

#[test]
fn tolerances() {
    let tolerance =
        |tolerance: &str, expected: &str| probe(&format!("    tolerance: {{{tolerance}}}\n"), expected);
    tolerance("status: [200, 204, 3xx]", "");
    tolerance("status: 99", "3:25 bad-number");
    tolerance("status: 6xx", "3:25 bad-number");
    tolerance("exit: 0", "3:17 tolerance-unfit");
    tolerance("at_least: 4", "3:17 tolerance-unfit");
    tolerance("failures: 3", "3:27 bad-number");
    tolerance("failures: 5 of 5", "3:27 bad-number");
    tolerance("failures: 3 of 5", "");
    tolerance("body: ''", "3:23 bad-text");
    tolerance("json: {state: ok}", "3:24 bad-path");
    tolerance("json: {'$.a[0].b': {c: 1}}", "");
    tolerance("p95: 10s", "3:5 loose-bound (warning)");
    tolerance("p50: 2s, p95: 1s", "3:22 loose-bound (warning)");
    tolerance("errors: 100%", "3:25 loose-bound (warning)");
    check("steady_state: [{tcp: 'a:1', tolerance: {status: 200}}]\n", "1:41 tolerance-unfit");
    check("steady_state: [{run: [a], tolerance: {p95: 1s, over: 5s}}]\n", "1:27 too-few-samples (warning)");
    check("steady_state: [{tcp: 'a:1', tolerance: {at_least: .inf}}]\n", "1:51 wrong-type");
}

#[test]
fn substitution_and_secrets() {
    check("title: 'at ${HOME}'\n", "");
    check("title: 'at ${HOEM}'\n", "1:8 unknown-variable");
    check("title: 'at ${HOME'\n", "1:8 bad-substitution");
    check("title: 'at ${a-b}'\n", "1:8 bad-substitution");
    check("title: '${inputs.region}'\n", "1:8 bad-substitution");
    check("secrets: {T: {env: A}}\ntitle: '${secrets.T}'\n", "2:8 misplaced-secret");
    check("secrets: {T: {env: A}}\nsteady_state: [{run: [a, '${secrets.U}']}]\n", "2:26 undeclared-secret");
    check("secrets: {T: {env: A}}\nsteady_state: [{run: [a, '${secrets.T}']}]\n", "");
    check("secrets: {T: {}}\n", "1:14 no-secret-source");
    check("secrets: {T: {env: A, file: b}}\n", "1:23 two-secret-sources");
    check("secrets: {T: {env: $A}}\n", "1:20 bad-name");
    check("secrets: {'a b': {env: A}}\n", "1:11 bad-name");
}

#[test]
fn a_bare_name_and_a_url_are_told_what_was_meant() {
    for (part, help) in [
        ("faults: [{target: payments, latency: 2s, max: 2m}]\n", "did you mean `route/payments`?"),
        ("faults: [{target: localhost, process_pause: a, max: 2m}]\n", "did you mean `host/local`?"),
        (
            "routes: {payments: {listen: '127.0.0.1:9001', upstream: 'http://127.0.0.1:9000/'}}\n",
            "write `host:port`, for example `127.0.0.1:9000`",
        ),
    ] {
        let words = told(&checked("x.yaml", &whole(part), None));
        assert!(words.contains(help), "{words}");
    }
}

#[test]
fn what_is_expected_and_what_stops() {
    check("expect: [{match: A, within: 3m}]\n", "1:29 late-deadline (warning)");
    check("expect: [{match: A}]\n", "1:10 missing-key");
    check("expect: [{match: {}, within: 1m}]\n", "1:18 empty-match");
    check("expect: [{match: A, within: 1m, fault: latncy-1}]\n", "1:40 unknown-fault");
    check("expect: [{match: A, within: 1m, from: start}]\n", "1:39 unknown-value");
    check("expect: [{id: a, match: A, within: 1m}, {id: a, match: B, within: 1m}]\n", "1:46 duplicate-name");
    check("expect: {}\n", "1:9 empty-block (warning)");
    check("expect: {recovery: {within: 1m}}\n", "1:20 missing-key");
    check("abort: [{probe: shp}]\n", "1:17 unknown-probe");
    check("abort: [{probe: shop, budget: a, spent: 5%}]\n", "1:23 bad-abort");
    check("abort: [{for: 5s}]\n", "1:9 bad-abort");
    check("abort: [{probe: shop, spent: 5%}]\n", "1:23 unfit-key");
    check("abort: [{budget: a}]\n", "1:9 missing-key");
    check("abort: [{probe: shop, tolerance: {exit: 0}}]\n", "1:35 tolerance-unfit");
    check("hypothesis: {confident_when: [alarms, imapct]}\n", "1:39 unknown-result");
    check("controls: [shame]\n", "1:12 unknown-value");
    check("alarms: [{mode: poll}]\n", "1:10 bad-alarm-source");
    check("alarms: [{generic: pager, prometheus: 'http://a'}]\n", "1:11 bad-alarm-source");
    check("alarms: [{generic: pager, mode: poll}]\n", "1:27 bad-alarm-source");
    check("alarms: [{generic: Pager}]\n", "1:20 bad-name");
    check("alarms: [{generic: {mapping: {name: $.a}}}]\n", "1:20 missing-key");
    check("alarms: [{generic: {name: p, mapping: {nmae: $.a}}}]\n", "1:40 unknown-key");
    check(
        "alarms: [{generic: {name: p, mapping: {name: a.b, key: '$.c['}}}]\n",
        "1:46 bad-path, 1:56 bad-path",
    );
    check("alarms: [{generic: a}, {generic: {name: a}}]\n", "1:41 duplicate-name");
    check("load: {http: 'http://a/'}\n", "1:7 missing-key");
    check("load: {http: 'http://a/', rate: 20}\n", "1:33 bad-value");
    check("faults: [{target: route/payments, latency: 2s, max: 20m}]\n", "1:53 no-way-out (warning)");
    check("playbook: absent\n", "1:11 unknown-file");
    check("playbook: {start: alarm}\n", "1:11 missing-key");
    check("environments: [staging, stagin]\n", "1:25 unknown-file (warning)");
    check("environments: [staging, staging]\n", "1:25 duplicate-name");
}

#[test]
fn what_an_environment_forbids() {
    let own = "routes: {own: {listen: '127.0.0.1:1', upstream: 'a:1'}}\n";
    let there = |faults: &str, expected: &str| check_in(Some("staging"), &format!("{own}{faults}"), expected);
    let entry = |rest: &str| format!("faults: [{{target: route/own, {rest}}}]\n");
    there(&entry("latency: 2s, scope: 25%, max: 2m"), "");
    there(&entry("latency: 2s, scope: 26%, max: 2m"), "2:50 policy-percent");
    there(&entry("latency: 2s, max: 2m"), "2:30 policy-percent");
    there(
        &entry("latency: 2s, scope: {percent: {steps: [1%, 50%], every: 1m}}, max: 2m"),
        "2:60 policy-percent",
    );
    there(&entry("latency: 2s, scope: 5%, max: 31m"), "2:59 policy-duration, 2:59 no-way-out (warning)");
    let three = "faults:\n  - {id: a, target: route/own, scope: 5%, reset: {}, max: 2m}\n  - {id: b, target: route/own, scope: 5%, reset: {}, max: 2m, start: 1m}\n  - {id: c, target: route/own, scope: 5%, reset: {}, max: 2m, start: {after: b, delay: 30s}}\n";
    there(three, "3:10 policy-concurrent");
    there(&three.replace("delay: 30s", "delay: 60s"), "");
    there("faults: [{target: 'host[role=checkut]', process_kill: a}]\n", "2:19 unknown-target");
    there("faults: [{target: 'host[rule=checkout]', process_kill: a}]\n", "2:19 unknown-target");
    there("faults: [{target: 'host[role=checkout]', process_kill: a}]\n", "2:1 no-fault");
    there(
        &format!("environments: [production]\n{}", entry("reset: {}, scope: 5%, max: 2m")),
        "2:15 wrong-environment",
    );
    check_in(
        Some("staging"),
        "faults: [{target: route/payments, scope: 5%, latency: 2s, max: 2m}]\n",
        "6:3 route-defined-twice",
    );
    check_in(Some("nowhere"), "", "1:1 unknown-environment");
}
