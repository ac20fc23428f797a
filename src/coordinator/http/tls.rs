//! Whom to trust: the system's certificate authorities, or the one file that a request names.

use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::failure::HttpFailure;

/// Reading the system's store takes tens of milliseconds; it is done once, when first needed.
static SYSTEM: OnceLock<Result<TlsConnector, String>> = OnceLock::new();

/// A connector that trusts `ca`, or the system's authorities when it is absent.
pub(super) async fn connector(ca: Option<&str>) -> Result<TlsConnector, HttpFailure> {
    let ca = ca.map(str::to_owned);
    let made = tokio::task::spawn_blocking(move || match ca {
        Some(path) => from_file(&path),
        None => SYSTEM.get_or_init(from_system).clone(),
    });
    made.await.unwrap_or_else(|why| Err(why.to_string())).map_err(HttpFailure::Request)
}

fn from_file(path: &str) -> Result<TlsConnector, String> {
    let file = std::fs::File::open(path)
        .map_err(|why| format!("cannot read the certificate authority `{path}`: {why}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(std::io::BufReader::new(file)) {
        let certificate = certificate.map_err(|why| format!("`{path}` is no PEM file: {why}"))?;
        roots.add(certificate).map_err(|why| format!("`{path}` holds an unusable certificate: {why}"))?;
    }
    if roots.is_empty() {
        return Err(format!("`{path}` holds no certificate; expected a PEM block `BEGIN CERTIFICATE`"));
    }
    with_roots(roots)
}

fn from_system() -> Result<TlsConnector, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!(
            "the system has no certificate authorities to trust ({}); name one with `ca:`",
            if why.is_empty() { "none found".to_owned() } else { why.join("; ") }
        ));
    }
    with_roots(roots)
}

fn with_roots(roots: RootCertStore) -> Result<TlsConnector, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Every measurement pays for a whole handshake; otherwise the first would differ from all others.
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}
