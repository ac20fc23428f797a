//! How many connections the host's limits leave room for.

use firedrill_proxy::engine::Options;
use nix::sys::resource::{Resource, getrlimit};
use serde_json::json;

use super::row::Row;

const PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// What the limits are, and what follows. They are no matter of good or bad: that depends on what is planned.
pub(super) fn rows() -> Vec<Row> {
    let ports = std::fs::read_to_string(PORTS).ok().and_then(|text| local_ports(&text));
    vec![descriptors(), ports.map_or_else(|| note("ports", format!("`{PORTS}` cannot be read")), port_row)]
}

fn note(check: &str, found: String) -> Row {
    Row {
        check: check.to_owned(),
        good: None,
        found,
        tolerance: String::new(),
        measured: serde_json::Value::Null,
    }
}

fn descriptors() -> Row {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return note("descriptors", "the limit of open files cannot be read".to_owned());
    };
    // A connection takes one towards each side; the proxy raises its own limit to the hard one.
    let (connections, route) = (hard / 2, Options::default().connections_max);
    let fewer = if connections < route {
        format!(", fewer than the {route} that a route may have; raise it with `ulimit -Hn` or LimitNOFILE=")
    } else {
        String::new()
    };
    let found = format!("at most {hard}: room for about {connections} connections{fewer}");
    Row { measured: json!({"soft": soft, "hard": hard}), ..note("descriptors", found) }
}

fn port_row((first, last): (u16, u16)) -> Row {
    let count = u32::from(last - first) + 1;
    let found = format!("{first} to {last}: at most {count} connections at a time to one upstream address");
    Row { measured: json!({"first": first, "last": last}), ..note("ports", found) }
}

fn local_ports(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
    match (numbers.next()??, numbers.next()??) {
        (first, last) if first <= last => Some((first, last)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_ports_is_read_as_the_kernel_writes_it() {
        assert_eq!(local_ports("32768\t60999\n"), Some((32_768, 60_999)));
        for text in ["", "32768", "60999 32768", "a b"] {
            assert_eq!(local_ports(text), None, "{text}");
        }
        let row = port_row((32_768, 60_999));
        assert!(row.found.contains("at most 28232 connections"), "{}", row.found);
    }

    #[test]
    fn limits_are_told_and_judge_nothing() {
        assert!(rows().iter().all(|row| row.good.is_none() && !row.measured.is_null()), "{:?}", rows());
    }
}
