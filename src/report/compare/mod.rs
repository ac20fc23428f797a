//! What changed from one drill to another: everything that has a name in both is set side by side.

mod plan;
mod rows;
mod shown;

pub use shown::{comparison_html, comparison_json, comparison_markdown};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Report;
use super::story::{Headline, Story, Tone};

/// The version of the form below.
pub const COMPARISON_VERSION: u32 = 1;

/// Two drills side by side.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// The version of this form.
    pub version: u32,
    /// Whether both ran the same scenario.
    pub same_scenario: bool,
    /// What to bear in mind.
    pub warnings: Vec<String>,
    /// The drill that is compared with.
    pub before: Side,
    /// The drill that is looked at.
    pub after: Side,
    /// What was compared, by subject.
    pub sections: Vec<Section>,
}

/// One of the two drills.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Side {
    /// Its id.
    pub drill: String,
    /// Its scenario.
    pub scenario: String,
    /// When it began.
    pub began: Timestamp,
    /// The one thing to remember of it.
    pub headline: Headline,
    /// Its exit status.
    pub exit: u8,
    /// The hash of its journal's last line.
    pub head: String,
}

/// A subject.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Section {
    /// Its name.
    pub title: String,
    /// What was compared.
    pub rows: Vec<Row>,
}

/// One thing in both drills.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// What.
    pub what: String,
    /// How it was before; absent: it was not.
    pub before: Option<String>,
    /// How it is after; absent: it is not.
    pub after: Option<String>,
    /// Whether it is another.
    pub changed: bool,
    /// For times: how much longer it took, in seconds; negative: shorter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longer_seconds: Option<f64>,
    /// Whether the change is for the better, where that can be said.
    pub tone: Tone,
}

impl Comparison {
    /// Of a drill with one before it.
    pub fn of(before: &Report, after: &Report) -> Self {
        let same_scenario = before.plan.scenario == after.plan.scenario;
        let (one, other) = (Story::of(before), Story::of(after));
        let mut sections = vec![
            rows::verdicts((before, &one), (after, &other)),
            rows::alarms(before, after),
            rows::times(before, after),
            rows::playbook(before, after),
            rows::faults(before, after),
            rows::conditions(before, after),
            plan::fields(before, after),
            plan::files(before, after),
        ];
        sections.retain(|section| !section.rows.is_empty());
        Self {
            version: COMPARISON_VERSION,
            same_scenario,
            warnings: warnings(before, after),
            before: side(before, one.headline),
            after: side(after, other.headline),
            sections,
        }
    }

    /// How many things are others.
    pub fn changes(&self) -> usize {
        self.sections.iter().flat_map(|section| &section.rows).filter(|row| row.changed).count()
    }
}

fn side(report: &Report, headline: Headline) -> Side {
    Side {
        drill: report.drill.clone(),
        scenario: report.plan.scenario.clone(),
        began: report.began,
        headline,
        exit: report.card.summary.exit,
        head: report.head.clone(),
    }
}

fn warnings(before: &Report, after: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    if before.plan.scenario != after.plan.scenario {
        warnings.push(format!(
            "These are drills of two scenarios, `{}` and `{}`: what differs may be meant to.",
            before.plan.scenario, after.plan.scenario
        ));
    }
    if before.drill == after.drill {
        warnings.push("Both are the same drill.".to_owned());
    } else if after.began < before.began {
        warnings.push("The drill that stands as the later one began first.".to_owned());
    }
    for report in [before, after] {
        if !report.closed {
            warnings.push(format!("The journal of {} ends before the drill was over.", report.drill));
        }
    }
    warnings
}

