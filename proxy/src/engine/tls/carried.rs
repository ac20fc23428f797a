//! Routes of plain bytes with TLS around them, and those that are led by the name in the hello.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::{Tls, bridge, handshake, hello};
use crate::engine::accepted::Accepted;
use crate::engine::dial;
use crate::engine::kernel;
use crate::engine::plain::{Plain, Upstream};
use crate::engine::route::Route;
use crate::engine::worker::{Burden, Worker};

/// Ends the client's TLS, and carries what was in it.
pub(in crate::engine) async fn secured(worker: Burden, client: TcpStream, accepted: Accepted, tls: Arc<Tls>) {
    let route = Arc::clone(&accepted.route);
    let Some(config) = tls.incoming.clone() else { return };
    let Some(stream) = handshake::accept(&worker, &route, config, client).await else { return };
    match bridge::bridge(&worker, &route, stream).await {
        Ok(plain) => {
            let dial = dial::dial(&worker, &accepted);
            spawn_local(Plain::new(worker, plain, accepted, Upstream::Dialling(dial), Vec::new()));
        }
        Err(error) => {
            worker.ran_out_of(&error);
            handshake::failed(&route, &error);
        }
    }
}

/// Speaks TLS with the upstream that was dialled; what comes back takes and gives plain bytes.
pub(in crate::engine) async fn securing(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    tls: &Tls,
    upstream: TcpStream,
) -> io::Result<TcpStream> {
    let Some(outgoing) = &tls.outgoing else { return Ok(upstream) };
    let stream = handshake::connect(worker, route, outgoing, upstream, false).await?;
    bridge::bridge(worker, route, stream).await
}

/// Leads a connection by the name that its client asks for.
pub(in crate::engine) async fn by_name(worker: Burden, mut client: TcpStream, mut accepted: Accepted) {
    let route = Arc::clone(&accepted.route);
    let hello = match hello::read(&worker, &route, &mut client).await {
        Ok(hello) => hello,
        Err(_) if route.is_closed() => return,
        Err(error) => {
            handshake::failed(&route, &error);
            return kernel::reset(&client);
        }
    };
    accepted.rule = hello.name.as_deref().and_then(|name| route.leads.rule(name));
    let own = route.spec.transparent || route.spec.all_upstreams().next().is_some();
    if accepted.rule.is_none() && !own {
        match hello.name {
            Some(name) => handshake::failed(&route, &format!("no rule of `sni` fits `{name}`")),
            None => {
                handshake::failed(&route, &"no name was asked for, and the route has no upstream of its own")
            }
        }
        return kernel::reset(&client);
    }
    let dial = dial::dial(&worker, &accepted);
    spawn_local(Plain::new(worker, client, accepted, Upstream::Dialling(dial), hello.bytes));
}
