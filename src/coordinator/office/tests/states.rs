//! Pause, resume, stop and halt, in each state.

use tokio::sync::oneshot;

use super::{House, on_threads};
use crate::coordinator::control::Request;
use crate::coordinator::office::{DrillFilter, FindingLine};
use crate::playbook::event::StepAnswer;

const ENDLESS: &str = "injects: [{scenario: endless}, {scenario: quick}]\n";

async fn drill_under_way(house: &House, id: &str) -> String {
    let view = house.until(id, "a drill", |view| view.line.drill.is_some()).await;
    let drill = view.line.drill.unwrap();
    let active = async {
        loop {
            let asked = house.office.ask_drill(&drill, |reply| Request::Status { reply }).await;
            if asked.is_ok_and(|status| status.phase == crate::drill::event::Phase::Active) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), active).await.expect("it becomes active");
    drill
}

#[test]
fn stopping_a_day_stops_its_drill_and_waits_until_everything_is_taken_back() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add(ENDLESS).await;
        house.office.start(&id, "admin").await.unwrap();
        let drill = drill_under_way(&house, &id).await;
        assert!(house.office.drill(&drill).await.unwrap().status.is_some());
        house.office.stop(&id, "ana", "fire alarm").await.unwrap();
        let view = house.until(&id, "closed", |view| view.line.closed).await;
        assert_eq!(view.line.state, "stopped");
        assert_eq!(
            view.stopped.as_ref().map(|stopped| (&*stopped.who, &*stopped.reason)),
            Some(("ana", "fire alarm"))
        );
        assert_eq!((view.runs[0].exit, &*view.runs[1].state), (Some(5), "not-run"));
        assert!(view.runs[0].words.as_ref().unwrap().clean);
        assert!(house.lever().engaged().is_none(), "others may go on");
        assert!(house.kinds(&drill).await.contains(&"note.written".to_owned()), "the reason is on record");
        assert!(house.office.stop(&id, "ana", "again").await.unwrap_err().detail.contains("over"));
        house.ended().await;
    });
}

#[test]
fn a_day_that_waits_for_approval_can_be_stopped_and_not_started() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add("approvals: {count: 2}\ninjects: [{scenario: quick}]\n").await;
        let refusal = house.office.start(&id, "admin").await.unwrap_err();
        assert!(refusal.status == 409 && refusal.detail.contains("2 more of 2 approvals"), "{refusal}");
        house.office.approve(&id, "admin", Some("ana")).await.unwrap();
        assert!(house.office.approve(&id, "admin", Some("ana")).await.is_err(), "one person, one word");
        house.office.approve(&id, "admin", Some("ben")).await.unwrap();
        let view = house.day(&id).await;
        assert_eq!((&*view.line.state, view.approvals.len()), ("approved", 2));
        assert!(view.may.contains(&"start".to_owned()) && !view.may.contains(&"pause".to_owned()));
        assert!(house.office.pause(&id, "ana", "wait").await.is_err());
        assert!(house.office.resume(&id, "ana").await.is_err());
        house.office.stop(&id, "ana", "another time").await.unwrap();
        house.until(&id, "closed", |view| view.line.closed).await;
        house.ended().await;
    });
}

#[test]
fn a_pause_lets_the_run_end_and_begins_no_other_until_it_is_resumed() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add("injects: [{scenario: quick}, {ask: Still here?}]\n").await;
        house.office.start(&id, "admin").await.unwrap();
        house.until(&id, "a drill", |view| view.line.drill.is_some()).await;
        house.office.pause(&id, "ana", "coffee").await.unwrap();
        let view = house.until(&id, "over", |view| view.runs[0].state == "ended").await;
        assert_eq!((&*view.line.state, &*view.runs[1].state), ("paused", "pending"));
        assert!(view.line.why.unwrap().contains("coffee"));
        house.office.resume(&id, "ana").await.unwrap();
        house.until(&id, "asked", |view| view.runs[1].state == "running").await;
        house.ended().await;
    });
}

#[test]
fn preflight_waits_for_people_and_goes_on_without_what_is_waived() {
    on_threads(async {
        let house = House::open().await;
        let preflight = "preflight: [{steady_state: {for: 200ms}}, {playbooks: lint}, {hosts: {all: true}}, \
                         {ask: Does support know?}, {no_open_incident: true}]\n";
        let id = house.add(&format!("{preflight}injects: [{{scenario: quick}}]\n")).await;
        house.office.start(&id, "admin").await.unwrap();
        let looked = |view: &crate::coordinator::office::GameDayView| {
            view.preflight.iter().filter(|item| item.state == "passed").count() == 3
        };
        let view = house.until(&id, "looked at", looked).await;
        assert_eq!(view.line.state, "preflight");
        let open: Vec<_> = view.preflight.iter().filter(|item| item.state == "pending").collect();
        assert!(open.len() == 2 && open.iter().all(|item| item.ask), "{open:?}");
        house.office.answer_preflight(&id, &open[0].item, "ana", true, "told them").await.unwrap();
        house.office.waive(&id, &open[1].item, "ana", "it is about another system").await.unwrap();
        house.until(&id, "begun", |view| view.runs[0].state != "pending").await;
        house.ended().await;
    });
}

