//! Days on which it may not run: as dates, or in a calendar's file.

use jiff::civil::Date;

use super::later;
use crate::gameday::schedule::{Blackout, calendar};
use crate::gameday::written::Blackout as Written;
use crate::scenario::Catalog;
use crate::scenario::check::{Checker, given, key_span};
use crate::text::{Field, Span, quote};

/// `None` when anything of it is wrong.
pub(super) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<Written>>>,
    catalog: &dyn Catalog,
) -> Option<Vec<Blackout>> {
    if field.is_bad() {
        return None;
    }
    let (mut all, mut good) = (Vec::new(), true);
    for entry in field.get().into_iter().flatten() {
        let found = given(entry).and_then(|(written, at)| one(checker, written, at, catalog));
        good &= found.is_some();
        all.extend(found.into_iter().flatten());
    }
    good.then_some(all)
}

fn one(
    checker: &mut Checker<'_>,
    written: &Written,
    at: Span,
    catalog: &dyn Catalog,
) -> Option<Vec<Blackout>> {
    let dates = key_span(&written.from).or(key_span(&written.to));
    let keys = [("from", dates), ("calendar", key_span(&written.calendar))];
    if checker.exactly_one(&keys, at, "the blackout", ("no-blackout", "two-blackouts"))? == "calendar" {
        return from_calendar(checker, &written.calendar, catalog);
    }
    checker.need(&written.from, "from", at, "2026-12-18");
    let from = date(checker, &written.from)?;
    let to = if written.to.is_absent() { from } else { date(checker, &written.to)? };
    if to < from {
        checker
            .problems
            .error("bad-time", at, format!("the blackout ends on {to}, before it begins on {from}"))
            .help("`from` is its first day, `to` its last");
        return None;
    }
    Some(vec![Blackout { from, to, yearly: false, what: None }])
}

fn date(checker: &mut Checker<'_>, field: &Field<String>) -> Option<Date> {
    let (text, at) = given(field)?;
    match text.parse::<Date>() {
        // jiff takes the date of a time too; nobody would see that its hours do not count.
        Ok(date) if text.len() == 10 => Some(date),
        _ => {
            checker
                .problems
                .error("bad-time", at, format!("{} is no date", quote(text)))
                .help("write for example `2026-12-18`; a blackout is of whole days");
            None
        }
    }
}

fn from_calendar(
    checker: &mut Checker<'_>,
    field: &Field<String>,
    catalog: &dyn Catalog,
) -> Option<Vec<Blackout>> {
    let (path, at) = given(field)?;
    let leads_away = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if leads_away || !path.ends_with(".ics") {
        checker
            .problems
            .error("bad-path", at, format!("{} is no calendar beside this file", quote(path)))
            .help("write a path that goes down from this file's folder, for example `holidays/dk.ics`");
        return None;
    }
    let Some(source) = catalog.file(path) else {
        checker
            .problems
            .error("unknown-file", at, format!("there is no file {}", quote(path)))
            .help("put it beside this file, or give its folder with `--catalog DIR`");
        return None;
    };
    match calendar::read(&source.text) {
        Ok(calendar) => {
            for what in calendar.not_acted_on {
                later(checker, at, &format!("{path}: {what}"));
            }
            Some(calendar.blackouts)
        }
        Err(why) => {
            checker
                .problems
                .error("bad-calendar", at, format!("{} is no calendar that can be read: {why}", quote(path)))
                .help("export it as iCalendar (.ics) with all-day events");
            None
        }
    }
}
