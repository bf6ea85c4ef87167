//! Looks up the status of orders in batches: requests that queue up while a statement runs share
//! the next one.
//!
//! Nothing is cached: each answer comes from a statement that began after the request. What grows
//! with the number of guests may be read from a replica. What is read at a pace, or acted upon, is
//! the primary's.

use std::sync::Arc;
use std::time::Duration;

use db::board::{self, Board};
use db::estimates::{self, Basis};
use db::history::{self, CurrentStatus};
use db::kitchen_tickets::{self, Kitchen};
use db::order_requests::{self, KnownRequest};
use db::status_events::{self, StatusEvent};
use db::{Database, DbError, Reads};
use deadlines::tracking::LOOKUP_DEADLINE;
use domain::order_request::RequestOutcome;
use domain::{OrderNumber, OrderRequestId, RequestId};
use runtime::failpoint;
use service::batching::{BatchError, Batcher, Limits, Mode, Statement};
use telemetry::labels::Batch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Each statement uses its own connection. A second lane, so that a silently dead connection delays
/// only its own batch. If the database refuses a batch, its orders are looked up one by one.
const LIMITS: Limits = Limits { together: 128, lanes: 2, alone: 1, pace: Duration::ZERO };
/// For answers that are made of many rows, and the same for all who ask: a quarter of a second is
/// little beside what they tell of.
const PACED: Limits = Limits { together: 512, lanes: 1, alone: 1, pace: Duration::from_millis(250) };

/// A handle to the tasks. Cheap to clone.
#[derive(Clone)]
pub struct Lookups {
    statuses: Batcher<CurrentStatuses>,
    requests: Batcher<Requests>,
    logs: Batcher<Logs>,
    estimates: Batcher<Estimates>,
    kitchens: Batcher<Kitchens>,
    boards: Batcher<Boards>,
}

/// Why a look-up failed.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The statement failed, perhaps for other requests too.
    #[error(transparent)]
    Failed(Arc<DbError>),
    /// Earlier statements took all the time.
    #[error("there was no answer within {} s", LOOKUP_DEADLINE.as_secs())]
    TooLate,
    /// The task has ended; the service ends as well.
    #[error("the task that looks up orders has ended")]
    Ended,
}

/// See [`history::current_statuses`].
struct CurrentStatuses(Reads);

impl Statement for CurrentStatuses {
    const BATCH: Batch = Batch::LookUp;

    type Request = OrderNumber;
    /// `None` if there is no such order.
    type Answer = Option<CurrentStatus>;
    type Error = DbError;

    async fn run(&self, numbers: &[OrderNumber], _mode: Mode) -> Result<Vec<Option<Self::Answer>>, DbError> {
        let look =
            |db: Database, numbers: Vec<_>| async move { history::current_statuses(&db, &numbers).await };
        let found = self.0.read_each(numbers, look).await?;
        failpoint::reached("tracking.looked_up");
        Ok(found)
    }

    fn is_refusal(why: &DbError) -> bool {
        why.is_permanent()
    }
}

/// See [`order_requests::find`].
struct Requests(Reads);

impl Statement for Requests {
    const BATCH: Batch = Batch::LookUp;

    type Request = OrderRequestId;
    /// `None` if there is no such request.
    type Answer = Option<KnownRequest>;
    type Error = DbError;

    async fn run(&self, ids: &[OrderRequestId], _mode: Mode) -> Result<Vec<Option<Self::Answer>>, DbError> {
        let look = |db: Database, ids: Vec<_>| async move { order_requests::find(&db, &ids).await };
        self.0.read_each(ids, look).await
    }

    fn is_refusal(why: &DbError) -> bool {
        why.is_permanent()
    }
}

/// See [`status_events::of_orders`].
struct Logs(Database);

impl Statement for Logs {
    const BATCH: Batch = Batch::LookUp;

    type Request = OrderNumber;
    /// `None` if there is no such order.
    type Answer = Option<Vec<StatusEvent>>;
    type Error = DbError;

    async fn run(&self, numbers: &[OrderNumber], _mode: Mode) -> Result<Vec<Option<Self::Answer>>, DbError> {
        Ok(status_events::of_orders(&self.0, numbers).await?.into_iter().map(Some).collect())
    }

    fn is_refusal(why: &DbError) -> bool {
        why.is_permanent()
    }
}

/// See [`estimates::bases`].
struct Estimates(Database);

impl Statement for Estimates {
    const BATCH: Batch = Batch::LookUp;

    type Request = OrderNumber;
    /// `None` if there is no such order.
    type Answer = Option<Basis>;
    type Error = DbError;

    async fn run(&self, numbers: &[OrderNumber], _mode: Mode) -> Result<Vec<Option<Self::Answer>>, DbError> {
        Ok(estimates::bases(&self.0, numbers).await?.into_iter().map(Some).collect())
    }

    fn is_refusal(why: &DbError) -> bool {
        why.is_permanent()
    }
}

/// See [`kitchen_tickets::read`]: one read for all who ask at the same time.
struct Kitchens(Database);

impl Statement for Kitchens {
    const BATCH: Batch = Batch::LookUp;

    type Request = ();
    type Answer = Arc<Kitchen>;
    type Error = DbError;

    async fn run(&self, requests: &[()], _mode: Mode) -> Result<Vec<Option<Arc<Kitchen>>>, DbError> {
        let kitchen = Arc::new(kitchen_tickets::read(&self.0).await?);
        Ok(requests.iter().map(|()| Some(Arc::clone(&kitchen))).collect())
    }

