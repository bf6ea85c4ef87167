//! The durations that must fit each other, and what must hold between them.
//!
//! Each is here because another one must be longer or shorter. `relations.rs` has these relations:
//! a value that breaks one does not compile. A duration without such a relation stays beside the
//! code that uses it. `docs/deadlines.md` draws them all; a test compares.

mod relations;

use std::time::Duration;

/// Defines the constants, and lists them in [`ALL`].
macro_rules! deadlines {
    ($(
        $(#[doc = $about:literal])+
        pub mod $part:ident {
            $($(#[doc = $doc:literal])+ pub const $name:ident: Duration = $value:expr;)+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            pub mod $part {
                use std::time::Duration;

                $($(#[doc = $doc])+ pub const $name: Duration = $value;)+
            }
        )+

        /// Each with its name, such as `database::CONNECT_DEADLINE`.
        pub const ALL: &[(&str, Duration)] = &[
            $($((concat!(stringify!($part), "::", stringify!($name)), $part::$name),)+)+
        ];
    };
}

deadlines! {
    /// PostgreSQL: connections, statements, transactions.
    pub mod database {
        /// Longest time to get a connection: to a new one, or until one of the pool is free.
        pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
        /// The server's own limit for a statement (`statement_timeout`).
        pub const SERVER_STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
        /// Longest time that a statement may take, seen from a service. It passes only if the
        /// server does not answer at all: else the server ends the statement before.
        pub const STATEMENT_DEADLINE: Duration = Duration::from_secs(12);
        /// The server's own limit for the pause between the two steps of a transaction. It holds
        /// what others wait for, so a service that is frozen then must not hold it for long.
        pub const SERVER_STEP_TIMEOUT: Duration = Duration::from_secs(5);
        /// Longest time to store orders, however many statements that takes: as long as one may
        /// wait for a connection and for a statement together.
        pub const PLACE_DEADLINE: Duration = Duration::from_secs(17);
        /// Longest time of the transaction in which a person changes an order.
        pub const CHANGE_DEADLINE: Duration = Duration::from_secs(12);
        /// Longest time of a relay's transaction, publishing included. Then its rows are free for
        /// another relay.
        pub const RELAY_DEADLINE: Duration = Duration::from_secs(25);
        /// The server's own limit for a transaction that waits for its client
        /// (`idle_in_transaction_session_timeout`).
        pub const SERVER_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
    }

    /// The outbox: who sends a message, and when.
    pub mod outbox {
        /// How long a new row belongs to whoever wrote it, from the begin of the transaction. Then
        /// a relay sends it.
        pub const RELAY_GRACE: Duration = Duration::from_secs(15);
        /// Pause between two looks of a relay, unless somebody wakes it.
        pub const POLL_INTERVAL: Duration = Duration::from_secs(2);
        /// Longest pause of a row that was refused.
        pub const MAX_PAUSE: Duration = Duration::from_mins(1);
        /// A row that is due later than this was written before the database's clock was set back:
        /// it is due.
        pub const FAR_AHEAD: Duration = Duration::from_mins(2);
        /// Default of `order.resend_after`: when the rescuer looks for an order that no worker
        /// took.
        pub const RESEND_AFTER: Duration = Duration::from_mins(1);
        /// Longest pause between two looks of the rescuer.
        pub const RESCUE_INTERVAL: Duration = Duration::from_secs(30);
        /// How late a message may be, or how long over a lease, before the audit reports it.
        pub const AUDIT_GRACE: Duration = Duration::from_mins(1);
    }

    /// RabbitMQ: connections and confirms.
    pub mod broker {
        /// Longest time between publishing and the broker's confirm. A broker that is slower is
        /// frozen or overloaded: the session ends, and every message on it that is not confirmed
        /// fails. An alarm of which the broker has told is waited for on the session.
        pub const CONFIRM_DEADLINE: Duration = Duration::from_secs(5);
        /// Longest time that a publisher waits for a connection that is being made, from the moment
        /// in which the last one broke.
        pub const CONNECTION_WAIT: Duration = Duration::from_secs(2);
        /// How long queues are waited for while publishers wait for the connection. Queues whose
        /// processes hang must not keep the other types back for as long as `CONNECTION_WAIT`.
        pub const SHORT_DEADLINE: Duration = Duration::from_secs(1);
        /// Longest time to move a message to the dead letters. Whoever holds it gives it back then,
        /// to the end of its queue: it must not keep its place in the prefetch.
        pub const DEAD_LETTER_DEADLINE: Duration = Duration::from_secs(10);
    }

    /// The HTTP server: one request on its way.
    pub mod http {
        /// Longest time for a head, from its first byte (of a new connection: from the moment it
        /// was accepted).
        pub const HEAD_DEADLINE: Duration = Duration::from_secs(5);
        /// Longest time for a body, from the end of its head.
        pub const BODY_DEADLINE: Duration = Duration::from_secs(10);
        /// Longest time for the rest of a request. What handlers wait for has shorter deadlines.
        pub const REQUEST_DEADLINE: Duration = Duration::from_mins(1);
        /// Longest time for a client to read an answer.
        pub const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
        /// Pause between two heartbeats of an event stream.
        pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
        /// Longest time for the client of an event stream to take what it was sent.
        pub const STREAM_DEADLINE: Duration = Duration::from_secs(15);
        /// How long an idle connection stays open.
        pub const IDLE_DEADLINE: Duration = Duration::from_secs(65);
        /// After this time common proxies (nginx, AWS ALB) give an idle connection up.
        pub const PROXY_IDLE: Duration = Duration::from_mins(1);
        /// Longest time that a check of a probe may take. Then what it checks is unhealthy.
        pub const CHECK_DEADLINE: Duration = Duration::from_secs(2);
        /// Longest time that `--healthcheck` waits for the answer of a probe.
        pub const PROBE_DEADLINE: Duration = Duration::from_secs(4);
    }

    /// The order service: how long a client waits, and how the service stops.
    pub mod order {
        /// How long an order waits for its turn before the client is told to come back (503).
        pub const ADMISSION_WAIT: Duration = Duration::from_secs(2);
        /// Longest time that a client waits for its answer, from its turn on (504). What becomes of
        /// the order is found out all the same.
        pub const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
        /// Longest time to find out whether an order was changed.
        pub const CHANGE_DEADLINE: Duration = Duration::from_secs(20);
        /// Longest time that orders on their way get when the service stops.
        pub const DRAIN_DEADLINE: Duration = Duration::from_secs(12);
        /// What is left of the grace when clients have been answered: orders of unknown outcome are
        /// looked for until then.
        pub const AFTER_ANSWERING: Duration = Duration::from_secs(8);
        /// What is left of it when orders have been stored and sent: the connections are closed.
        pub const AFTER_STORING: Duration = Duration::from_secs(3);
        /// What is left of it when they have been closed.
        pub const AFTER_SENDING: Duration = Duration::from_secs(1);
    }

    /// The tracking service.
    pub mod tracking {
        /// Longest time that a look-up takes: as long as one may wait for a connection and for a
        /// statement together.
        pub const LOOKUP_DEADLINE: Duration = Duration::from_secs(17);
        /// How long an event stream waits for its place in the log. While the database is away, it
        /// must not keep one of the server's places for longer.
        pub const JOIN_DEADLINE: Duration = Duration::from_secs(5);
        /// What is left of the grace when clients have been answered.
        pub const AFTER_ANSWERING: Duration = Duration::from_secs(2);
    }

    /// The kitchen worker: signs of life, and how it stops.
    pub mod kitchen {
        /// Default of `--heartbeat-interval`, from the specification.
        pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30);
        /// How long a worker counts as alive without a sign of life, and its claims hold, with that
        /// default: [`lease`](super::lease).
        pub const LEASE: Duration = super::lease(HEARTBEAT_INTERVAL);
        /// How often a worker looks at its claims, and writes down what it holds without cooking
        /// it.
        pub const HOLDINGS_INTERVAL: Duration = Duration::from_secs(1);
        /// By then it has written that down, on a busy machine too.
        pub const HOLDINGS_PAUSE: Duration = Duration::from_secs(3);
        /// Of the last steps, what is left when every cook has left its order.
        pub const AFTER_LEAVING: Duration = Duration::from_secs(9);
        /// Longest time to deregister.
        pub const DEREGISTER_DEADLINE: Duration = Duration::from_secs(5);
        /// What is left when the rest has been returned.
        pub const AFTER_RETURNING: Duration = Duration::from_secs(3);
        /// What is left when the last changes have been published; a relay publishes the others.
        pub const AFTER_PUBLISHING: Duration = Duration::from_secs(2);
        /// What is left when the connections are closed.
        pub const AFTER_CLOSING: Duration = Duration::from_secs(1);
    }

    /// From the signal to the end of any process.
    pub mod stop {
        /// Default of `shutdown.grace_seconds`: longest time from the signal to the end.
        pub const GRACE: Duration = Duration::from_secs(25);
        /// The end of the grace, for what comes after the work: a worker deregisters, returns the
        /// rest and publishes the last changes. No grace is shorter.
        pub const LAST_STEPS: Duration = Duration::from_secs(10);
        /// How long after the grace a process may still live that has not ended by itself.
        pub const OVERTIME: Duration = Duration::from_secs(2);
        /// More than that is left, so that nobody is killed in the last moment.
        pub const MARGIN: Duration = Duration::from_secs(3);
        /// After this time Kubernetes by default, and this project's Compose file, kill.
        pub const KILL_AFTER: Duration = Duration::from_secs(30);
        /// Longest time that requests get to finish when an HTTP service stops.
        pub const DRAIN_DEADLINE: Duration = Duration::from_secs(15);
        /// Longest time to close the port before that: serving the line, and taking up what was
        /// accepted.
        pub const CLOSE_PORT: Duration = Duration::from_secs(1);
    }
}

/// How long a worker counts as alive without a sign of life, and its claims hold: two intervals.
pub const fn lease(heartbeat: Duration) -> Duration {
    heartbeat.saturating_mul(2)
}
