//! Checks certificates that a service shows or trusts at its start.

use config::{Config, TlsMode};
use domain::ServiceName;
use logging::{Log, action};
use tls::client;
use tls::server::Certificate;
use tls::{Files, FilesError, check_certificate};

/// Reads the files of the connections to the servers for the first time, and those of its own
/// listener if it answers clients. Without them no connection can be made, and only a person can
/// correct them.
///
/// # Errors
/// They cannot be used.
pub(crate) fn read(service: ServiceName, answers_clients: bool, config: &Config) -> Result<(), FilesError> {
    of_servers(service, config).iter().try_for_each(|files| client::current(files).map(drop))?;
    if answers_clients {
        Certificate::read(Files::from(&config.http))?;
    }
    Ok(())
}

/// Tells of certificates that this service shows, and that are not valid now.
pub(crate) fn tell_of_invalid(service: ServiceName, config: &Config, log: &Log) {
    for files in of_servers(service, config).iter().filter(|files| files.mode != TlsMode::Disable) {
        if let Err(why) = check_certificate(files) {
            let message =
                format!("A server of '{}' that asks for a certificate refuses: {why}", files.section.name());
            log.error(action::CERTIFICATE_NOT_VALID, message, &why).emit();
        }
    }
}

/// The files of the connections to the servers that this service uses.
fn of_servers(service: ServiceName, config: &Config) -> Vec<Files> {
    let (database, broker) = match service {
        ServiceName::Order | ServiceName::Kitchen => (true, true),
        ServiceName::Tracking => (true, false),
        ServiceName::Notifier => (false, true),
    };
    let database = database.then(|| Files::from(&config.database));
    database.into_iter().chain(broker.then(|| Files::from(&config.rabbitmq))).collect()
}
