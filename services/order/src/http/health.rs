//! What the probes look at: whether orders can be taken.

use db::{Access, Database, startup};
use domain::ServiceName;
use http_service::health::{self, Check, Checks};

use crate::readiness::Readiness;

/// Both servers.
#[derive(Clone)]
pub struct Health {
    pub db: Database,
    pub readiness: Readiness,
}

impl health::Health for Health {
    fn checks(&self) -> Checks<'_> {
        Box::pin(async {
            let usable = startup::is_usable(&self.db, ServiceName::Order, Access::ReadWrite).await
                && !self.db.lacks_tables();
            let checks = vec![
                Check::needed("database", usable && self.readiness.order_tokens().is_ok()),
                Check {
                    name: "rabbitmq",
                    healthy: self.readiness.can_send_orders(),
                    // Orders are stored, and sent when the broker is back.
                    dispensable: self.readiness.accepts_while_broker_down(),
                },
            ];
            if checks.iter().all(|check| check.healthy || check.dispensable) {
                // Whoever reads this may order.
                self.readiness.open();
            }
            checks
        })
    }
}
