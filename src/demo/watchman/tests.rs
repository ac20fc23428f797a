//! The watchman over the rules that are shipped, second by second, on injected time.

use serde_json::Value;

use super::*;

const SHIPPED: &str = include_str!("../../../rules/shop.yml");
const TIMES: Times = Times { wait: secs(1), interval: secs(2), repeat: Duration::from_secs(600) };

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The shop as its metrics tell it: requests of each second, of which some fail and some are slow.
#[derive(Default)]
struct Counted {
    requests: u64,
    errors: u64,
    fast: u64,
}

/// What the webhook was told in each second: `alertname status`.
fn told(course: impl Fn(u64) -> (u64, u64, u64), until: u64) -> Vec<(u64, String)> {
    let mut state = State::new(TIMES, &["127.0.0.1:1".to_owned()]);
    state.watch(rules::read(SHIPPED).unwrap(), Duration::ZERO);
    let (mut counted, mut told) = (Counted::default(), Vec::new());
    for second in 0..until {
        let (requests, errors, slow) = course(second);
        counted.requests += requests;
        counted.errors += errors;
        counted.fast += requests - slow;
        let Counted { requests, errors, fast } = &counted;
        let page = format!(
            "shop_requests_total{{role=\"front\"}} {requests}\nshop_errors_total{{role=\"front\"}} {errors}\n\
             shop_request_duration_seconds_bucket{{role=\"front\",le=\"0.5\"}} {fast}\n\
             shop_request_duration_seconds_bucket{{role=\"front\",le=\"2.5\"}} {requests}\n\
             shop_request_duration_seconds_bucket{{role=\"front\",le=\"+Inf\"}} {requests}\n"
        );
        state.scraped(0, secs(second), Ok(page.into()));
        state.evaluate(secs(1), secs(second));
        for message in state.pager.due(secs(second)) {
            let envelope = webhook::Envelope { receiver: "team-checkout", url: "http://w/" };
            let body: Value = webhook::body(&message, &envelope, |at| format!("{at:?}"));
            told.push((second, format!("{} {}", message.group, body["status"].as_str().unwrap())));
            state.posted(secs(second), &message, Ok(()));
        }
    }
    told
}

#[test]
fn slow_checkouts_page_after_for_and_group_wait_and_are_over_when_they_are() {
    let course = |second| if (20..40).contains(&second) { (20, 0, 20) } else { (20, 0, 0) };
    let told = told(course, 60);
    assert_eq!(told[0], (23, "CheckoutSlow firing".to_owned()), "seen at 20, `for: 2s`, group wait 1s");
    assert_eq!(told.len(), 2, "{told:?}");
    let (at, what) = &told[1];
    assert_eq!(what, "CheckoutSlow resolved");
    assert!((44..=48).contains(at), "the window of the rate is 5s, the group interval 2s: {told:?}");
}

#[test]
fn failing_orders_page_and_a_few_do_not() {
    let failing = |second| if (10..20).contains(&second) { (20, 20, 0) } else { (20, 0, 0) };
    assert_eq!(told(failing, 18), [(13, "CheckoutErrors firing".to_owned())]);
    assert_eq!(told(|_| (100, 4, 4), 30), []);
    assert_eq!(told(|_| (0, 0, 0), 30), [], "without traffic nothing is known, and nobody is paged");
}

#[test]
fn a_target_that_does_not_answer_is_down_and_its_series_are_gone() {
    let mut state = State::new(TIMES, &["127.0.0.1:1".to_owned()]);
    state.watch(rules::read(SHIPPED).unwrap(), Duration::ZERO);
    for second in 0..10 {
        let said = if second < 5 { Ok("a 1\n".into()) } else { Err("refused".to_owned()) };
        state.scraped(0, secs(second), said);
        state.evaluate(secs(1), secs(second));
    }
    let down = state.watched[0].rules().find(|(rule, _)| rule.name == "ShopProcessDown").unwrap().1;
    assert_eq!(down.word(), "firing");
    let alarm = down.active().next().unwrap();
    assert_eq!((alarm.active_at, alarm.fired_at), (secs(5), Some(secs(8))));
    assert_eq!(alarm.labels["instance"], "127.0.0.1:1");
    assert_eq!(state.targets[0].asked, Some((secs(9), Some("refused".to_owned()))));
    let promql::Expr::Newest(gone) = promql::read("a").unwrap() else { panic!() };
    assert_eq!(state.store.newest(&gone, secs(9)).count(), 0);
}

#[test]
fn rules_that_are_the_same_stand_as_they_stood_and_a_lost_one_is_over() {
    let group = |rules: &str| rules::read(&format!("groups: [{{name: g, rules: [{rules}]}}]")).unwrap();
    let (a, b) = ("{alert: A, expr: 'a > 0'}", "{alert: B, expr: 'a > 0'}");
    let mut state = State::new(TIMES, &["127.0.0.1:1".to_owned()]);
    let step = |state: &mut State, second: u64| {
        state.scraped(0, secs(second), Ok("a 1\n".into()));
        state.evaluate(secs(1), secs(second));
        let messages = state.pager.due(secs(second));
        messages.iter().for_each(|message| state.posted(secs(second), message, Ok(())));
        messages
            .iter()
            .map(|message| (message.group.clone(), message.alarms[0].resolved_at.is_some()))
            .collect::<Vec<_>>()
    };
    state.watch(group(&format!("{a}, {b}")), secs(0));
    assert_eq!(step(&mut state, 0), []);
    assert_eq!(step(&mut state, 1), [("A".to_owned(), false), ("B".to_owned(), false)]);
    state.watch(group(&format!("{{alert: C, expr: 'a > 1'}}, {b}")), secs(2));
    assert_eq!(step(&mut state, 2), []);
    assert_eq!(step(&mut state, 3), [("A".to_owned(), true)]);
    let standing = |name: &str| {
        let mut rules = state.watched[0].rules();
        let (_, standing) = rules.find(|(rule, _)| rule.name == name).unwrap();
        (standing.word(), standing.active().next().map(|alarm| alarm.active_at))
    };
    assert_eq!(standing("B"), ("firing", Some(secs(0))));
    assert_eq!(standing("C"), ("inactive", None));
}

#[test]
fn a_rules_file_that_is_wrong_leaves_the_rules_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yml");
    let mut state = State::new(TIMES, &[]);
    std::fs::write(&path, SHIPPED).unwrap();
    state.read_rules(&path, secs(0));
    assert_eq!((state.watched[0].group.rules.len(), &state.file_error), (4, &None));
    std::fs::write(&path, "groups: [{name: g, rules: [{alert: A, expr: a and b}]}]").unwrap();
    state.read_rules(&path, secs(1));
    assert_eq!(state.watched[0].group.rules.len(), 4);
    assert!(state.file_error.as_ref().unwrap().contains("the rule `A`"), "{:?}", state.file_error);
    std::fs::write(&path, "groups: []").unwrap();
    state.read_rules(&path, secs(2));
    assert_eq!((state.watched.len(), &state.file_error), (0, &None));
}

#[test]
fn the_wish_for_empty_shelves_is_one_rule_away() {
    let wish = "groups: [{name: g, rules: [{alert: E, expr: 'rate(shop_empty_shelves_total[5s]) > 0'}]}]";
    assert!(rules::read(wish).is_ok());
}
