//! Everything that stands side by side: the backend, the peers with their configurations, and firedrill.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::process::{LOAD_CORE, PROXY_CORE, Process, free_port};

/// The rates whose keeping is measured, in bytes a second, as the control API writes them.
pub const RATES: [(&str, f64); 5] =
    [("10KB/s", 1e4), ("1MB/s", 1e6), ("10MB/s", 1e7), ("100MB/s", 1e8), ("1GB/s", 1e9)];

/// One line of the tables.
pub struct Row {
    pub name: &'static str,
    pub port: SocketAddr,
    /// Absent for the direct connection.
    pub process: Option<Process>,
}

/// Serves files: 1 KiB, 1 MiB, and one that does not end within a measurement.
pub struct Backend {
    pub port: SocketAddr,
    _process: Process,
}

impl Backend {
    pub fn start(dir: &Path) -> Self {
        let files = dir.join("www");
        std::fs::create_dir(&files).unwrap();
        std::fs::write(files.join("1k"), vec![b'x'; 1 << 10]).unwrap();
        std::fs::write(files.join("1m"), vec![b'x'; 1 << 20]).unwrap();
        std::fs::File::create(files.join("16g")).unwrap().set_len(16 << 30).unwrap();
        let port = free_port();
        let server = format!(
            "http {{ access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout 600s; \
             keepalive_requests 1000000000; reset_timedout_connection on; sendfile_max_chunk 2m; types {{}} \
             server {{ listen {port} backlog=4096; root {}; }} }}",
            files.display()
        );
        let process = nginx("backend", LOAD_CORE, &server, &[port], dir);
        Self { port, _process: process }
    }
}

fn nginx(name: &str, core: &str, server: &str, ports: &[SocketAddr], dir: &Path) -> Process {
    let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
    let module = if Path::new(module).exists() { format!("load_module {module};") } else { String::new() };
    let at = dir.display();
    let text = format!(
        "{module} daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid {at}/{name}.pid; user root; \
         error_log {at}/{name}.err warn; events {{ worker_connections 19000; multi_accept on; }} {server}"
    );
    let file = dir.join(format!("{name}.nginx"));
    std::fs::write(&file, text).unwrap();
    Process::start(name, core, &["nginx", "-c", &file.display().to_string()], ports, dir)
}

fn nginx_stream(backend: SocketAddr, dir: &Path) -> Row {
    let port = free_port();
    let server = format!(
        "stream {{ proxy_timeout 600s; tcp_nodelay on; server {{ listen {port} backlog=4096; proxy_pass {backend}; }} }}"
    );
    let process = nginx("nginx-stream", PROXY_CORE, &server, &[port], dir);
    Row { name: "nginx stream", port, process: Some(process) }
}

fn haproxy(mode: &'static str, backend: SocketAddr, dir: &Path) -> Row {
    let port = free_port();
    let reuse = if mode == "http" { "option http-keep-alive\n  http-reuse always\n" } else { "" };
    let text = format!(
        "global\n  maxconn 9700\n  nbthread 1\ndefaults\n  timeout connect 5s\n  timeout client 600s\n  \
         timeout server 600s\n  timeout http-keep-alive 600s\n  maxconn 9900\nlisten all\n  mode {mode}\n  {reuse}  \
         bind {port} backlog 4096\n  server s {backend}\n"
    );
    let file = dir.join(format!("haproxy-{mode}.cfg"));
    std::fs::write(&file, text).unwrap();
    let name = if mode == "http" { "haproxy http" } else { "haproxy tcp" };
    let command = ["haproxy", "-db", "-f", &file.display().to_string()];
    let process = Process::start(name, PROXY_CORE, &command, &[port], dir);
    Row { name, port, process: Some(process) }
}

fn forwarder(delay_ms: u64, backend: SocketAddr, dir: &Path) -> Row {
    let port = free_port();
    let this = std::env::current_exe().unwrap().display().to_string();
    let delay = delay_ms.to_string();
    let command = [&this, "--forwarder", &port.to_string(), &backend.to_string(), &delay];
    let name = if delay_ms == 0 { "runtime, plain" } else { "runtime's timer" };
    let process = Process::start(&format!("forwarder-{delay}"), PROXY_CORE, &command, &[port], dir);
    Row { name, port, process: Some(process) }
}

