//! The scenarios: each measures one promise of the table, in comparison with its baseline.

mod backlog;
mod cpu;
mod curve;
mod encryption;
mod growth;
mod idle;
mod instances;
mod intake;
mod kitchen;
mod limits;
mod memory;
mod menu;
mod messages;
mod order_status;
mod overhead;
mod queues;
mod reads;
mod recovery;
mod round;
mod single;
mod soak;
mod start;
mod streams;

use std::pin::Pin;

use anyhow::Result;

use crate::cluster::Cluster;
use crate::outcome::Outcome;

type Measurement<'a> = Pin<Box<dyn Future<Output = Result<Outcome>> + 'a>>;

/// Something that can be measured.
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Whether it takes so long that it runs only if it is named.
    pub is_long: bool,
    measure: fn(&Cluster) -> Measurement<'_>,
}

macro_rules! scenario {
    ($name:literal, $measure:path, $title:literal) => {
        Scenario {
            name: $name,
            title: $title,
            is_long: false,
            measure: |cluster| Box::pin($measure(cluster)),
        }
    };
}

/// All scenarios, in the sequence in which they run.
pub static ALL: [Scenario; 24] = [
    scenario!("intake", intake::at_one_service, "Placing orders: 64 connections, one order service"),
    scenario!("intake-2", intake::at_two_services, "Placing orders: 256 connections, two order services"),
    scenario!("menu", menu::of_many_items, "Placing orders from a menu with stock and price rules"),
    scenario!("hot", menu::of_one_item, "Placing orders that all want the same item"),
    scenario!("messages", messages::measure, "Placing orders by message, against placing them over HTTP"),
    scenario!("kitchen", kitchen::measure, "Cooking: one worker process, cooking time 0"),
    scenario!("reads", reads::measure, "Asking for statuses: 64 connections"),
    scenario!("order_status", order_status::measure, "Asking what became of a message, against Redis"),
    scenario!("streams", streams::measure, "Streams of changes: 2,000 trackers, 20 displays, 500 orders/s"),
    scenario!("idle", idle::measure, "An idle system: from the order sent to its first notification"),
    scenario!("single", single::measure, "A single client, one order at a time"),
    scenario!(
        "growth",
        growth::measure,
        "A long history: placing and asking with millions of orders in the tables"
    ),
    scenario!("backlog", backlog::measure, "A long queue: placing and taking with many orders waiting"),
    scenario!("memory", memory::measure, "Resident memory of each service"),
    scenario!("start", start::measure, "From the start of a process to its first 200"),
    scenario!("cpu", cpu::measure, "Processor time for each order"),
    scenario!("overhead", overhead::measure, "Placing orders while metrics and traces are taken"),
    scenario!("tls", encryption::measure, "Placing orders with TLS to PostgreSQL and RabbitMQ"),
    scenario!("limits", limits::measure, "PostgreSQL, RabbitMQ and HTTP in isolation"),
    scenario!("queues", queues::measure, "RabbitMQ in isolation: kinds of queues"),
    scenario!("instances", instances::measure, "One and two of each service"),
    scenario!("curve", curve::measure, "Throughput and latency over --max-concurrent"),
    Scenario {
        is_long: true,
        ..scenario!(
            "recovery",
            recovery::measure,
            "Backup, loss and restore with a million orders, and removing them"
        )
    },
    Scenario { is_long: true, ..scenario!("soak", soak::measure, "Eight hours' worth of orders") },
];

impl Scenario {
    /// Runs the scenario.
    ///
    /// # Errors
    /// A server or program failed, or the system broke a promise during the measurement.
    pub async fn measure(&self, cluster: &Cluster) -> Result<Outcome> {
        (self.measure)(cluster).await
    }
}
