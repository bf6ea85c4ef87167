//! Backup, loss and restore with a long history, and removing what is old.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use devcluster::{PostgresOptions, PostgresPrograms, PrivatePostgres, project, tool};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use crate::cluster::Cluster;
use crate::figures::Unit;
use crate::outcome::{Outcome, ResultLine};
use crate::scenarios::round::say;

const DATABASE: &str = "restaurant";
const COMMAND_LIMIT: Duration = Duration::from_hours(2);

/// Takes a backup of a server of its own, destroys it, and restores it, as `docs/operations.md`
/// says. Then it removes all of its orders, which are old by then.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    let orders = cluster.effort.either(1_000_000, 50_000);
    let mut rounds: Vec<Vec<(&'static str, Unit, f64)>> = Vec::new();
    for number in 1..=cluster.effort.rounds {
        say(&format!("round {number}: storing {orders} orders ..."));
        let figures = of_one_server(cluster, orders).await?;
        let texts: Vec<String> =
            figures.iter().map(|(what, unit, value)| format!("{what} {}", unit.text(*value))).collect();
        say(&format!("round {number}: {}", texts.join(", ")));
        rounds.push(figures);
    }
    let mut outcome = Outcome::default();
    for (place, (what, unit, _)) in rounds.first().into_iter().flatten().enumerate() {
        let values = rounds.iter().filter_map(|figures| figures.get(place)).map(|(_, _, value)| *value);
        let what = format!("{what}, of {orders} orders");
        outcome.lines.push(ResultLine::new(&what, *unit, values.collect(), None));
    }
    Ok(outcome)
}

async fn of_one_server(cluster: &Cluster, orders: u64) -> Result<Vec<(&'static str, Unit, f64)>> {
    let lost = cluster.scratch(&format!("recovery-{}", cluster.next_number()));
    let programs = PostgresPrograms::find(&project::packages())?;
    let options = PostgresOptions { guard: Some(cluster.guard()), ..PostgresOptions::default() };
    let mut server = PrivatePostgres::start(&programs, &lost, options).await?;
    server.admin().create_database(DATABASE, None).await?;
    cluster.rabbitmq.admin().create_vhost(DATABASE).await?;

    ctl(cluster, &server, &["migrate"]).await?;
    sql(cluster, &server, include_str!("../../sql/fill.sql"), orders).await?;
    let size: f64 = sql(cluster, &server, include_str!("../../sql/database_size.sql"), orders)
        .await?
        .parse()
        .context("psql wrote no number")?;
    let backup = cluster.scratch(&format!("{DATABASE}-{}.backup", server.port()));
    let folder = backup.to_str().context("the folder of the results has a name that is no text")?;
    let taken = ctl(cluster, &server, &["backup", folder]).await?;

    let began = Instant::now();
    server.kill();
    let copy = cluster.scratch(&format!("{DATABASE}-{}.copy", server.port()));
    let mut copying = Command::new("cp");
    copying.arg("--archive").arg(backup.join("postgresql")).arg(&copy);
    tool::run(copying, COMMAND_LIMIT).await?;
    let copied = began.elapsed();
    let began = Instant::now();
    server.restart_on(&copy).await?;
    let started = began.elapsed();
    let restored = ctl(cluster, &server, &["restore", folder]).await?;
    let audited = audit(cluster, &server).await?;

    sql(cluster, &server, include_str!("../../sql/age.sql"), orders).await?;
    let pruned = ctl(cluster, &server, &["prune", "--older-than", "30d", "--yes"]).await?;

    cluster.rabbitmq.admin().delete_vhost(DATABASE).await?;
    server.stop().await;
    for folder in [&lost, &backup] {
        fs_err::remove_dir_all(folder)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of orders")]
    let kilobytes = size / 1_000.0 / orders as f64;
    let seconds = |what, time: Duration| (what, Unit::Seconds, time.as_secs_f64());
    Ok(vec![
        ("disk for each order with its index entries", Unit::Kilobytes, kilobytes),
        seconds("backup, with its verification", taken),
        seconds("copying the backup into place", copied),
        seconds("start of PostgreSQL on it", started),
        seconds("restaurant-ctl restore", restored),
        seconds("restaurant-ctl audit", audited),
        seconds("restaurant-ctl prune", pruned),
    ])
}

/// Runs `restaurant-ctl` on this server. Returns how long it took.
async fn ctl(cluster: &Cluster, server: &PrivatePostgres, words: &[&str]) -> Result<Duration> {
    let began = Instant::now();
    tool::run(command(cluster, server, words), COMMAND_LIMIT).await?;
    Ok(began.elapsed())
}

/// Audits it. Orders that were stored by SQL have no identity, and no service has declared the
/// queues: only whether all was looked at counts.
async fn audit(cluster: &Cluster, server: &PrivatePostgres) -> Result<Duration> {
    let mut command = command(cluster, server, &["audit", "--timeout", "600"]);
    let began = Instant::now();
    let ended = timeout(COMMAND_LIMIT, command.kill_on_drop(true).output()).await??;
    let is_complete = matches!(ended.status.code(), Some(0 | 1));
    ensure!(is_complete, "the audit was not made: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(began.elapsed())
}

fn command(cluster: &Cluster, server: &PrivatePostgres, words: &[&str]) -> Command {
    let broker = cluster.rabbitmq.settings(DATABASE);
    let mut command = cluster.command("restaurant-ctl", &server.settings(DATABASE), &broker);
    command.args(words).envs(server.admin().search_variables());
    command.into()
}

async fn sql(cluster: &Cluster, server: &PrivatePostgres, text: &str, orders: u64) -> Result<String> {
    let variables = [("orders", orders.to_string()), ("status", "ready".to_owned())];
    cluster.sql(server, DATABASE, text, &variables).await
}
