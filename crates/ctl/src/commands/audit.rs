//! `audit`: checks the invariants of a live system.

mod broker;
mod rules;
mod since;

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use bus::inspection::{Depth, Queues};
use config::Config;
use db::Database;
use db::audit::{Audit, Scope};
use domain::timestamp::Timestamp;
use runtime::exit::failed;
use runtime::{Console, Exit, with_causes};
use serde_json::json;

use self::since::{ParseSinceError, since};
use crate::NAME;
use crate::view::sequences;
use crate::view::verdict::{Outcome, Verdict, any, sum};

/// Checks on a live system that no order is lost, doubled or stuck, and says what is wrong and what
/// to do. Changes nothing and blocks nothing. Exit code 0: all well; 1: something is wrong;
/// 3: it could not be checked.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "audit")]
pub struct Arguments {
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// only orders placed since: a UTC day such as 2026-11-21, or a time back such as 30m,
    /// 1h, 2d (default: all)
    #[argh(option)]
    since: Option<String>,
    /// nothing should be in progress any more: no order received or cooking, no message, no claim
    #[argh(switch)]
    settled: bool,
    /// longest time for one question to the database, in seconds, 1 to 3600 (default 60)
    #[argh(option, default = "60")]
    timeout: u64,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let since = arguments.since.as_deref().map_or(Ok(db::audit::Since::Ever), since);
    let since = since.map_err(|why: ParseSinceError| Exit::Usage(format!("--since: {why}")))?;
    if !(1..=3_600).contains(&arguments.timeout) {
        return Err(Exit::Usage(format!(
            "--timeout: {} is not between 1 and 3600 seconds",
            arguments.timeout
        )));
    }
    let config = Config::load(arguments.config).map_err(|why| Exit::Config(why.to_string()))?;
    let db = Database::for_reading(&config.database, NAME).await.map_err(|why| failed(&why))?;
    let scope = Scope {
        since,
        settled: arguments.settled,
        statement_timeout: Duration::from_secs(arguments.timeout),
    };
    let audit = db::audit::run(&db, &scope).await.map_err(|why| {
        let hint = if why.is_statement_timeout() {
            "raise --timeout, or look at fewer orders with --since"
        } else {
            why.advice().unwrap_or("'restaurant-ctl doctor' looks for the reason")
        };
        let database = &config.database;
        let address = config::addresses(&database.host, database.port);
        let place = format!("'{}' at {address}", database.database);
        Exit::Unknown(format!(
            "the audit of the database {place} could not be made: {}; {hint}",
            with_causes(&why)
        ))
    })?;
    let queues =
        bus::inspection::queues(&config.rabbitmq, "restaurant-ctl: audit", config.intake.enabled).await;
    let mut verdicts = rules::verdicts(&audit, arguments.settled);
    verdicts.extend(rules::of_restores(&audit.restores));
    verdicts.push(sequences::verdict(db::sequences::inspect(&db).await));
    let queues = match queues {
        Ok(queues) => {
            verdicts.extend(broker::verdicts(&db, &audit, &queues, &config, arguments.settled).await);
            queues
        }
        Err(why) => {
            verdicts.push(Verdict::unknown(
                "queues",
                with_causes(&why),
                "start RabbitMQ, or correct the section rabbitmq of the configuration",
            ));
            Queues(Vec::new())
        }
    };
    if arguments.json {
        print_json(&audit, &queues, &verdicts);
    } else {
        print(&audit, &queues, &verdicts);
    }
    if any(&verdicts, Outcome::Fail) {
        Err(Exit::Logged)
    } else if any(&verdicts, Outcome::Unknown) {
        Err(Exit::Unknown("Not everything could be checked.".to_owned()))
    } else {
        Ok(())
    }
}

fn print(audit: &Audit, queues: &Queues, verdicts: &[Verdict]) {
    let console = Console::new();
    let orders = if audit.orders == 1 { "order, as it stood" } else { "orders, as they stood" };
    console.print(&format!("{} {orders} at {}\n", audit.orders, Timestamp::from(audit.at)));
    for line in verdicts.iter().flat_map(|verdict| verdict.lines(console)) {
        console.print(&line);
    }
    if !queues.0.is_empty() {
        console.print(&format!("\n{:<26}{:>10}{:>11}", "QUEUE", "MESSAGES", "CONSUMERS"));
    }
    for queue in &queues.0 {
        let shown = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let messages = shown(queue.found.depth().map(|depth| depth.messages));
        let consumers = shown(queue.found.depth().and_then(|depth| depth.consumers));
        console.print(&format!("{:<26}{messages:>10}{consumers:>11}", queue.name));
    }
    let nobody = |depth: Depth| depth.messages > 0 && depth.consumers == Some(0);
    if queues.0.iter().any(|queue| queue.found.depth().is_some_and(nobody)) {
        console.print(
            "A worker that holds as many orders as its --prefetch consumes nothing until it has room again.",
        );
    }
    console.print(&format!("\n{}.", sum(verdicts)));
}

fn print_json(audit: &Audit, queues: &Queues, verdicts: &[Verdict]) {
    let queues: Vec<_> = queues
        .0
        .iter()
        .map(|queue| {
            json!({
                "name": queue.name,
                "messages": queue.found.depth().map(|depth| depth.messages),
                "consumers": queue.found.depth().and_then(|depth| depth.consumers),
            })
        })
        .collect();
    let document = json!({
        "at": Timestamp::from(audit.at),
        "orders": audit.orders,
        "well": !any(verdicts, Outcome::Fail) && !any(verdicts, Outcome::Unknown),
        "checks": verdicts,
        "queues": queues,
    });
    Console::new().print(&document.to_string());
}
