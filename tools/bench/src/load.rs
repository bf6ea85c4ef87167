//! Our side of a comparison: `restaurant-load`, run as a user would run it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use devcluster::tool;
use serde::Deserialize;

use crate::cluster::Sandbox;
use crate::figures::Latencies;
use crate::service::Service;

/// Time allowed beyond the measured time: for outstanding responses, and for looking up every
/// order.
const SLACK: Duration = Duration::from_mins(10);

/// The requests of a load, and the service that gets them.
#[derive(Clone, Copy)]
pub enum Workload<'a> {
    /// Place orders. A tracking service, if given, is asked for every order afterwards.
    Order(&'a Service, Option<&'a Service>),
    /// Place orders from the menu of the order service. The tracking service is asked for every
    /// order afterwards.
    OrderFromMenu(&'a Service, &'a Service),
    /// Place orders at this local port, where nothing is stored.
    OrderUnstored(u16),
    /// Read the statuses of this number of today's first orders from the tracking service.
    Ask(&'a Service, u64),
}

/// The results of a load.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Accepted orders, statuses or transactions per second.
    pub per_second: f64,
    /// The number of all acknowledged orders, including the warm-up. Known only if they were looked
    /// up.
    pub acknowledged: u64,
    /// The latencies.
    pub latencies: Latencies,
    /// The failures.
    pub complaints: Vec<String>,
}

/// The relevant fields of `restaurant-load --json`.
#[derive(Deserialize)]
struct Output {
    per_second: f64,
    refused_by_menu: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
    unanswered: u64,
    outside_time_measured: Failures,
    latency_ms: Latencies,
    audit: Option<Audit>,
}

#[derive(Deserialize)]
struct Failures {
    refused_by_menu: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
    unanswered: u64,
}

#[derive(Deserialize)]
struct Audit {
    acknowledged: u64,
    found: u64,
    lost: u64,
    doubled: u64,
    unknown: u64,
}

impl Audit {
    /// The number of acknowledged orders, if every one of them was found.
    fn acknowledged(&self) -> Result<u64> {
        let Self { acknowledged, found, lost, doubled, unknown } = self;
        if found == acknowledged {
            return Ok(*acknowledged);
        }
        bail!(
            "restaurant-load: of {acknowledged} acknowledged orders {found} were found, {lost} lost, {doubled} \
             doubled, and {unknown} could not be asked about. Look into the logs of the order service and the tracking service"
        )
    }
}

/// Runs a load, and looks up every order afterwards if there is a tracking service. So many
/// requests per second arrive for a time. Without a rate, each connection sends its next request
/// when it is answered.
///
/// # Errors
/// It cannot be run. Or an acknowledged order is missing, duplicate, or cannot be looked up: then
/// the figures are invalid.
pub async fn run(
    sandbox: &Sandbox<'_>,
    workload: Workload<'_>,
    connections: usize,
    rate: Option<(f64, Duration)>,
) -> Result<Measured> {
    let warmup = sandbox.effort.warmup();
    let duration = rate.map_or(sandbox.effort.duration(), |(_, duration)| duration);
    let mut command = tokio::process::Command::from(sandbox.command("restaurant-load"));
    command
        .arg("--json")
        .arg(format!("--connections={connections}"))
        .arg(format!("--warmup={}", warmup.as_secs_f64()))
        .arg(format!("--duration={}", duration.as_secs_f64()))
        .args(rate.map(|(rate, _)| format!("--rate={rate}")));
    match workload {
        Workload::Order(orders, Some(tracking)) => {
            command.args(["--url", &orders.url(), "--tracking", &tracking.url()]);
        }
        Workload::Order(orders, None) => {
            command.args(["--no-audit", "--url", &orders.url()]);
        }
        Workload::OrderFromMenu(orders, tracking) => {
            command.args(["--menu", "--url", &orders.url(), "--tracking", &tracking.url()]);
        }
        Workload::OrderUnstored(port) => {
            command.args(["--no-audit", &format!("--url=http://127.0.0.1:{port}")]);
        }
        Workload::Ask(tracking, count) => {
            let range = format!("ORD_{}_001..{count}", sandbox.today().await?);
            command.args(["--tracking", &tracking.url(), "--statuses", &range]);
        }
    }
    measured(&tool::run(command, warmup + duration + SLACK).await?)
}

fn measured(text: &str) -> Result<Measured> {
    let output: Output = serde_json::from_str(text)
        .with_context(|| format!("restaurant-load wrote something that cannot be read: {text}"))?;
    let Output { refused_by_menu, refused, unanswered, .. } = output;
    let within = Failures { refused_by_menu, refused, unanswered };
    let mut complaints = within.complaints("");
    complaints.extend(output.outside_time_measured.complaints(" outside the time measured"));
    Ok(Measured {
        per_second: output.per_second,
        acknowledged: output.audit.map_or(Ok(0), |audit| audit.acknowledged())?,
        latencies: output.latency_ms,
        complaints,
    })
}

impl Failures {
    fn complaints(&self, when: &str) -> Vec<String> {
        let by_menu = self.refused_by_menu.iter();
        let by_menu = by_menu.map(|(code, count)| format!("{count} refused by the menu: {code}{when}"));
        let refused = self.refused.iter().map(|(status, count)| format!("{count} answered {status}{when}"));
        let unanswered = (self.unanswered > 0).then(|| format!("{} without answer{when}", self.unanswered));
        by_menu.chain(refused).chain(unanswered).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(audit: &str) -> String {
        format!(
            r#"{{"seconds":1.0,"accepted":5,"per_second":5.0,"refused_by_menu":{{"out_of_stock":1}},"refused":{{"503":2}},"unanswered":1,"first_reason":"gone",
            "outside_time_measured":{{"refused_by_menu":{{}},"refused":{{"503":4}},"unanswered":3,"first_reason":"gone"}},
            "latency_ms":{{"p50":1.5,"p90":2.0,"p99":3.0}},"accepted_by_second":[5],"audit":{audit}}}"#
        )
    }

    #[test]
    fn complaints_are_kept() {
        let audit = r#"{"acknowledged":7,"found":7,"lost":0,"doubled":0,"unknown":0}"#;
        let measured = measured(&output(audit)).unwrap();
        let outside =
            ["4 answered 503 outside the time measured", "3 without answer outside the time measured"];
        let within = ["1 refused by the menu: out_of_stock", "2 answered 503", "1 without answer"];
        assert_eq!(measured.complaints[..3], within);
        assert_eq!(measured.complaints[3..], outside);
        assert_eq!(measured.acknowledged, 7);
        assert_eq!(measured.latencies, Latencies { p50: 1.5, p99: 3.0 });
    }

    #[test]
    fn no_figure_counts_unless_every_order_was_found() {
        for what in [r#""lost":1,"doubled":0,"unknown":0"#, r#""lost":0,"doubled":0,"unknown":1"#] {
            let audit = format!(r#"{{"acknowledged":7,"found":6,{what}}}"#);
            let error = measured(&output(&audit)).unwrap_err().to_string();
            assert!(error.contains("of 7 acknowledged orders 6 were found"), "{error}");
        }
        assert_eq!(measured(&output("null")).unwrap().acknowledged, 0, "nobody was asked to look");
        assert!(measured("no JSON").unwrap_err().to_string().ends_with("cannot be read: no JSON"));
    }
}
