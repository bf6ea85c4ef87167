//! Who has a user of its own at PostgreSQL, at RabbitMQ, or at both.

use crate::ServiceName;

/// A program that logs in at the servers by itself, with no more rights than it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerUser {
    /// A service.
    Service(ServiceName),
    /// The tracking service again, where it shows names and addresses to the staff.
    TrackingStaff,
    /// `restaurant-ctl exporter`, which measures the whole system.
    Exporter,
    /// `restaurant-ctl prune`, where a job runs it.
    Pruner,
}

impl ServerUser {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Service(ServiceName::Order),
        Self::Service(ServiceName::Kitchen),
        Self::Service(ServiceName::Tracking),
        Self::Service(ServiceName::Notifier),
        Self::TrackingStaff,
        Self::Exporter,
        Self::Pruner,
    ];

    /// The end of its user's name, behind the name of the database.
    pub const fn short_name(self) -> &'static str {
        match self {
            Self::Service(service) => service.short_name(),
            Self::TrackingStaff => "tracking_staff",
            Self::Exporter => "exporter",
            Self::Pruner => "pruner",
        }
    }

    /// How a sentence calls it.
    pub fn title(self) -> String {
        match self {
            Self::Service(service) => format!("the {} service", service.short_name()),
            Self::TrackingStaff => "the staff lists of the tracking service".to_owned(),
            Self::Exporter => "the exporter".to_owned(),
            Self::Pruner => "prune".to_owned(),
        }
    }

    /// Whether it is made only for those who give it a password. It may remove orders, and a person
    /// who prunes as the owner of the tables does not need it.
    pub const fn is_on_demand(self) -> bool {
        matches!(self, Self::Pruner)
    }
}

impl From<ServiceName> for ServerUser {
    fn from(service: ServiceName) -> Self {
        Self::Service(service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_among_them() {
        for service in ServiceName::ALL {
            assert!(ServerUser::ALL.contains(&service.into()), "{service}");
        }
    }
}
