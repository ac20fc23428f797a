//! One drill: live while it runs, afterwards what it came to.

use maud::{Markup, html};

use super::asks;
use super::fields::{Form, Kept};
use super::shown::{Page, Piece, piece};
use super::when::{Now, clock};
use super::{Web, told};
use crate::coordinator::control::playbook::{AskStatus, PlaybookState, PlaybookStatus};
use crate::coordinator::control::wire::{FaultStatus, ProbeStatus, Status};
use crate::coordinator::office::{DrillView, Refusal};
use crate::drill::event::{Judgement, Phase};
use crate::report::story::{Headline, Story, Verdict};
use crate::report::{self, Report};

/// What is shown of a drill.
pub(super) struct Looked {
    pub view: DrillView,
    pub picture: Option<Markup>,
    /// What it came to, once it is over.
    pub story: Option<(Headline, Vec<Verdict>)>,
}

impl Looked {
    pub(super) async fn gather(web: &Web, id: &str) -> Result<Self, Refusal> {
        let view = web.office.drill(id).await?;
        let now = web.office.standing().await?.now;
        let picture = web.pictures.of(&web.office, &view.line.id, now).await?;
        let story = if view.status.is_none() { story(web, id).await? } else { None };
        Ok(Self { view, picture, story })
    }
}

/// What a drill came to, from its journal. That takes a while where it is long.
async fn story(web: &Web, id: &str) -> Result<Option<(Headline, Vec<Verdict>)>, Refusal> {
    let journal = web.office.journal(id).await?;
    let told = tokio::task::spawn_blocking(move || {
        let story = Story::of(&Report::of(&journal).ok()?);
        Some((story.headline, story.verdicts))
    });
    told.await.map_err(|error| Refusal::new(500, "no report", error.to_string()))
}

pub(super) fn page(looked: Looked, now: &Now, kept: &Kept) -> Page {
    let line = &looked.view.line;
    let path = format!("/drills/{}", line.id);
    let title = format!("{}: {}", line.scenario, line.state);
    let is_live = looked.view.status.is_some();
    let mut pieces = running(&looked, now, kept, &path);
    if !is_live {
        pieces = vec![piece("now", over(&looked, now)), piece("picture", picture(looked.picture.as_ref()))];
    }
    pieces.push(piece("about", about(&looked, now)));
    Page { title, path, pieces, why: None, is_live, now: now.at }
}

/// The pieces of a drill that runs; none when it is over.
pub(super) fn running(looked: &Looked, now: &Now, kept: &Kept, back: &str) -> Vec<Piece> {
    let Some(status) = &looked.view.status else { return Vec::new() };
    let ask = status.playbook.as_ref().and_then(|playbook| playbook.asks.as_ref());
    vec![
        piece("now", headline(status, looked.view.line.control.as_deref(), now)),
        piece("ask", html! { @if let Some(ask) = ask { (asks::ask(&status.drill, ask, kept, back)) } }),
        piece("ask-time", html! { @if let Some(ask) = ask { (ask_time(ask, now)) } }),
        piece("picture", picture(looked.picture.as_ref())),
        piece("stands", stands(status)),
        piece("recent", recent(status)),
        piece("note", note(&status.drill, kept, back)),
    ]
}

/// Where it is, as one word and one sentence.
fn headline(status: &Status, control: Option<&str>, now: &Now) -> Markup {
    let violated: Vec<&str> = status
        .probes
        .iter()
        .filter(|probe| matches!(probe.judgement, Judgement::Violated { .. }))
        .map(|probe| probe.name.as_str())
        .collect();
    let on = status.faults.iter().filter(|fault| fault.state.is_on()).count();
    let tone = match (violated.is_empty(), on) {
        (false, _) => "bad",
        (true, 0) => "neutral",
        (true, _) => "doubtful",
    };
    let began = now.at.as_millisecond() - i64::try_from(status.elapsed.duration().as_millis()).unwrap_or(0);
    html! {
        section.hero.running.{ (tone) } aria-labelledby="phase" {
            p.kicker { "Runs now: " a href=(format!("/drills/{}", status.drill)) { (status.scenario) }
                @if let Some(control) = control { ", a placebo (" (control) ")" } }
            h1 #phase { (status.phase.word()) }
            p.sentence data-news { (sentence(status.phase)) " " (faults_on(on)) (out_of(&violated)) }
            p.facts {
                span.clock data-since=(began) { (clock(status.elapsed.duration().as_secs())) }
                @if let Some(left) = status.left { " · about " (clock(left.duration().as_secs())) " left" }
                " · seed " (status.seed.0)
            }
        }
    }
}

