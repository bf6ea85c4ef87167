//! Refuses requests that a browser sends on behalf of another site's page.
//!
//! Every page that somebody opens on a machine can reach a service that listens on its loopback. So
//! the page's origin must be the server's own, that of our other service, or a configured one (RFC
//! 6454; Fetch Metadata, W3C). Only pages of ours get answers that cookies opened.
//! The host name must not be one that a foreign DNS server pointed here (DNS rebinding). A server
//! in a container cannot see that its port is published on the host's loopback: there the
//! configuration names the allowed hosts. Programs send neither `Origin` nor `Sec-Fetch-Site` and
//! are not affected.

use std::net::IpAddr;
use std::str::FromStr as _;

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use config::{HostNames, Origins};
use domain::RequestId;
use logging::{Log, action};

use crate::Problem;
use crate::own_origins::{OwnOrigins, authority, is_same, without_port};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// What a page of another site may send, and which headers of the response it may read.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
/// What a page of ours may send: the staff's pages change the menu and the stock.
const OUR_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-none-match, last-event-id, x-order-token, x-request-id, x-requested-with",
);
const ANSWER_HEADERS: HeaderValue =
    HeaderValue::from_static("etag, retry-after, x-order-token, x-request-id");
/// Seconds for which a browser may cache the answer to a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The allowed origins and host names.
#[derive(Clone)]
pub(crate) struct CrossSite {
    /// Pages of our two services: with cookies.
    ours: OwnOrigins,
    /// Pages of other sites: without.
    allowed: Origins,
    hosts: HostNames,
    /// Whether the host name is checked: only this machine can reach the server, or the
    /// configuration demands it.
    checks_names: bool,
    log: Log,
}

/// A page of another origin that may read the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    origin: HeaderValue,
    /// Whether it is ours: the browser may send it cookies.
    is_ours: bool,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Page,
    Name,
}

impl CrossSite {
    pub(crate) fn new(settings: &config::Http, ours: OwnOrigins, address: IpAddr, log: &Log) -> Self {
        let hosts = settings.allowed_hosts.clone();
        let checks_names = address.to_canonical().is_loopback() || !hosts.is_empty();
        Self { ours, allowed: settings.allowed_origins.clone(), hosts, checks_names, log: log.clone() }
    }

    /// Decides whether the request is allowed. Returns the page if one of ours or of a configured
    /// origin sent it.
    fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Option<Page>, Refusal> {
        if self.checks_names && !self.names_are_known(uri, headers) {
            return Err(Refusal::Name);
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            let is_foreign = headers.get(&SITE).is_some_and(|site| site == "cross-site");
            let allowed = !is_foreign || is_navigation(method, headers);
            return if allowed { Ok(None) } else { Err(Refusal::Page) };
        };
        let text = origin.to_str().map_err(|_| Refusal::Page)?;
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        if is_same(text, host) {
            return Ok(None);
        }
        let is_ours = self.ours.is_peer(text, host);
        let may_read = is_ours || self.allowed.contain(text);
        if may_read { Ok(Some(Page { origin: origin.clone(), is_ours })) } else { Err(Refusal::Page) }
    }

    /// Whether every host name of the request belongs to this machine: `localhost` or a name below
    /// it, an address, a configured name, or the host of a configured origin or URL (which a proxy
    /// may pass on).
    fn names_are_known(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let is_known = |host: &str| {
            let name = without_port(host);
            let name = name.strip_suffix('.').unwrap_or(name);
            let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
            if name.eq_ignore_ascii_case("localhost") || IpAddr::from_str(address).is_ok() {
                return true;
            }
            let name = name.to_ascii_lowercase();
            name.ends_with(".localhost")
                || self.hosts.contain(&name)
                || self.ours.has_host(&name)
                || self.allowed.iter().any(|origin| {
                    authority(origin)
                        .is_some_and(|(_, known)| without_port(known).eq_ignore_ascii_case(&name))
                })
        };
        uri.authority().is_none_or(|authority| is_known(authority.as_str()))
            && headers.get_all(header::HOST).all(|host| host.to_str().is_ok_and(is_known))
    }

