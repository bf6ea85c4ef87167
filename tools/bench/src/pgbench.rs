//! The baseline: PostgreSQL alone, measured by its own load generator.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use devcluster::tool;
use fs_err as fs;

use crate::cluster::Sandbox;
use crate::figures::Latencies;
use crate::load::Measured;

/// Time allowed beyond the measured time.
const SLACK: Duration = Duration::from_mins(1);

/// A script of `tools/bench/pgbench`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// One transaction per order, with one statement per table.
    OneOrder,
    /// The same in one statement.
    OneOrderInOneStatement,
    /// The status of one of this number of today's orders.
    StatusByNumber(u64),
}

impl Script {
    fn text(self) -> &'static str {
        match self {
            Self::OneOrder => include_str!("../pgbench/one_order.sql"),
            Self::OneOrderInOneStatement => include_str!("../pgbench/one_order_in_one_statement.sql"),
            Self::StatusByNumber(_) => include_str!("../pgbench/status_by_number.sql"),
        }
    }

    /// Whether latencies are logged. Logging each one would slow down transactions that take
    /// microseconds.
    fn is_logged(self) -> bool {
        !matches!(self, Self::StatusByNumber(_))
    }
}

/// Runs a script with this number of clients. Prepared statements favour the baseline. Warm-up and
/// duration are those of our side. Only scripts that log latencies have some.
pub async fn run(sandbox: &Sandbox<'_>, script: Script, clients: u32) -> Result<Measured> {
    let effort = sandbox.effort;
    let folder = sandbox.cluster.scratch(&format!("{}.pgbench", sandbox.name));
    fs::create_dir_all(&folder)?;
    let file = folder.join("script.sql");
    fs::write(&file, script.text())?;
    let command = |duration: Duration| {
        let mut command = sandbox.cluster.postgres.admin().client("pgbench", &sandbox.name);
        command
            .current_dir(&folder)
            // Without it the client encrypts where it can, and the baseline would be slower.
            .env("PGSSLMODE", "disable")
            .args(["--no-vacuum", "--protocol=prepared"])
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={}", clients.min(2)))
            .arg(format!("--time={}", duration.as_secs().max(1)));
        if let Script::StatusByNumber(orders) = script {
            command.arg(format!("--define=orders={orders}"));
        }
        command.arg("--file").arg(&file);
        command
    };
    tool::run(command(effort.warmup()), effort.warmup() + SLACK).await?;
    let mut measured = command(effort.duration());
    if script.is_logged() {
        measured.args(["--log", "--log-prefix=transactions"]);
    }
    let output = tool::run(measured, effort.duration() + SLACK).await?;
    let per_second = per_second(&output)
        .with_context(|| format!("pgbench wrote something that cannot be read: {output}"))?;
    let micros = logged_micros(&folder)?;
    fs::remove_dir_all(&folder)?;
    Ok(Measured { per_second, latencies: Latencies::of_micros(micros), ..Measured::default() })
}

/// The logged latencies.
fn logged_micros(folder: &Path) -> Result<Vec<f64>> {
    let mut micros = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("transactions") {
            micros.extend(fs::read_to_string(entry.path())?.lines().filter_map(latency));
        }
    }
    Ok(micros)
}

/// Parses `tps = 612.3 (without initial connection time)`.
fn per_second(output: &str) -> Option<f64> {
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The third column of pgbench's transaction log, in microseconds.
fn latency(line: &str) -> Option<f64> {
    line.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pgbench_writes_is_read() {
        let output = "number of clients: 32\ntps = 612.34 (without initial connection time)\n";
        assert_eq!(per_second(output), Some(612.34));
        assert_eq!(latency("0 199 2241 0 1175850568 995598"), Some(2_241.0));
        assert_eq!(per_second("pgbench: error"), None);
    }
}
