//! The test CA: made once, kept in a directory, and only good for names that a route is asked to be.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

/// Certificate and key in one file, so that one is never there without the other.
const FILE: &str = "test-ca.pem";
/// Files of this process that were being written, so that no two have one name.
static WRITTEN: AtomicU32 = AtomicU32::new(0);
/// Names for it that may be taken: by what a process that died left behind, or by somebody who wants it to be.
const NAMES_TRIED: usize = 64;
const FILE_MAX_BYTES: u64 = 64 << 10;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const CA_DAYS: u32 = 3_650;
/// How long what it signs is good for …
const LEAF_DAYS: u32 = 90;
/// … and how long before the end of that it signs anew.
const RENEW_DAYS: u32 = 30;

/// Why there is no test CA.
#[derive(Debug, thiserror::Error)]
pub enum TestCaProblem {
    /// Its file cannot be read or written.
    #[error("the test CA in `{}` cannot be {what}: {source}; choose a directory that this user may write to", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried: `read`.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// Others can read its key.
    #[error("others can read the key of the test CA in `{0}` (mode {mode:04o}), so it is not used; `rm {0}`, and distrust its certificate wherever it is trusted", .path.display())]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file is not what was written there.
    #[error("`{}` holds no test CA: {why}; remove it, and a new one is made", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The keys or certificates could not be made.
    #[error("a certificate cannot be made: {0}")]
    Make(String),
}

/// A CA that signs certificates for routes.
#[derive(Debug)]
pub struct TestCa {
    path: PathBuf,
    key: KeyPair,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// What it has signed, and when that is to be done again.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) renew_at: SystemTime,
}

impl TestCa {
    /// The CA that is kept in this directory; made, readable for nobody else, when there is none.
    pub fn open(dir: &Path) -> Result<Self, TestCaProblem> {
        Self::open_at(dir, super::wall_clock())
    }

    pub(super) fn open_at(dir: &Path, now: SystemTime) -> Result<Self, TestCaProblem> {
        let path = dir.join(FILE);
        if let Some(found) = Self::read(&path)? {
            return Ok(found);
        }
        let text = make(now)?;
        write(dir, &path, &text).map_err(|source| TestCaProblem::File {
            path: path.clone(),
            what: "written",
            source,
        })?;
        // Another process may have been first; what stands there now is the one that counts.
        Self::read(&path)?.ok_or_else(|| TestCaProblem::Broken { path, why: "it has gone again".to_owned() })
    }

    /// Its certificate, as PEM: what clients are to trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The file that holds its certificate and its key.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(path: &Path) -> Result<Option<Self>, TestCaProblem> {
        let failed = |source| TestCaProblem::File { path: path.to_owned(), what: "read", source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let about = file.metadata().map_err(failed)?;
        let (mode, user) = (about.permissions().mode() & 0o777, nix::unistd::geteuid().as_raw());
        if about.uid() != user {
            let source =
                io::Error::other(format!("it belongs to user {}, and this is user {user}", about.uid()));
            return Err(failed(source));
        }
        if mode & 0o077 != 0 {
            return Err(TestCaProblem::Readable { path: path.to_owned(), mode });
        }
        let mut text = String::new();
        file.take(FILE_MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
        Self::parse(path, &text).map(Some).map_err(|why| TestCaProblem::Broken { path: path.to_owned(), why })
    }

    fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let certificate =
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| error.to_string())?;
        let key = KeyPair::try_from(&key).map_err(|error| error.to_string())?;
        certified(vec![certificate.clone()], &key)?;
        let end = text.find("-----BEGIN PRIVATE").unwrap_or(text.len());
        Ok(Self { path: path.to_owned(), key, certificate, pem: text[..end].to_owned() })
    }

    /// A certificate for these names, with a key of its own.
    pub(super) fn sign(&self, names: &[String], now: SystemTime) -> Result<Leaf, String> {
        let words = |error: rcgen::Error| error.to_string();
        let mut params = CertificateParams::new(names).map_err(words)?;
        params.distinguished_name = DistinguishedName::new();
        let common = names.iter().find(|name| name.parse::<IpAddr>().is_err()).or_else(|| names.first());
        if let Some(name) = common {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        params.not_before = (now - DAY).into();
        params.not_after = (now + DAY * LEAF_DAYS).into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(words)?;
        let leaf = params.signed_by(&key, &Issuer::new(named(&self.key), &self.key)).map_err(words)?;
        let key = certified(vec![leaf.der().clone(), self.certificate.clone()], &key)?;
        Ok(Leaf { key: Arc::new(key), renew_at: now + DAY * (LEAF_DAYS - RENEW_DAYS) })
    }
}

