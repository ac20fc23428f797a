//! TLS with nobody of ours on the other side: nginx, curl and openssl.

use std::path::Path;
use std::process::Command;

use super::support::{Child, firedrill, free_port, requires, temp_dir};
use super::{client, run, value, wait_for};

/// The file with the certificate of the test CA that this folder's drills use.
fn test_ca(dir: &Path) -> String {
    let mut program = firedrill();
    program.arg("ca").env("FIREDRILL_DIR", dir.join("own"));
    let ended = Child::spawn(&mut program).wait(std::time::Duration::from_secs(20));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let path = dir.join("test-ca.crt");
    std::fs::write(&path, ended.stdout).unwrap();
    path.display().to_string()
}

/// nginx with a certificate of its own for 127.0.0.1, and the file with that.
fn nginx(dir: &Path) -> (u16, String, Child) {
    let (port, dir_text) = (free_port(), dir.display());
    let (certificate, key) = (dir.join("nginx.crt"), dir.join("nginx.key"));
    let (certificate_text, key_text) = (certificate.display().to_string(), key.display().to_string());
    client(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=nginx",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            &key_text,
            "-out",
            &certificate_text,
        ],
    );
    std::fs::write(dir.join("index.html"), "hello\n").unwrap();
    let conf = format!(
        "daemon off; worker_processes 1; pid {dir_text}/nginx.pid; error_log {dir_text}/error.log;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {dir_text}/body; proxy_temp_path {dir_text}/proxy;\n\
         fastcgi_temp_path {dir_text}/fastcgi; uwsgi_temp_path {dir_text}/uwsgi; scgi_temp_path {dir_text}/scgi;\n\
         server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate_text};\n\
         ssl_certificate_key {key_text}; root {dir_text}; }} }}\n"
    );
    let path = dir.join("nginx.conf");
    std::fs::write(&path, conf).unwrap();
    std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new("nginx");
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").arg("-p").arg(dir).arg("-c").arg(&path);
    let child = Child::spawn(&mut command);
    wait_for("nginx", port);
    (port, certificate_text, child)
}

/// A scenario whose route leads to nginx.
fn scenario(route: &str, upstream: u16, fault: &str) -> String {
    format!(
        "firedrill: v1\nkind: Scenario\nname: tls\nseed: 7\nroutes:\n  real:\n{route}\
         steady_state:\n  every: 200ms\n  stable_for: 500ms\n  probes:\n    - {{name: up, tcp: \"127.0.0.1:{upstream}\"}}\n\
         faults:\n  - target: route/real\n    {fault}\n    max: 60s\n"
    )
}

#[test]
fn curl_and_nginx_speak_tls_with_a_route_between_them_that_sees_the_requests() {
    if !requires(&["nginx", "curl", "openssl"]) {
        return;
    }
    let dir = temp_dir();
    let (upstream, certificate, _nginx) = nginx(dir.path());
    let (listen, ca) = (free_port(), test_ca(dir.path()));
    let route = format!(
        "    listen: \"127.0.0.1:{listen}\"\n    upstream: \"127.0.0.1:{upstream}\"\n    protocol: http\n    \
         tls: {{terminate: {{generated: true}}, upstream: {{ca: \"{certificate}\"}}}}\n"
    );
    let said = dir.path().join("said");
    let command = format!(
        "{{ curl -sS -m 10 --cacert {ca} -w 'code=%{{http_code}}\\nversion=%{{http_version}}\\n' https://localhost:{listen}/; \
         curl -sS -m 10 --cacert {ca} -o /dev/null -w 'missing=%{{http_code}}\\n' https://127.0.0.1:{listen}/none; \
         echo | openssl s_client -connect 127.0.0.1:{listen} -servername localhost -CAfile {ca} -verify_return_error \
         -alpn h2 2>&1 | grep -e 'Verify return code' -e 'ALPN protocol'; \
         curl -sS -m 10 http://127.0.0.1:{listen}/; }} > {} 2>&1",
        said.display()
    );
    let fault = "match: {path: /none}\n    http_error: {status: 503}";
    run(dir.path(), &scenario(&route, upstream, fault), &[], &command).assert_felt();
    let said = std::fs::read_to_string(said).unwrap();
    assert!(said.starts_with("hello\n"), "{said}");
    assert_eq!((value(&said, "code"), value(&said, "missing"), value(&said, "version")), (200.0, 503.0, 2.0));
    assert!(said.contains("Verify return code: 0 (ok)") && said.contains("ALPN protocol: h2"), "{said}");
    assert!(said.contains("this port speaks TLS; use https"), "{said}");
}

#[test]
fn bytes_are_led_by_the_name_that_curl_asks_for_and_pass_undecrypted() {
    if !requires(&["nginx", "curl", "openssl"]) {
        return;
    }
    let dir = temp_dir();
    let (upstream, certificate, _nginx) = nginx(dir.path());
    let listen = free_port();
    let route = format!(
        "    listen: \"127.0.0.1:{listen}\"\n    protocol: tcp\n    \
         sni: [{{name: \"*.example\", upstream: \"127.0.0.1:{upstream}\"}}]\n"
    );
    let said = dir.path().join("said");
    let ask =
        |name: &str| format!("curl -ksS -m 10 --resolve {name}:{listen}:127.0.0.1 https://{name}:{listen}/");
    let command = format!(
        "{{ {}; {} -o /dev/null -w 'total=%{{time_total}}\\n'; {} 2>&1; echo refused=$?; \
         echo | openssl s_client -connect 127.0.0.1:{listen} -servername a.example -CAfile {certificate} \
         -verify_return_error 2>&1 | grep 'Verify return code'; }} > {}",
        ask("a.example"),
        ask("b.example"),
        ask("other.test"),
        said.display()
    );
    run(dir.path(), &scenario(&route, upstream, "latency: 100ms"), &[], &command).assert_felt();
    let said = std::fs::read_to_string(said).unwrap();
    assert!(said.starts_with("hello\n"), "{said}");
    // The handshake's answer and that of the request.
    assert!((0.2..5.0).contains(&value(&said, "total")), "{said}");
    assert_ne!(value(&said, "refused"), 0.0, "{said}");
    assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
}
