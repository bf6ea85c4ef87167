//! `GET /health` and `/readyz`: whether orders can be taken.

use actix_web::{HttpResponse, web};
use deadlines::http::CHECK_DEADLINE;
use domain::ServiceName;
use http_service::health::{self, Check};
use tokio::time::timeout;

use super::Api;
use crate::NAME;

/// Asks the database, and says whether the broker can be reached.
pub async fn health(api: web::Data<Api>) -> HttpResponse {
    let usable = async {
        api.db.takes_writes().await?;
        db::startup::has_tables(&api.db, ServiceName::Order).await
    };
    let usable = matches!(timeout(CHECK_DEADLINE, usable).await, Ok(Ok(true))) && !api.db.lacks_tables();
    let checks = [
        Check::needed("database", usable && api.readiness.order_tokens().is_ok()),
        Check {
            name: "rabbitmq",
            healthy: api.readiness.can_send_orders(),
            // Orders are stored, and sent when the broker is back.
            dispensable: api.readiness.accepts_while_broker_down(),
        },
    ];
    if checks.iter().all(|check| check.healthy || check.dispensable) {
        // Whoever reads this may order.
        api.readiness.open();
    }
    health::report(NAME, &checks)
}
