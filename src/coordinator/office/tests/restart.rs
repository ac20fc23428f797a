//! The process dies, in each state, and another takes up what it left.

use super::{House, on_threads};
use crate::coordinator::control::Request;
use crate::coordinator::office::DrillFilter;
use crate::drill::journal::{Verified, verify};

#[test]
fn a_drill_that_was_under_way_is_ended_and_the_day_waits_for_somebody() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add("injects: [{scenario: endless}, {ask: Still here?}]\n").await;
        house.office.start(&id, "admin").await.unwrap();
        let drill = house.until(&id, "a drill", |view| view.line.drill.is_some()).await.line.drill.unwrap();
        let applied = async {
            while !house.kinds(&drill).await.contains(&"fault.applied".to_owned()) {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), applied).await.unwrap();
        let house = house.killed().await;
        let view = house.until(&id, "ended", |view| view.runs[0].state == "ended").await;
        assert_eq!((&*view.line.state, view.runs[0].exit), ("paused", Some(5)));
        assert!(view.line.why.as_ref().unwrap().contains("restarted"), "{view:?}");
        assert!(matches!(verify(&house.office.journal(&drill).await.unwrap(), None), Verified::Whole { .. }));
        let line = house.office.drill(&drill).await.unwrap().line;
        assert!(line.interrupted && line.state == "over");
        assert_eq!(
            house.office.drills(&DrillFilter::default()).await.unwrap().len(),
            1,
            "nothing is begun twice"
        );
        house.office.resume(&id, "ana").await.unwrap();
        house.until(&id, "asked", |view| view.runs[1].state == "running").await;
        house.ended().await;
    });
}

#[test]
fn a_day_without_a_drill_under_way_goes_on_by_itself_where_it_was() {
    on_threads(async {
        let mut house = House::open().await;
        let id = house
            .add("approvals: {count: 1}\npreflight: [{ask: Ready?}]\ninjects: [{ask: Who?}, {scenario: quick}]\n")
            .await;
        for state in ["draft", "approved", "preflight", "running", "paused", "reviewing"] {
            house.until_state(&id, state).await;
            let before = house.office.journal(&id).await.unwrap();
            house = house.killed().await;
            let view = house.until_state(&id, state).await;
            let after = house.office.journal(&id).await.unwrap();
            assert!(after.starts_with(&before), "{state}");
            let office = &house.office;
            match state {
                "draft" => office.approve(&id, "ana", None).await.unwrap(),
                "approved" => office.start(&id, "ana").await.unwrap(),
                "preflight" => {
                    let item = view.preflight[0].item.clone();
                    office.answer_preflight(&id, &item, "ana", true, "").await.unwrap();
                }
                "running" => {
                    // A question that was not asked yet would wait until the pause is over.
                    house.until(&id, "asked", |view| view.runs[0].state == "running").await;
                    office.pause(&id, "ana", "coffee").await.unwrap();
                }
                "paused" => {
                    office.answer_run(&id, 1, "ana", "Cleo").await.unwrap();
                    office.resume(&id, "ana").await.unwrap();
                }
                _ => drop(office.close(&id, "ana").await.unwrap()),
            }
        }
        let view = house.until(&id, "closed", |view| view.line.closed).await;
        assert_eq!((view.line.done, view.runs[1].exit.is_some()), (2, true));
        assert!(matches!(verify(&house.office.journal(&id).await.unwrap(), None), Verified::Whole { .. }));
        let house = house.killed().await;
        assert_eq!(house.day(&id).await.line.state, "closed");
        assert_eq!(house.office.gamedays().await.unwrap()[0].id, id);
        house.ended().await;
    });
}

#[test]
fn the_end_of_the_process_stops_the_drill_in_order_and_begins_nothing_more() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add("injects: [{scenario: endless}, {scenario: quick}]\n").await;
        house.office.start(&id, "admin").await.unwrap();
        let drill = house.until(&id, "a drill", |view| view.line.drill.is_some()).await.line.drill.unwrap();
        let status = async {
            while house.office.ask_drill(&drill, |reply| Request::Status { reply }).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), status).await.unwrap();
        let parts = house.ended().await;
        let house = House::reopen(parts.0, parts.1, parts.2, parts.3).await;
        let view = house.until_state(&id, "paused").await;
        assert_eq!((view.runs[0].exit, &*view.runs[1].state), (Some(5), "pending"));
        assert!(!house.office.drill(&drill).await.unwrap().line.interrupted, "it was not cut short");
        house.ended().await;
    });
}
