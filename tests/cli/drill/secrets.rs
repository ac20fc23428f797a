//! Secrets: sent to the service, and written nowhere.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::world::{World, route, scenario};
use crate::support::{Ended, Upstream, free_port, serve};

/// Special in JSON, in URLs, in shells and in base64.
const SECRET: &str = "tok\"en\\ +/&=%41:ä?~x";
const IN_FILE: &str = "file-borne-0123456789";

/// An HTTPS server with an authority of its own; it says what it was told in every answer.
struct Secure {
    address: SocketAddr,
    authority: String,
    heads: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

impl Secure {
    fn start() -> Self {
        let (authority, config) = certificates();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, end) = (Arc::clone(&heads), Arc::clone(&ended));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (log, config) = (Arc::clone(&log), Arc::clone(&config));
                std::thread::spawn(move || answer(stream, config, &log));
            }
        });
        Self { address, authority, heads, ended }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection: `/echo` gives a bad status and the whole head back, as it came and in other dress.
fn answer(stream: TcpStream, config: Arc<rustls::ServerConfig>, log: &Mutex<Vec<String>>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let Ok(session) = rustls::ServerConnection::new(config) else { return };
    let both = Both(Arc::new(Mutex::new(rustls::StreamOwned::new(session, stream))));
    serve(both.clone(), both, |head| {
        log.lock().unwrap().push(head.to_owned());
        let echo = forms(SECRET).join("\n");
        if head.contains("/echo") { (500, format!("{head}\n{echo}")) } else { (200, "fine".into()) }
    });
}

/// Reading and writing never happen at the same time here, so that a lock is enough.
#[derive(Clone)]
struct Both(Arc<Mutex<rustls::StreamOwned<rustls::ServerConnection, TcpStream>>>);

impl std::io::Read for Both {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().read(into)
    }
}

impl std::io::Write for Both {
    fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(from)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.lock().unwrap().flush()
    }
}

fn certificates() -> (String, Arc<rustls::ServerConfig>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "firedrill test authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    (authority.pem(), Arc::new(config))
}

/// The forms in which a value could stand somewhere.
fn forms(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap();
    let ascii: String = value
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
        .collect();
    let url: String = value
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    let debug = format!("{value:?}");
    let trimmed = |text: &str| text[1..text.len() - 1].to_owned();
    let twice = serde_json::to_string(&trimmed(&json)).unwrap();
    vec![
        value.to_owned(),
        trimmed(&json),
        trimmed(&twice),
        ascii,
        url.clone(),
        url.to_lowercase(),
        trimmed(&debug),
        base64(value),
    ]
}

fn base64(value: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    // Only whole groups: the rest depends on what follows.
    for three in value.as_bytes().chunks_exact(3) {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        for shift in [18, 12, 6, 0] {
            out.push(char::from(ALPHABET[(bits >> shift & 63) as usize]));
        }
    }
    out
}

/// Every form of every secret in every file below a folder and in what was said.
fn leaks(folder: &Path, said: &Ended) -> Vec<String> {
    let mut texts =
        vec![("stdout".to_owned(), said.stdout.clone()), ("stderr".to_owned(), said.stderr.clone())];
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                texts.push((
                    path.display().to_string(),
                    String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
                ));
            }
        }
    }
    let mut found = Vec::new();
    for secret in [SECRET, IN_FILE] {
        for form in forms(secret) {
            found.extend(
                texts
                    .iter()
                    .filter(|(_, text)| text.contains(&form))
                    .map(|(place, _)| format!("{form} in {place}")),
            );
        }
    }
    found
}

fn run(world: &World, args: &[&str]) -> Ended {
    crate::support::Child::spawn(world.command(args).env("SHOP_TOKEN", SECRET)).wait(Duration::from_secs(60))
}

const DECLARED: &str = "secrets: {TOKEN: {env: SHOP_TOKEN}, PART: {file: part.secret}}\n";

fn probes(secure: &Secure, path: &str) -> String {
    format!(
        "{{name: secure, timeout: 2s, tolerance: {{failures: 0 of 1, body: fine}}, http: {{url: \
         \"https://localhost:{}{path}?part=${{secrets.PART}}\", ca: authority.pem, headers: {{authorization: \"Bearer \
         ${{secrets.TOKEN}}\"}}}}}}",
        secure.address.port()
    )
}

#[test]
fn a_secret_reaches_the_service_over_tls_and_no_file_and_no_output() {
    let (world, service, secure) = (World::new(), Upstream::start(), Secure::start());
    world.write("authority.pem", &secure.authority);
    world.write("part.secret", &format!("{IN_FILE}\n"));
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let rest = format!(
        "{DECLARED}faults:\n  - {{id: slow, target: route/shop, latency: 20ms, until: 700ms, max: 10s}}\n"
    );
    let both = format!("{}, {{name: shop, http: \"http://{listen}/\"}}", probes(&secure, "/fine"));
    world.write("quiet.yaml", &scenario("quiet", &route(listen, service.address), &both, &rest));
    for (more, out) in [(&[][..], "out"), (&["--json"], "json")] {
        let mut args = vec!["run", "quiet.yaml", "--out", out];
        args.extend(more);
        let ended = run(&world, &args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(leaks(&world.path(out), &ended), Vec::<String>::new());
        assert_eq!(leaks(&world.path("own"), &ended), Vec::<String>::new());
    }
    let heads = secure.heads.lock().unwrap().clone();
    let told = format!("authorization: Bearer {SECRET}");
    assert!(heads.iter().any(|head| head.contains(&told) && head.contains(IN_FILE)), "{heads:?}");
}

#[test]
fn a_service_that_says_a_secret_back_does_not_bring_it_into_the_record() {
    let (world, service, secure) = (World::new(), Upstream::start(), Secure::start());
    world.write("authority.pem", &secure.authority);
    world.write("part.secret", IN_FILE);
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let rest = format!(
        "{DECLARED}faults:\n  - {{id: slow, target: route/shop, latency: 20ms, until: 700ms, max: 10s}}\n"
    );
    let text = scenario("loud", &route(listen, service.address), &probes(&secure, "/echo"), &rest);
    world
        .write("loud.yaml", &text.replace("recovery_within: 10s", "recovery_within: 10s\n  gate_within: 1s"));
    let ended = run(&world, &["run", "loud.yaml", "--json", "--out", "out"]);
    assert_eq!(ended.code, Some(6), "the gate is never met: {ended:?}");
    assert!(!secure.heads.lock().unwrap().is_empty());
    assert_eq!(leaks(&world.path("out"), &ended), Vec::<String>::new());
}

#[test]
fn a_secret_that_is_missing_is_refused_by_name_before_anything() {
    let (world, service) = (World::new(), Upstream::start());
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let rest =
        format!("{DECLARED}faults:\n  - {{target: route/shop, latency: 20ms, until: 700ms, max: 10s}}\n");
    let probe = format!(
        "{{http: {{url: \"http://{listen}/\", headers: {{a: \"${{secrets.TOKEN}}${{secrets.PART}}\"}}}}}}"
    );
    world.write("unset.yaml", &scenario("unset", &route(listen, service.address), &probe, &rest));
    let ended = world.run(&["run", "unset.yaml", "--out", "out"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains("SHOP_TOKEN") && said.contains("part.secret"), "{said}");
}
