//! Reads from a standby for as long as it is close behind the primary.
//!
//! How far behind it is, it cannot say itself: the time of the last transaction that it replayed
//! grows on an idle primary too, although nothing is missing, and clocks differ. So positions in
//! the write-ahead log are compared (`log_position`). Now and then the primary is asked how
//! far its log is written. Each read from the standby also asks how far that one has replayed. Only
//! this process's clock counts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logging::{Log, action};
use telemetry::metrics::{REPLICA_BEHIND, REPLICA_LEFT};
use tokio::time::{Instant, sleep, timeout};

use crate::database::{Database, DbError};
use crate::log_position::{NotedPositions, REPLAYED, WRITTEN};

/// Pause between two looks, if the allowed lag is not short.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest pause.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// The deadline of a look.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);
/// The longest time without a word of a replica that is not close: hours of lag may be allowed.
const LONGEST_START: Duration = Duration::from_secs(30);
/// The deadline of a read from the replica. Then there is still time to ask the primary.
const READ_DEADLINE: Duration = Duration::from_secs(1);

/// What a read replica is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaState {
    /// A standby, which lacks so many bytes of the primary's log.
    Standby {
        /// 0 if it lacks nothing.
        behind_bytes: u64,
    },
    /// It takes part in no replication, or was promoted.
    NoStandby,
}

/// Asks the replica of these settings what it is. `None` if there is none.
///
/// # Errors
/// It cannot be reached, or the primary does not answer.
pub async fn inspect(
    settings: &config::Database,
    primary: &Database,
    program: &str,
) -> Result<Option<ReplicaState>, DbError> {
    let Some((db, _)) = replica_of(settings, program, Duration::ZERO)? else { return Ok(None) };
    let written = position(primary, WRITTEN).await?.unwrap_or_default();
    let replayed = position(&db.unproved(), REPLAYED).await?;
    Ok(Some(replayed.map_or(ReplicaState::NoStandby, |replayed| ReplicaState::Standby {
        behind_bytes: u64::try_from(written.saturating_sub(replayed)).unwrap_or(0),
    })))
}

/// The replica of these settings, and what proves that it is close.
fn replica_of(
    settings: &config::Database,
    service: &str,
    max_lag: Duration,
) -> Result<Option<(Database, Arc<NotedPositions>)>, DbError> {
    let Some(hosts) = &settings.read_replica else { return Ok(None) };
    let settings = config::Database { host: hosts.clone(), ..settings.clone() };
    let noted = Arc::new(NotedPositions::within(max_lag));
    Ok(Some((Database::of_replica(&settings, service, Arc::clone(&noted))?, noted)))
}

/// Where a service reads. Cheap to clone.
#[derive(Clone)]
pub struct Reads {
    primary: Database,
    replica: Option<Arc<Replica>>,
}

struct Replica {
    db: Database,
    max_lag: Duration,
    noted: Arc<NotedPositions>,
    /// It has everything that could be seen on the primary at this moment.
    as_of: Mutex<Option<Instant>>,
}

