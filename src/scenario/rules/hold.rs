//! Each expectation, forbidden and collateral alarm of a scenario against the rules.

use super::file::{Rule, Text};
use super::matcher::Holds;
use super::routing::Way;
use super::{Monitoring, content, timing};
use crate::fault::Glob;
use crate::scenario::check::faults::NamedFault;
use crate::scenario::check::{Checker, given};
use crate::scenario::defaults;
use crate::scenario::expectation::{AlarmMatch, Alarms, Expectation, Severity};
use crate::scenario::written::{self, AlarmExpectation};
use crate::text::{Field, Form, Span, nearest, quote};

/// The most rules that one message names.
const NAMED_MAX: usize = 5;

/// Where an expectation says what it does.
pub(super) struct Place {
    pub(super) matching: Span,
    pub(super) within: Span,
    pub(super) resolve_within: Option<Span>,
}

/// Whether a rule may fire what is meant.
enum Fits {
    /// By what it fixes alone.
    Yes,
    /// If its series carry the labels that it does not set.
    BySeries,
    /// Only if the template of this label makes it so.
    ByTemplate(String),
    /// Not by this label, which the rule fixes to this value.
    No(String, String),
}

/// Says what of a scenario's expectations cannot come true with these rules.
pub(in crate::scenario) fn hold(
    checker: &mut Checker<'_>,
    written: &written::Scenario,
    planned: &Alarms,
    faults: &[NamedFault],
    monitoring: &mut Monitoring,
) {
    let (list, lists) = match written.expect.get() {
        None => return,
        Some(Form::List(list)) => (list.as_slice(), None),
        Some(Form::Map(map)) => (map.alarms.get().map_or(&[][..], Vec::as_slice), Some(map)),
        Some(Form::Word(never)) => match *never {},
    };
    for (n, entry) in list.iter().enumerate() {
        let Some((entry, at)) = given(entry) else { continue };
        let id = entry.id.get().cloned().unwrap_or_else(|| defaults::numbered("alarm", n + 1));
        // One that is wrong in itself was reported.
        let Some(expectation) = planned.expected.iter().find(|other| other.id == id) else { continue };
        if is_whole(&entry.matching, &expectation.matching) {
            one(checker, (entry, at), (planned, expectation), faults, monitoring);
        }
    }
    let Some(map) = lists else { return };
    let may = (&map.collateral, &planned.collateral, "collateral");
    let must_not = (&map.forbidden, &planned.forbidden, "forbidden");
    for (field, matchers, key) in [may, must_not] {
        for (entry, matching) in field.get().into_iter().flatten().zip(matchers) {
            idle(checker, monitoring, entry, matching, key);
        }
    }
}

/// Whether every label that was written is known: a variable may not be set yet.
fn is_whole(field: &Field<written::AlarmMatch>, matching: &AlarmMatch) -> bool {
    let labels = field.get().map_or(0, |form| match form {
        Form::Word(_) => 1,
        Form::Map(labels) => labels.0.len(),
        Form::List(never) => match *never {},
    });
    labels > 0 && labels == matching.0.len()
}

/// An alarm that may or must not come, and that no rule fires.
fn idle(
    checker: &mut Checker<'_>,
    monitoring: &Monitoring,
    field: &Field<written::AlarmMatch>,
    matching: &AlarmMatch,
    key: &str,
) {
    let Some(at) = field.span().filter(|_| is_whole(field, matching) && monitoring.whole) else { return };
    if monitoring.rules.iter().any(|rule| !matches!(fits(rule, matching), Fits::No(..))) {
        return;
    }
    let message = format!("no alerting rule fits {}, so `{key}` says nothing by it", labels_words(matching));
    checker.problems.warning("idle-match", at, message).help(near(monitoring, matching));
}

