//! `intake.max_waiting`: how many orders of a type may wait for a cook.
//!
//! Orders that arrive together share one count. It is made just before they are stored, and not in
//! the same transaction, which would let order services wait for each other. So a service does not
//! count what another one is about to store. Each further order service may exceed the limit once,
//! by no more than the limit itself and its `--max-concurrent`.

use std::sync::Arc;
use std::time::Duration;

use config::CookingSeconds;
use db::intake::{self, KitchenLoad, TypeLoad};
use db::{Database, DbError};
use deadlines::database::{CONNECT_DEADLINE, STATEMENT_DEADLINE};
use domain::{OrderIdentity, OrderType};
use service::batching::{BatchError, Batcher, Limits, Mode, Statement};
use telemetry::labels::Batch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::places::{Place, Places};
use super::{AdmitError, Closed};

/// A single lane: a count must know of every place that the one before it gave away.
const LIMITS: Limits = Limits { together: 256, lanes: 1, alone: 1, pace: Duration::ZERO };
/// Longest time to wait for a count: one for others, and one of its own.
const COUNT_DEADLINE: Duration = CONNECT_DEADLINE.saturating_add(STATEMENT_DEADLINE).saturating_mul(2);
/// An estimate is not further away than that: nobody waits longer before asking again.
const LONGEST_ESTIMATE: Duration = Duration::from_mins(5);

/// Counts what waits, and gives places away; cheap to clone.
#[derive(Clone)]
pub struct Limit {
    most: u32,
    counts: Batcher<Count>,
}

/// Why there is no count.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The statement failed, perhaps for other orders too.
    #[error(transparent)]
    Failed(Arc<DbError>),
    /// Earlier statements took all the time.
    #[error("the waiting orders were not counted within {} s", COUNT_DEADLINE.as_secs())]
    TooLate,
    /// The task has ended; the service ends as well.
    #[error("the task that counts the waiting orders has ended")]
    Ended,
}

impl From<BatchError<DbError>> for CountError {
    fn from(why: BatchError<DbError>) -> Self {
        match why {
            BatchError::Failed(why) => Self::Failed(why),
            BatchError::Ended => Self::Ended,
        }
    }
}

/// See [`intake::kitchen_load`].
struct Count {
    db: Database,
    most: u32,
    times: CookingSeconds,
    places: Places,
}

impl Limit {
    pub fn start(db: Database, most: u32, times: CookingSeconds, tasks: &mut JoinSet<()>) -> Self {
        let count = Count { db, most, times, places: Places::default() };
        Self { most, counts: Batcher::start(LIMITS, count, tasks) }
    }

    pub fn most(&self) -> u32 {
        self.most
    }

    /// Takes a place for an order that is about to be stored.
    ///
    /// # Errors
    /// There is none, or it is not known.
    pub async fn take(&self, order_type: OrderType, identity: OrderIdentity) -> Result<Place, AdmitError> {
        let answer = timeout(COUNT_DEADLINE, self.counts.ask((order_type, identity))).await;
        let answer = answer.map_err(|_| CountError::TooLate)?.map_err(CountError::from)?;
        Ok(answer?)
    }
}

impl Statement for Count {
    const BATCH: Batch = Batch::LookUp;

    type Request = (OrderType, OrderIdentity);
    type Answer = Result<Place, Closed>;
    type Error = DbError;

    async fn run(
        &self,
        requests: &[Self::Request],
        _mode: Mode,
    ) -> Result<Vec<Option<Self::Answer>>, DbError> {
        let held = self.places.held();
        let identities: Vec<_> = held.iter().map(|(identity, _)| *identity).collect();
        let load = intake::kitchen_load(&self.db, self.most, &identities).await?;
        let mut room = Room::new(self.most, &load, &held);
        let judge = |(order_type, identity): &Self::Request| {
            let judged = room.take(*order_type, &self.times);
            Some(judged.map(|()| self.places.take(*identity, *order_type)))
        };
        Ok(requests.iter().map(judge).collect())
    }

