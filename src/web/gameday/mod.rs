//! One game day: where it is, what it waits for, its runs, what was found, and what people say.

mod after;

use maud::{Markup, html};

use crate::coordinator::office::{GameDayLine, GameDayView, PreflightLine, Refusal, RunLine};
use crate::web::fields::{Form, Kept};
use crate::web::shown::{Page, piece};
use crate::web::when::{Now, lasting};
use crate::web::{Web, told};

/// What is shown of a game day.
pub(super) struct Looked {
    pub view: GameDayView,
}

impl Looked {
    pub(super) async fn gather(web: &Web, id: &str) -> Result<Self, Refusal> {
        Ok(Self { view: web.office.gameday(id).await? })
    }
}

pub(super) fn is_over(line: &GameDayLine) -> bool {
    matches!(line.state.as_str(), "closed" | "stopped")
}

/// Whether its time is still to come.
pub(super) fn waits(line: &GameDayLine) -> bool {
    matches!(line.state.as_str(), "draft" | "approved")
}

pub(super) fn title(line: &GameDayLine) -> &str {
    line.title.as_deref().unwrap_or(&line.name)
}

/// A state as a word that is read from afar.
pub(super) fn state(state: &str) -> Markup {
    let tone = match state {
        "running" | "preflight" => "doubtful",
        "paused" | "stopped" => "bad",
        "closed" | "approved" => "good",
        _ => "neutral",
    };
    html! { span.word.{ (tone) } { strong { (state) } } }
}

const fn sentence(state: &str) -> &'static str {
    match state.as_bytes() {
        b"draft" => "It waits for those who must agree.",
        b"approved" => "It begins when its time comes, or when somebody starts it.",
        b"preflight" => "It is being looked whether everything is as it must be.",
        b"running" => "Its injects happen, one after the other.",
        b"paused" => "No further inject begins until somebody resumes.",
        b"reviewing" => "All injects are over; people look back.",
        b"closed" => "It is over.",
        b"stopped" => "It ended before its planned end.",
        _ => "",
    }
}

pub(super) fn page(looked: Looked, now: &Now, kept: &Kept) -> Page {
    let view = &looked.view;
    let path = format!("/gamedays/{}", view.line.id);
    let pieces = vec![
        piece("now", headline(view, now, "")),
        piece("question", html! { @if let Some(asks) = asking(view, kept, &path) { (asks) } }),
        piece(
            "deeds",
            html! { @if let Some(deeds) = deeds(view, kept, &path, true) { section aria-label="What can be done" { (deeds) } } },
        ),
        piece("preflight", preflight(view, kept, &path)),
        piece("runs", runs(view)),
        piece("findings", after::findings(view, kept, &path)),
        piece("review", after::review(view, now, kept, &path)),
        piece("notes", after::notes(view, now, kept, &path)),
        piece("about", about(view, now)),
    ];
    Page {
        title: title(&view.line).to_owned(),
        path,
        pieces,
        why: None,
        is_live: !is_over(&view.line),
        now: now.at,
    }
}

/// Where it is, as one word and one sentence. `to`: where more is told; empty: here.
pub(super) fn headline(view: &GameDayView, now: &Now, to: &str) -> Markup {
    let line = &view.line;
    let tone = match line.state.as_str() {
        "running" | "preflight" => "doubtful",
        "paused" | "stopped" => "bad",
        _ => "neutral",
    };
    html! {
        section.hero.{ (tone) } aria-labelledby="state" {
            p.kicker { @if to.is_empty() { (title(line)) } @else { a href=(to) { (title(line)) } } }
            h1 #state { (line.state) }
            p.sentence data-news { (line.why.as_deref().unwrap_or(sentence(&line.state)))
                @if let Some(stopped) = &view.stopped { " Stopped by " (stopped.who) ": " (stopped.reason) "." } }
            p.facts {
                @if let Some(due) = line.due.filter(|_| waits(line)) { "due " (now.moment(due)) ", " (now.away(due)) " · " }
                (line.done) " of " (line.runs) " runs are over"
                @if let Some(environment) = &line.environment { " · " (environment) }
            }
            @if let Some(left) = &line.unfinished { p.wrong { (left) "." } }
            @if let Some(goal) = &view.goal { p.quiet { (goal) } }
            @if let Some(drill) = &line.drill { p { a href=(format!("/drills/{drill}")) { "Look at the drill that runs" } } }
        }
    }
}

