//! When a fault acts while it stands, in words.

use crate::fault::{Period, Schedule};

/// `for 5s of every 30s, the first time after 10s; in bursts of 5 on average, on 17% of them`.
pub(super) fn of(schedule: &Schedule) -> String {
    let turns = schedule.every.zip(schedule.lasts).map(|(every, lasts)| {
        let first = schedule.offset.filter(|offset| *offset > Period::ZERO);
        let first = first.map(|offset| format!(", the first time after {offset}")).unwrap_or_default();
        format!("for {lasts} of every {every}{first}")
    });
    let bursts = schedule.bursts.map(|bursts| {
        let (enter, leave) = (bursts.enter.fraction(), bursts.leave.fraction());
        let (share, length) = (100.0 * enter / (enter + leave), 1.0 / leave);
        format!("in bursts of {length:.0} on average, {share:.0}% of all")
    });
    turns.into_iter().chain(bursts).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_and_bursts_are_said_in_numbers_that_people_know() {
        for (json, words) in [
            (r#"{"every": "30s", "for": "5s"}"#, "for 5s of every 30s"),
            (
                r#"{"every": "30s", "for": "5s", "offset": "10s"}"#,
                "for 5s of every 30s, the first time after 10s",
            ),
            (r#"{"bursts": {"enter": "4%", "leave": "20%"}}"#, "in bursts of 5 on average, 17% of all"),
        ] {
            assert_eq!(of(&serde_json::from_str(json).unwrap()), words);
        }
    }
}
