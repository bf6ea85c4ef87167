//! Checks whether consumers take what the services send (`rabbitmq.publishers`).

use config::{Config, MessageKind};
use domain::ServiceName;

use super::Services;
use crate::view::verdict::Verdict;

/// `None` if nobody is checked, or if these services send nothing that is.
pub fn check(config: &Config, services: &Services) -> Option<Verdict> {
    let (check, settings) = ("publishers", &config.rabbitmq);
    let is_sent = |kind| match kind {
        MessageKind::Orders | MessageKind::Status => {
            services.contain(ServiceName::Order) || services.contain(ServiceName::Kitchen)
        }
        // The order service replaces requests by copies.
        MessageKind::Requests => services.contain(ServiceName::Order) && config.intake.enabled,
    };
    let sent: Vec<MessageKind> = MessageKind::ALL.into_iter().filter(|kind| is_sent(*kind)).collect();
    if !settings.publishers.are_checked() || sent.is_empty() {
        return None;
    }
    if settings.tls_cert.is_some() {
        let found = "with a certificate, RabbitMQ may know the service by another name than rabbitmq.user";
        return Some(Verdict::unknown(check, found, "see whether the service logs publisher_untrusted"));
    }
    let is_refused = |kind: &MessageKind| !settings.publishers.admit(*kind, Some(&settings.user));
    let refused: Vec<&str> = sent.into_iter().filter(is_refused).map(MessageKind::as_str).collect();
    if refused.is_empty() {
        return Some(Verdict::ok(check, format!("what '{}' sends is taken", settings.user)));
    }
    let found = format!("nobody takes from '{}' what it sends: {}", settings.user, refused.join(", "));
    let to_do = "let rabbitmq.publishers (RABBITMQ_PUBLISHERS) name that user, the same at every service";
    Some(Verdict::fail(check, found, to_do))
}
