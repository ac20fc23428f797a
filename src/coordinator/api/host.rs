//! Which `Host` is answered. A page in a browser whose name was bound to this host's address (DNS rebinding) is not.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use http::header;

use super::problem::{Refused, shown};

/// Refuses a request for a name that is not ours, where only this host can reach us.
pub(super) fn check(request: &Request, listen: SocketAddr, hosts: &[String]) -> Result<(), Refused> {
    if !listen.ip().to_canonical().is_loopback() {
        // Off loopback people reach it by whatever name it has, and nothing is open without a token.
        return Ok(());
    }
    let header = request.headers().get(header::HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
    let Some(host) = header.map(Into::into).or_else(|| request.uri().authority().map(ToString::to_string))
    else {
        return Ok(());
    };
    if is_ours(&host, listen.ip(), hosts) {
        return Ok(());
    }
    let detail = format!(
        "the host `{}` is not this one; use `localhost` or 127.0.0.1 in the URL, or, where a proxy hands it on, \
             start the server with `--host` and that name",
        shown(&host)
    );
    Err(Refused::new(421, "not for this host", detail))
}

fn is_ours(host: &str, listen: IpAddr, hosts: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || hosts.iter().any(|ours| name.eq_ignore_ascii_case(ours))
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback() || address == listen)
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_this_host_is_ours() {
        for (host, ours) in [
            ("localhost", true),
            ("LOCALHOST:7400", true),
            ("127.0.0.1", true),
            ("127.0.0.1:7400", true),
            ("127.0.0.9:1", true),
            ("[::1]:7400", true),
            ("[::1]", true),
            ("192.0.2.7:80", false),
            ("evil.example", false),
            ("evil.example:7400", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("localhost:x", false),
            ("", false),
        ] {
            assert_eq!(is_ours(host, "127.0.0.1".parse().unwrap(), &[]), ours, "{host}");
        }
    }

    #[test]
    fn a_name_that_a_proxy_hands_on_is_ours_when_it_was_given() {
        let hosts = ["drills.example".to_owned()];
        for (host, ours) in [
            ("drills.example", true),
            ("Drills.example:443", true),
            ("localhost", true),
            ("evil.example", false),
            ("drills.example.evil.example", false),
            ("x.drills.example", false),
        ] {
            assert_eq!(is_ours(host, "127.0.0.1".parse().unwrap(), &hosts), ours, "{host}");
        }
    }
}
