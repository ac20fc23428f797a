//! Looking names up: on a helper thread, each name once at a time, remembered for a moment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};

use super::timer::now_ns;

/// How long an answer is used. Short, so that a name that moves is followed.
const FRESH_NS: u64 = 5_000_000_000;
/// How many names a data thread remembers.
const NAMES_MAX: usize = 256;
/// How many addresses of a name are tried.
const ADDRESSES_MAX: usize = 8;

/// The addresses in the order in which to try them, or why there are none.
type Answer = Result<Rc<[IpAddr]>, Rc<str>>;

/// The names that a data thread has asked for.
#[derive(Default)]
pub(super) struct Names {
    known: RefCell<HashMap<String, Asked>>,
}

struct Asked {
    at_ns: u64,
    answer: Shared<LocalBoxFuture<'static, Answer>>,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("known", &self.known.borrow().len()).finish()
    }
}

impl Names {
    /// The addresses of a host. Dials that ask for the same name at the same time share one look-up, so a name service
    /// that hangs has one thread hanging for each name and no more.
    pub(super) async fn look_up(&self, host: &str) -> io::Result<Rc<[IpAddr]>> {
        let answer = self.asked(host);
        answer.await.map_err(|why| io::Error::other(format!("looking up `{host}`: {why}")))
    }

    fn asked(&self, host: &str) -> Shared<LocalBoxFuture<'static, Answer>> {
        let mut known = self.known.borrow_mut();
        let now = now_ns();
        if let Some(asked) = known.get(host) {
            // One that is still under way is as fresh as can be; a failure is not kept.
            let fresh = match asked.answer.peek() {
                None => true,
                Some(Ok(_)) => now < asked.at_ns + FRESH_NS,
                Some(Err(_)) => false,
            };
            if fresh {
                return asked.answer.clone();
            }
        }
        if known.len() >= NAMES_MAX {
            known.retain(|_, asked| asked.answer.peek().is_none() || now < asked.at_ns + FRESH_NS);
        }
        if known.len() >= NAMES_MAX {
            known.clear();
        }
        let answer = ask(host.to_owned()).boxed_local().shared();
        known.insert(host.to_owned(), Asked { at_ns: now, answer: answer.clone() });
        answer
    }
}

async fn ask(host: String) -> Answer {
    let looked_up = tokio::task::spawn_blocking(move || {
        (host.as_str(), 0)
            .to_socket_addrs()
            .map(|found| found.map(|address| address.ip()).collect::<Vec<_>>())
    });
    match looked_up.await {
        Ok(Ok(found)) if found.is_empty() => Err("it has no address".into()),
        Ok(Ok(found)) => Ok(in_turn(found).into()),
        Ok(Err(error)) => Err(error.to_string().into()),
        Err(_) => Err("the proxy is stopping".into()),
    }
}

/// The two families in turn, the one that the system prefers first (RFC 8305, section 4).
fn in_turn(found: Vec<IpAddr>) -> Vec<IpAddr> {
    let first_is_v6 = found.first().is_some_and(IpAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(preferred.next());
        all.extend(other.next());
        if all.len() == before || all.len() >= ADDRESSES_MAX {
            all.truncate(ADDRESSES_MAX);
            return all;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns_and_the_preferred_one_is_first() {
        let turn = |addresses: &str| {
            let found = addresses.split(' ').map(|text| text.parse().unwrap()).collect();
            let all: Vec<String> = in_turn(found).iter().map(IpAddr::to_string).collect();
            all.join(" ")
        };
        assert_eq!(turn("::1 ::2 10.0.0.1 10.0.0.2 10.0.0.3"), "::1 10.0.0.1 ::2 10.0.0.2 10.0.0.3");
        assert_eq!(turn("10.0.0.1 ::1 ::2"), "10.0.0.1 ::1 ::2");
        assert_eq!(turn("10.0.0.1"), "10.0.0.1");
        let many: Vec<String> = (1..=20).map(|n| format!("10.0.0.{n}")).collect();
        assert_eq!(turn(&many.join(" ")).split(' ').count(), ADDRESSES_MAX);
    }

    #[test]
    fn dials_at_the_same_time_share_one_look_up_and_a_failure_is_asked_again() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let names = Names::default();
            let (one, other) = (names.asked("localhost"), names.asked("localhost"));
            assert!(one.ptr_eq(&other));
            let found = one.await.unwrap();
            assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
            assert!(names.asked("localhost").ptr_eq(&other), "remembered");
            // A name with an empty label is refused by the resolver itself and asks nobody.
            let error = names.look_up("no..such").await.unwrap_err().to_string();
            assert!(error.contains("`no..such`"), "{error}");
            let failed = names.asked("no..such");
            let _ = failed.clone().await;
            assert!(!names.asked("no..such").ptr_eq(&failed));
        });
    }
}
