//! The environment that tells a program its database and its virtual host.

use std::path::Path;

use config::{Database, Rabbitmq};
use secrecy::ExposeSecret;

/// The variables of that environment.
pub fn environment(database: &Database, broker: &Rabbitmq) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("DB_HOST", database.host.clone()),
        ("DB_PORT", database.port.to_string()),
        ("DB_USER", database.user.clone()),
        ("DB_PASSWORD", database.password.expose_secret().to_owned()),
        ("DB_NAME", database.database.clone()),
        ("DB_TLS", database.tls.to_string()),
        ("RABBITMQ_HOST", broker.host.clone()),
        ("RABBITMQ_PORT", broker.port.to_string()),
        ("RABBITMQ_USER", broker.user.clone()),
        ("RABBITMQ_PASSWORD", broker.password.expose_secret().to_owned()),
        ("RABBITMQ_VHOST", broker.vhost.clone()),
        ("RABBITMQ_TLS", broker.tls.to_string()),
    ];
    let files = [
        ("DB_TLS_CA", &database.tls_ca),
        ("DB_TLS_CERT", &database.tls_cert),
        ("DB_TLS_KEY", &database.tls_key),
        ("RABBITMQ_TLS_CA", &broker.tls_ca),
        ("RABBITMQ_TLS_CERT", &broker.tls_cert),
        ("RABBITMQ_TLS_KEY", &broker.tls_key),
    ];
    variables.extend(files.into_iter().filter_map(|(name, file)| Some((name, written(file.as_deref()?)))));
    variables
}

/// A program may run in another folder than this one.
fn written(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
