//! TLS of routes: what is written of it becomes what the proxy is told. Its own rules say what contradicts itself.

use super::address::Use;
use super::routes::endpoint;
use super::{Checker, given, optional};
use crate::fault::{Glob, RouteTls, SniRule, TlsTerminate, TlsUpstream};
use crate::scenario::written;
use crate::text::{Field, Form};

/// The TLS of a route; the outer nothing says that a problem was reported.
pub(super) fn tls(checker: &mut Checker<'_>, field: &Field<written::RouteTls>) -> Option<Option<RouteTls>> {
    let Some((written, _)) = given(field) else { return (!field.is_bad()).then_some(None) };
    let terminate = match given(&written.terminate) {
        Some((terminate, _)) => self::terminate(checker, terminate).map(Some),
        None => (!written.terminate.is_bad()).then_some(None),
    };
    let upstream = match given(&written.upstream) {
        Some((Form::Word(on), _)) => Some(on.then(TlsUpstream::default)),
        Some((Form::Map(upstream), _)) => self::upstream(checker, upstream).map(Some),
        Some((Form::List(never), _)) => match *never {},
        None => (!written.upstream.is_bad()).then_some(None),
    };
    let tls = RouteTls { terminate: terminate?, upstream: upstream? };
    // `upstream: false` alone says that there is none.
    Some(Some(tls).filter(|tls| *tls != RouteTls::default() || written.upstream.is_absent()))
}

fn terminate(checker: &mut Checker<'_>, written: &written::TlsTerminate) -> Option<TlsTerminate> {
    let [certificate, key, client_ca] =
        [&written.certificate, &written.key, &written.client_ca].map(|field| text(checker, field));
    let names: Vec<_> = written.names.get().into_iter().flatten().map(|name| text(checker, name)).collect();
    let names: Option<Vec<_>> = names.into_iter().map(Option::flatten).collect();
    if written.names.is_bad() {
        return None;
    }
    Some(TlsTerminate {
        certificate: certificate?.map(Into::into),
        key: key?.map(Into::into),
        generated: optional(&written.generated)?.unwrap_or_default(),
        names: names?,
        client_ca: client_ca?.map(Into::into),
    })
}

fn upstream(checker: &mut Checker<'_>, written: &written::TlsUpstream) -> Option<TlsUpstream> {
    let fields = [&written.ca, &written.server_name, &written.certificate, &written.key];
    let [ca, server_name, certificate, key] = fields.map(|field| text(checker, field));
    Some(TlsUpstream {
        ca: ca?.map(Into::into),
        server_name: server_name?,
        certificate: certificate?.map(Into::into),
        key: key?.map(Into::into),
        verify: optional(&written.verify)?.unwrap_or(true),
    })
}

/// The rules of `sni`, when all of them are right.
pub(super) fn sni(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<written::SniRule>>>,
) -> Option<Vec<SniRule>> {
    let rules = field.get().into_iter().flatten().map(|rule| {
        let (rule, at) = given(rule)?;
        let name = checker.need(&rule.name, "name", at, "\"*.shop.example\"").is_some();
        let upstream = checker.need(&rule.upstream, "upstream", at, "\"127.0.0.1:9443\"").is_some();
        let name = if name { checker.text(&rule.name) } else { None };
        let upstream = if upstream { endpoint(checker, &rule.upstream, Use::Connect) } else { None };
        Some(SniRule { name: Glob(name?), upstream: upstream? })
    });
    let rules: Vec<_> = rules.collect();
    if field.is_bad() { None } else { rules.into_iter().collect() }
}

/// A text that may be absent; the outer nothing says that a problem was reported.
fn text(checker: &mut Checker<'_>, field: &Field<String>) -> Option<Option<String>> {
    if field.is_absent() { Some(None) } else { checker.text(field).map(Some) }
}
