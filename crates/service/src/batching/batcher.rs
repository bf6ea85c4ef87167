//! Many callers ask, one statement answers: a batcher of requests and answers.

use std::sync::Arc;
use std::time::Duration;

use domain::TraceParent;
use telemetry::labels::Batch;
use telemetry::traces::conventions;
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{Batches, Settled, count, queue, settle};

/// What answers requests together.
pub trait Statement: Send + Sync + 'static {
    /// What it is measured as.
    const BATCH: Batch;

    /// What a caller asks.
    type Request: Send + Sync + 'static;
    /// What it hears.
    type Answer: Send + 'static;
    /// Why there are no answers. It is shared by all whose statement failed.
    type Error: Send + Sync + 'static;

    /// Answers all requests, in their order. In [`Mode::Together`] it may leave some out, with
    /// `None`: each of these is asked again in [`Mode::Alone`].
    fn run(
        &self,
        requests: &[Self::Request],
        mode: Mode,
    ) -> impl Future<Output = Result<Vec<Option<Self::Answer>>, Self::Error>> + Send;

    /// Whether a single request may have caused this error: then each is asked again alone.
    fn is_refusal(why: &Self::Error) -> bool;
}

/// How a statement is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For all that queued up: others wait for it.
    Together,
    /// For a single request that was left out, or refused together with others. Nobody else waits
    /// for it, so it may take its time.
    Alone,
}

/// How much a batcher does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most requests that share a statement, and most that wait in the queue.
    pub together: usize,
    /// Statements for many at the same time.
    pub lanes: usize,
    /// Statements for single requests at the same time, beside the lanes.
    pub alone: usize,
    /// Shortest time between the beginnings of two statements of a lane: what comes meanwhile
    /// shares the second one. A request that comes alone does not wait. Zero: statements follow
    /// each other at once.
    pub pace: Duration,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum BatchError<E> {
    /// The statement failed, perhaps for others too.
    #[error(transparent)]
    Failed(Arc<E>),
    /// The batcher's tasks have ended.
    #[error("the task that answers has ended")]
    Ended,
}

/// A handle to the tasks; cheap to clone.
pub struct Batcher<S: Statement> {
    queue: mpsc::Sender<Call<S>>,
}

/// What a caller asks, and where it waits.
struct Call<S: Statement> {
    request: S::Request,
    trace: Option<TraceParent>,
    reply: Reply<S>,
}

type Reply<S> = oneshot::Sender<Result<<S as Statement>::Answer, Arc<<S as Statement>::Error>>>;

impl<S: Statement> Clone for Batcher<S> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<S: Statement> Batcher<S> {
    /// Starts a task for each lane, in the set of its owner. They end when all handles are dropped.
    /// One that ends earlier has panicked: its callers hear [`BatchError::Ended`], and the owner is
    /// to end as well.
    pub fn start(limits: Limits, statement: S, tasks: &mut JoinSet<()>) -> Self {
        let (queue, batches) = queue(limits.together, limits.together);
        let lane = Lane {
            batches: Arc::new(Mutex::new(batches)),
            statement: Arc::new(statement),
            alone: Arc::new(Semaphore::new(limits.alone)),
            pace: limits.pace,
        };
        for _ in 0..limits.lanes {
            tasks.spawn(lane.clone().run());
        }
        Self { queue }
    }

    /// Asks, and waits for the answer. Whoever drops this future in time is not asked for any more.
    ///
    /// # Errors
    /// The statement failed, or there is nobody who runs it.
    pub async fn ask(&self, request: S::Request) -> Result<S::Answer, BatchError<S::Error>> {
        self.ask_traced(request, None).await
    }

    /// As [`Batcher::ask`], for a request at this place in a trace.
    ///
    /// # Errors
    /// As [`Batcher::ask`].
    pub async fn ask_traced(
        &self,
        request: S::Request,
        trace: Option<TraceParent>,
    ) -> Result<S::Answer, BatchError<S::Error>> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Call { request, trace, reply }).await.map_err(|_| BatchError::Ended)?;
        answer.await.map_err(|_| BatchError::Ended)?.map_err(BatchError::Failed)
    }
}

