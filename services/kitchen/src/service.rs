//! The worker as a whole: built first, then run, then stopped in the five steps of the specification.

use std::sync::Arc;
use std::time::Duration;

use bus::orders::{Held, OrderIntake};
use bus::{Publisher, topology};
use db::claims::Claimant;
use db::schema::SchemaError;
use db::{Database, DbError};
use domain::WorkerName;
use logging::Log;
use runtime::{Config, Shutdown};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::NAME;
use crate::announcer::Announcer;
use crate::arguments::WorkerSettings;
use crate::cook::{Cook, Unstarted};
use crate::duty::Duty;
use crate::stove::Stove;

/// Longest time to tell of the last changes when the worker stops; a relay tells the rest.
const ANNOUNCE_DEADLINE: Duration = Duration::from_secs(5);

/// Signed on, sessions under way; no order has been taken yet.
pub struct Service {
    cook: Cook,
    intake: OrderIntake,
    announcements: JoinHandle<()>,
    publishing: JoinHandle<()>,
}

/// Why the worker cannot work, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(
        "a worker named '{0}' is online already: choose another --worker-name, or stop that worker first"
    )]
    NameTaken(WorkerName),
    #[error(
        "the name '{0}' was taken over by another worker, because this one gave no sign of life for too long"
    )]
    NameLost(WorkerName),
    #[error(transparent)]
    Settings(#[from] DbError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl ServiceError {
    /// The action under which the end is logged (specification, "Logs").
    pub fn action(&self) -> &'static str {
        match self {
            Self::NameTaken(_) => "worker_registration_failed",
            Self::NameLost(_) | Self::Settings(_) | Self::Schema(_) => "service_failed",
        }
    }
}

impl Service {
    /// Waits for the database, signs on, and starts the sessions with RabbitMQ. `None` if the shutdown came first.
    ///
    /// # Errors
    /// The name is taken, or the database cannot be used by this program.
    pub async fn build(
        worker: WorkerSettings,
        config: &Config,
        log: Log,
        shutdown: Shutdown,
    ) -> Result<Option<Self>, ServiceError> {
        let db = Database::new(&config.database, NAME)?;
        if !db::startup::migrated(&db, &log, &shutdown).await? {
            return Ok(None);
        }
        let duty = Duty {
            db: db.clone(),
            claimant: Claimant { worker: worker.name, token: rand::random() },
            specialisation: worker.specialisation,
            heartbeat_interval: worker.heartbeat_interval,
            log: log.clone(),
        };
        if !duty.sign_on(&shutdown).await? {
            return Ok(None);
        }
        let queues = topology::queues_of(&duty.specialisation);
        let intake = OrderIntake::start(config.rabbitmq.clone(), queues, worker.prefetch, log.clone());
        let (publisher, publishing) = Publisher::start(&config.rabbitmq, NAME, &log, &shutdown);
        let (announcer, announcements) = Announcer::start(db, publisher.clone(), log);
        let cook = Cook {
            duty,
            times: config.kitchen.cooking_seconds.clone(),
            publisher,
            announcer,
            stove: Stove::default(),
            burners: Arc::new(Semaphore::new(worker.concurrency.into())),
            shutdown,
        };
        Ok(Some(Self { cook, intake, announcements, publishing }))
    }

    /// Cooks until the shutdown begins; then stops consuming, finishes what cooks, signs off, returns the rest, and ends.
    ///
    /// # Errors
    /// The name was lost to another process. What was cooking has been given up by then.
    pub async fn run(self) -> Result<(), ServiceError> {
        let Self { cook, mut intake, mut announcements, publishing } = self;
        let Duty { log, .. } = cook.duty.clone();
        let shutdown = cook.shutdown.clone();
        let signed_off = Shutdown::new();
        let mut heartbeat =
            tokio::spawn(cook.duty.clone().keep_alive(cook.stove.clone(), signed_off.clone()));
        let mut orders: JoinSet<Unstarted> = JoinSet::new();
        let mut unstarted: Vec<Held> = Vec::new();

        let mut outcome = Ok(());
        loop {
            tokio::select! {
                () = shutdown.begun() => break,
                ended = &mut heartbeat => {
                    if let Ok(Err(why)) = ended {
                        outcome = Err(why);
                    }
                    // The shutdown first, or what is given up would be claimed again.
                    shutdown.begin();
                    cook.stove.abandon(&cook.stove.claimed_orders());
                    break;
                }
                held = intake.next() => match held {
                    Some(held) => drop(orders.spawn(cook.clone().process(held))),
                    None => break,
                },
                Some(ended) = orders.join_next() => unstarted.extend(ended.ok().flatten()),
            }
        }
        log.info("graceful_shutdown", "Kitchen worker stops: no new orders, those on the stove are finished")
            .detail("worker_name", cook.duty.claimant.worker.as_str())
            .detail("cooking", orders.len())
            .emit();
        intake.stop();
        while let Some(ended) = orders.join_next().await {
            unstarted.extend(ended.ok().flatten());
        }
        if outcome.is_ok() {
            cook.duty.sign_off().await;
        }
        signed_off.begin();
        for held in unstarted {
            held.delivery.requeue();
        }
        intake.close().await;
        drop(cook);
        if timeout(ANNOUNCE_DEADLINE, &mut announcements).await.is_err() {
            announcements.abort();
            log.info("shutdown_incomplete", "Some status changes were not told yet; a relay will").emit();
        }
        // Bounded by its own deadlines; a panic was reported by the panic hook.
        let _ = timeout(ANNOUNCE_DEADLINE, publishing).await;
        outcome
    }
}
