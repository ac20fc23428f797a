//! Game days: added, approved, held, reviewed.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode, header};

use super::Api;
use super::auth::Caller;
use super::events;
use super::problem::{DONE, Done, Refused};
use super::sent::{Asked, Names, Perhaps, Sent, Why};
use super::table::Route;
use super::wire::{
    AddFinding, AddGameDay, Added, Approve, Bundle, Closed, DayNote, EventsAfter, GameDayView, GameDays,
    ItemAnswer, Reason, Review, Waive,
};
use crate::coordinator::office::FindingLine;

pub(super) fn routes() -> Vec<Route> {
    let mut all = vec![
        Route::get("/v1/gamedays", "gamedays", "All game days, the newest first", || get(list))
            .gives::<GameDays>(200),
        Route::get("/v1/gamedays/{id}", "gameday", "One game day", || get(one)).gives::<GameDayView>(200),
        Route::get(
            "/v1/gamedays/{id}/events",
            "gameday_events",
            "The lines of its journal as they come",
            || get(follow),
        )
        .asked::<EventsAfter>()
        .events(),
    ];
    all.extend(deeds());
    all.extend(buttons());
    all.extend(said());
    all.into_iter().map(|route| route.tag("game days")).collect()
}

fn deeds() -> Vec<Route> {
    vec![
        Route::post("/v1/gamedays", "add_gameday", "Add a game day, as a draft; or only check it", || {
            post(add)
        })
        .asked::<AddGameDay>()
        .takes::<Bundle>()
        .gives::<Added>(201)
        .problems(&[200, 409]),
        Route::post("/v1/gamedays/{id}/approve", "approve_gameday", "Approve it", || post(approve))
            .perhaps::<Approve>()
            .problems(&[409]),
    ]
}

/// What is pressed; why may be left out.
fn buttons() -> Vec<Route> {
    let all = vec![
        Route::post("/v1/gamedays/{id}/start", "start_gameday", "Start it now", || {
            post(|api, names, by, why| press(api, names, by, why, Button::Start))
        }),
        Route::post(
            "/v1/gamedays/{id}/pause",
            "pause_gameday",
            "Begin no other run until it is resumed",
            || post(|api, names, by, why| press(api, names, by, why, Button::Pause)),
        ),
        Route::post("/v1/gamedays/{id}/resume", "resume_gameday", "Go on", || {
            post(|api, names, by, why| press(api, names, by, why, Button::Resume))
        }),
        Route::post("/v1/gamedays/{id}/stop", "stop_gameday", "Stop it and the drill that runs", || {
            post(|api, names, by, why| press(api, names, by, why, Button::Stop))
        }),
    ];
    all.into_iter().map(|route| route.perhaps::<Reason>().problems(&[409])).collect()
}

/// What people say to it.
fn said() -> Vec<Route> {
    let all = vec![
        Route::post("/v1/gamedays/{id}/close", "close_gameday", "Close it", || post(close))
            .perhaps::<Reason>()
            .gives::<Closed>(200),
        Route::post(
            "/v1/gamedays/{id}/answers",
            "answer",
            "Answer an item of the preflight, or a run",
            || post(answer),
        )
        .takes::<ItemAnswer>(),
        Route::post("/v1/gamedays/{id}/waivers", "waive", "Go on without an item of the preflight", || {
            post(waive)
        })
        .takes::<Waive>(),
        Route::post("/v1/gamedays/{id}/notes", "note_gameday", "Write something into its journal", || {
            post(note)
        })
        .takes::<DayNote>(),
        Route::post("/v1/gamedays/{id}/findings", "add_finding", "Add what is to be mended", || {
            post(finding)
        })
        .takes::<AddFinding>(),
        Route::post("/v1/gamedays/{id}/reviews", "review", "Answer a question of the review", || {
            post(review)
        })
        .takes::<Review>(),
    ];
    all.into_iter().map(|route| route.problems(&[409])).collect()
}

type Who = Extension<Caller>;

async fn list(State(api): State<Api>) -> Result<Json<GameDays>, Refused> {
    Ok(Json(GameDays { gamedays: api.office.gamedays().await? }))
}

async fn one(State(api): State<Api>, names: Names) -> Result<Json<GameDayView>, Refused> {
    Ok(Json(api.office.gameday(names.id()).await?))
}

async fn follow(
    State(api): State<Api>,
    names: Names,
    headers: HeaderMap,
    asked: Asked<EventsAfter>,
) -> Result<Response, Refused> {
    events::follow(&api, names.id(), &headers, asked, api.office.gameday(names.id())).await
}

