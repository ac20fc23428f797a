//! Routes: a scenario's own, and an environment's.

use super::address::{Use, same_place};
use super::{Checker, given, key_span, optional, tls};
use crate::fault::{Clients, EnvoyHeaders, RouteSpec, is_name, unix_path};
use crate::scenario::plan::PlannedRoute;
use crate::scenario::written::{EnvironmentRoute, EnvoyHeaders as WrittenEnvoy, Route, RouteKeys};
use crate::text::{Field, Pair, Pairs, Span, quote};

/// A route that can be planned, and where its name was written.
#[derive(Clone, Debug)]
pub(crate) struct NamedRoute {
    pub(crate) route: PlannedRoute,
    pub(crate) at: Span,
    /// Where the listening address was written.
    listen_at: Span,
}

/// What a file says about routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes {
    /// Those that can be planned.
    pub(crate) good: Vec<NamedRoute>,
    /// The names of those that were written and cannot; their problems were reported.
    pub(crate) broken: Vec<String>,
}

impl Routes {
    /// The route with this name.
    pub(crate) fn get(&self, name: &str) -> Option<&NamedRoute> {
        self.good.iter().find(|one| one.route.spec.name == name)
    }

    /// Every name that was written.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.good.iter().map(|one| one.route.spec.name.as_str()).chain(self.broken.iter().map(String::as_str))
    }
}

/// The routes that a drill serves itself.
pub(crate) fn own(checker: &mut Checker<'_>, field: &Field<Pairs<Route>>) -> Routes {
    let mut routes = Routes::default();
    for pair in field.get().into_iter().flatten() {
        let Some(route) = one(checker, pair, Route::keys) else {
            routes.broken.push(pair.name.clone());
            continue;
        };
        routes.good.push(route);
    }
    distinct(checker, &routes.good);
    routes
}

/// The routes that an environment's proxies serve.
pub(crate) fn environment(checker: &mut Checker<'_>, field: &Field<Pairs<EnvironmentRoute>>) -> Routes {
    let mut routes = Routes::default();
    for pair in field.get().into_iter().flatten() {
        let route = one(checker, pair, EnvironmentRoute::keys);
        let control = pair.value.get().and_then(|written| {
            let inside = pair.name_span;
            let (_, at) = checker.need(&written.control, "control", inside, "\"127.0.0.1:8474\"")?;
            let text = checker.text(&written.control)?;
            if written.tls.is_given() {
                checker.not_acted_on(format!(
                    "routes.{}.tls: the proxy that serves the route is started with it",
                    pair.name
                ));
            }
            checker.address(text, at, Use::Connect)
        });
        match (route, control) {
            (Some(mut route), Some(control)) => {
                route.route.control = Some(control);
                routes.good.push(route);
            }
            _ => routes.broken.push(pair.name.clone()),
        }
    }
    routes
}

fn one<R>(
    checker: &mut Checker<'_>,
    pair: &Pair<R>,
    keys: impl for<'r> Fn(&'r R) -> RouteKeys<'r>,
) -> Option<NamedRoute> {
    let named = is_name(&pair.name);
    if !named {
        checker
            .problems
            .error("bad-name", pair.name_span, format!("{} is no name of a route", quote(&pair.name)))
            .help("use a-z, 0-9 and `-`, and begin with a letter");
    }
    let (written, _) = given(&pair.value)?;
    let keys = keys(written);
    let (_, listen_at) = checker.need(keys.listen, "listen", pair.name_span, "\"127.0.0.1:9001\"")?;
    let listen = endpoint(checker, keys.listen, Use::Listen);
    let upstreams = destinations(checker, &keys, pair.name_span);
    let (tls, sni) = (tls::tls(checker, keys.tls), tls::sni(checker, keys.sni));
    let protocol = optional(keys.protocol)?.unwrap_or_default();
    let (listen, upstreams) = (listen?, upstreams?);
    if let Some((upstream, at)) = upstreams.iter().find(|(upstream, _)| same_place(&listen, upstream)) {
        checker
            .problems
            .error("route-to-itself", *at, format!("the route leads to itself: {}", quote(upstream)))
            .other(listen_at, "it listens here")
            .help("let `upstream` be the real service, and let its clients use the address of `listen`");
        return None;
    }
    let mut spec = RouteSpec::new(&pair.name, listen, "", protocol);
    let mut places = upstreams.into_iter().map(|(upstream, _)| upstream);
    if keys.upstream.is_given() {
        spec.upstream = places.next().unwrap_or_default();
    }
    spec.upstreams = places.collect();
    spec.transparent = optional(keys.transparent)?.unwrap_or_default();
    spec.connections_max = optional(keys.connections_max)?;
    spec.idle_timeout = optional(keys.idle_timeout)?;
    spec.dial_timeout = optional(keys.dial_timeout)?;
    spec.mark_faults = optional(keys.mark_faults)?.unwrap_or_default();
    spec.envoy_headers = envoy_headers(checker, keys.envoy_headers)?;
    if let Some((introduction, _)) = given(keys.proxy_protocol) {
        spec.proxy_protocol.accept = optional(&introduction.accept)?.unwrap_or_default();
        spec.proxy_protocol.send = optional(&introduction.send)?;
    } else if keys.proxy_protocol.is_bad() {
        return None;
    }
    (spec.tls, spec.sni) = (tls?, sni?);
    let good = fits(checker, &spec, &keys, pair.name_span);
    (named && good).then_some(NamedRoute {
        route: PlannedRoute { spec, control: None },
        at: pair.name_span,
        listen_at,
    })
}

