//! Looking at preflight items, for real: probes, clocks, playbooks, hosts, the way of alarms.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Keeper;
use super::exercise::{self, read_bundle};
use crate::coordinator::clock::DrillClock;
use crate::coordinator::http::{PreparedRequest, measure};
use crate::coordinator::office::Desk;
use crate::coordinator::probe::{PROBE_QUEUE, spawn_probes};
use crate::coordinator::secrets::Secrets;
use crate::drill::alarm::AlarmKind;
use crate::drill::{Judge, Judgement};
use crate::fault::{Period, Target};
use crate::gameday::preflight::{Automatic, Checked, LookedAt};
use crate::scenario::plan::{Plan, Probe, ProbeAction};

/// How much longer than asked for the steady state may take to be judged good at all.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
/// A `Date` header tells whole seconds.
const DATE_STEP: Duration = Duration::from_secs(1);
/// Hosts whose clocks are asked for.
const CLOCKS_MAX: usize = 16;

/// Looks at one item.
pub(super) async fn at(desk: &Arc<Desk>, day: &Arc<Keeper>, item: &str) -> Checked {
    let Some(planned) = day.planned.plan.preflight.iter().find(|planned| planned.id == item) else {
        return unknown("there is no such item");
    };
    let LookedAt::Itself { at } = &planned.looked_at else { return unknown("people answer it") };
    let plans = match exercise::plans(day) {
        Ok(plans) => plans.into_iter().map(|(plan, _)| plan).collect::<Vec<_>>(),
        Err(why) => return failed(why),
    };
    match at {
        Automatic::SteadyState { lasting } => {
            let stop = desk.closing_token();
            stop.run_until_cancelled(steady_state(&plans, lasting.duration()))
                .await
                .unwrap_or_else(|| unknown("the coordinator was stopped"))
        }
        Automatic::Clocks { skew } => clocks(desk, &plans, *skew).await,
        Automatic::Hosts {} => hosts(&plans),
        Automatic::Playbooks {} => playbooks(day),
        Automatic::PagerHeartbeat { receiver, within } => heartbeat(desk, receiver, *within).await,
    }
}

fn unknown(why: impl Into<String>) -> Checked {
    Checked::Unknown { why: why.into() }
}

fn failed(why: impl Into<String>) -> Checked {
    Checked::Failed { why: why.into() }
}

/// The probes of all drills are good, all at once, for so long.
async fn steady_state(plans: &[Plan], lasting: Duration) -> Checked {
    let mut probes: Vec<Probe> = Vec::new();
    for probe in plans.iter().flat_map(reached_now) {
        if !probes.iter().any(|known| known.action == probe.action && known.tolerance == probe.tolerance) {
            // Two scenarios may call different things alike.
            probes.push(Probe { name: format!("{}-{}", probes.len(), probe.name), ..probe.clone() });
        }
    }
    if probes.is_empty() {
        return unknown("no probe of any scenario measures without a drill's own routes");
    }
    let secrets = match secrets(plans) {
        Ok(secrets) => Arc::new(secrets),
        Err(why) => return failed(why),
    };
    let (clock, stop) = (DrillClock::start(), CancellationToken::new());
    let (samples, mut sampled) = mpsc::channel(PROBE_QUEUE);
    let _probing = spawn_probes(&probes, clock, &secrets, &samples, &stop);
    let mut judges: Vec<Judge> = probes.iter().map(|probe| Judge::new(probe.tolerance.clone())).collect();
    let give_up = lasting + SETTLES_WITHIN;
    let mut good_since: Option<Duration> = None;
    while clock.now() < give_up {
        let wait = tokio::time::timeout(Duration::from_millis(100), sampled.recv()).await;
        if let Ok(Some((name, sample))) = wait
            && let Some(place) = probes.iter().position(|probe| probe.name == name)
        {
            judges[place].take(&sample);
        }
        let now = clock.now();
        match not_good(&probes, &mut judges, now) {
            None => {
                let since = *good_since.get_or_insert(now);
                if now.saturating_sub(since) >= lasting {
                    return Checked::Passed {};
                }
            }
            // A violation is told at once: whoever reads it can mend it and start again.
            Some((why, true)) => return failed(why),
            Some((_, false)) => good_since = None,
        }
    }
    // What needs the drill's own load, say, cannot be judged here.
    let why = not_good(&probes, &mut judges, clock.now()).map_or_else(String::new, |(why, _)| why);
    unknown(format!("nobody can say that the steady state lasts {}: {why}", Period::from(lasting)))
}

/// The probes of a plan that measure while no drill runs: what goes through the drill's own routes is not there yet.
fn reached_now(plan: &Plan) -> impl Iterator<Item = &Probe> {
    let through_own = |address: &str| {
        plan.routes.iter().any(|route| route.control.is_none() && address.contains(&*route.spec.listen))
    };
    plan.steady_state.probes.iter().filter(move |probe| match &probe.action {
        ProbeAction::Http(request) => !through_own(&request.url),
        ProbeAction::Tcp(address) => !through_own(address),
        ProbeAction::Run(_) => true,
    })
}

