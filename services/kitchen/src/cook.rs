//! Processes one delivery: claims its order, cooks it, marks it ready, and acknowledges the
//! delivery.

mod cooking;
mod recalling;

use std::time::Duration;

use bus::orders::LeasedDelivery;
use bus::{DeadLetterPublisher, Delivery};
use config::{CookingSeconds, MessageKind, Publishers};
use domain::{OrderMessage, OrderPointer, RequestId};
use logging::{Log, action};
use runtime::{Shutdown, catch_panic, failpoint};
use telemetry::labels::{KitchenResult, Label as _};
use telemetry::metrics::KITCHEN;
use telemetry::traces::{Caller, conventions};
use tokio::time::sleep;

use self::cooking::Job;
use crate::claim_batcher::ClaimBatcher;
use crate::dead_letter::{self, PermanentError};
use crate::forwarding::Forwarding;
use crate::in_flight::{InFlightOrders, Insertion};
use crate::pace::Pacing;
use crate::status_publisher::StatusPublisher;
use crate::worker_session::WorkerSession;

/// Delay before an order that this worker cannot cook is requeued. Without a delay the broker would
/// redeliver it at once.
const PAUSE_BEFORE_RETURN: Duration = Duration::from_secs(1);

/// Everything that processing a delivery needs. Cheap to clone.
#[derive(Clone)]
pub struct Cook {
    pub session: WorkerSession,
    pub claim_batcher: ClaimBatcher,
    pub times: CookingSeconds,
    /// Who may send orders.
    pub publishers: Publishers,
    pub forwarding: Forwarding,
    pub dead_letters: DeadLetterPublisher,
    pub status_publisher: StatusPublisher,
    pub in_flight: InFlightOrders,
    pub pacing: Pacing,
    pub shutdown: Shutdown,
}

/// Deliveries that the worker did not finish before it stopped. The caller requeues them.
pub type Unfinished = Vec<LeasedDelivery>;

/// How the deliveries of an order are settled.
enum End {
    /// Acknowledge them: nothing is left to do for the order.
    Settled,
    /// Requeue them after a pause: the database did not answer the claim, another message for the
    /// order is in work, or this program panicked.
    Returned,
    /// Move them to the dead letters: the order does not exist, or differs from the message.
    DeadLettered(PermanentError),
    /// Keep them until the session ends: the worker stops before the order is done.
    Stopping,
}

impl End {
    fn label(&self) -> KitchenResult {
        match self {
            Self::Settled => KitchenResult::Done,
            Self::Returned => KitchenResult::Returned,
            Self::DeadLettered(_) => KitchenResult::DeadLettered,
            Self::Stopping => KitchenResult::Left,
        }
    }
}

impl Cook {
    /// Processes one delivery to its end.
    pub async fn process(self, held: LeasedDelivery) -> Unfinished {
        let request_id = held.delivery.request_id().unwrap_or_else(|| RequestId::of_message(rand::random()));
        // It lasts until the order is settled. Where it waited is not known: one of several queues.
        let (request_id, mut span) =
            held.delivery.begin_span("", Caller::ours(held.delivery.trace()), request_id);
        let log = self.session.log.with_request_id(request_id);
        let (order, pointer) = match read(&held.delivery, &self.publishers) {
            Ok(read) => read,
            Err(why) => {
                conventions::failed(&mut span, KitchenResult::DeadLettered.value());
                return self.settle(End::DeadLettered(why), vec![held], &log).await;
            }
        };
        if !self.session.specialisation.cooks(order.order_type) {
            return self.return_foreign_type(held, &order, &log).await;
        }
        let number = order.order_number;
        let mut guard = match self.in_flight.insert(pointer.clone(), held) {
            Insertion::New(guard) => guard,
            Insertion::Joined => {
                log.debug(action::ORDER_REDELIVERED, format!("This worker has order {number} already"))
                    .detail("order_number", number.to_string())
                    .emit();
                return Vec::new();
            }
            Insertion::Conflict(held) => {
                log.debug(
                    action::ORDER_RETURNED,
                    format!("Another message with different contents is in progress for order {number}"),
                )
                .detail("order_number", number.to_string())
                .emit();
                return self.settle(End::Returned, vec![*held], &log).await;
            }
        };
        let job = Job { order: pointer, priority: order.priority };
        let mut pace = self.pacing.of(number);
        let cooked = self.cook(&job, None, &mut guard, &mut pace, &log);
        // After a panic, which is logged, the order is retried. It must leave the in-flight orders,
        // or its claim would be renewed for ever. Its delivery must be settled, or it would occupy
        // a prefetch slot for ever.
        let end = catch_panic(cooked).await.unwrap_or(End::Returned);
        // The ticket goes first: once the order is no longer in flight, it may get another one.
        drop(pace);
        if matches!(end, End::Returned | End::DeadLettered(_)) {
            conventions::failed(&mut span, end.label().value());
        }
        self.settle(end, guard.remove(), &log).await
    }