fn one(
    checker: &mut Checker<'_>,
    (entry, at): (&AlarmExpectation, Span),
    (planned, expectation): (&Alarms, &Expectation),
    faults: &[NamedFault],
    monitoring: &mut Monitoring,
) {
    let place = Place {
        matching: entry.matching.span().unwrap_or(at),
        within: entry.within.span().unwrap_or(at),
        resolve_within: entry.resolve_within.span(),
    };
    let fit = |want: fn(&Fits) -> bool| -> Vec<usize> {
        let rules = monitoring.rules.iter().enumerate();
        rules.filter(|(_, rule)| want(&fits(rule, &expectation.matching))).map(|(n, _)| n).collect()
    };
    let mut rules = fit(|fits| matches!(fits, Fits::Yes));
    if rules.is_empty() {
        rules = fit(|fits| matches!(fits, Fits::BySeries));
        // Without a name it may be any of them, and nobody knows which.
        if !rules.is_empty() && !expectation.matching.0.contains_key("alertname") {
            return;
        }
    }
    if rules.is_empty() {
        rules = fit(|fits| matches!(fits, Fits::ByTemplate(_)));
        by_template(checker, monitoring, rules.first(), expectation, &place);
    }
    if rules.is_empty() {
        no_such_rule(checker, monitoring, expectation, &place);
        return;
    }
    let rules = of_severity(checker, monitoring, rules, expectation, entry.severity.span());
    receiver(checker, monitoring, &rules, expectation, entry.receiver.span().unwrap_or(place.matching));
    timing::check(checker, (monitoring, &rules), (planned, expectation), faults, &place);
    says(checker, monitoring, &rules, expectation, entry);
    for rule in rules {
        content::lint(monitoring, rule, expectation);
    }
}

/// Its name and its fixed labels must fit.
fn fits(rule: &Rule, matching: &AlarmMatch) -> Fits {
    let (mut by_template, mut by_series) = (None, false);
    for (label, pattern) in &matching.0 {
        let value = match rule.labels.get(label) {
            _ if label == "alertname" => Some(rule.name.as_str()),
            Some(Text::Fixed(value)) => Some(value.as_str()),
            Some(Text::Template) => {
                by_template.get_or_insert_with(|| label.clone());
                None
            }
            None => {
                by_series = true;
                None
            }
        };
        if let Some(value) = value.filter(|value| !pattern.matches(value)) {
            return Fits::No(label.clone(), value.to_owned());
        }
    }
    let without = if by_series { Fits::BySeries } else { Fits::Yes };
    by_template.map_or(without, Fits::ByTemplate)
}

fn by_template(
    checker: &mut Checker<'_>,
    monitoring: &Monitoring,
    rule: Option<&usize>,
    expectation: &Expectation,
    place: &Place,
) {
    let Some(rule) = rule.and_then(|n| monitoring.rules.get(*n)) else { return };
    let Fits::ByTemplate(label) = fits(rule, &expectation.matching) else { return };
    let message = format!(
        "whether `{}` ({}) fits is not known: a template makes its label {}, which can be anything",
        rule.name,
        rule.place,
        quote(&label)
    );
    checker
        .problems
        .warning("template-label", place.matching, message)
        .help("match a label that the rule fixes, its `alertname` for example");
}

fn no_such_rule(
    checker: &mut Checker<'_>,
    monitoring: &Monitoring,
    expectation: &Expectation,
    place: &Place,
) {
    if !monitoring.whole {
        return;
    }
    let message = format!(
        "no alerting rule fires {}, so the alarm `{}` can never come",
        labels_words(&expectation.matching),
        expectation.id
    );
    checker
        .problems
        .error("no-such-rule", place.matching, message)
        .help(near(monitoring, &expectation.matching));
}