    fn is_refusal(_: &DbError) -> bool {
        false
    }
}

/// How many more orders of each type may wait.
struct Room<'a> {
    most: u32,
    load: &'a KitchenLoad,
    /// For each type of the load.
    taken: Vec<u64>,
}

impl<'a> Room<'a> {
    fn new(most: u32, load: &'a KitchenLoad, held: &[(OrderIdentity, OrderType)]) -> Self {
        let unseen = |order_type| {
            let unseen =
                held.iter().filter(|(identity, held)| *held == order_type && !load.stored.contains(identity));
            u64::try_from(unseen.count()).unwrap_or(u64::MAX)
        };
        let taken = load.types.iter().map(|of| of.waiting.saturating_add(unseen(of.order_type))).collect();
        Self { most, load, taken }
    }

    fn take(&mut self, order_type: OrderType, times: &CookingSeconds) -> Result<(), Closed> {
        let loads = self.load.types.iter().zip(&mut self.taken);
        let Some((load, taken)) = loads.into_iter().find(|(load, _)| load.order_type == order_type) else {
            return Ok(());
        };
        if *taken < self.most.into() {
            *taken += 1;
            return Ok(());
        }
        Err(Closed::Full { order_type, most: self.most, retry_after: estimate(load, times) })
    }
}

/// When the orders that wait are cooked: their time, shared by the cooks.
fn estimate(load: &TypeLoad, times: &CookingSeconds) -> Duration {
    let time = match load.order_type {
        OrderType::DineIn => times.dine_in,
        OrderType::Takeout => times.takeout,
        OrderType::Delivery => times.delivery,
    };
    let of = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    // Without a cook nobody knows.
    let shared = time.saturating_mul(of(load.waiting)).checked_div(of(load.cooks));
    shared.unwrap_or(LONGEST_ESTIMATE).clamp(Duration::from_secs(1), LONGEST_ESTIMATE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    fn identity(number: u8) -> OrderIdentity {
        OrderIdentity::new(0, [number; 10])
    }

    fn load(waiting: u64, cooks: u64) -> TypeLoad {
        TypeLoad { order_type: OrderType::Takeout, waiting, cooks }
    }

    #[test]
    fn an_order_is_counted_once_whether_the_database_has_seen_it_or_not() {
        let times = CookingSeconds::default();
        let held = [
            (identity(1), OrderType::Takeout),
            (identity(2), OrderType::Takeout),
            (identity(3), OrderType::Delivery),
        ];
        // One of the two held orders is among the three that wait.
        let load = KitchenLoad { types: vec![load(3, 1)], stored: vec![identity(1)] };
        let mut room = Room::new(6, &load, &held);
        assert_eq!(room.take(OrderType::Takeout, &times), Ok(()));
        assert_eq!(room.take(OrderType::Takeout, &times), Ok(()));
        let refused = room.take(OrderType::Takeout, &times).unwrap_err();
        assert_eq!(
            refused,
            Closed::Full { order_type: OrderType::Takeout, most: 6, retry_after: Duration::from_secs(30) }
        );
    }

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let places = Places::default();
        let place = places.take(identity(1), OrderType::Takeout);
        assert_eq!(places.held(), [(identity(1), OrderType::Takeout)]);
        drop(place);
        assert_eq!(places.held(), []);
    }

    #[test]
    fn an_estimate_is_shared_by_the_cooks_and_has_limits() {
        let times = CookingSeconds::default();
        let seconds = |waiting, cooks| estimate(&load(waiting, cooks), &times).as_secs();
        assert_eq!((seconds(6, 1), seconds(6, 3), seconds(1, 100)), (60, 20, 1));
        assert_eq!((seconds(1, 0), seconds(u64::MAX, 1)), (300, 300));
    }
}
