//! The reply to a message that names a place for it.

use bus::{Outgoing, PublishError};
use domain::order_request::{RequestFailure, RequestOutcome};
use domain::timestamp::Timestamp;
use domain::{OrderRequestId, RequestStatus};

use runtime::Backoff;
use tokio::time::sleep;

use super::deciding::Undecided;
use super::{Intake, Session};

/// Why nobody has the reply.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    #[error("reply_to names no queue")]
    NoAddress,
    #[error("the reply could not be written")]
    Body(#[from] serde_json::Error),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// The outcome, for the queue that `reply_to` names.
pub fn reply(
    reply_to: &str,
    correlation_id: Option<&str>,
    outcome: &RequestOutcome,
) -> Result<Outgoing, ReplyError> {
    let message_id = format!("{}.{}", outcome.order_id, outcome.status.as_str());
    let body = serde_json::to_vec(outcome)?;
    Outgoing::reply(reply_to, correlation_id, &message_id, body).ok_or(ReplyError::NoAddress)
}

/// What who asked is told of a request that has no row of its own.
#[expect(clippy::disallowed_methods, reason = "nothing is stored, so there is no time of the database")]
pub fn refused(order_id: OrderRequestId, failure: RequestFailure) -> RequestOutcome {
    let RequestFailure { code, reason, errors, items } = failure;
    RequestOutcome {
        order_id,
        status: RequestStatus::Failed,
        order_number: None,
        total_amount: None,
        code: Some(code),
        reason: Some(reason),
        errors,
        items,
        updated_at: Timestamp(time::OffsetDateTime::now_utc()),
    }
}

impl Intake {
    /// Sends a reply until RabbitMQ has it, or has nobody for it.
    pub(super) async fn send(
        &self,
        reply: Result<Outgoing, ReplyError>,
        session: &Session,
    ) -> Result<Result<(), ReplyError>, Undecided> {
        let reply = match reply {
            Ok(reply) => reply,
            Err(why) => return Ok(Err(why)),
        };
        let mut backoff = Backoff::for_server();
        loop {
            match self.publisher.publish(reply.clone()).await {
                Ok(()) => return Ok(Ok(())),
                Err(why) if why.is_refusal() => return Ok(Err(why.into())),
                // The connection is being made, or an alarm will end.
                Err(_) => session.until_end(sleep(backoff.next_pause())).await?,
            }
        }
    }
}
