//! Live events of a page: the pieces that changed, at most once a second, and a sign of life.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use tokio::sync::OwnedSemaphorePermit;

use super::fields::Kept;
use super::shown::Shown;
use super::{Web, query};

/// How often a page is looked at while somebody has it open.
const EVERY: Duration = Duration::from_secs(1);
/// Without news a sign of life is sent so often, counted in looks.
const ALIVE_EVERY: u32 = 4;
/// After so many looks the browser comes again: what is known of it ends with its session.
const LOOKS_MAX: u32 = 3600;

/// Pages that are followed at a time, so that there is always room to ask, and to halt.
pub(super) const FOLLOWED_MAX: usize = 64;

struct Following {
    web: Web,
    /// How they came in: a session that ends, ends this too.
    parts: Parts,
    _room: OwnedSemaphorePermit,
    shown: Shown,
    /// What the browser has, by piece.
    sent: BTreeMap<&'static str, String>,
    looks: u32,
    quiet: u32,
}

/// `GET /live?page=/`.
pub(super) async fn events(State(web): State<Web>, parts: Parts) -> Response {
    let page = query(&parts.uri).into_iter().find(|(name, _)| name == "page").map(|(_, page)| page);
    let Some(shown) = page.as_deref().and_then(Shown::at) else {
        return (axum::http::StatusCode::NOT_FOUND, "no such page\n").into_response();
    };
    let Ok(room) = Arc::clone(&web.followed).try_acquire_owned() else {
        let why = "too many pages are followed; reload this one to see news\n";
        return (axum::http::StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    };
    let following = Following { web, parts, _room: room, shown, sent: BTreeMap::new(), looks: 0, quiet: 0 };
    Sse::new(followed(following)).into_response()
}

fn followed(following: Following) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(following, |mut following| async move {
        while following.looks < LOOKS_MAX && following.web.door.who(&following.parts).is_ok() {
            if following.looks > 0 {
                tokio::time::sleep(EVERY).await;
            }
            following.looks += 1;
            if let Some(event) = following.look().await {
                return Some((Ok(event), following));
            }
        }
        None
    })
}

impl Following {
    /// What changed since the last look. All of it is one event, so that nothing is shown half.
    async fn look(&mut self) -> Option<Event> {
        let page = match self.shown.look(&self.web, &Kept::nothing()).await {
            Ok(page) => page,
            Err(refusal) => return Some(Event::default().event("lost").data(one_line(&refusal.detail))),
        };
        let mut changed = serde_json::Map::new();
        let all: Vec<&str> = page.pieces.iter().map(|piece| piece.id).collect();
        // What goes and comes again is sent again.
        self.sent.retain(|id, _| all.contains(id));
        for piece in &page.pieces {
            let html = piece.markup.0.clone();
            if self.sent.get(piece.id) != Some(&html) {
                changed.insert(piece.id.to_owned(), html.clone().into());
                self.sent.insert(piece.id, html);
            }
        }
        self.quiet += 1;
        if changed.is_empty() && self.quiet < ALIVE_EVERY {
            return None;
        }
        self.quiet = 0;
        let text = serde_json::json!({"title": page.title, "now": page.now.as_millisecond(), "all": all, "pieces": changed});
        Some(Event::default().event("pieces").data(text.to_string()))
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
