//! The one list of metrics. `docs/metrics.md` is made of it.
//!
//! The names are part of the interface: alerts and dashboards use them.

use std::sync::LazyLock;

use domain::{OrderStatus, OrderType};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::build_info::BuildInfo;
use crate::family::Family;
use crate::figures::{Figures, Invariant, NamedFigures, Queue};
use crate::histogram::{Counts, Histogram, Long, Short};
use crate::http::RequestDurations;
use crate::instrument::Instrument;
use crate::labels::{
    Batch, BreakerState, CertificateOf, DropReason, IntakeResult, KitchenResult, Message, Outbox, Overload,
    PlaceResult, Pool, PriorityLevel, PublishResult, Server, To, WorkerState,
};
use crate::process::{
    CpuSeconds, MostFiles, OpenFiles, ResidentBytes, Sampled, StartSeconds, Threads, VirtualBytes,
};
use crate::program::Program;

/// A metric of the list.
#[derive(Clone, Copy)]
pub struct Metric {
    /// Its name, as a query uses it. That of a histogram has no `_bucket`, `_sum` or `_count`.
    pub name: &'static str,
    /// What it means: the docstring, a line each.
    pub meaning: &'static [&'static str],
    /// The programs that show it.
    pub shown_by: &'static [Program],
    instrument: fn() -> &'static dyn Instrument,
}