/// What is the same in the certificate of a CA and in what it signs: its name, which its key makes its own.
fn named(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let id: String = key.public_key_raw().iter().rev().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("firedrill test CA {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A new CA: its certificate, and then its key.
fn make(now: SystemTime) -> Result<String, TestCaProblem> {
    let words = |error: rcgen::Error| TestCaProblem::Make(error.to_string());
    let key = KeyPair::generate().map_err(words)?;
    let mut params = named(&key);
    params.not_before = (now - DAY).into();
    params.not_after = (now + DAY * CA_DAYS).into();
    let certificate = params.self_signed(&key).map_err(words)?;
    Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
}

/// Puts the file there whole, unless there is one.
fn write(dir: &Path, path: &Path, text: &str) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let (mut file, beside) = new_file(dir)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| {
        match fs::hard_link(&beside, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    let removed = fs::remove_file(&beside);
    written.and(removed)
}

/// A file that was not there before, not as a link to another one either: in a directory that others may write to, the
/// key is not to end up in what they have put there.
fn new_file(dir: &Path) -> io::Result<(File, PathBuf)> {
    let mut last = None;
    for _ in 0..NAMES_TRIED {
        let name = format!("{FILE}.{}.{}", std::process::id(), WRITTEN.fetch_add(1, Relaxed));
        let path = dir.join(name);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
}

/// Certificate and key as TLS uses them; an error when they do not belong together.
fn certified(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Result<CertifiedKey, String> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    CertifiedKey::from_der(chain, key, &super::provider()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("firedrill-ca-{}-{name}", std::process::id())))
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + NOW
    }

    #[test]
    fn it_is_made_once_and_its_key_is_for_nobody_else() {
        let dir = Dir::new("once");
        let first = TestCa::open_at(&dir.0, now()).unwrap();
        let second = TestCa::open_at(&dir.0, now() + DAY).unwrap();
        assert_eq!(first.pem(), second.pem());
        assert!(!first.pem().contains("PRIVATE"), "{}", first.pem());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(first.path()), mode(&dir.0)), (0o600, 0o700));
        assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1, "nothing else stays behind");
    }

    #[test]
    fn one_that_is_open_to_others_or_broken_is_not_used() {
        let dir = Dir::new("broken");
        let path = TestCa::open_at(&dir.0, now()).unwrap().path().to_owned();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = TestCa::open_at(&dir.0, now()).unwrap_err().to_string();
        assert!(error.contains("0640") && error.contains("rm "), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let other = make(now()).unwrap();
        let key_at = |text: &str| text.find("-----BEGIN PRIVATE").unwrap();
        for broken in [
            String::new(),
            text[..key_at(&text)].to_owned(),
            format!("{}{}", &text[..key_at(&text)], &other[key_at(&other)..]),
        ] {
            fs::write(&path, &broken).unwrap();
            let error = TestCa::open_at(&dir.0, now()).unwrap_err().to_string();
            assert!(error.contains("remove it"), "{error}");
        }
    }

    #[test]
    fn the_key_is_never_written_into_a_file_that_was_there() {
        let dir = Dir::new("planted");
        fs::create_dir(&dir.0).unwrap();
        let theirs = dir.0.join("theirs");
        fs::write(&theirs, "theirs").unwrap();
        let next = WRITTEN.load(Relaxed);
        let planted = |n| dir.0.join(format!("{FILE}.{}.{n}", std::process::id()));
        for n in next..next + 8 {
            std::os::unix::fs::symlink(&theirs, planted(n)).unwrap();
        }
        let ca = TestCa::open_at(&dir.0, now()).unwrap();
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
        assert!(fs::symlink_metadata(planted(next)).unwrap().is_symlink());
        assert!(fs::symlink_metadata(ca.path()).unwrap().is_file());
    }
}
