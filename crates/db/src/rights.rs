//! What each service does to which table: the one list, by which roles get their rights and the
//! doctor looks for missing ones.

/// A service that uses the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Stores orders, and sends what is in the outbox.
    Order,
    /// Claims and finishes orders.
    Kitchen,
    /// Reads.
    Tracking,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Order, Self::Kitchen, Self::Tracking];

    /// Such as `order`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Kitchen => "kitchen",
            Self::Tracking => "tracking",
        }
    }

    /// Tables, and what it does to each. Who inserts into a table with a
    /// sequence needs that as well.
    pub fn needs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Order => &[
                ("orders", "select, insert, update"),
                ("order_identities", "select, insert"),
                ("order_items", "select, insert"),
                ("order_status_log", "select, insert"),
                ("order_counters", "select, insert, update"),
                ("order_claims", "select, update, delete"),
                ("order_outbox", "select, insert, update, delete"),
                ("rescue_attempts", "select, insert, update, delete"),
                // Of the version before: its services go on for as long as an update takes.
                ("order_sweeps", "select, insert, update, delete"),
                ("status_outbox", "select, insert, update, delete"),
                ("idempotency_keys", "select, insert, update, delete"),
                ("secrets", "select"),
                ("workers", "select"),
                ("worker_sessions", "select"),
                ("refinery_schema_history", "select"),
            ],
            Self::Kitchen => &[
                ("orders", "select, update"),
                ("order_identities", "select"),
                ("order_items", "select"),
                ("order_status_log", "insert"),
                ("order_claims", "select, insert, update, delete"),
                ("status_outbox", "select, insert, delete"),
                ("workers", "select, insert, update"),
                ("worker_sessions", "select, insert, update, delete"),
                ("refinery_schema_history", "select"),
            ],
            Self::Tracking => &[
                ("orders", "select"),
                ("order_status_log", "select"),
                ("order_claims", "select"),
                ("workers", "select"),
                ("worker_sessions", "select"),
                ("refinery_schema_history", "select"),
            ],
        }
    }
}
