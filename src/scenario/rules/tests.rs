//! A scenario's expectations against rules and routes: what is said, where, and what is not.

use super::Monitoring;
use crate::scenario::{Context, NoCatalog, check_against};
use crate::text::{Problems, Severity, Source, location};

const RULES: &str = r#"groups:
- name: shop
  interval: 15s
  rules:
  - record: job:slow
    expr: 1
  - alert: CheckoutSlow
    expr: x > 1
    for: 30s
    labels: {severity: page, team: pay}
    annotations:
      summary: 'it takes {{ $value }}'
      description: people leave
      runbook_url: https://runbooks/slow
      dashboard: https://dash/1
  - alert: CheckoutDown
    expr: up == 0
    labels: {severity: critical, team: '{{ $labels.team }}'}
    annotations: {summary: down}
  - {alert: StockLow, expr: y > 1, for: 10m, keep_firing_for: 5m, labels: {severity: warning}}
- name: plain
  rules:
  - {alert: Plain, expr: z > 1, labels: {severity: page}}
"#;

const ROUTES: &str = r#"route:
  receiver: everyone
  routes:
  - {matchers: [severity="page", team="pay"], receiver: pay, group_wait: 5s, group_interval: 1m}
  - {matchers: ['zone=~"[a-c]"'], receiver: zones}
  - {matchers: ['alertname="StockLow"'], receiver: hole}
receivers:
- {name: everyone, webhook_configs: [{url: 'http://h/'}]}
- {name: pay, webhook_configs: [{url: 'http://h/'}]}
- {name: zones, webhook_configs: [{url: 'http://h/'}]}
- {name: hole}
"#;

/// The lines of the part that a test writes come first, so that they count from 1.
const REST: &str = "firedrill: v1\nkind: Scenario\nname: x\n\
    routes:\n  payments: {listen: '127.0.0.1:9001', upstream: '127.0.0.1:9000'}\n\
    steady_state: [{name: shop, http: 'http://127.0.0.1:8080/'}]\nload: {http: 'http://127.0.0.1:8080/', rate: 20/s}\n\
    abort: [{probe: shop, tolerance: {failures: 3 of 5}}]\n";
const FAULTS: &str = "faults: [{target: route/payments, latency: 2s, max: 2m}]\n";

/// Each problem as `file:line:column rule`, errors with `!`, and all words together.
fn found(part: &str, rules: &str, routes: Option<&str>) -> (String, String) {
    let faults = if part.contains("faults:") { "" } else { FAULTS };
    let source = Source::new("x.yaml", format!("{part}{REST}{faults}"));
    let file = |name: &str, text: &str| (Source::new(name, text), Problems::new());
    let mut monitoring =
        Monitoring::read(vec![file("rules.yml", rules)], routes.map(|text| file("am.yml", text)));
    let nothing = std::collections::BTreeMap::new();
    let context = Context {
        catalog: &NoCatalog,
        sets: &nothing,
        process_env: &nothing,
        inputs: &nothing,
        environment: None,
    };
    let mut files = check_against(source, &context, &mut monitoring).files;
    files.extend(monitoring.into_files());
    let (mut places, mut words) = (Vec::new(), String::new());
    for (source, problems) in files {
        for problem in problems.into_sorted() {
            let (line, column) = location(&source, problem.span);
            let error = if problem.severity == Severity::Error { "!" } else { "" };
            places.push(format!("{}:{line}:{column} {}{error}", source.path, problem.rule));
            let help = problem.help.unwrap_or_default();
            words += &format!("{}: {} | {help}\n", problem.rule, problem.message);
        }
    }
    (places.join(", "), words)
}

#[track_caller]
fn check_files(part: &str, rules: &str, routes: Option<&str>, expected: &str, says: &[&str]) {
    let (places, words) = found(part, rules, routes);
    assert_eq!(places, expected, "\n{part}\n{words}");
    for say in says {
        assert!(words.contains(say), "`{say}` in\n{words}");
    }
}

/// One expectation with this match and these other keys.
#[track_caller]
fn check(entry: &str, expected: &str, says: &[&str]) {
    check_files(&format!("expect: [{{{entry}}}]\n"), RULES, None, expected, says);
}