/// The way out when no rule fits: rules with that name and another label, the name that was meant, or all there are.
fn near(monitoring: &Monitoring, matching: &AlarmMatch) -> String {
    let rules = &monitoring.rules;
    let named = |rule: &&Rule| matching.0.get("alertname").is_some_and(|glob| glob.matches(&rule.name));
    let differs = rules.iter().filter(named).filter_map(|rule| match fits(rule, matching) {
        Fits::No(label, value) => {
            let wanted = matching.0.get(&label).map_or("", |glob| glob.0.as_str());
            Some(format!("`{}` ({}) has {label}=\"{value}\", not \"{wanted}\"", rule.name, rule.place))
        }
        Fits::Yes | Fits::BySeries | Fits::ByTemplate(_) => None,
    });
    let differs: Vec<String> = differs.take(NAMED_MAX).collect();
    if !differs.is_empty() {
        return differs.join("; ");
    }
    let mut names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let meant = matching.0.get("alertname").and_then(|glob| nearest(&glob.0, names.iter().copied()));
    if let Some(rule) = meant.and_then(|name| rules.iter().find(|rule| rule.name == name)) {
        return format!("did you mean `{}` ({})?", rule.name, rule.place);
    }
    let more = names.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown: Vec<String> = names.iter().take(NAMED_MAX).map(|name| quote(name)).collect();
    match shown.len() {
        0 => "the files hold no alerting rule at all".to_owned(),
        _ => format!("the alerting rules are {}{more}", shown.join(", ")),
    }
}

fn labels_words(matching: &AlarmMatch) -> String {
    const SHOWN_MAX: usize = 60;
    let short = |text: &str| text.chars().take(SHOWN_MAX).collect::<String>();
    let each = matching.0.iter().map(|(name, Glob(glob))| format!("{}=\"{}\"", short(name), short(glob)));
    format!("`{{{}}}`", each.collect::<Vec<_>>().join(", "))
}

/// Those of the rules whose alarm is as urgent as it must be; all of them, with a warning, when none is.
fn of_severity(
    checker: &mut Checker<'_>,
    monitoring: &Monitoring,
    rules: Vec<usize>,
    expectation: &Expectation,
    at: Option<Span>,
) -> Vec<usize> {
    let (Some(wanted), Some(at)) = (expectation.severity, at) else { return rules };
    let label = |n: &usize| monitoring.rules.get(*n).and_then(|rule| rule.labels.get("severity"));
    let is_right = |n: &&usize| match label(n) {
        Some(Text::Template) => true,
        Some(Text::Fixed(text)) => Severity::of_label(text) == Some(wanted),
        None => monitoring.rules.get(**n).is_some_and(|rule| rule.open),
    };
    let right: Vec<usize> = rules.iter().filter(is_right).copied().collect();
    if !right.is_empty() {
        return right;
    }
    let each = rules.iter().take(NAMED_MAX).filter_map(|n| {
        let rule = monitoring.rules.get(*n)?;
        let severity = label(n).and_then(Text::fixed);
        let has =
            severity.map_or("has no label `severity`".to_owned(), |text| format!("has severity=\"{text}\""));
        Some(format!("`{}` ({}) {has}", rule.name, rule.place))
    });
    let each: Vec<String> = each.collect();
    let message = format!("no rule fires this alarm as urgent as `{}`: {}", wanted.word(), each.join("; "));
    checker
        .problems
        .warning("wrong-severity", at, message)
        .help("correct the label of the rule, or what is expected; critical is a page, warning a ticket");
    rules
}

