//! `doctor`: whether everything is there that the services need, before they start.

mod configuration;
mod ports;
mod postgres;
mod rabbitmq;
mod times;

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use runtime::{Console, Exit};
use serde_json::json;

use crate::view::verdict::{Outcome, any, sum};

/// Checks before a start, without changing anything: configuration, times, PostgreSQL, RabbitMQ,
/// rights, ports. Exit code 0: the services can start; 1: something is in their way.
#[derive(FromArgs, ArgsInfo, Debug)]
#[argh(subcommand, name = "doctor")]
pub struct Arguments {
    /// configuration file (default ./config.yaml)
    #[argh(option)]
    config: Option<PathBuf>,
    /// what shall start here: order, kitchen, tracking, notifier; may be given several
    /// times (default: all)
    #[argh(option)]
    service: Vec<String>,
    /// port of the order service (default 3000)
    #[argh(option, default = "3000")]
    order_port: u16,
    /// port of the tracking service (default 3002)
    #[argh(option, default = "3002")]
    tracking_port: u16,
    /// seconds between two signs of life of the workers that start here (default 30)
    #[argh(option, default = "30")]
    heartbeat_interval: u64,
    /// seconds that services are given to stop before they are killed, as their pods or
    /// containers say (default 30)
    #[argh(option, default = "30")]
    time_to_stop: u32,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
}

/// What shall start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "any of the four may be meant")]
struct Services {
    order: bool,
    kitchen: bool,
    tracking: bool,
    notifier: bool,
}

impl Services {
    fn named(names: &[String]) -> Result<Self, Exit> {
        let known = ["order", "kitchen", "tracking", "notifier"];
        if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Exit::Usage(format!("--service is '{unknown}' (allowed: {})", known.join(", "))));
        }
        let is_meant = |service: &str| names.is_empty() || names.iter().any(|name| name == service);
        let [order, kitchen, tracking, notifier] = known.map(is_meant);
        Ok(Self { order, kitchen, tracking, notifier })
    }
}

/// Runs it.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let services = Services::named(&arguments.service)?;
    let surroundings = times::Surroundings::new(arguments.heartbeat_interval, arguments.time_to_stop)?;
    let (config, mut verdicts) = configuration::check(arguments.config.clone());
    if let Some(config) = config {
        verdicts.extend(times::check(&config, services, surroundings));
        if services.order || services.kitchen || services.tracking {
            verdicts.extend(postgres::check(&config.database, services).await);
        }
        if services.order || services.kitchen || services.notifier {
            verdicts.extend(rabbitmq::check(&config.rabbitmq, services).await);
        }
        let ports = [
            (services.order, "order_port", arguments.order_port),
            (services.tracking, "tracking_port", arguments.tracking_port),
        ];
        for (is_meant, check, port) in ports {
            if is_meant && port > 0 {
                verdicts.push(ports::check(check, config.http.bind, port).await);
            }
        }
    }
    let console = Console::new();
    if arguments.json {
        let document = json!({"well": !any(&verdicts, Outcome::Fail), "checks": verdicts});
        console.print(&document.to_string());
    } else {
        for line in verdicts.iter().flat_map(|verdict| verdict.lines(console)) {
            console.print(&line);
        }
        console.print(&format!("\n{}.", sum(&verdicts)));
    }
    if any(&verdicts, Outcome::Fail) { Err(Exit::Logged) } else { Ok(()) }
}