/// A game day in the list of what is due.
pub(super) fn card(view: &GameDayView, now: &Now, kept: &Kept) -> Markup {
    let line = &view.line;
    html! {
        article.card aria-label=(title(line)) {
            h3 { a href=(format!("/gamedays/{}", line.id)) { (title(line)) } }
            p { (state(&line.state)) " " span.quiet { (line.why.as_deref().unwrap_or(sentence(&line.state))) } }
            @match line.due.filter(|_| waits(line)) {
                Some(due) => p { (now.moment(due)) ", " strong { (now.away(due)) } },
                None if waits(line) => p.quiet { "Somebody starts it." },
                None => {}
            }
            @if view.approvals_needed > 0 { p.quiet { (approved(view)) } }
            p.quiet { (line.done) " of " (line.runs) " runs are over" @if let Some(environment) = &line.environment { " · " (environment) } }
            @if let Some(deeds) = deeds(view, kept, "/", false) { (deeds) }
        }
    }
}

fn approved(view: &GameDayView) -> String {
    let names: Vec<&str> = view
        .approvals
        .iter()
        .map(|approval| approval.in_stead_of.as_deref().unwrap_or(&approval.who))
        .collect();
    let by = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    format!("{} of {} approvals{by}", names.len(), view.approvals_needed)
}

/// What can be done now. On the first page only what takes it further.
fn deeds(view: &GameDayView, kept: &Kept, back: &str, is_whole: bool) -> Option<Markup> {
    let id = view.line.id.as_str();
    let may = |deed: &str| view.may.iter().any(|may| may == deed);
    let hidden = [("gameday", id)];
    let form = |act: &'static str| Form { id: format!("{act}-{id}"), act, back, hidden: &hidden };
    let named = |act: &'static str, words: &str, class: &str| {
        let form = form(act);
        let fields = html! { div.fields { (form.person(kept, act == "approve")) } div.buttons { (form.button(class, act, words)) } };
        form.with(kept, fields)
    };
    let reasoned = |act: &'static str, words: &str, class: &str| {
        let form = form(act);
        let fields = html! {
            div.fields { (form.person(kept, false)) (form.line(kept, "reason", "Why", true)) }
            div.buttons { (form.button(class, act, words)) }
        };
        folded(&format!("{act}-{id}-box"), words, kept.why(&form.id).is_some(), form.with(kept, fields))
    };
    let mut shown = Vec::new();
    if may("approve") {
        shown.push(named("approve", "Approve", "main"));
    }
    if may("start") {
        shown.push(named(
            "start",
            if view.line.state == "preflight" { "Look once more" } else { "Start now" },
            "",
        ));
    }
    if may("resume") {
        shown.push(named("resume", "Go on", "main"));
    }
    if may("pause") {
        shown.push(reasoned("pause", "Pause after this run", ""));
    }
    if is_whole && may("stop") {
        shown.push(reasoned("stop", "Stop this game day", "danger"));
    }
    if is_whole && may("close") {
        shown.push(named("close", "Close", "main"));
    }
    (!shown.is_empty()).then(|| html! { div.deeds { @for deed in &shown { (deed) } } })
}

/// Something that one opens first.
fn folded(id: &str, words: &str, is_open: bool, inside: Markup) -> Markup {
    html! { details.fold id=(id) open[is_open] { summary { (words) } (inside) } }
}

/// The question that a run asks the people in the room.
pub(super) fn asking(view: &GameDayView, kept: &Kept, back: &str) -> Option<Markup> {
    let run = view.runs.iter().find(|run| run.state == "running" && run.ask.is_some())?;
    let number = run.run.to_string();
    let hidden = [("gameday", view.line.id.as_str()), ("run", number.as_str())];
    let form =
        Form { id: format!("answer-{}-{number}", view.line.id), act: "answer-run", back, hidden: &hidden };
    Some(html! {
        section.ask aria-labelledby="question-title" {
            p.kicker { "Run " (number) " of " (title(&view.line)) " asks" }
            h2 #question-title { (run.ask.as_deref().unwrap_or_default()) }
            (form.with(kept, html! {
                div.fields { (form.person(kept, true)) (form.text(kept, "text", "What you decided, and how")) }
                div.buttons { (form.button("main", "answer", "Answer")) }
            }))
        }
    })
}

fn preflight(view: &GameDayView, kept: &Kept, back: &str) -> Markup {
    html! {
        @if !view.preflight.is_empty() {
            section aria-labelledby="preflight-title" {
                h2 #preflight-title { "Before it begins" }
                ul.board { @for (n, item) in view.preflight.iter().enumerate() { (item_line(view, n, item, kept, back)) } }
            }
        }
    }
}

