//! Asking what became of a message, against a look-up by key in Redis.

use std::sync::Arc;

use anyhow::Result;
use devcluster::{ensure_redis, project};

use crate::cluster::{Cluster, Sandbox};
use crate::figures::Unit;
use crate::lookup::{self, Connection, Protocol};
use crate::outcome::{Comparison, Outcome};
use crate::processor;
use crate::scenarios::reads::ORDERS;
use crate::scenarios::round::{CONNECTIONS, in_turn, say};

/// Both sides are asked for the same requests by the same program, and answer with the same bytes.
pub async fn measure(cluster: &Cluster) -> Result<Outcome> {
    cluster.sandbox(measure_in).await
}

async fn measure_in(sandbox: &Sandbox<'_>) -> Result<Outcome> {
    let program = match ensure_redis(&project::packages(), &|line| say(line)).await {
        Ok(program) => program,
        Err(why) => {
            say(&format!("not measured: {why}"));
            let remarks = vec![format!("not measured: {why}")];
            return Ok(Outcome { remarks, ..Outcome::default() });
        }
    };
    let mut remarks = vec![program.version().await?.trim().to_owned()];
    let mut redis = sandbox.cluster.redis(&program, &sandbox.name).await?;
    let tracking = sandbox.tracking_service().await?;
    let ids = stored_ids(sandbox).await?;
    let bytes = copy(&ids, tracking.port, redis.port()).await?;
    remarks.push(format!("an answer has {bytes} bytes"));
    sandbox.settle().await?;
    let times = || processor::times(sandbox.cluster, &[("tracking service", &tracking)]);
    let (mut rates, mut tails) = (Vec::new(), Vec::new());
    let effort = sandbox.effort;
    for number in 1..=effort.rounds {
        let redis = lookup::run(effort, Protocol::Redis, redis.port(), &ids, CONNECTIONS);
        let ours = async {
            let before = times();
            let measured = lookup::run(effort, Protocol::Http, tracking.port, &ids, CONNECTIONS).await?;
            Ok((before, measured, times()))
        };
        let (redis, (before, ours, after)) = in_turn(number, redis, ours).await?;
        let count = ours.per_second * (effort.warmup() + effort.duration()).as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let used = processor::text(&processor::per_thing(&before, &after, count as u64));
        say(&format!(
            "round {number}: Redis {:.0}/s, p99 {:.2} ms; ours {:.0}/s, p99 {:.2} ms; {used}",
            redis.per_second, redis.latencies.p99, ours.per_second, ours.latencies.p99
        ));
        rates.push((ours.per_second, redis.per_second));
        tails.push((ours.latencies.p99, redis.latencies.p99));
        remarks.push(format!("round {number}: processor time for each answer: about {used}"));
    }
    redis.stop().await;
    let what = "GET /order_status at 64 connections, against GET of Redis";
    let rates = Comparison::new(Unit::PerSecond, rates);
    let tails = Comparison::new(Unit::Milliseconds, tails);
    let lines =
        vec![rates.line(&format!("{what}: answers/s"), None), tails.line(&format!("{what}: p99"), None)];
    let plot = rates.plot("Answers a second", "answers/s", ["ours", "Redis"]);
    Ok(Outcome { lines, plots: vec![plot], remarks })
}

/// Stores confirmed requests. Returns their ids.
async fn stored_ids(sandbox: &Sandbox<'_>) -> Result<Arc<[String]>> {
    let variables = [("requests", ORDERS.to_string())];
    let ids = sandbox.sql(include_str!("../../sql/confirmed_requests.sql"), &variables).await?;
    Ok(ids.lines().map(str::to_owned).collect())
}

/// Stores the tracking service's answers in Redis. Returns the size of an answer.
async fn copy(ids: &[String], from: u16, to: u16) -> Result<usize> {
    let mut tracking = Connection::open(Protocol::Http, from).await?;
    let mut redis = Connection::open(Protocol::Redis, to).await?;
    let mut size = 0;
    for id in ids {
        let answer = tracking.ask(id).await?;
        redis.store(id, std::str::from_utf8(&answer)?).await?;
        size = answer.len();
    }
    Ok(size)
}
