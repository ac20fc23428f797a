//! Certificates and keys in files: what is wrong with them is told, and they can be renewed.

use std::os::unix::fs::PermissionsExt;

use super::lab::{Authority, Dir, client, client_config, echoed, rig, route, shake, try_route};
use crate::rig::{Rig, echo};
use firedrill_proxy::control::wire::RouteChange;

fn change(rig: &Rig, json: &str) -> Result<(), String> {
    let change: RouteChange = serde_json::from_str(json).unwrap();
    rig.engine.change_route("r", &change).map(drop).map_err(|error| error.to_string())
}

#[test]
fn every_problem_is_told_at_once_with_its_file_and_the_way_out() {
    let (dir, ca) = (Dir::new(), Authority::new("ca"));
    let (one, other) = (ca.sign(&["a"]), ca.sign(&["b"]));
    let certificate = dir.file("cert", &one.certificate);
    let key = dir.file("key", &one.key);
    let other_key = dir.file("other-key", &other.key);
    let nothing = dir.file("nothing", "no PEM here\n");
    let open = dir.file("open", &one.key);
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let broken = dir.file("broken", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    let folder = dir.0.to_str().unwrap().to_owned();
    let rig = rig(&dir.0);
    let files = |certificate: &str, key: &str, more: &str| {
        format!(r#""tls": {{"terminate": {{"certificate": "{certificate}", "key": "{key}"{more}}}}}"#)
    };
    let client_ca = format!(r#", "client_ca": "{nothing}""#);
    for (keys, says) in [
        (
            files("/nowhere/cert", "/nowhere/key", &client_ca),
            vec!["`tls.terminate.certificate` names `/nowhere/cert`", "names `/nowhere/key`", "holds no certificate"],
        ),
        (files(&certificate, &other_key, ""), vec!["`tls.terminate.key` does not go with"]),
        (files(&certificate, &open, ""), vec!["everybody on this host can read", "0644", "chmod o="]),
        (files(&nothing, &nothing, ""), vec!["which holds no certificate", "which holds no private key"]),
        (files(&broken, &folder, ""), vec!["is not PEM", "is no file"]),
        (
            r#""tls": {"upstream": {"ca": "/nowhere/ca", "certificate": "/nowhere/cert", "key": "/nowhere/key"}}"#.to_owned(),
            vec!["`tls.upstream.ca` names", "`tls.upstream.certificate` names", "`tls.upstream.key` names"],
        ),
    ] {
        let error = try_route(&rig, "tcp", "127.0.0.1:9", &keys).unwrap_err();
        assert!(says.iter().all(|says| error.contains(says)), "{keys}:\n{error}");
    }
    assert!(rig.engine.routes().is_empty());
    let without = Rig::new(1);
    let generated = r#""tls": {"terminate": {"generated": true}}"#;
    let error = try_route(&without, "tcp", "127.0.0.1:9", generated).unwrap_err();
    assert!(error.contains("without a place for it") && error.contains("give `certificate`"), "{error}");
    assert!(try_route(&rig, "tcp", "127.0.0.1:9", &files(&certificate, &key, "")).is_ok());
}

#[test]
fn certificates_are_renewed_under_traffic() {
    let (dir, old, new) = (Dir::new(), Authority::new("old"), Authority::new("new"));
    let signed = old.sign(&["shop.example"]);
    let (certificate, key) = (dir.file("cert", &signed.certificate), dir.file("key", &signed.key));
    let rig = rig(&dir.0);
    let tls = format!(r#""tls": {{"terminate": {{"certificate": "{certificate}", "key": "{key}"}}}}"#);
    let at = route(&rig, "tcp", echo(), &tls);
    let greet = |ca: &Authority| {
        let mut client = client(at, client_config(ca.roots(), None), "shop.example");
        shake(&mut client).map(|()| client)
    };
    let mut first = greet(&old).unwrap();
    assert_eq!(echoed(&mut first, b"ping"), b"ping");
    let renewed = new.sign(&["shop.example"]);
    dir.file("cert", &renewed.certificate);
    assert!(greet(&old).is_ok(), "nothing is read while it serves");
    let refused = change(&rig, &format!("{{{tls}}}")).unwrap_err();
    assert!(refused.contains("does not go with"), "the key is still the old one: {refused}");
    assert!(greet(&old).is_ok(), "a change that is refused changes nothing");
    dir.file("key", &renewed.key);
    change(&rig, &format!("{{{tls}}}")).unwrap();
    assert!(greet(&new).is_ok() && greet(&old).is_err());
    assert_eq!(echoed(&mut first, b"pong"), b"pong", "connections that stand go on");
    // Without its TLS it is another route, with the same counts.
    change(&rig, r#"{"tls": {}}"#).unwrap();
    crate::rig::round_trip(&mut crate::rig::connect(at));
    assert!(rig.view().spec.tls.is_none() && rig.view().traffic.connections >= 6);
}