/// The reference in C: copies what is small, splices what is large.
fn hybrid(backend: SocketAddr, dir: &Path) -> Option<Row> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/proxy_peers/hybrid.c");
    let program = dir.join("hybrid");
    let built = Command::new("cc").args(["-O2", "-o"]).arg(&program).arg(source).status();
    if !built.is_ok_and(|status| status.success()) {
        return None;
    }
    let port = free_port();
    let ports = format!("{}:{}", port.port(), backend.port());
    let command = [&*program.display().to_string(), &ports];
    let process = Process::start("hybrid", PROXY_CORE, &command, &[port], dir);
    Some(Row { name: "hybrid in C", port, process: Some(process) })
}

/// All that forward plainly, firedrill last but one before its HTTP form.
pub fn all(firedrill: &Path, backend: &Backend, dir: &Path) -> Vec<Row> {
    let mut rows = vec![Row { name: "direct", port: backend.port, process: None }];
    rows.extend(hybrid(backend.port, dir));
    rows.push(forwarder(0, backend.port, dir));
    rows.push(haproxy("tcp", backend.port, dir));
    rows.push(nginx_stream(backend.port, dir));
    rows.push(haproxy("http", backend.port, dir));
    let tcp = Firedrill::start("firedrill-tcp", firedrill, dir);
    let port = tcp.route("plain", "tcp", backend.port);
    rows.push(Row { name: "firedrill tcp", port, process: Some(tcp.process) });
    let http = Firedrill::start("firedrill-http", firedrill, dir);
    let port = http.route("armed", "http", backend.port);
    http.fault(
        "armed",
        "never",
        &json!({"fault": {"http_error": {"status": 503}}, "scope": {"percent": "0%"}}),
    );
    rows.push(Row { name: "firedrill http, a rule at 0 %", port, process: Some(http.process) });
    rows
}

/// What is delayed by 50 ms, and firedrill's own pass-through, which tells what the hop alone costs.
pub fn delayed(firedrill: &Path, backend: &Backend, dir: &Path) -> Vec<Row> {
    let plain = Firedrill::start("firedrill-plain", firedrill, dir);
    let port = plain.route("plain", "tcp", backend.port);
    let mut rows = vec![Row { name: "firedrill, no delay", port, process: Some(plain.process) }];
    let slow = Firedrill::start("firedrill-slow", firedrill, dir);
    let port = slow.route("slow", "tcp", backend.port);
    slow.fault("slow", "late", &json!({"fault": {"latency": {"delay": "50ms"}}}));
    rows.push(Row { name: "firedrill, 50 ms", port, process: Some(slow.process) });
    rows.push(forwarder(50, backend.port, dir));
    rows
}

/// A running `firedrill proxy` with one worker.
pub struct Firedrill {
    pub process: Process,
    control: SocketAddr,
}

impl Firedrill {
    pub fn start(name: &str, program: &Path, dir: &Path) -> Self {
        let control = free_port();
        let address = control.to_string();
        let program = program.display().to_string();
        let command = [&*program, "proxy", "--workers", "1", "--control", &address];
        Self { process: Process::start(name, PROXY_CORE, &command, &[control], dir), control }
    }

    /// Makes a route and says where it listens.
    pub fn route(&self, name: &str, protocol: &str, upstream: SocketAddr) -> SocketAddr {
        let spec = json!({"name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string(), "protocol": protocol});
        let view = self.call("POST", "/v1/routes", &spec);
        view["bound"].as_str().unwrap().parse().unwrap()
    }

    pub fn fault(&self, route: &str, id: &str, spec: &Value) {
        self.call("PUT", &format!("/v1/routes/{route}/faults/{id}"), spec);
    }

    pub fn remove_fault(&self, route: &str, id: &str) {
        self.call("DELETE", &format!("/v1/routes/{route}/faults/{id}"), &Value::Null);
    }

    /// One call on a connection of its own; it must succeed.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(self.control).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or(Value::Null)
    }
}

/// Where the program to be measured is, and what else must be there.
pub fn program(chosen: Option<PathBuf>) -> PathBuf {
    let missing: Vec<&str> = ["nginx", "haproxy", "taskset"]
        .into_iter()
        .filter(|program| {
            !Command::new("which").arg(program).output().is_ok_and(|found| found.status.success())
        })
        .collect();
    assert!(
        missing.is_empty(),
        "missing: {}; apt-get install nginx-light libnginx-mod-stream haproxy util-linux",
        missing.join(", ")
    );
    chosen.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_firedrill")))
}
