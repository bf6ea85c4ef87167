//! What `up` sets, unless the user has: a restaurant to try has a menu, takes orders as messages,
//! and has staff.

use config::Config;
use runtime::password;
use secrecy::ExposeSecret as _;

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
