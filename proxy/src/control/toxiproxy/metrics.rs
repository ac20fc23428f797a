//! Toxiproxy's numbers, in the text format that Prometheus reads.

use std::fmt::Write as _;
use std::fs;

use crate::control::wire::RouteView;

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bytes by proxy and direction. What was received and what was sent differ only by what is on its way.
pub(super) fn of_proxies(routes: &[RouteView]) -> String {
    let mut out = String::new();
    for (name, what) in [("received", "received"), ("sent", "sent on")] {
        let name = format!("toxiproxy_proxy_{name}_bytes_total");
        let _ = writeln!(out, "# HELP {name} Bytes that a proxy {what}, by direction");
        let _ = writeln!(out, "# TYPE {name} counter");
        for route in routes {
            let (proxy, upstream) = (escaped(&route.spec.name), escaped(&route.spec.leads_to()));
            let counts =
                [("downstream", route.traffic.bytes_response), ("upstream", route.traffic.bytes_request)];
            for (direction, bytes) in counts {
                let listener = escaped(&route.bound.to_string());
                let _ = writeln!(
                    out,
                    "{name}{{direction=\"{direction}\",listener=\"{listener}\",proxy=\"{proxy}\",upstream=\"{upstream}\"}} {bytes}"
                );
            }
        }
    }
    out
}

/// The process itself, as far as the kernel tells.
pub(super) fn of_process() -> String {
    let mut out = String::new();
    let mut gauge = |name: &str, kind: &str, what: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = write!(out, "# HELP {name} {what}\n# TYPE {name} {kind}\n{name} {value}\n");
        }
    };
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).ok();
    let cpu = usage.map(|usage| {
        [usage.user_time(), usage.system_time()]
            .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
    });
    gauge(
        "process_cpu_seconds_total",
        "counter",
        "CPU time of the process",
        cpu.map(|[user, system]| user + system),
    );
    let open = fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as f64);
    gauge("process_open_fds", "gauge", "Descriptors that are open", open);
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).ok();
    gauge("process_max_fds", "gauge", "Descriptors that may be open", limit.map(|(soft, _)| soft as f64));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0)
    };
    gauge("process_resident_memory_bytes", "gauge", "Memory that is resident", memory("VmRSS:"));
    gauge("process_virtual_memory_bytes", "gauge", "Memory that is mapped", memory("VmSize:"));
    let version = env!("CARGO_PKG_VERSION");
    let _ = write!(
        out,
        "# HELP firedrill_build_info The version that runs\n# TYPE firedrill_build_info gauge\n\
         firedrill_build_info{{version=\"{version}\"}} 1\n"
    );
    out
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
