//! From a name to addresses, without letting a silent resolver pile up threads.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::failure::{HttpFailure, io_words};

/// A name may have any number of addresses; no more than this many are tried.
const ADDRESSES_MAX: usize = 8;

/// The system's resolver cannot be interrupted: a lookup that nobody waits for any more still holds its thread. No
/// more than this many run at once; who waits for one gives up at its own time-out.
const LOOKUPS_MAX: usize = 32;

static LOOKUPS: std::sync::LazyLock<Arc<Semaphore>> =
    std::sync::LazyLock::new(|| Arc::new(Semaphore::new(LOOKUPS_MAX)));

/// The addresses of a host, in the order in which to try them; at least one.
pub(super) async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, HttpFailure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let unknown = |why: String| HttpFailure::Resolve { host: host.to_owned(), why };
    let permit = Arc::clone(&LOOKUPS).acquire_owned().await.map_err(|why| unknown(why.to_string()))?;
    let name = host.to_owned();
    let looked_up = tokio::task::spawn_blocking(move || {
        let _until_it_returns = permit;
        (name.as_str(), port).to_socket_addrs().map(|all| all.take(ADDRESSES_MAX).collect::<Vec<_>>())
    });
    let found = looked_up.await.map_err(|why| unknown(why.to_string()))?;
    match found.map_err(|error| unknown(io_words(&error)))? {
        none if none.is_empty() => Err(unknown("the name has no address".into())),
        found => Ok(found),
    }
}
