//! What is to be mended, as it follows from what came of a drill.

use super::{Day, record};
use crate::gameday::event::{DayCommand, DrillEnded, DrillWords};
use crate::gameday::finding::{Finding, FindingKind};
use crate::gameday::plan::RunWhat;
use crate::gameday::record::DayRecord;

impl Day {
    pub(super) fn finding_number(&self) -> u32 {
        u32::try_from(self.findings.len()).unwrap_or(u32::MAX - 1) + 1
    }

    pub(super) fn derive_findings(&mut self, out: &mut Vec<DayCommand>, run: u32, ended: &DrillEnded) {
        let Some(planned) = self.plan.run(run) else { return };
        let name = planned.what.name().to_owned();
        let sham = matches!(planned.what, RunWhat::Drill { control: Some(_), .. });
        let found = match &ended.words {
            Some(words) => of_words(&name, words, sham),
            None => vec![(FindingKind::DrillDefect, format!("{name} never ran: {}", reason(&ended.why)))],
        };
        for (kind, title) in found {
            let number = self.finding_number();
            let finding = Finding { number, title, kind, run: Some(run), who: None, owner: None, due: None };
            record(out, DayRecord::FindingDerived { finding: finding.clone() });
            self.findings.push(finding);
        }
    }
}

fn of_words(name: &str, words: &DrillWords, is_control: bool) -> Vec<(FindingKind, String)> {
    let mut found = Vec::new();
    let alarms = |list: &[String]| list.join(", ");
    if !words.silent.is_empty() {
        found.push((FindingKind::Alarm, format!("{name}: nobody was told: {}", alarms(&words.silent))));
    }
    if !words.late.is_empty() {
        let late = alarms(&words.late);
        found.push((FindingKind::Alarm, format!("{name}: came late or to others: {late}")));
    }
    if words.alarms.as_deref() == Some("noisy") {
        found.push((FindingKind::Alarm, format!("{name}: alarms came that should not have")));
    }
    match words.playbook.as_deref() {
        Some("not-restored") => {
            found.push((FindingKind::Playbook, format!("{name}: the playbook did not restore service")));
        }
        Some("harmful") => {
            found.push((FindingKind::Playbook, format!("{name}: the playbook did harm")));
        }
        Some("restored-late" | "restored-with-help") => {
            let word = words.playbook.as_deref().unwrap_or_default();
            found.push((FindingKind::Playbook, format!("{name}: the playbook is {word}")));
        }
        _ => {}
    }
    if words.hypothesis == "refuted" {
        found.push((FindingKind::Service, format!("{name}: what was claimed did not hold")));
    }
    if words.contained == "lost" {
        found.push((FindingKind::Service, format!("{name}: more was harmed than was meant to be")));
    }
    if is_control && words.steady_state == "lost" {
        let title = format!("{name}: without a fault the steady state was lost");
        found.push((FindingKind::Service, title));
    }
    if !words.clean {
        found.push((FindingKind::Residue, format!("{name}: left behind: {}", reason(&words.residue))));
    }
    if !words.valid {
        let title = format!("{name}: the drill proves nothing: {}", reason(&words.reasons));
        found.push((FindingKind::DrillDefect, title));
    }
    found
}

/// The first reason, and how many more there are.
fn reason(all: &[String]) -> String {
    match all {
        [] => "it is not said why".to_owned(),
        [one] => one.clone(),
        [first, more @ ..] => format!("{first} (and {} more)", more.len()),
    }
}
