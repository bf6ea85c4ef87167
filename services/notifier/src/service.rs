//! Reads the stream of notifications and shows each change once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::notifications::{self, StartAt};
use bus::topology::NOTIFICATIONS_QUEUE;
use bus::{Delivery, LinkState};
use config::{MessageKind, Publishers};
use domain::{RequestId, StatusUpdate};
use http_service::health::{self, Check, Checks};
use logging::{Log, Printed, action, printable};
use runtime::failpoint;
use service::{Failure, Process};
use telemetry::metrics::{NOTIFICATIONS, NOTIFICATIONS_REPEATED};
use telemetry::traces::{Caller, conventions};

use crate::NAME;
use crate::seen::{KNOWN_FOR, Lookup, Seen};
use crate::sentence::sentence;

/// Stdout has no reader any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the status updates any more: standard output is closed")]
pub struct Unread;

impl Failure for Unread {}

/// What the probes look at.
struct Health(LinkState);

impl health::Health for Health {
    fn checks(&self) -> Checks<'_> {
        Box::pin(async { vec![Check::needed("rabbitmq", self.0.is_up())] })
    }
}

/// Shows every change until the shutdown begins.
///
/// # Errors
/// Stdout has no reader any more.
pub async fn run(from: StartAt, process: Process) -> Result<(), Unread> {
    let Process { config, log, shutdown, probes } = process;
    let link = LinkState::default();
    probes.ask(Arc::new(Health(link.clone())));
    log.info(action::SERVICE_STARTED, "Notification Subscriber started").emit();
    let mut seen = Seen::new(Instant::now());
    let show = |delivery: &Delivery| {
        let printed = show(delivery, &config.rabbitmq.publishers, &mut seen, &log);
        async move {
            match printed {
                Some(printed) => printed.done().await,
                None => true,
            }
        }
    };
    let reading =
        Box::pin(notifications::subscribe(&config.rabbitmq, NAME, from, &link, &log, &shutdown, show));
    // Nothing needs to be settled: subscribers remove nothing from the stream.
    let _ = shutdown.within_grace(Duration::from_secs(1), reading).await;
    log.info(action::GRACEFUL_SHUTDOWN, "Notification Subscriber stops").emit();
    if log.is_cut_off() { Err(Unread) } else { Ok(()) }
}

/// The printed line of a delivery. `None` if there is nothing to show.
fn show(delivery: &Delivery, publishers: &Publishers, seen: &mut Seen, log: &Log) -> Option<Printed> {
    let id = delivery.request_id().unwrap_or_else(RequestId::unknown);
    // It lasts until the line is on its way to stdout.
    let (id, mut span) = delivery.begin_span(NOTIFICATIONS_QUEUE, Caller::ours(delivery.trace()), id);
    let log = log.with_request_id(id);
    if let Err(why) = delivery.from_a_publisher(publishers, MessageKind::Status) {
        conventions::failed(&mut span, "untrusted_publisher");
        // It says what somebody wants to be seen, and that stays out of the log too.
        log.error(action::MESSAGE_UNTRUSTED, "A status update is not shown", &why)
            .detail("message_id", delivery.message_id().map(printable))
            .emit_limited();
        return None;
    }
    let update: StatusUpdate = match serde_json::from_slice(&delivery.body) {
        Ok(update) => update,
        Err(why) => {
            conventions::failed(&mut span, "unreadable");
            // A stream keeps its messages, so there is nothing to requeue.
            let start = String::from_utf8_lossy(&delivery.body);
            log.error(
                action::MESSAGE_PROCESSING_FAILED,
                "A message is not a status update; it is skipped",
                &why,
            )
            .detail("body", printable(&start))
            .emit();
            return None;
        }
    };
    let id = delivery.message_id().map_or_else(|| update.message_id(), str::to_owned);
    match seen.look_up(&id, Instant::now()) {
        Lookup::New => {}
        Lookup::NewAndCrowded { known_for } => {
            let minutes = KNOWN_FOR.as_secs() / 60;
            let message =
                format!("Updates arrive so fast that repeats are not recognised for {minutes} minutes");
            log.info(action::REPEATS_FORGOTTEN, message)
                .detail("known_for_seconds", known_for.as_secs())
                .emit();
        }
        Lookup::Known => {
            NOTIFICATIONS_REPEATED.inc();
            log.debug(action::NOTIFICATION_REPEATED, format!("Already shown: order {}", update.order_number))
                .detail("order_number", update.order_number.to_string())
                .detail("new_status", update.new_status.as_str())
                .emit();
            return None;
        }
    }
    let printed = log.print(sentence(&update));
    NOTIFICATIONS.inc();
    failpoint::reached("notifier.shown");
    log.debug(
        action::NOTIFICATION_RECEIVED,
        format!("Received status update for order {}", update.order_number),
    )
    .detail("order_number", update.order_number.to_string())
    .detail("new_status", update.new_status.as_str())
    .emit();
    Some(printed)
}
