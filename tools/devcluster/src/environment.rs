//! The environment that tells a program its database and its virtual host.

use config::{Database, Rabbitmq};
use secrecy::ExposeSecret;

/// The variables of that environment.
pub fn environment(database: &Database, broker: &Rabbitmq) -> Vec<(&'static str, String)> {
    vec![
        ("DB_HOST", database.host.clone()),
        ("DB_PORT", database.port.to_string()),
        ("DB_USER", database.user.clone()),
        ("DB_PASSWORD", database.password.expose_secret().to_owned()),
        ("DB_NAME", database.database.clone()),
        ("RABBITMQ_HOST", broker.host.clone()),
        ("RABBITMQ_PORT", broker.port.to_string()),
        ("RABBITMQ_USER", broker.user.clone()),
        ("RABBITMQ_PASSWORD", broker.password.expose_secret().to_owned()),
        ("RABBITMQ_VHOST", broker.vhost.clone()),
    ]
}
