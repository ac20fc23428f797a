//! Clients that were written for Toxiproxy drive `firedrill toxiproxy-server` before a real Redis: the one of npm and the
//! one of PyPI, fetched by name in a fixed version. They are no part of this repository.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use super::fetched::{fetched, python, python_package, succeeds};
use super::redis;
use super::support::{Child, firedrill, requires, temp_dir};

const NODE_CLIENT: &str = "toxiproxy-node-client@4.1.0";
const PYTHON_CLIENT: &str = "toxiproxy-python==0.1.1";
/// What the client of PyPI needs, and does not pin.
const PYTHON_NEEDS: [&str; 2] = ["future==1.0.0", "requests==2.32.5"];

/// Says PING through a proxy, and what came of it: `+PONG <ms>`, `silent`, `closed`, or the kernel's word.
const NODE_PING: &str = r#"
const net = require('net');
const ping = (listen, patience = 5000) => new Promise((done) => {
  const began = process.hrtime.bigint();
  const [host, port] = listen.split(':');
  const socket = net.connect(Number(port), host, () => socket.write('PING\r\n'));
  const end = (said) => { socket.destroy(); done({said, ms: Number(process.hrtime.bigint() - began) / 1e6}); };
  socket.setTimeout(patience, () => end('silent'));
  socket.on('data', (data) => end(data.toString().trim()));
  socket.on('error', (error) => end(error.code));
  socket.on('end', () => end('closed'));
});
"#;

const NODE: &str = r#"
const assert = require('assert');
const { Toxiproxy } = require('toxiproxy-node-client');
const [api, upstream] = process.argv.slice(2);
(async () => {
  const toxiproxy = new Toxiproxy(api);
  assert.match(await toxiproxy.getVersion(), /2\.12\.0/);
  const proxy = await toxiproxy.createProxy({name: 'redis', listen: '127.0.0.1:0', upstream, enabled: true});
  assert.strictEqual((await ping(proxy.listen)).said, '+PONG');
  await assert.rejects(toxiproxy.createProxy({name: 'redis', listen: '127.0.0.1:0', upstream}), /proxy already exists|409/);
  const toxic = await proxy.addToxic({
    name: 'slow', type: 'latency', stream: 'downstream', toxicity: 1, attributes: {latency: 200, jitter: 0}});
  let answer = await ping(proxy.listen);
  assert.ok(answer.said === '+PONG' && answer.ms >= 200, JSON.stringify(answer));
  const slower = await toxic.update({attributes: {latency: 400}});
  assert.deepStrictEqual(slower.attributes, {latency: 400, jitter: 0});
  answer = await ping(proxy.listen);
  assert.ok(answer.said === '+PONG' && answer.ms >= 400, JSON.stringify(answer));
  assert.strictEqual((await toxiproxy.getAll()).redis.name, 'redis');
  await toxic.remove();
  await proxy.addToxic({name: 'cut', type: 'bandwidth', stream: 'downstream', toxicity: 1, attributes: {rate: 0}});
  assert.strictEqual((await ping(proxy.listen, 300)).said, 'silent');
  await toxiproxy.reset();
  assert.strictEqual((await ping(proxy.listen)).said, '+PONG');
  await proxy.addToxic({name: 'rst', type: 'reset_peer', stream: 'downstream', toxicity: 1, attributes: {timeout: 0}});
  assert.strictEqual((await ping(proxy.listen)).said, 'ECONNRESET');
  await toxiproxy.reset();
  const off = await proxy.update({enabled: false, listen: proxy.listen, upstream});
  assert.strictEqual(off.enabled, false);
  assert.strictEqual((await ping(proxy.listen)).said, 'ECONNREFUSED');
  await toxiproxy.reset();
  const made = await toxiproxy.populate([{name: 'redis', listen: proxy.listen, upstream}, {name: 'b', listen: '127.0.0.1:0', upstream}]);
  assert.deepStrictEqual(Object.keys(made), ['redis', 'b']);
  assert.strictEqual((await ping(made.b.listen)).said, '+PONG');
  await proxy.remove();
  await assert.rejects(toxiproxy.get('redis'));
  console.log('all is well');
})().catch((error) => { console.error(error); process.exit(1); });
"#;