    fn refuse(&self, refusal: Refusal, request: &ServiceRequest, id: &RequestId) -> Problem {
        let (status, detail) = match refusal {
            Refusal::Page => (
                StatusCode::FORBIDDEN,
                "A page of another site sent this. If it is yours, name its origin in http.allowed_origins (HTTP_ALLOWED_ORIGINS).",
            ),
            Refusal::Name => (
                StatusCode::MISDIRECTED_REQUEST,
                "This server is not known by the name in Host. Use localhost or its address, or add the name to http.allowed_hosts (HTTP_ALLOWED_HOSTS).",
            ),
        };
        let problem = Problem::new(status, detail, id);
        self.log
            .with_request_id(id.clone())
            .error(action::CROSS_SITE_REFUSED, "The request was refused", &problem)
            .detail("origin", shown(request, &header::ORIGIN))
            .detail("host", shown(request, &header::HOST))
            .emit_limited();
        problem
    }
}

fn shown(request: &ServiceRequest, name: &HeaderName) -> String {
    let value = request.headers().get(name).map_or(&[][..], HeaderValue::as_bytes);
    logging::printable(&String::from_utf8_lossy(value))
}

/// A user followed a link on another site. The user sees the response, that site does not.
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name: &HeaderName, expected: &str| headers.get(name).is_some_and(|value| value == expected);
    matches!(*method, Method::GET | Method::HEAD) && is(&MODE, "navigate") && is(&DEST, "document")
}

/// Refuses requests that pages of other sites sent. Returns the page of an origin that may use the
/// service.
///
/// # Errors
/// The response to send instead.
pub(crate) fn check(request: &ServiceRequest, id: &RequestId) -> Result<Option<Page>, Problem> {
    let Some(rules) = request.app_data::<CrossSite>() else { return Ok(None) };
    rules
        .judge(request.method(), request.uri(), request.headers())
        .map_err(|refusal| rules.refuse(refusal, request, id))
}

impl Page {
    /// The response to a CORS preflight. `None` if the request is not a preflight.
    pub(crate) fn preflight(&self, request: &ServiceRequest) -> Option<HttpResponse> {
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        asks.then(|| {
            let mut response = HttpResponse::NoContent().finish();
            let headers = response.headers_mut();
            let methods = if self.is_ours { OUR_METHODS } else { METHODS };
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            response
        })
    }

