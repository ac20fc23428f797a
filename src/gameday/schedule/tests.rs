//! When things are due, in zones whose clocks are changed.

use jiff::civil::{Date, DateTime};
use proptest::prelude::*;

use super::*;

fn schedule(when: &str, zone: &str) -> Schedule {
    let when = match when.parse::<DateTime>() {
        Ok(at) => When::At(at),
        Err(_) => When::Cron(when.parse().unwrap()),
    };
    Schedule {
        when,
        timezone: zone.parse().unwrap(),
        duration: None,
        windows: Vec::new(),
        blackouts: Vec::new(),
        start_deadline: Period::from_secs(1_800),
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn blackout(from: &str, to: &str, yearly: bool) -> Blackout {
    Blackout { from: from.parse().unwrap(), to: to.parse().unwrap(), yearly, what: None }
}

#[track_caller]
fn check(schedule: &Schedule, after: &str, expected: &[&str]) {
    let mut at = instant(after);
    for expected in expected {
        let due = schedule.next(at, Duration::ZERO).unwrap();
        assert_eq!(due.at, instant(expected));
        assert_eq!(due.deadline, instant(expected) + SignedDuration::from_mins(30));
        at = due.at;
    }
}

#[test]
fn day_of_month_and_day_of_week_must_both_fit() {
    // First Thursdays at ten, in winter and in summer time.
    let first_thursday = schedule("0 10 1-7 * THU", "Europe/Copenhagen");
    check(
        &first_thursday,
        "2026-02-20T00:00:00Z",
        &["2026-03-05T09:00:00Z", "2026-04-02T08:00:00Z", "2026-05-07T08:00:00Z"],
    );
}

#[test]
fn a_time_that_does_not_exist_is_the_first_instant_that_does() {
    for (zone, cron, after, expected) in [
        // 02:30 on 29 March 2026 does not exist: 03:00 is the first that does.
        ("Europe/Copenhagen", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("Europe/Copenhagen", "0 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ("Australia/Sydney", "30 2 * * *", "2026-10-03T12:00:00Z", "2026-10-03T16:00:00Z"),
        // Lord Howe's clocks are put forward by half an hour: 02:15 is missing, 02:30 is there.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"),
        ("Australia/Lord_Howe", "30 2 * * *", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"),
        // At midnight: the day begins at 01:00.
        ("America/Santiago", "30 0 * * *", "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z"),
    ] {
        check(&schedule(cron, zone), after, &[expected]);
    }
    // Twice in the hour that is missing is once.
    let twice = schedule("15,45 2 * * *", "Europe/Copenhagen");
    check(&twice, "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-30T00:15:00Z"]);
}

#[test]
fn a_time_that_comes_twice_is_meant_once_and_the_first_time() {
    for (zone, cron, after, expected) in [
        (
            "Europe/Copenhagen",
            "30 2 * * *",
            "2026-10-24T12:00:00Z",
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        (
            "Australia/Sydney",
            "30 2 * * *",
            "2026-04-04T12:00:00Z",
            ["2026-04-04T15:30:00Z", "2026-04-05T16:30:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2026-04-04T12:00:00Z",
            ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
        ),
    ] {
        check(&schedule(cron, zone), after, &expected);
    }
    // Asked between the two, the next one is tomorrow's.
    let daily = schedule("30 2 * * *", "Europe/Copenhagen");
    check(&daily, "2026-10-25T01:00:00Z", &["2026-10-26T01:30:00Z"]);
}

#[test]
fn what_happens_once_is_due_once() {
    let once = schedule("2026-12-03T10:00", "Europe/Copenhagen");
    check(&once, "2026-01-01T00:00:00Z", &["2026-12-03T09:00:00Z"]);
    assert_eq!(once.next(instant("2026-12-03T09:00:00Z"), Duration::ZERO), None);
}

#[test]
fn windows_and_blackouts_push_what_comes_again() {
    let mut daily = schedule("0 8,10,15 * * *", "UTC");
    daily.duration = Some(Period::from_secs(2 * 3_600));
    daily.windows = vec!["Mon-Thu 09:00-16:00".parse().unwrap()];
    daily.blackouts = vec![blackout("2026-12-15", "2026-12-21", false)];
    // 11 December 2026 is a Friday. 15:00 would end after the window.
    check(
        &daily,
        "2026-12-11T00:00:00Z",
        &["2026-12-14T10:00:00Z", "2026-12-22T10:00:00Z", "2026-12-23T10:00:00Z"],
    );
    let told: Vec<(String, Option<String>)> = daily
        .occurrences(instant("2026-12-14T09:00:00Z"), Duration::ZERO)
        .take(3)
        .map(|o| (o.due.at.to_string(), o.barred.map(|why| why.to_string())))
        .collect();
    assert_eq!(told[0], ("2026-12-14T10:00:00Z".to_owned(), None));
    assert_eq!(
        told[1],
        (
            "2026-12-14T15:00:00Z".to_owned(),
            Some("the window closes Mon 2026-12-14 16:00, and 2h are needed".to_owned())
        )
    );
    assert_eq!(
        told[2],
        ("2026-12-15T08:00:00Z".to_owned(), Some("blackout: 2026-12-15 to 2026-12-21".to_owned()))
    );
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let mut any = schedule("0 * * * *", "UTC");
    any.windows = vec!["Fri 22:00-04:00".parse().unwrap()];
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    // 4 December 2026 is a Friday.
    for (at, length, may) in [
        ("2026-12-04T21:59:00Z", 1, false),
        ("2026-12-04T22:00:00Z", 360, true),
        ("2026-12-04T22:00:00Z", 361, false),
        ("2026-12-05T03:59:00Z", 1, true),
        ("2026-12-05T04:00:00Z", 0, false),
        ("2026-12-05T22:00:00Z", 1, false),
    ] {
        assert_eq!(any.may_run(instant(at), minutes(length)).is_ok(), may, "{at} for {length}");
    }
    // Windows that meet are one.
    any.windows.push("Sat 04:00-06:00".parse().unwrap());
    assert_eq!(any.may_run(instant("2026-12-05T03:00:00Z"), minutes(180)), Ok(()));
    // Whole days to the end of the last.
    any.windows = vec!["Sat-Mon 00:00-24:00".parse().unwrap()];
    assert_eq!(any.may_run(instant("2026-12-05T00:00:00Z"), minutes(3 * 24 * 60)), Ok(()));
    assert!(any.may_run(instant("2026-12-05T00:00:00Z"), minutes(3 * 24 * 60 + 1)).is_err());
}

#[test]
fn windows_are_read_or_refused() {
    for good in ["Mon-Thu 09:00-16:00", "Sat 10:00-12:00", "Mon,Wed,Fri 00:00-24:00", "Sat-Mon 22:00-02:00"] {
        assert_eq!(good.parse::<Window>().unwrap().to_string(), good);
    }
    for bad in
        ["", "Mon", "mon 09:00-10:00", "Mon 9-10", "Mon 09:00-09:00", "Mon 09:00-24:01", "Mon 24:00-09:00"]
    {
        assert!(bad.parse::<Window>().is_err(), "{bad}");
    }
}

#[test]
fn a_blackout_holds_over_midnight_and_every_year() {
    let mut any = schedule("0 * * * *", "Europe/Copenhagen");
    any.blackouts = vec![blackout("2024-12-24", "2025-01-01", true)];
    for (at, hours, may) in [
        // Still the 23rd in Copenhagen, and it is over before midnight.
        ("2026-12-23T21:00:00Z", 2, true),
        ("2026-12-23T21:00:00Z", 3, false),
        ("2026-12-31T12:00:00Z", 0, false),
        ("2027-01-01T22:59:00Z", 0, false),
        ("2027-01-01T23:00:00Z", 0, true),
        // Before its first year it does not hold.
        ("2023-12-25T12:00:00Z", 0, true),
    ] {
        let may_run = any.may_run(instant(at), Duration::from_secs(hours * 3_600));
        assert_eq!(may_run.is_ok(), may, "{at} for {hours}h: {may_run:?}");
    }
}

#[test]
fn calendars_are_read_for_whole_days() {
    let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n\
        BEGIN:VEVENT\r\nSUMMARY:Jul\\, og mere\r\n til\r\nDTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\n\
        BEGIN:VALARM\r\nDTSTART;VALUE=DATE:19990101\r\nEND:VALARM\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nSUMMARY:Grundlovsdag\r\nDTSTART;VALUE=DATE:20200605\r\nRRULE:FREQ=YEARLY;BYMONTH=6\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nSUMMARY:Long\r\nDTSTART;VALUE=DATE:20260101\r\nDURATION:P1W\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nSUMMARY:Standup\r\nDTSTART:20261224T090000Z\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nSUMMARY:Payday\r\nDTSTART;VALUE=DATE:20260131\r\nRRULE:FREQ=MONTHLY\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nSUMMARY:Off\r\nSTATUS:CANCELLED\r\nDTSTART;VALUE=DATE:20260202\r\nEND:VEVENT\r\n\
        END:VCALENDAR\r\n";
    let read = calendar::read(text).unwrap();
    let told: Vec<String> = read.blackouts.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "Jul, og meretil, 2026-12-24 to 2026-12-26",
            "Grundlovsdag, 2020-06-05, every year",
            "Long, 2026-01-01 to 2026-01-07",
        ]
    );
    assert_eq!(
        read.not_acted_on,
        ["event `Standup`: it is not of whole days", "event `Payday`: its repetition FREQ=MONTHLY"]
    );
    for broken in ["", "hello", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n"] {
        assert!(calendar::read(broken).is_err(), "{broken}");
    }
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Copenhagen",
    "America/New_York",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kathmandu",
    "Asia/Tehran",
];

#[test]
fn what_does_not_say_how_long_it_takes_is_barred_by_how_long_it_is_thought_to_take() {
    let mut daily = schedule("0 10,15 * * *", "UTC");
    daily.windows = vec!["Mon-Fri 09:00-16:00".parse().unwrap()];
    let (now, hour) = (instant("2026-12-14T11:00:00Z"), Duration::from_secs(3_600));
    let next = |schedule: &Schedule, about| schedule.next(now, about).map(|due| due.at.to_string());
    assert_eq!(next(&daily, hour).as_deref(), Some("2026-12-14T15:00:00Z"));
    assert_eq!(next(&daily, hour * 2).as_deref(), Some("2026-12-15T10:00:00Z"));
    assert_eq!(next(&daily, hour * 7), None);
    let why = daily.bars(now, hour * 7).unwrap().to_string();
    assert_eq!(why, "the window closes Mon 2026-12-14 16:00, and 7h are needed");
    daily.duration = Some(Period::from_secs(3_600));
    assert_eq!(next(&daily, hour * 7).as_deref(), Some("2026-12-14T15:00:00Z"), "what is said counts");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_daily_time_comes_once_a_day_whatever_the_clocks_do(
        zone in 0..ZONES.len(), hour in 0..24, minute in 0..60, year in 2024i16..2030
    ) {
        let daily = schedule(&format!("{minute} {hour} * * *"), ZONES[zone]);
        let first = Date::new(year, 1, 1).unwrap();
        let start = daily.timezone.instant(first.to_datetime(jiff::civil::Time::midnight())).unwrap();
        let mut at = start - SignedDuration::from_nanos(1);
        for day in first.series(jiff::Span::new().days(1)).take(366) {
            let due = daily.next(at, Duration::ZERO).unwrap();
            prop_assert!(due.at > at);
            let wall = daily.timezone.wall(due.at);
            prop_assert_eq!(wall.date(), day);
            let meant = day.at(hour as i8, minute as i8, 0, 0);
            // Either the very time, or the moment at which the clocks jumped over it.
            let before = daily.timezone.wall(due.at - SignedDuration::from_nanos(1));
            prop_assert!(wall == meant || (before < meant && meant < wall), "{} for {}", wall, meant);
            at = due.at;
        }
    }

    #[test]
    fn what_is_due_may_run(
        zone in 0..ZONES.len(), hours in 1u64..9, from in 0..23, to in 1..24, days in 0..49usize,
        begin in 0i64..1_000, dark in 1i64..40,
    ) {
        prop_assume!(from != to);
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let mut any = schedule("*/20 * * * *", ZONES[zone]);
        let window = format!("{}-{} {from:02}:00-{to:02}:00", DAYS[days / 7], DAYS[days % 7]);
        any.windows = vec![window.parse().unwrap()];
        any.duration = Some(Period::from_secs(hours * 3_600));
        let start = Date::new(2026, 1, 1).unwrap() + jiff::Span::new().days(begin);
        any.blackouts = vec![Blackout {
            from: start, to: start + jiff::Span::new().days(dark), yearly: false, what: None,
        }];
        let mut at = instant("2026-01-01T00:00:00Z") + SignedDuration::from_hours(begin * 24);
        for _ in 0..20 {
            let Some(due) = any.next(at, Duration::ZERO) else { break };
            prop_assert!(due.at > at);
            prop_assert_eq!(any.may_run(due.at, Duration::from_secs(hours * 3_600)), Ok(()));
            // Nothing that may run was passed over.
            let mut between = due.at - SignedDuration::from_mins(20);
            for _ in 0..200 {
                if between <= at { break; }
                prop_assert!(any.may_run(between, Duration::from_secs(hours * 3_600)).is_err(), "{}", between);
                between -= SignedDuration::from_mins(20);
            }
            at = due.at;
        }
    }
}
