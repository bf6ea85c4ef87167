//! `doctor`: checks everything that the services need, before they start.

mod backups;
mod certificates;
mod configuration;
mod menu;
mod ports;
mod postgres;
mod publishers;
mod rabbitmq;
mod replica;
mod times;

use std::net::SocketAddr;
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use bus::permissions;
use db::rights;
use deadlines::kitchen::HEARTBEAT_INTERVAL;
use domain::ServiceName;
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
    /// services to start here: order, kitchen, tracking, notifier; may be given several times
    /// (default: all)
    #[argh(option)]
    service: Vec<String>,
    /// port of the order service (default 3000)
    #[argh(option, default = "ServiceName::Order.port().unwrap_or_default()")]
    order_port: u16,
    /// port of the tracking service (default 3002)
    #[argh(option, default = "ServiceName::Tracking.port().unwrap_or_default()")]
    tracking_port: u16,
    /// seconds between two heartbeats of the workers that start here (default 30)
    #[argh(option, default = "HEARTBEAT_INTERVAL.as_secs()")]
    heartbeat_interval: u64,
    /// seconds that services are given to stop before they are killed, as their pods or
    /// containers say (default 30)
    #[argh(option, default = "30")]
    time_to_stop: u32,
    /// one JSON document for scripts
    #[argh(switch)]
    json: bool,
}

/// The services to be started.
#[derive(Clone, Debug)]
struct Services(Vec<ServiceName>);

impl Services {
    fn named(names: &[String]) -> Result<Self, Exit> {
        if names.is_empty() {
            return Ok(Self(ServiceName::ALL.to_vec()));
        }
        let known = || ServiceName::ALL.map(ServiceName::short_name).join(", ");
        let services = names.iter().map(|name| {
            ServiceName::of_short_name(name)
                .ok_or_else(|| Exit::Usage(format!("--service is '{name}' (allowed: {})", known())))
        });
        services.collect::<Result<_, _>>().map(Self)
    }

    fn contain(&self, service: ServiceName) -> bool {
        self.0.contains(&service)
    }

    /// Whether one of them brings the schema up to date when it starts.
    fn migrate(&self) -> bool {
        self.contain(ServiceName::Order) || self.contain(ServiceName::Kitchen)
    }

    /// Those of them that use the database.
    fn with_database(&self) -> impl Iterator<Item = ServiceName> {
        rights::services().filter(|service| self.contain(*service))
    }
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Result<(), Exit> {
    let services = Services::named(&arguments.service)?;
    let deployment = times::Deployment::new(arguments.heartbeat_interval, arguments.time_to_stop)?;
    let (config, mut verdicts) = configuration::check(arguments.config.clone());
    if let Some(config) = config {
        verdicts.extend(times::check(&config, &services, deployment));
        verdicts.extend(certificates::check(&config));
        if services.with_database().next().is_some() {
            verdicts.extend(postgres::check(&config, &services).await);
        }
        if services.0.iter().any(|service| permissions::of(*service).is_some()) {
            verdicts.extend(publishers::check(&config, &services));
            verdicts.extend(rabbitmq::check(&config, &services).await);
        }
        verdicts.extend(certificates::check_servers());
        let ports =
            [(ServiceName::Order, arguments.order_port), (ServiceName::Tracking, arguments.tracking_port)];
        let mut public = Vec::new();
        for (service, port) in ports {
            if services.contain(service) && port > 0 {
                let address = SocketAddr::new(config.http.bind, port);
                let check = format!("{}_port", service.short_name());
                verdicts.push(ports::check(check, address, ports::public(&config.http)).await);
                public.push(address);
            }
        }
        if config.admin.port > 0 {
            verdicts.push(ports::check_admin(&config.admin, &public).await);
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
