//! Processor time per order, by part of the system.

use anyhow::{Context, Result};

use crate::cluster::Cluster;
use crate::figures::{Target, Unit};
use crate::outcome::{Outcome, ResultLine};
use crate::processor;
use crate::scenarios::round::{CONNECTIONS, MAX_CONCURRENT, place, say};

const ORDER_SERVICE: &str = "order service";

/// Warm-up and measured time both count. Looking up every order afterwards would use PostgreSQL's
/// time, so a later tracking service does it.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let (mut ours, mut remarks) = (Vec::new(), Vec::new());
    for number in 1..=cluster.effort.rounds {
        let placing = cluster.sandbox(async |sandbox| {
            let orders = sandbox.order_service(MAX_CONCURRENT).await?;
            let before = processor::times(cluster, &[(ORDER_SERVICE, &orders)]);
            place(sandbox, &orders, None, CONNECTIONS).await?;
            let after = processor::times(cluster, &[(ORDER_SERVICE, &orders)]);
            let text = sandbox.sql(include_str!("../../sql/orders.sql"), &[]).await?;
            let count: u64 =
                text.parse().with_context(|| format!("psql wrote something that cannot be read: {text}"))?;
            Ok((count, processor::per_thing(&before, &after, count)))
        });
        let (count, used) = placing.await?;
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
