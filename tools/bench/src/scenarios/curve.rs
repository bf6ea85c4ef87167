//! Throughput and latency as functions of `--max-concurrent`.

use anyhow::Result;
use restaurant_load::plot::Plot;

use crate::cluster::Cluster;
use crate::figures::Unit;
use crate::outcome::{Outcome, ResultLine};
use crate::scenarios::round::{place_alone, say};

const LIMITS: [u16; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
/// Clients that place orders in a closed loop, whatever the limit.
const CONNECTIONS: usize = 256;

/// One run per limit, with at least as many connections as may be in progress.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let (mut rates, mut medians, mut tails) = (Vec::new(), Vec::new(), Vec::new());
    for limit in LIMITS {
        let placing = cluster
            .sandbox(async |sandbox| place_alone(sandbox, limit.into(), CONNECTIONS.max(limit.into())).await);
        let measured = placing.await?;
        let (rate, p50, p99) = (measured.per_second, measured.latencies.p50, measured.latencies.p99);
        let name = format!("--max-concurrent {limit}");
        let complaints = measured.complaints.join(", ");
        say(&format!("{name}: {rate:.0}/s, p50 {p50:.1} ms, p99 {p99:.1} ms {complaints}"));
        if !complaints.is_empty() {
            outcome.remarks.push(format!("{name}: {complaints}"));
        }
        let at = f64::from(limit);
        rates.push((at, rate));
        medians.push((at, p50));
        tails.push((at, p99));
        let [p50, p99] = [p50, p99].map(|latency| Unit::Milliseconds.text(latency));
        let line = ResultLine::new(&name, Unit::PerSecond, vec![rate], None);
        outcome.lines.push(line.detailed(format!("p50 {p50}, p99 {p99}")));
    }
    let x = "--max-concurrent";
    outcome.plots = vec![
        Plot::new("Orders a second", x, "orders/s", [("ours", rates)]).by_powers(),
        Plot::new("Latency", x, "ms", [("p50", medians), ("p99", tails)]).by_powers(),
    ];
    Ok(outcome)
}
