//! Goes through everything that is old, in pieces, beside the load.

use std::time::Duration;

use db::retention::{self, Action, Horizon};
use db::{Database, DbError};
use runtime::Shutdown;
use tokio::time::{Instant, sleep};

use super::figures::Figures;

/// The longest pause behind a piece.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How a walk ended.
pub enum End {
    /// Everything was looked at.
    Reached,
    /// The shutdown came first. The pieces so far stand.
    Interrupted,
}

/// Acts on all pieces, and adds to the figures what each found. After each piece it rests for as
/// long as that took, so at least half of the time belongs to others.
///
/// # Errors
/// The database failed. The pieces so far stand.
pub async fn through(
    db: &Database,
    horizon: &Horizon,
    action: Action,
    shutdown: &Shutdown,
    figures: &mut Figures,
) -> Result<End, DbError> {
    let mut pace = Pace::new(shutdown);
    let mut after = None;
    loop {
        let piece = retention::order_piece(db, horizon, action, after).await?;
        figures.add(&piece);
        after = piece.last;
        if after.is_none() {
            break;
        }
        if pace.is_interrupted().await {
            return Ok(End::Interrupted);
        }
    }
    let mut from = None;
    loop {
        let piece = retention::request_piece(db, horizon, action, from).await?;
        figures.requests += piece.requests;
        from = piece.next;
        if pace.is_interrupted().await {
            return Ok(End::Interrupted);
        }
        if from.is_none() {
            break;
        }
    }
    match action {
        Action::Count => figures.workers = retention::count_workers(db, horizon).await?,
        Action::Remove => loop {
            let removed = retention::remove_workers(db, horizon).await?;
            figures.workers += removed;
            if removed == 0 {
                break;
            }
            if pace.is_interrupted().await {
                return Ok(End::Interrupted);
            }
        },
        // The names of workers are no guests'.
        Action::CountNamed | Action::Anonymise => {}
    }
    Ok(End::Reached)
}

/// Rests between two pieces.
struct Pace<'a> {
    shutdown: &'a Shutdown,
    /// When the present piece began.
    began: Instant,
}

impl<'a> Pace<'a> {
    fn new(shutdown: &'a Shutdown) -> Self {
        Self { shutdown, began: Instant::now() }
    }

    /// Rests, unless the shutdown has begun or begins.
    async fn is_interrupted(&mut self) -> bool {
        let pause = self.began.elapsed().min(LONGEST_PAUSE);
        let rested = self.shutdown.or(sleep(pause)).await;
        self.began = Instant::now();
        rested.is_none()
    }
}
