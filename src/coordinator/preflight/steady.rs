//! Whether what the injects measure is good, and stays so, before anything is done to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::{Checked, Prospect, judged};
use crate::coordinator::clock::DrillClock;
use crate::coordinator::probe::{PROBE_QUEUE, spawn_probes};
use crate::coordinator::secrets::Secrets;
use crate::drill::{Judge, Judgement};
use crate::gameday::preflight::SETTLES_WITHIN;
use crate::scenario::plan::{Plan, Probe, ProbeAction};

/// Measures every probe of every inject until all are judged good for so long; the first violation ends it.
pub(super) async fn look(prospects: &[Prospect], lasting: Duration) -> Checked {
    let clock = DrillClock::start();
    let stop = CancellationToken::new();
    let _ended_with_this = stop.clone().drop_guard();
    let (samples, mut measured) = mpsc::channel(PROBE_QUEUE);
    let (mut judges, mut runners, mut unknown) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (plan, probes) in to_measure(prospects, &mut unknown) {
        let secrets = match Secrets::find(&plan.secrets) {
            Ok(secrets) => Arc::new(secrets),
            Err(missing) => return Checked::Failed { why: missing.join("; ") },
        };
        runners.push(spawn_probes(&probes, clock, &secrets, &samples, &stop));
        judges.extend(probes.into_iter().map(|probe| (probe.name, Judge::new(probe.tolerance))));
    }
    drop(samples);
    if judges.is_empty() {
        unknown.push("no inject has anything that could be measured now".to_owned());
        return judged(Vec::new(), unknown);
    }
    let (give_up, mut good_since) = (clock.at(lasting + SETTLES_WITHIN), None);
    let open = loop {
        let sampled = tokio::select! {
            biased;
            sampled = measured.recv() => sampled,
            () = sleep_until(give_up) => None,
        };
        let now = clock.now();
        if let Some((name, sample)) = &sampled
            && let Some(judge) = judges.get_mut(name)
        {
            judge.take(sample);
        }
        let mut open = Vec::new();
        for (name, judge) in &mut judges {
            match judge.judge(now) {
                Judgement::Good {} => {}
                // Told at once: whoever reads it can mend it and start again.
                Judgement::Violated { why } => return Checked::Failed { why: format!("{name}: {why}") },
                Judgement::Unknown { why } => open.push(format!("{name}: {why}")),
            }
        }
        good_since = if open.is_empty() { good_since.or(Some(now)) } else { None };
        if sampled.is_none() || good_since.is_some_and(|since| now.saturating_sub(since) >= lasting) {
            break open;
        }
    };
    // What needs the drill's own load, say, cannot be judged here.
    unknown.extend(open);
    judged(Vec::new(), unknown)
}

/// The probes of each plan under names that tell them apart, each only once. What cannot be measured yet goes to
/// `unknown`.
fn to_measure<'a>(prospects: &'a [Prospect], unknown: &mut Vec<String>) -> Vec<(&'a Plan, Vec<Probe>)> {
    let mut seen: Vec<&Probe> = Vec::new();
    let mut all = Vec::new();
    for Prospect { plan, .. } in prospects {
        let mut probes = Vec::new();
        for probe in &plan.steady_state.probes {
            if seen.contains(&probe) {
                continue;
            }
            seen.push(probe);
            let name = format!("{}: {}", plan.scenario, probe.name);
            match leads_through_own(probe, plan) {
                Some(route) => unknown.push(format!(
                    "{name}: it leads through the route `{route}`, which is there only while the drill runs"
                )),
                None => probes.push(Probe { name, ..probe.clone() }),
            }
        }
        all.push((plan, probes));
    }
    all
}

/// The route of the drill's own process that a probe measures through.
pub(super) fn leads_through_own<'a>(probe: &Probe, plan: &'a Plan) -> Option<&'a str> {
    let port = match &probe.action {
        ProbeAction::Http(request) => {
            let uri: Uri = request.url.parse().ok()?;
            uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
        }
        ProbeAction::Tcp(address) => port(address)?,
        ProbeAction::Run(_) => return None,
    };
    let own = plan.routes.iter().filter(|route| route.control.is_none());
    let mut through = own.filter(|route| self::port(&route.spec.listen) == Some(port));
    through.next().map(|route| route.spec.name.as_str())
}

fn port(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}
