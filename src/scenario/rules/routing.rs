//! Alertmanager's configuration, as far as it decides who is told of an alarm, and how long after it fired.

use std::time::Duration;

use super::duration::duration;
use super::matcher::{Holds, Matcher};
use crate::text::{Foreign, Problems, Source, quote};

/// Alertmanager's own `group_wait`, where nothing is written.
pub(super) const GROUP_WAIT: Duration = Duration::from_secs(30);
/// Alertmanager's own `group_interval`.
const GROUP_INTERVAL: Duration = Duration::from_secs(300);

/// A configuration and what is wrong with it.
#[derive(Debug)]
pub(super) struct Routing {
    pub(super) source: Source,
    pub(super) problems: Problems,
    /// Absent: it cannot be read, and nothing is judged by it.
    pub(super) tree: Option<Tree>,
}

/// Who is told of what.
#[derive(Debug)]
pub(super) struct Tree {
    root: Route,
    /// Each receiver, and whether it tells anybody.
    pub(super) receivers: Vec<(String, bool)>,
}

#[derive(Debug, Default)]
struct Route {
    receiver: Option<String>,
    matchers: Vec<Matcher>,
    /// The routes after this one are looked at too.
    goes_on: bool,
    wait: Option<Duration>,
    interval: Option<Duration>,
    routes: Vec<Route>,
}

/// A way that an alarm takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) receiver: String,
    pub(super) wait: Duration,
    pub(super) interval: Duration,
    /// Whether it takes it; never `No`.
    pub(super) holds: Holds,
}

impl Routing {
    pub(super) fn read(source: Source, mut problems: Problems) -> Self {
        if !problems.is_empty() {
            return Self { source, problems, tree: None };
        }
        let root = Foreign::read(&source, &mut problems);
        let tree = root.and_then(|root| tree(&root, &mut problems));
        Self { source, problems, tree }
    }
}

fn tree(root: &Foreign, problems: &mut Problems) -> Option<Tree> {
    let Some(route) = root.get("route").filter(|route| !route.entries().is_empty()) else {
        problems
            .error("no-route", root.span, "there is no `route`, so this is no configuration of Alertmanager")
            .help("name the file that Alertmanager is started with (`--config.file`)");
        return None;
    };
    let written = root.get("receivers").map_or(&[][..], Foreign::items);
    let receivers = written.iter().filter_map(|receiver| {
        let name = receiver.get("name")?.text()?.to_owned();
        let tells = receiver.entries().iter().any(|entry| {
            entry.name.ends_with("_configs") && (!entry.value.items().is_empty() || entry.value.is_unknown())
        });
        Some((name, tells))
    });
    let receivers = receivers.collect();
    Some(Tree { root: Route::read(route, problems), receivers })
}

impl Route {
    /// As deep as the reader of the file lets it be.
    fn read(written: &Foreign, problems: &mut Problems) -> Self {
        let mut time = |key: &str| {
            let value = written.get(key)?;
            let text = value.text()?;
            let read = duration(text);
            if read.is_none() {
                let message = format!("`{key}` {} is no length of time to Alertmanager", quote(text));
                problems
                    .error("bad-value", value.span, message)
                    .help("write for example `30s`, `5m` or `1h30m`");
            }
            read
        };
        let (wait, interval) = (time("group_wait"), time("group_interval"));
        Self {
            receiver: written.get("receiver").and_then(Foreign::text).map(str::to_owned),
            matchers: matchers(written, problems),
            goes_on: written.get("continue").and_then(Foreign::text) == Some("true"),
            wait,
            interval,
            routes: written
                .get("routes")
                .map_or(&[][..], Foreign::items)
                .iter()
                .map(|route| Self::read(route, problems))
                .collect(),
        }
    }

    fn holds<'l>(&self, labels: &impl Fn(&str) -> Option<&'l str>) -> Holds {
        self.matchers.iter().fold(Holds::Yes, |all, matcher| all.and(matcher.holds(labels)))
    }
}

