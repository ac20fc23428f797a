//! The control API answers whatever the sockets are doing.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::raw;
use crate::running::{Running, SOON, slow};

/// A listener whose backlog is full, so that dials to it stay stuck; and what fills it.
struct Wall {
    address: SocketAddr,
    _listener: Socket,
    _fill: Vec<Socket>,
}

impl Wall {
    fn build() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(1).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut fill = Vec::new();
        loop {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let result = socket.connect_timeout(&address.into(), Duration::from_millis(100));
            fill.push(socket);
            match result {
                Ok(()) => assert!(fill.len() < 100, "the backlog never fills"),
                Err(_) => break,
            }
        }
        Self { address, _listener: listener, _fill: fill }
    }
}

#[tokio::test]
async fn the_api_answers_while_two_hundred_dials_are_stuck() {
    const DIALS: usize = 200;
    let (running, wall) = (Running::start(), Wall::build());
    let bound = running.route("payments", wall.address).bound.tcp().unwrap();
    let clients: Vec<TcpStream> = (0..DIALS).map(|_| TcpStream::connect(bound).unwrap()).collect();
    let started = Instant::now();
    while running.client.route("payments").await.unwrap().traffic.connections_open < DIALS as u64 {
        assert!(started.elapsed() < SOON, "{:?}", running.control.route("payments"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    // Each call within a fifth of a second is the claim; five times that is the bound.
    let bound_of_a_call = Duration::from_secs(1);
    let timed = |what: &str, took: Duration| assert!(took < bound_of_a_call, "{what} took {took:?}");
    for _ in 0..5 {
        let start = Instant::now();
        running.client.put_fault("payments", &slow("slow")).await.unwrap();
        timed("put", start.elapsed());
        let start = Instant::now();
        running.client.remove_fault("payments", "slow").await.unwrap();
        timed("remove", start.elapsed());
        let start = Instant::now();
        assert_eq!(raw::get(running.address, "/metrics").status, 200);
        timed("metrics", start.elapsed());
    }
    let start = Instant::now();
    let last = running.client.remove_route("payments").await.unwrap();
    timed("remove the route", start.elapsed());
    assert_eq!(last.traffic.connections, DIALS as u64);
    drop(clients);
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let running = Running::start();
    let idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(running.address).unwrap()).collect();
    assert_eq!(raw::get(running.address, "/healthCheck").json()["status"], "ok");
    let start = Instant::now();
    drop(running);
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    drop(idle);
}
