//! What pages must know of the configuration.

use config::WebUrl;
use domain::ServiceName;
use serde_json::json;

/// Where browsers find both services, and how prices are written.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    order_url: Option<WebUrl>,
    tracking_url: Option<WebUrl>,
    currency: String,
}

impl Settings {
    /// Of a service's configuration.
    pub fn of(web: &config::Web, restaurant: &config::Restaurant) -> Self {
        Self {
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
