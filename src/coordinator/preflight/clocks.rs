//! Whether this host's clock and those of the services agree: HTTP's `Date` tells a clock to the second, and many
//! answers at different parts of a second tell it to about a tenth (as htpdate does).

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Uri, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::time::sleep;

use super::steady::leads_through_own;
use super::{Checked, Prospect, judged};
use crate::coordinator::clock;
use crate::coordinator::http::{PreparedRequest, measure};
use crate::coordinator::secrets::Secrets;
use crate::scenario::plan::{HttpRequest, Plan, ProbeAction};

/// How often each is asked …
const ASKS: u32 = 10;
/// … and how long is waited in between; together they walk through the parts of a second.
const BETWEEN: Duration = Duration::from_millis(110);
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(5);
/// How many services are asked.
const SERVICES_MAX: usize = 16;

/// Asks every service that a probe measures by HTTP.
pub(super) async fn look(prospects: &[Prospect], skew: Duration) -> Checked {
    let mut services: BTreeMap<String, (&HttpRequest, &Plan)> = BTreeMap::new();
    let mut through_own = false;
    for Prospect { plan, .. } in prospects {
        for probe in &plan.steady_state.probes {
            let ProbeAction::Http(request) = &probe.action else { continue };
            if leads_through_own(probe, plan).is_some() {
                through_own = true;
                continue;
            }
            let Some(authority) = request.url.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned())
            else {
                continue;
            };
            services.entry(authority.to_string()).or_insert((request, plan));
        }
    }
    let (mut failures, mut unknown) = (Vec::new(), Vec::new());
    if services.is_empty() {
        let why = match through_own {
            true => "probes lead only through routes that are there only while a drill runs",
            false => "no inject measures by HTTP, so that no other clock is seen",
        };
        unknown.push(why.to_owned());
    }
    if services.len() > SERVICES_MAX {
        unknown.push(format!("only {SERVICES_MAX} of {} services were asked", services.len()));
    }
    let asked = services
        .iter()
        .take(SERVICES_MAX)
        .map(|(name, (request, plan))| async move { (name, ask(request, plan).await) });
    for (name, offset) in futures_util::future::join_all(asked).await {
        match offset.and_then(|offset| offset.against(skew)) {
            Ok(()) => {}
            Err(Doubt::Apart(why)) => failures.push(format!("{name}: {why}")),
            Err(Doubt::Unseen(why)) => unknown.push(format!("{name}: {why}")),
        }
    }
    judged(failures, unknown)
}

/// Why a clock is not known to agree.
#[derive(Debug, PartialEq)]
enum Doubt {
    Apart(String),
    Unseen(String),
}

/// How far another clock is ahead of ours, in seconds: between these.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Offset {
    least: f64,
    most: f64,
}

impl Offset {
    /// What any clock could be.
    const ANY: Self = Self { least: f64::NEG_INFINITY, most: f64::INFINITY };

    /// An answer says `date`, cut to the second; it was made between these times of ours.
    fn seen(self, date: Timestamp, asked: Timestamp, answered: Timestamp) -> Self {
        let ahead_of = |ours: Timestamp| date.duration_since(ours).as_secs_f64();
        Self { least: self.least.max(ahead_of(answered)), most: self.most.min(ahead_of(asked) + 1.0) }
    }

    fn against(self, skew: Duration) -> Result<(), Doubt> {
        let Self { least, most } = self;
        let skew = skew.as_secs_f64();
        if least > most {
            let why = "its answers tell different times, as of hosts whose clocks differ".to_owned();
            return Err(Doubt::Unseen(why));
        }
        if least >= -skew && most <= skew {
            return Ok(());
        }
        let between = format!("between {least:+.2}s and {most:+.2}s against this host's; {skew}s is allowed");
        if least > skew || most < -skew {
            return Err(Doubt::Apart(format!("its clock is off by {between}")));
        }
        Err(Doubt::Unseen(format!("its clock may be off by {between}")))
    }
}

async fn ask(request: &HttpRequest, plan: &Plan) -> Result<Offset, Doubt> {
    let secrets = Secrets::find(&plan.secrets).map_err(|missing| Doubt::Unseen(missing.join("; ")))?;
    let prepared = PreparedRequest::new(request, &secrets).await;
    let prepared = prepared.map_err(|failure| Doubt::Unseen(failure.to_string()))?;
    let mut offset = Offset::ANY;
    for _ in 0..ASKS {
        let asked = clock::wall();
        let exchange = measure(&prepared, WITHIN).await;
        let answered = clock::wall();
        let Some(answer) = exchange.answer else {
            let why = exchange.failure.map_or_else(|| "no answer".to_owned(), |failure| failure.to_string());
            return Err(Doubt::Unseen(secrets.cut_from(&why)));
        };
        let date = answer.headers.get(header::DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| rfc2822::parse(date).ok()) else {
            return Err(Doubt::Unseen("its answers carry no readable `Date`".to_owned()));
        };
        offset = offset.seen(date.timestamp(), asked, answered);
        sleep(BETWEEN).await;
    }
    Ok(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_microsecond(1_800_000_000_000_000 + (seconds * 1e6) as i64).unwrap()
    }

    /// What ten answers of a clock that is `ahead` by so much tell, each on its way for 4 ms.
    fn walked(ahead: f64) -> Offset {
        (0..10).fold(Offset::ANY, |offset, n| {
            let asked = 100.003 + f64::from(n) * 0.114;
            let date = (asked + 0.002 + ahead).floor();
            offset.seen(at(date), at(asked), at(asked + 0.004))
        })
    }

    #[test]
    fn a_clock_is_told_to_about_a_tenth_of_a_second() {
        for ahead in [-3.0, -0.4, -0.1, 0.0, 0.07, 0.3, 0.96, 86_400.5] {
            let Offset { least, most } = walked(ahead);
            assert!(least <= ahead + 1e-6 && ahead <= most + 1e-6, "{ahead}: {least}..{most}");
            assert!(most - least < 0.13, "{ahead}: {least}..{most}");
        }
    }

    #[test]
    fn near_clocks_pass_far_ones_fail_and_those_on_the_edge_are_unknown() {
        let quarter = Duration::from_millis(250);
        assert_eq!(walked(0.05).against(quarter), Ok(()));
        assert!(matches!(walked(0.5).against(quarter), Err(Doubt::Apart(why)) if why.contains("+0.")));
        assert!(matches!(walked(-7.0).against(quarter), Err(Doubt::Apart(_))));
        assert!(matches!(walked(0.25).against(quarter), Err(Doubt::Unseen(_))));
        let of_two = walked(0.0).seen(at(110.0), at(102.0), at(102.01));
        assert!(matches!(of_two.against(quarter), Err(Doubt::Unseen(why)) if why.contains("hosts")));
    }
}
