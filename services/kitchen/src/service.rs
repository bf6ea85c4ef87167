//! Builds, runs and stops the worker, in the five shutdown steps of the specification.

use std::sync::Arc;
use std::time::Duration;

use bus::orders::{LeasedDelivery, OrderIntake};
use bus::{Publisher, topology};
use config::Config;
use db::claims::Claimant;
use db::{Access, Database};
use deadlines::kitchen::{AFTER_CLOSING, AFTER_LEAVING, AFTER_PUBLISHING, AFTER_RETURNING};
use domain::ServiceName;
use logging::{Log, action};
use runtime::Shutdown;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::NAME;
use crate::arguments::WorkerSettings;
use crate::claim_batcher::ClaimBatcher;
use crate::cook::{Cook, Unfinished};
use crate::error::ServiceError;
use crate::forwarding::Forwarding;
use crate::in_flight::InFlightOrders;
use crate::status_publisher::StatusPublisher;
use crate::worker_session::WorkerSession;

/// Longest time for publishing the last status updates at shutdown. A relay publishes the rest.
const PUBLISH_DEADLINE: Duration = Duration::from_secs(5);

/// A registered worker with running sessions that has not taken an order yet.
pub struct Service {
    cook: Cook,
    /// Write down what is claimed and ready.
    claims: JoinSet<()>,
    intake: OrderIntake,
    status_updates: JoinHandle<()>,
    publishing: JoinHandle<()>,
}

impl Service {
    /// Waits for the database, registers the worker, and starts the sessions with RabbitMQ. `None`
    /// if the shutdown began first.
    ///
    /// # Errors
    /// The name is taken, or this program cannot use the database.
    pub async fn build(
        worker: WorkerSettings,
        config: &Config,
        log: Log,
        shutdown: Shutdown,
    ) -> Result<Option<Self>, ServiceError> {
        let db = Database::new(&config.database, NAME, Access::ReadWrite)?;
        if db::startup::migrated(&db, &log, &shutdown, async || Ok(())).await?.is_none() {
            return Ok(None);
        }
        let session = WorkerSession {
            db: db.clone(),
            claimant: Claimant { worker: worker.name, token: rand::random() },
            specialisation: worker.specialisation,
            heartbeat_interval: worker.heartbeat_interval,
            holds_unclaimed: worker.prefetch > worker.concurrency,
            log: log.clone(),
        };
        if !session.register(&shutdown).await? {
            return Ok(None);
        }
        let queues = topology::queues_of(&session.specialisation);
        let intake = OrderIntake::start(
            config.rabbitmq.clone(),
            "kitchen-worker: consumer",
            queues,
            worker.prefetch,
            log.clone(),
        );
        let (publisher, publishing) = Publisher::start(&config.rabbitmq, ServiceName::Kitchen, NAME, &log);
        let (status_publisher, status_updates) = StatusPublisher::start(db.clone(), publisher.clone(), log);
        let (claim_batcher, claims) = ClaimBatcher::start(db, session.claimant.clone(), session.lease());
        let cook = Cook {
            session,
            claim_batcher,
            times: config.kitchen.cooking_seconds.clone(),
            forwarding: Forwarding::new(publisher),
            status_publisher,
            in_flight: InFlightOrders::default(),
            concurrency: Arc::new(Semaphore::new(worker.concurrency.into())),
            shutdown,
        };
        Ok(Some(Self { cook, claims, intake, status_updates, publishing }))
    }

    /// Cooks until the shutdown begins. Then it stops consuming, finishes the orders in flight,
    /// deregisters, requeues the rest, and ends.
    ///
    /// # Errors
    /// Another process took over the name. The orders in flight have been abandoned by then.
    pub async fn run(self) -> Result<(), ServiceError> {
        let Self { cook, mut claims, mut intake, mut status_updates, publishing } = self;
        let WorkerSession { log, .. } = cook.session.clone();
        let shutdown = cook.shutdown.clone();
        let deregistering = Shutdown::new();
        let mut heartbeat = JoinSet::new();
        heartbeat.spawn(cook.session.clone().keep_alive(cook.in_flight.clone(), deregistering.clone()));
        let mut watch = JoinSet::new();
        watch.spawn(cook.session.clone().watch_claims(cook.in_flight.clone(), deregistering.clone()));
        let mut orders: JoinSet<Unfinished> = JoinSet::new();
        let mut unfinished: Vec<LeasedDelivery> = Vec::new();

        let mut failed = None;
        loop {
            tokio::select! {
                () = shutdown.begun() => break,
                Some(ended) = heartbeat.join_next() => {
                    failed = kept_alive(ended).err();
                    // Begin the shutdown first, or abandoned orders would be claimed again.
                    shutdown.begin();
                    cook.in_flight.mark_lost(&cook.in_flight.claimed_orders());
                    break;
                }
                Some(_) = claims.join_next() => {
                    failed = Some(ServiceError::TaskEnded("writes down what is claimed and ready"));
                    shutdown.begin();
                    // They would wait for the ended task for ever.
                    orders.abort_all();
                    break;
                }
                held = intake.next() => {
                    let Some(held) = held else {
                        failed = Some(ServiceError::TaskEnded("takes orders in"));
                        shutdown.begin();
                        break;
                    };
                    orders.spawn(cook.clone().process(held));
                }
                Some(ended) = orders.join_next() => unfinished.extend(ended.unwrap_or_default()),
            }
        }
        log.info(
            action::GRACEFUL_SHUTDOWN,
            "Kitchen worker stops: no new orders, orders in progress are finished",
        )
        .detail("worker_name", cook.session.claimant.worker.as_str())
        .detail("cooking", orders.len())
        .emit();
        intake.stop();
        let finishing = async {
            while let Some(ended) = orders.join_next().await {
                unfinished.extend(ended.unwrap_or_default());
            }
        };
        if shutdown.within_grace(AFTER_LEAVING, finishing).await.is_none() {
            // The remaining orders wait for the database to answer their claim. Cancel the
            // statement, so that no claim is granted without a receiver. Deregistering releases a
            // claim that was granted nevertheless.
            orders.shutdown().await;
            claims.shutdown().await;
        }
        // The last heartbeat must come before the deregistration.
        deregistering.begin();
        if let Some(ended) = heartbeat.join_next().await {
            failed = failed.or(kept_alive(ended).err());
        }
        if !matches!(failed, Some(ServiceError::NameLost(_))) {
            cook.session.deregister().await;
        }
        for held in unfinished {
            held.requeue();
        }
        // The broker requeues the others when the connection closes.
        let _ = shutdown.within_grace(AFTER_RETURNING, intake.close()).await;
        drop(cook);
        let published = timeout(PUBLISH_DEADLINE, &mut status_updates);
        if !matches!(shutdown.within_grace(AFTER_PUBLISHING, published).await, Some(Ok(_))) {
            status_updates.abort();
            log.info(
                action::SHUTDOWN_INCOMPLETE,
                "Some status changes were not published yet; a relay will publish them",
            )
            .emit();
        }
        // A panic has been logged.
        let closed = timeout(PUBLISH_DEADLINE, publishing);
        let _ = shutdown.within_grace(AFTER_CLOSING, closed).await;
        failed.map_or(Ok(()), Err)
    }
}

/// The result of the heartbeat task. A panic has been logged.
fn kept_alive(ended: Result<Result<(), ServiceError>, JoinError>) -> Result<(), ServiceError> {
    ended.unwrap_or(Err(ServiceError::TaskEnded("gives signs of life")))
}
