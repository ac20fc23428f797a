//! The store refuses to write, once or for long: nothing is lost by it.

use std::sync::Arc;

use super::guarded::Guarded;
use super::moody::Moody;
use super::{House, on_threads};
use crate::coordinator::office::GameDayView;
use crate::drill::journal::{Verified, verify};
use crate::store::Store;

const DAILY: &str =
    "schedule: {cron: \"0 12 * * *\", timezone: UTC, start_deadline: 30m}\ninjects: [{ask: Ready?}]\n";
/// Longer than the longest wait between two tries.
const A_WHILE: i64 = 301;

async fn house() -> (House, Arc<Guarded<Moody>>) {
    let store = Arc::<Guarded<Moody>>::default();
    (House::with(Arc::clone(&store) as Arc<dyn Store>).await, store)
}

fn is_unfinished(view: &GameDayView) -> bool {
    view.line.unfinished.is_some()
}

#[test]
fn a_next_occurrence_that_is_refused_once_is_made_soon() {
    on_threads(async {
        let (house, store) = house().await;
        let id = house.add(DAILY).await;
        store.refuse("gamedays/tuesday-2", "", 1);
        house.office.stop(&id, "ana", "holidays").await.unwrap();
        // It needs nobody: the second try is a second later.
        let next = house.until_state("tuesday-2", "approved").await;
        assert_eq!(next.line.due.unwrap().to_string(), "2026-06-02T12:00:00Z");
        house.until(&id, "done with", |view| view.line.closed && !is_unfinished(view)).await;
        assert_eq!(store.refused(), 1);
        house.ended().await;
    });
}

#[test]
fn a_next_occurrence_that_is_refused_for_long_is_tried_ever_less_often_and_by_the_next_life() {
    on_threads(async {
        let (house, store) = house().await;
        let id = house.add(DAILY).await;
        store.refuse("gamedays/tuesday-2", "", u32::MAX);
        house.office.stop(&id, "ana", "holidays").await.unwrap();
        let told = house.until(&id, "told", is_unfinished).await.line.unfinished.unwrap();
        assert!(
            told.why.starts_with("its next occurrence is not made: ") && told.why.contains("no space left")
        );
        assert!(!told.for_good && told.again.is_some(), "{told:?}");
        let standing = house.office.standing().await.unwrap();
        assert_eq!(
            standing.gamedays.iter().map(|line| &*line.id).collect::<Vec<_>>(),
            [&*id],
            "status tells it"
        );
        let mut waits = Vec::new();
        for tries in 1..=12 {
            let tried =
                |view: &GameDayView| view.line.unfinished.as_ref().is_some_and(|left| left.tries >= tries);
            let left = house.until(&id, "tried again", tried).await.line.unfinished.unwrap();
            waits.push(left.again.unwrap().duration_since(house.office.desk.now()).as_secs());
            house.jump(A_WHILE);
        }
        assert!(
            waits[0] <= 1 && waits[4] > 5 && waits[11] > 240 && waits.iter().all(|wait| *wait <= 300),
            "{waits:?}"
        );
        let parts = house.ended().await;
        let house = House::reopen(parts.0, parts.1, parts.2, parts.3).await;
        let told = house.until(&id, "told by the next life", is_unfinished).await.line.unfinished.unwrap();
        assert!(told.again.is_some(), "{told:?}");
        store.relent();
        house.jump(A_WHILE);
        house.until_state("tuesday-2", "approved").await;
        house.until(&id, "done with", |view| !is_unfinished(view)).await;
        let days: Vec<String> =
            house.office.gamedays().await.unwrap().into_iter().map(|line| line.id).collect();
        assert!(house.office.standing().await.unwrap().gamedays.is_empty());
        assert_eq!(days.len(), 2, "one occurrence after the other: {days:?}");
        house.ended().await;
    });
}

#[test]
fn a_day_whose_last_line_is_refused_is_closed_later_and_followed_by_the_next() {
    on_threads(async {
        let (house, store) = house().await;
        let id = house.add(DAILY).await;
        store.refuse("gamedays/tuesday-1", "\"gameday.closed\"", u32::MAX);
        house.office.stop(&id, "ana", "holidays").await.unwrap();
        let told = house.until(&id, "told", is_unfinished).await.line;
        assert!(!told.closed && told.unfinished.unwrap().why.starts_with("its record is not closed: "));
        store.relent();
        house.until_state("tuesday-2", "approved").await;
        let view = house.until(&id, "closed", |view| view.line.closed && !is_unfinished(view)).await;
        assert_eq!(view.line.state, "stopped");
        let journal = house.office.journal(&id).await.unwrap();
        assert!(matches!(verify(&journal, None), Verified::Whole { .. }));
        house.ended().await;
    });
}

#[test]
fn a_schedule_that_has_no_time_any_more_is_told_and_not_tried_again() {
    on_threads(async {
        let (house, _) = house().await;
        let last = "schedule: {cron: \"0 12 * * *\", timezone: UTC, \
                    blackouts: [{from: 2026-06-02, to: 9999-12-31}]}\n\
                    injects: [{ask: Ready?}]\n";
        let id = house.add(last).await;
        house.office.stop(&id, "ana", "holidays").await.unwrap();
        let told = house.until(&id, "told", is_unfinished).await.line.unfinished.unwrap();
        assert!(told.for_good && told.again.is_none() && told.why.contains("never due"), "{told:?}");
        assert!(house.office.standing().await.unwrap().gamedays.is_empty(), "nothing is to be done about it");
        house.ended().await;
    });
}

#[test]
fn what_was_decided_when_the_process_died_is_on_record_before_anything_else() {
    on_threads(async {
        for lost in ["state.entered", "inject.begin"] {
            let (house, store) = house().await;
            let id = house.add("injects: [{ask: Ready?}, {ask: And now?}]\n").await;
            store.refuse("gamedays/tuesday-1", lost, u32::MAX);
            // Its event is on record; what follows from it is refused, as a death at this line would lose it.
            let _ = house.office.start(&id, "ana").await;
            let house = house.killed().await;
            store.relent();
            let house = house.killed().await;
            house.until(&id, "asked", |view| view.runs[0].state == "running").await;
            let kinds = house.kinds(&id).await;
            let from = kinds.iter().position(|kind| kind == "start.requested").unwrap();
            assert_eq!(
                kinds[from + 1..from + 5],
                ["state.entered", "state.entered", "inject.begin", "coordinator.restarted"],
                "without `{lost}`: {kinds:?}"
            );
            house.ended().await;
        }
    });
}

#[test]
fn what_the_store_did_not_take_is_written_before_what_comes_next() {
    on_threads(async {
        let (house, store) = house().await;
        let id = house.add("injects: [{ask: Ready?}]\n").await;
        store.refuse("gamedays/tuesday-1", "inject.begin\"", 1);
        house.office.start(&id, "ana").await.unwrap();
        // The order was obeyed though it was not on record yet.
        house.until(&id, "asked", |view| view.runs[0].state == "running").await;
        let kinds = house.kinds(&id).await;
        let begin = kinds.iter().position(|kind| kind == "inject.begin").unwrap();
        assert_eq!(kinds[begin + 1], "inject.began", "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| *kind == "inject.begin").count(), 1);
        house.ended().await;
    });
}
