//! Follows the database: what became of the orders on the board.

use std::time::Duration;

use db::kitchen_tickets::of_worker;
use db::{Database, DbError};
use logging::{Log, action};
use tokio::time::{Instant, sleep, timeout};

use super::board::Board;

/// How often the board is compared with the database: as often as a worker looks at its claims.
const INTERVAL: Duration = deadlines::kitchen::HOLDINGS_INTERVAL;
/// Shortest pause between two looks: orders that come together are read together.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// How often the cooking times are read. They are of a whole hour.
const TIMES_INTERVAL: Duration = Duration::from_secs(30);

/// The task that keeps a board true.
pub struct Follower {
    pub board: Board,
    pub db: Database,
    pub log: Log,
}

impl Follower {
    /// Follows for as long as the task runs.
    pub async fn run(self) {
        let mut is_complete = false;
        let mut times_at: Option<Instant> = None;
        loop {
            if !is_complete {
                is_complete = self.tried(&self.remember().await);
            }
            self.tried(&self.look().await);
            if times_at.is_none_or(|at| at.elapsed() >= TIMES_INTERVAL) && self.tried(&self.times().await) {
                times_at = Some(Instant::now());
            }
            sleep(SHORTEST_PAUSE).await;
            let _ = timeout(INTERVAL, self.board.unread()).await;
        }
    }

    /// What this worker finished before it was started again.
    async fn remember(&self) -> Result<(), DbError> {
        let numbers = of_worker::recallable(&self.db, self.board.worker()).await?;
        self.board.remember(&numbers);
        Ok(())
    }

    async fn look(&self) -> Result<(), DbError> {
        let asked = self.board.to_read();
        let numbers: Vec<_> = asked.iter().map(|(number, _)| *number).collect();
        let rows = of_worker::of_orders(&self.db, &numbers).await?;
        self.board.read(&asked, rows);
        Ok(())
    }

    async fn times(&self) -> Result<(), DbError> {
        self.board.read_times(of_worker::cooking_times(&self.db).await?);
        Ok(())
    }

    /// Whether it succeeded. An outage shows in the heartbeats, so only another failure is logged.
    fn tried(&self, looked: &Result<(), DbError>) -> bool {
        if let Err(why) = looked
            && why.is_permanent()
        {
            self.log.error(action::DB_QUERY_FAILED, "The tickets could not be read", why).emit_limited();
        }
        looked.is_ok()
    }
}
