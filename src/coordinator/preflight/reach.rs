//! Whether what the injects act on and with is there: hosts, proxies, what the playbooks need.

use std::collections::BTreeSet;

use super::{Checked, Prospect, judged};
use crate::coordinator::engine::{remote_routes, step_warnings};
use crate::coordinator::secrets::Secrets;
use crate::fault::{HostSelector, LOCAL_HOST, Target};
use crate::scenario::plan::PlannedRoute;

/// Every host is this one, and every proxy answers and has the route.
pub(super) async fn hosts(prospects: &[Prospect]) -> Checked {
    let faults = prospects.iter().flat_map(|prospect| &prospect.plan.faults);
    let mut failures = BTreeSet::new();
    for target in faults.map(|fault| &fault.target) {
        match target {
            Target::Route(_) => {}
            Target::Host(HostSelector::Named(name)) if name == LOCAL_HOST => {}
            Target::Host(_) => {
                failures.insert(format!("{target}: only `host/{LOCAL_HOST}` can be acted on from here"));
            }
        }
    }
    let mut routes: Vec<PlannedRoute> = Vec::new();
    for route in prospects.iter().flat_map(|prospect| &prospect.plan.routes) {
        let known =
            |other: &PlannedRoute| (&other.spec.name, &other.control) == (&route.spec.name, &route.control);
        if route.control.is_some() && !routes.iter().any(known) {
            routes.push(route.clone());
        }
    }
    failures.extend(remote_routes(&routes).await.1);
    judged(failures.into_iter().collect(), Vec::new())
}

/// No step of a playbook would fail now for want of a program or a secret.
pub(super) async fn playbooks(prospects: &[Prospect]) -> Checked {
    let mut failures = Vec::new();
    let mut seen = BTreeSet::new();
    for book in prospects.iter().filter_map(|prospect| prospect.playbook.as_ref()) {
        if !seen.insert(&book.name) {
            continue;
        }
        let missing = Secrets::find(&book.secrets).err().unwrap_or_default();
        let warnings = step_warnings(book, None).await;
        failures.extend(missing.into_iter().chain(warnings).map(|why| format!("`{}`: {why}", book.name)));
    }
    judged(failures, Vec::new())
}
