//! The services to run on this machine, and their arguments.

use devcluster::Ready;
use domain::ServiceName;
use logging::action;

/// The workers' heartbeat interval. The name of a killed worker is free after two of them; with the
/// default of 30 s the next `up` would wait for a minute.
const HEARTBEAT_SECONDS: u8 = 5;

/// A service to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The service's name: of its log, and in front of its lines.
    pub name: &'static str,
    /// Its role.
    pub service: ServiceName,
    /// Its command line.
    pub arguments: Vec<String>,
    /// How its readiness is detected.
    pub ready: Ready,
    /// The port of its admin listener; 0: it has none.
    pub admin_port: u16,
}

impl Plan {
    /// Whether a user's word names this service: by its name, its program, or its short name.
    pub fn is_meant(&self, word: &str) -> bool {
        [self.name, self.service.binary(), self.service.short_name()].contains(&word)
    }
}

/// All services, on these ports, without admin listeners. The order service comes first: it creates
/// the tables.
pub fn restaurant(order_port: u16, tracking_port: u16) -> Vec<Plan> {
    let worker = |name, types: Option<&str>| {
        let arguments =
            [format!("--worker-name={name}"), format!("--heartbeat-interval={HEARTBEAT_SECONDS}")];
        let arguments = arguments.into_iter().chain(types.map(str::to_owned)).collect();
        let ready = Ready::Logged(action::WORKER_REGISTERED.as_str(), "");
        Plan { name, service: ServiceName::Kitchen, arguments, ready, admin_port: 0 }
    };
    let subscriber = |name| {
        let ready = Ready::Logged(action::SERVICE_STARTED.as_str(), "");
        Plan { name, service: ServiceName::Notifier, arguments: Vec::new(), ready, admin_port: 0 }
    };
    let listener = |name, service, port: u16| {
        let arguments = vec![format!("--port={port}")];
        Plan { name, service, arguments, ready: Ready::OnPort(port), admin_port: 0 }
    };
    vec![
        listener("order", ServiceName::Order, order_port),
        listener("tracking", ServiceName::Tracking, tracking_port),
        worker("chef_anna", None),
        worker("chef_mario", None),
        worker("chef_luigi", Some("--order-types=delivery")),
        subscriber("subscriber_1"),
        subscriber("subscriber_2"),
    ]
}

/// The words that name these services, each once. A service that is the only one of its role often
/// has the same name.
pub fn names(plans: &[Plan]) -> Vec<&'static str> {
    let mut names: Vec<&str> = plans.iter().map(|plan| plan.name).collect();
    for name in plans.iter().map(|plan| plan.service.short_name()) {
        if !names.contains(&name) {
            names.push(name);
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
        let count = |service| plans.iter().filter(|plan| plan.service == service).count();
        assert_eq!(ServiceName::ALL.map(count), [1, 3, 1, 2]);
        assert_eq!(plans[0].service, ServiceName::Order);
        assert_eq!(plans[1].ready.port(), Some(3002));
        let meant = |word| plans.iter().filter(|plan| plan.is_meant(word)).count();
        assert_eq!(["kitchen", "chef_anna", "order-service", "waiter"].map(meant), [3, 1, 1, 0]);
    }
}
