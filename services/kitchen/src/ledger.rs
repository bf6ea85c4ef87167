//! Writes down which orders are claimed and which are ready: what queued up while the last
//! statement ran shares the next.
//!
//! An order that comes alone is written at once; nothing here waits for company. Nor does
//! anybody wait for the trouble of another: what is locked elsewhere, or refused together with
//! others, is written by itself.

use std::sync::Arc;
use std::time::Duration;

use db::claims::{self, ClaimOutcome, ClaimRequest, Claimant, FinishOutcome, FinishRequest, Locked};
use db::{Database, DbError};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// Most orders that share a statement.
const MAX_TOGETHER: usize = 128;
/// Most orders of one kind that are written by themselves at the same time: each may wait
/// long, with a connection.
const MAX_ALONE: usize = 2;

/// A handle to the tasks; cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    claims: mpsc::Sender<Entry<ClaimRequest, ClaimOutcome>>,
    finishes: mpsc::Sender<Entry<FinishRequest, FinishOutcome>>,
}

/// What shall be written about an order, and who waits for the outcome.
#[derive(Debug)]
struct Entry<Request, Outcome> {
    request: Request,
    reply: oneshot::Sender<Result<Outcome, Arc<DbError>>>,
}

impl Ledger {
    /// Starts the tasks. They end when all handles are dropped.
    pub fn start(db: Database, claimant: Claimant, lease: Duration) -> (Self, JoinSet<()>) {
        let (claims, claims_incoming) = mpsc::channel(MAX_TOGETHER);
        let (finishes, finishes_incoming) = mpsc::channel(MAX_TOGETHER);
        let mut tasks = JoinSet::new();
        let (claims_db, claims_claimant) = (db.clone(), claimant.clone());
        tasks.spawn(keep(claims_incoming, move |requests: Vec<ClaimRequest>, locked| {
            let (db, claimant) = (claims_db.clone(), claims_claimant.clone());
            async move { claims::claim(&db, &claimant, lease, &requests, locked).await }
        }));
        tasks.spawn(keep(finishes_incoming, move |requests: Vec<FinishRequest>, locked| {
            let (db, claimant) = (db.clone(), claimant.clone());
            async move { claims::finish(&db, &claimant, &requests, locked).await }
        }));
        (Self { claims, finishes }, tasks)
    }

    /// See [`claims::claim`].
    ///
    /// # Errors
    /// The database failed.
    pub async fn claim(&self, request: ClaimRequest) -> Result<ClaimOutcome, Arc<DbError>> {
        written(&self.claims, request).await
    }

    /// See [`claims::finish`].
    ///
    /// # Errors
    /// The database failed.
    pub async fn finish(&self, request: FinishRequest) -> Result<FinishOutcome, Arc<DbError>> {
        written(&self.finishes, request).await
    }
}

async fn written<Request, Outcome>(
    ledger: &mpsc::Sender<Entry<Request, Outcome>>,
    request: Request,
) -> Result<Outcome, Arc<DbError>> {
    let (reply, outcome) = oneshot::channel();
    // If the task has ended before its time, the service notices and ends as well.
    let _ = ledger.send(Entry { request, reply }).await;
    match outcome.await {
        Ok(outcome) => outcome,
        Err(_) => std::future::pending().await,
    }
}

/// Writes what comes until nobody can send any more.
async fn keep<Request, Outcome, Write, Writing>(
    mut incoming: mpsc::Receiver<Entry<Request, Outcome>>,
    write: Write,
) where
    Request: Clone + Send + 'static,
    Outcome: Send + 'static,
    Write: Fn(Vec<Request>, Locked) -> Writing + Clone + Send + 'static,
    Writing: Future<Output = Result<Vec<Option<Outcome>>, DbError>> + Send,
{
    let lone = Arc::new(Semaphore::new(MAX_ALONE));
    let mut alone = JoinSet::new();
    let mut entries = Vec::with_capacity(MAX_TOGETHER);
    while incoming.recv_many(&mut entries, MAX_TOGETHER).await > 0 {
        while alone.try_join_next().is_some() {}
        // Nobody may get a claim without knowing of it.
        entries.retain(|entry| !entry.reply.is_closed());
        for entry in write_together(std::mem::take(&mut entries), &write).await {
            let (lone, write) = (Arc::clone(&lone), write.clone());
            alone.spawn(async move {
                // Only a closed semaphore fails, and this one never closes.
                let _one = lone.acquire().await;
                write_alone(entry, write).await;
            });
        }
    }
}

/// Writes entries in one statement, and returns those that must be written by themselves.
async fn write_together<Request, Outcome, Writing>(
    entries: Vec<Entry<Request, Outcome>>,
    write: &impl Fn(Vec<Request>, Locked) -> Writing,
) -> Vec<Entry<Request, Outcome>>
where
    Request: Clone,
    Writing: Future<Output = Result<Vec<Option<Outcome>>, DbError>>,
{
    if entries.is_empty() {
        return entries;
    }
    let requests = entries.iter().map(|entry| entry.request.clone()).collect();
    match write(requests, Locked::LeaveOut).await {
        Ok(outcomes) => {
            let mut left_out = Vec::new();
            for (entry, outcome) in entries.into_iter().zip(outcomes) {
                match outcome {
                    // Whoever asked may be gone.
                    Some(outcome) => drop(entry.reply.send(Ok(outcome))),
                    None => left_out.push(entry),
                }
            }
            left_out
        }
        Err(why) if why.is_permanent() && entries.len() > 1 => entries,
        Err(why) => {
            let why = Arc::new(why);
            for entry in entries {
                drop(entry.reply.send(Err(Arc::clone(&why))));
            }
            Vec::new()
        }
    }
}

/// Writes one entry; the order may be locked for a while.
async fn write_alone<Request, Outcome, Writing>(
    entry: Entry<Request, Outcome>,
    write: impl Fn(Vec<Request>, Locked) -> Writing,
) where
    Writing: Future<Output = Result<Vec<Option<Outcome>>, DbError>>,
{
    if entry.reply.is_closed() {
        return;
    }
    let outcome = write(vec![entry.request], Locked::Await).await.map_err(Arc::new);
    // What is waited for is not left out.
    if let Some(outcome) = outcome.map(|outcomes| outcomes.into_iter().next().flatten()).transpose() {
        drop(entry.reply.send(outcome));
    }
}
