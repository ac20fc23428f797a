//! The name in a client's hello, read from outside: nothing is decrypted, and every byte goes on as it came.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::handshake::guarded;
use crate::engine::route::Route;
use crate::engine::worker::Worker;

/// The first byte of TLS: a record of a handshake.
const HANDSHAKE: u8 = 0x16;
/// A hello that is longer is taken for something else.
const HELLO_MAX: usize = 64 << 10;
/// Read in one go.
const PIECE: usize = 4 << 10;

/// What a client began with.
#[derive(Debug, Default)]
pub(in crate::engine) struct Hello {
    /// The name that it asks for; nothing when there is none, or it speaks something else, or says nothing.
    pub(in crate::engine) name: Option<String>,
    /// All that was read.
    pub(in crate::engine) bytes: Vec<u8>,
}

/// Reads until the name is known, or it is known that there is none. An error is the client's: it is gone.
pub(in crate::engine) async fn read(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    client: &mut TcpStream,
) -> io::Result<Hello> {
    let (mut hello, mut reader) = (Hello::default(), Reader::default());
    let read = guarded(worker, route, poll_fn(|cx| poll(client, &mut hello, &mut reader, cx))).await;
    match read {
        // What came within the time goes where everything goes that asks for no name.
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
        read => read?,
    }
    Ok(hello)
}

fn poll(
    client: &mut TcpStream,
    hello: &mut Hello,
    reader: &mut Reader,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    loop {
        let mut piece = [0; PIECE];
        let mut room = ReadBuf::new(&mut piece);
        if let Err(error) = std::task::ready!(Pin::new(&mut *client).poll_read(cx, &mut room)) {
            return Poll::Ready(Err(error));
        }
        hello.bytes.extend_from_slice(room.filled());
        // An end is passed on by whoever carries the bytes; reading again says it once more.
        let is_over = room.filled().is_empty() || hello.bytes.len() > HELLO_MAX;
        if let Some(name) = reader.more(room.filled()) {
            hello.name = name;
            return Poll::Ready(Ok(()));
        }
        if is_over {
            return Poll::Ready(Ok(()));
        }
    }
}

/// Reads a hello that may come in pieces.
#[derive(Default)]
struct Reader {
    acceptor: Acceptor,
    begun: bool,
}

impl Reader {
    /// The next piece. The answer, when there is one, is the name or that there is none.
    fn more(&mut self, mut piece: &[u8]) -> Option<Option<String>> {
        if !self.begun && piece.first().is_some_and(|byte| *byte != HANDSHAKE) {
            return Some(None);
        }
        self.begun |= !piece.is_empty();
        while !piece.is_empty() {
            match self.acceptor.read_tls(&mut piece) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Some(None),
            }
            match self.acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    return Some(accepted.client_hello().server_name().map(str::to_owned));
                }
                Err(_) => return Some(None),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    /// What a client says first.
    fn hello(name: &str, protocols: usize) -> Vec<u8> {
        let provider = Arc::new(super::super::provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(rustls::ALL_VERSIONS).unwrap();
        let mut config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        config.alpn_protocols = (0..protocols).map(|n| format!("protocol-{n:0200}").into_bytes()).collect();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    fn read_in_pieces(bytes: &[u8], size: usize) -> Option<Option<String>> {
        let mut reader = Reader::default();
        bytes.chunks(size).find_map(|piece| reader.more(piece))
    }

    #[test]
    fn the_name_is_found_however_the_hello_is_cut() {
        // The second one is longer than a record may be, and so comes in several.
        for protocols in [0, 90] {
            let bytes = hello("shop.example", protocols);
            assert_eq!(bytes.len() > 16 << 10, protocols > 0, "{}", bytes.len());
            for size in [1, 2, 7, 100, 4_096, bytes.len()] {
                assert_eq!(read_in_pieces(&bytes, size), Some(Some("shop.example".to_owned())), "{size}");
            }
            for end in [0, 1, 5, 60, bytes.len() - 1] {
                assert_eq!(read_in_pieces(&bytes[..end], 9), None, "only {end} bytes");
            }
        }
    }

    #[test]
    fn what_asks_for_no_name_is_told_at_once() {
        assert_eq!(read_in_pieces(&hello("10.0.0.1", 0), 50), Some(None), "an address is no name");
        assert_eq!(read_in_pieces(b"G", 1), Some(None));
        assert_eq!(read_in_pieces(b"\x16\x03\x01\xff\xff", 1), Some(None), "longer than a record may be");
        assert_eq!(read_in_pieces(&[0x16, 3, 1, 0, 4, 2, 0, 0, 0], 1), Some(None), "a hello of a server");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        use proptest::prelude::*;
        let good = hello("shop.example", 1);
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) };
        proptest!(config, |(at in 0..good.len(), bytes in proptest::collection::vec(any::<u8>(), 0..40))| {
            let mut changed = good.clone();
            let end = (at + bytes.len()).min(changed.len());
            changed.splice(at..end, bytes);
            let whole = read_in_pieces(&changed, changed.len());
            prop_assert_eq!(whole, read_in_pieces(&changed, 3));
        });
    }
}