const fn sentence(phase: Phase) -> &'static str {
    match phase {
        Phase::Planned => "It is about to begin.",
        Phase::Preflight => "It looks whether everything that it needs is there.",
        Phase::Steady => "It waits until every probe is judged good; nothing is injected before.",
        Phase::Active => "The service is under test.",
        Phase::Recovering => "Every fault is gone; the service is coming back.",
        Phase::Verifying => "It looks whether anything was left behind.",
        Phase::Stopping => "It stops, and takes everything back.",
        Phase::Scored => "It is over.",
    }
}

fn faults_on(on: usize) -> String {
    match on {
        0 => "No fault is on.".to_owned(),
        1 => "One fault is on.".to_owned(),
        _ => format!("{on} faults are on."),
    }
}

fn out_of(violated: &[&str]) -> Markup {
    html! { @if !violated.is_empty() { " Out of tolerance: " strong { (violated.join(", ")) } "." } }
}

fn ask_time(ask: &AskStatus, now: &Now) -> Markup {
    let until = now.at.as_millisecond() + i64::try_from(ask.left.duration().as_millis()).unwrap_or(0);
    html! { p.quiet.under { "It is given up " span data-away=(until) { "in " (clock(ask.left.duration().as_secs())) } "." } }
}

fn picture(picture: Option<&Markup>) -> Markup {
    html! {
        @if let Some(picture) = picture {
            section.picture aria-labelledby="picture-title" {
                h2 #picture-title { "What happens when" }
                div.scroll role="group" aria-label="Scrolls sideways: what happens when" tabindex="0" { (picture) }
            }
        }
    }
}

fn stands(status: &Status) -> Markup {
    html! {
        div.columns {
            section aria-labelledby="faults" {
                h2 #faults { "Faults" }
                ul.lines { @for fault in &status.faults { (fault_line(fault)) } }
                @if status.faults.is_empty() { p.quiet { "It has none." } }
            }
            section aria-labelledby="probes" {
                h2 #probes { "Probes" }
                ul.lines { @for probe in &status.probes { (probe_line(probe)) } }
                @if status.probes.is_empty() { p.quiet { "It has none." } }
            }
            @if let Some(playbook) = &status.playbook { (playbook_lines(playbook)) }
        }
    }
}

fn fault_line(fault: &FaultStatus) -> Markup {
    let tone = if fault.state.is_on() { "doubtful" } else { "neutral" };
    html! {
        li { span.word.{ (tone) } { strong { (fault.state.word()) } } " " (fault.id) ": " (fault.kind) " on " (fault.target)
            @if fault.matched > 0 { span.quiet { " · hit " (fault.faulted) " of " (fault.matched) } } }
    }
}

fn probe_line(probe: &ProbeStatus) -> Markup {
    let (tone, word, why) = match &probe.judgement {
        Judgement::Unknown { why } => ("neutral", "? not known yet", Some(why)),
        Judgement::Good {} => ("good", "✓ good", None),
        Judgement::Violated { why } => ("bad", "✗ out of tolerance", Some(why)),
    };
    html! {
        li { span.word.{ (tone) } { strong { (word) } } " " (probe.name)
            @if let Some(why) = why { span.quiet { " · " (why) } }
            @else if let Some(last) = probe.last {
                span.quiet { " · last in " (crate::drill::words::short(last.duration())) }
            } }
    }
}

