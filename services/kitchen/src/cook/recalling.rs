//! Takes up an order again that this worker finished.

use db::claims::{self, RecallOutcome, RecallRequest};
use db::kitchen_tickets::of_worker;
use domain::OrderPointer;
use logging::{Log, action};
use runtime::catch_panic;

use super::cooking::{Claimed, Job};
use super::{Cook, End, Unfinished};
use crate::cooking_times;
use crate::in_flight::InFlightGuard;
use crate::manual::{Recall, Reply};
use crate::pace::{Pace, Turn};
use crate::retry::Retry;

impl Cook {
    /// Recalls an order, and cooks it to its end. It has no delivery: its message was acknowledged
    /// when it was ready. If this worker is lost, the rescuer sends it again.
    pub async fn recall(self, recall: Recall) -> Unfinished {
        let Recall { ticket, request_id, reply } = recall;
        let number = ticket.number();
        let log = self.session.log.with_request_id(request_id);
        let found = Retry { doing: &format!("looking for order {number}"), log: &log }
            .a_few_times(&self.shutdown, || of_worker::message(&self.session.db, number))
            .await;
        // Whoever asked learns from the database why nothing came of it.
        let Some(Some((message, identity))) = found else { return Vec::new() };
        let job = Job { order: OrderPointer::of(&message, identity), priority: message.priority };
        let Some(mut guard) = self.in_flight.insert_recalled(job.order.clone()) else { return Vec::new() };
        let mut pace = Pace::Manual(ticket);
        let recalled = self.cook_recalled(&job, reply, &mut guard, &mut pace, &log);
        let end = catch_panic(recalled).await.unwrap_or(End::Returned);
        drop(pace);
        // The message may have been sent again meanwhile.
        self.settle(end, guard.remove(), &log).await
    }

    async fn cook_recalled(
        &self,
        job: &Job,
        reply: Reply,
        guard: &mut InFlightGuard,
        pace: &mut Pace,
        log: &Log,
    ) -> End {
        let (number, order_type) = (job.order.number, job.order.order_type);
        let turn = Turn::asked(reply);
        let cooking = cooking_times::of(order_type, &self.times);
        let request = RecallRequest { number, cooking, request_id: log.request_id().clone() };
        let (db, claimant, lease) = (&self.session.db, &self.session.claimant, self.session.lease());
        let outcome = Retry { doing: &format!("recalling order {number}"), log }
            .a_few_times(&self.shutdown, || claims::recall(db, claimant, lease, &request))
            .await;
        let Some(RecallOutcome::Granted(claim)) = outcome else { return End::Returned };
        log.info(action::ORDER_RECALLED, format!("Order {number} was recalled: it is cooked once more"))
            .detail("order_number", number.to_string())
            .detail("order_type", order_type.as_str())
            .emit();
        self.cook(job, Some(Claimed { claim, turn }), guard, pace, log).await
    }
}
