//! What happens when its time comes, when nobody is there then, and when the clock jumps.

use super::{House, on_threads};

const AT_NOON: &str = "schedule: {at: \"2026-06-01T12:00\", timezone: UTC, start_deadline: 30m}\n";
const DAILY: &str = "schedule: {cron: \"0 12 * * *\", timezone: UTC, start_deadline: 30m}\n";
const TWO_HOURS: i64 = 2 * 3600;

#[test]
fn a_game_day_begins_by_itself_when_the_wall_clock_says_so() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add(&format!("{AT_NOON}injects: [{{ask: Ready?}}]\n")).await;
        let view = house.day(&id).await;
        assert_eq!(view.line.due.unwrap().to_string(), "2026-06-01T12:00:00Z");
        assert_eq!(house.office.standing().await.unwrap().next.unwrap().id, id);
        house.jump(TWO_HOURS - 60);
        assert_eq!(house.day(&id).await.line.state, "approved");
        house.jump(61);
        house.until_state(&id, "running").await;
        house.ended().await;
    });
}

#[test]
fn what_is_past_its_start_deadline_is_skipped_and_not_queued() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add(&format!("{AT_NOON}injects: [{{scenario: quick}}]\n")).await;
        let parts = house.ended().await;
        parts.2.fetch_add(TWO_HOURS + 1800, std::sync::atomic::Ordering::SeqCst);
        let house = House::reopen(parts.0, parts.1, parts.2, parts.3).await;
        let view = house.until(&id, "skipped", |view| view.line.closed).await;
        assert_eq!(view.line.state, "stopped");
        let why = view.line.why.unwrap();
        assert!(
            why.contains("was due at 2026-06-01T12:00:00Z") && why.contains("not there in time"),
            "{why}"
        );
        assert_eq!(view.runs[0].state, "not-run");
        house.ended().await;
    });
}

#[test]
fn one_that_comes_back_within_the_deadline_begins() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add(&format!("{AT_NOON}injects: [{{ask: Ready?}}]\n")).await;
        let parts = house.ended().await;
        parts.2.fetch_add(TWO_HOURS + 1700, std::sync::atomic::Ordering::SeqCst);
        let house = House::reopen(parts.0, parts.1, parts.2, parts.3).await;
        house.until_state(&id, "running").await;
        house.ended().await;
    });
}

#[test]
fn what_nobody_approved_in_time_is_skipped_with_that_reason() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add(&format!("{AT_NOON}approvals: {{count: 1}}\ninjects: [{{ask: Ready?}}]\n")).await;
        house.jump(TWO_HOURS + 1);
        house.until(&id, "told", |view| view.line.lines > 2).await;
        assert_eq!(house.day(&id).await.line.state, "draft");
        house.jump(1800);
        let view = house.until(&id, "skipped", |view| view.line.closed).await;
        assert!(view.line.why.unwrap().contains("approvals were missing"));
        house.ended().await;
    });
}

#[test]
fn nothing_begins_while_it_is_halted_and_late_release_is_too_late() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add(&format!("{AT_NOON}injects: [{{ask: Ready?}}]\n")).await;
        house.office.halt("ana", "not today").await.unwrap();
        house.jump(TWO_HOURS + 1);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert_eq!(house.day(&id).await.line.state, "approved");
        house.jump(1800);
        let view = house.until(&id, "skipped", |view| view.line.closed).await;
        assert!(view.line.why.unwrap().contains("halted by ana"));
        house.ended().await;
    });
}

#[test]
fn one_that_repeats_makes_its_next_occurrence_when_it_is_over() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add(&format!("{DAILY}injects: [{{ask: Ready?}}]\n")).await;
        let bundle = house.bundle(&format!("{DAILY}injects: [{{ask: Ready?}}]\n"));
        let refusal = house.office.add_gameday(bundle, "admin").await.unwrap_err();
        assert!(refusal.status == 409 && refusal.detail.contains("tuesday-1"), "{refusal}");
        // Skipped for two days: the next one is the next that is still to come.
        house.jump(2 * 24 * 3600);
        house.until(&id, "skipped", |view| view.line.closed).await;
        let next = house.until_state("tuesday-2", "approved").await;
        assert_eq!(next.line.due.unwrap().to_string(), "2026-06-03T12:00:00Z");
        house.office.stop("tuesday-2", "ana", "holidays").await.unwrap();
        let third = house.until_state("tuesday-3", "approved").await;
        assert_eq!(third.line.due.unwrap().to_string(), "2026-06-04T12:00:00Z");
        assert_eq!(house.office.gamedays().await.unwrap().len(), 3);
        house.ended().await;
    });
}
