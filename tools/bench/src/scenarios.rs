//! The scenarios: each measures one promise of the table, in comparison with its baseline.

mod backlog;
mod cpu;
mod curve;
mod growth;
mod idle;
mod instances;
mod intake;
mod intake_2;
mod kitchen;
mod limits;
mod memory;
mod queues;
mod reads;
mod round;
mod single;
mod soak;
mod start;

use crate::cluster::Cluster;
use crate::effort::Effort;
use crate::error::Error;
use crate::outcome::Outcome;

/// Everything that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Placing orders at one service.
    Intake,
    /// Placing orders at two services.
    Intake2,
    /// Cooking.
    Kitchen,
    /// Reading statuses.
    Reads,
    /// From an order to its first notification.
    Idle,
    /// A single client.
    Single,
    /// A long history.
    Growth,
    /// A long queue.
    Backlog,
    /// Resident memory.
    Memory,
    /// From exec to the first response.
    Start,
    /// Processor time per order.
    Cpu,
    /// Each part in isolation.
    Limits,
    /// RabbitMQ by kind of queue.
    Queues,
    /// Two instances of each service.
    Instances,
    /// As a function of `--max-concurrent`.
    Curve,
    /// A long run.
    Soak,
}

impl Scenario {
    /// All scenarios, in the sequence in which they run.
    pub const ALL: [Self; 16] = [
        Self::Intake,
        Self::Intake2,
        Self::Kitchen,
        Self::Reads,
        Self::Idle,
        Self::Single,
        Self::Growth,
        Self::Backlog,
        Self::Memory,
        Self::Start,
        Self::Cpu,
        Self::Limits,
        Self::Queues,
        Self::Instances,
        Self::Curve,
        Self::Soak,
    ];

    /// Whether it takes so long that it runs only if it is named.
    pub fn is_long(self) -> bool {
        self == Self::Soak
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Intake2 => "intake-2",
            Self::Kitchen => "kitchen",
            Self::Reads => "reads",
            Self::Idle => "idle",
            Self::Single => "single",
            Self::Growth => "growth",
            Self::Backlog => "backlog",
            Self::Memory => "memory",
            Self::Start => "start",
            Self::Cpu => "cpu",
            Self::Limits => "limits",
            Self::Queues => "queues",
            Self::Instances => "instances",
            Self::Curve => "curve",
            Self::Soak => "soak",
        }
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Intake => "Placing orders: 64 connections, one order service",
            Self::Intake2 => "Placing orders: 256 connections, two order services",
            Self::Kitchen => "Cooking: one worker process, cooking time 0",
            Self::Reads => "Asking for statuses: 64 connections",
            Self::Idle => "An idle system: from the order sent to its first notification",
            Self::Single => "A single client, one order at a time",
            Self::Growth => "A long history: placing and asking with millions of orders in the tables",
            Self::Backlog => "A long queue: placing and taking with many orders waiting",
            Self::Memory => "Resident memory of each service",
            Self::Start => "From the start of a process to its first 200",
            Self::Cpu => "Processor time for each order",
            Self::Limits => "PostgreSQL, RabbitMQ and HTTP in isolation",
            Self::Queues => "RabbitMQ in isolation: kinds of queues",
            Self::Instances => "One and two of each service",
            Self::Curve => "Throughput and latency over --max-concurrent",
            Self::Soak => "Eight hours' worth of orders",
        }
    }

    /// Runs the scenario.
    ///
    /// # Errors
    /// A server or program failed, or the system broke a promise during the measurement.
    pub async fn measure(self, cluster: &Cluster, effort: Effort) -> Result<Outcome, Error> {
        match self {
            Self::Intake => Box::pin(intake::measure(cluster, effort)).await,
            Self::Intake2 => Box::pin(intake_2::measure(cluster, effort)).await,
            Self::Kitchen => Box::pin(kitchen::measure(cluster, effort)).await,
            Self::Reads => Box::pin(reads::measure(cluster, effort)).await,
            Self::Idle => Box::pin(idle::measure(cluster, effort)).await,
            Self::Single => Box::pin(single::measure(cluster, effort)).await,
            Self::Growth => Box::pin(growth::measure(cluster, effort)).await,
            Self::Backlog => Box::pin(backlog::measure(cluster, effort)).await,
            Self::Memory => Box::pin(memory::measure(cluster, effort)).await,
            Self::Start => Box::pin(start::measure(cluster, effort)).await,
            Self::Cpu => Box::pin(cpu::measure(cluster, effort)).await,
            Self::Limits => Box::pin(limits::measure(cluster, effort)).await,
            Self::Queues => Box::pin(queues::measure(cluster, effort)).await,
            Self::Instances => Box::pin(instances::measure(cluster, effort)).await,
            Self::Curve => Box::pin(curve::measure(cluster, effort)).await,
            Self::Soak => Box::pin(soak::measure(cluster, effort)).await,
        }
    }
}