#[track_caller]
fn routed(entry: &str, expected: &str, says: &[&str]) {
    check_files(&format!("expect: [{{{entry}}}]\n"), RULES, Some(ROUTES), expected, says);
}

const GOOD: &str = "match: CheckoutSlow, within: 90s";

#[test]
fn a_rule_that_fits_and_says_enough_is_no_problem() {
    check(GOOD, "", &[]);
    check(
        "match: 'Checkout*', within: 90s, severity: page, content: [summary, severity]",
        "rules.yml:16:12 alarm-content",
        &[],
    );
    check("match: {alertname: CheckoutSlow, zone: a, team: p*}, within: 90s", "", &[]);
    routed(&format!("{GOOD}, receiver: pay, severity: page, content: [summary, runbook_url]"), "", &[]);
}

#[test]
fn an_expectation_that_no_rule_fires_is_an_error_with_what_was_meant() {
    for (matching, say) in [
        ("CheckoutSlwo", "did you mean `CheckoutSlow` (rules.yml:7:12)?"),
        ("Banana", "the alerting rules are `CheckoutDown`, `CheckoutSlow`, `Plain`, `StockLow`"),
        (
            "{alertname: CheckoutSlow, severity: info}",
            "`CheckoutSlow` (rules.yml:7:12) has severity=\"page\", not \"info\"",
        ),
        ("{severity: info}", "no alerting rule fires `{severity=\"info\"}`"),
        ("'job:slow'", "no alerting rule"),
    ] {
        check(&format!("match: {matching}, within: 1m"), "x.yaml:1:18 no-such-rule!", &[say]);
    }
    check_files(
        "expect: [{match: A, within: 1m}]\n",
        "groups: []\n",
        None,
        "x.yaml:1:18 no-such-rule!",
        &["the files hold no alerting rule at all"],
    );
}

#[test]
fn a_label_that_a_template_makes_can_be_anything_and_that_is_said() {
    let content = "rules.yml:16:12 alarm-content";
    check(
        "match: {alertname: CheckoutDown, team: pay}, within: 1m",
        &format!("x.yaml:1:18 template-label, {content}"),
        &["a template makes its label `team`, which can be anything"],
    );
    check("match: {alertname: CheckoutDown, severity: critical}, within: 1m", content, &[]);
    check("match: {team: pay}, within: 90s", "", &[]);
}

#[test]
fn a_rule_that_waits_longer_than_the_deadline_or_the_fault_is_told() {
    // 30s + 15s + 30s
    check("match: CheckoutSlow, within: 75s", "", &[]);
    check(
        "match: CheckoutSlow, within: 74s",
        "x.yaml:1:40 slow-alarm",
        &[
            "may not come within 1m14s: it takes 1m15s (`for` 30s + `interval` 15s + `group_wait` 30s; `group_wait` is \
           Alertmanager's default, assumed without `--alertmanager-config`)",
        ],
    );
    check("match: CheckoutSlow, within: 20s", "x.yaml:1:40 slow-alarm", &["cannot come within 20s"]);
    routed("match: CheckoutSlow, within: 50s, receiver: pay", "", &[]);
    routed(
        "match: CheckoutSlow, within: 49s, receiver: pay",
        "x.yaml:1:40 slow-alarm",
        &["`group_wait` 5s)"],
    );
    let polled = "alarms: [{prometheus: 'http://127.0.0.1:9'}]\n";
    let part = format!("expect: [{{match: CheckoutSlow, within: 45s}}]\n{polled}");
    check_files(&part, RULES, None, "", &[]);
    let plain = "x.yaml:1:33 slow-alarm, rules.yml:23:13 alarm-content";
    check(
        "match: Plain, within: 29s",
        plain,
        &["and the time until it is evaluated, which the file does not say"],
    );
    let low = "x.yaml:1:18 fault-too-short, x.yaml:1:36 slow-alarm, rules.yml:20:13 alarm-content";
    check(
        "match: StockLow, within: 2m",
        low,
        &["is still pending when the fault is over: `for` 10m, and it lasts at most 2m"],
    );
}