impl Metric {
    /// What it counts with.
    pub fn instrument(&self) -> &'static dyn Instrument {
        (self.instrument)()
    }

    /// What it means, in one line.
    pub fn help(&self) -> String {
        self.meaning.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// Makes a static of each entry, and the list of all.
macro_rules! metrics {
    ($($(#[doc = $meaning:literal])+ $name:ident: $instrument:ty = $text:literal
        by $($program:ident),+;)+) => {
        $(
            $(#[doc = $meaning])+
            pub static $name: LazyLock<$instrument> = LazyLock::new(Default::default);
        )+

        /// Every metric, in the order of the documentation.
        pub static ALL: &[Metric] = &[
            $(Metric {
                name: $text,
                meaning: &[$($meaning),+],
                shown_by: &[$(Program::$program),+],
                instrument: || -> &'static dyn Instrument { &*$name },
            }),+
        ];
    };
}

metrics! {
    // HTTP.

    /// Seconds from the head of a request to the head of its answer. `route` is the pattern, or
    /// `unmatched`. A request that is refused before its route sees it has the pattern too, and
    /// `other` as method if the route does not take its own. Requests to the admin listener are not
    /// counted, and none whose head could not be read.
    HTTP_REQUESTS: RequestDurations = "http_server_request_duration_seconds" by Order, Kitchen, Tracking;
    /// Requests that were refused without an attempt: since the circuit breaker is open, or since
    /// their client sends too many.
    OVERLOAD: Family<Overload, Counter> = "restaurant_http_overload_total" by Order, Kitchen, Tracking;
    /// Event streams that are open.
    STREAMS: Gauge = "restaurant_sse_streams" by Kitchen, Tracking;
    /// Seconds from a change of an order to the event that tells of it, by the database's clock.
    EVENT_DELAY: Histogram<Short> = "restaurant_sse_event_delay_seconds" by Tracking;
    /// Event streams that were cut, because their clients did not read them fast enough.
    STREAMS_CUT: Counter = "restaurant_sse_clients_cut_total" by Kitchen, Tracking;

    // Orders, as the order service sees them.

    /// Orders that were to be placed, and what became of them. What breaks a rule has no type: it
    /// is among the requests with status 400.
    ORDERS: Family<(OrderType, PlaceResult), Counter> = "restaurant_orders_total" by Order;
    /// Orders that were refused because there was too little of an item.
    STOCK_REFUSALS: Counter = "restaurant_stock_refusals_total" by Order;
    /// Messages that ask for an order, and what became of them. One that comes again counts again.
    INTAKE: Family<IntakeResult, Counter> = "restaurant_intake_messages_total" by Order;
    /// Messages that the relay sent, because who stored them could not.
    RELAYED: Family<Outbox, Counter> = "restaurant_relayed_total" by Order;

    // Orders, as the kitchen sees them.

    /// Seconds from receiving an order to the begin of its cooking.
    ORDER_WAIT: Family<OrderType, Histogram<Long>> = "restaurant_order_wait_seconds" by Kitchen;
    /// Seconds from the begin of cooking, by the worker that finished it, until it was ready.
    ORDER_COOK: Family<OrderType, Histogram<Long>> = "restaurant_order_cook_seconds" by Kitchen;
    /// Seconds from receiving an order until it was ready.
    ORDER_TOTAL: Family<OrderType, Histogram<Long>> = "restaurant_order_total_seconds" by Kitchen;
    /// Deliveries of orders whose work has ended, and how.
    KITCHEN: Family<KitchenResult, Counter> = "restaurant_kitchen_deliveries_total" by Kitchen;
    /// Claims of orders that were claimed before: their worker was lost, or its lease was.
    LEASE_TAKEOVERS: Counter = "restaurant_lease_takeovers_total" by Kitchen;
    /// Deliveries that the service has, and has not settled yet.
    DELIVERIES_HELD: Gauge = "restaurant_deliveries_held" by Order, Kitchen;
    /// Deliveries that the service put back into their queue.
    DELIVERIES_RETURNED: Counter = "restaurant_deliveries_returned_total" by Order, Kitchen;

    // The subscriber.

    /// Status updates that were shown.
    NOTIFICATIONS: Counter = "restaurant_notifications_total" by Notifier;
    /// Status updates that came again, and were not shown again.
    NOTIFICATIONS_REPEATED: Counter = "restaurant_notifications_repeated_total" by Notifier;

    // Batches.

    /// How many requests shared a statement.
    BATCH_SIZE: Family<Batch, Histogram<Counts>> = "restaurant_batch_size" by Order, Kitchen, Tracking;
    /// Seconds that the statement took.
    BATCH_TIME: Family<Batch, Histogram<Short>> = "restaurant_batch_seconds" by Order, Kitchen, Tracking;

    // RabbitMQ.

    /// Messages that were to be published, and what became of them.
    PUBLISHED: Family<PublishResult, Counter> = "restaurant_published_total" by Order, Kitchen;
    /// Seconds from publishing a message to RabbitMQ's word on it.
    CONFIRM_TIME: Histogram<Short> = "restaurant_publish_confirm_seconds" by Order, Kitchen;
    /// Messages that were not sent, because no queue was bound for them.
    UNROUTABLE: Counter = "restaurant_publish_unroutable_total" by Order, Kitchen;
    /// Messages that RabbitMQ returned: those, and replies that nobody waits for.
    RETURNED: Counter = "restaurant_publish_returned_total" by Order, Kitchen;

    /// Messages that were refused, because who sent them may not send such messages.
    UNTRUSTED: Family<Message, Counter> = "restaurant_untrusted_messages_total" by Order, Kitchen, Notifier;

    // PostgreSQL.

    /// Connections that are open.
    POOL_SIZE: Family<Pool, Gauge> = "restaurant_db_pool_size" by Order, Kitchen, Tracking;
    /// Connections that are open, and not in use.
    POOL_IDLE: Family<Pool, Gauge> = "restaurant_db_pool_idle" by Order, Kitchen, Tracking;
    /// Statements that wait for a connection.
    POOL_WAITING: Family<Pool, Gauge> = "restaurant_db_pool_waiting" by Order, Kitchen, Tracking;
    /// Seconds that statements waited for a connection, those without a wait included.
    POOL_WAIT: Family<Pool, Histogram<Short>> = "restaurant_db_pool_wait_seconds" by Order, Kitchen, Tracking;
    /// Seconds by which the read replica is behind the primary, as far as is known. 0 without one.
    REPLICA_BEHIND: Gauge = "restaurant_replica_behind_seconds" by Tracking;
    /// 1 while reads go to the primary although there is a read replica: it is too far behind, does
    /// not answer, or is no standby. Otherwise 0, and without one.
    REPLICA_LEFT: Gauge = "restaurant_replica_left" by Tracking;

    /// The state of the circuit breaker: 1 for the present one, 0 for the others.
    BREAKER: Family<BreakerState, Gauge> = "restaurant_db_breaker_state" by Order, Tracking;

    // Both servers.

    /// Connections that broke, or could not be opened. Another attempt follows each.
    RECONNECTS: Family<To, Counter> = "restaurant_reconnects_total" by Order, Kitchen, Tracking, Notifier;
    /// Attempts that failed, and were followed by another one.
    RETRIES: Counter = "restaurant_retries_total" by Order, Kitchen, Tracking;

    /// When a certificate ends, in seconds since 1970: one that the process uses itself, or the
    /// last that a server has shown to it. 0: there is none.
    CERTIFICATE_ENDS: Family<CertificateOf, Gauge> = "restaurant_certificate_expires_timestamp_seconds"
        by Order, Kitchen, Tracking, Notifier, Exporter;

    // Traces.

    /// Spans that the collector of traces has taken.
    SPANS_EXPORTED: Counter = "restaurant_spans_exported_total" by Order, Kitchen, Tracking, Notifier;
    /// Spans that were recorded and dropped. Nothing else is lost by it.
    SPANS_DROPPED: Family<DropReason, Counter> = "restaurant_spans_dropped_total"
        by Order, Kitchen, Tracking, Notifier;

    // The process.

    /// The version and the revision of the program. The value is always 1.
    BUILD: BuildInfo = "restaurant_build_info" by Order, Kitchen, Tracking, Notifier, Exporter;
    /// Processor time, in seconds.
    PROCESS_CPU: Sampled<CpuSeconds> = "process_cpu_seconds_total"
        by Order, Kitchen, Tracking, Notifier, Exporter;
    /// Memory that is in use, in bytes.
    PROCESS_RESIDENT: Sampled<ResidentBytes> = "process_resident_memory_bytes"
        by Order, Kitchen, Tracking, Notifier, Exporter;
    /// Address space, in bytes.
    PROCESS_VIRTUAL: Sampled<VirtualBytes> = "process_virtual_memory_bytes"
        by Order, Kitchen, Tracking, Notifier, Exporter;
    /// File descriptors that are open.
    PROCESS_FILES: Sampled<OpenFiles> = "process_open_fds" by Order, Kitchen, Tracking, Notifier, Exporter;
    /// The most file descriptors that may be open.
    PROCESS_MOST_FILES: Sampled<MostFiles> = "process_max_fds"
        by Order, Kitchen, Tracking, Notifier, Exporter;
    /// Threads.
    PROCESS_THREADS: Sampled<Threads> = "process_threads" by Order, Kitchen, Tracking, Notifier, Exporter;
    /// When the process started, in seconds since 1970.
    PROCESS_START: Sampled<StartSeconds> = "process_start_time_seconds"
        by Order, Kitchen, Tracking, Notifier, Exporter;

    // The whole system, by the exporter.

    /// Whether a server answered at the last look. While it is 0, no figure of that server is
    /// shown.
    EXPORTER_UP: Figures<Server> = "restaurant_exporter_up" by Exporter;
    /// Orders by type and status: all that are received or cooking, and of the others those that
    /// were placed since the beginning of this day (UTC).
    ORDERS_NOW: Figures<(OrderType, OrderStatus)> = "restaurant_orders" by Exporter;
    /// Orders that wait for a cook.
    WAITING: Figures<(OrderType, PriorityLevel)> = "restaurant_waiting_orders" by Exporter;
    /// How long the oldest of them has waited, in seconds; 0 if none waits.
    WAITING_OLDEST: Figures<OrderType> = "restaurant_waiting_oldest_seconds" by Exporter;
    /// Messages that must still go out.
    OUTBOX_ROWS: Figures<Outbox> = "restaurant_outbox_rows" by Exporter;
    /// How long ago the oldest of them came about, in seconds; 0 without any.
    OUTBOX_OLDEST: Figures<Outbox> = "restaurant_outbox_oldest_seconds" by Exporter;
    /// Workers that cook a type. A general worker counts for each type.
    WORKERS: Figures<(OrderType, WorkerState)> = "restaurant_workers" by Exporter;
    /// Messages in a queue, without those that consumers hold.
    QUEUE_MESSAGES: NamedFigures<Queue> = "restaurant_queue_messages" by Exporter;
    /// Dead letters: a person has to look at them.
    DEAD_LETTERS: NamedFigures<Queue> = "restaurant_dead_letters" by Exporter;
    /// Violations among the orders of the last 24 hours that the last audit found, by rule.
    AUDIT_FINDINGS: NamedFigures<Invariant> = "restaurant_audit_findings" by Exporter;
    /// Open orders that are held since a backup was restored: a person has to release or cancel
    /// them.
    ORDERS_HELD: Figures<()> = "restaurant_orders_held" by Exporter;
    /// When the last good backup ended, in seconds since 1970; 0 if there is none.
    LAST_BACKUP: Figures<()> = "restaurant_backup_last_success_timestamp_seconds" by Exporter;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prometheus_client::metrics::MetricType;

    use super::*;

    #[test]
    fn each_name_is_there_once_and_says_what_it_counts() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let name = metric.name;
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            let is_counter = matches!(metric.instrument().kind(), MetricType::Counter);
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            assert!(!metric.help().contains(['"', '\\', '\n', '|']), "{name}");
        }
    }
}
