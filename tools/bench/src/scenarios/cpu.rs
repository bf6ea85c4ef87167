//! Processor time per order, by part of the system.

use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit};
use crate::outcome::{Outcome, ResultLine};
use crate::processor;
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, place, say};

const ORDER_SERVICE: &str = "order service";

/// Warm-up and measured time both count. Looking up every order afterwards would use PostgreSQL's
/// time, so a later tracking service does it.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let (mut ours, mut remarks) = (Vec::new(), Vec::new());
    for number in 1..=effort.rounds {
        let sandbox = cluster.sandbox().await?;
        let orders = sandbox.order_service(MAX_CONCURRENT).await?;
        let before = processor::times(cluster, &[(ORDER_SERVICE, &orders)]);
        place(&sandbox, &orders, None, CONNECTIONS, effort).await?;
        let after = processor::times(cluster, &[(ORDER_SERVICE, &orders)]);
        let text = sandbox.sql(include_str!("../../sql/orders.sql"), &[]).await?;
        let count: u64 = text.parse().map_err(|_| Error::Unreadable { program: "psql", output: text })?;
        orders.stop().await;
        sandbox.end().await?;
        let used = processor::per_thing(&before, &after, count);
        ours.extend(used.iter().filter(|(name, _)| *name == ORDER_SERVICE).map(|(_, micros)| *micros));
        let remark = format!("round {number}: {count} orders; for each: {}", processor::text(&used));
        say(&remark);
        remarks.push(remark);
    }
    let target = Some(Target::at_most(60.0, 120.0));
    let line =
        ResultLine::new("CPU of the order service per order under load", Unit::Microseconds, ours, target);
    Ok(Outcome { lines: vec![line], plots: Vec::new(), remarks })
}
