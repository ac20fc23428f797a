use std::collections::BTreeSet;

use firedrill_proxy::control::wire::ProxyVersion;
use firedrill_proxy::proxy_protocol::{HEADER_MAX, Header, Read, read, write};

use crate::run::{Target, files, fuzz};

#[test]
fn any_beginning_of_a_connection_is_a_header_or_is_refused() {
    fuzz(&Target {
        name: "proxy-protocol",
        corpus: files(&["tests/files/proxy-protocol"], ".header"),
        bytes_max: 2 * HEADER_MAX,
        short: 20_000,
        reached: &["line", "binary", "unknown", "partial"],
        read: look,
    });
}

fn look(input: &[u8]) -> BTreeSet<String> {
    let whole = read(input);
    // However the bytes come, each beginning says the same or that it is not whole: what was refused stays refused, and
    // nothing behind the header matters.
    for cut in [input.len() / 3, input.len() / 2, input.len().saturating_sub(1)] {
        match (read(&input[..cut]), &whole) {
            (Ok(Read::Partial), _) => {}
            (Ok(Read::Header(early)), Ok(Read::Header(header))) => assert_eq!(early, *header),
            (Err(early), Err(_)) => assert!(!early.to_string().is_empty()),
            (early, late) => panic!("{early:?} of {cut} bytes became {late:?}"),
        }
    }
    let said = match whole {
        Ok(Read::Header(header)) => header_is_sound(input, &header),
        Ok(Read::Partial) => {
            assert!(input.len() < HEADER_MAX, "a header is never longer");
            "partial".to_owned()
        }
        Err(refused) => {
            let refused = refused.to_string();
            assert!(!refused.contains(char::is_control), "{refused:?}");
            refused
        }
    };
    BTreeSet::from([said])
}

fn header_is_sound(input: &[u8], header: &Header) -> String {
    assert!((15..=HEADER_MAX).contains(&header.length) && header.length <= input.len(), "{header:?}");
    assert!(!matches!(read(&input[..header.length - 1]), Ok(Read::Header(_))), "one byte less is no header");
    let Some((client, server)) = header.ends else { return "unknown".to_owned() };
    for version in [ProxyVersion::V1, ProxyVersion::V2] {
        let written = write(version, Some((client, server)));
        let Ok(Read::Header(again)) = read(&written) else { panic!("{written:?}") };
        let (from, to) = again.ends.unwrap();
        // An IPv4 address in the clothes of IPv6 comes back as IPv4.
        let same = |one: std::net::SocketAddr, other: std::net::SocketAddr| {
            assert_eq!((one.ip().to_canonical(), one.port()), (other.ip().to_canonical(), other.port()));
        };
        same(client, from);
        same(server, to);
        assert_eq!(again.length, written.len());
    }
    if input.starts_with(b"PROXY") { "line" } else { "binary" }.to_owned()
}
