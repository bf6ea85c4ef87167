//! The origins of our own pages: this service's, and those of the order and the tracking service.

use config::{BasePath, Web, WebUrl};
use domain::ServiceName;

/// The order service and the tracking service, as browsers find them.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnOrigins {
    order: Option<WebUrl>,
    tracking: Option<WebUrl>,
}

impl OwnOrigins {
    pub(crate) fn new(web: &Web) -> Self {
        Self { order: web.order_url.clone(), tracking: web.tracking_url.clone() }
    }

    /// Whether a page of this origin is ours, if the browser asked this host.
    pub(crate) fn contain(&self, origin: &str, host: Option<&str>) -> bool {
        is_same(origin, host) || self.is_peer(origin, host)
    }

    /// Whether the origin is that of one of the two services: the configured one, else the host
    /// that the browser asked, at the service's default port.
    pub(crate) fn is_peer(&self, origin: &str, host: Option<&str>) -> bool {
        let services = [(&self.order, ServiceName::Order), (&self.tracking, ServiceName::Tracking)];
        services.into_iter().any(|(configured, service)| match (configured, service.port(), host) {
            (Some(url), _, _) => url.origin().eq_ignore_ascii_case(origin),
            (None, Some(port), Some(host)) => is_at(origin, &format!("{}:{port}", without_port(host))),
            _ => false,
        })
    }

    /// Whether one of the configured URLs has this host name.
    pub(crate) fn has_host(&self, name: &str) -> bool {
        let hosts = self.configured().filter_map(|url| authority(url.origin()));
        hosts.into_iter().any(|(_, host)| without_port(host).eq_ignore_ascii_case(name))
    }

    /// Whether browsers reach a service over TLS, as far as the configuration says.
    pub(crate) fn are_https(&self) -> bool {
        self.configured().any(WebUrl::is_https)
    }

    /// The path that both services lie below, if this one is found at `base`.
    pub(crate) fn common_path(&self, base: &BasePath) -> BasePath {
        let own = Some(base).filter(|base| !base.is_root());
        let mut paths = own.into_iter().chain(self.configured().map(WebUrl::path));
        let Some(first) = paths.next() else { return BasePath::default() };
        paths.fold(first.clone(), |common, path| common.common(path))
    }

    fn configured(&self) -> impl Iterator<Item = &WebUrl> {
        [&self.order, &self.tracking].into_iter().flatten()
    }
}

/// Whether a page of this origin was loaded from the host and port that the browser asks now.
pub(crate) fn is_same(origin: &str, host: Option<&str>) -> bool {
    host.is_some_and(|host| is_at(origin, host))
}

/// Splits `https://shop.example:8443` into `https` and `shop.example:8443`.
pub(crate) fn authority(origin: &str) -> Option<(&str, &str)> {
    origin.split_once("://")
}

pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Whether a page of this origin was loaded from this host. The scheme cannot be compared, because
/// a proxy may terminate TLS.
fn is_at(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = authority(origin) else { return false };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let plain = |host: &str| host.strip_suffix(default_port).unwrap_or(host).to_ascii_lowercase();
    !authority.is_empty() && plain(authority) == plain(host)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn origins(order: &str, tracking: &str) -> OwnOrigins {
        let url = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        OwnOrigins { order: url(order), tracking: url(tracking) }
    }

    #[test]
    fn the_two_services_are_ours_and_nobody_else() {
        let host = Some("localhost:3000");
        for (order, tracking, origin, expected) in [
            ("", "", "http://localhost:3000", true),
            ("", "", "http://localhost:3002", true),
            ("", "", "http://LOCALHOST:3002", true),
            ("", "", "http://localhost:3003", false),
            ("", "", "http://127.0.0.1:3002", false),
            ("", "", "ftp://localhost:3002", false),
            ("", "", "null", false),
            ("", "http://localhost:4002", "http://localhost:4002", true),
            ("", "http://localhost:4002", "http://localhost:3002", false),
            ("https://shop.example/order", "", "https://shop.example", true),
            ("https://shop.example/order", "", "http://shop.example", false),
            ("https://shop.example/order", "", "https://shop.example.evil.example", false),
        ] {
            let judged = origins(order, tracking).contain(origin, host);
            assert_eq!(judged, expected, "{order:?} {tracking:?} {origin}");
        }
        assert!(!origins("", "").contain("http://localhost:3002", None));
        assert!(origins("", "").contain("http://[::1]:3002", Some("[::1]:3000")));
    }

    #[test]
    fn what_is_configured_says_more() {
        let both = origins("https://shop.example/a/order", "https://shop.example/a/tracking");
        assert!(both.are_https() && both.has_host("SHOP.example") && !both.has_host("example"));
        assert_eq!(both.common_path(&BasePath::default()).as_str(), "/a");
        assert_eq!(both.common_path(&"/b".parse().unwrap()).as_str(), "");
        let none = origins("", "");
        assert!(!none.are_https() && !none.has_host(""));
        assert_eq!(none.common_path(&"/b".parse().unwrap()).as_str(), "/b");
        assert_eq!(none.common_path(&BasePath::default()).as_str(), "");
    }
}
