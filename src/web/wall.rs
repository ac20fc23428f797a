//! The first page: what runs now, what is due, what was, and the lever.

use maud::{Markup, html};

use super::fields::{Form, Kept};
use super::shown::{Page, piece};
use super::when::Now;
use super::{Web, drill, gameday, told};
use crate::coordinator::office::{
    DrillFilter, DrillLine, GameDayLine, GameDayView, LeverView, Refusal, Standing,
};

/// How many drills and game days of the past are listed.
const WAS_MAX: u32 = 20;
/// How many game days that are not over are shown with their buttons.
const DUE_MAX: usize = 12;

/// What the page is made from.
pub(super) struct Wall {
    /// The drills that run.
    pub running: Vec<drill::Looked>,
    /// The game days that are not over, the next one first.
    pub due: Vec<GameDayView>,
    /// The last drills that are over.
    pub drills: Vec<DrillLine>,
    /// The last game days that are over.
    pub gamedays: Vec<GameDayLine>,
}

impl Wall {
    pub(super) async fn gather(web: &Web, standing: &Standing) -> Result<Self, Refusal> {
        let mut running = Vec::new();
        for line in &standing.drills {
            match drill::Looked::gather(web, &line.id).await {
                Ok(looked) => running.push(looked),
                // It ended between the two looks, and its record is not there yet.
                Err(refusal) if refusal.status == 404 => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let all = web.office.gamedays().await?;
        let (over, mut open): (Vec<_>, Vec<_>) = all.into_iter().partition(gameday::is_over);
        open.sort_by_key(|line| (line.state != "running", line.due.is_none(), line.due));
        let mut due = Vec::new();
        for line in open.into_iter().take(DUE_MAX) {
            due.push(web.office.gameday(&line.id).await?);
        }
        let filter =
            DrillFilter { state: Some("over".to_owned()), limit: Some(WAS_MAX), ..DrillFilter::default() };
        let drills = web.office.drills(&filter).await?;
        Ok(Self { running, due, drills, gamedays: over.into_iter().take(WAS_MAX as usize).collect() })
    }
}

pub(super) fn page(wall: Wall, now: &Now, kept: &Kept) -> Page {
    let mut pieces = match wall.running.iter().find(|looked| looked.view.status.is_some()) {
        Some(first) => drill::running(first, now, kept, "/"),
        None => vec![piece("now", nothing(&wall, now))],
    };
    let title =
        wall.running.first().map_or("Nothing runs", |looked| looked.view.line.scenario.as_str()).to_owned();
    let more: Vec<&DrillLine> = wall.running.iter().skip(1).map(|looked| &looked.view.line).collect();
    if !more.is_empty() {
        pieces.push(piece("more", also(&more)));
    }
    // A question of a game day waits for people as much as a step does.
    let asking = wall.due.iter().filter_map(|view| gameday::asking(view, kept, "/"));
    pieces.insert(1, piece("question", html! { @for markup in asking { (markup) } }));
    pieces.push(piece("due", due(&wall.due, now, kept)));
    pieces.push(piece("was", was(&wall, now)));
    Page { title, path: "/".to_owned(), pieces, why: None, is_live: true, now: now.at }
}

/// No drill runs: a game day that is under way says where it is, else what comes next is told.
fn nothing(wall: &Wall, now: &Now) -> Markup {
    let under_way =
        |view: &&GameDayView| matches!(view.line.state.as_str(), "preflight" | "running" | "paused");
    if let Some(view) = wall.due.iter().find(under_way) {
        return gameday::headline(view, now, &format!("/gamedays/{}", view.line.id));
    }
    let next = wall.due.iter().find(|view| view.line.due.is_some() && gameday::waits(&view.line));
    html! {
        section.hero.quiet-hero aria-labelledby="phase" {
            h1 #phase { "Nothing runs" }
            @match next.and_then(|view| view.line.due.map(|due| (view, due))) {
                Some((view, due)) => p.sentence data-news {
                    "Next: " a href=(format!("/gamedays/{}", view.line.id)) { (gameday::title(&view.line)) } ", "
                    (now.moment(due)) ", " (now.away(due)) "."
                },
                None => p.sentence data-news { "Nothing is due. " code { "firedrill gameday add FILE" } " adds a game day." },
            }
        }
    }
}

fn also(more: &[&DrillLine]) -> Markup {
    html! {
        section aria-labelledby="also" {
            h2 #also { "Runs as well" }
            ul.lines { @for line in more { li { a href=(format!("/drills/{}", line.id)) { (line.scenario) } } } }
        }
    }
}

fn due(days: &[GameDayView], now: &Now, kept: &Kept) -> Markup {
    html! {
        section aria-labelledby="due-title" {
            h2 #due-title { "Game days" }
            @if days.is_empty() { p.quiet { "No game day is planned." } }
            div.cards { @for day in days { (gameday::card(day, now, kept)) } }
        }
    }
}

fn was(wall: &Wall, now: &Now) -> Markup {
    html! {
        section aria-labelledby="was-title" {
            h2 #was-title { "What was" }
            @if wall.drills.is_empty() && wall.gamedays.is_empty() { p.quiet { "Nothing yet." } }
            @if !wall.gamedays.is_empty() {
                h3 { "Game days that are over" }
                ul.rows { @for line in &wall.gamedays { (gameday_row(line, now)) } }
            }
            @if !wall.drills.is_empty() {
                h3 { "Drills" }
                ul.rows { @for line in &wall.drills { (drill_row(line, now)) } }
            }
        }
    }
}

fn gameday_row(line: &GameDayLine, now: &Now) -> Markup {
    html! {
        li {
            p.name { a href=(format!("/gamedays/{}", line.id)) { (gameday::title(line)) } }
            p.quiet { (now.moment(line.due.unwrap_or(line.added))) " · " (line.done) " of " (line.runs) " runs" }
            p { (gameday::state(&line.state)) @if let Some(why) = &line.why { " " span.quiet { (why) } } }
            @if let Some(left) = &line.unfinished { p.wrong { (left) "." } }
            p.links { a href=(format!("/v1/gamedays/{}/report.html", line.id)) aria-label=(format!("Report of {}", line.id)) { "Report" } }
        }
    }
}

fn drill_row(line: &DrillLine, now: &Now) -> Markup {
    html! {
        li {
            p.name { a href=(format!("/drills/{}", line.id)) { (line.scenario) }
                @if let Some(control) = &line.control { span.quiet { " (" (control) ")" } } }
            p.quiet { (now.moment(line.began)) @if let Some(exit) = line.exit { " · exit " (exit) } }
            (told::came(line))
            p.links { a href=(format!("/v1/drills/{}/report.html", line.id)) aria-label=(format!("Report of {}", line.id)) { "Report" } }
        }
    }
}

/// The halt button: one press opens it, one more halts. Both work by keyboard and without a script.
pub(super) fn halt(standing: &Standing, kept: &Kept, back: &str) -> Markup {
    let form = Form { id: "halt-form".to_owned(), act: "halt", back, hidden: &[] };
    let is_open = kept.why(&form.id).is_some();
    let what = match standing.drills.len() {
        0 => "Nothing runs now. Nothing will start until the halt is released.",
        _ => {
            "Stops every drill and every game day now, takes every fault back, and lets nothing start until the halt is released."
        }
    };
    html! {
        @if standing.lever.is_none() {
            details.halt #halt-box open[is_open] {
                summary { "Halt" }
                div.sheet {
                    p { (what) }
                    (form.with(kept, html! {
                        div.fields { (form.person(kept, false)) (form.line(kept, "reason", "Why (may be empty)", false)) }
                        div.buttons { (form.button("danger", "halt", "Halt everything now")) }
                    }))
                }
            }
        }
    }
}

/// That everything is halted, and the way out.
pub(super) fn lever(standing: &Standing, now: &Now, kept: &Kept, back: &str) -> Markup {
    html! { @if let Some(lever) = &standing.lever { (halted(lever, now, kept, back)) } }
}

fn halted(lever: &LeverView, now: &Now, kept: &Kept, back: &str) -> Markup {
    let form = Form { id: "release-form".to_owned(), act: "release", back, hidden: &[] };
    html! {
        section.halted aria-labelledby="halted-title" {
            h2 #halted-title { "Halted" }
            p data-news { "By " strong { (lever.who) } @if let Some(when) = lever.when { ", " (now.away(when)) }
                @if !lever.why.is_empty() { ": " (lever.why) } ". Nothing starts until this is released." }
            (form.with(kept, html! {
                div.fields { (form.person(kept, false)) (form.line(kept, "reason", "Why it is safe again", true)) }
                div.buttons { (form.button("main", "release", "Release")) }
            }))
        }
    }
}
