//! What `up` sets, unless the user has: a restaurant to try has a menu, takes orders as messages,
//! and has staff.

use std::fs;
use std::io;
use std::path::Path;

use config::Config;
use devcluster::Error;
use domain::ServiceName;
use runtime::password;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cluster::record::write_whole;
use crate::cluster::service::url;

/// The variable that switches the menu on.
pub const MENU_MODE: &str = "MENU_MODE";

/// Environment variables for the services, and for the tools that find them by `.local/env`.
///
/// # Errors
/// The staff's key, which this file keeps, cannot be read or written.
pub fn variables(config: &Config, path: &Path) -> Result<Vec<(&'static str, String)>, Error> {
    let configured = Some(&config.order.staff_key).filter(|key| !key.expose_secret().is_empty()).cloned();
    let key = configured.map_or_else(|| kept_key(path), Ok);
    let key = key.map_err(Error::file("keep the staff's key in", path))?;
    let wanted = [(MENU_MODE, "on"), ("INTAKE_ENABLED", "true"), ("ORDER_STAFF_KEY", key.expose_secret())];
    let variables =
        wanted.map(|(name, value)| (name, std::env::var(name).unwrap_or_else(|_| value.to_owned())));
    Ok(variables.into())
}

/// The staff's key of an earlier start, else a random one for this and all later starts. Whoever
/// has signed in stays so, and what was started by hand has the same key.
fn kept_key(path: &Path) -> io::Result<SecretString> {
    let kept = match fs::read_to_string(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => String::new(),
        read => read?.trim().to_owned(),
    };
    if !kept.is_empty() {
        return Ok(kept.into());
    }
    let key = password::random();
    write_whole(path, key.expose_secret())?;
    Ok(key)
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
    fn the_first_key_stays_until_one_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("staff-key");
        let mut config = Config::default();
        let key = |config: &Config| variables(config, &path).unwrap()[2].1.clone();
        let first = key(&config);
        assert_eq!(first.len(), 24);
        assert_eq!(key(&config), first);
        config.order.staff_key = "a-key-that-somebody-has-configured".into();
        assert_eq!(key(&config), "a-key-that-somebody-has-configured");
        config.order.staff_key = "".into();
        assert_eq!(key(&config), first);
    }

    #[test]
    fn only_a_service_on_another_port_has_a_url() {
        let config = Config::default();
        assert_eq!(pages(&config, 3000, 3002), []);
        let url = "http://127.0.0.1:3001".to_owned();
        assert_eq!(pages(&config, 3001, 3002), [("WEB_ORDER_URL", url)]);
    }
}
