//! `firedrill ca`: what clients are to trust when a route shows them a certificate that it made itself.

use std::fmt::Write;
use std::path::PathBuf;

use firedrill_proxy::engine::TestCa;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Exit;
use crate::agent::Directories;

/// Print the certificate of the test CA, which signs the certificates that routes make themselves
///
/// The CA is made the first time it is asked for, here or by a route with `tls: {terminate: {generated: true}}`. Its key
/// stays in the directory, readable for this user only; whoever has it can be anybody to those who trust the CA.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the CA is kept [default: as root /var/lib/firedrill/ca, else below $XDG_STATE_HOME]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let ca = TestCa::open(&args.dir.unwrap_or_else(directory))?;
    if args.json {
        let certificate = CertificateDer::from_pem_slice(ca.pem().as_bytes())?;
        let sha256 = Sha256::digest(&certificate).iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        println!("{}", json!({"certificate": ca.pem(), "sha256": sha256, "file": ca.path()}));
    } else {
        print!("{}", ca.pem());
    }
    Ok(Exit::Passed)
}

/// Where the test CA of this user is kept.
pub(super) fn directory() -> PathBuf {
    Directories::here().test_ca()
}
