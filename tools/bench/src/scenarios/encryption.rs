//! What TLS costs: placing orders with both servers reached over it, against without.

use anyhow::{Context, Result};

use crate::cluster::{Cluster, Sandbox};
use crate::figures::Unit;
use crate::outcome::{Comparison, Outcome};
use crate::processor;
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, in_turn, place, say};

const ORDER_SERVICE: &str = "order service";
/// Those whose processor time is shown.
const PARTS: [&str; 3] = [ORDER_SERVICE, "PostgreSQL", "RabbitMQ"];

/// Orders a second, and the microseconds of processor time that each part took for each order.
struct Cost {
    per_second: f64,
    micros: [f64; PARTS.len()],
}

/// A client's connection is plain in both: it is often an Ingress that decrypts it.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let mut rounds = Vec::new();
    for number in 1..=cluster.effort.rounds {
        let (plain, encrypted) =
            in_turn(number, place_with(cluster, "disable"), place_with(cluster, "require")).await?;
        for (name, cost) in [("without TLS", &plain), ("with TLS", &encrypted)] {
            let micros: Vec<_> = PARTS.into_iter().zip(cost.micros).collect();
            let used = processor::text(&micros);
            say(&format!("round {number}: {name}: {:.0}/s; for each order: {used}", cost.per_second));
        }
        rounds.push((encrypted, plain));
    }
    let mut outcome = Outcome::default();
    let rates = rounds.iter().map(|(with, without)| (with.per_second, without.per_second));
    let what = "orders/s with TLS to both servers, against none";
    outcome.lines.push(Comparison::new(Unit::PerSecond, rates).line(what, None));
    for (place, part) in PARTS.iter().enumerate() {
        let of = |cost: &Cost| cost.micros.get(place).copied().unwrap_or_default();
        let times = rounds.iter().map(|(with, without)| (of(with), of(without)));
        let what = format!("CPU of the {part} per order with TLS to both servers, against none");
        outcome.lines.push(Comparison::new(Unit::Microseconds, times).line(&what, None));
    }
    Ok(outcome)
}

async fn place_with(cluster: &Cluster, tls: &str) -> Result<Cost> {
    cluster
        .sandbox(async |sandbox: &Sandbox<'_>| {
            let port = match tls {
                "disable" => cluster.rabbitmq.port(),
                _ => cluster.rabbitmq.tls_port(),
            };
            let port = port.to_string();
            let variables = [("DB_TLS", tls), ("RABBITMQ_TLS", tls), ("RABBITMQ_PORT", port.as_str())];
            let orders = sandbox.order_service_under(MAX_CONCURRENT, &variables).await?;
            let before = processor::times(cluster, &[(ORDER_SERVICE, &orders)]);
            let measured = place(sandbox, &orders, None, CONNECTIONS).await?;
            let after = processor::times(cluster, &[(ORDER_SERVICE, &orders)]);
            let count = sandbox.sql(include_str!("../../sql/orders.sql"), &[]).await?;
            let count = count.parse().with_context(|| format!("psql wrote no number: {count}"))?;
            let used = processor::per_thing(&before, &after, count);
            let of = |part| used.iter().find(|(name, _)| *name == part).map_or(0.0, |(_, micros)| *micros);
            Ok(Cost { per_second: measured.per_second, micros: PARTS.map(of) })
        })
        .await
}
