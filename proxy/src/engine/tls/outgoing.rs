//! TLS with the upstream: whom to trust, and why it did not come about.

use std::error::Error;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ALL_VERSIONS, AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};

use super::files::Problems;
use super::{ALPN_H1, ALPN_H2, provider};
use crate::control::wire::{Protocol, RouteSpec, TlsUpstream, host_of};

/// How the upstream is spoken to.
#[derive(Debug)]
pub(in crate::engine) struct Outgoing {
    /// Offers what the route carries: HTTP/1.1, or nothing on a route of bytes.
    pub(super) plain: Arc<ClientConfig>,
    /// Offers HTTP/2 before HTTP/1.1.
    pub(super) h2: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

impl Outgoing {
    /// Reads its files; nothing when something is wrong with them.
    pub(super) fn load(spec: &RouteSpec, upstream: &TlsUpstream, problems: &mut Problems) -> Option<Self> {
        let builder = ClientConfig::builder_with_provider(Arc::new(provider()));
        let builder = match builder.with_protocol_versions(ALL_VERSIONS) {
            Ok(builder) => builder,
            Err(error) => {
                problems.add("tls.upstream", format!("cannot be had: {error}"), "leave it out");
                return None;
            }
        };
        let shown = match (&upstream.certificate, &upstream.key) {
            (Some(certificate), Some(key)) => {
                let chain = problems.certificates("tls.upstream.certificate", certificate);
                let key = problems.private_key("tls.upstream.key", key);
                Some((chain, key))
            }
            _ => None,
        };
        let roots = match &upstream.ca {
            Some(ca) => problems.authorities("tls.upstream.ca", ca),
            None if upstream.verify => system_roots(problems),
            None => Some(RootCertStore::empty()),
        };
        let name = name(spec, upstream, problems);
        let builder = if upstream.verify {
            builder.with_root_certificates(roots?)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider())))
        };
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => match builder.with_client_auth_cert(chain?, key?) {
                Ok(config) => config,
                Err(error) => {
                    let why = format!("does not go with `tls.upstream.certificate`: {error}");
                    problems.add("tls.upstream.key", why, "give the key that the certificate was made for");
                    return None;
                }
            },
        };
        let offering = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        };
        let is_http = spec.protocol == Protocol::Http;
        Some(Self {
            plain: offering(if is_http { &[ALPN_H1] } else { &[] }),
            h2: offering(if is_http { &[ALPN_H2, ALPN_H1] } else { &[] }),
            name: name?,
        })
    }
}

fn name(spec: &RouteSpec, upstream: &TlsUpstream, problems: &mut Problems) -> Option<ServerName<'static>> {
    let host = upstream.server_name.as_deref().or_else(|| spec.all_upstreams().find_map(host_of));
    let name = host.and_then(|host| ServerName::try_from(host.to_owned()).ok());
    if name.is_none() {
        let why = "is missing, and the host of the upstream cannot be one".to_owned();
        problems.add("tls.upstream.server_name", why, "give the name that its certificate is for");
    }
    name
}

/// What this host trusts. `SSL_CERT_FILE` and `SSL_CERT_DIR` say where that is, where they are set.
fn system_roots(problems: &mut Problems) -> Option<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = match found.errors.first() {
            Some(error) => format!("finds no CA that this host trusts: {error}"),
            None => "finds no CA that this host trusts".to_owned(),
        };
        problems.add("tls.upstream", why, "install `ca-certificates`, or give `tls.upstream.ca`");
        return None;
    }
    Some(roots)
}

/// Takes any certificate. That whoever shows it has its key is checked all the same.
#[derive(Debug)]
struct Unverified(CryptoProvider);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Why TLS with an upstream failed, as the end of a sentence that begins with the upstream; nothing when an error has
/// nothing to do with TLS.
pub(in crate::engine) fn words(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    // An error in an error in an error: more than a few there never are.
    for _ in 0..8 {
        let error = cause?;
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(of_tls(error));
        }
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match inside {
            Some(inside) => Some(inside as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn of_tls(error: &rustls::Error) -> String {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(error) => of_certificate(error),
        Tls::InvalidMessage(_) => "it does not speak TLS".to_owned(),
        Tls::AlertReceived(AlertDescription::CertificateRequired) => {
            "it asks for a certificate; give `tls.upstream.certificate` and `key`".to_owned()
        }
        Tls::AlertReceived(alert) => format!("it refused with the TLS alert {alert:?}"),
        error => format!("TLS with it failed: {error}"),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName => "its certificate is for another name".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented = if presented.is_empty() { "none".to_owned() } else { presented.join(", ") };
            format!(
                "its certificate is not for `{}`; its names: {presented}; see `tls.upstream.server_name`",
                expected.to_str()
            )
        }
        CertificateError::UnknownIssuer => {
            "its certificate comes from an unknown issuer; see `tls.upstream.ca`".to_owned()
        }
        // What `openssl req -x509` makes unless it is told otherwise.
        error if error.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is that of a CA; make it with `CA:FALSE`, or let the CA sign another".to_owned()
        }
        error => format!("its certificate is not accepted: {error}"),
    }
}