#[test]
fn a_steady_state_that_does_not_hold_is_said_and_looked_at_again() {
    on_threads(async {
        let house = House::open().await;
        let mut bundle =
            house.bundle("preflight: [{steady_state: {for: 100ms}}]\ninjects: [{scenario: quick}]\n");
        for file in &mut bundle.files {
            file.text = file.text.replace("/ok\"}]", "/status/503\"}]");
        }
        let id = house.office.add_gameday(bundle, "admin").await.unwrap().id;
        house.office.start(&id, "admin").await.unwrap();
        let view = house.until(&id, "failed", |view| view.preflight[0].state == "failed").await;
        assert!(view.preflight[0].why.as_ref().unwrap().contains("up: "), "{view:?}");
        house.office.start(&id, "admin").await.unwrap();
        house.until(&id, "failed again", |view| view.preflight[0].state == "failed").await;
        house.office.waive(&id, &view.preflight[0].item, "ana", "known").await.unwrap();
        house.until(&id, "the drill", |view| view.runs[0].drill.is_some()).await;
        house.office.stop(&id, "ana", "enough").await.unwrap();
        house.ended().await;
    });
}

#[test]
fn a_halt_stops_what_runs_and_nothing_starts_until_it_is_released() {
    on_threads(async {
        let house = House::open().await;
        let (id, other) = (house.add(ENDLESS).await, house.add("injects: [{scenario: quick}]\n").await);
        house.office.start(&id, "admin").await.unwrap();
        drill_under_way(&house, &id).await;
        house.office.halt("ana", "pager storm").await.unwrap();
        let view = house.until(&id, "closed", |view| view.line.closed).await;
        assert_eq!((&*view.line.state, view.runs[0].exit), ("stopped", Some(5)));
        let refusal = house.office.start(&other, "admin").await.unwrap_err();
        assert!(refusal.status == 409 && refusal.detail.contains("pager storm"), "{refusal}");
        assert_eq!(house.day(&other).await.line.state, "approved");
        let standing = house.office.standing().await.unwrap();
        assert_eq!(standing.lever.unwrap().who, "ana");
        assert!(standing.drills.is_empty() && house.lever().engaged().is_some());
        assert_eq!(house.office.release("ana", " ").await.unwrap_err().status, 422);
        house.office.release("ana", "all quiet").await.unwrap();
        assert_eq!(house.office.release("ana", "again").await.unwrap_err().status, 409);
        house.office.start(&other, "admin").await.unwrap();
        house.until_state(&other, "reviewing").await;
        house.ended().await;
    });
}

#[test]
fn one_drill_at_a_time_and_the_second_waits() {
    on_threads(async {
        let house = House::open().await;
        let first = house.add(ENDLESS).await;
        let second = house.add("injects: [{scenario: quick}]\n").await;
        house.office.start(&first, "admin").await.unwrap();
        drill_under_way(&house, &first).await;
        house.office.start(&second, "admin").await.unwrap();
        house.until(&second, "waiting for its turn", |view| view.runs[0].state == "beginning").await;
        let running = DrillFilter { state: Some("running".to_owned()), ..Default::default() };
        assert_eq!(house.office.drills(&running).await.unwrap().len(), 1);
        house.office.stop(&first, "ana", "make room").await.unwrap();
        house.until_state(&second, "reviewing").await;
        house.ended().await;
    });
}

#[test]
fn what_people_say_is_held_to_the_same_bounds_whichever_door_it_came_by() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add(ENDLESS).await;
        house.office.start(&id, "admin").await.unwrap();
        let drill = drill_under_way(&house, &id).await;
        let office = &house.office;
        let (who, long) = ("admin for ana".to_owned(), "x".repeat(60_000));
        let note = |text: String| Request::Note {
            who: who.clone(),
            text,
            action: false,
            reply: oneshot::channel().0,
        };
        let say = async |request: Request| office.ask_drill(&drill, |_: oneshot::Sender<()>| request).await;
        let answer = |role: &str, why: &str| Request::Answer {
            who: who.clone(),
            step: "look".to_owned(),
            role: Some(role.to_owned()),
            answer: StepAnswer::Stuck { why: why.to_owned() },
            reply: oneshot::channel().0,
        };
        for (what, request) in [
            ("`text` is 60000 bytes long and may have 4096", note(long.clone())),
            ("`text` says nothing", note(" ".to_owned())),
            ("`why` is 60000 bytes long", answer("ops", &long)),
            ("`role` is 60000 bytes long", answer(&long, "no access")),
        ] {
            let refused = say(request).await.unwrap_err();
            assert_eq!(refused.status, 422, "{refused}");
            assert!(refused.detail.contains(what), "{what}: {refused}");
        }
        let finding = |title: &str, owner: &str| FindingLine {
            title: title.to_owned(),
            kind: "other".to_owned(),
            owner: Some(owner.to_owned()),
            due: None,
            who: None,
            run: None,
        };
        for refused in [
            office.note(&id, &who, &long).await,
            office.add_finding(&id, finding(&long, "ana"), &who).await,
            office.add_finding(&id, finding("mend it", &"x".repeat(101)), &who).await,
            office.add_finding(&id, finding("mend it", "a\u{7}b"), &who).await,
            office.approve(&id, "admin", Some(&"x".repeat(101))).await,
            office.pause(&id, &who, &long).await,
            office.release(&who, &long).await,
        ] {
            assert_eq!(refused.unwrap_err().status, 422);
        }
        // In a hurry nobody is turned away; the record still takes no more than it takes.
        office.halt(&who, &long).await.unwrap();
        house.until(&id, "closed", |view| view.line.closed).await;
        assert_eq!(house.lever().engaged().unwrap().why.len(), 4096);
        for journal in [&id, &drill] {
            let text = String::from_utf8(office.journal(journal).await.unwrap()).unwrap();
            assert!(text.contains("xxx") && !text.contains(&"x".repeat(4097)), "{journal}");
        }
        house.ended().await;
    });
}
