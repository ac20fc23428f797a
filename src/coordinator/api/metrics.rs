//! `/metrics`: how things stand and what was asked, in the OpenMetrics text format.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Api;
use super::problem::Refused;
use super::wire::{DrillFilter, DrillLine, GameDayLine};

type Labels = Vec<(&'static str, String)>;

/// What is counted while it happens; everything else is read when somebody asks.
#[derive(Default)]
pub(super) struct Numbers {
    /// By route and status. Both are ours, so that there is an end to them.
    answers: Mutex<BTreeMap<Answer, (u64, Duration)>>,
}

/// A route and a status.
type Answer = (&'static str, u16);

impl Numbers {
    pub(super) fn answered(&self, route: &'static str, status: StatusCode, took: Duration) {
        let mut answers = self.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (times, all) = answers.entry((route, status.as_u16())).or_default();
        *times += 1;
        *all += took;
    }
}

/// The metrics as they are now.
pub(super) async fn text(api: &Api) -> Result<String, Refused> {
    let filter = DrillFilter { limit: Some(500), ..DrillFilter::default() };
    let drills = api.office.drills(&filter).await?;
    let gamedays = api.office.gamedays().await?;
    let is_halted = api.office.standing().await?.lever.is_some();
    let mut registry = Registry::with_prefix("firedrill");
    of_office(&mut registry, &drills, &gamedays, is_halted);
    of_answers(&mut registry, &api.inner.numbers);
    let counted = api.office.numbers();
    let alarms = Counter::<u64>::default();
    alarms.inc_by(counted.alarms_in);
    registry.register("alarms", "Alarms that came in", alarms);
    let appended = Counter::<u64>::default();
    appended.inc_by(counted.append_count);
    registry.register("store_appends", "Lines that were appended to journals", appended);
    let took = Counter::<f64, AtomicU64>::default();
    took.inc_by(counted.append_seconds_sum);
    registry.register_with_unit("store_append_duration", "How long that took", Unit::Seconds, took);
    let mut out = String::new();
    text::encode(&mut out, &registry)
        .map_err(|error| Refused::new(500, "no metrics", format!("cannot write the metrics: {error}")))?;
    Ok(out)
}

fn of_office(registry: &mut Registry, drills: &[DrillLine], gamedays: &[GameDayLine], is_halted: bool) {
    let family = Family::<Labels, Gauge>::default();
    for drill in drills {
        let exit = drill.exit.map_or_else(String::new, |exit| exit.to_string());
        family.get_or_create(&vec![("state", drill.state.clone()), ("exit", exit)]).inc();
    }
    registry.register("drills", "The newest 500 drills, by state and exit", family);
    let family = Family::<Labels, Gauge>::default();
    for day in gamedays {
        family.get_or_create(&vec![("state", day.state.clone())]).inc();
    }
    registry.register("gamedays", "Game days by state", family);
    let halted: Gauge = Gauge::default();
    halted.set(i64::from(is_halted));
    registry.register("halted", "Whether the lever is engaged", halted);
}

fn of_answers(registry: &mut Registry, numbers: &Numbers) {
    let answers = numbers.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let family = Family::<Labels, Counter>::default();
    let seconds = Family::<Labels, Counter<f64, AtomicU64>>::default();
    for ((route, status), (times, took)) in &*answers {
        let labels = vec![("route", (*route).to_owned()), ("status", status.to_string())];
        family.get_or_create(&labels).inc_by(*times);
        seconds.get_or_create(&labels).inc_by(took.as_secs_f64());
    }
    registry.register("requests", "Requests answered, by route and status", family);
    let help = "How long requests took until their answer began";
    registry.register_with_unit("request_duration", help, Unit::Seconds, seconds);
}
