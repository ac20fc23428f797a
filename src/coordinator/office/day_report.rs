//! A game day's report, made of the journals that are kept.

use std::collections::BTreeMap;

use super::books::{day_journal, drill_journal};
use super::gamedays::no_gameday;
use super::{Desk, DrillLine, Office, Refusal};
use crate::report::Report;
use crate::report::gameday::{DayReport, Past};

impl Office {
    /// The report of a game day as it is now. That takes a while: not for a thread that answers others.
    ///
    /// # Errors
    /// No such game day, or its journal cannot be read.
    pub fn day_report(&self, id: &str) -> Result<DayReport, Refusal> {
        if !self.desk.index().gamedays.contains_key(id) {
            return Err(no_gameday(id));
        }
        self.desk.day_report(id)
    }
}

impl Desk {
    /// The same for a game day that is known to be there.
    pub(in crate::coordinator) fn day_report(&self, id: &str) -> Result<DayReport, Refusal> {
        let lines: Vec<DrillLine> = self.index().drills.values().cloned().collect();
        let mut drills = BTreeMap::new();
        for line in lines.iter().filter(|line| line.gameday.as_deref() == Some(id) && line.state == "over") {
            let journal = self.books().read(&drill_journal(&line.id))?;
            // One whose record breaks off before anything was planned is told by the words that the day journalled.
            if let Ok(report) = Report::of(&journal) {
                drills.insert(line.id.clone(), report);
            }
        }
        let past: Vec<Past> = lines.iter().filter_map(past).collect();
        let journal = self.books().read(&day_journal(id))?;
        DayReport::of(&journal, &drills, &past).map_err(|error| {
            Refusal::conflict("no report", format!("the game day `{id}` has no report: {error}"))
        })
    }
}

/// A drill that is over, as the history counts it.
fn past(line: &DrillLine) -> Option<Past> {
    let words = line.words.as_ref()?;
    Some(Past {
        scenario: line.scenario.clone(),
        began: line.began,
        is_control: line.control.is_some(),
        exit: line.exit?,
        is_valid: words.drill == "valid",
        is_harmed: words.impact == "seen",
        alarms: words.alarms.first().cloned(),
        restored_by: words.restored_by.clone(),
    })
}