/// `matchers`, and the older `match` and `match_re`.
fn matchers(written: &Foreign, problems: &mut Problems) -> Vec<Matcher> {
    let mut all = Vec::new();
    for (key, make) in [("match", Matcher::equals as fn(&str, &str) -> _), ("match_re", Matcher::pattern)] {
        let Some(map) = written.get(key) else { continue };
        all.extend(map.is_unknown().then(Matcher::unread));
        all.extend(map.entries().iter().map(|entry| {
            if entry.value.is_unknown() {
                return Matcher::unread();
            }
            make(&entry.name, entry.value.text().unwrap_or_default())
        }));
    }
    let Some(list) = written.get("matchers") else { return all };
    all.extend(list.is_unknown().then(Matcher::unread));
    for entry in list.items() {
        let Some(text) = entry.text() else {
            all.push(Matcher::unread());
            continue;
        };
        match Matcher::parse(text) {
            Ok(read) => all.extend(read),
            Err(part) => {
                problems
                    .error("bad-matcher", entry.span, format!("{} is no matcher", quote(&part)))
                    .help("write for example `severity=\"page\"` or `team=~\"pay|shop\"`");
                all.push(Matcher::unread());
            }
        }
    }
    all
}

/// What a route takes over from the one above.
#[derive(Clone, Copy)]
struct Above<'t> {
    receiver: &'t str,
    wait: Duration,
    interval: Duration,
    holds: Holds,
}

impl Tree {
    /// Every way that an alarm with these labels may take. A label that is absent may be anything.
    pub(super) fn ways<'l>(&self, labels: &impl Fn(&str) -> Option<&'l str>) -> Vec<Way> {
        let top = Above { receiver: "", wait: GROUP_WAIT, interval: GROUP_INTERVAL, holds: Holds::Yes };
        let mut ways = Vec::new();
        walk(&self.root, top, labels, &mut ways);
        ways
    }

    /// Whether a receiver tells anybody; nothing when there is no such receiver.
    pub(super) fn tells(&self, receiver: &str) -> Option<bool> {
        self.receivers.iter().find(|(name, _)| name == receiver).map(|(_, tells)| *tells)
    }
}