fn playbook_lines(playbook: &PlaybookStatus) -> Markup {
    let state = match playbook.state {
        PlaybookState::Waiting => "waits for its start".to_owned(),
        PlaybookState::Running => {
            playbook.started_by.as_ref().map_or("runs".to_owned(), |by| format!("runs, started by {by}"))
        }
        PlaybookState::Over => playbook.ending.clone().unwrap_or_else(|| "over".to_owned()),
    };
    html! {
        section aria-labelledby="playbook" {
            h2 #playbook { "Playbook" }
            p.quiet { (playbook.title.as_deref().unwrap_or(&playbook.name)) ": " (state) }
            ol.lines.steps {
                @for step in &playbook.steps {
                    li.on[step.state.is_on()] {
                        span.word.neutral { strong { (step.state.word()) } } " " (step.title.as_deref().unwrap_or(&step.id))
                        @if let Some(why) = &step.why { span.quiet { " · " (why) } }
                    }
                }
            }
        }
    }
}

fn recent(status: &Status) -> Markup {
    html! {
        section aria-labelledby="recent-title" {
            h2 #recent-title { "What happened last" }
            ul.lines.told { @for line in status.recent.iter().rev().take(12) { li { (line) } } }
            @if status.recent.is_empty() { p.quiet { "Nothing yet." } }
        }
    }
}

fn note(drill: &str, kept: &Kept, back: &str) -> Markup {
    let hidden = [("drill", drill)];
    let form = Form { id: "note-drill".to_owned(), act: "note", back, hidden: &hidden };
    html! {
        section aria-labelledby="note-title" {
            h2 #note-title { "Write something down" }
            (form.with(kept, html! {
                div.fields { (form.person(kept, false)) (form.text(kept, "text", "What you see, think or do")) }
                div.buttons { (form.button("main", "note", "Note")) (form.button("", "action", "I did this, and no step says so")) }
            }))
        }
    }
}

fn over(looked: &Looked, now: &Now) -> Markup {
    let line = &looked.view.line;
    html! {
        @match &looked.story {
            Some((headline, verdicts)) => {
                section.hero.{ (headline.tone.class()) } aria-label="The one thing to remember" {
                    p.kicker { (line.scenario) }
                    h1 { span.sign aria-hidden="true" { (headline.tone.sign()) } " " (headline.words) }
                    p.sentence { (headline.sentence) }
                    p.facts { (now.moment(line.began)) @if let Some(exit) = line.exit { " · exit " (exit) } }
                }
                section aria-labelledby="verdicts" {
                    h2 #verdicts { "Verdicts" }
                    div.verdicts { @for verdict in verdicts { (report::verdict(verdict)) } }
                }
            }
            None => {
                section.hero.neutral { p.kicker { (line.scenario) } h1 { "Over" }
                    p.facts { (now.moment(line.began)) @if let Some(exit) = line.exit { " · exit " (exit) } } }
                (told::came(line))
            }
        }
    }
}

/// What it belongs to, and its record.
fn about(looked: &Looked, now: &Now) -> Markup {
    let line = &looked.view.line;
    let to = |form: &str| format!("/v1/drills/{}/{form}", line.id);
    html! {
        section aria-labelledby="about-title" {
            h2 #about-title { "About this drill" }
            p {
                "Drill " code { (line.id) } ", begun " (now.moment(line.began))
                @if let (Some(gameday), Some(run)) = (&line.gameday, line.run) {
                    ", run " (run) " of " a href=(format!("/gamedays/{gameday}")) { (gameday) }
                }
                @if let Some(control) = &line.control { ", a placebo (" (control) ")" }
                "."
                @if line.interrupted { " The coordinator died while it ran; it was ended afterwards." }
            }
            p.links {
                @if line.state != "running" {
                    a href=(to("report.html")) { "Report" } " " a href=(to("report.md")) { "Markdown" } " "
                    a href=(to("report.json")) { "JSON" } " " a href=(to("junit.xml")) { "JUnit" } " "
                }
                a href=(to("journal.jsonl")) { "Journal" }
            }
            @if let Some(head) = &line.head { p.quiet { "Head of its journal: " code.hash { (head) } } }
        }
    }
}
