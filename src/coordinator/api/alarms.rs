//! The alarm intake: monitoring systems post here what a drill's own listener takes too.

use std::sync::Arc;

use axum::Router;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::table::Route;
use crate::coordinator::alarms::{Takes, routes as intake};
use crate::coordinator::clock;
use crate::coordinator::office::Office;
use crate::drill::alarm::Alarm;
use crate::scenario::expectation::GenericSource;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::intake(
            "/v1/alarms/alertmanager",
            "alertmanager",
            "What Alertmanager's webhook sends",
            "The body of Alertmanager's webhook, version 4",
        ),
        Route::intake(
            "/v1/alarms/generic/{name}",
            "generic_alarm",
            "What anything else sends",
            "JSON; a running scenario may say where in it the alarm stands",
        ),
        Route::intake(
            "/v1/emulate/alertmanager/api/v2/alerts",
            "emulate_alertmanager",
            "What Prometheus sends to an Alertmanager",
            "The body that Prometheus posts to Alertmanager's /api/v2/alerts",
        ),
    ]
    .into_iter()
    .map(|route| route.tag("alarms"))
    .collect()
}

/// The paths of the intake, which hand to the office.
pub(super) fn router(office: Office) -> Router {
    intake(Arc::new(Desk(office)))
}

struct Desk(Office);

impl Takes for Desk {
    fn generic(&self, name: &str) -> Option<GenericSource> {
        self.0.generic(name)
    }

    fn take(&self, alarms: Vec<Alarm>) -> BoxFuture<'_, Result<(), String>> {
        let taken = self.0.alarms_in(alarms);
        taken.map(|taken| taken.map(drop).map_err(|refused| refused.detail)).boxed()
    }

    fn wall(&self) -> Timestamp {
        clock::wall()
    }
}
