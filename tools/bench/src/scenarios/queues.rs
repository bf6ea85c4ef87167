//! RabbitMQ in isolation, by kind of queue: the cost of priorities, and of replicated queues.

use bus::topology;
use domain::OrderType;

use crate::cluster::{Cluster, Sandbox};
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Unit, median};
use crate::isolated::rabbitmq::{Broker, DAY, quiet_log};
use crate::orders::Orders;
use crate::outcome::{Outcome, Plot, ResultLine};
use crate::scenarios::round::say;

/// Kinds of queues, and their settings if they differ from the system's.
const KINDS: [(&str, Option<&str>); 3] = [
    ("classic queues with priorities, as the system has them", None),
    ("plain classic queues", Some(r#"{"durable":true}"#)),
    ("quorum queues of one node", Some(r#"{"durable":true,"arguments":{"x-queue-type":"quorum"}}"#)),
];

/// Confirmed publishing without a database: one message after the other, then 256 unconfirmed at a
/// time.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let mut rates = KINDS.map(|_| Vec::new());
    let mut confirms = KINDS.map(|_| Vec::new());
    for number in 1..=effort.rounds {
        for ((kind, settings), (rates, confirms)) in
            KINDS.into_iter().zip(rates.iter_mut().zip(&mut confirms))
        {
            let sandbox = cluster.sandbox().await?;
            let (log, _flush) = quiet_log();
            let broker = Broker::connect(&sandbox, &log).await?;
            if let Some(settings) = settings {
                replace_queues(&sandbox, settings).await?;
            }
            let confirm = broker.one_by_one(DAY, effort.either(2_000, 500)).await?;
            let rate = broker.publish(DAY, effort.either(50_000, 10_000)).await?;
            broker.close().await;
            sandbox.end().await?;
            say(&format!("round {number}: {kind}: {rate:.0}/s, one by one p50 {:.2} ms", confirm.p50));
            rates.push(rate);
            confirms.push(confirm.p50);
        }
    }
    let lines = KINDS.iter().zip(rates.iter().zip(&confirms)).map(|((kind, _), (rates, confirms))| {
        ResultLine::new(&format!("RabbitMQ alone: {kind}"), Unit::PerSecond, rates.clone(), None)
            .detailed(format!("one message at a time: {}", Unit::Milliseconds.text(median(confirms))))
    });
    let curves = KINDS.iter().zip(&rates).map(|((kind, _), rates)| (*kind, rates.clone())).collect();
    Ok(Outcome {
        lines: lines.collect(),
        plots: vec![Plot::of_rounds("Messages confirmed by RabbitMQ alone", "a second", curves)],
        remarks: Vec::new(),
    })
}

/// Replaces our queues by others, also one per order type.
async fn replace_queues(sandbox: &Sandbox<'_>, settings: &str) -> Result<(), Error> {
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

async fn request(sandbox: &Sandbox<'_>, method: &str, path: &str, body: Option<&str>) -> Result<(), Error> {
    let answer = sandbox.cluster.rabbitmq.admin().request(method, path, body).await?;
    if answer.status >= 300 {
        return Err(Error::Invalid(format!("RabbitMQ answers {method} {path} with {}", answer.status)));
    }
    Ok(())
}
