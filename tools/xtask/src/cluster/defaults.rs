//! What `up` sets, unless the user has: a restaurant to try has a menu, takes orders as messages,
//! and has staff.

use config::Config;
use domain::ServiceName;
use runtime::password;
use secrecy::ExposeSecret as _;

use crate::cluster::service::url;

/// The variable that switches the menu on.
pub const MENU_MODE: &str = "MENU_MODE";

/// Environment variables for the services, and for the tools that find them by `.local/env`. The
/// staff's key is a random one.
pub fn variables(config: &Config) -> Vec<(&'static str, String)> {
    let key = Some(&config.order.staff_key).filter(|key| !key.expose_secret().is_empty()).cloned();
    let key = key.unwrap_or_else(password::random);
    let wanted = [(MENU_MODE, "on"), ("INTAKE_ENABLED", "true"), ("ORDER_STAFF_KEY", key.expose_secret())];
    wanted.map(|(name, value)| (name, std::env::var(name).unwrap_or_else(|_| value.to_owned()))).into()
}

/// Where browsers find a service that does not listen on its own port: else another program's page
/// at that port would be taken for ours.
pub fn pages(config: &Config, order_port: u16, tracking_port: u16) -> Vec<(&'static str, String)> {
    let (order, tracking) = (&config.web.order_url, &config.web.tracking_url);
    let places = [
        ("WEB_ORDER_URL", ServiceName::Order, order_port, order),
        ("WEB_TRACKING_URL", ServiceName::Tracking, tracking_port, tracking),
    ];
    let elsewhere = places
        .into_iter()
        .filter(|(_, service, port, configured)| configured.is_none() && service.port() != Some(*port));
    elsewhere.map(|(name, _, port, _)| (name, url(config.http.bind, port))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_service_on_another_port_has_a_url() {
        let config = Config::default();
        assert_eq!(pages(&config, 3000, 3002), []);
        let url = "http://127.0.0.1:3001".to_owned();
        assert_eq!(pages(&config, 3001, 3002), [("WEB_ORDER_URL", url)]);
    }
}
