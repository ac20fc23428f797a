//! The options of `firedrill proxy` about TLS.

use std::path::PathBuf;

use crate::fault::{Glob, RouteSpec, RouteTls, SniRule, TlsTerminate, TlsUpstream};

/// How the route of `--listen` encrypts.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct TlsArgs {
    /// Clients speak TLS, which ends here: a file with the certificate, as PEM; needs --protocol http or tcp
    #[arg(long, value_name = "FILE", requires_all = ["listen", "tls_key"])]
    tls_certificate: Option<PathBuf>,
    /// A file with the private key of that, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Clients speak TLS, and the certificate is made here, signed by the CA that `firedrill ca` prints
    #[arg(long, requires = "listen", conflicts_with = "tls_certificate")]
    tls_generated: bool,
    /// A name or address that the generated certificate is for; may be given several times [default: localhost]
    #[arg(long = "tls-name", value_name = "NAME", requires = "tls_generated")]
    tls_names: Vec<String>,
    /// Clients must show a certificate that one of the CAs in this file has signed
    #[arg(long, value_name = "FILE", requires = "listen")]
    tls_client_ca: Option<PathBuf>,
    /// The upstream is spoken to in TLS, and trusted as this host trusts
    #[arg(long, requires = "listen")]
    upstream_tls: bool,
    /// The same, trusting the CAs in this file
    #[arg(long, value_name = "FILE", requires = "listen")]
    upstream_ca: Option<PathBuf>,
    /// The name that the upstream's certificate must be for [default: its host]
    #[arg(long, value_name = "NAME", requires = "listen")]
    upstream_server_name: Option<String>,
    /// A file with the certificate that is shown to the upstream, as PEM
    #[arg(long, value_name = "FILE", requires_all = ["listen", "upstream_key"])]
    upstream_certificate: Option<PathBuf>,
    /// A file with the private key of that, as PEM
    #[arg(long, value_name = "FILE", requires = "upstream_certificate")]
    upstream_key: Option<PathBuf>,
    /// The upstream is spoken to in TLS, and its certificate is not checked
    #[arg(long, requires = "listen", conflicts_with = "upstream_ca")]
    upstream_unverified: bool,
    /// Where connections lead whose TLS hello asks for a name that fits, undecrypted; needs --protocol tcp
    #[arg(long = "sni", value_name = "NAME=HOST:PORT", requires = "listen", value_parser = rule)]
    sni: Vec<SniRule>,
    /// Where the test CA is kept [default: as for `firedrill ca`]
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,
}

fn rule(text: &str) -> Result<SniRule, String> {
    match text.split_once('=') {
        Some((name, upstream)) if !name.is_empty() && !upstream.is_empty() => {
            Ok(SniRule { name: Glob(name.to_owned()), upstream: upstream.to_owned() })
        }
        _ => Err("write NAME=HOST:PORT, for example `*.shop.example=127.0.0.1:9443`".to_owned()),
    }
}

impl TlsArgs {
    /// Says it of a route.
    pub(super) fn apply(&self, spec: &mut RouteSpec) {
        let terminate = self.tls_generated || self.tls_certificate.is_some() || self.tls_client_ca.is_some();
        let terminate = terminate.then(|| TlsTerminate {
            certificate: self.tls_certificate.clone(),
            key: self.tls_key.clone(),
            generated: self.tls_generated,
            names: self.tls_names.clone(),
            client_ca: self.tls_client_ca.clone(),
        });
        let upstream = TlsUpstream {
            ca: self.upstream_ca.clone(),
            server_name: self.upstream_server_name.clone(),
            certificate: self.upstream_certificate.clone(),
            key: self.upstream_key.clone(),
            verify: !self.upstream_unverified,
        };
        let upstream = (self.upstream_tls || upstream != TlsUpstream::default()).then_some(upstream);
        if terminate.is_some() || upstream.is_some() {
            spec.tls = Some(RouteTls { terminate, upstream });
        }
        spec.sni.clone_from(&self.sni);
    }

    /// Where the test CA is kept.
    pub(super) fn ca_dir(&self) -> PathBuf {
        self.ca_dir.clone().unwrap_or_else(crate::cli::ca::directory)
    }
}
