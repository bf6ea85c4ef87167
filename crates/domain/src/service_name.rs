//! The services of the system: the one list.
//!
//! Binaries, rights, permissions, tools and tests read it, and tests compare the files of `deploy/`
//! with it. A service that is not in it does not exist.

use std::fmt;

/// A service of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceName {
    /// Takes orders.
    Order,
    /// Cooks them.
    Kitchen,
    /// Tells where they stand.
    Tracking,
    /// Shows every change.
    Notifier,
}

/// What is to be known of a service.
struct Facts {
    binary: &'static str,
    short_name: &'static str,
    port: Option<u16>,
}

impl ServiceName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Order, Self::Kitchen, Self::Tracking, Self::Notifier];

    /// `deploy/checks/rules.py` reads these lines.
    const fn facts(self) -> Facts {
        match self {
            Self::Order => Facts { binary: "order-service", short_name: "order", port: Some(3000) },
            Self::Kitchen => Facts { binary: "kitchen-worker", short_name: "kitchen", port: None },
            Self::Tracking => Facts { binary: "tracking-service", short_name: "tracking", port: Some(3002) },
            Self::Notifier => Facts { binary: "notification-subscriber", short_name: "notifier", port: None },
        }
    }

    /// The name of its binary. Its cargo package, its `--mode`, its image and the field `service`
    /// of its log lines are called the same.
    pub const fn binary(self) -> &'static str {
        self.facts().binary
    }

    /// How people call it: its folder below `services/`, and the end of its role's name in
    /// PostgreSQL.
    pub const fn short_name(self) -> &'static str {
        self.facts().short_name
    }

    /// Its image, below the name of a registry.
    pub fn image(self) -> String {
        format!("restaurant/{}", self.binary())
    }

    /// The TCP port of its public HTTP interface by default; `None` if it has no such interface.
    pub const fn port(self) -> Option<u16> {
        self.facts().port
    }

    /// The one whose binary is called so.
    pub fn of_binary(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.binary() == name)
    }

    /// The one that people call so.
    pub fn of_short_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.short_name() == name)
    }
}

/// As [`ServiceName::binary`].
impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.binary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_names_and_has_a_port_of_its_own() {
        for service in ServiceName::ALL {
            assert_eq!(ServiceName::of_binary(service.binary()), Some(service));
            assert_eq!(ServiceName::of_short_name(service.short_name()), Some(service));
        }
        assert_eq!(ServiceName::of_binary("waiter"), None);
        assert_eq!(ServiceName::of_short_name("order-service"), None);
        let mut ports: Vec<u16> = ServiceName::ALL.into_iter().filter_map(ServiceName::port).collect();
        let count = ports.len();
        ports.dedup();
        assert_eq!(ports.len(), count);
    }
}
