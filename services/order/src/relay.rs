//! The relay: sends what a crash, or a broker that was away, left in the outbox, and what nobody else has in hand.
//!
//! It works in lanes: one for each type of order, one for the status updates. Each is looked at in its turn and has a pace and
//! a share of its own, so that none waits for another whose queue is full or hangs.

pub mod pace;

use bus::{Outgoing, Publisher};
use db::outbox::{self, Due, OrderOutboxRow, Published, StatusOutboxRow};
use db::{Database, DbError};
use domain::{OrderType, RequestId};
use logging::Log;
use runtime::{Backoff, Shutdown};
use tokio::time::{Instant, sleep, timeout_at};

use self::pace::{Look, Next, POLL_INTERVAL, Pace};
use crate::wakeup::Wakeup;

/// Runs until the shutdown begins. Any number of services may do so at once.
pub async fn run(db: Database, publisher: Publisher, wakeup: Wakeup, log: Log, shutdown: &Shutdown) {
    let mut relay = Relay { lanes: Lane::all(), db, publisher, log };
    let mut backoff = Backoff::for_server();
    loop {
        let waiting = timeout_at(relay.next_look(), wakeup.woken());
        match shutdown.or(waiting).await {
            None => return,
            Some(Ok(())) => relay.wake(),
            Some(Err(_)) => {}
        }
        match shutdown.or(relay.run_once()).await {
            None => return,
            Some(Ok(())) => backoff.reset(),
            Some(Err(why)) => {
                relay
                    .log
                    .error("relay_failed", "The outbox could not be looked at; trying again", &why)
                    .emit();
                shutdown.or(sleep(backoff.next_pause())).await;
            }
        }
    }
}

/// What goes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cargo {
    Orders(OrderType),
    StatusUpdates,
}

impl Cargo {
    fn is_in(self, due: &Due) -> bool {
        match self {
            Self::Orders(order_type) => due.orders.contains(&order_type),
            Self::StatusUpdates => due.status_updates,
        }
    }
}

/// A part of the outbox that goes its own way.
struct Lane {
    cargo: Cargo,
    pace: Pace,
    next_look: Instant,
    /// Whether somebody who says that there is something is to be heard before that.
    can_be_woken: bool,
}

impl Lane {
    fn all() -> Vec<Self> {
        let orders = OrderType::ALL.into_iter().map(Cargo::Orders);
        let lane = |cargo| Self { cargo, pace: Pace::new(), next_look: Instant::now(), can_be_woken: true };
        orders.chain([Cargo::StatusUpdates]).map(lane).collect()
    }

    fn look_again(&mut self, next: Next) {
        let pause = match next {
            Next::AtOnce => std::time::Duration::ZERO,
            Next::WhenWoken => POLL_INTERVAL,
            Next::After(pause) => pause,
        };
        self.next_look = Instant::now() + pause;
        self.can_be_woken = !matches!(next, Next::After(_));
    }
}

struct Relay {
    lanes: Vec<Lane>,
    db: Database,
    publisher: Publisher,
    log: Log,
}

/// A message on its way out, with the key of its row.
struct Message<K> {
    key: K,
    order_number: String,
    request_id: RequestId,
    outgoing: serde_json::Result<Outgoing>,
}

impl Relay {
    fn next_look(&self) -> Instant {
        self.lanes.iter().map(|lane| lane.next_look).min().unwrap_or_else(Instant::now)
    }

    fn wake(&mut self) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.can_be_woken) {
            lane.next_look = Instant::now();
        }
    }

    /// Every lane whose time has come, whatever becomes of the others.
    async fn run_once(&mut self) -> Result<(), DbError> {
        let now = Instant::now();
        if self.lanes.iter().all(|lane| lane.next_look > now) {
            return Ok(());
        }
        let due = outbox::due(&self.db).await?;
        let mut lanes = std::mem::take(&mut self.lanes);
        for lane in lanes.iter_mut().filter(|lane| lane.next_look <= now) {
            let next = if lane.cargo.is_in(&due) && self.can_send(lane.cargo) {
                self.look(lane).await
            } else {
                Next::WhenWoken
            };
            lane.look_again(next);
        }
        self.lanes = lanes;
        Ok(())
    }

    fn can_send(&self, cargo: Cargo) -> bool {
        match cargo {
            Cargo::Orders(_) => self.publisher.can_send_orders(),
            Cargo::StatusUpdates => self.publisher.can_send_status_updates(),
        }
    }

    async fn look(&self, lane: &mut Lane) -> Next {
        let (look, pace) = (lane.pace.look(), &lane.pace);
        let relayed = match lane.cargo {
            Cargo::Orders(order_type) => {
                let publish = async |rows: Vec<OrderOutboxRow>| {
                    self.publish(rows.into_iter().map(order), "order_published", pace).await
                };
                outbox::relay_orders(&self.db, order_type, look, publish).await
            }
            Cargo::StatusUpdates => {
                let publish = async |rows: Vec<StatusOutboxRow>| {
                    self.publish(rows.into_iter().map(status_update), "status_update_published", pace).await
                };
                outbox::relay_status_updates(&self.db, look, publish).await
            }
        };
        match relayed {
            Ok(relayed) => {
                for why in &relayed.unreadable {
                    let message = "A message in the outbox cannot be read; it backs off";
                    self.log.error("relay_failed", message, why).emit();
                }
                lane.pace.after(Look::from(&relayed))
            }
            Err(why) => {
                self.log.error("relay_failed", "The outbox could not be relayed; trying again", &why).emit();
                lane.pace.after_failure()
            }
        }
    }

    /// Publishes in the order given.
    async fn publish<K>(
        &self,
        messages: impl Iterator<Item = Message<K>>,
        action: &'static str,
        pace: &Pace,
    ) -> Published<K> {
        let mut published = Published::default();
        let mut sent = Vec::new();
        for Message { key, order_number, request_id, outgoing } in messages {
            let log = self.log.with_request_id(request_id);
            match outgoing {
                Ok(message) => sent.push((key, order_number, log, self.publisher.send(message).await)),
                Err(why) => {
                    let what = "A message in the outbox cannot be written; it backs off";
                    log.error("message_processing_failed", what, &why)
                        .detail("order_number", order_number)
                        .emit();
                    published.refused.push(key);
                }
            }
        }
        for (key, order_number, log, confirm) in sent {
            match confirm.received().await {
                Ok(()) => {
                    log.debug(action, format!("Relayed a message of order {order_number} from the outbox"))
                        .detail("order_number", order_number)
                        .emit();
                    published.confirmed.push(key);
                }
                Err(why) => {
                    log.error("rabbitmq_publish_failed", "A message stays in the outbox", &why)
                        .detail("order_number", order_number)
                        .emit();
                    if pace.backs_off(&why) {
                        published.refused.push(key);
                    }
                }
            }
        }
        published
    }
}

fn order(row: OrderOutboxRow) -> Message<i32> {
    Message {
        key: row.order_id,
        order_number: row.message.order_number.to_string(),
        outgoing: Outgoing::order(&row.message, row.identity.as_ref(), row.placed_at.into(), &row.request_id),
        request_id: row.request_id,
    }
}

fn status_update(row: StatusOutboxRow) -> Message<i64> {
    Message {
        key: row.id,
        order_number: row.update.order_number.to_string(),
        outgoing: Outgoing::status_update(&row.update, &row.request_id),
        request_id: row.request_id,
    }
}
