//! Reads the stream of notifications and shows each change once.

use std::time::Duration;

use bus::Delivery;
use bus::notifications::{self, StartAt};
use domain::{RequestId, StatusUpdate};
use logging::{Log, printable};
use runtime::config::Rabbitmq;
use runtime::{Shutdown, failpoint};

use crate::announcement::sentence;
use crate::seen::Seen;

/// Shows every change until the shutdown begins, or nobody reads them any more.
pub async fn run(rabbitmq: &Rabbitmq, from: StartAt, log: &Log, shutdown: &Shutdown) {
    log.info("service_started", "Notification Subscriber started").emit();
    let mut seen = Seen::default();
    let reading = Box::pin(notifications::subscribe(rabbitmq, from, log, shutdown, |delivery| {
        if log.is_cut_off() {
            shutdown.begin();
        } else {
            show(delivery, &mut seen, log);
        }
    }));
    // Nothing is left behind: subscribers take nothing from the stream.
    let _ = shutdown.within_grace(Duration::from_secs(1), reading).await;
    log.info("graceful_shutdown", "Notification Subscriber stops").emit();
}

fn show(delivery: &Delivery, seen: &mut Seen, log: &Log) {
    let log = log.with_request_id(delivery.request_id().unwrap_or_else(|| RequestId::from_fixed("unknown")));
    let update: StatusUpdate = match serde_json::from_slice(&delivery.body) {
        Ok(update) => update,
        Err(why) => {
            // A stream keeps what it holds: there is nothing to return it to.
            let start = String::from_utf8_lossy(&delivery.body);
            log.error(
                "message_processing_failed",
                "A message is not a status update; it is passed over",
                &why,
            )
            .detail("body", printable(&start))
            .emit();
            return;
        }
    };
    let id = delivery.message_id().map_or_else(|| update.message_id(), str::to_owned);
    if !seen.is_new(&id) {
        log.debug("notification_repeated", format!("Already shown: order {}", update.order_number))
            .detail("order_number", update.order_number.to_string())
            .detail("new_status", update.new_status.as_str())
            .emit();
        return;
    }
    log.print(sentence(&update));
    failpoint::reached("notifier.shown");
    log.debug("notification_received", format!("Received status update for order {}", update.order_number))
        .detail("order_number", update.order_number.to_string())
        .detail("new_status", update.new_status.as_str())
        .emit();
}
