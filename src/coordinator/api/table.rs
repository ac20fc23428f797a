//! The table of all routes: what the router serves and the document says are the same rows.

use axum::routing::MethodRouter;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::Api;

/// Makes a schema, and puts the definitions it needs into the generator.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// How a route is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Get,
    Post,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// Anybody.
    Open,
    /// Whoever holds the admin token or a session.
    Admin,
    /// Monitoring systems.
    Intake,
}

/// What a route reads from the body.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    Nothing,
    Json(SchemaOf),
    /// JSON that may be left out.
    Perhaps(SchemaOf),
    /// What a monitoring system sends.
    Alarms(&'static str),
}

/// What a route answers when it did as asked.
#[derive(Clone, Copy)]
pub(super) enum Gives {
    Json(SchemaOf),
    Nothing,
    /// Server-sent events.
    Events,
    /// A file of this media type, with an `ETag`.
    File(&'static str),
    /// A text of this media type.
    Text(&'static str),
}

/// One route.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub(super) verb: Verb,
    pub(super) path: &'static str,
    /// Its name in the document and in the metrics.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) tag: &'static str,
    pub(super) guard: Guard,
    pub(super) query: Option<SchemaOf>,
    pub(super) takes: Takes,
    pub(super) status: u16,
    pub(super) gives: Gives,
    /// Besides those that follow from the rest of the row.
    pub(super) problems: &'static [u16],
    /// Absent: the alarm intake serves it.
    pub(super) to: Option<fn() -> MethodRouter<Api>>,
}

fn schema_of<T: JsonSchema>(of: &mut SchemaGenerator) -> Schema {
    of.subschema_for::<T>()
}

impl Route {
    const fn new(
        verb: Verb,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        to: Option<fn() -> MethodRouter<Api>>,
    ) -> Self {
        let (guard, takes, gives) = (Guard::Admin, Takes::Nothing, Gives::Nothing);
        Self {
            verb,
            path,
            id,
            summary,
            tag: "",
            guard,
            query: None,
            takes,
            status: 204,
            gives,
            problems: &[],
            to,
        }
    }

    /// Something that is read.
    pub(super) const fn get(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        to: fn() -> MethodRouter<Api>,
    ) -> Self {
        let mut route = Self::new(Verb::Get, path, id, summary, Some(to));
        route.status = 200;
        route
    }

    /// Something that is changed.
    pub(super) const fn post(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        to: fn() -> MethodRouter<Api>,
    ) -> Self {
        Self::new(Verb::Post, path, id, summary, Some(to))
    }

    /// A path of the alarm intake.
    pub(super) const fn intake(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        body: &'static str,
    ) -> Self {
        let mut route = Self::new(Verb::Post, path, id, summary, None);
        (route.guard, route.takes, route.status) = (Guard::Intake, Takes::Alarms(body), 200);
        route
    }

    pub(super) const fn open(mut self) -> Self {
        self.guard = Guard::Open;
        self
    }

    pub(super) fn takes<T: JsonSchema>(mut self) -> Self {
        self.takes = Takes::Json(schema_of::<T>);
        self
    }

    pub(super) fn perhaps<T: JsonSchema>(mut self) -> Self {
        self.takes = Takes::Perhaps(schema_of::<T>);
        self
    }

    pub(super) fn asked<T: JsonSchema>(mut self) -> Self {
        self.query = Some(schema_of::<T>);
        self
    }

    pub(super) fn gives<T: JsonSchema>(mut self, status: u16) -> Self {
        (self.status, self.gives) = (status, Gives::Json(schema_of::<T>));
        self
    }

    pub(super) const fn file(mut self, media: &'static str) -> Self {
        self.gives = Gives::File(media);
        self
    }

    pub(super) const fn text(mut self, media: &'static str) -> Self {
        self.gives = Gives::Text(media);
        self
    }

    pub(super) const fn events(mut self) -> Self {
        self.gives = Gives::Events;
        self
    }

    pub(super) const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) const fn problems(mut self, problems: &'static [u16]) -> Self {
        self.problems = problems;
        self
    }

    pub(super) const fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// The names of the places in its path.
    pub(super) fn places(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// All routes, in the order of the document.
pub(super) fn all() -> Vec<Route> {
    let mut all = super::state::routes();
    all.extend(super::gamedays::routes());
    all.extend(super::drills::routes());
    all.extend(super::files::routes());
    all.extend(super::day_files::routes());
    all.extend(super::alarms::routes());
    all
}
