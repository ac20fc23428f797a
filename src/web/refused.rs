//! A page that says why there is no page.

use axum::response::Response;
use maud::html;

use super::layout;
use crate::coordinator::office::Refusal;

pub(super) fn page(refusal: &Refusal) -> Response {
    let main = html! {
        section.hero.doubtful {
            h1 { (refusal.title) }
            p.sentence { (refusal.detail) }
            p { a href="/" { "What runs now" } }
        }
    };
    layout::plain(refusal.status, &refusal.title, main)
}
