//! Batches the statements that claim and finish orders: requests that queue up while one statement
//! runs share the next one.
//!
//! An order does not wait for another one's problem. If it is locked elsewhere, or its batch is
//! refused, it gets a statement of its own.

use std::sync::Arc;
use std::time::Duration;

use db::claims::{self, ClaimOutcome, ClaimRequest, Claimant, FinishOutcome, FinishRequest, LockMode};
use db::{Database, DbError};
use runtime::failpoint;
use service::batching::{BatchError, Batcher, Limits, Mode, Statement};
use telemetry::labels::Batch;
use tokio::task::JoinSet;

/// One batch at a time, and two single orders: each of those may wait long for a lock, and occupies
/// a connection.
const LIMITS: Limits = Limits { together: 128, lanes: 1, alone: 2, pace: Duration::ZERO };

/// A handle to the tasks; cheap to clone.
#[derive(Clone)]
pub struct ClaimBatcher {
    claims: Batcher<Claims>,
    finishes: Batcher<Finishes>,
}

/// See [`claims::claim`].
struct Claims {
    db: Database,
    claimant: Claimant,
    lease: Duration,
}

/// See [`claims::finish`].
struct Finishes {
    db: Database,
    claimant: Claimant,
}

impl Statement for Claims {
    const BATCH: Batch = Batch::Claim;

    type Request = ClaimRequest;
    type Answer = ClaimOutcome;
    type Error = DbError;

    async fn run(&self, requests: &[ClaimRequest], mode: Mode) -> Result<Vec<Option<ClaimOutcome>>, DbError> {
        let answers = claims::claim(&self.db, &self.claimant, self.lease, requests, locked(mode)).await;
        failpoint::reached("kitchen.claims_written");
        answers
    }

    fn is_refusal(why: &DbError) -> bool {
        why.is_permanent()
    }
}

impl Statement for Finishes {
    const BATCH: Batch = Batch::Finish;

    type Request = FinishRequest;
    type Answer = FinishOutcome;
    type Error = DbError;

    async fn run(
        &self,
        requests: &[FinishRequest],
        mode: Mode,
    ) -> Result<Vec<Option<FinishOutcome>>, DbError> {
        claims::finish(&self.db, &self.claimant, requests, locked(mode)).await
    }

    fn is_refusal(why: &DbError) -> bool {
        why.is_permanent()
    }
}

/// How the statement treats orders that are locked elsewhere.
fn locked(mode: Mode) -> LockMode {
    match mode {
        Mode::Together => LockMode::SkipLocked,
        Mode::Alone => LockMode::Wait,
    }
}

impl ClaimBatcher {
    /// Starts the tasks. They end when all handles are dropped.
    pub fn start(db: Database, claimant: Claimant, lease: Duration) -> (Self, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let claims = Claims { db: db.clone(), claimant: claimant.clone(), lease };
        let claims = Batcher::start(LIMITS, claims, &mut tasks);
        let finishes = Batcher::start(LIMITS, Finishes { db, claimant }, &mut tasks);
        (Self { claims, finishes }, tasks)
    }

    /// See [`claims::claim`].
    ///
    /// # Errors
    /// The database failed.
    pub async fn claim(&self, request: ClaimRequest) -> Result<ClaimOutcome, Arc<DbError>> {
        let trace = request.request_id.trace();
        written(self.claims.ask_traced(request, trace).await).await
    }

    /// See [`claims::finish`].
    ///
    /// # Errors
    /// The database failed.
    pub async fn finish(&self, request: FinishRequest) -> Result<FinishOutcome, Arc<DbError>> {
        let trace = request.request_id.trace();
        written(self.finishes.ask_traced(request, trace).await).await
    }
}

async fn written<Answer>(answer: Result<Answer, BatchError<DbError>>) -> Result<Answer, Arc<DbError>> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(BatchError::Failed(why)) => Err(why),
        // If the task has ended, the service notices and ends as well.
        Err(BatchError::Ended) => std::future::pending().await,
    }
}
