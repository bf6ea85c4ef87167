//! What pages must know of the configuration.

use std::net::Ipv6Addr;

use config::WebUrl;
use domain::ServiceName;
use serde_json::json;

/// Where browsers find both services, and how prices are written.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The service that has these pages.
    service: Option<ServiceName>,
    order_url: Option<WebUrl>,
    tracking_url: Option<WebUrl>,
    currency: String,
}

impl Settings {
    /// Of the configuration of this service.
    pub fn of(service: ServiceName, web: &config::Web, restaurant: &config::Restaurant) -> Self {
        Self {
            service: Some(service),
            order_url: web.order_url.clone(),
            tracking_url: web.tracking_url.clone(),
            currency: restaurant.currency.clone(),
        }
    }

    /// The module that pages import. It is the same on both services, so that a gateway may ask
    /// either.
    pub(crate) fn module(&self) -> String {
        let constants = [
            ("orderUrl", json!(self.order_url.as_ref().map(WebUrl::to_string))),
            ("orderPort", json!(ServiceName::Order.port())),
            ("trackingUrl", json!(self.tracking_url.as_ref().map(WebUrl::to_string))),
            ("trackingPort", json!(ServiceName::Tracking.port())),
            ("currency", json!(self.currency)),
        ];
        let lines = constants.map(|(name, value)| format!("export const {name} = {value};\n"));
        lines.concat()
    }

    /// The address of the order page, for a page from which `root` leads to this service's root. If
    /// nothing is known of it, that root.
    pub(crate) fn order_page(&self, root: &str, host: Option<&str>) -> String {
        if self.service == Some(ServiceName::Order) {
            return root.to_owned();
        }
        if let Some(url) = &self.order_url {
            return format!("{url}/");
        }
        match (host.and_then(host_name), ServiceName::Order.port()) {
            (Some(host), Some(port)) => format!("//{host}:{port}/"),
            _ => root.to_owned(),
        }
    }

    /// The origins that pages of ours send requests to: those that are configured, else our ports
    /// on the host that the browser asked.
    pub(crate) fn origins(&self, host: Option<&str>) -> Vec<String> {
        let services = [
            (&self.order_url, ServiceName::Order.port()),
            (&self.tracking_url, ServiceName::Tracking.port()),
        ];
        services
            .into_iter()
            .filter_map(|(url, port)| match url {
                Some(url) => Some(url.origin().to_owned()),
                None => Some(format!("{}:{}", plain_host(host)?, port?)),
            })
            .collect()
    }
}

/// The name or address in `Host` without its port, if it is one.
fn host_name(host: &str) -> Option<&str> {
    let Some(rest) = host.strip_prefix('[') else { return plain_host(Some(host)) };
    let (address, _) = rest.split_once(']')?;
    address.parse::<Ipv6Addr>().ok()?;
    host.get(..address.len() + 2)
}

/// The name in `Host` without its port, if it is one that may stand in a policy. An IPv6 address
/// may not (Content Security Policy Level 3, `host-part`), so any host may stand for it.
fn plain_host(host: Option<&str>) -> Option<&str> {
    let host = host?;
    if host.starts_with('[') {
        return Some("*");
    }
    let name = host.split(':').next().unwrap_or_default();
    let is_plain = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    is_plain.then_some(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn pages_reach_the_configured_origins_or_our_ports_on_the_same_host() {
        let default = Settings::default();
        assert_eq!(default.origins(Some("localhost:3010")), ["localhost:3000", "localhost:3002"]);
        assert_eq!(default.origins(Some("[::1]:3000")), ["*:3000", "*:3002"]);
        for hostile in ["evil; script-src *", "a b", "", "a,b", "é"] {
            assert_eq!(default.origins(Some(hostile)), Vec::<String>::new(), "{hostile}");
        }
        let url: WebUrl = "https://shop.example/track".parse().unwrap();
        let settings = Settings { tracking_url: Some(url), ..Settings::default() };
        assert_eq!(settings.origins(Some("shop.example")), ["shop.example:3000", "https://shop.example"]);
    }

    #[test]
    fn the_way_to_the_order_page_leaves_a_service_that_has_none() {
        let on = |service| Settings { service: Some(service), ..Settings::default() };
        let tracking = on(ServiceName::Tracking);
        for (host, way) in [
            (Some("localhost:3002"), "//localhost:3000/"),
            (Some("[::1]:3002"), "//[::1]:3000/"),
            (Some("[\"><b>]:3002"), "../"),
            (Some("a\"b"), "../"),
            (None, "../"),
        ] {
            assert_eq!(tracking.order_page("../", host), way, "{host:?}");
        }
        assert_eq!(on(ServiceName::Order).order_page("../", Some("localhost:3010")), "../");
        let order_url = Some("https://shop.example/order".parse().unwrap());
        let behind_a_gateway = Settings { order_url, ..tracking };
        assert_eq!(behind_a_gateway.order_page("../", Some("inside:3002")), "https://shop.example/order/");
    }

    #[test]
    fn the_module_is_javascript() {
        let settings = Settings { currency: "EUR".to_owned(), ..Settings::default() };
        let module = settings.module();
        assert!(
            module.contains("export const orderUrl = null;\nexport const orderPort = 3000;\n"),
            "{module}"
        );
        assert!(module.ends_with("export const currency = \"EUR\";\n"), "{module}");
    }
}