/// The first probe that is not good, and whether it is violated.
fn not_good(probes: &[Probe], judges: &mut [Judge], now: Duration) -> Option<(String, bool)> {
    let mut unjudged = None;
    for (probe, judge) in probes.iter().zip(judges) {
        let name = probe.name.split_once('-').map_or(&*probe.name, |(_, name)| name);
        match judge.judge(now) {
            Judgement::Good {} => {}
            Judgement::Violated { why } => return Some((format!("probe `{name}`: {why}"), true)),
            Judgement::Unknown { why } => {
                unjudged = unjudged.or(Some((format!("probe `{name}`: {why}"), false)))
            }
        }
    }
    unjudged
}

fn secrets(plans: &[Plan]) -> Result<Secrets, String> {
    let sources = plans.iter().flat_map(|plan| plan.secrets.clone()).collect();
    Secrets::find(&sources).map_err(|why| why.join("; "))
}

/// This host's clock against those that answer the probes.
async fn clocks(desk: &Desk, plans: &[Plan], skew: Period) -> Checked {
    let secrets = match secrets(plans) {
        Ok(secrets) => secrets,
        Err(why) => return failed(why),
    };
    let mut seen: Vec<&str> = Vec::new();
    let mut worst: Option<(Duration, String)> = None;
    for probe in plans.iter().flat_map(reached_now) {
        let ProbeAction::Http(request) = &probe.action else { continue };
        if seen.contains(&&*request.url) || seen.len() >= CLOCKS_MAX {
            continue;
        }
        seen.push(&request.url);
        let Ok(prepared) = PreparedRequest::new(request, &secrets).await else { continue };
        let before = desk.now();
        let answer = measure(&prepared, probe.timeout.duration()).await.answer;
        let date = answer.as_ref().and_then(|answer| answer.headers.get(http::header::DATE)?.to_str().ok());
        let Some(theirs) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else { continue };
        let theirs = theirs.timestamp();
        // What they said lies somewhere in that second, and was said somewhere between asking and being answered.
        let (early, late) = (theirs.duration_since(desk.now()), before.duration_since(theirs));
        let late = late.saturating_sub(jiff::SignedDuration::from_secs(1));
        let off = Duration::try_from(early.max(late)).unwrap_or_default();
        if worst.as_ref().is_none_or(|(known, _)| off > *known) {
            worst = Some((off, request.url.clone()));
        }
    }
    match worst {
        None => unknown("none of the services that are probed tells its time"),
        Some((off, url)) if off > skew.duration() => failed(format!(
            "the clock behind `{}` is off by at least {}",
            secrets.cut_from(&url),
            Period::from(off)
        )),
        Some(_) if skew.duration() < DATE_STEP => unknown(format!(
            "services tell whole seconds only; none is seen to be off, but less than {DATE_STEP:?} cannot be seen"
        )),
        Some(_) => Checked::Passed {},
    }
}

/// Every host that a fault names is this one: no other can be reached.
fn hosts(plans: &[Plan]) -> Checked {
    let faults = plans.iter().flat_map(|plan| &plan.faults);
    let others: Vec<String> = faults
        .filter(|fault| matches!(&fault.target, Target::Host(_)))
        .map(|fault| fault.target.to_string())
        .filter(|target| !target.starts_with("host/local"))
        .collect();
    let left_out = plans.iter().flat_map(|plan| &plan.not_acted_on).filter(|what| what.contains("host/"));
    let missing: Vec<String> = others.into_iter().chain(left_out.cloned()).collect();
    if missing.is_empty() {
        Checked::Passed {}
    } else {
        failed(format!("not reached: {}", missing.join("; ")))
    }
}

/// Nothing is to be said about any playbook.
fn playbooks(day: &Keeper) -> Checked {
    let mut wrong = Vec::new();
    for (source, problems) in read_bundle(&day.planned.files).files {
        let is_playbook = source.path.contains("playbook") || source.text.contains("kind: Playbook");
        if let Some(first) = problems.into_sorted().into_iter().next().filter(|_| is_playbook) {
            wrong.push(format!("{}: {}", source.path, first.message));
        }
    }
    if wrong.is_empty() { Checked::Passed {} } else { failed(wrong.join("; ")) }
}

/// An alarm to this receiver comes in.
async fn heartbeat(desk: &Desk, receiver: &str, within: Period) -> Checked {
    let mut alarms = desk.alarms_heard();
    let heard = async {
        loop {
            match alarms.recv().await {
                Ok(alarm)
                    if alarm.kind == AlarmKind::Fired && alarm.receiver.as_deref() == Some(receiver) =>
                {
                    return true;
                }
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return false,
            }
        }
    };
    let stop = desk.closing_token();
    match stop.run_until_cancelled(tokio::time::timeout(within.duration(), heard)).await {
        Some(Ok(true)) => Checked::Passed {},
        Some(Err(_)) => unknown(format!(
            "no alarm to `{receiver}` came in within {within}; send one by hand, or say that it works"
        )),
        Some(Ok(false)) | None => unknown("the coordinator was stopped"),
    }
}
