//! The bundled shop: four real processes, and a fifth that watches them, so that a newcomer, and our own tests, have
//! something true to break.
//!
//! `front` answers `/checkout`, for which it asks `stock` and then `payments` (or, when told, the `replica` of
//! payments), and `/browse`, for which it asks `stock` alone. It knows nothing of firedrill, as any system under test:
//! its server, its client and its metrics are its own. How it bears trouble is behind flags, which are all off at first.

mod breaker;
mod client;
mod flags;
mod front;
mod health;
mod later;
mod levels;
mod lifeline;
mod metrics;
mod page;
mod payments;
mod pool;
mod retry;
mod server;
mod shop;
mod stock;
mod till;
mod watchman;

pub use shop::{Address, SeenAt, Shop, ShopError};
pub use watchman::Watch;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use metrics::Metrics;

/// One process of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// What customers talk to.
    Front {
        /// Where it finds payments: `address:port`, the first where somebody listens.
        payments: Vec<String>,
        /// Where it finds stock, in the same way.
        stock: Vec<String>,
        /// Where it finds the second payments, if there is one.
        replica: Option<String>,
    },
    /// Charges cards.
    Payments,
    /// Charges cards when it is told that payments cannot.
    Replica,
    /// Reserves goods.
    Stock,
    /// Watches the others, and tells when something is wrong.
    Watchman(Box<Watch>),
}

impl Role {
    /// Its name, as in `firedrill demo NAME`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Front { .. } => "front",
            Self::Payments => "payments",
            Self::Replica => "replica",
            Self::Stock => "stock",
            Self::Watchman(_) => "watchman",
        }
    }
}

/// Runs one process of the shop until `parent` is gone, its standard input ends, or it is told to end.
///
/// `ready` is called once, with the address that it listens on.
pub async fn serve(
    role: Role,
    listen: SocketAddr,
    parent: Option<u32>,
    ready: impl FnOnce(SocketAddr),
) -> io::Result<()> {
    // The kernel knows the process by its role, so that a scenario finds it by `name: payments`. A name is for people
    // and selectors; the shop works without.
    if let Ok(name) = std::ffi::CString::new(role.name()) {
        let _ = nix::sys::prctl::set_name(&name);
    }
    let ended = lifeline::tie(parent)?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        io::Error::new(error.kind(), format!("the shop's {} cannot listen on {listen}: {error}", role.name()))
    })?;
    let here = listener.local_addr()?;
    let metrics = Arc::new(Metrics::new(role.name()));
    match role {
        Role::Front { payments, stock, replica } => {
            ready(here);
            let front = Arc::new(front::Front::new(front::Addresses { stock, payments, replica }, metrics));
            tokio::select! {
                () = server::run(listener, Arc::clone(&front), ended) => {}
                () = front.chores() => {}
            }
        }
        Role::Payments | Role::Replica => {
            ready(here);
            server::run(listener, Arc::new(payments::Payments::new(metrics)), ended).await;
        }
        Role::Stock => {
            ready(here);
            server::run(listener, Arc::new(stock::Stock::new(metrics)), ended).await;
        }
        Role::Watchman(watch) => {
            // What is wrong with its rules is said before anybody counts on it.
            let watchman = Arc::new(watchman::Watchman::new(*watch, here, metrics)?);
            ready(here);
            tokio::select! {
                () = server::run(listener, Arc::clone(&watchman), ended) => {}
                () = watchman.chores() => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
