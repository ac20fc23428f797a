//! Routes and faults: made, changed, counted, taken away.

use firedrill_proxy::control::client::ClientError;
use firedrill_proxy::control::wire::{EndReason, FaultState};

use crate::raw;
use crate::running::{Running, echo, exchange, owned, route, slow};

#[tokio::test]
async fn a_route_lives_from_post_to_delete() {
    let running = Running::start();
    let made = running.client.add_route(&route("payments", echo())).await.unwrap();
    let bound = made.bound.tcp().unwrap();
    assert_ne!(bound.port(), 0, "the kernel chose");
    exchange(bound);
    let seen = running.client.route("payments").await.unwrap();
    assert_eq!((seen.spec.name.as_str(), seen.traffic.connections), ("payments", 1));
    assert_eq!(running.client.routes().await.unwrap().len(), 1);
    assert_eq!(running.client.health().await.unwrap().routes, 1);

    running.client.remove_route("payments").await.unwrap();
    assert!(running.client.routes().await.unwrap().is_empty());
    std::net::TcpListener::bind(bound).expect("the port is free at once");
}

#[tokio::test]
async fn what_is_not_there_is_said_with_its_name() {
    let running = Running::start();
    running.route("payments", echo());
    let client = &running.client;
    let refusals = [
        client.route("stock").await.unwrap_err(),
        client.remove_route("stock").await.unwrap_err(),
        client.put_fault("stock", &slow("slow")).await.unwrap_err(),
        client.remove_fault("stock", "slow").await.unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal.status(), Some(404), "{refusal}");
        assert!(refusal.to_string().contains("`stock`"), "{refusal}");
    }
    for refusal in [
        client.fault("payments", "slow").await.unwrap_err(),
        client.remove_fault("payments", "slow").await.unwrap_err(),
        client.ledger("payments", "slow").await.unwrap_err(),
    ] {
        assert_eq!(refusal.status(), Some(404), "{refusal}");
        assert!(refusal.to_string().contains("`slow`"), "{refusal}");
    }
}

#[tokio::test]
async fn faults_go_with_their_route_and_that_is_remembered() {
    let running = Running::start();
    running.route("payments", echo());
    running.client.put_fault("payments", &owned("slow", "drill-1", "1m", "5m")).await.unwrap();
    running.client.remove_route("payments").await.unwrap();
    let FaultState::Ended(ended) = running.client.fault("payments", "slow").await.unwrap() else { panic!() };
    assert_eq!(ended.why, EndReason::RouteRemoved);
}

#[tokio::test]
async fn an_owner_takes_back_all_that_it_set_and_nothing_else() {
    let running = Running::start();
    running.route("payments", echo());
    running.route("stock", echo());
    let client = &running.client;
    client.put_fault("payments", &owned("a", "drill-1", "1m", "5m")).await.unwrap();
    client.put_fault("stock", &owned("b", "drill-1", "1m", "5m")).await.unwrap();
    client.put_fault("stock", &owned("c", "drill-2", "1m", "5m")).await.unwrap();
    client.put_fault("stock", &slow("by-hand")).await.unwrap();
    let gone = client.remove_owner("drill-1").await.unwrap();
    assert_eq!(gone.iter().map(|fault| fault.spec.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(client.remove_owner("drill-1").await.unwrap(), gone, "the second is as the first");
    let left = client.route("stock").await.unwrap().faults;
    assert_eq!(left.iter().map(|fault| fault.spec.id.as_str()).collect::<Vec<_>>(), ["c", "by-hand"]);

    let theirs = client.put_fault("stock", &owned("c", "drill-1", "1m", "5m")).await.unwrap_err();
    assert_eq!(theirs.status(), Some(409), "{theirs}");
    assert!(theirs.to_string().contains("`drill-2`"), "{theirs}");
}

#[tokio::test]
async fn a_client_names_the_address_and_the_way_out() {
    let free = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let nobody = firedrill_proxy::control::client::Client::new(&free).unwrap().health().await.unwrap_err();
    assert!(matches!(nobody, ClientError::Unreachable { .. }), "{nobody}");
    assert!(nobody.to_string().contains(&format!("firedrill proxy --control {free}")), "{nobody}");

    let other = echo().to_string();
    let foreign = firedrill_proxy::control::client::Client::new(&other).unwrap().health().await.unwrap_err();
    assert!(matches!(foreign, ClientError::Foreign { .. }), "{foreign}");
    assert!(foreign.to_string().contains(&other), "{foreign}");
}

#[test]
fn a_route_is_switched_off_and_on_and_a_refused_change_says_why() {
    let running = Running::start();
    let bound = running.route("payments", echo()).bound.tcp().unwrap();
    let patch = |body: &str| raw::json(running.address, "PATCH", "/v1/routes/payments", body);
    let off = patch(r#"{"enabled": false}"#);
    assert_eq!((off.status, &off.json()["spec"]["enabled"]), (200, &false.into()), "{off:?}");
    assert!(std::net::TcpStream::connect(bound).is_err(), "it refuses");
    assert_eq!(patch(r#"{"enabled": true}"#).status, 200);
    exchange(bound);
    let taken = format!(r#"{{"listen": "{}"}}"#, running.address);
    assert!(patch(&taken).problem(409).contains("in use"));
    assert!(patch(r#"{"name": "other"}"#).problem(422).contains("`name`"));
    exchange(bound);
}
