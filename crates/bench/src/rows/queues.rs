//! RabbitMQ by itself, by kind of queue: what priorities cost, and what a replicated queue would.

use bus::topology;
use domain::OrderType;

use crate::broker::{Broker, DAY, quiet_log};
use crate::cluster::{Cluster, Stage};
use crate::error::Error;
use crate::figures::{Unit, median};
use crate::outcome::{Line, Outcome, Plot};
use crate::rows::{Effort, say};

/// The queue in the place of ours.
const MEASURED: &str = "measured";

/// A kind of queue, and its settings if it is not the one that the system declares.
const KINDS: [(&str, Option<&str>); 3] = [
    ("a classic queue with priorities, as the system has it", None),
    ("a plain classic queue", Some(r#"{"durable":true}"#)),
    ("a quorum queue of one node", Some(r#"{"durable":true,"arguments":{"x-queue-type":"quorum"}}"#)),
];

/// Confirmed publishing, without a database: 256 under way, then one after the other.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let mut rates = KINDS.map(|_| Vec::new());
    let mut confirms = KINDS.map(|_| Vec::new());
    for number in 1..=effort.rounds {
        for ((kind, settings), (rates, confirms)) in
            KINDS.into_iter().zip(rates.iter_mut().zip(&mut confirms))
        {
            let stage = cluster.stage().await?;
            let (log, _flush) = quiet_log();
            let broker = Broker::connect(&stage, &log).await?;
            if let Some(settings) = settings {
                replace_queue(&stage, settings).await?;
            }
            let confirm = broker.one_by_one(DAY, effort.either(2_000, 500)).await?;
            let rate = broker.publish(DAY, effort.either(50_000, 10_000)).await?;
            broker.close().await;
            stage.end().await?;
            say(&format!(
                "round {number}: {kind} confirms {rate:.0}/s, one by one p50 {:.2} ms",
                confirm.p50
            ));
            rates.push(rate);
            confirms.push(confirm.p50);
        }
    }
    let lines = KINDS.iter().zip(rates.iter().zip(&confirms)).map(|((kind, _), (rates, confirms))| {
        Line::new(&format!("RabbitMQ alone: {kind}"), Unit::PerSecond, rates.clone(), None)
            .detailed(format!("one message by itself: {}", Unit::Milliseconds.text(median(confirms))))
    });
    let curves = KINDS.iter().zip(&rates).map(|((kind, _), rates)| (*kind, rates.clone())).collect();
    Ok(Outcome {
        lines: lines.collect(),
        plots: vec![Plot::of_rounds("Messages confirmed by RabbitMQ alone", "a second", curves)],
        remarks: Vec::new(),
    })
}

/// Lets another queue take all orders in the place of ours.
async fn replace_queue(stage: &Stage<'_>, settings: &str) -> Result<(), Error> {
    let (vhost, exchange) = (&stage.name, topology::ORDERS_EXCHANGE);
    let ours = topology::kitchen_queue(OrderType::Takeout);
    let requests = [
        ("PUT", format!("/api/queues/{vhost}/{MEASURED}"), Some(settings)),
        (
            "POST",
            format!("/api/bindings/{vhost}/e/{exchange}/q/{MEASURED}"),
            Some(r##"{"routing_key":"#"}"##),
        ),
        ("DELETE", format!("/api/queues/{vhost}/{ours}"), None),
    ];
    for (method, path, body) in requests {
        let answer = stage.cluster.rabbitmq.admin().request(method, &path, body).await?;
        if answer.status >= 300 {
            return Err(Error::Void(format!("RabbitMQ answers {method} {path} with {}", answer.status)));
        }
    }
    Ok(())
}
