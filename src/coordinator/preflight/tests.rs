//! The items that are looked at for real, against services that are there.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::coordinator::test_server::TestServer;
use crate::fault::{Period, Seed};
use crate::scenario::{Context, NoCatalog, check};
use crate::text::Source;

fn prospect(rest: &str) -> Prospect {
    let text = format!("firedrill: v1\nkind: Scenario\nname: outlook\n{rest}");
    let nothing = BTreeMap::new();
    let context = Context {
        catalog: &NoCatalog,
        sets: &nothing,
        process_env: &nothing,
        inputs: &nothing,
        environment: None,
    };
    let checked = check(Source::new("outlook.yaml", text), &context);
    let scenario = checked.value.unwrap_or_else(|| panic!("{:?}", checked.files));
    let mut plan = scenario.plan(Seed(1), None);
    for probe in &mut plan.steady_state.probes {
        probe.every = Period::from(Duration::from_millis(100));
    }
    Prospect { plan, playbook: None }
}

/// Measures this URL, and would slow a route that leads nowhere.
fn measuring(url: &str, route_at: &str) -> Prospect {
    prospect(&format!(
        "routes: {{shop: {{listen: \"{route_at}\", upstream: \"127.0.0.1:9\"}}}}\n\
         steady_state: [{{http: \"{url}\"}}]\n\
         faults: [{{latency: 1s, target: route/shop, max: 10s}}]\n"
    ))
}

async fn looked(at: Automatic, prospects: &[Prospect]) -> Checked {
    look(&at, prospects, broadcast::channel(1).1).await
}

async fn steady(prospects: &[Prospect]) -> Checked {
    looked(Automatic::SteadyState { lasting: Period::from(Duration::from_millis(400)) }, prospects).await
}

#[tokio::test]
async fn the_steady_state_is_measured_and_one_violation_ends_it() {
    let server = TestServer::start().await;
    let good = measuring(&server.url("/status/200"), "127.0.0.1:0");
    assert_eq!(steady(std::slice::from_ref(&good)).await, Checked::Passed {});
    assert!(server.accepted.load(std::sync::atomic::Ordering::SeqCst) >= 3);
    let bad = measuring(&server.url("/status/503"), "127.0.0.1:0");
    let Checked::Failed { why } = steady(&[good, bad]).await else { panic!() };
    assert!(why.contains("outlook: ") && why.contains("503"), "{why}");
}

#[tokio::test]
async fn a_probe_through_a_route_that_is_not_there_yet_is_unknown_and_says_so() {
    let through = measuring("http://127.0.0.1:18999/", "127.0.0.1:18999");
    let Checked::Unknown { why } = steady(&[through]).await else { panic!() };
    assert!(why.contains("`shop`") && why.contains("only while the drill runs"), "{why}");
}

#[tokio::test]
async fn a_service_on_this_host_tells_the_same_time_and_one_without_a_date_tells_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = Router::new().route("/", get(async || "ok"));
    let _service = AbortOnDropHandle::new(tokio::spawn(async { axum::serve(listener, app).await }));
    let clocks = || Automatic::Clocks { skew: Period::from(Duration::from_secs(2)) };
    let here = measuring(&url, "127.0.0.1:0");
    assert_eq!(looked(clocks(), &[here.clone(), here]).await, Checked::Passed {});

    let dateless = TestServer::start().await;
    let dateless = measuring(&dateless.url("/status/200"), "127.0.0.1:0");
    let Checked::Unknown { why } = looked(clocks(), &[dateless]).await else { panic!() };
    assert!(why.contains("`Date`"), "{why}");
}

#[tokio::test]
async fn a_proxy_that_does_not_answer_is_named() {
    let mut prospect = measuring("http://127.0.0.1:9/", "127.0.0.1:0");
    assert_eq!(looked(Automatic::Hosts {}, std::slice::from_ref(&prospect)).await, Checked::Passed {});
    prospect.plan.routes[0].control = Some("127.0.0.1:9".into());
    let Checked::Failed { why } = looked(Automatic::Hosts {}, &[prospect]).await else { panic!() };
    assert!(why.contains("route `shop`") && why.contains("127.0.0.1:9"), "{why}");
}
