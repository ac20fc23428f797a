//! Transparent routes, against a kernel that really redirects: each test has a network of its own.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use firedrill_proxy::control::wire::{Protocol, RouteSpec};
use socket2::{Domain, Socket, Type};

use crate::requires::{requires, requires_that};
use crate::rig::{Rig, end_of_new, eventually, read_to_end};

/// Runs the test again in a network of its own; true there.
fn in_own_network(test: &str) -> bool {
    const ALONE: &str = "FIREDRILL_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    if !requires(&["nft", "ip", "unshare"]) {
        return false;
    }
    let mut possible = Command::new("unshare");
    possible.args(["-rn", "nft", "add table ip firedrill_test"]).stdout(Stdio::null()).stderr(Stdio::null());
    let possible = possible.status().is_ok_and(|status| status.success());
    if requires_that(possible, "needs a network namespace with nftables, which this machine does not give") {
        let mut alone = Command::new("unshare");
        alone.arg("-rn").arg(std::env::current_exe().unwrap());
        alone.args(["--exact", &format!("transparent::{test}"), "--nocapture"]);
        let output = alone.env(ALONE, "1").output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success() && said[0].contains("1 passed"), "{}", said.concat());
    }
    false
}

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).status().unwrap();
    assert!(done.success(), "ip {words}");
}

fn nft(rules: &str) {
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    nft.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
    assert!(nft.wait().unwrap().success(), "{rules}");
}

/// The addresses of the client and the server, one family each.
const CLIENTS: [&str; 2] = ["192.0.2.9", "2001:db8::9"];
const SERVERS: [&str; 2] = ["192.0.2.1", "2001:db8::1"];

fn addresses() {
    ip("link set lo up");
    for address in CLIENTS.iter().chain(&SERVERS) {
        let bits = if address.contains(':') { 128 } else { 32 };
        let flags = if address.contains(':') { " nodad" } else { "" };
        ip(&format!("addr add {address}/{bits} dev lo{flags}"));
    }
}

fn transparent(listen: &str) -> RouteSpec {
    let mut spec = RouteSpec::new("r", listen, "", Protocol::Tcp);
    spec.transparent = true;
    spec
}

/// A connection from an address of its own, which tells it from the proxy's.
fn connect_from(client: &str, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(client.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    stream
}

/// Sends its own address, so that one sees who was asked.
fn telling(address: &str) -> SocketAddr {
    let listener = TcpListener::bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(at.to_string().as_bytes());
        }
    });
    at
}

#[test]
fn a_redirected_connection_reaches_where_it_was_going_over_both_families() {
    if !in_own_network("a_redirected_connection_reaches_where_it_was_going_over_both_families") {
        return;
    }
    addresses();
    for (family, (client, server)) in ["ip", "ip6"].into_iter().zip(CLIENTS.into_iter().zip(SERVERS)) {
        let rig = Rig::new(2);
        let listen = if family == "ip" { "127.0.0.1:0" } else { "[::1]:0" };
        let at = rig.engine.add_route(transparent(listen)).unwrap().bound.tcp().unwrap();
        nft(&format!(
            "table {family} redirected {{\n chain out {{\n type nat hook output priority -100\n\
             {family} saddr {client} {family} daddr {server} meta l4proto tcp redirect to :{}\n }}\n}}\n",
            at.port()
        ));
        for server in [telling(server), telling(server)] {
            let mut stream = connect_from(client, server);
            let (said, end) = read_to_end(&mut stream);
            assert_eq!((String::from_utf8(said).unwrap(), end), (server.to_string(), Ok(())));
        }
        let traffic = rig.view().traffic;
        assert_eq!((traffic.connections, traffic.upstream_failures), (2, 0), "{family}");
    }
}

#[test]
fn a_proxy_whose_own_connections_are_redirected_does_not_run_in_circles() {
    if !in_own_network("a_proxy_whose_own_connections_are_redirected_does_not_run_in_circles") {
        return;
    }
    addresses();
    let rig = Rig::new(1);
    let at = rig.engine.add_route(transparent("127.0.0.1:0")).unwrap().bound.tcp().unwrap();
    let server = telling(SERVERS[0]);
    nft(&format!(
        "table ip redirected {{\n chain out {{\n type nat hook output priority -100\n\
         ip daddr {} tcp dport {} redirect to :{}\n }}\n}}\n",
        server.ip(),
        server.port(),
        at.port()
    ));
    let mut stream = connect_from(CLIENTS[0], server);
    assert!(read_to_end(&mut stream).0.is_empty());
    eventually("all ends", || rig.view().traffic.connections_open == 0);
    let traffic = rig.view().traffic;
    assert!(traffic.connections <= 3 && traffic.upstream_failures >= 1, "{traffic:?}");
}

#[test]
fn a_client_that_connects_to_the_route_itself_is_reset_and_never_led_back() {
    for listen in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
        let rig = Rig::new(1);
        let port = rig.engine.add_route(transparent(listen)).unwrap().bound.tcp().unwrap().port();
        assert!(end_of_new(([127, 0, 0, 1], port).into()).is_err(), "{listen}");
        eventually("counted", || rig.view().traffic.upstream_failures == 1);
        assert_eq!(rig.view().traffic.connections, 1, "{listen}");
    }
}