fn item_line(view: &GameDayView, n: usize, item: &PreflightLine, kept: &Kept, back: &str) -> Markup {
    let (tone, sign) = match item.state.as_str() {
        "passed" => ("good", "✓"),
        "failed" => ("bad", "✗"),
        "unknown" | "waived" => ("doubtful", "!"),
        _ => ("neutral", "–"),
    };
    let is_open = matches!(item.state.as_str(), "pending" | "failed" | "unknown" | "open")
        && matches!(view.line.state.as_str(), "draft" | "approved" | "preflight");
    let hidden = [("gameday", view.line.id.as_str()), ("item", item.item.as_str())];
    let answer = Form { id: format!("item-{n}"), act: "answer-item", back, hidden: &hidden };
    let waive = Form { id: format!("waive-{n}"), act: "waive", back, hidden: &hidden };
    html! {
        li.item {
            p.name { span.word.{ (tone) } { span.sign aria-hidden="true" { (sign) } " " strong { (item.state) } } " " (item.what) }
            @if let Some(why) = &item.why { p.quiet { (why) } }
            @if is_open && (item.ask || item.state == "unknown") {
                (answer.with(kept, html! {
                    div.fields { (answer.person(kept, true)) (answer.line(kept, "note", "What is to be said about it", false)) }
                    div.buttons { (answer.button("main", "yes", "Yes")) (answer.button("", "no", "No")) }
                }))
            }
            @if is_open && item.state == "failed" {
                (folded(&format!("waive-{n}-box"), "Go without it", kept.why(&waive.id).is_some(), waive.with(kept, html! {
                    div.fields { (waive.person(kept, true)) (waive.line(kept, "reason", "Why it is right to go on without", true)) }
                    div.buttons { (waive.button("danger", "waive", "Go without it")) }
                })))
            }
        }
    }
}

fn runs(view: &GameDayView) -> Markup {
    html! {
        section aria-labelledby="runs-title" {
            h2 #runs-title { "Runs" }
            ol.rows { @for run in &view.runs { (run_line(run)) } }
        }
    }
}

fn run_line(run: &RunLine) -> Markup {
    let name = run.scenario.as_deref().unwrap_or("question");
    html! {
        li.on[run.state == "running"] {
            p.name {
                @match &run.drill { Some(drill) => a href=(format!("/drills/{drill}")) { (name) }, None => (name) }
                @if let Some(control) = &run.control { span.quiet { " (" (control) ")" } }
            }
            p.quiet { (run.state) @if matches!(run.state.as_str(), "pending" | "waiting") && run.gap_secs >= 1.0 {
                ", " (lasting(run.gap_secs as u64)) " after the one before" }
                @if let Some(exit) = run.exit { " · exit " (exit) } }
            @if let Some(ask) = &run.ask { p { (ask) } }
            @if let Some(answer) = &run.answer { blockquote { (answer) } }
            @match &run.words {
                Some(words) => (told::words(words, run.control.is_some())),
                None if run.state == "ended" && run.scenario.is_some() => p.doubt { "! It has no results: it was refused, or could not be measured." },
                None => {}
            }
        }
    }
}

fn about(view: &GameDayView, now: &Now) -> Markup {
    let to = |form: &str| format!("/v1/gamedays/{}/{form}", view.line.id);
    html! {
        section aria-labelledby="about-title" {
            h2 #about-title { "About this game day" }
            p { "Game day " code { (view.line.id) } ", added " (now.moment(view.line.added)) ", seed " (view.seed) "." }
            @if !view.approvals.is_empty() {
                h3 { "Approvals" }
                ul { @for approval in &view.approvals {
                    li { (approval.in_stead_of.as_deref().unwrap_or(&approval.who)) ", " (now.moment(approval.at))
                        @if approval.in_stead_of.is_some() { " (said by " (approval.who) ")" } }
                } }
            }
            @if !view.not_acted_on.is_empty() {
                h3 { "What its files ask for and this version does not act on" }
                ul { @for line in &view.not_acted_on { li { (line) } } }
            }
            p.links {
                a href=(to("report.html")) { "Report" } " " a href=(to("report.md")) { "Markdown" } " "
                a href=(to("report.json")) { "JSON" } " " a href=(to("junit.xml")) { "JUnit" } " " a href=(to("journal.jsonl")) { "Journal" }
            }
            p.quiet { "Head of its journal: " code.hash { (view.head) } }
        }
    }
}
