//! Whether a server answers.

use std::error::Error;

use logging::{Action, Log, action};
use telemetry::labels::Server;
use telemetry::metrics::EXPORTER_UP;

/// A server that is asked from time to time. Its log has a line when it comes or goes, not for each
/// look.
pub struct Link {
    server: Server,
    is_up: Option<bool>,
}

impl Link {
    /// It was not asked yet.
    pub fn new(server: Server) -> Self {
        Self { server, is_up: None }
    }

    /// It was asked.
    pub fn note(&mut self, answered: Result<(), &dyn Error>, log: &Log) {
        let is_up = answered.is_ok();
        EXPORTER_UP.set(self.server, if is_up { 1.0 } else { 0.0 });
        if self.is_up.replace(is_up) == Some(is_up) {
            return;
        }
        let (name, connected, failed) = self.words();
        match answered {
            Ok(()) => log.info(connected, format!("{name} answers")).emit(),
            Err(why) => {
                let text = format!("{name} does not answer; its figures are left out until it does");
                log.error(failed, text, why).emit();
            }
        }
    }

    fn words(&self) -> (&'static str, Action, Action) {
        match self.server {
            Server::Postgresql => ("PostgreSQL", action::DB_CONNECTED, action::DB_CONNECTION_FAILED),
            Server::Rabbitmq => ("RabbitMQ", action::RABBITMQ_CONNECTED, action::RABBITMQ_CONNECTION_FAILED),
        }
    }
}
