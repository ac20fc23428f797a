//! Which faults can be for a request, or for a client, at all: what is exact is looked up, not walked through.
//!
//! Each fault stands under one key, the most telling that its matcher has: an exact path (or gRPC method), what a path
//! begins with, a host, a client, a regular expression of paths, or none. What is found may still not fit; what is not
//! found cannot.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::armed::Armed;
use super::regexes::Regexes;
use crate::fault::{Meaning, RequestMatch, RequestParts, beginning};
use crate::seed::{FNV_BASIS, fnv1a_next};

/// What begins with fewer bytes tells too little apart.
const PREFIX_MIN_BYTES: usize = 2;
/// No place.
const NONE: u32 = u32::MAX;

/// Where a fault stands in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The hash of a whole path.
    Path { hash: u64, bytes: usize },
    /// The hash of what a path begins with.
    Prefix { hash: u64, bytes: usize },
    /// The hash of a host in lower case.
    Host(u64),
    /// One client.
    Client(IpAddr),
    /// A regular expression of paths.
    Regex(Arc<str>),
    /// Anything can be meant.
    Rest,
}

impl Key {
    /// The most telling key of a matcher.
    pub(super) fn of(wanted: &RequestMatch) -> Self {
        let path = wanted.path.as_ref().map(|path| (path.meaning(), ""));
        let grpc = wanted.grpc.as_ref().map(|method| (method.meaning(), "/"));
        let mut prefix = None;
        for (meaning, before) in [path, grpc].into_iter().flatten() {
            let Meaning::Glob(glob) = meaning else { continue };
            let begins = beginning(glob);
            let (hash, bytes) = (hash(before.bytes().chain(begins.bytes())), before.len() + begins.len());
            if begins.len() == glob.len() {
                return Self::Path { hash, bytes };
            }
            if bytes >= PREFIX_MIN_BYTES {
                prefix.get_or_insert(Self::Prefix { hash, bytes });
            }
        }
        if let Some(prefix) = prefix {
            return prefix;
        }
        if let Some(Meaning::Glob(host)) = wanted.host.as_ref().map(|host| host.meaning())
            && beginning(host).len() == host.len()
        {
            return Self::Host(host_hash(host));
        }
        if let Some(client) = wanted.client.as_ref().and_then(|clients| clients.0.parse::<IpAddr>().ok()) {
            return Self::Client(client.to_canonical());
        }
        match path {
            Some((Meaning::Regex(expression), _)) => Self::Regex(expression.into()),
            _ => Self::Rest,
        }
    }

    /// The same for connections, of which only the client is known.
    fn of_connections(&self) -> Self {
        if let Self::Client(_) = self { self.clone() } else { Self::Rest }
    }
}

fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(FNV_BASIS, fnv1a_next)
}

fn host_hash(host: &str) -> u64 {
    hash(host.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// The index. Places are those in the list of the route's faults, and always come in its order.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    paths: HashMap<u64, u32>,
    prefixes: HashMap<u64, u32>,
    hosts: HashMap<u64, u32>,
    clients: HashMap<IpAddr, u32>,
    /// The place after a place that stands under the same key.
    next: Vec<u32>,
    rest: Vec<u32>,
    regexes: Regexes,
    /// Which lengths of prefixes there are, and how long a path can be that is exactly meant.
    lengths: Vec<bool>,
    longest_path: usize,
}

impl Candidates {
    /// Of those faults that act on requests. `before` is the index that this one follows, whose regular expressions need
    /// not be compiled again.
    pub(super) fn of_requests(faults: &[Arc<Armed>], before: &Self) -> Result<Self, regex::Error> {
        let mut index = Self { next: vec![NONE; faults.len()], ..Self::default() };
        let mut expressions = Vec::new();
        // From the last to the first, so that each becomes the head of what stands under its key.
        for (place, armed) in faults.iter().enumerate().rev() {
            if !armed.spec.fault.is_of_connections() {
                let Key::Regex(expression) = &armed.key else {
                    index.insert(place as u32, &armed.key);
                    continue;
                };
                expressions.push((Arc::clone(expression), place as u32));
            }
        }
        index.rest.reverse();
        index.regexes = before.regexes.following(&expressions, &mut index.next)?;
        Ok(index)
    }

    /// Of those faults that `are_meant`, to be found by their clients.
    pub(super) fn of_connections(faults: &[Arc<Armed>], are_meant: impl Fn(&Armed) -> bool) -> Self {
        let mut index = Self { next: vec![NONE; faults.len()], ..Self::default() };
        for (place, armed) in faults.iter().enumerate().rev().filter(|(_, armed)| are_meant(armed)) {
            index.insert(place as u32, &armed.key.of_connections());
        }
        index.rest.reverse();
        index
    }

    fn insert(&mut self, place: u32, key: &Key) {
        let head = match key {
            Key::Path { hash, bytes } => {
                self.longest_path = self.longest_path.max(*bytes);
                self.paths.insert(*hash, place)
            }
            Key::Prefix { hash, bytes } => {
                self.lengths.resize(self.lengths.len().max(bytes + 1), false);
                self.lengths[*bytes] = true;
                self.prefixes.insert(*hash, place)
            }
            Key::Host(hash) => self.hosts.insert(*hash, place),
            Key::Client(client) => self.clients.insert(*client, place),
            Key::Regex(_) | Key::Rest => {
                self.rest.push(place);
                None
            }
        };
        self.next[place as usize] = head.unwrap_or(NONE);
    }

    /// The places of faults that may be for a request, in order; `places` is emptied first.
    pub(super) fn for_request(&self, request: &RequestParts<'_>, places: &mut Vec<u32>) {
        places.clear();
        self.by_path(request.path(), places);
        if !self.hosts.is_empty() {
            self.chain(self.hosts.get(&host_hash(request.host())), places);
        }
        if !self.clients.is_empty() {
            self.chain(self.clients.get(&request.client.to_canonical()), places);
        }
        self.regexes.each(request.path(), |head| self.chain(Some(&head), places));
        self.with_rest(places);
    }

    /// The same for a connection of this client.
    pub(super) fn for_client(&self, client: IpAddr, places: &mut Vec<u32>) {
        places.clear();
        if !self.clients.is_empty() {
            self.chain(self.clients.get(&client.to_canonical()), places);
        }
        self.with_rest(places);
    }

    /// Walks along a path once, and looks at every length at which something can be found.
    fn by_path(&self, path: &str, places: &mut Vec<u32>) {
        let whole = path.len() <= self.longest_path;
        let far = if whole { path.len() } else { path.len().min(self.lengths.len().saturating_sub(1)) };
        let mut hash = FNV_BASIS;
        for (at, byte) in path.as_bytes()[..far].iter().enumerate() {
            hash = fnv1a_next(hash, *byte);
            if self.lengths.get(at + 1).is_some_and(|is| *is) {
                self.chain(self.prefixes.get(&hash), places);
            }
        }
        if whole && !self.paths.is_empty() {
            self.chain(self.paths.get(&hash), places);
        }
    }

    fn chain(&self, head: Option<&u32>, places: &mut Vec<u32>) {
        let mut place = head.copied().unwrap_or(NONE);
        while let Some(next) = self.next.get(place as usize) {
            places.push(place);
            place = *next;
        }
    }

    fn with_rest(&self, places: &mut Vec<u32>) {
        let sorted = places.is_empty();
        places.extend_from_slice(&self.rest);
        if !sorted {
            places.sort_unstable();
        }
    }
}
