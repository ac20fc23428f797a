//! Drills: those that run and those that are over; what people say to one that runs.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Json};
use http::HeaderMap;

use super::Api;
use super::auth::Caller;
use super::events;
use super::problem::{DONE, Done, Refused};
use super::sent::{Asked, Names, Sent, Why};
use super::table::Route;
use super::wire::{
    Changed, DrillFilter, DrillLine, DrillView, Drills, EventsAfter, History, Note, Reason, Said, SetFault,
    VerifyAgainst,
};
use crate::coordinator::control::{Request, asked};
use crate::drill::journal::{Verified, verify};

/// How many a list shows unless told, and at most.
const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 500;

pub(super) fn routes() -> Vec<Route> {
    let all = vec![
        Route::get("/v1/drills", "drills", "Drills that fit, the newest first", || get(list))
            .asked::<DrillFilter>()
            .problems(&[404])
            .gives::<Drills>(200),
        Route::get("/v1/drills/{id}", "drill", "One drill: how it stands, or what it came to", || get(one))
            .gives::<DrillView>(200),
        Route::get("/v1/drills/{id}/events", "drill_events", "The lines of its journal as they come", || {
            get(follow)
        })
        .asked::<EventsAfter>()
        .events(),
        Route::get(
            "/v1/drills/{id}/verify",
            "verify_drill",
            "Whether its journal is as it was written",
            || get(verified),
        )
        .asked::<VerifyAgainst>()
        .gives::<Verified>(200),
        Route::post("/v1/drills/{id}/notes", "note_drill", "Write something into its journal", || post(note))
            .takes::<Note>()
            .problems(&[409]),
        Route::post("/v1/drills/{id}/steps/{step}", "answer_step", "Say something about a step", || {
            post(step)
        })
        .takes::<Said>()
        .problems(&[409]),
        Route::post("/v1/drills/{id}/playbook/start", "start_playbook", "Start its playbook", || {
            post(start_playbook)
        })
        .perhaps::<Reason>()
        .problems(&[409]),
        Route::post("/v1/drills/{id}/faults/{fault}", "set_fault", "Change a fault that is on", || {
            post(set_fault)
        })
        .takes::<SetFault>()
        .gives::<Changed>(200)
        .problems(&[409]),
        Route::get(
            "/v1/scenarios/{name}/history",
            "history",
            "What the drills of a scenario came to",
            || get(history),
        )
        .gives::<History>(200),
    ];
    all.into_iter().map(|route| route.tag("drills")).collect()
}

async fn list(
    State(api): State<Api>,
    Asked(mut filter): Asked<DrillFilter>,
) -> Result<Json<Drills>, Refused> {
    if let Some(state) = filter.state.as_deref().filter(|state| !["running", "over"].contains(state)) {
        let why = format!("`state` is `{}`; it is `running` or `over`", super::problem::shown(state));
        return Err(Refused::new(400, "no such state", why));
    }
    let limit = filter.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Refused::new(400, "no such limit", format!("`limit` is {limit}; give 1 to {LIMIT_MAX}")));
    }
    filter.limit = Some(limit);
    let drills = api.office.drills(&filter).await?;
    let before = drills.last().filter(|_| drills.len() == limit as usize).map(|last| last.id.clone());
    Ok(Json(Drills { drills, before }))
}

async fn one(State(api): State<Api>, names: Names) -> Result<Json<DrillView>, Refused> {
    Ok(Json(api.office.drill(names.id()).await?))
}

async fn follow(
    State(api): State<Api>,
    names: Names,
    headers: HeaderMap,
    asked: Asked<EventsAfter>,
) -> Result<Response, Refused> {
    events::follow(&api, names.id(), &headers, asked, api.office.drill(names.id())).await
}

async fn verified(
    State(api): State<Api>,
    names: Names,
    Asked(VerifyAgainst { head }): Asked<VerifyAgainst>,
) -> Result<Json<Verified>, Refused> {
    if let Some(head) = &head
        && !(head.len() == 64 && head.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    {
        return Err(Refused::new(
            400,
            "no hash",
            "`head` is the last line's hash: 64 digits and letters a to f",
        ));
    }
    api.office.drill(names.id()).await?;
    let journal = api.office.journal(names.id()).await?;
    api.heavy(move || verify(&journal, head.as_deref())).await.map(Json)
}

async fn note(
    State(api): State<Api>,
    names: Names,
    Extension(Caller { who, .. }): Extension<Caller>,
    Sent(Note { text, action }): Sent<Note>,
) -> Done {
    api.office.ask_drill(names.id(), |reply| Request::Note { who, text, action, reply }).await?;
    DONE
}

async fn step(
    State(api): State<Api>,
    names: Names,
    Extension(Caller { who, .. }): Extension<Caller>,
    Sent(Said { answer, role }): Sent<Said>,
) -> Done {
    let step = names.get("step").to_owned();
    let asked =
        api.office.ask_drill(names.id(), |reply| Request::Answer { who, step, role, answer, reply }).await?;
    asked.map_err(|why| Refused::new(409, "answer not taken", why))?;
    DONE
}

async fn start_playbook(
    State(api): State<Api>,
    names: Names,
    Extension(Caller { who, .. }): Extension<Caller>,
    Why(_): Why,
) -> Done {
    let asked = api.office.ask_drill(names.id(), |reply| Request::StartPlaybook { who, reply }).await?;
    asked.map_err(|why| Refused::new(409, "playbook not started", why))?;
    DONE
}

async fn set_fault(
    State(api): State<Api>,
    names: Names,
    Extension(Caller { who, .. }): Extension<Caller>,
    Sent(body): Sent<SetFault>,
) -> Result<Json<Changed>, Refused> {
    let changes = asked::changes(body)?;
    let status = api.office.ask_drill(names.id(), |reply| Request::Status { reply }).await?;
    let fault = names.get("fault").to_owned();
    asked::known_fault(&status, &fault).map_err(|why| Refused::new(404, "no such fault", why))?;
    let set = |reply| Request::SetFault { who, fault, changes, reply };
    match api.office.ask_drill(names.id(), set).await? {
        Ok(change) => Ok(Json(Changed { change })),
        Err(why) => Err(Refused::new(422, "fault not changed", why)),
    }
}

async fn history(State(api): State<Api>, names: Names) -> Result<Json<History>, Refused> {
    let scenario = names.get("name").to_owned();
    let filter =
        DrillFilter { scenario: Some(scenario.clone()), limit: Some(LIMIT_MAX), ..DrillFilter::default() };
    let drills = api.office.drills(&filter).await?;
    if drills.is_empty() {
        let why = format!("there is no drill of a scenario `{scenario}`; see `/v1/drills`");
        return Err(Refused::new(404, "no such scenario", why));
    }
    Ok(Json(History::of(scenario, drills)))
}

impl History {
    /// Counts what drills came to. A sham is no drill of the scenario: it shows what the others are held against.
    fn of(scenario: String, drills: Vec<DrillLine>) -> Self {
        let mut exits = BTreeMap::new();
        for exit in drills.iter().filter(|drill| drill.control.is_none()).filter_map(|drill| drill.exit) {
            *exits.entry(exit).or_insert(0) += 1;
        }
        let (n, passed) = (exits.values().sum(), exits.get(&0).copied().unwrap_or(0));
        Self { scenario, n, passed, exits, drills }
    }
}
