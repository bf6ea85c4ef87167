//! The time from exec to the first 200 of `/readyz`.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::figures::{Target, Unit};
use crate::outcome::{Outcome, ResultLine};
use crate::scenarios::round::{MAX_CONCURRENT, say};
use crate::service::Service;

/// Starts of each service per round.
const STARTS: usize = 5;

/// Both services with an HTTP interface. Both servers are up, and the schema is current.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let (mut order, mut tracking) = (Vec::new(), Vec::new());
    let starting = cluster.sandbox(async |sandbox| {
        // An unmeasured start first, for exchanges, queues, and the page cache.
        for _ in 0..=sandbox.effort.rounds * STARTS {
            order.push(ended(sandbox.order_service(MAX_CONCURRENT).await?).await);
            tracking.push(ended(sandbox.tracking_service().await?).await);
        }
        Ok(())
    });
    starting.await?;
    let target = Some(Target::at_most(50.0, 100.0));
    let line = |name: &str, times: Vec<f64>| {
        let times = times.into_iter().skip(1).collect();
        ResultLine::new(&format!("exec → first 200 of the {name}"), Unit::Milliseconds, times, target)
    };
    let lines = vec![line("order service", order), line("tracking service", tracking)];
    for line in &lines {
        say(&format!("{}: {}", line.what, line.unit.text(line.measured)));
    }
    Ok(Outcome { lines, plots: Vec::new(), remarks: Vec::new() })
}

/// Stops a service, and returns how many milliseconds it took to start.
async fn ended(service: Service) -> f64 {
    let millis = service.start_time.as_secs_f64() * 1_000.0;
    service.stop().await;
    millis
}
