//! The menu and the price rules as this process knows them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use config::MenuMode;
use db::menu::{self, Snapshot};
use db::{Database, DbError};
use domain::TimeZone;
use logging::{Log, action};
use runtime::Shutdown;
use runtime::retry::until_done;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio::sync::Mutex;
use tokio::time::sleep;

/// How often the edits of other processes are looked for: they are seen within 2 s
/// (`docs/menu.md`, "Calls").
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// The menu that this process goes by; cheap to clone.
#[derive(Clone)]
pub struct Board {
    db: Database,
    mode: MenuMode,
    time_zone: TimeZone,
    known: Arc<RwLock<Option<Known>>>,
    /// Held while the menu is read: what was read first must not replace what was read later.
    reading: Arc<Mutex<()>>,
}

/// What was read last.
#[derive(Clone)]
struct Known {
    snapshot: Arc<Snapshot>,
    /// The database's clock when it was asked, and when that was.
    clock: (OffsetDateTime, Instant),
}

/// The menu at this moment.
#[derive(Clone)]
pub struct Shown {
    /// The items and the rules.
    pub snapshot: Arc<Snapshot>,
    /// The moment, by the database's clock.
    pub now: OffsetDateTime,
    /// What the restaurant's clocks show.
    pub local: PrimitiveDateTime,
}

impl Board {
    /// Nothing is known yet.
    pub fn new(db: Database, mode: MenuMode, time_zone: TimeZone) -> Self {
        Self { db, mode, time_zone, known: Arc::default(), reading: Arc::default() }
    }

    /// Whether orders go by the menu.
    pub fn is_on(&self) -> bool {
        self.mode == MenuMode::On
    }

    /// The time zone of the restaurant.
    pub fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// The menu as it was read last: while the menu is on, at most a little more than a second ago.
    /// `None` before it was read for the first time.
    pub fn shown(&self) -> Option<Shown> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some(self.show(known))
    }

    /// The menu for guests who ask: as it was read last while it is kept fresh, else as it is now.
    ///
    /// # Errors
    /// The database failed.
    pub async fn at_hand(&self) -> Result<Shown, DbError> {
        match self.shown().filter(|_| self.is_on()) {
            Some(shown) => Ok(shown),
            None => self.refreshed().await,
        }
    }

    /// The menu as it is now.
    ///
    /// # Errors
    /// The database failed.
    pub async fn refreshed(&self) -> Result<Shown, DbError> {
        let _reading = self.reading.lock().await;
        let version = menu::version(&self.db).await?;
        let clock = (version.read_at, Instant::now());
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let snapshot = match known {
            Some(known) if known.snapshot.menu.version() == version.number => known.snapshot,
            _ => Arc::new(menu::snapshot(&self.db).await?),
        };
        let known = Known { snapshot, clock };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(self.show(known))
    }

    fn show(&self, known: Known) -> Shown {
        let (read_at, since) = known.clock;
        let now = read_at.saturating_add(since.elapsed().try_into().unwrap_or(time::Duration::ZERO));
        Shown { snapshot: known.snapshot, now, local: self.time_zone.local(now) }
    }

    /// While the menu is on, looks for edits of others until the shutdown begins. What is known
    /// stays in use while the database cannot be asked: without it no order is placed either.
    pub async fn keep_fresh(&self, log: &Log, shutdown: &Shutdown) {
        if !self.is_on() {
            return shutdown.begun().await;
        }
        while shutdown.or(sleep(REFRESH_INTERVAL)).await.is_some() {
            let report = |why: &DbError, failed: runtime::FailedAttempt| {
                let line = log.error(action::MENU_REFRESH_FAILED, "The menu could not be read", why);
                failed.describe(line).emit();
            };
            if shutdown.or(until_done(|| self.refreshed(), report)).await.is_none() {
                return;
            }
        }
    }
}
