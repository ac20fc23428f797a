//! nginx and curl: HTTP and bytes.

use std::path::Path;
use std::process::Command;

use super::support::{Child, free_port, requires, temp_dir};
use super::{Route, client, drill, value, wait_for};

struct Nginx {
    port: u16,
    _child: Child,
}

fn start(dir: &Path) -> Nginx {
    let port = free_port();
    std::fs::write(dir.join("index.html"), "hello\n").unwrap();
    std::fs::write(dir.join("large"), vec![b'x'; 400_000]).unwrap();
    let dir_text = dir.display();
    let conf = format!(
        "daemon off; worker_processes 1; pid {dir_text}/nginx.pid; error_log {dir_text}/error.log;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {dir_text}/body; proxy_temp_path {dir_text}/proxy;\n\
         fastcgi_temp_path {dir_text}/fastcgi; uwsgi_temp_path {dir_text}/uwsgi; scgi_temp_path {dir_text}/scgi;\n\
         server {{ listen 127.0.0.1:{port}; root {dir_text}; }} }}\n"
    );
    let path = dir.join("nginx.conf");
    std::fs::write(&path, conf).unwrap();
    // Workers run as another user, who must be able to read the pages.
    std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new("nginx");
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").arg("-p").arg(dir).arg("-c").arg(&path);
    let child = Child::spawn(&mut command);
    wait_for("nginx", port);
    Nginx { port, _child: child }
}

/// Drills nginx with one fault; the command's output file is read back.
fn with_fault(fault: &str, protocol: &'static str, script: impl Fn(&str) -> String) -> Option<String> {
    if !requires(&["nginx", "curl"]) {
        return None;
    }
    let dir = temp_dir();
    let nginx = start(dir.path());
    let route = Route { listen: free_port(), upstream: nginx.port, protocol };
    let said = dir.path().join("said");
    let command =
        format!("{{ {}; }} > {}", script(&format!("http://127.0.0.1:{}", route.listen)), said.display());
    drill(dir.path(), &route, fault, &command).assert_felt();
    let after = client("curl", &["-sS", "-m", "5", &format!("http://127.0.0.1:{}/", nginx.port)]);
    assert_eq!(after, "hello\n", "well afterwards");
    Some(std::fs::read_to_string(said).unwrap())
}

#[test]
fn curl_feels_the_latency_once_per_request() {
    for protocol in ["http", "tcp", "auto"] {
        let Some(said) = with_fault("latency: 400ms", protocol, |url| {
            format!("curl -sS -m 5 -o /dev/null -w 'total=%{{time_total}}\\n' {url}/")
        }) else {
            return;
        };
        let total = value(&said, "total");
        assert!((0.4..2.0).contains(&total), "{protocol}: {total}");
    }
}

#[test]
fn curl_gets_the_error_that_the_scenario_says_and_only_where_it_matches() {
    let fault = "match: {path: /index.html}\n    http_error: {status: 503, body: \"drill\\n\", headers: {retry-after: \"7\"}}";
    let Some(said) = with_fault(fault, "http", |url| {
        format!(
            "curl -sS -m 5 -w 'code=%{{http_code}}\\nretry=%header{{retry-after}}\\n' {url}/index.html; \
             curl -sS -m 5 -o /dev/null -w 'other=%{{http_code}}\\n' {url}/large"
        )
    }) else {
        return;
    };
    assert!(said.starts_with("drill\n"), "{said}");
    assert_eq!((value(&said, "code"), value(&said, "retry"), value(&said, "other")), (503.0, 7.0, 200.0));
}

#[test]
fn curl_sees_a_true_reset() {
    // Bytes are reset as soon as they are accepted, before curl has sent its request; so a few may pass there.
    for (protocol, fault) in [("http", "reset: {}"), ("tcp", "reset: {after_bytes: 40B}")] {
        let Some(said) =
            with_fault(fault, protocol, |url| format!("curl -sS -m 5 {url}/ 2>&1; echo status=$?"))
        else {
            return;
        };
        // 56: failure in receiving network data.
        assert_eq!(value(&said, "status"), 56.0, "{said}");
        assert!(said.contains("reset by peer"), "{said}");
    }
}

#[test]
fn curl_hangs_in_the_black_hole_until_its_own_time_out() {
    for protocol in ["http", "tcp"] {
        let Some(said) = with_fault("blackhole: {}", protocol, |url| {
            format!("curl -sS -m 1 {url}/ 2>/dev/null; echo status=$?")
        }) else {
            return;
        };
        // 28: operation timed out.
        assert_eq!(value(&said, "status"), 28.0, "{said}");
    }
}

#[test]
fn curl_downloads_no_faster_than_the_bandwidth() {
    for protocol in ["http", "tcp"] {
        let Some(said) = with_fault("bandwidth: 200KB/s", protocol, |url| {
            format!(
                "curl -sS -m 20 -o /dev/null -w 'total=%{{time_total}}\\nsize=%{{size_download}}\\n' {url}/large"
            )
        }) else {
            return;
        };
        // 400 KB at 200 KB/s take 2 s; what the sockets hold arrives a little earlier.
        let total = value(&said, "total");
        assert!((1.7..6.0).contains(&total), "{protocol}: {said}");
        assert_eq!(value(&said, "size"), 400_000.0);
    }
}
