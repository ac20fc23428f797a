//! A CA, what it signs, and both ends of TLS over blocking sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use firedrill_proxy::control::wire::{RouteSpec, RouteView};
use firedrill_proxy::engine::Options;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::rig::{Rig, connect, upstream};

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub type Client = StreamOwned<ClientConnection, TcpStream>;
pub type Server = StreamOwned<ServerConnection, TcpStream>;

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A folder of the test's own, which goes with it.
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("firedrill-tls-{}-{}", std::process::id(), MADE.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Writes a file that only its owner may read.
    pub fn file(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A CA of the test's own.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
    pub der: CertificateDer<'static>,
}

/// A certificate and its key.
pub struct Signed {
    pub certificate: String,
    pub key: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    pub fn sign(&self, names: &[&str]) -> Signed {
        self.sign_until(names, SystemTime::now() + DAY)
    }

    pub fn sign_until(&self, names: &[&str], end: SystemTime) -> Signed {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = (end - DAY * 30).into();
        params.not_after = end.into();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Signed {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        roots
    }
}

impl Signed {
    pub fn chain(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key_der.clone()));
        (vec![self.der.clone()], key)
    }
}

/// A client that trusts these roots, and shows a certificate if it has one.
pub fn client_config(roots: RootCertStore, shown: Option<&Signed>) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(rustls::ALL_VERSIONS).unwrap().with_root_certificates(roots);
    match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => {
            let (chain, key) = shown.chain();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

/// A server that asks clients for a certificate of these roots, if there are any.
pub fn server_config(signed: &Signed, clients: Option<&Authority>) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(rustls::ALL_VERSIONS).unwrap();
    let (chain, key) = signed.chain();
    match clients {
        None => builder.with_no_client_auth().with_single_cert(chain, key).unwrap(),
        Some(authority) => {
            let roots = Arc::new(authority.roots());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build().unwrap();
            builder.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap()
        }
    }
}

/// A client whose handshake is still to be done, by its first read or write.
pub fn client(at: SocketAddr, config: ClientConfig, name: &str) -> Client {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), connect(at))
}

/// Does the handshake; what went wrong, in words.
pub fn shake(client: &mut Client) -> Result<(), String> {
    while client.conn.is_handshaking() {
        client.conn.complete_io(&mut client.sock).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// An upstream that speaks TLS and serves each connection on a thread of its own.
pub fn tls_upstream(config: ServerConfig, serve: impl Fn(Server) + Send + Sync + 'static) -> SocketAddr {
    let config = Arc::new(config);
    upstream(move |stream| {
        serve(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream));
    })
}

/// Sends everything back, and its end.
pub fn tls_echo(config: ServerConfig) -> SocketAddr {
    tls_upstream(config, |mut stream| {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n) = stream.read(&mut buffer) {
            if n == 0 || stream.write_all(&buffer[..n]).and_then(|()| stream.flush()).is_err() {
                break;
            }
        }
        end(&mut stream);
        let _ = stream.read(&mut buffer);
    })
}

/// Says the end in TLS, and then in TCP.
pub fn end<C, S>(stream: &mut StreamOwned<C, TcpStream>)
where
    C: std::ops::DerefMut + std::ops::Deref<Target = rustls::ConnectionCommon<S>>,
    S: rustls::SideData,
{
    stream.conn.send_close_notify();
    let _ = stream.conn.complete_io(&mut stream.sock);
    let _ = stream.sock.shutdown(std::net::Shutdown::Write);
}

/// Reads until the end; how it ended, and what came before.
pub fn read_all(stream: &mut impl Read) -> (Vec<u8>, Result<(), ErrorKind>) {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (all, Ok(())),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) => return (all, Err(error.kind())),
        }
    }
}

/// One message there and back.
pub fn echoed(client: &mut Client, message: &[u8]) -> Vec<u8> {
    client.write_all(message).unwrap();
    client.flush().unwrap();
    let mut back = vec![0; message.len()];
    client.read_exact(&mut back).unwrap();
    back
}

/// An engine whose test CA is in this directory.
pub fn rig(ca: &Path) -> Rig {
    Rig::with_options(&Options { ca: Some(ca.to_owned()), ..Options::default() })
}

/// Route `r` with these keys, or why there is none.
pub fn try_route(rig: &Rig, protocol: &str, upstream: &str, keys: &str) -> Result<RouteView, String> {
    let json = format!(
        r#"{{"name": "r", "listen": "127.0.0.1:0", "protocol": "{protocol}", "upstream": "{upstream}", {keys}}}"#
    );
    let spec: RouteSpec = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    rig.engine.add_route(spec).map_err(|error| error.to_string())
}

pub fn route(rig: &Rig, protocol: &str, upstream: SocketAddr, keys: &str) -> SocketAddr {
    try_route(rig, protocol, &upstream.to_string(), keys).unwrap().bound.tcp().unwrap()
}
