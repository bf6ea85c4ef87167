//! Publishes the messages of stored orders and waits for the broker's confirms.

use bus::{Outgoing, Publisher};
use deadlines::broker::CONNECTION_WAIT;
use domain::{OrderIdentity, OrderMessage};
use futures_util::StreamExt;
use futures_util::future::Either;
use futures_util::stream::FuturesUnordered;
use logging::{Log, action};
use runtime::failpoint;
use service::batching::InFlightGuard;
use tokio::time::Instant;

use super::stages::{SendError, Sent, Stored, Unsent};

/// Orders whose messages are confirmed.
#[derive(Default)]
pub struct Confirmed {
    /// All of them.
    pub identities: Vec<OrderIdentity>,
    /// Those that are to be answered once their outbox rows are gone: messages ask for them.
    pub unanswered: Vec<Stored>,
}

/// Sends orders to the kitchen; cheap to clone.
#[derive(Clone)]
pub struct Sender {
    pub publisher: Publisher,
    pub log: Log,
}

impl Sender {
    /// Sends the orders, and answers the clients of those that are confirmed. Returns the others.
    /// Each order is in flight until its confirm has come, or will not.
    pub async fn send(
        &self,
        orders: Vec<Stored>,
        mut in_flight: InFlightGuard,
        sent: &mut Confirmed,
    ) -> Vec<Unsent> {
        let mut unsent = Vec::new();
        let mut unconfirmed = FuturesUnordered::new();
        for order in orders {
            unconfirmed.push(match self.publish(order, in_flight.split_one()).await {
                Ok(order) => Either::Left(order.confirmed()),
                Err(order) => Either::Right(std::future::ready(Err(order))),
            });
        }
        // As the confirms come, in any order: a slow one holds up no other answer.
        while let Some(confirmed) = unconfirmed.next().await {
            match confirmed {
                Ok((order, routing_key)) => {
                    failpoint::reached("order.before_answer");
                    let (log, row) = (order.log(&self.log), order.row);
                    // The client first: it waits.
                    if order.is_requested() {
                        sent.unanswered.push(order);
                    } else {
                        order.accept();
                    }
                    log.debug(action::ORDER_PUBLISHED, format!("Sent order {} to the kitchen", row.number))
                        .detail("order_number", row.number.to_string())
                        .detail("routing_key", routing_key)
                        .emit();
                    sent.identities.push(row.identity);
                }
                Err(order) => unsent.push(order),
            }
        }
        unsent
    }

    /// Sends what a broken connection left unconfirmed once more, as long as the next one comes
    /// soon. A message that has arrived all the same does no harm: the claim decides. Returns what
    /// is not sent.
    pub async fn send_with_next_connection(&self, unsent: Vec<Unsent>, sent: &mut Confirmed) -> Vec<Unsent> {
        let deadline = Instant::now() + CONNECTION_WAIT;
        let (mut again, mut rest): (Vec<_>, Vec<_>) = unsent.into_iter().partition(Unsent::may_pass);
        while let Some(first) = again.first() {
            if Instant::now() >= deadline || self.publisher.connected_for_orders().await.is_err() {
                break;
            }
            let message =
                format!("{} orders were not confirmed by RabbitMQ; sending them again", again.len());
            self.log.error(action::RABBITMQ_PUBLISH_FAILED, message, &first.why).emit();
            let orders = again.into_iter().map(Unsent::into_stored).collect();
            let unsent = self.send(orders, InFlightGuard::uncounted(), sent).await;
            let (more, others): (Vec<_>, Vec<_>) = unsent.into_iter().partition(Unsent::may_pass);
            again = more;
            rest.extend(others);
        }
        rest.extend(again);
        rest
    }

    async fn publish(&self, order: Stored, in_flight: InFlightGuard) -> Result<Sent, Unsent> {
        let body = OrderMessage::of(order.row.number, order.order());
        let placed_at = order.row.placed_at.into();
        let message = Outgoing::order(&body, Some(&order.row.identity), placed_at, order.request_id());
        match message {
            Ok(message) => {
                let routing_key = message.routing_key().to_owned();
                let confirm = self.publisher.send(message).await;
                failpoint::reached("order.published");
                Ok(order.sent(routing_key, confirm, in_flight))
            }
            Err(why) => Err(order.unsent(SendError::Body(why))),
        }
    }
}
