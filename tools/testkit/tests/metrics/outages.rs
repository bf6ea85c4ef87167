//! A server goes away under an exporter, and comes back.

use testkit::{Stage, eventually};

use crate::scrape::{Measured, Scrape};

/// Those of PostgreSQL.
const OF_POSTGRESQL: [&str; 9] = [
    "restaurant_orders",
    "restaurant_waiting_orders",
    "restaurant_waiting_oldest_seconds",
    "restaurant_outbox_rows",
    "restaurant_outbox_oldest_seconds",
    "restaurant_workers",
    "restaurant_audit_findings",
    "restaurant_orders_held",
    "restaurant_backup_last_success_timestamp_seconds",
];
/// Those of RabbitMQ.
const OF_RABBITMQ: [&str; 2] = ["restaurant_queue_messages", "restaurant_dead_letters"];

/// Whether the exporter says of a server that it is up or away, and shows all of its metrics, or
/// none of them.
fn shows(scrape: &Scrape, server: &str, names: &[&str], is_up: bool) -> bool {
    let shown = scrape.series[&format!(r#"restaurant_exporter_up{{server="{server}"}}"#)];
    let expected = if is_up { 1.0_f64 } else { 0.0 };
    shown.to_bits() == expected.to_bits() && names.iter().all(|name| scrape.names.contains(*name) == is_up)
}

/// Waits until each server is shown as up, or as away.
async fn until_shown(exporter: &Measured, what: &str, postgresql_is_up: bool, rabbitmq_is_up: bool) {
    eventually(what, async || {
        let shown = exporter.scrape().await;
        let postgresql = shows(&shown, "postgresql", &OF_POSTGRESQL, postgresql_is_up);
        let rabbitmq = shows(&shown, "rabbitmq", &OF_RABBITMQ, rabbitmq_is_up);
        (postgresql && rabbitmq).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_goes_away_takes_its_own_figures_along_until_it_is_back() {
    let stage = Stage::new().await;
    let orders = stage.order_service().start().await;
    orders.declared_all().await;
    let (postgres, rabbitmq) = (stage.postgres_proxy().await, stage.rabbitmq_proxy().await);
    let mut environment = stage.environment();
    for (name, value) in &mut environment {
        match *name {
            "DB_PORT" => *value = postgres.port().to_string(),
            "RABBITMQ_PORT" => *value = rabbitmq.port().to_string(),
            _ => {}
        }
    }
    let exporter = Measured::exporter_in(environment).await;
    until_shown(&exporter, "both servers", true, true).await;

    rabbitmq.cut();
    until_shown(&exporter, "PostgreSQL alone", true, false).await;
    rabbitmq.mend();
    postgres.cut();
    until_shown(&exporter, "RabbitMQ alone", false, true).await;
    postgres.mend();
    eventually("both servers up again", async || {
        let shown = exporter.scrape().await;
        let are_up = ["postgresql", "rabbitmq"].iter().all(|server| shows(&shown, server, &[], true));
        are_up.then_some(())
    })
    .await;
    // The audit comes a minute after the one before at the earliest.
    until_shown(&exporter, "both servers again", true, true).await;
}