#[test]
fn how_long_faults_last_is_counted_from_the_first_to_the_last() {
    let expect = "expect: [{match: CheckoutSlow, within: 80s}]\n";
    let faults = |faults: &str, expected: &str| {
        check_files(&format!("{expect}faults:\n{faults}"), RULES, None, expected, &[]);
    };
    let too_short = "x.yaml:1:18 fault-too-short";
    let late = "x.yaml:1:40 late-deadline";
    let slow = |rest: &str| format!("  - {{target: route/payments, latency: 2s, {rest}}}\n");
    faults(&slow("max: 80s"), "");
    faults(&slow("max: 80s, until: 74s"), too_short);
    faults(&slow("max: 74s"), &format!("{too_short}, {late}"));
    faults(
        &format!("{}{}", slow("id: a, max: 50s"), slow("id: b, max: 50s, start: {after: a, delay: 25s}")),
        late,
    );
    faults(
        &format!("{}{}", slow("id: a, max: 50s"), slow("id: b, max: 50s, start: 24s")),
        &format!("{too_short}, {late}"),
    );
    faults("  - {target: host/local, process_kill: victim}\n", "");
}

#[test]
fn an_alarm_that_ends_too_late_is_told() {
    let part = "match: StockLow, within: 20m, resolve_within";
    let (places, words) = found(&format!("expect: [{{{part}: 5m}}]\n"), RULES, None);
    assert!(places.contains("x.yaml:1:57 slow-reset"), "{places}\n{words}");
    assert!(words.contains("it takes 5m15s (`keep_firing_for` 5m + `interval` 15s)"), "{words}");
    let (places, _) = found(&format!("expect: [{{{part}: 6m}}]\n"), RULES, None);
    assert!(!places.contains("slow-reset"), "{places}");
    let (_, words) = found(&format!("expect: [{{{part}: 6m}}]\n"), RULES, Some(ROUTES));
    assert!(words.contains("`group_interval` 5m)"), "{words}");
}

#[test]
fn the_severity_that_no_rule_has_is_told() {
    let severity = |name: &str, word: &str| format!("match: {name}, within: 90s, severity: {word}");
    check(&severity("CheckoutSlow", "page"), "", &[]);
    check(
        &severity("CheckoutSlow", "ticket"),
        "x.yaml:1:55 wrong-severity",
        &[
            "no rule fires this alarm as urgent as `ticket`: `CheckoutSlow` (rules.yml:7:12) has severity=\"page\"",
        ],
    );
    let rule = |labels: &str| {
        format!(
            "groups: [{{rules: [{{alert: A, labels: {labels}, annotations: {{summary: a, description: b, runbook_url: 'http://r', team: t, dashboard: d}}}}]}}]\n"
        )
    };
    let part = format!("expect: [{{{}}}]\n", severity("A", "page"));
    check_files(
        &part,
        &rule("{}"),
        None,
        "x.yaml:1:44 wrong-severity",
        &["`A` (rules.yml:1:27) has no label `severity`"],
    );
    check_files(&part, &rule("{severity: '{{ $labels.s }}'}"), None, "", &[]);
    check_files(&part, &rule("{severity: critical}"), None, "", &[]);
}

#[test]
fn a_receiver_that_the_routes_do_not_choose_is_told() {
    let receiver = |name: &str, receiver: &str| format!("match: {name}, within: 90s, receiver: {receiver}");
    routed(
        &receiver("CheckoutSlow", "everyone"),
        "x.yaml:1:55 wrong-receiver",
        &["Alertmanager sends `CheckoutSlow` (rules.yml:7:12) to `pay`; `everyone` is expected"],
    );
    routed(
        &receiver("CheckoutSlow", "pya"),
        "x.yaml:1:55 wrong-receiver",
        &["has no receiver `pya` | did you mean `pay`?"],
    );
    let zone = "{alertname: CheckoutDown, zone: a}";
    let content = "rules.yml:16:12 alarm-content";
    routed(
        &receiver(zone, "zones"),
        &format!("x.yaml:1:77 receiver-not-judged, {content}"),
        &["a matcher on the way is a regular expression that is not judged here"],
    );
    let (places, words) =
        found(&format!("expect: [{{{}}}]\n", receiver("StockLow", "hole")), RULES, Some(ROUTES));
    assert!(places.contains("x.yaml:1:51 wrong-receiver"), "{places}");
    assert!(words.contains("which tells nobody: no integration"), "{words}");
}

