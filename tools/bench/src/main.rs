//! `cargo xtask bench`: measures every speed target in comparison with its baseline, on private
//! servers.

mod cluster;
mod data_folder;
mod effort;
mod figures;
mod followers;
mod isolated;
mod load;
mod lookup;
mod machine;
mod orders;
mod outcome;
mod pgbench;
mod processor;
mod report;
mod scenarios;
mod sender;
mod service;
mod statements;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use argh::FromArgs;
use devcluster::project;
use runtime::signals::StopSignals;
use runtime::{Exit, arguments};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cluster::Cluster;
use crate::data_folder::DataFolder;
use crate::effort::Effort;
use crate::machine::Machine;
use crate::report::{Measurement, Report};
use crate::scenarios::Scenario;

const NAME: &str = "bench";

/// Measures the system beside what PostgreSQL does for a straightforward implementation,
/// prints a table, and writes JSON and a page with plots. Build the programs first, with
/// --release: cargo xtask bench does.
#[derive(FromArgs, Debug)]
struct Arguments {
    /// what to measure (default: everything but soak and recovery; --list
    /// names all)
    #[argh(positional)]
    scenarios: Vec<String>,
    /// rounds of baseline and ours (default 3; --quick: 1)
    #[argh(option)]
    rounds: Option<usize>,
    /// short loads and small tables, for a first impression
    #[argh(switch)]
    quick: bool,
    /// name everything that can be measured
    #[argh(switch)]
    list: bool,
    /// folder for the results (default: bench, beside the programs' folder)
    #[argh(option)]
    out: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tls::install_provider();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

async fn run() -> Result<(), Exit> {
    let arguments: Arguments = arguments::parse(NAME)?;
    if arguments.list {
        let lines = scenarios::ALL.iter().map(|scenario| format!("{:<12} {}", scenario.name, scenario.title));
        return Err(Exit::Output(lines.collect::<Vec<_>>().join("\n")));
    }
    let scenarios = chosen(&arguments.scenarios)?;
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 1 } else { 3 });
    if !(1..=100).contains(&rounds) {
        return Err(Exit::Usage(format!("{NAME}: --rounds is {rounds} (allowed: 1 to 100)")));
    }
    let effort = Effort { rounds, quick: arguments.quick };
    write(&scenarios, effort, arguments.out).await.map_err(|why| Exit::failed(NAME, &*why))
}

/// Measures, and writes the results into the folder.
async fn write(scenarios: &[&Scenario], effort: Effort, out: Option<PathBuf>) -> Result<()> {
    let programs = project::programs()?;
    let out = std::path::absolute(out.unwrap_or_else(|| programs.with_file_name("bench")))?;
    let shutdown = StopSignals::handle(None)?.shutdown();
    let report = shutdown.or(Box::pin(measure(scenarios, effort, &programs, &out))).await;
    let report = report.context("interrupted; nothing is written")??;
    let page = report.write(&out)?;
    std::io::stdout().write_all(report.markdown().as_bytes())?;
    eprintln!("\nWith plots: {}", page.display());
    Ok(())
}

/// The scenarios of these names. Without names, all that belong to a normal run.
fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>, Exit> {
    if names.is_empty() {
        return Ok(scenarios::ALL.iter().filter(|scenario| !scenario.is_long).collect());
    }
    let scenario = |name: &String| {
        scenarios::ALL.iter().find(|scenario| scenario.name == name).ok_or_else(|| {
            let known = scenarios::ALL.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ");
            Exit::Usage(format!("{NAME}: there is no scenario '{name}' (there are: {known})"))
        })
    };
    names.iter().map(scenario).collect()
}

async fn measure(scenarios: &[&Scenario], effort: Effort, programs: &Path, out: &Path) -> Result<Report> {
    fs_err::create_dir_all(out)?;
    let data = DataFolder::create(out)?;
    eprintln!("starting PostgreSQL and RabbitMQ ...");
    let busy = machine::busy_share().await;
    let cluster = Cluster::start(data.path(), programs, effort).await?;
    let machine = Machine::describe(&cluster, busy).await;
    if machine.is_busy {
        eprintln!(
            "something else keeps this machine busy ({} of its cores' time): the figures will suffer",
            machine.busy_before
        );
    }
    let mut measurements = Vec::new();
    for (place, scenario) in scenarios.iter().enumerate() {
        eprintln!("{}/{} {}: {}", place + 1, scenarios.len(), scenario.name, scenario.title);
        let outcome = scenario.measure(&cluster).await?;
        measurements.push(Measurement { scenario: scenario.name, title: scenario.title, outcome });
    }
    cluster.stop().await;
    Ok(Report { when: now(), machine, rounds: effort.rounds, quick: effort.quick, scenarios: measurements })
}

#[expect(clippy::disallowed_methods, reason = "a report says when it was made")]
fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}
