//! Whether orders are accepted at this moment: the staff may pause the intake
//! (`POST /intake/pause`), and only so many orders of a type may wait (`intake.max_waiting`).
//!
//! The pause is in the database, where every order service looks twice a second; it is known to
//! all within a second. It ends by the database's clock. While that cannot be asked, what was known
//! holds until its end: without it no order is placed either.

mod limit;
mod places;

use std::sync::Arc;
use std::time::Duration;

use config::CookingSeconds;
use db::intake::{self, Pause};
use db::{Database, DbError};
use deadlines::database::STATEMENT_DEADLINE;
use domain::pause_request::PauseRequest;
use domain::timestamp::Timestamp;
use domain::{OrderIdentity, OrderType};
use logging::{Log, action};
use runtime::Shutdown;
use runtime::retry::until_done;
use time::OffsetDateTime;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::limit::Limit;
pub use self::places::Place;

/// How often a pause is looked for: one of another service is seen within a second.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// For how long the number of waiting orders is shown as it was counted.
const COUNT_LIFETIME: Duration = Duration::from_millis(500);

/// Decides whether an order is accepted; cheap to clone.
#[derive(Clone)]
pub struct Acceptance {
    db: Database,
    pause: Arc<watch::Sender<Known>>,
    /// Held while the pause is read or changed: what was read first must not replace what was read
    /// later.
    reading: Arc<Mutex<()>>,
    /// `None`: any number of orders may wait.
    limit: Option<Limit>,
    counted: Arc<Mutex<Option<Counted>>>,
    log: Log,
}

/// The present pause.
#[derive(Clone, Debug)]
pub struct Paused {
    /// What guests are told.
    pub message: Arc<str>,
    /// Its end, by the database's clock.
    pub until: OffsetDateTime,
    ends: Instant,
}

/// What is known of a pause.
#[derive(Clone, Debug)]
enum Known {
    /// The database was not asked yet.
    Nothing,
    /// There is none.
    NoPause,
    /// There is this one, until it ends.
    Pause(Paused),
}

impl Known {
    fn paused(&self) -> Option<&Paused> {
        match self {
            Self::Pause(paused) if !paused.left().is_zero() => Some(paused),
            _ => None,
        }
    }
}

struct Counted {
    at: Instant,
    waiting: Arc<[(OrderType, u64)]>,
}

/// Why no order is accepted now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The staff has paused the intake.
    #[error("the intake is paused: {message}")]
    Paused {
        /// What guests are told.
        message: Arc<str>,
        /// The time to its end.
        left: Duration,
    },
    /// As many orders of its type wait as may.
    #[error("{most} orders of the type {order_type} wait already")]
    Full {
        /// The type.
        order_type: OrderType,
        /// So many may wait.
        most: u32,
        /// An estimate of when there is room again.
        retry_after: Duration,
    },
}

/// Why it is not known whether an order is accepted, or that it is not.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The waiting orders could not be counted.
    #[error(transparent)]
    Count(#[from] limit::CountError),
}

impl Paused {
    fn of(pause: Pause, asked: Instant) -> Self {
        Self { message: pause.message.into(), until: pause.until, ends: asked + pause.left }
    }

    /// The time to its end; zero if it is over.
    pub fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }
}

impl Acceptance {
    /// Nothing is known yet. At most `most` orders of a type may wait; 0: any number. The tasks end
    /// when all handles are dropped.
    pub fn start(db: Database, most: u32, times: CookingSeconds, log: Log) -> (Self, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let limit = (most > 0).then(|| Limit::start(db.clone(), most, times, &mut tasks));
        let (pause, _) = watch::channel(Known::Nothing);
        let acceptance =
            Self { db, pause: Arc::new(pause), reading: Arc::default(), limit, counted: Arc::default(), log };
        (acceptance, tasks)
    }

    /// Accepts an order. Without a pause and a limit nothing is asked. Within the limit it gets a
    /// place, to be held until the order is stored or will never be.
    ///
    /// # Errors
    /// It is not accepted, or it is not known whether there is room.
    pub async fn admit(
        &self,
        order_type: OrderType,
        identity: OrderIdentity,
    ) -> Result<Option<Place>, AdmitError> {
        if let Some(paused) = self.paused() {
            return Err(Closed::Paused { left: paused.left(), message: paused.message }.into());
        }
        match &self.limit {
            None => Ok(None),
            Some(limit) => limit.take(order_type, identity).await.map(Some),
        }
    }