    /// Allows the page to read the response.
    pub(crate) fn open(self, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.origin);
        if self.is_ours {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn rules(address: &str, allowed_hosts: &str) -> CrossSite {
        let (log, _flush) = logging::start("order-service", logging::Level::Error);
        let settings = config::Http {
            allowed_origins: "https://shop.example".parse().unwrap(),
            allowed_hosts: allowed_hosts.parse().unwrap(),
            ..config::Http::default()
        };
        CrossSite::new(&settings, OwnOrigins::default(), address.parse().unwrap(), &log)
    }

    /// Whether a page that may read the answer sent it, and whether that is ours.
    fn judged(
        address: &str,
        method: &Method,
        headers: &[(HeaderName, &str)],
    ) -> Result<Option<bool>, Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), value.parse().unwrap());
        }
        let judged = rules(address, "").judge(method, &Uri::from_static("/orders"), &map);
        judged.map(|page| page.map(|page| page.is_ours))
    }

    /// Whether a request with this target and `Host` is allowed, if `order-service` and
    /// `till.example` are configured.
    fn is_known(address: &str, target: &str, host: &str) -> bool {
        let mut map = HeaderMap::new();
        map.append(header::HOST, host.parse().unwrap());
        let uri: Uri = target.parse().unwrap();
        rules(address, "order-service,till.example").judge(&Method::GET, &uri, &map).is_ok()
    }

    #[test]
    fn only_own_and_configured_pages_are_let_in() {
        type Headers<'a> = &'a [(HeaderName, &'a str)];
        let cases: &[(Headers<'_>, Result<Option<bool>, Refusal>)] = &[
            (&[], Ok(None)),
            (&[(SITE, "same-origin")], Ok(None)),
            (&[(SITE, "none")], Ok(None)),
            (&[(SITE, "cross-site")], Err(Refusal::Page)),
            (&[(header::ORIGIN, "http://evil.example")], Err(Refusal::Page)),
            (&[(header::ORIGIN, "null")], Err(Refusal::Page)),
            (&[(header::ORIGIN, "http://menu.example")], Ok(None)),
            (&[(header::ORIGIN, "https://MENU.example:443")], Ok(None)),
            (&[(header::ORIGIN, "http://menu.example:3000"), (SITE, "same-site")], Ok(Some(true))),
            (&[(header::ORIGIN, "http://menu.example:3002"), (SITE, "same-site")], Ok(Some(true))),
            (&[(header::ORIGIN, "http://menu.example:8080")], Err(Refusal::Page)),
            (&[(header::ORIGIN, "ftp://menu.example")], Err(Refusal::Page)),
            (&[(header::ORIGIN, "https://shop.example"), (SITE, "cross-site")], Ok(Some(false))),
            (&[(header::ORIGIN, "https://shop.example.evil.example")], Err(Refusal::Page)),
        ];
        for (headers, expected) in cases {
            let headers = [*headers, &[(header::HOST, "menu.example")]].concat();
            assert_eq!(judged("192.0.2.1", &Method::POST, &headers), *expected, "{headers:?}");
        }
    }

    #[test]
    fn whoever_follows_a_link_of_another_site_sees_the_answer() {
        let navigates = [(SITE, "cross-site"), (MODE, "navigate"), (DEST, "document")];
        assert_eq!(judged("192.0.2.1", &Method::GET, &navigates), Ok(None));
        assert_eq!(judged("192.0.2.1", &Method::POST, &navigates), Err(Refusal::Page));
        let embedded = [(SITE, "cross-site"), (MODE, "navigate"), (DEST, "iframe")];
        assert_eq!(judged("192.0.2.1", &Method::GET, &embedded), Err(Refusal::Page));
    }

    #[test]
    fn on_the_loopback_the_name_must_be_one_of_this_machine() {
        for host in [
            "localhost",
            "LOCALHOST:3000",
            "a.localhost.",
            "127.0.0.1:3000",
            "127.1.2.3",
            "[::1]:3000",
            "10.0.0.7",
            "shop.example",
        ] {
            assert_eq!(judged("127.0.0.1", &Method::GET, &[(header::HOST, host)]), Ok(None), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example:3000", "", "evil.example:", "1.2.3.4.evil.example"]
        {
            let headers = [(header::HOST, host)];
            assert_eq!(judged("127.0.0.1", &Method::GET, &headers), Err(Refusal::Name), "{host}");
            assert_eq!(judged("::1", &Method::GET, &headers), Err(Refusal::Name), "{host}");
            assert_eq!(judged("0.0.0.0", &Method::GET, &headers), Ok(None), "{host}");
        }
        let twice = [(header::HOST, "localhost"), (header::HOST, "evil.example")];
        assert_eq!(judged("127.0.0.1", &Method::GET, &twice), Err(Refusal::Name));
        assert_eq!(judged("127.0.0.1", &Method::GET, &[]), Ok(None), "HTTP/1.0");
    }

    #[test]
    fn where_names_are_configured_the_name_must_be_a_known_one_on_any_address() {
        for address in ["0.0.0.0", "::", "192.0.2.1", "127.0.0.1"] {
            for host in [
                "order-service",
                "Order-Service.:3000",
                "till.example",
                "localhost:3000",
                "a.localhost",
                "10.0.0.7:3000",
                "[::1]",
                "shop.example",
            ] {
                assert!(is_known(address, "/orders", host), "{address} {host}");
                assert!(is_known(address, &format!("http://{host}/orders"), "localhost"), "{address} {host}");
                assert!(!is_known(address, "http://evil.example/orders", host), "{address} {host}");
            }
            for host in ["evil.example", "a.till.example", "order-service.evil.example", "", "till.example:x"]
            {
                assert!(!is_known(address, "/orders", host), "{address} {host}");
            }
        }
    }
}
