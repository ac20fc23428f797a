//! Certificates and keys in files, read when a route is made or changed and never while it serves.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::fault::ParameterProblem;

/// More than any chain or bundle of roots has.
const FILE_MAX_BYTES: u64 = 4 << 20;

/// What is wrong with the files of a route, all of it.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<ParameterProblem>);

impl Problems {
    pub(super) fn add(&mut self, key: &str, why: String, way_out: &str) {
        self.0.push(ParameterProblem::new(key, why, way_out));
    }

    /// What a file holds; nothing when it cannot be read.
    fn read(&mut self, key: &str, path: &Path, private: bool) -> Option<Vec<u8>> {
        match read(path, private) {
            Ok(bytes) => Some(bytes),
            Err((why, way_out)) => {
                self.add(key, format!("names `{}`, {why}", path.display()), &way_out);
                None
            }
        }
    }

    /// The certificates in a file; at least one.
    pub(super) fn certificates(&mut self, key: &str, path: &Path) -> Option<Vec<CertificateDer<'static>>> {
        let bytes = self.read(key, path, false)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let why = match certificates {
            Ok(certificates) if !certificates.is_empty() => return Some(certificates),
            Ok(_) => "which holds no certificate".to_owned(),
            Err(error) => format!("which is not PEM: {error}"),
        };
        let why = format!("names `{}`, {why}", path.display());
        self.add(key, why, "give a file with `-----BEGIN CERTIFICATE-----`");
        None
    }

    /// The private key in a file that only its owner, and perhaps a group, may read.
    pub(super) fn private_key(&mut self, key: &str, path: &Path) -> Option<PrivateKeyDer<'static>> {
        let bytes = self.read(key, path, true)?;
        match PrivateKeyDer::from_pem_slice(&bytes) {
            Ok(found) => Some(found),
            Err(error) => {
                let why = match error {
                    rustls::pki_types::pem::Error::NoItemsFound => "which holds no private key".to_owned(),
                    error => format!("which is not PEM: {error}"),
                };
                let why = format!("names `{}`, {why}", path.display());
                self.add(key, why, "give a file with `-----BEGIN PRIVATE KEY-----`, not encrypted");
                None
            }
        }
    }

    /// The CAs in a file.
    pub(super) fn authorities(&mut self, key: &str, path: &Path) -> Option<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates(key, path)? {
            if let Err(error) = roots.add(certificate) {
                let why = format!("names `{}`, in which a certificate can be no CA: {error}", path.display());
                self.add(key, why, "give the certificates of CAs");
                return None;
            }
        }
        Some(roots)
    }
}

/// The whole of a file, or why not and the way out.
fn read(path: &Path, private: bool) -> Result<Vec<u8>, (String, String)> {
    let cannot = |error: std::io::Error| {
        (format!("which cannot be read: {error}"), "give a file that this process may read".to_owned())
    };
    // Asked before it is opened: opening a pipe would wait for whoever writes it.
    let about = std::fs::metadata(path).map_err(cannot)?;
    if !about.is_file() {
        return Err(("which is no file".to_owned(), "give a file with PEM in it".to_owned()));
    }
    let mode = about.permissions().mode() & 0o777;
    if private && mode & 0o007 != 0 {
        return Err((
            format!("which everybody on this host can read or change (mode {mode:04o})"),
            format!("`chmod o= {}`, and take a new key if somebody else may have it", path.display()),
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    if bytes.len() as u64 > FILE_MAX_BYTES {
        return Err(("which is larger than 4 MiB".to_owned(), "give a file with PEM in it".to_owned()));
    }
    Ok(bytes)
}
