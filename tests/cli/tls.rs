//! `firedrill ca`, the options of `firedrill proxy` about TLS, and how a plan says it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{Child, Ended, firedrill, temp_dir};

const SOON: Duration = Duration::from_secs(20);

fn ended(program: &mut Command) -> Ended {
    Child::spawn(program).wait(SOON)
}

fn ca(dir: &Path, more: &[&str]) -> Ended {
    ended(firedrill().arg("ca").arg("--dir").arg(dir).args(more))
}

#[test]
fn the_test_ca_is_made_once_and_kept_to_oneself() {
    let dir = temp_dir();
    let kept = dir.path().join("ca");
    let (first, second) = (ca(&kept, &[]), ca(&kept, &[]));
    assert_eq!((first.code, &first.stdout), (Some(0), &second.stdout), "{first:?}");
    assert!(first.stdout.starts_with("-----BEGIN CERTIFICATE-----"), "{first:?}");
    assert!(!first.stdout.contains("PRIVATE"), "{first:?}");
    let file = kept.join("test-ca.pem");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&kept)), (0o600, 0o700));
    let json: serde_json::Value = serde_json::from_str(&ca(&kept, &["--json"]).stdout).unwrap();
    assert_eq!(json["certificate"].as_str(), Some(first.stdout.as_str()));
    assert_eq!((json["sha256"].as_str().unwrap().len(), json["file"].as_str()), (64, file.to_str()));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = ca(&kept, &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.stderr.contains("0644"), "{refused:?}");
}

#[test]
fn a_proxy_by_hand_ends_tls_with_a_certificate_that_its_ca_has_signed() {
    let dir = temp_dir();
    let mut program = firedrill();
    program.args(["proxy", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9", "--control", "none"]);
    program.args([
        "--protocol",
        "http",
        "--tls-generated",
        "--tls-name",
        "shop.example",
        "--http-error",
        "503",
    ]);
    program.arg("--ca-dir").arg(dir.path());
    let child = Child::spawn(&mut program);
    let line = child.wait_for_line("route main: ", SOON);
    assert!(line.ends_with("TLS ends here (a certificate made for shop.example)"), "{line}");
    let at: std::net::SocketAddr = line.split(' ').nth(2).unwrap().parse().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca(dir.path(), &[]).stdout.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("shop.example").unwrap();
    let socket = TcpStream::connect(at).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let mut client = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket);
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = client.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}

#[test]
fn what_cannot_be_encrypted_is_refused_before_anything_starts() {
    let base = ["proxy", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9", "--control", "none"];
    for (more, says) in [
        (&["--tls-generated"][..], "needs to know what is encrypted"),
        (&["--upstream-tls", "--sni", "a=127.0.0.1:9", "--protocol", "tcp"], "contradicts `tls`"),
        (&["--tls-certificate", "/nowhere"], "--tls-key"),
        (
            &["--tls-certificate", "/nowhere/c", "--tls-key", "/nowhere/k", "--protocol", "tcp"],
            "names `/nowhere/k`, which cannot be read",
        ),
        (&["--sni", "a", "--protocol", "tcp"], "NAME=HOST:PORT"),
    ] {
        let refused = ended(firedrill().args(base).args(more));
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{more:?} {refused:?}");
        assert!(refused.stderr.contains(says), "{more:?} {refused:?}");
    }
}

#[test]
fn a_plan_says_how_its_routes_encrypt_and_a_check_finds_what_is_wrong_with_it() {
    let dir = temp_dir();
    let file = dir.path().join("tls.yaml");
    let write = |tls: &str| {
        let text = format!(
            "firedrill: v1\nkind: Scenario\nname: tls\nroutes:\n  shop:\n    listen: '127.0.0.1:9001'\n    \
             upstream: 'payments.internal:443'\n    protocol: http\n    {tls}\n\
             load: {{http: 'http://127.0.0.1:8080/', rate: 20/s}}\n\
             steady_state: [{{name: shop, http: 'http://127.0.0.1:8080/'}}]\n\
             faults: [{{target: route/shop, latency: 2s, max: 2m}}]\n"
        );
        std::fs::write(&file, text).unwrap();
    };
    write("tls: {terminate: {generated: true, names: [shop.example]}, upstream: {verify: false}}");
    let plan = ended(firedrill().arg("plan").arg(&file));
    let words = "TLS ends here (a certificate made for shop.example); TLS to the upstream, its certificate is not checked";
    assert!(plan.code == Some(0) && plan.stdout.contains(words), "{plan:?}");
    write("tls: {terminate: {certificate: a.pem, names: ['a b']}, upstream: {verify: false, ca: b.pem}}");
    let check = ended(firedrill().arg("check").arg(&file));
    let said = format!("{}{}", check.stdout, check.stderr);
    assert_eq!(check.code, Some(1), "{said}");
    for says in ["tls.terminate.key", "tls.terminate.names", "`a b`", "tls.upstream.verify", "tls.yaml:9:"] {
        assert!(said.contains(says), "{says}: {said}");
    }
}
