//! The step that waits for people: what is to be done, and the answers that it takes.

use maud::{Markup, html};

use super::fields::{Form, Kept};
use crate::coordinator::control::playbook::AskStatus;
use crate::playbook::plan::{Question, QuestionKind};

pub(super) fn ask(drill: &str, ask: &AskStatus, kept: &Kept, back: &str) -> Markup {
    let hidden = [("drill", drill), ("step", ask.step.as_str())];
    let form = Form { id: format!("step-{}", ask.step), act: "step", back, hidden: &hidden };
    html! {
        section.ask aria-labelledby="ask-title" {
            p.kicker { @if ask.is_approval { "The playbook waits for a yes" } @else { "The playbook waits for you" } }
            h2 #ask-title { (ask.title.as_deref().unwrap_or(&ask.step)) }
            @if !ask.text.is_empty() { p.text { (ask.text) } }
            @for link in &ask.links { p { (linked(link)) } }
            @if let Some(who) = &ask.who { p { strong { (who) } " is on it." } }
            @if ask.stuck > 0 { p.doubt { "! Somebody was stuck here " (times(ask.stuck)) "." } }
            @if ask.is_approval {
                p { (ask.agreed.len()) " of " (ask.needed) " agreed"
                    @if !ask.agreed.is_empty() { ": " (ask.agreed.join(", ")) } "." }
            }
            (form.with(kept, html! {
                div.fields {
                    (form.person(kept, true))
                    @if !ask.roles.is_empty() {
                        @let roles: Vec<(String, String)> = ask.roles.iter().map(|role| (role.clone(), role.clone())).collect();
                        (form.choice(kept, "role", "As", &roles))
                    }
                    @for question in &ask.questions { (asked(&form, kept, question)) }
                    (form.line(kept, "why", "Why (when it is not simply done)", false))
                }
                div.buttons {
                    @if ask.is_approval {
                        (form.button("main", "done", "Agree")) (form.button("", "failed", "Refuse"))
                    } @else {
                        (form.button("", "taken", "I am on it")) (form.button("main", "done", "Done"))
                        (form.button("", "stuck", "I am stuck")) (form.button("", "skipped", "Not needed"))
                        (form.button("", "failed", "It cannot be done"))
                    }
                }
            }))
        }
    }
}

/// The field of a question; its name cannot be one of ours.
fn asked(form: &Form<'_>, kept: &Kept, question: &Question) -> Markup {
    let name = format!("answer.{}", question.id);
    let of = |words: &[&str]| -> Vec<(String, String)> {
        let first = (String::new(), "–".to_owned());
        std::iter::once(first)
            .chain(words.iter().map(|word| ((*word).to_owned(), (*word).to_owned())))
            .collect()
    };
    match &question.kind {
        QuestionKind::Boolean => form.choice(kept, &name, &question.title, &of(&["yes", "no"])),
        QuestionKind::Choice(options) => {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            form.choice(kept, &name, &question.title, &of(&options))
        }
        QuestionKind::Number | QuestionKind::Text => form.line(kept, &name, &question.title, false),
    }
}

/// A link that a playbook names. Only what a browser fetches from a server becomes one.
fn linked(link: &str) -> Markup {
    let is_web = link.starts_with("https://") || link.starts_with("http://");
    html! { @if is_web { a href=(link) rel="noreferrer noopener" target="_blank" { (link) } } @else { (link) } }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
