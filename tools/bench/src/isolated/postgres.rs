//! PostgreSQL in isolation: the services' statements, without HTTP and without a broker.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use db::claims::{self, Claim, ClaimOutcome, ClaimRequest, Claimant, LockMode};
use db::orders::{self, PlaceOutcome, PlacedOrder, Placement};
use db::outbox::{self, StatusOutboxRow};
use db::{Access, Database, workers};
use domain::{OrderIdentity, OrderMessage, OrderPointer, Specialisation};
use tokio::time::Instant;

use crate::cluster::Sandbox;
use crate::figures::Latencies;
use crate::isolated::{NAME, request_id};
use crate::orders::Orders;

/// Longer than any measurement here.
const LEASE: Duration = Duration::from_mins(10);
const FAILED: &str = "a statement failed while PostgreSQL was measured in isolation";

/// A database with a registered worker.
pub struct Store {
    db: Database,
    orders: Orders,
    claimant: Claimant,
    /// The number of placed orders.
    placed: u32,
}

impl Store {
    /// Connects, and registers the worker.
    pub async fn connect(sandbox: &Sandbox<'_>) -> Result<Self> {
        let db = Database::new(&sandbox.database(), NAME, Access::ReadWrite).context(FAILED)?;
        let worker = NAME.parse().map_err(|_| anyhow!("{NAME} is no name for a cook"))?;
        let claimant = Claimant { worker, token: 1 };
        workers::register(&db, &claimant, &Specialisation::General, LEASE, false).await.context(FAILED)?;
        Ok(Self { db, orders: Orders::of_every_kind()?, claimant, placed: 0 })
    }

    /// Stores this number of orders in one transaction.
    pub async fn place(&mut self, together: usize) -> Result<Vec<PlacedOrder>> {
        let request_id = request_id();
        let placements: Vec<_> = (self.placed + 1..)
            .take(together)
            .filter_map(|sequence| {
                let identity = OrderIdentity::new(u64::from(sequence), rand::random());
                let order = self.orders.get(sequence)?;
                Some(Placement {
                    identity,
                    order,
                    request_id: &request_id,
                    idempotency: None,
                    from_menu: None,
                    request: None,
                })
            })
            .collect();
        self.placed += u32::try_from(together).unwrap_or(0);
        let outcomes = orders::place(&self.db, &placements).await.context(FAILED)?;
        Ok(outcomes.into_iter().filter_map(PlaceOutcome::placed).collect())
    }

    /// Stores orders for this long, with a fixed number per transaction, in successive
    /// transactions. Returns orders per second. The outbox rows of each transaction are removed
    /// while the next one runs.
    pub async fn place_for(&mut self, duration: Duration, together: usize) -> Result<(f64, Latencies)> {
        let start = Instant::now();
        let (mut stored, mut micros) = (Vec::new(), Vec::new());
        let mut count: u32 = 0;
        while start.elapsed() < duration {
            let confirmed: Vec<OrderIdentity> =
                stored.iter().map(|order: &PlacedOrder| order.identity).collect();
            let db = self.db.clone();
            let settle = async { outbox::settle_orders(&db, &confirmed).await.context(FAILED) };
            let place = async {
                let start = Instant::now();
                let stored = self.place(together).await?;
                anyhow::Ok((stored, start.elapsed()))
            };
            let ((), (next, took)) = tokio::try_join!(settle, place)?;
            micros.push(took.as_secs_f64() * 1e6);
            count += u32::try_from(next.len()).unwrap_or(0);
            stored = next;
        }
        Ok((f64::from(count) / start.elapsed().as_secs_f64(), Latencies::of_micros(micros)))
    }

    /// Claims an order. Returns the status update to publish.
    pub async fn claim(&self, placed: &PlacedOrder) -> Result<StatusOutboxRow> {
        let number = placed.number;
        let order = self.orders.get(number.sequence());
        let order = order.with_context(|| format!("order {number} is none of the bench"))?;
        let message = OrderMessage::of(number, order);
        let order = OrderPointer::of(&message, Some(placed.identity));
        let request = ClaimRequest { order, cooking: Duration::ZERO, request_id: request_id() };
        let outcomes = claims::claim(&self.db, &self.claimant, LEASE, &[request], LockMode::SkipLocked)
            .await
            .context(FAILED)?;
        match outcomes.into_iter().next() {
            Some(Some(ClaimOutcome::Granted(Claim { status_update: Some(row), .. }))) => Ok(row),
            outcome => bail!("order {number} could not be claimed: {outcome:?}"),
        }
    }
}
