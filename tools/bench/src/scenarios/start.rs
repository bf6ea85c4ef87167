//! The time from exec to the first 200 of `/readyz`.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::{Target, Unit};
use crate::outcome::{Outcome, ResultLine};
use crate::scenarios::round::{MAX_CONCURRENT, say};

/// Starts of each service per round.
const STARTS: usize = 5;

/// Both services with an HTTP interface. Both servers are up, and the schema is current.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let sandbox = cluster.sandbox().await?;
    // An unmeasured start first, for exchanges, queues, and the page cache.
    sandbox.order_service(MAX_CONCURRENT).await?.stop().await;
    sandbox.tracking_service().await?.stop().await;
    let (mut order, mut tracking) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds * STARTS {
        let service = sandbox.order_service(MAX_CONCURRENT).await?;
        order.push(millis(service.start_time));
        service.stop().await;
        let service = sandbox.tracking_service().await?;
        tracking.push(millis(service.start_time));
        service.stop().await;
    }
    sandbox.end().await?;
    let target = Some(Target::at_most(50.0, 100.0));
    let lines = vec![
        ResultLine::new("exec → first 200 of the order service", Unit::Milliseconds, order, target),
        ResultLine::new("exec → first 200 of the tracking service", Unit::Milliseconds, tracking, target),
    ];
    for line in &lines {
        say(&format!("{}: {}", line.what, line.unit.text(line.measured)));
    }
    Ok(Outcome { lines, plots: Vec::new(), remarks: Vec::new() })
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