#[test]
fn what_an_alarm_must_say_and_what_it_should_say() {
    check(
        "match: CheckoutDown, within: 90s, content: [summary, runbook_url]",
        "x.yaml:1:64 missing-content, rules.yml:16:12 alarm-content",
        &[
            "the alarm must say `runbook_url`, and `CheckoutDown` (rules.yml:16:12) does not",
            "says 2 of 5 things; it does not say why it matters (`description`), where to look (`dashboard`)",
        ],
    );
    let rules = "groups: [{rules: [{alert: A, labels: {team: x}, annotations: {summary: '', description: d, runbook_url: wiki, dashboard: d}}]}]\n";
    check_files(
        "expect: [{match: A, within: 1m}]\n",
        rules,
        None,
        "rules.yml:1:27 alarm-content, rules.yml:1:27 alarm-content",
        &[
            "does not say what is wrong (`summary`)",
            "the `runbook_url` `wiki` of the alarm `A` is no address",
        ],
    );
}

#[test]
fn alarms_that_may_or_must_not_come_need_a_rule_too() {
    let part = "expect:\n  collateral: [{alertname: 'Stock*'}, Bananas]\n  forbidden: [{severity: page, team: search}, Plan]\n";
    check_files(
        part,
        RULES,
        None,
        "x.yaml:2:39 idle-match, x.yaml:3:47 idle-match",
        &[
            "no alerting rule fits `{alertname=\"Bananas\"}`, so `collateral` says nothing by it",
            "did you mean `Plain`",
        ],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_nothing_follows_from_it() {
    let part = "expect: {alarms: [{match: A, within: 1m}], forbidden: [B]}\n";
    for (rules, expected) in [
        ("groups: [\n", "rules.yml:1:9 syntax!"),
        ("", "rules.yml:1:1 empty-file!"),
        ("rule_files: [a]\n", "rules.yml:1:1 no-rule-groups!"),
        ("- 1\n", "rules.yml:1:1 no-rule-groups!"),
        ("groups: 3\n", "rules.yml:1:1 no-rule-groups!"),
    ] {
        check_files(part, rules, None, expected, &[]);
    }
    let odd = "groups:\n- interval: soon\n  more: 1\n  rules: [3, {alert: }, {alert: A, for: ever, x: y, labels: *a, annotations: *b}]\n";
    check_files(
        "expect: [{match: {alertname: A, severity: page}, within: 1m, severity: page, content: [summary]}]\n",
        odd,
        None,
        "rules.yml:2:13 bad-value!, rules.yml:4:41 bad-value!, rules.yml:4:61 alias, rules.yml:4:78 alias",
        &["`for` `ever` is no length of time to Prometheus"],
    );
    let variable = "expect: [{match: '${NAME}', within: 1m}]\n";
    check_files(variable, RULES, None, "x.yaml:1:18 unknown-variable!", &[]);
}

#[test]
fn the_groups_of_a_kubernetes_object_are_read() {
    let indented: String = RULES.lines().map(|line| format!("  {line}\n")).collect();
    let object = format!("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n{indented}");
    check_files(&format!("expect: [{{{GOOD}}}]\n"), &object, None, "", &[]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    #[test]
    fn files_with_a_piece_cut_out_or_doubled_are_read_or_told(
        from in 0..1_000_usize, length in 0..60_usize, double in proptest::bool::ANY, of_routes in proptest::bool::ANY,
    ) {
        let mangled = |text: &str| {
            let from = text.floor_char_boundary(from % text.len());
            let to = text.ceil_char_boundary((from + length).min(text.len()));
            let (end, rest) = if double { (to, from) } else { (from, to) };
            format!("{}{}", &text[..end], &text[rest..])
        };
        let (rules, routes) = if of_routes { (RULES.to_owned(), mangled(ROUTES)) } else { (mangled(RULES), ROUTES.to_owned()) };
        let part = format!("expect: [{{{GOOD}, severity: page, receiver: pay, content: [summary], resolve_within: 1m}}]\n");
        let (places, words) = found(&part, &rules, Some(&routes));
        // Whatever is wrong has a place in one of the three files.
        proptest::prop_assert_eq!(places.is_empty(), words.is_empty());
        let unreadable = ["syntax", "wrong-type", "no-rule-groups"].iter().any(|rule| places.contains(&format!("{rule}!")));
        proptest::prop_assert!(!(unreadable && !of_routes && places.contains("no-such-rule")), "{}", places);
    }
}
