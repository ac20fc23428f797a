//! The life of a connection from being accepted to being told apart.
//!
//! Sniffing is a task of its own: what follows it is larger or smaller, and lives longer.

use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::accepted::Accepted;
use super::dial;
use super::http;
use super::introduction;
use super::plain::{Plain, Upstream};
use super::sniff::{self, Kind};
use super::tls;
use super::worker::Burden;
use crate::control::wire::Protocol;

/// Serves a connection that a data thread has taken over.
pub(super) fn start(worker: Burden, client: TcpStream, accepted: Accepted) {
    if accepted.route.spec.proxy_protocol.accept {
        spawn_local(introduced_first(worker, client, accepted));
    } else {
        serve(worker, client, accepted);
    }
}

/// Lets the client say who it is before anything else.
async fn introduced_first(worker: Burden, mut client: TcpStream, mut accepted: Accepted) {
    if introduction::introduced(&worker, &mut client, &mut accepted).await {
        serve(worker, client, accepted);
    }
}

fn serve(worker: Burden, client: TcpStream, accepted: Accepted) {
    match accepted.route.spec.protocol {
        Protocol::Tcp if !accepted.route.spec.sni.is_empty() => {
            spawn_local(tls::by_name(worker, client, accepted));
        }
        Protocol::Tcp => {
            if let Some(tls) = accepted.route.tls().filter(|tls| tls.incoming.is_some()) {
                spawn_local(tls::secured(worker, client, accepted, tls));
                return;
            }
            let dial = dial::dial(&worker, &accepted);
            spawn_local(Plain::new(worker, client, accepted, Upstream::Dialling(dial), Vec::new()));
        }
        Protocol::Http => {
            spawn_local(async move { http::serve(worker, client, accepted, Vec::new(), None).await });
        }
        Protocol::Auto => {
            spawn_local(auto(worker, client, accepted));
        }
    }
}

/// Dials at once and watches who speaks first.
async fn auto(worker: Burden, mut client: TcpStream, accepted: Accepted) {
    let mut dial = dial::dial(&worker, &accepted);
    let Some(found) = sniff::sniff(&worker, &accepted.route, &mut client, &mut dial).await else { return };
    match (found.kind, found.dialled) {
        (Kind::Http, dialled) => {
            // A dial under way is given up: it is made again when a request is to be forwarded.
            drop(dial);
            let upstream = dialled.and_then(Result::ok);
            http::serve(worker, client, accepted, found.prefix, upstream).await;
        }
        (Kind::Tcp, Some(dialled)) => {
            spawn_local(Plain::new(worker, client, accepted, Upstream::Dialled(dialled), found.prefix));
        }
        (Kind::Tcp, None) => {
            spawn_local(Plain::new(worker, client, accepted, Upstream::Dialling(dial), found.prefix));
        }
    }
}
