//! Routes: a scenario's own, and an environment's.

use super::address::{Use, same_place};
use super::{Checker, given, optional};
use crate::fault::{Protocol, RouteSpec, is_name};
use crate::scenario::plan::PlannedRoute;
use crate::scenario::written::{EnvironmentRoute, Route};
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
        let Some(route) = one(checker, pair, |route| (&route.listen, &route.upstream, &route.protocol))
        else {
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
        let route = one(checker, pair, |route| (&route.listen, &route.upstream, &route.protocol));
        let control = pair.value.get().and_then(|written| {
            let inside = pair.name_span;
            let (_, at) = checker.need(&written.control, "control", inside, "\"127.0.0.1:8474\"")?;
            let text = checker.text(&written.control)?;
            if written.tls.get().and_then(|tls| tls.upstream.get()) == Some(&true) {
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

type Parts<'r> = (&'r Field<String>, &'r Field<String>, &'r Field<Protocol>);

fn one<R>(
    checker: &mut Checker<'_>,
    pair: &Pair<R>,
    parts: impl for<'r> Fn(&'r R) -> Parts<'r>,
) -> Option<NamedRoute> {
    let named = is_name(&pair.name);
    if !named {
        checker
            .problems
            .error("bad-name", pair.name_span, format!("{} is no name of a route", quote(&pair.name)))
            .help("use a-z, 0-9 and `-`, and begin with a letter");
    }
    let (written, _) = given(&pair.value)?;
    let (listen, upstream, protocol) = parts(written);
    let listen = endpoint(checker, listen, "listen", pair.name_span, Use::Listen);
    let upstream = endpoint(checker, upstream, "upstream", pair.name_span, Use::Connect);
    let protocol = optional(protocol)?.unwrap_or_default();
    let ((listen, listen_at), (upstream, upstream_at)) = (listen?, upstream?);
    if same_place(&listen, &upstream) {
        checker
            .problems
            .error("route-to-itself", upstream_at, format!("the route leads to itself: {}", quote(&upstream)))
            .other(listen_at, "it listens here")
            .help("let `upstream` be the real service, and let its clients use the address of `listen`");
        return None;
    }
    let spec = RouteSpec::new(&pair.name, listen, upstream, protocol);
    named.then_some(NamedRoute { route: PlannedRoute { spec, control: None }, at: pair.name_span, listen_at })
}

fn endpoint(
    checker: &mut Checker<'_>,
    field: &Field<String>,
    key: &str,
    inside: Span,
    used: Use,
) -> Option<(String, Span)> {
    let example = if used == Use::Listen { "\"127.0.0.1:9001\"" } else { "\"127.0.0.1:9000\"" };
    let (_, at) = checker.need(field, key, inside, example)?;
    let text = checker.text(field)?;
    Some((checker.address(text, at, used)?, at))
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
