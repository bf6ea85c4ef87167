//! RabbitMQ in isolation, by kind of queue: the cost of priorities, and of replicated queues.

use anyhow::{Result, ensure};
use bus::topology;
use domain::OrderType;

use crate::cluster::{Cluster, Sandbox};
use crate::figures::{Unit, median};
use crate::isolated::rabbitmq::{Broker, DAY};
use crate::orders::Orders;
use crate::outcome::{Outcome, ResultLine, by_round};
use crate::scenarios::round::say;

/// Kinds of queues, and their settings if they differ from the system's.
const KINDS: [(&str, Option<&str>); 3] = [
    ("classic queues with priorities, as the system has them", None),
    ("plain classic queues", Some(r#"{"durable":true}"#)),
    ("quorum queues of one node", Some(r#"{"durable":true,"arguments":{"x-queue-type":"quorum"}}"#)),
];

/// Confirmed publishing without a database: one message after the other, then 256 unconfirmed at a
/// time.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let mut figures = KINDS.map(|_| (Vec::new(), Vec::new()));
    for number in 1..=cluster.effort.rounds {
        for ((kind, settings), (rates, confirms)) in KINDS.into_iter().zip(&mut figures) {
            let publishing = cluster.sandbox(async |sandbox| {
                let broker = Broker::connect(sandbox).await?;
                if let Some(settings) = settings {
                    replace_queues(sandbox, settings).await?;
                }
                let confirm = broker.one_by_one(DAY, sandbox.effort.either(2_000, 500)).await?.p50;
                let rate = broker.publish(DAY, sandbox.effort.either(50_000, 10_000)).await?;
                broker.close().await;
                Ok((confirm, rate))
            });
            let (confirm, rate) = publishing.await?;
            say(&format!("round {number}: {kind}: {rate:.0}/s, one by one p50 {confirm:.2} ms"));
            rates.push(rate);
            confirms.push(confirm);
        }
    }
    let mut outcome = Outcome::default();
    let mut curves = Vec::new();
    for ((kind, _), (rates, confirms)) in KINDS.into_iter().zip(figures) {
        let what = format!("RabbitMQ alone: {kind}");
        let confirm = format!("one message at a time: {}", Unit::Milliseconds.text(median(&confirms)));
        outcome.lines.push(ResultLine::new(&what, Unit::PerSecond, rates.clone(), None).detailed(confirm));
        curves.push((kind, rates));
    }
    outcome.plots.push(by_round("Messages confirmed by RabbitMQ alone", "a second", curves));
    Ok(outcome)
}

/// Replaces our queues by others, also one per order type.
async fn replace_queues(sandbox: &Sandbox<'_>, settings: &str) -> Result<()> {
    let (vhost, exchange) = (&sandbox.name, topology::ORDERS_EXCHANGE);
    for order_type in OrderType::ALL {
        request(sandbox, "PUT", &format!("/api/queues/{vhost}/measured_{order_type}"), Some(settings))
            .await?;
        let ours = topology::kitchen_queue(order_type);
        request(sandbox, "DELETE", &format!("/api/queues/{vhost}/{ours}"), None).await?;
    }
    for order in Orders::of_every_kind()?.kinds() {
        let order_type = order.fulfilment.order_type();
        let key = topology::order_routing_key(order_type, order.priority);
        let binding = format!("/api/bindings/{vhost}/e/{exchange}/q/measured_{order_type}");
        request(sandbox, "POST", &binding, Some(&format!(r#"{{"routing_key":"{key}"}}"#))).await?;
    }
    Ok(())
}

async fn request(sandbox: &Sandbox<'_>, method: &str, path: &str, body: Option<&str>) -> Result<()> {
    let status = sandbox.cluster.rabbitmq.admin().request(method, path, body).await?.status;
    ensure!(status < 300, "RabbitMQ answers {method} {path} with {status}");
    Ok(())
}