    fn is_refusal(_: &DbError) -> bool {
        false
    }
}

/// See [`board::read`]: one statement for all who ask at the same time.
struct Boards {
    db: Database,
    keep: Duration,
}

impl Statement for Boards {
    const BATCH: Batch = Batch::LookUp;

    type Request = ();
    type Answer = Arc<Board>;
    type Error = DbError;

    async fn run(&self, requests: &[()], _mode: Mode) -> Result<Vec<Option<Arc<Board>>>, DbError> {
        let board = Arc::new(board::read(&self.db, self.keep).await?);
        Ok(requests.iter().map(|()| Some(Arc::clone(&board))).collect())
    }

    fn is_refusal(_: &DbError) -> bool {
        false
    }
}

impl LookupError {
    /// For how long the breaker refuses, if that is why.
    pub fn refused_for(&self) -> Option<Duration> {
        if let Self::Failed(why) = self
            && let DbError::BreakerOpen(left) = **why
        {
            Some(left)
        } else {
            None
        }
    }

    /// Whether all connections were in use: not a failure of the server.
    pub fn is_all_in_use(&self) -> bool {
        matches!(self, Self::Failed(why) if matches!(**why, DbError::AllInUse { .. }))
    }
}

impl From<DbError> for LookupError {
    fn from(why: DbError) -> Self {
        Self::Failed(Arc::new(why))
    }
}

impl From<BatchError<DbError>> for LookupError {
    fn from(why: BatchError<DbError>) -> Self {
        match why {
            BatchError::Failed(why) => Self::Failed(why),
            BatchError::Ended => Self::Ended,
        }
    }
}

impl Lookups {
    /// Starts the tasks. They end when all handles are dropped. The kitchen's tickets have names:
    /// they are read from `staff_db`. A ready order stays on the board for `keep`.
    pub fn start(db: Database, reads: Reads, staff_db: Database, keep: Duration) -> (Self, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let statuses = Batcher::start(LIMITS, CurrentStatuses(reads.clone()), &mut tasks);
        let requests = Batcher::start(LIMITS, Requests(reads), &mut tasks);
        let logs = Batcher::start(LIMITS, Logs(db.clone()), &mut tasks);
        let estimates = Batcher::start(PACED, Estimates(db.clone()), &mut tasks);
        let kitchens = Batcher::start(PACED, Kitchens(staff_db), &mut tasks);
        let boards = Batcher::start(PACED, Boards { db, keep }, &mut tasks);
        (Self { statuses, requests, logs, estimates, kitchens, boards }, tasks)
    }

    /// The current status of an order, or `None` if there is no such order. Here as below, `by` is
    /// the request that asks.
    ///
    /// # Errors
    /// The database failed, or there was no answer in time.
    pub async fn status(
        &self,
        number: OrderNumber,
        by: &RequestId,
    ) -> Result<Option<CurrentStatus>, LookupError> {
        let answer = timeout(LOOKUP_DEADLINE, self.statuses.ask_traced(number, by.trace())).await;
        Ok(answer.map_err(|_| LookupError::TooLate)??)
    }

    /// What became of the request of a message, or `None` if there is no such request.
    ///
    /// # Errors
    /// As [`Lookups::status`].
    pub async fn request(
        &self,
        id: OrderRequestId,
        by: &RequestId,
    ) -> Result<Option<RequestOutcome>, LookupError> {
        let answer = timeout(LOOKUP_DEADLINE, self.requests.ask_traced(id, by.trace())).await;
        Ok(answer.map_err(|_| LookupError::TooLate)??.map(|known| known.outcome))
    }

    /// What the log has of an order, or `None` if there is no such order.
    ///
    /// # Errors
    /// As [`Lookups::status`].
    pub async fn log(
        &self,
        number: OrderNumber,
        by: &RequestId,
    ) -> Result<Option<Vec<StatusEvent>>, LookupError> {
        let answer = timeout(LOOKUP_DEADLINE, self.logs.ask_traced(number, by.trace())).await;
        Ok(answer.map_err(|_| LookupError::TooLate)??)
    }

    /// What the estimate of an order is made of, or `None` if there is no such order.
    ///
    /// # Errors
    /// As [`Lookups::status`].
    pub async fn estimate(&self, number: OrderNumber, by: &RequestId) -> Result<Option<Basis>, LookupError> {
        let answer = timeout(LOOKUP_DEADLINE, self.estimates.ask_traced(number, by.trace())).await;
        Ok(answer.map_err(|_| LookupError::TooLate)??)
    }

    /// What kitchen displays show.
    ///
    /// # Errors
    /// As [`Lookups::status`].
    pub async fn kitchen(&self, by: &RequestId) -> Result<Arc<Kitchen>, LookupError> {
        let answer = timeout(LOOKUP_DEADLINE, self.kitchens.ask_traced((), by.trace())).await;
        Ok(answer.map_err(|_| LookupError::TooLate)??)
    }

    /// What guests see on the board.
    ///
    /// # Errors
    /// As [`Lookups::status`].
    pub async fn board(&self, by: &RequestId) -> Result<Arc<Board>, LookupError> {
        let answer = timeout(LOOKUP_DEADLINE, self.boards.ask_traced((), by.trace())).await;
        Ok(answer.map_err(|_| LookupError::TooLate)??)
    }
}