impl Reads {
    /// From the replica of these settings while it is at most `max_lag` behind, else from the
    /// primary. From the primary only, if there is none, or it may not be behind at all. It is not
    /// used before [`Reads::watch`] runs.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub fn new(
        settings: &config::Database,
        primary: Database,
        service: &str,
        max_lag: Duration,
    ) -> Result<Self, DbError> {
        let found = if max_lag.is_zero() { None } else { replica_of(settings, service, max_lag)? };
        let replica =
            found.map(|(db, noted)| Arc::new(Replica { db, max_lag, noted, as_of: Mutex::default() }));
        Ok(Self { primary, replica })
    }

    /// Whether reads go to the replica now. `None` if there is none.
    pub fn use_replica(&self) -> Option<bool> {
        self.replica.as_ref().map(|replica| replica.is_close())
    }

    /// Whether a request that reads here is let through. While the replica is in use, it is: the
    /// breaker of the primary is asked when the primary is.
    ///
    /// # Errors
    /// The database does not answer at the moment: the time after which to ask again.
    pub fn admit_request(&self) -> Result<(), Duration> {
        if self.close_replica().is_some() { Ok(()) } else { self.primary.admit_request(|| true) }
    }

    /// The primary, for what the replica has no answer to.
    ///
    /// # Errors
    /// Its breaker is open.
    fn instead(&self) -> Result<Database, DbError> {
        self.primary.admit_request(|| true).map_err(DbError::BreakerOpen)?;
        Ok(self.primary.clone())
    }

    /// Reads from the replica what is there, else from the primary.
    ///
    /// # Errors
    /// The primary failed, or its breaker is open. What fails at the replica, the primary is asked
    /// for.
    pub async fn read<T, Look>(
        &self,
        is_there: impl Fn(&T) -> bool,
        look: impl Fn(Database) -> Look,
    ) -> Result<T, DbError>
    where
        Look: Future<Output = Result<T, DbError>>,
    {
        let Some(replica) = self.close_replica() else { return look(self.primary.clone()).await };
        match replica.read(&look).await {
            Some(found) if is_there(&found) => Ok(found),
            _ => look(self.instead()?).await,
        }
    }

    /// As [`Reads::read`], with an answer for each of these keys, in their order: the primary is
    /// asked only for those without one. While its breaker is not closed, they are left out
    /// (`None`), so that none waits for it whose answer is there. Asked for alone, no key is left
    /// out.
    ///
    /// # Errors
    /// As [`Reads::read`].
    pub async fn read_each<K, T, Look>(
        &self,
        keys: &[K],
        look: impl Fn(Database, Vec<K>) -> Look,
    ) -> Result<Vec<Option<Option<T>>>, DbError>
    where
        K: Clone,
        Look: Future<Output = Result<Vec<Option<T>>, DbError>>,
    {
        let all = |answers: Vec<Option<T>>| answers.into_iter().map(Some).collect();
        let Some(replica) = self.close_replica() else {
            return look(self.primary.clone(), keys.to_vec()).await.map(all);
        };
        let Some(found) = replica.read(&|db| look(db, keys.to_vec())).await else {
            return look(self.instead()?, keys.to_vec()).await.map(all);
        };
        let mut answers: Vec<Option<Option<T>>> = found.into_iter().map(|found| found.map(Some)).collect();
        answers.resize_with(keys.len(), || None);
        let without = answers.iter_mut().zip(keys).filter(|(answer, _)| answer.is_none());
        let (places, missing): (Vec<_>, Vec<K>) = without.map(|(place, key)| (place, key.clone())).unzip();
        let others_have_answers = missing.len() < keys.len();
        if missing.is_empty() || others_have_answers && !self.primary.is_admitting_all() {
            return Ok(answers);
        }
        let of_primary = look(self.instead()?, missing).await?;
        for (place, answer) in places.into_iter().zip(of_primary) {
            *place = Some(answer);
        }
        Ok(answers)
    }

    /// The replica, if it may be asked.
    fn close_replica(&self) -> Option<&Replica> {
        self.replica.as_deref().filter(|replica| replica.is_close())
    }

    /// Finds out how far behind the replica is, again and again. It never ends.
    pub async fn watch(self, log: Log) {
        let Some(replica) = self.replica else { return std::future::pending().await };
        let primary = self.primary.in_background();
        let interval = (replica.max_lag / 4).clamp(SHORTEST_INTERVAL, LOOK_INTERVAL);
        let (began, mut said) = (Instant::now(), None);
        let mut as_of = began;
        loop {
            let looked = timeout(LOOK_DEADLINE, replica.look(&primary)).await;
            as_of = replica.as_of().unwrap_or(as_of);
            REPLICA_BEHIND.set(i64::try_from(as_of.elapsed().as_secs()).unwrap_or(i64::MAX));
            let is_close = replica.is_close();
            // At the start the first connections take a moment.
            let has_begun = began.elapsed() > replica.max_lag.clamp(LOOK_DEADLINE, LONGEST_START);
            let may_say = is_close || said.is_some() || has_begun;
            if said != Some(is_close) && may_say {
                say(&log, is_close, &looked.unwrap_or(Ok(())));
                said = Some(is_close);
                REPLICA_LEFT.set(i64::from(!is_close));
            }
            sleep(interval).await;
        }
    }
}

fn say(log: &Log, is_close: bool, looked: &Result<(), DbError>) {
    const LEFT: &str = "The read replica is too far behind, or does not answer: reads go to the primary";
    match looked {
        _ if is_close => log.info(action::REPLICA_USED, "Reads go to the read replica").emit(),
        Ok(()) => log.info(action::REPLICA_LEFT, LEFT).emit(),
        Err(why) => log.error(action::REPLICA_LEFT, LEFT, why).emit(),
    }
}

impl Replica {
    fn as_of(&self) -> Option<Instant> {
        *self.as_of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_close(&self) -> bool {
        self.as_of().is_some_and(|as_of| as_of.elapsed() <= self.max_lag)
    }

    fn set(&self, as_of: Option<Instant>) {
        *self.as_of.lock().unwrap_or_else(PoisonError::into_inner) = as_of;
    }

    /// What it says. `None` if it has no answer.
    async fn read<T, Look>(&self, look: &impl Fn(Database) -> Look) -> Option<T>
    where
        Look: Future<Output = Result<T, DbError>>,
    {
        let looked = timeout(READ_DEADLINE, look(self.db.clone())).await;
        if !matches!(looked, Ok(Ok(_))) {
            // A standby also ends statements that hold up its replay. The next look tells whether
            // it can be asked again.
            self.set(None);
        }
        looked.ok()?.ok()
    }

    /// If the primary does not answer, what was found before ages.
    async fn look(&self, primary: &Database) -> Result<(), DbError> {
        let began = Instant::now();
        if let Some(written) = position(primary, WRITTEN).await? {
            self.noted.note(began, written);
        }
        let replayed = position(&self.db.unproved(), REPLAYED).await?;
        self.set(replayed.and_then(|replayed| self.noted.last_reached(replayed)));
        Ok(())
    }
}

async fn position(db: &Database, sql: &str) -> Result<Option<i64>, DbError> {
    Ok(match db.query_opt(sql, &[]).await? {
        Some(row) => row.try_get(0)?,
        None => None,
    })
}
