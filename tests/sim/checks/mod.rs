//! What must hold of every drill, whatever happens in it.

mod acts;
mod record;
mod results;

use crate::course::Course;

/// What a check finds: nothing, or what is wrong.
pub type Finding = Result<(), String>;

/// A check by its name.
type Check = (&'static str, fn(&Course) -> Finding);

/// Every check.
pub const ALL: [Check; 15] = [
    ("it-ends", acts::it_ends),
    ("nothing-still-runs", acts::nothing_still_runs),
    ("applied-once-and-taken-back-once", acts::applied_once_and_taken_back_once),
    ("nothing-after-the-stop", acts::nothing_after_the_stop),
    ("nothing-after-the-close", acts::nothing_after_the_close),
    ("written-before-it-is-done", acts::written_before_it_is_done),
    ("leases-are-renewed", acts::leases_are_renewed),
    ("everybody-is-answered", acts::everybody_is_answered),
    ("alarms-are-on-record-before-the-answer", acts::alarms_are_on_record_before_the_answer),
    ("the-journal-verifies", record::the_journal_verifies),
    ("a-replay-decides-the-same", record::a_replay_decides_the_same),
    ("a-rescore-is-byte-equal", record::a_rescore_is_byte_equal),
    ("what-is-left-is-told", results::what_is_left_is_told),
    ("the-exit-status-follows", results::the_exit_status_follows),
    ("a-stop-is-for-the-first-reason", results::a_stop_is_for_the_first_reason),
];

/// Everything that is wrong with a drill.
pub fn findings(course: &Course) -> Vec<String> {
    ALL.iter().filter_map(|(name, check)| Some(format!("{name}: {}", check(course).err()?))).collect()
}
