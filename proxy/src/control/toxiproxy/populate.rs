//! `populate`: a list of proxies is made so, as far as it is not so already.

use serde::Serialize;

use super::address::{Listen, dialled};
use super::desk::Desk;
use super::proxy::{Proxy, Wanted};
use super::reading;
use super::refusal::{Refusal, Said};
use crate::control::wire::RouteChange;

/// What became of a list; the refusal comes first where there is one.
#[derive(Debug, Serialize)]
pub(super) struct Populated {
    #[serde(flatten)]
    pub(super) refusal: Option<Said>,
    /// Those that are as wanted now; `null` when there is none.
    pub(super) proxies: Option<Vec<Proxy>>,
}

/// The proxies of a list, all of them read before the first is made.
pub(super) fn read(body: &[u8], strict: bool) -> Result<Vec<Wanted>, Refusal> {
    let list = reading::first_value(body)?;
    let list = reading::elements(&list, "[]toxiproxy.Proxy")?;
    let mut wanted = Vec::with_capacity(list.len());
    for (at, entry) in list.iter().enumerate() {
        let proxy =
            Wanted::read_with_toxics(entry, strict).and_then(|proxy| proxy.is_whole().map(|()| proxy));
        wanted.push(proxy.map_err(|refusal| refusal.at(&format!("proxy {}", at + 1)))?);
    }
    Ok(wanted)
}

impl Populated {
    pub(super) fn new(proxies: Vec<Proxy>, refusal: Option<&Refusal>) -> Self {
        Self {
            refusal: refusal.map(Refusal::said),
            proxies: Some(proxies).filter(|proxies| !proxies.is_empty()),
        }
    }
}

impl Desk<'_> {
    /// Makes the proxies of a list, in its order, up to the first that is refused.
    pub(super) fn populate(&mut self, wanted: &[(Wanted, Listen)]) -> (Vec<Proxy>, Option<Refusal>) {
        let mut done = Vec::with_capacity(wanted.len());
        for (proxy, listen) in wanted {
            match self.make_so(proxy, listen) {
                Ok(proxy) => done.push(proxy),
                Err(refusal) => return (done, Some(refusal)),
            }
        }
        (done, None)
    }

    /// A proxy that listens and leads as wanted is left as it is, whatever `enabled` says; another of that name is
    /// replaced. The toxics that are named are then as they are named.
    fn make_so(&mut self, wanted: &Wanted, listen: &Listen) -> Result<Proxy, Refusal> {
        match self.control.route(&wanted.name) {
            Err(_) => {
                self.create(wanted, listen)?;
            }
            Ok(route) => {
                let at = listen.at.clone().map_err(|message| Refusal::Other { status: 500, message })?;
                let leads_there = self.shown(&route).upstream == wanted.upstream();
                if at.port() == 0 || Some(at) != route.bound.tcp() || !leads_there {
                    let change = RouteChange {
                        listen: Some(at.to_string()),
                        upstream: Some(dialled(wanted.upstream())),
                        enabled: Some(wanted.enabled.unwrap_or(true)),
                        ..RouteChange::default()
                    };
                    self.change(&wanted.name, &change, Some(listen), Some(wanted.upstream()))?;
                    self.clear(&route)?;
                }
            }
        }
        for toxic in &wanted.toxics {
            self.put_toxic(&wanted.name, toxic)?;
        }
        self.proxy(&wanted.name)
    }
}
