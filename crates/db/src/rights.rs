//! The rights of each service, of the staff lists, of the exporter and of `prune`, on each table:
//! the one list, for roles and for the doctor.

use domain::{ServerUser, ServiceName};

/// Tables and the rights on each, as `grant` writes them: verbs with a comma and a space between.
/// A verb may be for some columns only, in brackets, with commas alone between. An insert into a
/// table with a sequence needs a right on that too.
pub type Rights = &'static [(&'static str, &'static str)];

/// The services that use the database.
pub fn services() -> impl Iterator<Item = ServiceName> {
    ServiceName::ALL.into_iter().filter(|service| of(*service).is_some())
}

/// The users of the database.
pub fn users() -> impl Iterator<Item = ServerUser> {
    ServerUser::ALL.into_iter().filter(|user| of(*user).is_some())
}

/// The rights that one of them needs; `None` if it does not use the database.
pub fn of(user: impl Into<ServerUser>) -> Option<Rights> {
    let service = match user.into() {
        ServerUser::Service(service) => service,
        ServerUser::TrackingStaff => return Some(TRACKING_STAFF),
        ServerUser::Exporter => return Some(EXPORTER),
        ServerUser::Pruner => return Some(PRUNER),
    };
    let rights: Rights = match service {
        ServiceName::Order => &[
            // What an order costs, and whose it is, never changes.
            ("orders", "select, insert, update (updated_at,priority,status)"),
            ("order_identities", "select, insert"),
            ("order_items", "select, insert"),
            ("order_status_log", "select, insert"),
            ("order_counters", "select, insert, update"),
            ("order_claims", "select, update, delete"),
            ("order_outbox", "select, insert, update, delete"),
            // What a restore holds is not sent, and nothing is before it has.
            ("held_orders", "select"),
            ("restores", "select"),
            ("rescue_attempts", "select, insert, update, delete"),
            // A table of the version before, whose services run until an update is complete.
            ("order_sweeps", "select, insert, update, delete"),
            ("status_outbox", "select, insert, update, delete"),
            ("idempotency_keys", "select, insert, update, delete"),
            ("secrets", "select"),
            ("menu_items", "select, insert, update, delete"),
            ("price_rules", "select, insert, update, delete"),
            ("menu_version", "select, update"),
            ("inventory_items", "select, insert, update, delete"),
            ("inventory_movements", "select, insert"),
            ("order_adjustments", "select, insert"),
            ("order_requests", "select, insert, update"),
            ("request_outbox", "select, insert, update, delete"),
            ("intake_pauses", "select, insert, update, delete"),
            ("workers", "select"),
            ("worker_sessions", "select"),
            ("refinery_schema_history", "select"),
        ],
        ServiceName::Kitchen => &[
            // The kitchen changes no total.
            ("orders", "select, update (updated_at,status,processed_by,completed_at)"),
            ("order_identities", "select"),
            ("order_items", "select"),
            // A manual worker tells who was first.
            ("order_status_log", "select, insert"),
            ("order_claims", "select, insert, update, delete"),
            // What a restore holds is not cooked, and nothing is before it has.
            ("held_orders", "select"),
            ("restores", "select"),
            ("status_outbox", "select, insert, delete"),
            ("workers", "select, insert, update"),
            ("worker_sessions", "select, insert, update, delete"),
            ("refinery_schema_history", "select"),
        ],
        ServiceName::Tracking => &[
            // No names and no addresses: those are for the staff lists.
            (
                "orders",
                "select (id,created_at,updated_at,number,type,table_number,\
                 total_amount,priority,status,processed_by)",
            ),
            ("order_identities", "select"),
            ("order_items", "select"),
            ("order_adjustments", "select"),
            // Who asks for a request is told its errors, which may quote what it said.
            (
                "order_requests",
                "select (order_id,fingerprint,status,order_number,total_amount,\
                 code,reason,errors,items,updated_at)",
            ),
            ("order_status_log", "select"),
            ("order_claims", "select"),
            // Guests show the tokens of their orders.
            ("secrets", "select"),
            ("workers", "select"),
            ("worker_sessions", "select"),
            ("refinery_schema_history", "select"),
        ],
        ServiceName::Notifier => return None,
    };
    Some(rights)
}

/// What the staff sees of an order, and the guest who shows its token.
const TRACKING_STAFF: Rights = &[
    (
        "orders",
        "select (id,created_at,updated_at,number,customer_name,type,table_number,\
         delivery_address,total_amount,priority,status,processed_by)",
    ),
    ("order_identities", "select"),
    ("order_items", "select"),
    ("order_adjustments", "select"),
    ("order_status_log", "select"),
];

/// It counts, and audits. It reads no key of tokens, no key of a request, no name and no address.
const EXPORTER: Rights = &[
    ("orders", "select (id,created_at,number,type,total_amount,priority,status,completed_at)"),
    ("order_identities", "select"),
    ("order_items", "select"),
    ("order_status_log", "select"),
    ("order_counters", "select"),
    ("order_claims", "select"),
    ("order_outbox", "select"),
    ("backups", "select"),
    ("held_orders", "select"),
    ("number_gaps", "select"),
    ("lost_orders", "select"),
    ("status_outbox", "select"),
    ("inventory_items", "select"),
    ("inventory_movements", "select"),
    ("order_adjustments", "select"),
    ("order_requests", "select"),
    ("request_outbox", "select"),
    ("pruned_orders", "select"),
    ("pruned_work", "select"),
    ("pruned_stock", "select"),
    ("workers", "select"),
    ("worker_sessions", "select"),
];

/// It removes what is old, or blanks what names somebody in it. It makes no order, and of one that
/// stays it changes nothing else. Of texts it reads only those that it blanks. Triggers remove rows
/// that go with an order, with the rights of whoever removes the order.
const PRUNER: Rights = &[
    (
        "orders",
        "select (id,created_at,updated_at,number,customer_name,delivery_address,status), \
         update (customer_name,delivery_address), delete",
    ),
    ("order_identities", "select (order_id), delete"),
    ("order_items", "select (order_id), delete"),
    ("order_status_log", "select (order_id,status,changed_by,changed_at,notes), update (notes), delete"),
    ("order_adjustments", "select (order_id), delete"),
    (
        "order_requests",
        "select (order_id,fingerprint,status,errors,placed_as,updated_at), \
         update (fingerprint,errors), delete",
    ),
    ("request_outbox", "select (order_id), delete"),
    ("inventory_movements", "select (item_id,order_id,delta), update (order_id), delete"),
    ("idempotency_keys", "select (order_id), delete"),
    ("rescue_attempts", "select (order_id), delete"),
    ("order_sweeps", "select (order_id), delete"),
    // What is not settled stays.
    ("order_claims", "select (order_id,worker)"),
    ("order_outbox", "select (order_id)"),
    ("status_outbox", "select (order_number)"),
    // To lock a row, PostgreSQL wants the right to change some column.
    ("workers", "select (id,name,created_at,last_seen), update (last_seen), delete"),
    ("worker_sessions", "select (worker_id), delete"),
    ("pruned_orders", "select (day,numbers), insert, update (numbers)"),
    ("pruned_work", "select (worker,since,orders_processed), insert, update (orders_processed)"),
    ("pruned_stock", "select (item_id,delta), insert, update (delta)"),
    // Nothing is pruned before a restore has held what was open.
    ("held_orders", "select"),
    ("restores", "select"),
    ("refinery_schema_history", "select"),
];