    /// Settles all deliveries of an order.
    async fn settle(&self, end: End, held: Vec<LeasedDelivery>, log: &Log) -> Unfinished {
        KITCHEN.of(end.label()).inc();
        match end {
            End::Settled => {
                failpoint::reached("kitchen.before_ack");
                held.into_iter().for_each(LeasedDelivery::ack);
                Vec::new()
            }
            End::Stopping => held,
            End::Returned => self.return_after_pause(held).await,
            End::DeadLettered(why) => self.dead_letter(held, &why, log).await,
        }
    }

    async fn dead_letter(
        &self,
        deliveries: Vec<LeasedDelivery>,
        why: &PermanentError,
        log: &Log,
    ) -> Unfinished {
        let mut left = Vec::new();
        for held in deliveries {
            left.extend(dead_letter::publish(held, why, &self.dead_letters, &self.forwarding, log).await);
        }
        self.return_after_pause(left).await
    }

    /// Requeues an order of a type that this worker does not cook (specification, "Worker
    /// Specialization"). The broker puts it back at its old position. If it is redelivered here,
    /// the worker publishes it to the queue of its type instead, because requeueing again would
    /// loop.
    async fn return_foreign_type(&self, held: LeasedDelivery, order: &OrderMessage, log: &Log) -> Unfinished {
        KITCHEN.of(KitchenResult::Returned).inc();
        let (number, order_type) = (order.order_number, order.order_type);
        if !held.delivery.redelivered {
            log.debug(
                action::ORDER_RETURNED,
                format!("Order {number} is {order_type}, which this worker does not cook"),
            )
            .detail("order_number", number.to_string())
            .emit();
            held.requeue();
            return Vec::new();
        }
        let Some(held) = self.forwarding.to_its_type(held, order, log).await else { return Vec::new() };
        let left = self.forwarding.to_the_end(held, None, log).await;
        self.return_after_pause(left.into_iter().collect()).await
    }

    /// Requeues orders that this worker cannot cook or forward now, after a pause (specification,
    /// "Error and Redelivery Handling").
    async fn return_after_pause(&self, deliveries: Vec<LeasedDelivery>) -> Unfinished {
        if deliveries.is_empty() || self.shutdown.or(sleep(PAUSE_BEFORE_RETURN)).await.is_none() {
            return deliveries;
        }
        deliveries.into_iter().for_each(LeasedDelivery::requeue);
        Vec::new()
    }
}

/// Parses a delivery, of somebody who may send it, into the order and the pointer to its row.
fn read(
    delivery: &Delivery,
    publishers: &Publishers,
) -> Result<(OrderMessage, OrderPointer), PermanentError> {
    delivery.from_a_publisher(publishers, MessageKind::Orders)?;
    if let Some(size) = delivery.withheld {
        return Err(PermanentError::TooLarge(size));
    }
    let order = OrderMessage::parse(&delivery.body)?;
    let pointer = OrderPointer::of(&order, delivery.order_identity().map_err(PermanentError::NotAnIdentity)?);
    Ok((order, pointer))
}
