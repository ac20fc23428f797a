//! A certificate that is made here, and made anew before it ends.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::authority::{Leaf, TestCa};
use super::wall_clock;

/// Answers every client with the same certificate, whatever name it asks for.
#[derive(Debug)]
pub(super) struct Generated {
    ca: TestCa,
    names: Vec<String>,
    leaf: ArcSwap<Leaf>,
}

impl Generated {
    pub(super) fn new(ca: TestCa, names: Vec<String>, now: SystemTime) -> Result<Self, String> {
        let leaf = ca.sign(&names, now)?;
        Ok(Self { ca, names, leaf: ArcSwap::from_pointee(leaf) })
    }

    /// The certificate of this moment.
    fn at(&self, now: SystemTime) -> Arc<CertifiedKey> {
        let leaf = self.leaf.load();
        if now < leaf.renew_at {
            return Arc::clone(&leaf.key);
        }
        // Two threads may do it at once: then there are two good certificates, and the later one stays.
        match self.ca.sign(&self.names, now) {
            Ok(leaf) => self.leaf.store(Arc::new(leaf)),
            Err(error) => tracing::warn!(%error, "a certificate could not be renewed; the old one goes on"),
        }
        Arc::clone(&self.leaf.load().key)
    }
}

impl ResolvesServerCert for Generated {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.at(wall_clock()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn it_is_good_for_its_names_at_any_time_because_it_is_renewed() {
        let dir = std::env::temp_dir().join(format!("firedrill-generated-{}", std::process::id()));
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let ca = TestCa::open_at(&dir, start);
        let _ = std::fs::remove_dir_all(&dir);
        let ca = ca.unwrap();
        let mut roots = RootCertStore::empty();
        use rustls::pki_types::pem::PemObject;
        roots.add(rustls::pki_types::CertificateDer::from_pem_slice(ca.pem().as_bytes()).unwrap()).unwrap();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(super::super::provider()));
        let verifier = verifier.build().unwrap();
        let names = ["localhost", "*.shop.example", "127.0.0.1", "::1"].map(String::from).to_vec();
        let generated = Generated::new(ca, names, start).unwrap();
        let good = |key: &CertifiedKey, name: &str, now: SystemTime| {
            let name = ServerName::try_from(name.to_owned()).unwrap();
            let now = UnixTime::since_unix_epoch(now.duration_since(SystemTime::UNIX_EPOCH).unwrap());
            verifier.verify_server_cert(&key.cert[0], &key.cert[1..], &name, &[], now).is_ok()
        };
        let first = generated.at(start);
        for name in ["localhost", "a.shop.example", "127.0.0.1", "::1"] {
            assert!(good(&first, name, start), "{name}");
        }
        assert!(!good(&first, "shop.example", start) && !good(&first, "127.0.0.2", start));
        assert!(good(&first, "localhost", start - DAY + Duration::from_secs(60)), "clocks differ");
        assert!(Arc::ptr_eq(&first, &generated.at(start + DAY * 59)));
        for day in [60, 89, 91, 400] {
            let now = start + DAY * day;
            let key = generated.at(now);
            assert!(!Arc::ptr_eq(&first, &key) && good(&key, "localhost", now), "day {day}");
        }
        assert!(!good(&first, "localhost", start + DAY * 91), "the first one is over");
    }
}