    /// The present pause, as it is known here.
    pub fn paused(&self) -> Option<Paused> {
        self.pause.borrow().paused().cloned()
    }

    /// So many orders of a type may wait; 0: any number.
    pub fn max_waiting(&self) -> u32 {
        self.limit.as_ref().map_or(0, Limit::most)
    }

    /// How many orders of each type wait, as counted in the last half second.
    ///
    /// # Errors
    /// The database failed.
    pub async fn waiting(&self) -> Result<Arc<[(OrderType, u64)]>, DbError> {
        let count = async {
            let mut counted = self.counted.lock().await;
            if let Some(known) = counted.as_ref().filter(|known| known.at.elapsed() < COUNT_LIFETIME) {
                return Ok(Arc::clone(&known.waiting));
            }
            let waiting: Arc<[_]> = intake::waiting(&self.db).await?.into();
            *counted = Some(Counted { at: Instant::now(), waiting: Arc::clone(&waiting) });
            Ok(waiting)
        };
        // Many ask one after the other if the database hangs.
        timeout(STATEMENT_DEADLINE, count).await.unwrap_or(Err(DbError::Timeout(STATEMENT_DEADLINE)))
    }

    /// Pauses the intake from now on.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pause(&self, request: &PauseRequest) -> Result<Paused, DbError> {
        let _reading = self.reading.lock().await;
        let asked = Instant::now();
        let paused = Paused::of(intake::pause(&self.db, request.lasting, &request.message).await?, asked);
        self.know(Some(paused.clone()));
        Ok(paused)
    }

    /// Ends the pause, if there is one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn resume(&self) -> Result<(), DbError> {
        let _reading = self.reading.lock().await;
        intake::resume(&self.db).await?;
        self.know(None);
        Ok(())
    }

    /// Looks for a pause.
    ///
    /// # Errors
    /// The database failed.
    pub async fn refresh(&self) -> Result<(), DbError> {
        let _reading = self.reading.lock().await;
        let asked = Instant::now();
        let pause = intake::current_pause(&self.db.in_background()).await?;
        self.know(pause.map(|pause| Paused::of(pause, asked)));
        Ok(())
    }

    /// Looks for pauses of other services until the shutdown begins.
    pub async fn keep_fresh(&self, shutdown: &Shutdown) {
        let report = |why: &DbError, failed: runtime::FailedAttempt| {
            let line =
                self.log.error(action::DB_QUERY_FAILED, "The pause of the intake could not be read", why);
            failed.describe(line).emit();
        };
        while shutdown.or(sleep(LOOK_INTERVAL)).await.is_some() {
            if shutdown.or(until_done(|| self.refresh(), report)).await.is_none() {
                return;
            }
        }
    }

    /// Waits until it is known that the intake is not paused.
    pub async fn opened(&self) {
        let mut changes = self.pause.subscribe();
        loop {
            let ends = match &*changes.borrow_and_update() {
                Known::NoPause => return,
                Known::Nothing => None,
                Known::Pause(paused) => Some(paused.ends),
            };
            let over = async {
                match ends {
                    Some(ends) => sleep_until(ends).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return,
                // This handle owns the sender.
                _ = changes.changed() => {}
            }
        }
    }

    /// Waits until the intake is paused.
    pub async fn closed(&self) {
        let mut changes = self.pause.subscribe();
        // This handle owns the sender, so there is no error.
        let _ = changes.wait_for(|known| known.paused().is_some()).await;
    }

    fn know(&self, pause: Option<Paused>) {
        let known = pause.map_or(Known::NoPause, Known::Pause);
        let before = self.pause.send_replace(known.clone());
        match (before, known) {
            (Known::Nothing | Known::NoPause, Known::Pause(paused)) => {
                let until = Timestamp::from(paused.until);
                let text = format!("The intake is paused until {until}");
                self.log
                    .info(action::INTAKE_PAUSED, text)
                    .detail("until", until.to_string())
                    .detail("message", &*paused.message)
                    .emit();
            }
            (Known::Pause(_), Known::NoPause) => {
                self.log.info(action::INTAKE_RESUMED, "Orders are taken again").emit();
            }
            _ => {}
        }
    }
}
