//! A server for tests that answers well or badly, as the path of each request says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::secrets::Secrets;
use crate::scenario::plan::{HttpRequest, Probe, ProbeAction, SecretSource, Tolerance};

/// It answers until it is dropped.
pub(super) struct TestServer {
    pub(super) address: SocketAddr,
    /// How many connections it has accepted.
    pub(super) accepted: Arc<AtomicUsize>,
    /// The file with its certificate authority, when it speaks TLS.
    pub(super) ca: Option<tempfile::NamedTempFile>,
    _task: AbortOnDropHandle<()>,
}

impl TestServer {
    pub(super) async fn start() -> Self {
        Self::listen(None).await
    }

    /// Speaks TLS as `localhost`, by a certificate authority of its own.
    pub(super) async fn start_tls() -> Self {
        Self::listen(Some(own_authority())).await
    }

    async fn listen(tls: Option<(TlsAcceptor, tempfile::NamedTempFile)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (acceptor, ca) = tls.unzip();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let address = listener.local_addr().unwrap();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.set_nodelay(true);
                match acceptor.clone() {
                    None => connections.spawn(serve_tcp(stream)),
                    Some(acceptor) => connections.spawn(async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(&mut BufReader::new(stream)).await;
                        }
                    }),
                };
            }
        }));
        Self { address, accepted, ca, _task: task }
    }

    pub(super) fn url(&self, path: &str) -> String {
        match self.ca {
            None => format!("http://{}{path}", self.address),
            Some(_) => format!("https://localhost:{}{path}", self.address.port()),
        }
    }

    pub(super) fn get(&self, path: &str) -> HttpRequest {
        let ca = self.ca.as_ref().map(|file| file.path().to_str().unwrap().to_owned());
        HttpRequest { ca, ..get(&self.url(path)) }
    }
}

/// A GET of a URL, and nothing else.
pub(super) fn get(url: &str) -> HttpRequest {
    HttpRequest { method: "GET".into(), url: url.into(), headers: Default::default(), body: None, ca: None }
}

/// A probe with a time-out of 10 s and no tolerance of its own.
pub(super) fn probe(action: ProbeAction) -> Probe {
    Probe {
        name: "it".into(),
        level: Default::default(),
        impact: true,
        invariant: false,
        every: "1s".parse().unwrap(),
        timeout: "10s".parse().unwrap(),
        action,
        tolerance: Tolerance::default(),
    }
}

/// Secrets by name and value.
pub(super) fn secrets(values: &[(&str, &str)]) -> Secrets {
    let folder = tempfile::tempdir().unwrap();
    let sources = values
        .iter()
        .map(|(name, value)| {
            let path = folder.path().join(name);
            std::fs::write(&path, value).unwrap();
            ((*name).to_owned(), SecretSource::File(path.to_str().unwrap().to_owned()))
        })
        .collect();
    Secrets::find(&sources).unwrap()
}

async fn serve_tcp(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    if let Some("reset") = serve(&mut stream).await {
        // Closing with zero linger sends a reset.
        let _ = stream.get_ref().set_zero_linger();
    }
}

/// Answers request after request; returns what is left to do with the connection.
async fn serve<S>(stream: &mut BufReader<S>) -> Option<&'static str>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let (head, body) = read_request(stream).await?;
        let path = head.split_whitespace().nth(1)?.to_owned();
        let mut parts = path.trim_start_matches('/').splitn(2, '/');
        let (what, argument) = (parts.next()?, parts.next().unwrap_or("0"));
        let number: u64 = argument.parse().unwrap_or(0);
        let mut close = false;
        let answer: Vec<u8> = match what {
            "status" => answer(number, "text/plain", b"as you wish"),
            "delay" => {
                tokio::time::sleep(Duration::from_millis(number)).await;
                answer(200, "text/plain", b"late")
            }
            "json" => answer(200, "application/json", br#"{"orders": [{"state": "paid", "cents": 700}]}"#),
            "echo" => answer(200, "text/plain", format!("{head}{body}").as_bytes()),
            "body" => answer(200, "application/json", body.as_bytes()),
            "big" => answer(200, "application/octet-stream", &vec![b'x'; number as usize]),
            "redirect" => b"HTTP/1.1 302 Found\r\nlocation: /ok\r\ncontent-length: 0\r\n\r\n".to_vec(),
            "once" => {
                close = true;
                answer(200, "text/plain", b"once")
            }
            "nonsense" => b"220 mail.example ESMTP\r\n\r\n".to_vec(),
            "cut" => {
                close = true;
                b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec()
            }
            "reset" => return Some("reset"),
            "close" => return None,
            "hang" => std::future::pending().await,
            "drip" => {
                for byte in answer(200, "text/plain", b"slow") {
                    stream.write_all(&[byte]).await.ok()?;
                    stream.flush().await.ok()?;
                    tokio::time::sleep(Duration::from_millis(number)).await;
                }
                Vec::new()
            }
            _ => answer(200, "text/plain", b"ok"),
        };
        stream.write_all(&answer).await.ok()?;
        stream.flush().await.ok()?;
        if close {
            let _ = stream.shutdown().await;
            return None;
        }
    }
}

fn answer(status: u64, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 {status} Word\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n")
            .into_bytes();
    answer.extend_from_slice(body);
    answer
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<(String, String)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, String::from_utf8(body).ok()?))
}

fn own_authority() -> (TlsAcceptor, tempfile::NamedTempFile) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    // Without a name of its own it would be called like the certificate, which OpenSSL takes for self-signed.
    authority.distinguished_name.push(DnType::CommonName, "firedrill test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
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
    (TlsAcceptor::from(Arc::new(config)), file)
}
