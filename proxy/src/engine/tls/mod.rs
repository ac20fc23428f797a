//! TLS on routes: ended here, begun here, or passed on by the name in the hello.
//!
//! Certificates are read when a route is made or changed. What comes of them is a snapshot that handshakes take; a
//! change of the route puts another in its place, and connections that stand keep theirs.

mod authority;
mod bridge;
mod carried;
mod files;
mod generated;
mod handshake;
mod hello;
mod outgoing;

pub use authority::{TestCa, TestCaProblem};

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::{ALL_VERSIONS, CommonState, ServerConfig};

use self::files::Problems;
use self::generated::Generated;
use crate::control::wire::{GENERATED_NAMES, Protocol, RouteSpec, TlsTerminate};
use crate::fault::ParameterProblem;
pub(super) use bridge::{Below, bridge};
pub(super) use carried::{by_name, secured, securing};
pub(super) use handshake::{Turns, connect, failed};
pub(super) use outgoing::{Outgoing, words};

const ALPN_H2: &[u8] = b"h2";
const ALPN_H1: &[u8] = b"http/1.1";

/// What a route needs for its TLS.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) incoming: Option<Arc<ServerConfig>>,
    pub(super) outgoing: Option<Outgoing>,
    /// What about it is dangerous.
    pub(super) warnings: Vec<String>,
}

impl Tls {
    /// Reads what a route names; nothing when it has no TLS. `ca` is where the test CA is kept.
    pub(super) fn load(spec: &RouteSpec, ca: Option<&Path>) -> Result<Option<Self>, Vec<ParameterProblem>> {
        let Some(tls) = &spec.tls else { return Ok(None) };
        let mut problems = Problems::default();
        let incoming = tls.terminate.as_ref().and_then(|tls| incoming(spec, tls, ca, &mut problems));
        let outgoing = tls.upstream.as_ref().and_then(|tls| Outgoing::load(spec, tls, &mut problems));
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        let mut warnings = Vec::new();
        if tls.upstream.as_ref().is_some_and(|upstream| !upstream.verify) {
            warnings.push(
                "the upstream's certificate is not checked (`tls.upstream.verify: false`): anybody can be it"
                    .to_owned(),
            );
        }
        for warning in &warnings {
            tracing::warn!(route = spec.name, "{warning}");
        }
        Ok(Some(Self { incoming, outgoing, warnings }))
    }
}

fn incoming(
    spec: &RouteSpec,
    terminate: &TlsTerminate,
    ca: Option<&Path>,
    problems: &mut Problems,
) -> Option<Arc<ServerConfig>> {
    let provider = Arc::new(provider());
    let verifier = match &terminate.client_ca {
        None => Some(Arc::new(NoClientAuth) as Arc<_>),
        Some(path) => problems.authorities("tls.terminate.client_ca", path).and_then(|roots| {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
            if let Err(error) = &verifier {
                let why = format!("cannot be used: {error}");
                problems.add("tls.terminate.client_ca", why, "give the certificates of CAs");
            }
            verifier.ok()
        }),
    };
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(ALL_VERSIONS);
    let builder = match builder {
        Ok(builder) => builder,
        Err(error) => {
            problems.add("tls.terminate", format!("cannot be had: {error}"), "leave it out");
            return None;
        }
    };
    let mut config = if terminate.generated {
        let generated = generated(terminate, ca, problems)?;
        builder.with_client_cert_verifier(verifier?).with_cert_resolver(Arc::new(generated))
    } else {
        let (certificate, key) = (terminate.certificate.as_ref()?, terminate.key.as_ref()?);
        let chain = problems.certificates("tls.terminate.certificate", certificate);
        let key = problems.private_key("tls.terminate.key", key);
        let config = builder.with_client_cert_verifier(verifier?).with_single_cert(chain?, key?);
        match config {
            Ok(config) => config,
            Err(error) => {
                let why = format!("does not go with `tls.terminate.certificate`: {error}");
                problems.add("tls.terminate.key", why, "give the key that the certificate was made for");
                return None;
            }
        }
    };
    if spec.protocol == Protocol::Http {
        config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_H1.to_vec()];
    }
    Some(Arc::new(config))
}

fn generated(terminate: &TlsTerminate, ca: Option<&Path>, problems: &mut Problems) -> Option<Generated> {
    const KEY: &str = "tls.terminate.generated";
    let Some(dir) = ca else {
        let why = "needs the test CA, and this proxy was started without a place for it".to_owned();
        problems.add(KEY, why, "give `certificate` and `key`");
        return None;
    };
    let names = if terminate.names.is_empty() {
        GENERATED_NAMES.map(String::from).to_vec()
    } else {
        terminate.names.clone()
    };
    let now = wall_clock();
    let generated = TestCa::open_at(dir, now)
        .map_err(|error| error.to_string())
        .and_then(|ca| Generated::new(ca, names, now));
    if let Err(why) = &generated {
        problems.add(KEY, format!("cannot be had: {why}"), "or give `certificate` and `key`");
    }
    generated.ok()
}

/// Whether both sides agreed on HTTP/2.
pub(super) fn chose_h2(connection: &CommonState) -> bool {
    connection.alpn_protocol() == Some(ALPN_H2)
}

/// Named wherever TLS is set up, so that no other one ever slips in.
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are good from one date to another, and only the wall clock knows"
)]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}
