//! The PROXY protocol, versions 1 and 2: the header by which one proxy tells the next who its client is.
//!
//! Bytes only: nothing here knows a socket. Reading is strict, because who sends such a header is believed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::control::wire::ProxyVersion;

/// The longest header of version 1, its line end included.
const V1_MAX: usize = 107;
/// How every header of version 1 begins.
const V1_BEGIN: &[u8] = b"PROXY ";
/// How every header of version 2 begins.
const V2_BEGIN: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The part of version 2 that says how long the rest is.
const V2_FIXED: usize = 16;
/// The longest rest: addresses, and what proxies add about TLS and themselves.
const V2_REST_MAX: usize = 4096;

/// The longest header that is read.
pub const HEADER_MAX: usize = V2_FIXED + V2_REST_MAX;

/// What the beginning of a connection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A whole header.
    Header(Header),
    /// All of it belongs to a header that is not whole yet.
    Partial,
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How many bytes it takes.
    pub length: usize,
    /// The client and what it dialled; nothing when the sender speaks for itself or does not know.
    pub ends: Option<(SocketAddr, SocketAddr)>,
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Something else altogether.
    #[error("the connection does not begin with a PROXY header")]
    NoHeader,
    /// The line does not end where it must.
    #[error("the PROXY line is longer than {V1_MAX} bytes")]
    LongLine,
    /// The line says something else than it may.
    #[error("the PROXY line does not read `PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT`")]
    BadLine,
    /// Another version, or a command that does not exist.
    #[error(
        "the PROXY header has the version and command {0:#04x}; only version 2 with LOCAL or PROXY is known"
    )]
    BadCommand(u8),
    /// Another family, or another transport than a stream.
    #[error(
        "the PROXY header has the family and protocol {0:#04x}; only streams over IPv4, IPv6 and Unix are known"
    )]
    BadFamily(u8),
    /// Fewer bytes than the addresses take.
    #[error("the PROXY header has {0} bytes for its addresses, which is too few")]
    ShortAddresses(usize),
    /// More bytes than anybody needs.
    #[error("the PROXY header announces {0} bytes, more than {V2_REST_MAX}")]
    TooLong(usize),
    /// What follows the addresses is not made of types, lengths and values.
    #[error("what follows the addresses in the PROXY header is cut off")]
    BadExtensions,
}

/// Reads the header at the beginning of `bytes`. What follows it is not looked at.
pub fn read(bytes: &[u8]) -> Result<Read, Refused> {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(a, b)| a == b);
    if begins(V2_BEGIN) {
        return if bytes.len() < V2_FIXED { Ok(Read::Partial) } else { read_v2(bytes) };
    }
    if !begins(V1_BEGIN) {
        return Err(Refused::NoHeader);
    }
    let line = &bytes[..bytes.len().min(V1_MAX)];
    match line.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let text = line[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok());
            let ends = read_line(text.ok_or(Refused::BadLine)?)?;
            Ok(Read::Header(Header { length: end + 1, ends }))
        }
        None if bytes.len() < V1_MAX => Ok(Read::Partial),
        None => Err(Refused::LongLine),
    }
}

fn read_line(line: &str) -> Result<Option<(SocketAddr, SocketAddr)>, Refused> {
    let mut words = line.split(' ');
    let family = words.nth(1).ok_or(Refused::BadLine)?;
    if family == "UNKNOWN" {
        // What follows is to be ignored.
        return Ok(None);
    }
    let mut ip = || match (family, words.next()?) {
        ("TCP4", text) => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        ("TCP6", text) => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => None,
    };
    let (source, destination) = (ip().ok_or(Refused::BadLine)?, ip().ok_or(Refused::BadLine)?);
    let mut port = || port(words.next()?);
    let (from, to) = (port().ok_or(Refused::BadLine)?, port().ok_or(Refused::BadLine)?);
    if words.next().is_some() {
        return Err(Refused::BadLine);
    }
    Ok(Some((SocketAddr::new(source, from), SocketAddr::new(destination, to))))
}

/// A port without sign and leading zeros.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok())?
}

