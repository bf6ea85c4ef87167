//! Decides a request: its order is placed, or its row says why not.

use std::time::Duration;

use db::DbError;
use db::order_requests::{self, KnownRequest};
use domain::order_request::{RequestFailure, RequestOutcome};
use domain::place_order::Violation;
use domain::{OrderRequest, OrderRequestId, RequestId, RequestStatus};
use logging::{Log, action};
use runtime::Backoff;
use tokio::time::sleep;

use super::failing::{self, not_valid, reused, unstorable};
use super::{Intake, Session};
use crate::acceptance::Closed;
use crate::placing::{PlaceError, PlaceOrder, Requested};

/// The pause before it is asked again whether the first message's request is decided.
const DECISION_PAUSE: Duration = Duration::from_millis(200);

/// How a request ended.
pub(super) enum Decided {
    /// Its row says how.
    InItsRow,
    /// Its id belongs to another request, whose row stays as it is.
    Reused(RequestFailure),
}

/// Why a request is not decided, or who asked was not told. Its message comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecided {
    /// The session ends.
    SessionEnds,
    /// The intake is paused.
    Paused,
    /// As many orders of its type wait as may. Messages behind it may ask for another type.
    Full,
}

impl Intake {
    /// Places the order, or stores why it is not placed.
    pub(super) async fn decide(
        &self,
        request: OrderRequest,
        order: Result<Requested, Vec<Violation>>,
        request_id: RequestId,
        log: &Log,
        session: &Session,
    ) -> Result<Decided, Undecided> {
        let order = match order {
            Ok(order) => order,
            Err(violations) => {
                let failure = not_valid(&violations);
                return self.fail(&request, &request_id, failure, log, session).await;
            }
        };
        let mut backoff = Backoff::for_server();
        loop {
            let command = PlaceOrder {
                order: order.clone(),
                idempotency: None,
                request: Some(request),
                request_id: request_id.clone(),
            };
            match self.placing.place(command).await {
                Ok(_) => return Ok(Decided::InItsRow),
                Err(PlaceError::Menu(why)) => {
                    return self.fail(&request, &request_id, (&why).into(), log, session).await;
                }
                Err(PlaceError::Closed(Closed::Paused { .. })) => return Err(Undecided::Paused),
                Err(PlaceError::Closed(Closed::Full { .. })) => {
                    // A repeated message needs no room: its order is stored already.
                    return self.known(&request, log, session).await?.ok_or(Undecided::Full);
                }
                Err(PlaceError::Unstorable) => {
                    return self.fail(&request, &request_id, unstorable(), log, session).await;
                }
                Err(PlaceError::Repeated) => {
                    if let Some(decided) = self.known(&request, log, session).await? {
                        return Ok(decided);
                    }
                }
                // What failed is in the log already. If the order was taken back, its request is
                // known the next time.
                Err(
                    PlaceError::NotReady(_)
                    | PlaceError::Busy(_)
                    | PlaceError::DatabaseAway { .. }
                    | PlaceError::KeyInFlight
                    | PlaceError::KeyReused
                    | PlaceError::Failed
                    | PlaceError::OutcomeUnknown,
                ) => {}
            }
            session.until_end(sleep(backoff.next_pause())).await?;
        }
    }

    /// Stores why there is no order, unless the request is known.
    async fn fail(
        &self,
        request: &OrderRequest,
        request_id: &RequestId,
        failure: RequestFailure,
        log: &Log,
        session: &Session,
    ) -> Result<Decided, Undecided> {
        let store = || order_requests::fail(&self.db, request, request_id, &failure);
        if self.asked_until_answered(store, log, session).await? {
            failing::log_failure(request.order_id, &failure, log);
            return Ok(Decided::InItsRow);
        }
        // Of two statements the second one sees what the first one waited for.
        Ok(self.known(request, log, session).await?.unwrap_or(Decided::InItsRow))
    }

    /// What became of an earlier message with this id. `None`: there is none, or none any more.
    async fn known(
        &self,
        request: &OrderRequest,
        log: &Log,
        session: &Session,
    ) -> Result<Option<Decided>, Undecided> {
        let Some(known) = self.find(request.order_id, log, session).await? else { return Ok(None) };
        if known.fingerprint == request.fingerprint.as_bytes() {
            let text = format!("Request {} was carried out before", request.order_id);
            log.debug(action::ORDER_REPEATED, text).emit();
            return Ok(Some(Decided::InItsRow));
        }
        let failure = reused();
        failing::log_failure(request.order_id, &failure, log);
        Ok(Some(Decided::Reused(failure)))
    }

    /// What became of a request, once it is decided.
    pub(super) async fn outcome(
        &self,
        order_id: OrderRequestId,
        log: &Log,
        session: &Session,
    ) -> Result<RequestOutcome, Undecided> {
        loop {
            match self.find(order_id, log, session).await? {
                Some(KnownRequest { outcome, .. }) if outcome.status != RequestStatus::Processing => {
                    return Ok(outcome);
                }
                // It is with the relay, of this service or of another one.
                _ => session.until_end(sleep(DECISION_PAUSE)).await?,
            }
        }
    }

    async fn find(
        &self,
        order_id: OrderRequestId,
        log: &Log,
        session: &Session,
    ) -> Result<Option<KnownRequest>, Undecided> {
        let find =
            async || order_requests::find(&self.db, &[order_id]).await.map(|mut found| found.pop().flatten());
        self.asked_until_answered(find, log, session).await
    }

    /// Asks the database until it answers.
    async fn asked_until_answered<T, Answer>(
        &self,
        ask: impl FnMut() -> Answer,
        log: &Log,
        session: &Session,
    ) -> Result<T, Undecided>
    where
        Answer: Future<Output = Result<T, DbError>>,
    {
        let report = |why: &DbError, failed: runtime::FailedAttempt| {
            let text = "A request for an order could not be decided yet; trying again";
            failed.describe(log.error(action::DB_TRANSACTION_FAILED, text, why)).emit();
        };
        session.until_end(runtime::retry::until_done(ask, report)).await
    }
}
