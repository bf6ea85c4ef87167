//! The relay: sends what a crash, or a broker that was away, left in the outbox.
//!
//! It works in lanes: one for each type of order, one for the status updates, one for each stream
//! of events. Each has its own pace and its own share, and all run side by side. None waits for
//! another whose queue is full or hangs.

mod lane;
pub mod pace;
mod wakeup;

use bus::topology::EventStream;
use bus::{Outgoing, Publisher};
use db::outbox::{self, Due, OrderOutboxRow, Published, RequestEventRow, RequestStream, StatusOutboxRow};
use db::{Database, DbError};
use domain::RequestId;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use logging::{Action, Log, action};
use runtime::{Backoff, Shutdown};
use telemetry::labels::Outbox;
use telemetry::metrics::RELAYED;
use telemetry::traces::conventions::Age;
use tokio::time::{Instant, sleep_until};

use self::lane::{Cargo, Lane, Permits};
use self::pace::{Look, Next, Pace};
pub use self::wakeup::Wakeup;

/// One connection for each lane of orders and status updates. Events, if there are any, share them.
pub const MOST_CONNECTIONS: usize = 4;

/// Runs until the shutdown begins. Any number of services may do so at once. With `intake` it sends
/// the events of requests, too.
pub async fn run(
    db: Database,
    publisher: Publisher,
    intake: bool,
    wakeup: Wakeup,
    log: Log,
    shutdown: &Shutdown,
) {
    let permits = Permits::new(db.reserved_connections());
    let relay = Relay { permits, db, publisher, log };
    let mut steps = FuturesUnordered::new();
    let mut resting = Lane::all(intake);
    let (mut is_asking, mut woken, mut backoff) = (false, Instant::now(), Backoff::for_server());
    loop {
        let next_pass = resting.iter().map(|lane| lane.next_pass).min().filter(|_| !is_asking);
        let happens = async {
            tokio::select! {
                Some(done) = steps.next() => Happened::Done(done),
                () = wakeup.woken() => Happened::Woken,
                () = reached(next_pass) => Happened::Due,
            }
        };
        let Some(happened) = shutdown.or(happens).await else { return };
        let now = Instant::now();
        match happened {
            Happened::Woken => {
                woken = now;
                for lane in &mut resting {
                    lane.wake(now);
                }
            }
            Happened::Due => {
                let (mut due, rest): (Vec<_>, Vec<_>) =
                    resting.into_iter().partition(|lane| lane.next_pass <= now);
                resting = rest;
                for lane in &mut due {
                    lane.take(now);
                }
                is_asking = true;
                steps.push(relay.take(Step::Ask(due)));
            }
            Happened::Done(Done::Asked(lanes, answer)) => {
                is_asking = false;
                match answer {
                    Ok(due) => {
                        backoff.reset();
                        for mut lane in lanes {
                            if !relay.can_send(lane.cargo) {
                                lane.wait(now);
                                resting.push(lane);
                            } else if lane.cargo.is_in(&due) {
                                steps.push(relay.take(Step::Pass(lane)));
                            } else {
                                lane.rest(Next::WhenWoken, woken, now);
                                resting.push(lane);
                            }
                        }
                    }
                    Err(why) => {
                        let message = "The outbox could not be looked at; trying again";
                        let failed = backoff.failed();
                        failed.describe(relay.log.error(action::RELAY_FAILED, message, &why)).emit();
                        resting.extend(lanes);
                        for lane in &mut resting {
                            lane.rest_until(now + failed.pause());
                        }
                    }
                }
            }
            Happened::Done(Done::Passed(mut lane, next)) => {
                lane.rest(next, woken, now);
                resting.push(lane);
            }
        }
    }
}

enum Happened {
    /// Another task says that there is something to send.
    Woken,
    /// The time of a lane has come.
    Due,
    Done(Done),
}

/// Work that takes a while. Other lanes go on meanwhile.
enum Step {
    /// Asks in one statement what there is to send, for all lanes whose time has come.
    Ask(Vec<Lane>),
    Pass(Lane),
}

enum Done {
    Asked(Vec<Lane>, Result<Due, DbError>),
    Passed(Lane, Next),
}

/// Never, if there is nothing to wait for.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

struct Relay {
    permits: Permits,
    db: Database,
    publisher: Publisher,
    log: Log,
}

/// A message on its way out, with the key of its row.
struct Message<K> {
    key: K,
    /// What it is about: the name of the detail in the log, and its value.
    about: (&'static str, String),
    request_id: RequestId,
    outgoing: serde_json::Result<Outgoing>,
}

impl Relay {
    async fn take(&self, step: Step) -> Done {
        match step {
            Step::Ask(lanes) => Done::Asked(lanes, outbox::due(&self.db).await),
            Step::Pass(mut lane) => {
                let permit = self.permits.take(&lane).await;
                let next = self.pass(&mut lane).await;
                drop(permit);
                Done::Passed(lane, next)
            }
        }
    }

