//! Which page is shown. The same pieces make the page and its live events.

use jiff::Timestamp;
use maud::Markup;

use super::fields::Kept;
use super::when::Now;
use super::{Web, drill, gameday, wall};
use crate::coordinator::office::Refusal;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Wall,
    Drill(String),
    GameDay(String),
}

/// A page's pieces. Each is replaced by itself when it changes.
pub(super) struct Page {
    pub title: String,
    pub path: String,
    pub pieces: Vec<Piece>,
    /// Why something that was asked for was not done, where no form can say it.
    pub why: Option<String>,
    /// Whether there is still something to come.
    pub is_live: bool,
    /// When it was looked at.
    pub now: Timestamp,
}

/// A piece of a page.
pub(super) struct Piece {
    /// Unique in the page.
    pub id: &'static str,
    pub markup: Markup,
}

pub(super) fn piece(id: &'static str, markup: Markup) -> Piece {
    Piece { id, markup }
}

impl Shown {
    /// The page at a path of our own; absent: there is none. What comes from a form leads nowhere else.
    pub(super) fn at(path: &str) -> Option<Self> {
        let own = |id: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            ((1..=200).contains(&id.len()) && id.chars().all(plain)).then(|| id.to_owned())
        };
        if path == "/" {
            return Some(Self::Wall);
        }
        match (path.strip_prefix("/drills/"), path.strip_prefix("/gamedays/")) {
            (Some(id), _) => own(id).map(Self::Drill),
            (_, Some(id)) => own(id).map(Self::GameDay),
            (None, None) => None,
        }
    }

    pub(super) fn path(&self) -> String {
        match self {
            Self::Wall => "/".to_owned(),
            Self::Drill(id) => format!("/drills/{id}"),
            Self::GameDay(id) => format!("/gamedays/{id}"),
        }
    }

    /// What it shows now.
    pub(super) async fn look(&self, web: &Web, kept: &Kept) -> Result<Page, Refusal> {
        let standing = web.office.standing().await?;
        let now = Now { at: standing.now, zone: web.zone.clone() };
        let mut page = match self {
            Self::Wall => wall::page(wall::Wall::gather(web, &standing).await?, &now, kept),
            Self::Drill(id) => drill::page(drill::Looked::gather(web, id).await?, &now, kept),
            Self::GameDay(id) => gameday::page(gameday::Looked::gather(web, id).await?, &now, kept),
        };
        page.pieces.insert(0, piece("lever", wall::lever(&standing, &now, kept, &page.path)));
        page.pieces.insert(0, piece("halt", wall::halt(&standing, kept, &page.path)));
        page.why = kept.orphan(&page.pieces);
        page.now = standing.now;
        Ok(page)
    }
}
