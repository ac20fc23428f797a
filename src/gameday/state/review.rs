//! After the last inject: people look back, say what is to be mended, and close the day.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, later, record};
use crate::gameday::event::DayCommand;
use crate::gameday::plan::CloseRequires;
use crate::gameday::record::{DayRecord, DayState};

/// What somebody answered to a question of the review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewAnswer {
    /// Who.
    pub who: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub answer: String,
}

impl Day {
    /// The last run is over.
    pub(super) fn look_back(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        self.enter(out, DayState::Reviewing, None);
        let review = &self.plan.review;
        if review.questions.is_empty() && review.close_requires.is_empty() && review.within.is_none() {
            // Nobody is asked anything, and the next occurrence must not wait for somebody who presses a button.
            self.enter(out, DayState::Closed, Some("nothing is asked in review".to_owned()));
            return;
        }
        self.review_by = review.within.map(|within| later(now, within.duration()));
        out.push(DayCommand::WriteReport {});
    }

    pub(super) fn look_at_review(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        if let Some(since) = self.review_by.filter(|by| *by <= now) {
            self.review_by = None;
            record(out, DayRecord::ReviewOverdue { since });
        }
    }

    pub(super) fn reviewed(&mut self, now: Timestamp, who: String, question: u32, answer: String) {
        if let Some(place) = self.place_of_question(question) {
            self.answers[place] = Some(ReviewAnswer { who, at: now, answer });
        }
    }

    pub(super) fn place_of_question(&self, question: u32) -> Option<usize> {
        let place = usize::try_from(question).ok()?.checked_sub(1)?;
        (place < self.answers.len()).then_some(place)
    }

    pub(super) fn assign(&mut self, number: u32, owner: Option<String>, due: Option<Date>) {
        if let Some(finding) = self.findings.iter_mut().find(|finding| finding.number == number) {
            finding.owner = owner.or(finding.owner.take());
            finding.due = due.or(finding.due.take());
        }
    }

    /// The questions of the review that nobody has answered.
    pub fn unanswered(&self) -> impl Iterator<Item = (u32, &str)> {
        let questions = (1..).zip(&self.plan.review.questions).zip(&self.answers);
        questions.filter(|(_, answer)| answer.is_none()).map(|((number, text), _)| (number, text.as_str()))
    }

    /// What is said of a day that is closed all the same.
    pub(super) fn not_answered(&self) -> Option<String> {
        let numbers: Vec<String> = self.unanswered().map(|(number, _)| number.to_string()).collect();
        match numbers.len() {
            0 => None,
            1 => Some(format!("question {} of the review is not answered", numbers[0])),
            _ => Some(format!("questions {} of the review are not answered", numbers.join(", "))),
        }
    }

    /// What is missing before the day can be closed.
    pub fn missing_to_close(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for required in &self.plan.review.close_requires {
            match required {
                CloseRequires::Review => {
                    let open = self.answers.iter().zip(1..).filter(|(answer, _)| answer.is_none());
                    missing.extend(open.map(|(_, number)| format!("an answer to question {number}")));
                }
                CloseRequires::FindingOwners => {
                    let open = self.findings.iter().filter(|finding| finding.owner.is_none());
                    missing.extend(open.map(|finding| format!("an owner of finding {}", finding.number)));
                }
                CloseRequires::RedrillDates => {
                    let open = self.findings.iter().filter(|finding| finding.due.is_none());
                    missing.extend(open.map(|finding| format!("a date for finding {}", finding.number)));
                }
            }
        }
        missing
    }
}
