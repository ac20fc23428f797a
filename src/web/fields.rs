//! Forms: what is asked, and what was typed when it was not taken.

use maud::{Markup, html};

use super::shown::Piece;
use crate::coordinator::said::{PERSON_MAX_CHARS, TEXT_MAX_BYTES};

/// What somebody typed into a form that was not taken, and why not: it is shown again at its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    form: String,
    why: Option<String>,
    fields: Vec<(String, String)>,
    /// Who they are, as they said the last time.
    person: String,
}

impl Kept {
    pub(super) fn nothing() -> Self {
        Self::default()
    }

    pub(super) fn of(form: &str, why: String, fields: Vec<(String, String)>) -> Self {
        let person = fields.iter().find(|(name, _)| name == "person").map(|(_, value)| value.clone());
        Self { form: form.to_owned(), why: Some(why), fields, person: person.unwrap_or_default() }
    }

    /// What was typed into a field.
    fn value(&self, form: &str, name: &str) -> &str {
        let own = self.fields.iter().find(|(field, _)| self.form == form && field == name);
        match own {
            Some((_, value)) => value,
            None if name == "person" => &self.person,
            None => "",
        }
    }

    /// Why the form was not taken.
    pub(super) fn why(&self, form: &str) -> Option<&str> {
        self.why.as_deref().filter(|_| self.form == form)
    }

    /// The same for the head of the page, where the form itself is gone by now.
    pub(super) fn orphan(&self, pieces: &[Piece]) -> Option<String> {
        let form = format!("<form id=\"{}\"", self.form);
        let is_there = pieces.iter().any(|piece| piece.markup.0.contains(&form));
        self.why.clone().filter(|_| !is_there)
    }
}

/// A form that does one thing. `hidden`: what it is about.
pub(super) struct Form<'a> {
    pub id: String,
    /// What is done, as [`super::act`] knows it.
    pub act: &'a str,
    /// The path of the page that it stands on.
    pub back: &'a str,
    pub hidden: &'a [(&'a str, &'a str)],
}

impl Form<'_> {
    /// The form with its fields, and why it was not taken.
    pub(super) fn with(&self, kept: &Kept, fields: Markup) -> Markup {
        let why = kept.why(&self.id);
        let wrong = format!("{}-wrong", self.id);
        html! {
            form id=(self.id) class="act" method="post" action="/act" aria-describedby=[why.map(|_| &wrong)] {
                input type="hidden" name="act" value=(self.act);
                input type="hidden" name="form" value=(self.id);
                input type="hidden" name="back" value=(self.back);
                @for (name, value) in self.hidden { input type="hidden" name=(name) value=(value); }
                (fields)
                @if let Some(why) = why { p.wrong id=(wrong) role="alert" { (why) } }
            }
        }
    }

    /// A line to type in.
    pub(super) fn line(&self, kept: &Kept, name: &str, label: &str, is_needed: bool) -> Markup {
        let id = format!("{}-{name}", self.id);
        html! {
            label.field for=(id) {
                span { (label) }
                input id=(id) name=(name) value=(kept.value(&self.id, name)) required[is_needed] maxlength=(TEXT_MAX_BYTES) autocomplete="off";
            }
        }
    }

    /// Several lines to type in.
    pub(super) fn text(&self, kept: &Kept, name: &str, label: &str) -> Markup {
        let id = format!("{}-{name}", self.id);
        html! {
            label.field.wide for=(id) {
                span { (label) }
                textarea id=(id) name=(name) rows="2" required maxlength=(TEXT_MAX_BYTES) { (kept.value(&self.id, name)) }
            }
        }
    }

    /// Who does it: the token alone does not tell.
    pub(super) fn person(&self, kept: &Kept, is_needed: bool) -> Markup {
        let label = if is_needed { "Your name" } else { "Your name (may be empty)" };
        let id = format!("{}-person", self.id);
        html! {
            label.field for=(id) {
                span { (label) }
                input id=(id) name="person" value=(kept.value(&self.id, "person")) required[is_needed] maxlength=(PERSON_MAX_CHARS) autocomplete="name";
            }
        }
    }

    /// One of several.
    pub(super) fn choice(
        &self,
        kept: &Kept,
        name: &str,
        label: &str,
        options: &[(String, String)],
    ) -> Markup {
        let id = format!("{}-{name}", self.id);
        let chosen = kept.value(&self.id, name);
        html! {
            label.field for=(id) {
                span { (label) }
                select id=(id) name=(name) {
                    @for (value, words) in options { option value=(value) selected[value == chosen] { (words) } }
                }
            }
        }
    }

    /// A button; `value` says which of several was pressed.
    pub(super) fn button(&self, class: &str, value: &str, words: &str) -> Markup {
        let id = format!("{}-{value}-button", self.id);
        html! { button.{ (class) } id=(id) name="button" value=(value) { (words) } }
    }
}
