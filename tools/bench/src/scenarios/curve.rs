//! Throughput and latency as functions of `--max-concurrent`.

use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::error::Error;
use crate::figures::Unit;
use crate::outcome::{Outcome, Plot, ResultLine};
use crate::scenarios::round::{place, say};

const LIMITS: [usize; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
/// Clients that place orders in a closed loop, whatever the limit.
const CONNECTIONS: usize = 256;

/// One run per limit, with at least as many connections as may be in progress.
pub async fn measure(cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
    let mut outcome = Outcome::default();
    let (mut rates, mut medians, mut tails) = (Vec::new(), Vec::new(), Vec::new());
    for limit in LIMITS {
        let sandbox = cluster.sandbox().await?;
        let orders = sandbox.order_service(limit).await?;
        let measured = place(&sandbox, &orders, None, CONNECTIONS.max(limit), effort).await?;
        orders.stop().await;
        sandbox.end().await?;
        let complaints = measured.complaints.join(", ");
        say(&format!(
            "--max-concurrent {limit}: {:.0}/s, p50 {:.1} ms, p99 {:.1} ms {complaints}",
            measured.per_second, measured.latencies.p50, measured.latencies.p99
        ));
        if !complaints.is_empty() {
            outcome.remarks.push(format!("--max-concurrent {limit}: {complaints}"));
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 1024")]
        let at = limit as f64;
        rates.push((at, measured.per_second));
        medians.push((at, measured.latencies.p50));
        tails.push((at, measured.latencies.p99));
        let line = ResultLine::new(
            &format!("--max-concurrent {limit}"),
            Unit::PerSecond,
            vec![measured.per_second],
            None,
        );
        outcome.lines.push(line.detailed(format!(
            "p50 {}, p99 {}",
            Unit::Milliseconds.text(measured.latencies.p50),
            Unit::Milliseconds.text(measured.latencies.p99)
        )));
    }
    let plot = |title: &str, y: &str, curves: Vec<(String, Vec<(f64, f64)>)>| Plot {
        title: title.to_owned(),
        x: "--max-concurrent".to_owned(),
        by_powers: true,
        y: y.to_owned(),
        curves,
    };
    outcome.plots = vec![
        plot("Orders a second", "orders/s", vec![("ours".to_owned(), rates)]),
        plot("Latency", "ms", vec![("p50".to_owned(), medians), ("p99".to_owned(), tails)]),
    ];
    Ok(outcome)
}