/// The first route below that fits takes the alarm, and with `continue` the next one that fits does so as well. What
/// none of them takes stays here.
fn walk<'t, 'l>(
    route: &'t Route,
    above: Above<'t>,
    labels: &impl Fn(&str) -> Option<&'l str>,
    ways: &mut Vec<Way>,
) {
    let here = Above {
        receiver: route.receiver.as_deref().unwrap_or(above.receiver),
        wait: route.wait.unwrap_or(above.wait),
        interval: route.interval.unwrap_or(above.interval),
        holds: above.holds,
    };
    // Whether the next route is looked at, and whether nothing below has taken it.
    let (mut reached, mut left) = (Holds::Yes, Holds::Yes);
    for child in &route.routes {
        let holds = child.holds(labels);
        if holds == Holds::No {
            continue;
        }
        let below = Above { holds: here.holds.and(reached).and(holds), ..here };
        walk(child, below, labels, ways);
        left = left.and(holds.not());
        if !child.goes_on {
            reached = reached.and(holds.not());
        }
        if reached == Holds::No {
            break;
        }
    }
    let holds = here.holds.and(left);
    if holds != Holds::No {
        let Above { receiver, wait, interval, .. } = here;
        ways.push(Way { receiver: receiver.to_owned(), wait, interval, holds });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
global: {resolve_timeout: 5m}
route:
  receiver: everyone
  group_interval: 2m
  routes:
  - {matchers: ['severity="page"'], receiver: archive, continue: true}
  - matchers: [team="pay"]
    receiver: pay
    group_wait: 5s
    routes:
    - {match: {severity: info}, receiver: hole}
    - {match_re: {service: 'card.*'}, group_interval: 10s}
  - {matchers: ['team=~"shop|search"', 'severity != "info"'], receiver: shop}
  - {matchers: ['zone=~"(a|b)-[0-9]"'], receiver: zones}
receivers:
- name: everyone
  webhook_configs: [{url: http://h/}]
- name: archive
  email_configs: [{to: a@b}]
- name: pay
  pagerduty_configs: [{routing_key: x}]
- name: hole
- name: shop
- name: zones
"#;

    #[track_caller]
    fn check(labels: &str, expected: &str) {
        let routing = Routing::read(Source::new("am.yml", CONFIG), Problems::new());
        assert!(routing.problems.is_empty(), "{:?}", routing.problems);
        let pairs: Vec<(&str, &str)> = labels.split(' ').filter_map(|pair| pair.split_once('=')).collect();
        // A label whose value is `-` is not there, which is the same as an empty one.
        let known = |name: &str| {
            let (_, value) = pairs.iter().find(|(other, _)| *other == name)?;
            Some(if *value == "-" { "" } else { value })
        };
        let ways = routing.tree.unwrap().ways(&known).into_iter().map(|way| {
            let sure = match way.holds {
                Holds::Yes => "",
                Holds::Perhaps => "?",
                Holds::NotJudged => "??",
                Holds::No => "!",
            };
            format!("{}{sure} {}s {}s", way.receiver, way.wait.as_secs(), way.interval.as_secs())
        });
        assert_eq!(ways.collect::<Vec<_>>().join(", "), expected, "{labels}");
    }

    #[test]
    fn the_first_route_that_fits_takes_the_alarm_and_continue_lets_the_next_one() {
        check("team=pay severity=ticket service=x zone=x", "pay 5s 120s");
        check("team=pay severity=page service=x zone=x", "archive 30s 120s, pay 5s 120s");
        check("team=pay severity=info service=x zone=x", "hole 5s 120s");
        check("team=pay severity=ticket service=cards zone=x", "pay 5s 10s");
        check("team=shop severity=ticket zone=x", "shop 30s 120s");
        check("team=shop severity=- zone=x", "shop 30s 120s");
    }

    #[test]
    fn what_nobody_takes_stays_with_the_root() {
        // The pattern is not judged, so both may be.
        check("team=shopping severity=ticket zone=x", "zones?? 30s 120s, everyone?? 30s 120s");
    }

    #[test]
    fn a_label_that_may_be_anything_opens_more_than_one_way() {
        check(
            "severity=ticket service=x zone=x",
            "pay? 5s 120s, shop? 30s 120s, zones?? 30s 120s, everyone?? 30s 120s",
        );
        check("team=shop zone=x", "archive? 30s 120s, shop? 30s 120s, zones?? 30s 120s, everyone?? 30s 120s");
    }

    #[test]
    fn receivers_that_tell_nobody_are_known() {
        let routing = Routing::read(Source::new("am.yml", CONFIG), Problems::new()).tree.unwrap();
        let tells = ["everyone", "pay", "hole", "nobody"].map(|name| routing.tells(name));
        assert_eq!(tells, [Some(true), Some(true), Some(false), None]);
    }

    #[test]
    fn mistakes_of_the_file_are_said_at_their_place() {
        for (text, rule) in [
            ("receivers: []\n", "no-route"),
            ("route: word\n", "no-route"),
            ("- 1\n", "no-route"),
            ("route: {receiver: a, group_wait: soon}\n", "bad-value"),
            ("route: {receiver: a, routes: [{matchers: [team]}]}\n", "bad-matcher"),
            ("route: [\n", "syntax"),
        ] {
            let routing = Routing::read(Source::new("am.yml", text), Problems::new());
            let rules: Vec<&str> = routing.problems.iter().map(|problem| problem.rule).collect();
            assert_eq!(rules, [rule], "{text}");
        }
    }
}
