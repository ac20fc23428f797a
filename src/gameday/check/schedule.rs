//! When it happens: what is written, and whether it can happen at all.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use super::blackouts;
use crate::fault::Period;
use crate::gameday::schedule::{Cron, Schedule, When, Window, Zone};
use crate::gameday::written::Schedule as Written;
use crate::scenario::Catalog;
use crate::scenario::check::{Checker, given, key_span, probes};
use crate::text::{Field, Span, nearest, quote};

/// How late a day may still begin when its file does not say.
const START_DEADLINE: Period = Period::from_secs(30 * 60);
/// How long a day may take.
const DURATION_MAX: Period = Period::from_secs(7 * 24 * 60 * 60);

/// Nothing when there is no schedule; `None` when there is a wrong one.
pub(super) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Written>,
    catalog: &dyn Catalog,
) -> Option<Option<Schedule>> {
    let Some((written, at)) = given(field) else { return field.is_absent().then_some(None) };
    let at = key_span(field).unwrap_or(at);
    let keys = [("at", key_span(&written.at)), ("cron", key_span(&written.cron))];
    let kind = checker.exactly_one(&keys, at, "the time", ("no-time", "two-times"));
    let zone = zone(checker, &written.timezone);
    let when = match kind {
        Some("at") => once(checker, written, zone.as_ref(), at),
        Some(_) => again(checker, written, at),
        None => None,
    };
    let windows = windows(checker, &written.windows);
    let blackouts = blackouts::check(checker, &written.blackouts, catalog);
    let duration = probes::positive(checker, &written.duration, "duration");
    if let (Some(long), Some(at)) = (duration.filter(|long| *long > DURATION_MAX), written.duration.span()) {
        checker.problems.error("bad-number", at, format!("{long}; the most is {DURATION_MAX}"));
        return None;
    }
    let start_deadline = match probes::positive(checker, &written.start_deadline, "start_deadline") {
        Some(deadline) => deadline,
        None if written.start_deadline.is_absent() => START_DEADLINE,
        None => return None,
    };
    let timezone = match (zone, written.timezone.is_absent()) {
        (Some(zone), _) => zone,
        (None, true) => Zone::UTC,
        (None, false) => return None,
    };
    if written.duration.is_bad() {
        return None;
    }
    let schedule = Schedule {
        when: when?,
        timezone,
        duration,
        windows: windows?,
        blackouts: blackouts?,
        start_deadline,
    };
    let place = written.at.span().or(written.cron.span()).unwrap_or(at);
    can_run(checker, &schedule, place).then_some(Some(schedule))
}

fn zone(checker: &mut Checker<'_>, field: &Field<String>) -> Option<Zone> {
    let (name, at) = given(field)?;
    if let Ok(zone) = name.parse() {
        return Some(zone);
    }
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write a zone of the tz database, for example `Europe/Copenhagen` or `UTC`".to_owned(),
    };
    checker
        .problems
        .error("unknown-timezone", at, format!("there is no time zone {}", quote(name)))
        .help(help);
    None
}

fn once(checker: &mut Checker<'_>, written: &Written, zone: Option<&Zone>, inside: Span) -> Option<When> {
    let (text, at) = given(&written.at)?;
    if let Ok(instant) = text.parse::<Timestamp>() {
        // Kept as the wall time of the zone, or of UTC when none is said.
        let zone = if written.timezone.is_absent() { &Zone::UTC } else { zone? };
        let wall = zone.wall(instant);
        if zone.instant(wall) != Some(instant) {
            checker
                .problems
                .error(
                    "bad-time",
                    at,
                    format!("{} comes twice in {zone}, and this is the second time", quote(text)),
                )
                .help("choose a time before or after the clocks go back");
            return None;
        }
        return Some(When::At(wall));
    }
    let Ok(wall) = text.parse::<DateTime>() else {
        checker
            .problems
            .error("bad-time", at, format!("{} is no time", quote(text)))
            .help("write for example `2026-12-03T10:00`");
        return None;
    };
    checker.need(&written.timezone, "timezone", inside, "Europe/Copenhagen");
    let zone = zone?;
    let meant = zone.instant(wall).map(|instant| zone.wall(instant));
    if let Some(meant) = meant.filter(|meant| *meant != wall) {
        checker
            .problems
            .warning(
                "no-such-time",
                at,
                format!("the clocks of {zone} are put forward then: there is no {wall}"),
            )
            .help(format!("{meant}, the first time that exists, is taken; write it"));
    }
    Some(When::At(wall))
}

fn again(checker: &mut Checker<'_>, written: &Written, inside: Span) -> Option<When> {
    checker.need(&written.timezone, "timezone", inside, "Europe/Copenhagen");
    let (text, at) = given(&written.cron)?;
    match text.parse::<Cron>() {
        Ok(cron) => Some(When::Cron(cron)),
        Err(why) => {
            checker.problems.error("bad-cron", at, format!("{} is no cron line: {why}", quote(text))).help(
                "write five fields (minute, hour, day of month, month, day of week), for example \
                 `0 10 1-7 * THU` for 10:00 on the first Thursday of each month",
            );
            None
        }
    }
}

fn windows(checker: &mut Checker<'_>, field: &Field<Vec<Field<String>>>) -> Option<Vec<Window>> {
    if field.is_bad() {
        return None;
    }
    let (mut windows, mut good) = (Vec::new(), true);
    for entry in field.get().into_iter().flatten() {
        let window = given(entry).and_then(|(text, at)| match text.parse::<Window>() {
            Ok(window) => Some(window),
            Err(way_out) => {
                checker
                    .problems
                    .error("bad-window", at, format!("{} is no window of time", quote(text)))
                    .help(way_out);
                None
            }
        });
        good &= window.is_some();
        windows.extend(window);
    }
    good.then_some(windows)
}

/// A time before all that a schedule names, whatever day it is today.
pub(super) fn before_all(schedule: &Schedule) -> Timestamp {
    match &schedule.when {
        When::At(wall) => schedule
            .timezone
            .instant(*wall)
            .and_then(|instant| instant.checked_sub(SignedDuration::from_hours(48)).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH),
        // Before any blackout that is written today.
        When::Cron(_) => Timestamp::UNIX_EPOCH,
    }
}

/// A schedule that never lets anything run is a mistake.
fn can_run(checker: &mut Checker<'_>, schedule: &Schedule, at: Span) -> bool {
    let from = before_all(schedule);
    // How long it takes is not known yet where the schedule does not say; `fits` looks at that.
    if schedule.next(from, Duration::ZERO).is_some() {
        return true;
    }
    match schedule.bars(from, Duration::ZERO) {
        Some(why) => {
            checker
                .problems
                .error("never-runs", at, format!("it can never run: {why}"))
                .help("change the time, the windows or the blackouts");
        }
        None => {
            checker
                .problems
                .error("never-runs", at, "it can never run: there is no such time")
                .help("day of month and day of week must both fit; not every month has 29, 30 or 31 days");
        }
    }
    false
}
