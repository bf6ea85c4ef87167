//! The programs that show metrics.

use std::fmt;

use domain::ServiceName;

/// A program that shows metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The order service.
    Order,
    /// The kitchen worker.
    Kitchen,
    /// The tracking service.
    Tracking,
    /// The notification subscriber.
    Notifier,
    /// `restaurant-ctl exporter`: what belongs to the whole system.
    Exporter,
}

impl From<ServiceName> for Program {
    fn from(service: ServiceName) -> Self {
        match service {
            ServiceName::Order => Self::Order,
            ServiceName::Kitchen => Self::Kitchen,
            ServiceName::Tracking => Self::Tracking,
            ServiceName::Notifier => Self::Notifier,
        }
    }
}

/// As documents call it.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Order => ServiceName::Order.short_name(),
            Self::Kitchen => ServiceName::Kitchen.short_name(),
            Self::Tracking => ServiceName::Tracking.short_name(),
            Self::Notifier => ServiceName::Notifier.short_name(),
            Self::Exporter => "exporter",
        })
    }
}
