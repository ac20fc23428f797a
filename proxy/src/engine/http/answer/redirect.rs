//! `http_redirect_loop`: back to where the request came to.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, Uri, header};

use crate::fault::HttpRedirectLoop;

pub(super) fn answer(fault: &HttpRedirectLoop, uri: &Uri) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    // Checked when the fault was armed.
    *response.status_mut() = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::FOUND);
    let location = fault.location.clone().unwrap_or_else(|| itself(uri));
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The same URL on the same host: a path alone, which holds whatever host and scheme the client knows the proxy by.
fn itself(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // Two slashes at the beginning would name a host.
    if path.starts_with("//") { format!("/.{path}") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leads_to_the_same_url() {
        let location = |json: &str, uri: &str| {
            let answer = answer(&serde_json::from_str(json).unwrap(), &uri.parse().unwrap());
            (answer.status().as_u16(), answer.headers()["location"].to_str().unwrap().to_owned())
        };
        assert_eq!(location("{}", "/a/b?c=d&e"), (302, "/a/b?c=d&e".to_owned()));
        assert_eq!(location(r#"{"status": 308}"#, "http://shop.test/a"), (308, "/a".to_owned()));
        assert_eq!(location("{}", "//a.test/b").1, "/.//a.test/b");
        assert_eq!(location(r#"{"location": "/login"}"#, "/a").1, "/login");
    }
}
