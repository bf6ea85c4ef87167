//! What the probes look at: whether orders can be taken.

use bus::LinkState;
use db::{Access, Database, startup};
use domain::ServiceName;
use http_service::health::{self, Check, Checks};

use crate::readiness::Readiness;

/// Both servers, and the messages that ask for orders.
#[derive(Clone)]
pub struct Health {
    pub db: Database,
    pub readiness: Readiness,
    /// `None` if no orders come as messages.
    pub intake: Option<LinkState>,
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
            if let Some(link) = &self.intake {
                // Orders over HTTP go on without it, and messages wait in their queue.
                checks.push(Check { name: "intake", healthy: link.is_up(), dispensable: true });
            }
            if checks.iter().all(|check| check.healthy || check.dispensable) {
                // Whoever reads this may order.
                self.readiness.open();
            }
            checks
        })
    }
}