const PYTHON: &str = r#"
import socket, sys, time
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import NotFound, ProxyExists, InvalidToxic

def ping(listen, patience=5):
    host, port = listen.rsplit(":", 1)
    began = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=patience) as s:
        s.sendall(b"PING\r\n")
        try:
            said = s.recv(100)
        except (TimeoutError, socket.timeout):
            return "silent", 0
    return said.decode().strip(), time.monotonic() - began

def raises(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError("no %s" % kind)

(host, port), upstream = sys.argv[1].rsplit(":", 1), sys.argv[2]
server = Toxiproxy()
server.update_api_consumer(host, int(port))
assert server.running() and b"2.12.0" in server.version()
proxy = server.create(upstream=upstream, name="redis")
assert ping(proxy.listen)[0] == "+PONG"
raises(ProxyExists, lambda: server.create(upstream=upstream, name="redis"))
proxy.add_toxic(type="latency", attributes={"latency": 200})
said, took = ping(proxy.listen)
assert said == "+PONG" and took >= 0.2, (said, took)
assert proxy.get_toxic("latency_downstream").attributes == {"latency": 200, "jitter": 0}
raises(InvalidToxic, lambda: proxy.add_toxic(type="nothing"))
raises(ProxyExists, lambda: proxy.add_toxic(type="latency"))
raises(NotFound, lambda: proxy.destroy_toxic("none"))
assert proxy.destroy_toxic("latency_downstream") and proxy.toxics() == {}
proxy.add_toxic(type="timeout", attributes={"timeout": 0})
assert ping(proxy.listen, 0.3)[0] == "silent"
assert server.reset() and ping(proxy.listen)[0] == "+PONG"
with proxy.down():
    raises(ConnectionRefusedError, lambda: ping(proxy.listen))
assert ping(proxy.listen)[0] == "+PONG"
assert [p.name for p in server.populate([{"name": "b", "upstream": upstream, "listen": "127.0.0.1:0"}])] == ["b"]
server.destroy_all()
assert server.proxies() == {}
print("all is well")
"#;

/// A server in the place of Toxiproxy's, and its address.
fn server() -> (Child, SocketAddr) {
    let child = Child::spawn(firedrill().args(["toxiproxy-server", "-port", "0"]));
    let line = child.wait_for_line("http://", Duration::from_secs(10));
    let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    (child, address)
}

#[test]
fn the_node_client_drives_it_before_a_real_redis() {
    if !requires(&["redis-server", "node", "npm"]) {
        return;
    }
    let client = fetched(NODE_CLIENT, |folder| {
        let quiet =
            ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix"];
        succeeds(Command::new("npm").args(quiet).arg(folder).arg(NODE_CLIENT));
    });
    let dir = temp_dir();
    let (port, _redis) = redis::start(dir.path());
    let (_server, api) = server();
    let script = dir.path().join("drive.js");
    std::fs::write(&script, [NODE_PING, NODE].concat()).unwrap();
    let mut node = Command::new("node");
    node.arg(script).arg(format!("http://{api}")).arg(format!("127.0.0.1:{port}"));
    let ended = succeeds(node.env("NODE_PATH", client.join("node_modules")));
    assert_eq!(ended.stdout, "all is well\n");
}

#[test]
fn the_python_client_drives_it_before_a_real_redis() {
    if !requires(&["redis-server", "python3"]) {
        return;
    }
    let client = python_package(PYTHON_CLIENT, &PYTHON_NEEDS);
    let dir = temp_dir();
    let (port, _redis) = redis::start(dir.path());
    let (_server, api) = server();
    python(dir.path(), &client, PYTHON, &[api.to_string(), format!("127.0.0.1:{port}")]);
}
