//! Who holds an address that is taken, where `/proc` shows it to us.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use crate::control::wire::Bound;

/// The process that listens where we cannot.
pub(super) fn of(place: &Bound) -> Option<u32> {
    match place {
        Bound::Tcp(address) => ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
            let table = fs::read_to_string(table).ok()?;
            process(listening_inode(&table, *address)?)
        }),
        Bound::Unix(path) => {
            let table = fs::read_to_string("/proc/net/unix").ok()?;
            process(unix_inode(&table, path.to_str()?)?)
        }
    }
}

/// Who has the socket open.
fn process(inode: u64) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let mut fds = fs::read_dir(process.path().join("fd")).ok()?.flatten();
        fds.any(|fd| fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str()))
            .then_some(pid)
    })
}

/// The inode of the socket in state LISTEN (`0A`) that is in the way of the address, from a table of `/proc/net`.
fn listening_inode(table: &str, address: SocketAddr) -> Option<u64> {
    let port = format!("{:04X}", address.port());
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let (local, state) = (fields.nth(1)?, fields.nth(1)?);
        let (ip, local_port) = local.split_once(':')?;
        let in_the_way = local_port == port && state == "0A" && overlaps(&hex_ip(ip)?, &address.ip());
        in_the_way.then(|| fields.nth(5)?.parse().ok())?
    })
}

fn overlaps(held: &IpAddr, wanted: &IpAddr) -> bool {
    let (held, wanted) = (held.to_canonical(), wanted.to_canonical());
    held == wanted || held.is_unspecified() || wanted.is_unspecified()
}

/// An address as the kernel prints it: 32 bits at a time, each in this machine's order of bytes.
fn hex_ip(text: &str) -> Option<IpAddr> {
    let words: Option<Vec<u32>> =
        (0..text.len()).step_by(8).map(|at| u32::from_str_radix(text.get(at..at + 8)?, 16).ok()).collect();
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_ne_bytes).collect();
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The inode of the Unix socket that listens at the path: it has the flag of a listener (`00010000`).
fn unix_inode(table: &str, path: &str) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let (flags, inode) = (fields.nth(3)?, fields.nth(2)?);
        (flags == "00010000" && line.ends_with(&format!(" {path}"))).then(|| inode.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inode_of_a_listener_is_found_in_the_kernels_table() {
        let here = |ip: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(ip));
        let table = format!(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: {0}:1F90 {0}:D431 01 00000000:00000000 00:00000000 00000000  1000 0 111 1 0\n\
             1: {1}:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 222 1 0\n\
             2: {0}:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 333 1 0\n",
            here([127, 0, 0, 1]),
            here([127, 0, 0, 9]),
        );
        let inode = |address: &str| listening_inode(&table, address.parse().unwrap());
        assert_eq!(inode("127.0.0.1:8080"), Some(333));
        assert_eq!(inode("127.0.0.9:8080"), Some(222));
        assert_eq!(inode("0.0.0.0:8080"), Some(222), "any of them is in the way");
        assert_eq!(inode("127.0.0.2:8080"), None);
        assert_eq!(inode("127.0.0.1:8081"), None);
    }

    #[test]
    fn addresses_of_both_families_are_read_as_the_kernel_prints_them() {
        let v6: [u8; 16] = "::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
        let words = v6.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()));
        let text: String = words.map(|word| format!("{word:08X}")).collect();
        assert_eq!(hex_ip(&text), Some("::1".parse().unwrap()));
        assert_eq!(hex_ip("00000000"), Some("0.0.0.0".parse().unwrap()));
        assert_eq!(hex_ip("000"), None);
    }

    #[test]
    fn a_unix_listener_is_told_from_its_connections() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
             0: 00000003 00000000 00000000 0001 03 71 /run/shop.sock\n\
             0: 00000002 00000000 00010000 0001 01 72 /run/shop.sock\n\
             0: 00000002 00000000 00010000 0001 01 73 /other/run/shop.sock\n";
        assert_eq!(unix_inode(table, "/run/shop.sock"), Some(72));
        assert_eq!(unix_inode(table, "shop.sock"), None);
    }
}
