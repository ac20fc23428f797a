//! What was found, and what people say: findings, the review, notes.

use maud::{Markup, html};

use super::{folded, is_over};
use crate::coordinator::office::{FindingLine, GameDayView, NoteLine, ReviewLine};
use crate::gameday::FindingKind;
use crate::web::fields::{Form, Kept};
use crate::web::when::Now;

pub(super) fn findings(view: &GameDayView, kept: &Kept, back: &str) -> Markup {
    const KINDS: [FindingKind; 6] = [
        FindingKind::Alarm,
        FindingKind::Playbook,
        FindingKind::Service,
        FindingKind::Residue,
        FindingKind::DrillDefect,
        FindingKind::Other,
    ];
    let hidden = [("gameday", view.line.id.as_str())];
    let form = Form { id: "finding".to_owned(), act: "finding", back, hidden: &hidden };
    let kinds: Vec<(String, String)> =
        KINDS.iter().map(|kind| (kind.word().to_owned(), kind.word().replace('-', " "))).collect();
    html! {
        section aria-labelledby="findings-title" {
            h2 #findings-title { "Findings" }
            @if view.findings.is_empty() { p.quiet { "None yet." } }
            ul.rows { @for finding in &view.findings { (finding_line(finding)) } }
            @if !is_over(&view.line) && view.line.state != "draft" {
                (folded("finding-box", "Add what you found", kept.why(&form.id).is_some(), form.with(kept, html! {
                    div.fields {
                        (form.person(kept, true)) (form.text(kept, "title", "What is to be mended")) (form.choice(kept, "kind", "Kind", &kinds))
                        (form.line(kept, "owner", "Who mends it", false)) (form.line(kept, "due", "By when (2026-12-24)", false))
                    }
                    div.buttons { (form.button("main", "finding", "Add")) }
                })))
            }
        }
    }
}

fn finding_line(finding: &FindingLine) -> Markup {
    html! {
        li {
            p.name { (finding.title) }
            p.quiet {
                (finding.kind.replace('-', " "))
                " · " (finding.owner.as_deref().unwrap_or("nobody owns it yet"))
                " · " @match &finding.due { Some(due) => { "by " (due) }, None => "no date" }
                @if let Some(run) = finding.run { " · run " (run) }
                @if let Some(who) = &finding.who { " · found by " (who) }
            }
        }
    }
}

pub(super) fn review(view: &GameDayView, now: &Now, kept: &Kept, back: &str) -> Markup {
    html! {
        @if !view.review.is_empty() {
            section aria-labelledby="review-title" {
                h2 #review-title { "Looking back" }
                @for (n, line) in view.review.iter().enumerate() { (question(view, n, line, (now, kept), back)) }
            }
        }
    }
}

fn question(
    view: &GameDayView,
    n: usize,
    line: &ReviewLine,
    (now, kept): (&Now, &Kept),
    back: &str,
) -> Markup {
    let hidden = [("gameday", view.line.id.as_str()), ("question", line.question.as_str())];
    let form = Form { id: format!("review-{n}"), act: "review", back, hidden: &hidden };
    html! {
        h3 { (line.question) }
        @for answer in &line.answers { (said(answer, now)) }
        @if view.line.state == "reviewing" {
            (form.with(kept, html! {
                div.fields { (form.person(kept, true)) (form.text(kept, "text", "Your answer")) }
                div.buttons { (form.button("main", "review", "Answer")) }
            }))
        }
    }
}

fn said(note: &NoteLine, now: &Now) -> Markup {
    html! { blockquote { p { (note.text) } footer.quiet { (note.who) ", " (now.moment(note.at)) } } }
}

pub(super) fn notes(view: &GameDayView, now: &Now, kept: &Kept, back: &str) -> Markup {
    let hidden = [("gameday", view.line.id.as_str())];
    let form = Form { id: "note-day".to_owned(), act: "note-day", back, hidden: &hidden };
    html! {
        section aria-labelledby="notes-title" {
            h2 #notes-title { "Notes" }
            @for note in &view.notes { (said(note, now)) }
            @if !is_over(&view.line) {
                (form.with(kept, html! {
                    div.fields { (form.person(kept, false)) (form.text(kept, "text", "What you see, think or do")) }
                    div.buttons { (form.button("main", "note", "Note")) }
                }))
            }
        }
    }
}