/// Whom Alertmanager tells.
fn receiver(
    checker: &mut Checker<'_>,
    monitoring: &Monitoring,
    rules: &[usize],
    expectation: &Expectation,
    at: Span,
) {
    let Some(tree) = monitoring.tree() else { return };
    if let Some(wanted) = expectation.receiver.as_deref().filter(|name| tree.tells(name).is_none()) {
        let names = || tree.receivers.iter().map(|(name, _)| name.as_str());
        let help = nearest(wanted, names()).map_or_else(
            || format!("the receivers are {}", names().map(quote).collect::<Vec<_>>().join(", ")),
            |meant| format!("did you mean `{meant}`?"),
        );
        let message = format!("Alertmanager has no receiver {}", quote(wanted));
        checker.problems.warning("wrong-receiver", at, message).help(help);
        return;
    }
    let Some(rule) = rules.first().and_then(|n| monitoring.rules.get(*n)) else { return };
    let ways = || {
        rules
            .iter()
            .filter_map(|n| monitoring.rules.get(*n))
            .flat_map(|rule| monitoring.ways(rule, expectation))
    };
    let meant = |way: &Way| expectation.receiver.as_ref().is_none_or(|wanted| *wanted == way.receiver);
    let best = ways().filter(meant).min_by_key(|way| way.holds != Holds::Yes && way.holds != Holds::Perhaps);
    let mut names: Vec<String> = ways().map(|way| quote(&way.receiver)).collect();
    names.sort_unstable();
    names.dedup();
    let to = format!("`{}` ({}) to {}", rule.name, rule.place, names.join(", "));
    let wanted = expectation.receiver.as_deref().unwrap_or_default();
    let told = match best {
        None => Some(("wrong-receiver", format!("Alertmanager sends {to}; `{wanted}` is expected"))),
        Some(_) if ways().filter(meant).all(|way| tree.tells(&way.receiver) == Some(false)) => {
            Some(("wrong-receiver", format!("Alertmanager sends {to}, which tells nobody: no integration")))
        }
        Some(Way { holds: Holds::NotJudged, .. }) if expectation.receiver.is_some() => {
            let why = "a matcher on the way is a regular expression that is not judged here";
            Some(("receiver-not-judged", format!("Alertmanager may send {to}: {why}")))
        }
        Some(_) => None,
    };
    if let Some((name, message)) = told {
        let help =
            "look with `amtool config routes test`; correct the routes, the labels, or what is expected";
        checker.problems.warning(name, at, message).help(help);
    }
}

/// What the expectation asks for, and no rule says.
fn says(
    checker: &mut Checker<'_>,
    monitoring: &Monitoring,
    rules: &[usize],
    expectation: &Expectation,
    entry: &AlarmExpectation,
) {
    let rules: Vec<&Rule> = rules.iter().filter_map(|n| monitoring.rules.get(*n)).collect();
    for field in entry.content.get().into_iter().flatten() {
        let Some((name, at)) = given(field) else { continue };
        // With an unset variable in it the name is not known yet.
        if !expectation.content.contains(name) {
            continue;
        }
        let silent: Vec<&&Rule> = rules.iter().filter(|rule| !content::carries(rule, name)).collect();
        if silent.is_empty() {
            continue;
        }
        let shown = silent.iter().take(NAMED_MAX).map(|rule| format!("`{}` ({})", rule.name, rule.place));
        let shown: Vec<String> = shown.collect();
        let message = format!("the alarm must say {}, and {} does not", quote(name), shown.join(", "));
        checker
            .problems
            .warning("missing-content", at, message)
            .help("add it to the rule's `annotations`; only a label could still come from its series");
    }
}

impl Monitoring {
    fn tree(&self) -> Option<&super::routing::Tree> {
        self.routing.as_ref()?.tree.as_ref()
    }

    /// The ways that an alarm of this rule takes; none without Alertmanager's configuration.
    pub(super) fn ways(&self, rule: &Rule, expectation: &Expectation) -> Vec<Way> {
        let label = |name: &str| {
            if name == "alertname" {
                return Some(rule.name.as_str());
            }
            match rule.labels.get(name) {
                Some(text) => text.fixed(),
                // What the expectation asks for by its whole value is what it will be.
                None => expectation
                    .matching
                    .0
                    .get(name)
                    .map(|glob| glob.0.as_str())
                    .filter(|text| !text.contains(['*', '?'])),
            }
        };
        self.tree().map_or_else(Vec::new, |tree| tree.ways(&label))
    }
}
