//! A request made ready: secrets in place, address taken apart, trust decided.

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::Full;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::failure::HttpFailure;
use super::tls;
use crate::coordinator::secrets::Secrets;
use crate::scenario::plan::HttpRequest;

/// A request that can be sent any number of times. Holds secret values; never printed.
#[derive(Clone)]
pub struct PreparedRequest {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    method: Method,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl PreparedRequest {
    /// Puts the secrets in, and finds out everything that makes the request impossible to send. Reads the `ca` file.
    pub async fn new(request: &HttpRequest, secrets: &Secrets) -> Result<Self, HttpFailure> {
        // A secret may stand in the URL and so in what is wrong with it.
        Self::prepare(request, secrets).await.map_err(|failure| match failure {
            HttpFailure::Request(why) => HttpFailure::Request(secrets.cut_from(&why)),
            other => other,
        })
    }

    async fn prepare(request: &HttpRequest, secrets: &Secrets) -> Result<Self, HttpFailure> {
        let impossible = |why: String| HttpFailure::Request(why);
        let written = &request.url;
        let uri: Uri = secrets
            .reveal(written)
            .parse()
            .map_err(|why| impossible(format!("`{written}` is no URL: {why}")))?;
        let (secure, port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(impossible(format!("`{written}` begins with neither http:// nor https://"))),
        };
        let authority = uri.authority().ok_or_else(|| impossible(format!("`{written}` names no host")))?;
        if authority.as_str().contains('@') {
            return Err(impossible(format!(
                "`{written}` holds a user name; write the header `authorization` instead"
            )));
        }
        // `http` keeps the brackets of an IPv6 address; sockets and TLS want it bare.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| impossible(format!("`{}` is no method", request.method)))?;
        let headers = headers(request, secrets, authority.as_str())?;
        let tls = if secure {
            let name = ServerName::try_from(host.clone())
                .map_err(|_| impossible(format!("`{host}` is no name that a certificate can hold")))?;
            Some((tls::connector(request.ca.as_deref()).await?, name))
        } else {
            None
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Ok(Self {
            port: authority.port_u16().unwrap_or(port),
            target: target.parse().map_err(|why| impossible(format!("`{written}` is no URL: {why}")))?,
            body: Bytes::from(request.body.as_deref().map(|body| secrets.reveal(body)).unwrap_or_default()),
            host,
            tls,
            method,
            headers,
        })
    }

    /// The request as the HTTP library sends it.
    pub(super) fn build(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn headers(request: &HttpRequest, secrets: &Secrets, authority: &str) -> Result<HeaderMap, HttpFailure> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| HttpFailure::Request(format!("`{name}` is no header name")))?;
        // The value may be a secret; it is not repeated.
        let value = HeaderValue::from_bytes(secrets.reveal(value).as_bytes()).map_err(|_| {
            HttpFailure::Request(format!("the value of header `{name}` holds a character no header can"))
        })?;
        headers.insert(header, value);
    }
    let host = HeaderValue::from_str(authority)
        .map_err(|_| HttpFailure::Request(format!("`{authority}` is no host")))?;
    headers.entry(HOST).or_insert(host);
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("firedrill/", env!("CARGO_PKG_VERSION"))));
    Ok(headers)
}
