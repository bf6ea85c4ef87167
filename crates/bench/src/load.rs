//! Our side of a comparison: `restaurant-ctl load`, as its user would run it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use servers::tool;

use crate::cluster::Stage;
use crate::error::Error;
use crate::figures::Latencies;
use crate::service::Service;

/// Beyond the time that is measured: answers that are under way, and the look at every order.
const SLACK: Duration = Duration::from_mins(10);

/// What is to be done.
#[derive(Clone, Copy)]
pub struct Load<'a> {
    /// The order service.
    pub orders: &'a Service,
    /// Asked about every order afterwards, if there is one.
    pub tracking: Option<&'a Service>,
    /// Connections.
    pub connections: usize,
    /// Orders a second that arrive; none: each connection orders again when it is answered.
    pub rate: Option<f64>,
    /// How long before it is measured.
    pub warmup: Duration,
    /// How long it is measured.
    pub duration: Duration,
}

/// What it measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Orders accepted, or statuses told, a second.
    pub per_second: f64,
    /// How many that were.
    pub count: u64,
    /// How long each took.
    pub latencies: Latencies,
    /// What was not as it should be.
    pub complaints: Vec<String>,
}

/// The output of `load --json`, as far as it matters here.
#[derive(Deserialize)]
struct Output {
    accepted: u64,
    orders_per_second: f64,
    refused: BTreeMap<String, u64>,
    unanswered: u64,
    latency_ms: BTreeMap<String, f64>,
}

impl Load<'_> {
    /// Places orders, and asks about each of them afterwards if there is somebody to ask.
    ///
    /// # Errors
    /// It cannot be run, or an acknowledged order is missing or has another's number: then no figure counts.
    pub async fn run(&self, stage: &Stage<'_>) -> Result<Measured, Error> {
        let mut command = tokio::process::Command::from(stage.command("restaurant-ctl"));
        command
            .args(["load", "--json", "--url", &self.orders.url()])
            .arg(format!("--connections={}", self.connections))
            .arg(format!("--warmup={}", self.warmup.as_secs_f64()))
            .arg(format!("--duration={}", self.duration.as_secs_f64()));
        match self.tracking {
            Some(tracking) => command.args(["--tracking", &tracking.url()]),
            None => command.arg("--no-audit"),
        };
        if let Some(rate) = self.rate {
            command.arg(format!("--rate={rate}"));
        }
        let text = tool::run(command, self.warmup + self.duration + SLACK).await?;
        measured(&text).ok_or(Error::Unreadable { program: "restaurant-ctl load", output: text })
    }
}

fn measured(text: &str) -> Option<Measured> {
    let output: Output = serde_json::from_str(text).ok()?;
    let mut complaints: Vec<String> =
        output.refused.iter().map(|(status, count)| format!("{count} answered {status}")).collect();
    if output.unanswered > 0 {
        complaints.push(format!("{} without answer", output.unanswered));
    }
    Some(Measured {
        per_second: output.orders_per_second,
        count: output.accepted,
        latencies: Latencies {
            p50: *output.latency_ms.get("p50")?,
            p99: *output.latency_ms.get("p99")?,
        },
        complaints,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_kept() {
        let text = r#"{"seconds":1.0,"accepted":5,"orders_per_second":5.0,"refused":{"503":2},"unanswered":1,
            "latency_ms":{"p50":1.5,"p90":2.0,"p99":3.0},"accepted_by_second":[5],"audit":null}"#;
        let measured = measured(text).unwrap();
        assert_eq!(measured.complaints, ["2 answered 503", "1 without answer"]);
        assert_eq!(measured.latencies, Latencies { p50: 1.5, p99: 3.0 });
    }
}
