//! The scorecard for people: plain text. Alarms need up to 100 columns, all else at most 80.

mod alarms;
mod layout;
mod playbook;

pub(super) use layout::span;

use layout::wrapped;

use super::Scorecard;
use super::verdict::{AlarmWord, rule};

const COLUMNS_MAX: usize = 100;
const COLUMNS: usize = 80;

/// What alarms and playbook were worth: each a line in one word, a row for each thing, and the sums.
pub fn table(card: &Scorecard) -> Vec<String> {
    let of_playbook = card.playbook.as_ref().map(|score| playbook::lines(score, &card.summary));
    if speaks_of_alarms(card) {
        alarms::lines(&card.alarms).into_iter().chain(of_playbook.into_iter().flatten()).collect()
    } else {
        of_playbook.unwrap_or_default()
    }
}

/// The rule of every verdict that the table holds.
pub fn explain(card: &Scorecard) -> Vec<String> {
    let of_alarms = if speaks_of_alarms(card) { alarms::words(&card.alarms) } else { Vec::new() };
    let of_playbook = card.playbook.as_ref().map(|score| playbook::words(score, &card.summary));
    let words = of_alarms.into_iter().map(str::to_owned).chain(of_playbook.into_iter().flatten());
    let of_word = |word: String| {
        let text = format!("{word}: {}", rule(&word).unwrap_or_default());
        wrapped(&text, "  ", "      ", COLUMNS)
    };
    words.flat_map(of_word).collect()
}

/// Where there is a playbook, and nothing to say of alarms, nothing is said of them.
fn speaks_of_alarms(card: &Scorecard) -> bool {
    let score = &card.alarms;
    let silent = score.word == AlarmWord::None && score.expectations.is_empty() && score.others.is_empty();
    !silent || card.playbook.is_none()
}
