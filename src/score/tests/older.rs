//! Journals and scorecards of earlier forms are still read.

use crate::score::{AlarmWord, Scorecard, VERSION, table};

/// Of a drill before there were playbooks: its plan names none.
const JOURNAL: &[u8] = include_bytes!("golden/journal-1.jsonl");
const SCORECARD: &[u8] = include_bytes!("golden/scorecard-1.json");

#[test]
fn a_journal_from_before_playbooks_is_scored_as_it_was() {
    let card = Scorecard::of(JOURNAL).unwrap();
    assert_eq!((card.version, card.complete, card.summary.exit), (VERSION, true, 2));
    let then: Scorecard = serde_json::from_slice(SCORECARD).unwrap();
    assert_eq!((then.version, then.alarms.word), (1, AlarmWord::Silent));
    assert_eq!(table(&card), table(&then));
    assert_eq!(Scorecard { version: 1, ..card }, then);
}