/// Runs one statement at a time, for all that queued up meanwhile.
struct Lane<S: Statement> {
    /// Held by the lane that waits for the next batch. So a request that comes while all lanes are
    /// busy joins the next statement.
    batches: Arc<Mutex<Batches<Call<S>>>>,
    statement: Arc<S>,
    alone: Arc<Semaphore>,
    pace: Duration,
}

impl<S: Statement> Clone for Lane<S> {
    fn clone(&self) -> Self {
        Self {
            batches: Arc::clone(&self.batches),
            statement: Arc::clone(&self.statement),
            alone: Arc::clone(&self.alone),
            pace: self.pace,
        }
    }
}

impl<S: Statement> Lane<S> {
    async fn run(self) {
        let mut alone = JoinSet::new();
        while let Some(calls) = self.next_batch().await {
            let began = Instant::now();
            while alone.try_join_next().is_some() {}
            for call in self.run_together(calls).await {
                let (statement, permits) = (Arc::clone(&self.statement), Arc::clone(&self.alone));
                alone.spawn(run_alone(statement, permits, call));
            }
            if !self.pace.is_zero() {
                sleep_until(began + self.pace).await;
            }
        }
    }

    async fn next_batch(&self) -> Option<Vec<Call<S>>> {
        self.batches.lock().await.next().await
    }

    /// Runs the statement for all of them. Returns those for which it must be run alone.
    async fn run_together(&self, calls: Vec<Call<S>>) -> Vec<Call<S>> {
        // What nobody waits for is not carried out: its caller would never know.
        let waiting = calls.into_iter().filter(|call| !call.reply.is_closed());
        let (mut requests, mut waits) = (Vec::new(), Vec::new());
        for Call { request, trace, reply } in waiting {
            requests.push(request);
            waits.push((trace, reply));
        }
        if requests.is_empty() {
            return Vec::new();
        }
        let traces = waits.iter().map(|(trace, _)| *trace);
        let outcome = measured(&*self.statement, &requests, traces, Mode::Together).await;
        let again = |(request, (trace, reply))| Call { request, trace, reply };
        match settle(waits, outcome, S::is_refusal) {
            Settled::Done(waits, answers) => {
                let mut left_out = Vec::new();
                for ((request, wait), answer) in requests.into_iter().zip(waits).zip(answers) {
                    match answer {
                        // Whoever asked may be gone.
                        Some(answer) => drop(wait.1.send(Ok(answer))),
                        None => left_out.push(again((request, wait))),
                    }
                }
                left_out
            }
            Settled::OneByOne(waits) => requests.into_iter().zip(waits).map(again).collect(),
            Settled::Failed(waits, why) => {
                let why = Arc::new(why);
                for (_, reply) in waits {
                    drop(reply.send(Err(Arc::clone(&why))));
                }
                Vec::new()
            }
        }
    }
}

/// Runs the statement, and tells metrics and traces of it.
async fn measured<S: Statement>(
    statement: &S,
    requests: &[S::Request],
    traces: impl Iterator<Item = Option<TraceParent>>,
    mode: Mode,
) -> Result<Vec<Option<S::Answer>>, S::Error> {
    let began = Instant::now();
    let mut span = conventions::statement(S::BATCH, traces, requests.len());
    let outcome = statement.run(requests, mode).await;
    if outcome.is_err() {
        conventions::failed(&mut span, "database");
    }
    count(S::BATCH, requests.len(), began.elapsed());
    outcome
}

/// Runs the statement for one request, once fewer than the limit are run so.
async fn run_alone<S: Statement>(
    statement: Arc<S>,
    permits: Arc<Semaphore>,
    Call { request, trace, reply }: Call<S>,
) {
    // Only a closed semaphore fails, and this one never closes.
    let _permit = permits.acquire().await;
    if reply.is_closed() {
        return;
    }
    let traces = std::iter::once(trace);
    let outcome = measured(&*statement, &[request], traces, Mode::Alone).await.map_err(Arc::new);
    // A statement for a single request leaves nothing out.
    if let Some(outcome) = outcome.map(|answers| answers.into_iter().next().flatten()).transpose() {
        drop(reply.send(outcome));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
