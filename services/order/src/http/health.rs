//! What the probes look at: whether orders can be taken, and whether the staff takes them.

use db::{Access, Database, startup};
use domain::ServiceName;
use http_service::health::{self, Check, Checks};

use crate::acceptance::Acceptance;
use crate::intake::MessagesLink;
use crate::readiness::Readiness;

/// Both servers, the messages that ask for orders, and the pause of the intake.
#[derive(Clone)]
pub struct Health {
    pub db: Database,
    pub readiness: Readiness,
    pub acceptance: Acceptance,
    /// `None` if no orders come as messages.
    pub messages: Option<MessagesLink>,
}

impl health::Health for Health {
    fn checks(&self) -> Checks<'_> {
        Box::pin(async {
            let usable = startup::is_usable(&self.db, ServiceName::Order, Access::ReadWrite).await
                && !self.db.lacks_tables();
            let mut checks = vec![
                Check::needed("database", usable && self.readiness.order_tokens().is_ok()),
                Check {
                    name: "rabbitmq",
                    healthy: self.readiness.can_send_orders(),
                    // Orders are stored, and sent when the broker is back.
                    dispensable: self.readiness.accepts_while_broker_down(),
                },
            ];
            let is_paused = self.acceptance.paused().is_some();
            let lacks_messages = self.messages.as_ref().is_some_and(|link| !link.is_up());
            if is_paused || self.messages.is_some() {
                // The service is ready all the same: the staff wants the pause, and without
                // messages orders come over HTTP.
                let healthy = !is_paused && !lacks_messages;
                checks.push(Check { name: "intake", healthy, dispensable: true });
            }
            if checks.iter().all(|check| check.healthy || check.dispensable) {
                // Whoever reads this may order.
                self.readiness.open();
            }
            checks
        })
    }
}
