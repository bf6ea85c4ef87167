//! Which services run on this machine, and how.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use servers::free_port;

/// A worker that was killed frees its name after two of these; the default of 30 s would keep the next `up` waiting a minute.
const HEARTBEAT_SECONDS: u8 = 5;
/// How many ports after the wished one are tried.
const PORT_RANGE: u16 = 50;

/// What a service is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes orders.
    Order,
    /// Cooks.
    Kitchen,
    /// Tells how orders stand.
    Tracking,
    /// Prints notifications.
    Notifier,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Order, Self::Kitchen, Self::Tracking, Self::Notifier];

    /// The program that does it.
    pub fn program(self) -> &'static str {
        match self {
            Self::Order => "order-service",
            Self::Kitchen => "kitchen-worker",
            Self::Tracking => "tracking-service",
            Self::Notifier => "notification-subscriber",
        }
    }
}

/// How it is known that a service is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// `/readyz` on its port says so.
    OnPort(u16),
    /// A line with this action is in its log.
    Logged(&'static str),
}

/// A service to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name here: of its log, and in front of its lines.
    pub name: &'static str,
    /// Its program.
    pub program: &'static str,
    /// What it is for.
    pub role: Role,
    /// Its command line.
    pub arguments: Vec<String>,
    /// How it is known that it is ready.
    pub ready: Ready,
}

impl Plan {
    fn new(name: &'static str, role: Role, arguments: &[&str], ready: Ready) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { name, program: role.program(), role, arguments, ready }
    }

    /// Its port, if it listens on one.
    pub fn port(&self) -> Option<u16> {
        match self.ready {
            Ready::OnPort(port) => Some(port),
            Ready::Logged(_) => None,
        }
    }

    /// Whether a user means it by this word: its name, its program, or its part of the code.
    pub fn is_meant(&self, word: &str) -> bool {
        let part = match self.role {
            Role::Order => "order",
            Role::Kitchen => "kitchen",
            Role::Tracking => "tracking",
            Role::Notifier => "notifier",
        };
        [self.name, self.program, part].contains(&word)
    }
}

/// The whole restaurant, on these ports. The order service comes first: it creates the tables.
pub fn restaurant(order_port: u16, tracking_port: u16) -> Vec<Plan> {
    let heartbeat = format!("--heartbeat-interval={HEARTBEAT_SECONDS}");
    let worker = |name, more: &[&str]| {
        let worker_name = format!("--worker-name={name}");
        let arguments = [&[worker_name.as_str(), heartbeat.as_str()], more].concat();
        Plan::new(name, Role::Kitchen, &arguments, Ready::Logged("worker_registered"))
    };
    let subscriber = |name| Plan::new(name, Role::Notifier, &[], Ready::Logged("service_started"));
    let listener =
        |name, role, port: u16| Plan::new(name, role, &[&format!("--port={port}")], Ready::OnPort(port));
    vec![
        listener("order", Role::Order, order_port),
        listener("tracking", Role::Tracking, tracking_port),
        worker("chef_anna", &[]),
        worker("chef_mario", &[]),
        worker("chef_luigi", &["--order-types=delivery"]),
        subscriber("subscriber_1"),
        subscriber("subscriber_2"),
    ]
}

/// A port that this process has chosen for a service. As long as it is held, no other `up` on this machine chooses it, though
/// nobody may listen on it yet: the UDP port of the same number is taken, for which services have no use, and which is free again
/// however this process ends.
#[derive(Debug)]
pub struct PortClaim {
    /// The TCP port.
    pub port: u16,
    _held: UdpSocket,
}

impl PortClaim {
    /// The wished port, else the next free one, but none of those that others wish for.
    ///
    /// # Errors
    /// None is free.
    pub fn near(wished: u16, of_others: &[u16]) -> io::Result<Self> {
        let nearby = (wished..=wished.saturating_add(PORT_RANGE)).filter(|port| !of_others.contains(port));
        let anywhere = (0..PORT_RANGE).filter_map(|_| free_port(0).ok());
        nearby.chain(anywhere).find_map(Self::take).ok_or_else(|| {
            io::Error::new(io::ErrorKind::AddrInUse, format!("no port is free near {wished}, nor elsewhere"))
        })
    }

    fn take(port: u16) -> Option<Self> {
        let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        free_port(port).is_ok_and(|free| free == port).then_some(Self { port, _held: held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_restaurant_has_everybody() {
        let plans = restaurant(3000, 3002);
        let count = |role| plans.iter().filter(|plan| plan.role == role).count();
        assert_eq!([Role::Order, Role::Kitchen, Role::Tracking, Role::Notifier].map(count), [1, 3, 1, 2]);
        assert_eq!(plans[0].role, Role::Order);
        assert_eq!(plans[1].port(), Some(3002));
        let meant = |word| plans.iter().filter(|plan| plan.is_meant(word)).count();
        assert_eq!(["kitchen", "chef_anna", "order-service", "waiter"].map(meant), [3, 1, 1, 0]);
    }

    #[test]
    fn a_taken_port_gives_way_to_the_next() {
        let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = holder.local_addr().unwrap().port();
        let near = PortClaim::near(taken, &[]).unwrap().port;
        assert_ne!(near, taken);
        assert_ne!(PortClaim::near(taken, &[near]).unwrap().port, near);
    }

    #[test]
    fn what_one_has_chosen_no_other_chooses() {
        let wished = free_port(0).unwrap();
        let first = PortClaim::near(wished, &[]).unwrap();
        assert_ne!(PortClaim::near(wished, &[]).unwrap().port, first.port, "nobody listens on it yet");
        let port = first.port;
        drop(first);
        assert_eq!(PortClaim::near(port, &[]).unwrap().port, port);
    }
}
