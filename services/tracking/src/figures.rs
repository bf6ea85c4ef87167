//! The restaurant in figures: one read a second, whoever asks. Its cost does not grow with the
//! pages that are open.

use std::sync::Arc;
use std::time::Duration;

use db::staff_figures::{self, Figures};
use db::{Database, DbError};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer is good for. It says as of when it is.
const LIFETIME: Duration = Duration::from_secs(1);

/// Reads the figures; cheap to clone.
#[derive(Clone)]
pub struct SharedFigures {
    db: Database,
    last: Arc<Mutex<Option<Look>>>,
}

/// What was found, and when. A failure is shared too: otherwise all that wait would try in turn.
struct Look {
    at: Instant,
    found: Result<Arc<Figures>, Arc<DbError>>,
}

impl SharedFigures {
    /// Those of this database.
    pub fn new(db: Database) -> Self {
        Self { db, last: Arc::default() }
    }

    /// The figures, at most a second old. Who asks while they are read gets what is found.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(&self) -> Result<Arc<Figures>, Arc<DbError>> {
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.at.elapsed() < LIFETIME) {
            return look.found.clone();
        }
        let found = staff_figures::read(&self.db).await.map(Arc::new).map_err(Arc::new);
        *last = Some(Look { at: Instant::now(), found: found.clone() });
        found
    }
}
