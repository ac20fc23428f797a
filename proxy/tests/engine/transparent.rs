//! Transparent routes, against a kernel that really redirects: each test has a network of its own.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use firedrill_proxy::control::wire::{Protocol, RouteSpec};
use nix::libc;
use socket2::{Domain, Socket, Type};

use crate::alone::{in_own_network, without_rights_on_the_network};
use crate::rig::{Rig, end_of_new, eventually, read_to_end};

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
    if !in_own_network("transparent::a_redirected_connection_reaches_where_it_was_going_over_both_families") {
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

/// A network beyond a cable. What is done there is done by one thread, and what that starts.
struct Beyond {
    jobs: mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

impl Beyond {
    /// `cable` leads there from here; `prefixes` are the first three quarters of the addresses of its ends.
    fn new(cable: &str, [v4, v6]: [&str; 2]) -> Self {
        let (jobs, todo) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            // SAFETY: only this thread goes into a new network, and it shares nothing that the kernel would refuse.
            let (done, thread) = unsafe { (libc::unshare(libc::CLONE_NEWNET), libc::gettid()) };
            assert_eq!(done, 0, "a network of its own");
            tell.send(thread).unwrap();
            todo.iter().for_each(|job| job());
        });
        let beyond = Self { jobs };
        let thread = told.recv().unwrap();
        ip(&format!("link add {cable} type veth peer name beyond netns {thread}"));
        let set = move |words: &str| ip(words);
        for (end, dev) in [(1, cable.to_owned()), (2, "beyond".to_owned())] {
            let words = [
                format!("addr add {v4}.{end}/24 dev {dev}"),
                format!("addr add {v6}::{end}/64 dev {dev} nodad"),
                format!("link set {dev} up"),
            ];
            let routes =
                [format!("route add default via {v4}.1"), format!("-6 route add default via {v6}::1")];
            if end == 1 {
                words.iter().for_each(|words| set(words));
            } else {
                beyond.there(move || words.iter().chain(&routes).for_each(|words| set(words)));
            }
        }
        beyond
    }

    /// Does something there.
    fn there<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = mpsc::channel();
        self.jobs.send(Box::new(move || drop(tell.send(job())))).unwrap();
        told.recv().unwrap()
    }
}

#[test]
fn tproxy_and_redirect_reach_where_each_connection_was_going_over_both_families() {
    if !in_own_network(
        "transparent::tproxy_and_redirect_reach_where_each_connection_was_going_over_both_families",
    ) {
        return;
    }
    ip("link set lo up");
    // The proxy is on the way between two networks, and neither the client nor the server is on its host.
    let clients = Beyond::new("clients", ["192.0.2", "2001:db8:1"]);
    let servers = Beyond::new("servers", ["198.51.100", "2001:db8:2"]);
    let rig = Rig::new(2);
    let mut spec = transparent("[::]:0");
    spec.tproxy = true;
    let port = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap().port();
    let addresses = ["198.51.100.2", "2001:db8:2::2"];
    let [intercepted, redirected] = [(); 2].map(|()| servers.there(move || addresses.map(telling)));
    let ports = |of: &[SocketAddr; 2]| format!("{{ {}, {} }}", of[0].port(), of[1].port());
    nft(&format!(
        "table inet on_the_way {{
           chain intercept {{
             type filter hook prerouting priority mangle
             iifname clients meta nfproto ipv4 tcp dport {0} tproxy ip to :{port} meta mark set 1
             iifname clients meta nfproto ipv6 tcp dport {0} tproxy ip6 to :{port} meta mark set 1
           }}
           chain to_us {{
             type nat hook prerouting priority dstnat
             iifname clients tcp dport {1} redirect to :{port}
           }}
         }}\n",
        ports(&intercepted),
        ports(&redirected)
    ));
    for words in [
        "rule add fwmark 1 lookup 100",
        "route add local default dev lo table 100",
        "-6 rule add fwmark 1 lookup 100",
        "-6 route add local default dev lo table 100",
    ] {
        ip(words);
    }
    rig.fault(r#"{"id": "slow", "fault": {"latency": {"delay": "20ms"}}}"#);
    for server in intercepted.into_iter().chain(redirected) {
        let (said, end) = clients.there(move || {
            let mut stream = crate::rig::connect(server);
            assert_eq!(stream.peer_addr().unwrap(), server);
            read_to_end(&mut stream)
        });
        assert_eq!((String::from_utf8(said).unwrap(), end), (server.to_string(), Ok(())));
    }
    // They went through the route, each of them: the networks are not connected otherwise.
    rig.counted("slow", 4, 4);
    assert_eq!((rig.view().traffic.connections, rig.view().traffic.upstream_failures), (4, 0));
}

#[test]
fn tproxy_without_the_right_to_it_is_refused_and_redirecting_needs_none() {
    if !without_rights_on_the_network(
        "transparent::tproxy_without_the_right_to_it_is_refused_and_redirecting_needs_none",
    ) {
        return;
    }
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let rig = Rig::new(1);
        let mut spec = transparent(listen);
        spec.tproxy = true;
        let error = rig.engine.add_route(spec.clone()).unwrap_err().to_string();
        assert!(error.contains("`r`") && error.contains("not permitted"), "{error}");
        assert!(error.contains("CAP_NET_ADMIN") && error.contains("redirect by NAT"), "{error}");
        assert!(rig.engine.routes().is_empty());
        spec.tproxy = false;
        rig.engine.add_route(spec).unwrap();
    }
}

#[test]
fn a_proxy_whose_own_connections_are_redirected_does_not_run_in_circles() {
    if !in_own_network("transparent::a_proxy_whose_own_connections_are_redirected_does_not_run_in_circles") {
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