async fn add(
    State(api): State<Api>,
    Extension(caller): Who,
    Asked(AddGameDay { dry_run }): Asked<AddGameDay>,
    Sent(bundle): Sent<Bundle>,
) -> Result<Response, Refused> {
    if dry_run {
        return Ok(Json(api.office.check_bundle(bundle).await?).into_response());
    }
    let added = api.office.add_gameday(bundle, &caller.who).await?;
    let location = [(header::LOCATION, format!("/v1/gamedays/{}", added.id))];
    Ok((StatusCode::CREATED, location, Json(added)).into_response())
}

async fn approve(
    State(api): State<Api>,
    names: Names,
    Extension(caller): Who,
    Perhaps(Approve { in_stead_of }): Perhaps<Approve>,
) -> Done {
    let caller = match in_stead_of {
        None => caller,
        Some(name) => {
            if caller.in_stead_of.as_ref().is_some_and(|other| *other != name) {
                let why = "the header `In-Stead-Of` and `in_stead_of` of the body name two persons; name one";
                return Err(Refused::new(422, "two persons", why));
            }
            Caller::admin(Some(name))
        }
    };
    // The office writes down both: who pressed, and in whose stead.
    let who = Caller::admin(None).who;
    api.office.approve(names.id(), &who, caller.in_stead_of.as_deref()).await?;
    DONE
}

/// The buttons of a game day.
#[derive(Clone, Copy)]
enum Button {
    Start,
    Pause,
    Resume,
    Stop,
}

async fn press(
    State(api): State<Api>,
    names: Names,
    Extension(by): Who,
    Why(reason): Why,
    button: Button,
) -> Done {
    let (office, id, who) = (&api.office, names.id(), &by.who);
    match button {
        Button::Start => office.start(id, who).await?,
        Button::Pause => office.pause(id, who, &reason).await?,
        Button::Resume => office.resume(id, who).await?,
        Button::Stop => office.stop(id, who, &reason).await?,
    }
    DONE
}

async fn close(
    State(api): State<Api>,
    names: Names,
    Extension(by): Who,
    Why(_): Why,
) -> Result<Json<Closed>, Refused> {
    Ok(Json(Closed { unanswered: api.office.close(names.id(), &by.who).await? }))
}

async fn answer(
    State(api): State<Api>,
    names: Names,
    Extension(by): Who,
    Sent(body): Sent<ItemAnswer>,
) -> Done {
    let ItemAnswer { item, run, ok, text } = body;
    match (item, run) {
        (Some(item), None) => {
            api.office.answer_preflight(names.id(), &item, &by.who, ok, &text).await?;
        }
        (None, Some(run)) => api.office.answer_run(names.id(), run, &by.who, &text).await?,
        (None, None) | (Some(_), Some(_)) => {
            let why = "give either `item`, the name of a preflight item, or `run`, the number of a run";
            return Err(Refused::new(422, "what is answered?", why));
        }
    }
    DONE
}

async fn waive(State(api): State<Api>, names: Names, Extension(by): Who, Sent(body): Sent<Waive>) -> Done {
    api.office.waive(names.id(), &body.item, &by.who, &body.reason).await?;
    DONE
}

async fn note(State(api): State<Api>, names: Names, Extension(by): Who, Sent(body): Sent<DayNote>) -> Done {
    api.office.note(names.id(), &by.who, &body.text).await?;
    DONE
}

async fn finding(
    State(api): State<Api>,
    names: Names,
    Extension(by): Who,
    Sent(body): Sent<AddFinding>,
) -> Done {
    let AddFinding { title, owner, due, kind } = body;
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if !kind.starts_with(|c: char| c.is_ascii_lowercase()) || !kind.chars().all(is_word) || kind.len() > 50 {
        let why = "`kind` is one word of up to 50 small letters, digits, `-` and `_`: for example `alarm`";
        return Err(Refused::new(422, "no kind", why));
    }
    let due = due.map(|due| due.to_string());
    let finding = FindingLine { title, kind, owner, due, who: Some(by.who.clone()), run: None };
    api.office.add_finding(names.id(), finding, &by.who).await?;
    DONE
}

async fn review(State(api): State<Api>, names: Names, Extension(by): Who, Sent(body): Sent<Review>) -> Done {
    api.office.review(names.id(), &body.question, &body.answer, &by.who).await?;
    DONE
}
