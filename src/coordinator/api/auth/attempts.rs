//! How often somebody may be wrong.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// Wrong tokens of one peer within [`WINDOW`] before it is told to wait.
const WRONG_MAX: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// How many peers are remembered; one more forgets the one that was wrong longest ago.
const PEERS_MAX: usize = 1024;

/// Who was wrong how often. Whoever holds the right token is never kept waiting, whatever stands here.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    peers: Mutex<HashMap<IpAddr, Wrong>>,
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    times: u32,
    since: Instant,
}

impl Attempts {
    /// Counts a wrong token; how long the peer is to wait, once it had too many. A peer on this host is not counted:
    /// everybody here comes from the same address.
    pub(super) fn wrong(&self, peer: IpAddr, now: Instant) -> Option<Duration> {
        let peer = peer.to_canonical();
        if peer.is_loopback() {
            return None;
        }
        let mut peers = self.peers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let peer = network(peer);
        if peers.len() >= PEERS_MAX && !peers.contains_key(&peer) {
            let oldest = peers.iter().min_by_key(|(_, wrong)| wrong.since).map(|(peer, _)| *peer);
            oldest.map(|oldest| peers.remove(&oldest));
        }
        let wrong = peers.entry(peer).or_insert(Wrong { times: 0, since: now });
        if now.duration_since(wrong.since) >= WINDOW {
            *wrong = Wrong { times: 0, since: now };
        }
        wrong.times = wrong.times.saturating_add(1);
        if wrong.times == WRONG_MAX {
            tracing::warn!(%peer, "{WRONG_MAX} wrong tokens within a minute");
        }
        (wrong.times > WRONG_MAX).then(|| WINDOW.saturating_sub(now.duration_since(wrong.since)))
    }
}

/// With IPv6 whoever has one address has its whole /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => IpAddr::from((u128::from(address) & (u128::MAX << 64)).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_wrong_too_often_waits_and_others_do_not() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let (one, other): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        assert!((0..WRONG_MAX).all(|_| attempts.wrong(one, now).is_none()));
        let neighbour = "2001:db8::2".parse().unwrap();
        assert_eq!(attempts.wrong(neighbour, now + Duration::from_secs(20)), Some(Duration::from_secs(40)));
        assert_eq!(attempts.wrong(other, now), None);
        assert_eq!(attempts.wrong(one, now + WINDOW), None, "the minute is over");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_on_this_host_is_kept_waiting() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let peer = peer.parse().unwrap();
            assert!((0..5 * WRONG_MAX).all(|_| attempts.wrong(peer, now).is_none()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_has_an_end() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for n in 0..3 * PEERS_MAX as u64 {
            let peer = IpAddr::from((0x2001_0db8_u128 << 96 | u128::from(n) << 64).to_be_bytes());
            attempts.wrong(peer, now + Duration::from_millis(n));
        }
        assert_eq!(attempts.peers.lock().unwrap().len(), PEERS_MAX);
    }
}