    fn can_send(&self, cargo: Cargo) -> bool {
        match cargo {
            Cargo::Orders(_) => self.publisher.can_send_orders(),
            Cargo::StatusUpdates => self.publisher.can_send_status_updates(),
            Cargo::RequestEvents(stream) => self.publisher.can_send_events(event_stream(stream)),
        }
    }

    async fn pass(&self, lane: &mut Lane) -> Next {
        let (look, pace) = (lane.pace.look(), &lane.pace);
        let relayed = match lane.cargo {
            Cargo::Orders(order_type) => {
                let publish = async |rows: Vec<OrderOutboxRow>| {
                    let what = (Outbox::Orders, action::ORDER_PUBLISHED);
                    self.publish(rows.into_iter().map(order), what, pace).await
                };
                outbox::relay_orders(&self.db, order_type, look, publish).await
            }
            Cargo::StatusUpdates => {
                let publish = async |rows: Vec<StatusOutboxRow>| {
                    let what = (Outbox::StatusUpdates, action::STATUS_UPDATE_PUBLISHED);
                    self.publish(rows.into_iter().map(status_update), what, pace).await
                };
                outbox::relay_status_updates(&self.db, look, publish).await
            }
            Cargo::RequestEvents(stream) => {
                let publish = async |rows: Vec<RequestEventRow>| {
                    let messages = rows.into_iter().map(|row| request_event(stream, row));
                    let what = (Outbox::Requests, action::STATUS_UPDATE_PUBLISHED);
                    self.publish(messages, what, pace).await
                };
                outbox::relay_request_events(&self.db, stream, look, publish).await
            }
        };
        match relayed {
            Ok(relayed) => {
                for why in &relayed.unreadable {
                    let message = "A message in the outbox cannot be read; it backs off";
                    self.log.error(action::RELAY_FAILED, message, why).emit();
                }
                lane.pace.after(Look::from(&relayed))
            }
            Err(why) => {
                let message = "The outbox could not be relayed; trying again";
                let failed = lane.pace.after_failure();
                failed.describe(self.log.error(action::RELAY_FAILED, message, &why)).emit();
                Next::After(failed.pause())
            }
        }
    }

    /// Publishes in the order given.
    async fn publish<K>(
        &self,
        messages: impl Iterator<Item = Message<K>>,
        (table, action): (Outbox, Action),
        pace: &Pace,
    ) -> Published<K> {
        let mut published = Published::default();
        let mut sent = Vec::new();
        for Message { key, about: (name, about), request_id, outgoing } in messages {
            let log = self.log.with_request_id(request_id);
            match outgoing {
                Ok(message) => sent.push((key, name, about, log, self.publisher.send(message).await)),
                Err(why) => {
                    let what = "A message in the outbox cannot be written; it backs off";
                    log.error(action::MESSAGE_PROCESSING_FAILED, what, &why).detail(name, about).emit();
                    published.refused.push(key);
                }
            }
        }
        for (key, name, about, log, confirm) in sent {
            match confirm.received().await {
                Ok(()) => {
                    log.debug(action, format!("Relayed a message of order {about} from the outbox"))
                        .detail(name, about)
                        .emit();
                    RELAYED.of(table).inc();
                    published.confirmed.push(key);
                }
                Err(why) => {
                    log.error(action::RABBITMQ_PUBLISH_FAILED, "A message stays in the outbox", &why)
                        .detail(name, about)
                        .emit();
                    pace.note(&mut published, key, &why);
                }
            }
        }
        published
    }
}

const ORDER_NUMBER: &str = "order_number";

fn order(row: OrderOutboxRow) -> Message<i32> {
    Message {
        key: row.order_id,
        about: (ORDER_NUMBER, row.message.order_number.to_string()),
        outgoing: Outgoing::order(&row.message, row.identity.as_ref(), row.placed_at.into(), &row.request_id)
            .map(|outgoing| outgoing.of_age(age(row.is_old))),
        request_id: row.request_id,
    }
}

fn status_update(row: StatusOutboxRow) -> Message<i64> {
    Message {
        key: row.id,
        about: (ORDER_NUMBER, row.update.order_number.to_string()),
        outgoing: Outgoing::status_update(&row.update, &row.request_id)
            .map(|outgoing| outgoing.of_age(age(row.is_old))),
        request_id: row.request_id,
    }
}

fn age(is_old: bool) -> Age {
    if is_old { Age::Old } else { Age::Fresh }
}

fn event_stream(stream: RequestStream) -> EventStream {
    match stream {
        RequestStream::Status => EventStream::OrderStatusUpdates,
        RequestStream::Outcome => EventStream::DbWriteOrderStatus,
    }
}

fn request_event(stream: RequestStream, row: RequestEventRow) -> Message<i64> {
    let RequestEventRow { id, request_id, event, is_old } = row;
    let stream = event_stream(stream);
    let outgoing = serde_json::to_vec(&event).map(|body| {
        Outgoing::event(stream, &event.message_id(), &request_id, event.timestamp, body).of_age(age(is_old))
    });
    Message { key: id, about: ("order_id", event.order_id.to_string()), request_id, outgoing }
}
