//! Which services run on this machine, and how.

use devcluster::Ready;

/// A worker that was killed frees its name after two of these; the default of 30 s would keep the
/// next `up` waiting a minute.
const HEARTBEAT_SECONDS: u8 = 5;

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

    /// Its part of the code, which is how a user calls it.
    pub fn part(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Kitchen => "kitchen",
            Self::Tracking => "tracking",
            Self::Notifier => "notifier",
        }
    }
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
        self.ready.port()
    }

    /// Whether a user means it by this word: its name, its program, or its part of the code.
    pub fn is_meant(&self, word: &str) -> bool {
        [self.name, self.program, self.role.part()].contains(&word)
    }
}

/// The whole restaurant, on these ports. The order service comes first: it creates the tables.
pub fn restaurant(order_port: u16, tracking_port: u16) -> Vec<Plan> {
    let heartbeat = format!("--heartbeat-interval={HEARTBEAT_SECONDS}");
    let worker = |name, more: &[&str]| {
        let worker_name = format!("--worker-name={name}");
        let arguments = [&[worker_name.as_str(), heartbeat.as_str()], more].concat();
        Plan::new(name, Role::Kitchen, &arguments, Ready::Logged("worker_registered", ""))
    };
    let subscriber = |name| Plan::new(name, Role::Notifier, &[], Ready::Logged("service_started", ""));
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

/// The words by which these are meant, each once: a service alone in its part is
/// often called like it.
pub fn names(plans: &[Plan]) -> Vec<&'static str> {
    let mut names: Vec<&str> = plans.iter().map(|plan| plan.name).collect();
    for part in plans.iter().map(|plan| plan.role.part()) {
        if !names.contains(&part) {
            names.push(part);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_told_once() {
        let plans = restaurant(0, 0);
        let names = names(&plans);
        assert_eq!(
            names.join(" "),
            "order tracking chef_anna chef_mario chef_luigi subscriber_1 subscriber_2 kitchen notifier"
        );
        assert!(names.iter().all(|name| plans.iter().any(|plan| plan.is_meant(name))), "{names:?}");
    }

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
}