/// Whose headers of Envoy are obeyed; nobody's when nothing is written.
fn envoy_headers(checker: &mut Checker<'_>, field: &Field<WrittenEnvoy>) -> Option<Option<EnvoyHeaders>> {
    if field.is_absent() {
        return Some(None);
    }
    let (map, at) = given(field)?;
    let max_percent = checker.need(&map.max_percent, "max_percent", at, "5%");
    let clients = if map.clients.is_absent() { Some(None) } else { checker.text(&map.clients).map(Some) };
    Some(Some(EnvoyHeaders { max_percent: *max_percent?.0, clients: clients?.map(Clients) }))
}

/// Reports what contradicts itself or is out of bounds; true when nothing does.
fn fits(checker: &mut Checker<'_>, spec: &RouteSpec, keys: &RouteKeys<'_>, inside: Span) -> bool {
    let place = |key: &str| match key {
        "upstream" => key_span(keys.upstream),
        "upstreams" => key_span(keys.upstreams),
        "transparent" => key_span(keys.transparent),
        "proxy_protocol" => key_span(keys.proxy_protocol),
        "connections_max" => keys.connections_max.span(),
        "idle_timeout" => keys.idle_timeout.span(),
        "dial_timeout" => keys.dial_timeout.span(),
        "mark_faults" => key_span(keys.mark_faults),
        "envoy_headers" => key_span(keys.envoy_headers),
        "envoy_headers.max_percent" => keys.envoy_headers.get()?.max_percent.span(),
        "envoy_headers.clients" => keys.envoy_headers.get()?.clients.span(),
        _ if key.starts_with("tls") => key_span(keys.tls),
        _ if key.starts_with("sni") => key_span(keys.sni),
        _ => None,
    };
    let problems = spec.check();
    for problem in &problems {
        checker
            .problems
            .error(
                "bad-route",
                place(&problem.key).unwrap_or(inside),
                format!("`{}` {}", problem.key, problem.why),
            )
            .help(problem.way_out.clone());
    }
    problems.is_empty()
}

/// Where a route leads: one place, several, or none of its own.
fn destinations(
    checker: &mut Checker<'_>,
    keys: &RouteKeys<'_>,
    inside: Span,
) -> Option<Vec<(String, Span)>> {
    let several = keys.upstreams.get().into_iter().flatten();
    let nowhere = keys.upstream.is_absent() && keys.upstreams.is_absent();
    if nowhere && keys.transparent.is_absent() && keys.sni.is_absent() {
        checker.need(keys.upstream, "upstream", inside, "\"127.0.0.1:9000\"")?;
    }
    if keys.upstream.is_bad() || keys.upstreams.is_bad() {
        return None;
    }
    // All are looked at before any is missed, so that every wrong one is reported.
    let all: Vec<_> = keys.upstream.is_given().then_some(keys.upstream).into_iter().chain(several).collect();
    let read: Vec<_> =
        all.into_iter().map(|field| Some((endpoint(checker, field, Use::Connect)?, field.span()?))).collect();
    read.into_iter().collect()
}

pub(super) fn endpoint(checker: &mut Checker<'_>, field: &Field<String>, used: Use) -> Option<String> {
    let at = field.span()?;
    let text = checker.text(field)?;
    match unix_path(&text) {
        None => checker.address(text, at, used),
        Some(Ok(_)) => Some(text),
        Some(Err(why)) => {
            checker
                .problems
                .error("bad-address", at, format!("the address {} {why}", quote(&text)))
                .help("write `unix:/path`, for example `unix:/run/shop.sock`");
            None
        }
    }
}

/// No two routes of one process listen on one address.
fn distinct(checker: &mut Checker<'_>, routes: &[NamedRoute]) {
    for (n, route) in routes.iter().enumerate() {
        let listen = &route.route.spec.listen;
        let Some(first) = routes[..n].iter().find(|first| same_place(&first.route.spec.listen, listen))
        else {
            continue;
        };
        let message = format!(
            "the routes `{}` and `{}` both listen on {}",
            first.route.spec.name,
            route.route.spec.name,
            quote(listen)
        );
        checker
            .problems
            .error("same-address", route.listen_at, message)
            .other(first.listen_at, "the first one")
            .help("give each route its own port");
    }
}
