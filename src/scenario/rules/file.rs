//! A file of Prometheus' alerting rules, as far as it decides which alarms come and what they say.

use std::collections::BTreeMap;
use std::time::Duration;

use super::duration::duration;
use crate::text::{Foreign, Problems, Source, Span, location, quote};

/// A rules file and what is wrong with it.
#[derive(Debug)]
pub(super) struct RuleFile {
    pub(super) source: Source,
    pub(super) problems: Problems,
}

/// One alerting rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// The number of its file.
    pub(super) file: usize,
    /// Its file, line and column.
    pub(super) place: String,
    pub(super) name: String,
    /// Where its name stands.
    pub(super) at: Span,
    /// The `alertname` is not among them.
    pub(super) labels: BTreeMap<String, Text>,
    pub(super) annotations: BTreeMap<String, Text>,
    /// There are labels or annotations that could not be read.
    pub(super) open: bool,
    /// `for:`
    pub(super) pending: Duration,
    /// `keep_firing_for:`
    pub(super) keeps_firing: Duration,
    /// How often its group is evaluated, where the file says it.
    pub(super) interval: Option<Duration>,
}

/// The value of a label or an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// Always this.
    Fixed(String),
    /// What a template makes of it.
    Template,
}

impl Text {
    fn of(text: &str) -> Self {
        if text.contains("{{") { Self::Template } else { Self::Fixed(text.to_owned()) }
    }

    pub(super) fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(text) => Some(text),
            Self::Template => None,
        }
    }
}

/// Reads a file; its alerting rules in order. `None`: it cannot be read, so nobody knows which rules there are.
pub(super) fn read(source: Source, problems: Problems, file: usize) -> (RuleFile, Option<Vec<Rule>>) {
    if !problems.is_empty() {
        return (RuleFile { source, problems }, None);
    }
    let mut reader = Reader { problems, file };
    let rules = Foreign::read(&source, &mut reader.problems).and_then(|root| reader.groups(&root, &source));
    (RuleFile { source, problems: reader.problems }, rules)
}

struct Reader {
    problems: Problems,
    file: usize,
}

impl Reader {
    fn groups(&mut self, root: &Foreign, source: &Source) -> Option<Vec<Rule>> {
        // The operator for Kubernetes keeps the same groups below `spec`.
        let groups = root.get("groups").or_else(|| root.get("spec")?.get("groups"));
        let Some(groups) = groups.filter(|groups| groups.is_list()) else {
            let help = if root.get("rule_files").is_some() {
                "this is Prometheus' own configuration; name the files that stand under `rule_files`"
            } else {
                "name a file with `groups:`, as `promtool check rules` accepts it"
            };
            self.problems
                .error(
                    "no-rule-groups",
                    root.span,
                    "there is no list `groups`, so this is no file of alerting rules",
                )
                .help(help);
            return None;
        };
        let mut rules = Vec::new();
        for group in groups.items() {
            let interval = self.duration(group, "interval");
            let written = group.get("rules").map_or(&[][..], Foreign::items);
            rules.extend(written.iter().filter_map(|rule| self.rule(rule, interval, source)));
        }
        Some(rules)
    }

    /// An alerting rule; a recording rule is none.
    fn rule(&mut self, written: &Foreign, interval: Option<Duration>, source: &Source) -> Option<Rule> {
        let name = written.get("alert")?;
        let (line, column) = location(source, name.span);
        let place = format!("{}:{line}:{column}", source.path);
        let (at, name) = (name.span, name.text().filter(|name| !name.is_empty())?.to_owned());
        let (labels, open_labels) = texts(written.get("labels"));
        let (annotations, open_annotations) = texts(written.get("annotations"));
        Some(Rule {
            file: self.file,
            place,
            name,
            at,
            labels,
            annotations,
            open: open_labels || open_annotations,
            pending: self.duration(written, "for").unwrap_or_default(),
            keeps_firing: self.duration(written, "keep_firing_for").unwrap_or_default(),
            interval,
        })
    }

    fn duration(&mut self, written: &Foreign, key: &str) -> Option<Duration> {
        let value = written.get(key)?;
        let text = value.text()?;
        let read = duration(text);
        if read.is_none() {
            let message = format!("`{key}` {} is no length of time to Prometheus", quote(text));
            self.problems
                .error("bad-value", value.span, message)
                .help("write for example `30s`, `5m` or `1h30m`");
        }
        read
    }
}

/// Names and values, and whether there are others that could not be read.
fn texts(written: Option<&Foreign>) -> (BTreeMap<String, Text>, bool) {
    let Some(written) = written else { return (BTreeMap::new(), false) };
    let entries = written.entries();
    let open = written.is_unknown() || entries.iter().any(|entry| entry.value.is_unknown());
    let text = |value: &Foreign| Text::of(value.text().unwrap_or_default());
    let known = entries.iter().filter(|entry| !entry.value.is_unknown());
    (known.map(|entry| (entry.name.clone(), text(&entry.value))).collect(), open)
}
