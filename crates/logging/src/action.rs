//! The vocabulary of `action`: every kind of line that a program of ours logs.
//!
//! A service cannot log another one: [`Action`] has no public constructor. The strings are part of
//! the interface; alarms and dashboards match them. `docs/log-actions.md` is made of this list.

use std::fmt::{self, Write as _};

use crate::Level;

/// What a log line is about, as a machine reads it: the field `action`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action(pub(crate) &'static str);

impl Action {
    /// The text in the line.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// An action as the documentation shows it.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The action.
    pub action: Action,
    /// The levels at which it is logged.
    pub levels: &'static [Level],
    /// What a line of it means: the constant's docstring, a line each.
    pub meaning: &'static [&'static str],
}

/// Makes a constant of each entry, and the list of all.
macro_rules! actions {
    ($($(#[doc = $meaning:literal])+ $name:ident = $text:literal at $($level:ident),+;)+) => {
        $(
            $(#[doc = $meaning])+
            #[doc = concat!("\n\nLevel: ", stringify!($($level),+), ".")]
            pub const $name: Action = Action($text);
        )+

        /// Every action, in the order of the documentation.
        pub const ALL: &[Description] = &[
            $(Description { action: $name, levels: &[$(Level::$level),+], meaning: &[$($meaning),+] }),+
        ];
    };
}

actions! {
    // A service from its start to its end.

    /// The process has started: its port is open, if it has one. It may still wait for its servers.
    /// `details` has its port or its settings.
    SERVICE_STARTED = "service_started" at Info;
    /// The service cannot start, or one of its tasks ended before the shutdown. The process exits
    /// with 1.
    SERVICE_FAILED = "service_failed" at Error;
    /// The shutdown has begun: no new work is taken, what is in work is finished.
    GRACEFUL_SHUTDOWN = "graceful_shutdown" at Info;
    /// The shutdown ended before all work was finished. Another process, a relay or the broker
    /// takes care of the rest.
    SHUTDOWN_INCOMPLETE = "shutdown_incomplete" at Info;
    /// A task panicked: an error in the program. `error.stack` has the backtrace if
    /// `RUST_BACKTRACE` is set.
    PANIC = "panic" at Error;
    /// Stdout could not be written for longer than lines can wait, and `details.lost` lines were
    /// dropped.
    LOG_LINES_LOST = "log_lines_lost" at Error;
    /// Stdout could not be written for a while. No line was dropped.
    LOG_RESUMED = "log_resumed" at Info;

    /// Traces are recorded, and sent to a collector.
    TRACES_STARTED = "traces_started" at Info;
    /// The collector of traces did not take what was sent, and nothing else is affected. Until it
    /// does, spans are dropped, and counted by `restaurant_spans_dropped_total`.
    TRACES_NOT_SENT = "traces_not_sent" at Error;
    /// The collector takes traces again.
    TRACES_RESUMED = "traces_resumed" at Info;

    // PostgreSQL.

    /// The database answered, and its schema is the one that the service needs.
    DB_CONNECTED = "db_connected" at Info;
    /// The database cannot be reached or used. The operation is tried again.
    DB_CONNECTION_FAILED = "db_connection_failed" at Error;
    /// Reads go to `database.read_replica` from now on.
    REPLICA_USED = "replica_used" at Info;
    /// Reads no longer go to `database.read_replica`, but to the primary: it is further behind than
    /// `tracking.max_replica_lag`, does not answer, or is no standby.
    REPLICA_LEFT = "replica_left" at Info, Error;
    /// A statement failed for a reason that another attempt does not change.
    DB_QUERY_FAILED = "db_query_failed" at Error;
    /// A transaction that stores or changes an order failed, or its outcome is unknown.
    DB_TRANSACTION_FAILED = "db_transaction_failed" at Error;
    /// The database does not answer requests: those that need it are refused at once (503).
    /// `error` is the last failure.
    DB_BREAKER_OPENED = "db_breaker_opened" at Error;
    /// A single request is let through, to see whether the database answers again.
    DB_BREAKER_HALF_OPEN = "db_breaker_half_open" at Info;
    /// The database answers: requests that need it are taken again.
    DB_BREAKER_CLOSED = "db_breaker_closed" at Info;
    /// The service applied migrations. `details.versions` lists them.
    SCHEMA_MIGRATED = "schema_migrated" at Info;
    /// The service waits until another program has applied the migrations.
    SCHEMA_AWAITED = "schema_awaited" at Info, Error;

    // Streams of changes.

    /// Rows of the status log are missing below newer ones, and streams wait for them no longer:
    /// their transaction takes long, or was rolled back. If they come after all, they are sent.
    STATUS_LOG_GAP = "status_log_gap" at Info;
    /// The newest rows of the status log are gone: the database was restored or replaced. Streams
    /// end, and their clients come back.
    STATUS_LOG_REPLACED = "status_log_replaced" at Info;
    /// Clients or displays did not read their event streams fast enough. They come back, and get
    /// what they missed.
    STREAM_CUT = "stream_cut" at Debug;
    /// A client got no event stream: as many as the service allows are open, of all clients or of
    /// its address, or the memory for their queues is taken.
    STREAM_REFUSED = "stream_refused" at Info;

    // RabbitMQ.

    /// A connection is open, and what it uses is declared. A service has several connections; the
    /// message names the exchange or the queues.
    RABBITMQ_CONNECTED = "rabbitmq_connected" at Info;
    /// A connection could not be opened, or it broke. The next attempt comes after
    /// `details.retry_in_ms`.
    RABBITMQ_CONNECTION_FAILED = "rabbitmq_connection_failed" at Error;
    /// An exchange or a queue cannot be used as this version declares it. It is declared again
    /// every few seconds.
    RABBITMQ_DECLARATION_FAILED = "rabbitmq_declaration_failed" at Error;
    /// A message was not confirmed.
    RABBITMQ_PUBLISH_FAILED = "rabbitmq_publish_failed" at Error;
    /// The broker takes no messages: it has a memory alarm or a disk alarm.
    RABBITMQ_BLOCKED = "rabbitmq_blocked" at Error;
    /// The alarm has ended.
    RABBITMQ_UNBLOCKED = "rabbitmq_unblocked" at Info;

    // HTTP.

    /// A request of the tracking service, with its endpoint and its parameters.
    REQUEST_RECEIVED = "request_received" at Debug;
    /// A request was refused before any handler saw it: malformed, too large, too slow, or without
    /// a route. Error: before its head was read.
    REQUEST_REFUSED = "request_refused" at Debug, Error;
    /// A request's body or parameters break the rules. `error.msg` lists every violation.
    VALIDATION_FAILED = "validation_failed" at Error;
    /// A page of another site sent the request from a browser, or a page of ours that does not say
    /// so.
    CROSS_SITE_REFUSED = "cross_site_refused" at Error;
    /// A request for staff had a wrong key.
    STAFF_KEY_REFUSED = "staff_key_refused" at Error;
    /// A manual worker has no key of the staff, so nobody can sign in at its page.
    STAFF_KEY_MISSING = "staff_key_missing" at Info;
    /// Somebody signed in with the staff's key.
    STAFF_SIGNED_IN = "staff_signed_in" at Info;
    /// How many connections the service holds at most, and why: the settings, its memory or its
    /// file descriptors.
    CONNECTIONS_LIMITED = "connections_limited" at Info;
    /// The connections that the configuration allows may need more memory than the service may use.
    MEMORY_OVERCOMMITTED = "memory_overcommitted" at Error;
    /// Connections were closed to make room for new ones, or new ones were closed.
    CONNECTIONS_EVICTED = "connections_evicted" at Info;
    /// The admin listener is open: `details` says on which address and port.
    ADMIN_STARTED = "admin_started" at Info;
    /// A client and the HTTP server did not agree on TLS: the client may not trust the certificate.
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed" at Info;
    /// The own certificate has expired or is not valid yet at the start: until it is renewed, the
    /// other side refuses it. The line says when it was or will be valid.
    CERTIFICATE_NOT_VALID = "certificate_not_valid" at Error;
    /// A certificate, a key or the list of authorities has changed, and is used for new
    /// connections.
    CERTIFICATE_CHANGED = "certificate_changed" at Info;
    /// A certificate, a key or the list of authorities has changed and cannot be used: the last one
    /// stays in use.
    CERTIFICATE_REFUSED = "certificate_refused" at Error;

    // An order on its way into the kitchen.

    /// An order passed validation.
    ORDER_RECEIVED = "order_received" at Debug;
    /// A request repeats an earlier one with the same idempotency key, or a message an earlier one
    /// with the same order id. It gets the earlier answer.
    ORDER_REPEATED = "order_repeated" at Debug;
    /// An order was refused because the service is not ready, `--max-concurrent` orders are in
    /// work, the intake is paused, or `intake.max_waiting` orders wait.
    ORDER_TURNED_AWAY = "order_turned_away" at Error;
    /// The staff has paused the intake, here or at another order service. `details` has what guests
    /// are told, and the end.
    INTAKE_PAUSED = "intake_paused" at Info;
    /// The pause of the intake has ended.
    INTAKE_RESUMED = "intake_resumed" at Info;
    /// Staff changed an item of the menu. `details` names it.
    MENU_EDITED = "menu_edited" at Info;
    /// Staff changed what is left of an item. `details` has what is left now.
    STOCK_CHANGED = "stock_changed" at Info;
    /// The menu could not be read. What was read before stays in use.
    MENU_REFRESH_FAILED = "menu_refresh_failed" at Error;
    /// The broker confirmed an order's message.
    ORDER_PUBLISHED = "order_published" at Debug;
    /// The broker confirmed the message of a status update, or the event of a request, that a relay
    /// found in the outbox.
    STATUS_UPDATE_PUBLISHED = "status_update_published" at Debug;
    /// The answer of a transaction was lost, and its client was told so (504). The service finds
    /// out whether the order was stored.
    ORDER_OUTCOME_UNKNOWN = "order_outcome_unknown" at Error;
    /// The service found out whether such an order was stored.
    ORDER_OUTCOME_FOUND = "order_outcome_found" at Info;
    /// A person cancelled or completed an order.
    ORDER_STATUS_CHANGED = "order_status_changed" at Info;

    // The outbox and the rescuer.

    /// Messages were confirmed, and their outbox rows could not be removed: a relay publishes them
    /// once more.
    OUTBOX_NOT_SETTLED = "outbox_not_settled" at Error;
    /// The relay could not read the outbox, or a row of it. It tries again.
    RELAY_FAILED = "relay_failed" at Error;
    /// The rescuer could not look for waiting orders. It tries again.
    SWEEP_FAILED = "sweep_failed" at Error;
    /// The rescuer published an order again with the highest priority: it had waited for longer
    /// than `kitchen.max_wait`.
    ORDER_LIFTED = "order_lifted" at Info;
    /// The rescuer published an order again: its message or its cook was lost, or it lay in the
    /// safety net.
    ORDER_SENT_AGAIN = "order_sent_again" at Info;

    // The kitchen.

    /// The worker is in the table `workers`, online.
    WORKER_REGISTERED = "worker_registered" at Info;
    /// Another worker of this name is online. The process exits with 1.
    WORKER_REGISTRATION_FAILED = "worker_registration_failed" at Error;
    /// The worker has marked itself offline.
    WORKER_OFFLINE = "worker_offline" at Info;
    /// The worker wrote `last_seen` and renewed its leases.
    HEARTBEAT_SENT = "heartbeat_sent" at Debug;
    /// The worker claimed an order and cooks it.
    ORDER_PROCESSING_STARTED = "order_processing_started" at Debug;
    /// The order is `ready`.
    ORDER_COMPLETED = "order_completed" at Debug;
    /// A person took an order that was `ready` back to `cooking`.
    ORDER_RECALLED = "order_recalled" at Info;
    /// A second message points to an order that this worker has in work. The same work settles
    /// both.
    ORDER_REDELIVERED = "order_redelivered" at Debug;
    /// A delivery went back to its queue: another type of order, or a message that contradicts the
    /// one in work.
    ORDER_RETURNED = "order_returned" at Debug;
    /// Another worker's claim on the order is valid. The worker keeps the delivery and looks again.
    ORDER_HELD = "order_held" at Debug;
    /// The order is `ready`, `completed`, `cancelled`, or held since a restore: its message is
    /// acknowledged and dropped.
    ORDER_SKIPPED = "order_skipped" at Debug;
    /// The worker gives up an order it has not finished. Another worker takes it.
    ORDER_LEFT = "order_left" at Info;
    /// A worker lost its claim while it cooked the order: the lease ran out, or somebody cancelled
    /// the order. The worker looks what became of it.
    CLAIM_LOST = "claim_lost" at Info;
    /// A copy of a message went to another queue or another place in its queue.
    MESSAGE_FORWARDED = "message_forwarded" at Debug;
    /// A message can never be processed. The kitchen moves it to the dead letters, a relay lets it
    /// back off, a subscriber passes over it.
    MESSAGE_PROCESSING_FAILED = "message_processing_failed" at Error;
    /// A message came from a user that may not send such messages, or names none
    /// (`rabbitmq.publishers`). It goes to the dead letters; a status update is not shown.
    MESSAGE_UNTRUSTED = "message_untrusted" at Error;
    /// Consumers refuse what this service publishes: `rabbitmq.publishers` does not name its user.
    PUBLISHER_UNTRUSTED = "publisher_untrusted" at Error;

    // The subscriber.

    /// A status update arrived, and is printed.
    NOTIFICATION_RECEIVED = "notification_received" at Debug;
    /// A status update arrived that was printed before.
    NOTIFICATION_REPEATED = "notification_repeated" at Debug;
    /// The stream dropped status updates before this subscriber had read them.
    NOTIFICATIONS_MISSED = "notifications_missed" at Error;
    /// So many status updates come that repeats are recognised for a shorter time than usual.
    REPEATS_FORGOTTEN = "repeats_forgotten" at Info;
}

/// The page `docs/log-actions.md`.
pub fn page() -> String {
    let mut page = "# Log actions\n\n\
        What `action` can be in a log line (see the specification, \"Logging Format\"), and at which level.\n\
        This page is made of `crates/logging/src/action.rs`; a test compares them.\n\n\
        | action | level | meaning |\n|---|---|---|\n"
        .to_owned();
    for Description { action, levels, meaning } in ALL {
        let levels: Vec<_> = levels.iter().map(|level| level.as_str()).collect();
        let meaning: Vec<_> = meaning.iter().map(|line| line.trim()).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{}` | {} | {} |", action.0, levels.join(", "), meaning.join(" "));
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `UPDATE_DOCS=1 cargo test -p logging` writes the page.
    #[test]
    fn the_page_lists_every_action() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/log-actions.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
        assert_eq!(written, page(), "UPDATE_DOCS=1 cargo test -p logging writes docs/log-actions.md");
    }

    #[test]
    fn each_action_is_there_once_in_words_of_lower_case() {
        let names: BTreeSet<_> = ALL.iter().map(|described| described.action.as_str()).collect();
        assert_eq!(names.len(), ALL.len());
        for name in names {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        }
    }
}
