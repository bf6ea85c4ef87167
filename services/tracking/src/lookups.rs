//! The task that looks up where orders stand: what queued up while the last statements ran
//! shares the next one.
//!
//! A look-up that comes alone starts at once; nothing here waits for company. Nothing is remembered
//! either: each answer comes from a statement that began after it was asked for.

use std::sync::Arc;
use std::time::Duration;

use db::history::{self, CurrentStatus};
use db::{Database, DbError};
use domain::OrderNumber;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// Most look-ups that share a statement.
const MAX_TOGETHER: usize = 128;
/// Statements under way at the same time, each on a connection of its own: with a second one,
/// nobody has to wait for a connection that broke without a word, but those who share it.
const MAX_STATEMENTS: usize = 2;
/// Longest time that a look-up takes: as long as one may wait for a connection and for
/// a statement together.
const DEADLINE: Duration = Duration::from_secs(17);

/// A handle to the task; cheap to clone.
#[derive(Clone, Debug)]
pub struct Lookups {
    queue: mpsc::Sender<Lookup>,
}

/// Why it is not known where an order stands.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The statement failed, perhaps for others too.
    #[error(transparent)]
    Failed(Arc<DbError>),
    /// The statements of others took all the time.
    #[error("there was no answer within {} s", DEADLINE.as_secs())]
    TooLate,
    /// The task ended before its time; the service ends as well.
    #[error("nobody looks up orders any more")]
    Ended,
}

/// Which order, and who waits for the answer.
#[derive(Debug)]
struct Lookup {
    number: OrderNumber,
    reply: oneshot::Sender<Result<Option<CurrentStatus>, Arc<DbError>>>,
}

impl Lookups {
    /// Starts the task. It ends when all handles are dropped.
    pub fn start(db: Database) -> (Self, JoinHandle<()>) {
        let (queue, incoming) = mpsc::channel(MAX_TOGETHER);
        (Self { queue }, tokio::spawn(run(db, incoming)))
    }

    /// The current status of an order, or `None` if there is no such order.
    ///
    /// # Errors
    /// The database failed, or there was no answer in time.
    pub async fn status(&self, number: OrderNumber) -> Result<Option<CurrentStatus>, LookupError> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.queue.send(Lookup { number, reply }).await.map_err(|_| LookupError::Ended)?;
            answer.await.map_err(|_| LookupError::Ended)?.map_err(LookupError::Failed)
        };
        timeout(DEADLINE, asked).await.unwrap_or(Err(LookupError::TooLate))
    }
}

async fn run(db: Database, mut incoming: mpsc::Receiver<Lookup>) {
    let places = Arc::new(Semaphore::new(MAX_STATEMENTS));
    let mut statements = JoinSet::new();
    // Only a closed semaphore fails, and this one never closes. The place comes first: whoever asks
    // while none is free, joins the next statement.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while statements.try_join_next().is_some() {}
        let mut lookups = Vec::with_capacity(MAX_TOGETHER);
        if incoming.recv_many(&mut lookups, MAX_TOGETHER).await == 0 {
            break;
        }
        statements.spawn(answer_in_place(db.clone(), lookups, place));
    }
    statements.join_all().await;
}

async fn answer_in_place(db: Database, lookups: Vec<Lookup>, _place: OwnedSemaphorePermit) {
    answer(&db, lookups).await;
}

/// Answers these look-ups from one statement.
async fn answer(db: &Database, mut lookups: Vec<Lookup>) {
    // Whoever asked may be gone.
    lookups.retain(|lookup| !lookup.reply.is_closed());
    if lookups.is_empty() {
        return;
    }
    let numbers: Vec<_> = lookups.iter().map(|lookup| lookup.number).collect();
    match history::current_statuses(db, &numbers).await {
        Ok(found) => {
            for (lookup, status) in lookups.into_iter().zip(found) {
                drop(lookup.reply.send(Ok(status)));
            }
        }
        // An order of which the database cannot tell must not take its neighbours with it.
        Err(why) if why.is_permanent() && lookups.len() > 1 => {
            for lookup in lookups {
                Box::pin(answer(db, vec![lookup])).await;
            }
        }
        Err(why) => {
            let why = Arc::new(why);
            for lookup in lookups {
                drop(lookup.reply.send(Err(Arc::clone(&why))));
            }
        }
    }
}