fn read_v2(bytes: &[u8]) -> Result<Read, Refused> {
    let (command, family) = (bytes[12], bytes[13]);
    if !matches!(command, 0x20 | 0x21) {
        return Err(Refused::BadCommand(command));
    }
    let length = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    if length > V2_REST_MAX {
        return Err(Refused::TooLong(length));
    }
    let is_local = command == 0x20;
    // How many bytes the addresses take; those of another family are skipped when the sender speaks for itself.
    let addresses = match family {
        0x00 => 0,
        0x11 => 12,
        0x21 => 36,
        0x31 => 216,
        _ if is_local => length,
        _ => return Err(Refused::BadFamily(family)),
    };
    if length < addresses && !is_local {
        return Err(Refused::ShortAddresses(length));
    }
    let Some(rest) = bytes.get(V2_FIXED..V2_FIXED + length) else { return Ok(Read::Partial) };
    let header = |ends| Ok(Read::Header(Header { length: V2_FIXED + length, ends }));
    if is_local || family == 0x00 {
        return header(None);
    }
    if !are_extensions(&rest[addresses..]) {
        return Err(Refused::BadExtensions);
    }
    header(match family {
        0x11 => addresses_v4(rest),
        0x21 => addresses_v6(rest),
        // A client on a Unix socket has no address that anybody could match.
        _ => None,
    })
}

fn addresses_v4(rest: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let ip = |at: usize| rest.get(at..at + 4)?.try_into().ok().map(<[u8; 4]>::into);
    let (source, destination): (Ipv4Addr, Ipv4Addr) = (ip(0)?, ip(4)?);
    let (from, to) = (port_at(rest, 8)?, port_at(rest, 10)?);
    Some((SocketAddrV4::new(source, from).into(), SocketAddrV4::new(destination, to).into()))
}

fn addresses_v6(rest: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let ip = |at: usize| rest.get(at..at + 16)?.try_into().ok().map(<[u8; 16]>::into);
    let (source, destination): (Ipv6Addr, Ipv6Addr) = (ip(0)?, ip(16)?);
    let (from, to) = (port_at(rest, 32)?, port_at(rest, 34)?);
    Some((SocketAddrV6::new(source, from, 0, 0).into(), SocketAddrV6::new(destination, to, 0, 0).into()))
}

fn port_at(rest: &[u8], at: usize) -> Option<u16> {
    rest.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

/// Whether the bytes are types, lengths and values to the last one.
fn are_extensions(mut bytes: &[u8]) -> bool {
    while let [_, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(rest) = rest.get(length..) else { return false };
        bytes = rest;
    }
    bytes.is_empty()
}

/// The header for a connection between these two; without them, one that says that they are not known.
pub fn write(version: ProxyVersion, ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let ends = ends.map(|(source, destination)| in_one_family(source, destination));
    match (version, ends) {
        (ProxyVersion::V1, None) => b"PROXY UNKNOWN\r\n".to_vec(),
        (ProxyVersion::V1, Some((source, destination))) => {
            Line { source, destination }.to_string().into_bytes()
        }
        (ProxyVersion::V2, ends) => write_v2(ends),
    }
}

/// IPv4 as IPv4, unless the other one is IPv6.
fn in_one_family(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (source, destination) = (plain(source), plain(destination));
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    let wide = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    (wide(source), wide(destination))
}

struct Line {
    source: SocketAddr,
    destination: SocketAddr,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination } = self;
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let (from, to) = (source.port(), destination.port());
        write!(f, "PROXY {family} {} {} {from} {to}\r\n", source.ip(), destination.ip())
    }
}