impl Row {
    /// Something in words; `tone` says how good a word is, where it is one.
    fn words(
        what: impl Into<String>,
        before: Option<(String, Option<Tone>)>,
        after: Option<(String, Option<Tone>)>,
    ) -> Self {
        let tone = match (before.as_ref().and_then(|it| it.1), after.as_ref().and_then(|it| it.1)) {
            (Some(before), Some(after)) if rank(after) < rank(before) => Tone::Good,
            (Some(before), Some(after)) if rank(after) > rank(before) => Tone::Bad,
            _ => Tone::Neutral,
        };
        let (before, after) = (before.map(|it| it.0), after.map(|it| it.0));
        let changed = before != after;
        Self { what: what.into(), before, after, changed, longer_seconds: None, tone }
    }

    /// Something without a good and a bad.
    fn plain(what: impl Into<String>, before: Option<String>, after: Option<String>) -> Self {
        Self::words(what, before.map(|words| (words, None)), after.map(|words| (words, None)))
    }
}

/// The lower, the better; what says nothing either way stands between good and doubtful.
const fn rank(tone: Tone) -> u8 {
    match tone {
        Tone::Good => 0,
        Tone::Neutral => 1,
        Tone::Doubtful => 2,
        Tone::Bad => 3,
    }
}

/// The names of both, in the order of the later drill, then those that are gone.
fn names<'a>(before: impl Iterator<Item = &'a str>, after: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for name in after.chain(before) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOURNAL: &str = include_str!("../../../tests/files/report/payments-slow.jsonl");

    fn report(journal: &str) -> Report {
        Report::of(journal.as_bytes()).unwrap()
    }

    fn row<'a>(comparison: &'a Comparison, title: &str, what: &str) -> &'a Row {
        let section = comparison.sections.iter().find(|section| section.title == title).unwrap();
        section.rows.iter().find(|row| row.what.contains(what)).unwrap_or_else(|| panic!("{section:#?}"))
    }

    #[test]
    fn a_drill_compared_with_itself_shows_no_change_and_says_so() {
        let one = report(JOURNAL);
        let comparison = Comparison::of(&one, &one);
        assert_eq!(comparison.changes(), 0, "{comparison:#?}");
        assert!(comparison.same_scenario);
        assert_eq!(comparison.warnings, ["Both are the same drill."]);
        assert!(comparison_markdown(&comparison).contains("Nothing changed"));
    }

    #[test]
    fn times_verdicts_plan_seed_and_files_are_set_side_by_side() {
        let before = report(JOURNAL);
        let mut after = report(JOURNAL);
        after.drill = "payments-slow-2".into();
        after.card.summary.restored_by = crate::drill::summary::RestoredBy::Playbook;
        let recovered = after.card.summary.times.recovered.as_mut().unwrap();
        *recovered -= std::time::Duration::from_millis(1500);
        after.plan.steady_state.no_impact_after = "9s".parse().unwrap();
        after.plan.seed = crate::fault::Seed(7);
        after.inputs[0].text.push('#');
        let comparison = Comparison::of(&before, &after);
        let restored = row(&comparison, "Verdicts", "Restored by");
        assert_eq!((restored.changed, restored.tone), (true, Tone::Good), "{restored:?}");
        let recovery = row(&comparison, "Times", "impact to recovery");
        assert_eq!((recovery.longer_seconds, recovery.tone), (Some(-1.5), Tone::Good));
        let gate = row(&comparison, "Plan", "steady_state.no_impact_after");
        assert_eq!((gate.before.as_deref(), gate.after.as_deref()), (Some("8s"), Some("9s")));
        assert!(row(&comparison, "Conditions", "seed").changed);
        assert_eq!(row(&comparison, "Files", &after.inputs[0].path).after.as_deref(), Some("changed"));
        let page = comparison_html(&comparison);
        assert!(page.contains("1.50s shorter") && page.contains("default-src 'none'"), "{page}");
    }

    #[test]
    fn two_scenarios_are_compared_with_a_warning() {
        let before = report(JOURNAL);
        let mut after = report(JOURNAL);
        after.plan.scenario = "other".into();
        let comparison = Comparison::of(&before, &after);
        assert!(!comparison.same_scenario);
        assert!(comparison.warnings[0].contains("`payments-slow` and `other`"));
    }
}
