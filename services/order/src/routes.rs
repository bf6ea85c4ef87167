//! The paths of this service, and its probes.

use actix_web::{HttpResponse, web};
use domain::ServiceName;
use http_service::health::{self, CHECK_DEADLINE, Check};
use http_service::resource::{postable, readable};
use tokio::time::timeout;

use crate::api::Api;
use crate::{NAME, changes, placing};

/// The paths of this service.
pub fn routes(app: &mut web::ServiceConfig, api: Api) {
    app.app_data(web::Data::new(api))
        .service(postable("/orders", placing::place_order))
        .service(postable("/orders/{number}/cancel", changes::cancel))
        .service(postable("/orders/{number}/complete", changes::complete))
        .service(readable("/health", health))
        .service(readable("/readyz", health))
        .service(readable("/livez", health::live))
        .default_service(web::to(http_service::problem::not_found));
}

async fn health(api: web::Data<Api>) -> HttpResponse {
    let usable = async {
        api.db.takes_writes().await?;
        db::startup::has_tables(&api.db, ServiceName::Order).await
    };
    let usable = matches!(timeout(CHECK_DEADLINE, usable).await, Ok(Ok(true))) && !api.db.lacks_tables();
    let checks = [
        Check::needed("database", usable && api.order_token_key().is_some()),
        Check {
            name: "rabbitmq",
            healthy: api.publisher.can_send_orders(),
            // Orders are stored, and sent when the broker is back.
            dispensable: api.settings.accept_while_broker_down,
        },
    ];
    if checks.iter().all(|check| check.healthy || check.dispensable) {
        // Whoever reads this may order.
        api.open();
    }
    health::report(NAME, &checks)
}