fn write_v2(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let mut header = V2_BEGIN.to_vec();
    let mut addresses = Vec::with_capacity(36);
    let family = match ends {
        None => 0x00,
        Some((source, destination)) => {
            for address in [source, destination] {
                match address.ip() {
                    IpAddr::V4(ip) => addresses.extend(ip.octets()),
                    IpAddr::V6(ip) => addresses.extend(ip.octets()),
                }
            }
            addresses.extend(source.port().to_be_bytes());
            addresses.extend(destination.port().to_be_bytes());
            if source.is_ipv4() { 0x11 } else { 0x21 }
        }
    };
    header.extend([0x21, family]);
    header.extend((addresses.len() as u16).to_be_bytes());
    header.extend(addresses);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn lines_are_read_as_the_protocol_defines_them_and_nothing_else() {
        let ends = |text: &str| match read(text.as_bytes()) {
            Ok(Read::Header(header)) => {
                assert_eq!(header.length, text.find('\n').unwrap() + 1);
                header.ends.map(|(source, destination)| format!("{source} {destination}")).ok_or("none")
            }
            Ok(Read::Partial) => Err("partial"),
            Err(Refused::NoHeader) => Err("no header"),
            Err(Refused::LongLine) => Err("long"),
            Err(_) => Err("bad"),
        };
        for (text, says) in [
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET", Ok("192.0.2.1:56324 192.0.2.2:443")),
            ("PROXY TCP6 ::1 ::2 1 65535\r\n", Ok("[::1]:1 [::2]:65535")),
            ("PROXY UNKNOWN\r\n", Err("none")),
            ("PROXY UNKNOWN whatever that is\r\n", Err("none")),
            ("", Err("partial")),
            ("PRO", Err("partial")),
            ("PROXY TCP4 192.0.2.1", Err("partial")),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", Err("bad")),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", Err("bad")),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", Err("bad")),
            ("PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n", Err("bad")),
            ("PROXY TCP4 ::1 ::2 1 2\r\n", Err("bad")),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", Err("bad")),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", Err("bad")),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", Err("bad")),
            ("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", Err("bad")),
            ("PROXY\r\n", Err("no header")),
            ("GET / HTTP/1.1\r\n", Err("no header")),
            ("proxy TCP4", Err("no header")),
        ] {
            assert_eq!(ends(text), says.map(str::to_owned), "{text:?}");
        }
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        assert_eq!(ends(&long), Err("long"));
        assert_eq!(ends(&long[..106]), Err("partial"));
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = V2_BEGIN.to_vec();
        bytes.extend([command, family]);
        bytes.extend((rest.len() as u16).to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn binary_headers_are_read_with_what_they_carry_besides() {
        let mut rest = vec![192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 1, 187];
        let header = Header { length: 28, ends: Some((address("192.0.2.1:80"), address("192.0.2.2:443"))) };
        assert_eq!(read(&v2(0x21, 0x11, &rest)), Ok(Read::Header(header)));
        rest.extend([0x04, 0, 2, 9, 9, 0x20, 0, 0]);
        assert_eq!(read(&v2(0x21, 0x11, &rest)), Ok(Read::Header(Header { length: 36, ..header })));
        for cut in 0..36 {
            assert_eq!(read(&v2(0x21, 0x11, &rest)[..cut]), Ok(Read::Partial), "{cut}");
        }
        let none = |length| Ok(Read::Header(Header { length, ends: None }));
        assert_eq!(read(&v2(0x20, 0x00, &[])), none(16));
        assert_eq!(read(&v2(0x20, 0x11, &[1, 2])), none(18));
        assert_eq!(read(&v2(0x21, 0x00, &[1, 2, 3])), none(19));
        assert_eq!(read(&v2(0x21, 0x31, &[0; 216])), none(232));
    }

    #[test]
    fn a_wrong_binary_header_is_refused_as_soon_as_it_is_known_to_be_wrong() {
        let four = [192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 1, 187];
        assert_eq!(read(&v2(0x11, 0x11, &four)), Err(Refused::BadCommand(0x11)));
        assert_eq!(read(&v2(0x22, 0x11, &four)), Err(Refused::BadCommand(0x22)));
        assert_eq!(read(&v2(0x21, 0x12, &four)), Err(Refused::BadFamily(0x12)), "a datagram");
        assert_eq!(read(&v2(0x21, 0x21, &four)), Err(Refused::ShortAddresses(12)));
        assert_eq!(read(&v2(0x21, 0x11, &[&four[..], &[4, 0, 9, 1]].concat())), Err(Refused::BadExtensions));
        assert_eq!(read(&v2(0x21, 0x11, &[&four[..], &[4, 0]].concat())), Err(Refused::BadExtensions));
        let long = v2(0x21, 0x11, &vec![0; V2_REST_MAX + 1]);
        assert_eq!(read(&long[..V2_FIXED]), Err(Refused::TooLong(V2_REST_MAX + 1)));
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for (source, destination, read_back) in [
            ("192.0.2.1:80", "192.0.2.2:443", "192.0.2.1:80 192.0.2.2:443"),
            ("[2001:db8::1]:80", "[2001:db8::2]:443", "[2001:db8::1]:80 [2001:db8::2]:443"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.2:443", "192.0.2.1:80 192.0.2.2:443"),
            ("192.0.2.1:80", "[2001:db8::2]:443", "[::ffff:192.0.2.1]:80 [2001:db8::2]:443"),
        ] {
            for version in [ProxyVersion::V1, ProxyVersion::V2] {
                let bytes = write(version, Some((address(source), address(destination))));
                let Ok(Read::Header(header)) = read(&bytes) else { panic!("{bytes:?}") };
                let (from, to) = header.ends.unwrap();
                assert_eq!((header.length, format!("{from} {to}")), (bytes.len(), read_back.to_owned()));
            }
        }
        assert_eq!(write(ProxyVersion::V1, None), b"PROXY UNKNOWN\r\n");
        let unknown = write(ProxyVersion::V2, None);
        assert_eq!(read(&unknown), Ok(Read::Header(Header { length: 16, ends: None })));
    }
}
