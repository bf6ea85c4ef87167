//! Builds, runs and stops the worker, in the five shutdown steps of the specification.

use std::sync::Arc;
use std::time::Duration;

use bus::orders::{LeasedDelivery, OrderIntake};
use bus::{DeadLetterPublisher, Publisher, topology};
use db::claims::Claimant;
use db::{Access, Database};
use deadlines::kitchen::{AFTER_CLOSING, AFTER_LEAVING, AFTER_PUBLISHING, AFTER_RETURNING};
use domain::{ServiceName, Specialisation, WorkerName};
use http_service::staff::Gate;
use logging::{Log, action};
use runtime::Shutdown;
use service::{Process, TaskEnded, Tasks};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::NAME;
use crate::claim_batcher::ClaimBatcher;
use crate::cook::{Cook, Unfinished};
use crate::display::{ANSWERS, Backing, Display};
use crate::error::ServiceError;
use crate::forwarding::Forwarding;
use crate::health::Health;
use crate::in_flight::InFlightOrders;
use crate::manual::{Board, Follower, Recall};
use crate::pace::Pacing;
use crate::status_publisher::StatusPublisher;
use crate::worker_session::WorkerSession;

/// Longest time for publishing the last status updates at shutdown. A relay publishes the rest.
const PUBLISH_DEADLINE: Duration = Duration::from_secs(5);

/// What the tasks do.
const HEARTBEAT: &str = "gives signs of life";
const WATCH: &str = "looks after the claims";
const CLAIMS: &str = "writes down what is claimed and ready";
const STATUS_UPDATES: &str = "publishes status changes";
const PUBLISHER: &str = "talks to RabbitMQ for what is published";
const FOLLOWS: &str = "reads what became of the tickets";

/// The settings that differ between workers.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    pub name: WorkerName,
    pub specialisation: Specialisation,
    pub heartbeat_interval: Duration,
    pub prefetch: u16,
    pub mode: WorkerMode,
}

/// Who decides when an order is begun, and when it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerMode {
    /// The clock; so many orders cook at the same time.
    Timed { concurrency: u16 },
    /// A person, at a page on this port.
    Manual { port: u16 },
}

/// A registered worker with running sessions that has not taken an order yet.
pub struct Worker {
    cook: Cook,
    intake: OrderIntake,
    /// Of a manual worker.
    display: Option<Display>,
    tasks: Tasks<ServiceError>,
}

impl Worker {
    /// Waits for the database, registers the worker, and starts the sessions with RabbitMQ. `None`
    /// if the shutdown began first.
    ///
    /// # Errors
    /// The name is taken, or this program cannot use the database.
    pub async fn build(worker: WorkerSettings, process: Process) -> Result<Option<Self>, ServiceError> {
        let Process { config, log, shutdown, probes } = process;
        let db = Database::new(&config.database, NAME, Access::ReadWrite)?;
        let health = Arc::new(Health::new(db.clone()));
        probes.ask(health.clone());
        let mut tasks = Tasks::new();
        let (pacing, display) = match worker.mode {
            WorkerMode::Timed { concurrency } => {
                (Pacing::Timed(Arc::new(Semaphore::new(concurrency.into()))), None)
            }
            WorkerMode::Manual { port } => {
                let board = Board::new(worker.name.clone());
                let backing = Backing {
                    config: &config,
                    board: &board,
                    db: &db,
                    health: &health,
                    shutdown: &shutdown,
                    log: &log,
                };
                let display = Display::open(port, &backing, &mut tasks)?;
                (Pacing::Manual(board), Some(display))
            }
        };
        let holds_unclaimed = match worker.mode {
            WorkerMode::Timed { concurrency } => worker.prefetch > concurrency,
            WorkerMode::Manual { .. } => true,
        };
        if display.is_some() && !Gate::new(&config).has_key() {
            return without_key(tasks, &shutdown, &log).await;
        }
        if db::startup::migrated(&db, &log, &shutdown, async || Ok(())).await?.is_none() {
            return Ok(None);
        }
        let session = WorkerSession {
            db: db.clone(),
            claimant: Claimant { worker: worker.name, token: rand::random() },
            specialisation: worker.specialisation,
            heartbeat_interval: worker.heartbeat_interval,
            holds_unclaimed,
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
        health.registered(intake.link());
        if let Pacing::Manual(board) = &pacing {
            board.registered(intake.link());
            let follower = Follower { board: board.clone(), db: db.clone(), log: log.clone() };
            tasks.adopt(FOLLOWS, tokio::spawn(follower.run()));
        }
        let (publisher, publishing) =
            Publisher::start(&config.rabbitmq, ServiceName::Kitchen, NAME, &[], &log);
        let (status_publisher, status_updates) = StatusPublisher::start(db.clone(), publisher.clone(), log);
        let (claim_batcher, claims) = ClaimBatcher::start(db, session.claimant.clone(), session.lease());
        tasks.adopt_set(CLAIMS, claims);
        tasks.adopt(STATUS_UPDATES, status_updates);
        tasks.adopt(PUBLISHER, publishing);
        let cook = Cook {
            session,
            claim_batcher,
            times: config.kitchen.cooking_seconds,
            publishers: config.rabbitmq.publishers.clone(),
            dead_letters: DeadLetterPublisher::new(publisher.clone()),
            forwarding: Forwarding(publisher),
            status_publisher,
            in_flight: InFlightOrders::default(),
            pacing,
            shutdown,
        };
        Ok(Some(Self { cook, intake, display, tasks }))
    }

    /// Cooks until the shutdown begins. Then it stops consuming, finishes the orders in flight,
    /// deregisters, requeues the rest, and ends.
    ///
    /// # Errors
    /// Another process took over the name. The orders in flight have been abandoned by then.
    pub async fn run(self) -> Result<(), ServiceError> {
        let Self { cook, mut intake, mut display, mut tasks } = self;
        let WorkerSession { log, .. } = cook.session.clone();
        let shutdown = cook.shutdown.clone();
        let deregistering = Shutdown::new();
        let session = cook.session.clone();
        tasks.spawn(HEARTBEAT, session.clone().keep_alive(cook.in_flight.clone(), deregistering.clone()));
        let watch = session.watch_claims(cook.in_flight.clone(), deregistering.clone());
        tasks.adopt(WATCH, tokio::spawn(watch));
        let mut orders: JoinSet<Unfinished> = JoinSet::new();
        let mut unfinished: Vec<LeasedDelivery> = Vec::new();

        let mut failed = None;
        loop {
            tokio::select! {
                () = shutdown.begun() => break,
                ended = tasks.ended() => {
                    // Begin the shutdown first, or abandoned orders would be claimed again.
                    shutdown.begin();
                    match ended.does {
                        HEARTBEAT => cook.in_flight.mark_lost(&cook.in_flight.claimed_orders()),
                        // They would wait for the ended task for ever.
                        CLAIMS => orders.abort_all(),
                        _ => {}
                    }
                    failed = Some(ended.why);
                    break;
                }
                held = intake.next() => {
                    let Some(held) = held else {
                        failed = Some(TaskEnded { does: "takes orders in" }.into());
                        shutdown.begin();
                        break;
                    };
                    orders.spawn(cook.clone().process(held));
                }
                Some(recall) = next_recall(&mut display) => {
                    orders.spawn(cook.clone().recall(recall));
                }
                Some(ended) = orders.join_next() => unfinished.extend(ended.unwrap_or_default()),
            }
        }
        if let Some(display) = &mut display {
            display.begin_no_more();
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
            tasks.stop(CLAIMS).await;
        }
        // Until here a person could still say that an order is ready.
        let closing = display.map(|display| tokio::spawn(display.close()));
        // The last heartbeat must come before the deregistration.
        deregistering.begin();
        for task in [HEARTBEAT, WATCH] {
            let ended = tasks.join(task).await;
            failed = failed.or(ended.err());
        }
        if !matches!(failed, Some(ServiceError::NameLost(_))) {
            cook.session.deregister().await;
        }
        for held in unfinished {
            held.requeue();
        }
        // The broker requeues the others when the connection closes.
        let _ = shutdown.within_grace(AFTER_RETURNING, intake.close()).await;
        if let Some(closing) = closing {
            let closed = shutdown.within_grace(AFTER_RETURNING, closing).await;
            if closed.is_none() {
                log.info(action::SHUTDOWN_INCOMPLETE, "The grace is over before every display was answered")
                    .emit();
            }
            tasks.stop(ANSWERS).await;
            tasks.stop(FOLLOWS).await;
        }
        drop(cook);
        let published = timeout(PUBLISH_DEADLINE, tasks.join(STATUS_UPDATES));
        if !matches!(shutdown.within_grace(AFTER_PUBLISHING, published).await, Some(Ok(_))) {
            tasks.stop(STATUS_UPDATES).await;
            log.info(
                action::SHUTDOWN_INCOMPLETE,
                "Some status changes were not published yet; a relay will publish them",
            )
            .emit();
        }
        // A panic has been logged.
        let closed = timeout(PUBLISH_DEADLINE, tasks.join(PUBLISHER));
        let _ = shutdown.within_grace(AFTER_CLOSING, closed).await;
        failed.map_or(Ok(()), Err)
    }
}

/// The next recall that somebody asks for at the display. Without a display there is none.
async fn next_recall(display: &mut Option<Display>) -> Option<Recall> {
    match display {
        Some(display) => display.recalls.recv().await,
        None => None,
    }
}

/// Serves the page, which says how to set a key, and takes no order: nobody could start it.
async fn without_key(
    mut tasks: Tasks<ServiceError>,
    shutdown: &Shutdown,
    log: &Log,
) -> Result<Option<Worker>, ServiceError> {
    let message = "This worker takes no orders: nobody can sign in at its page. Set order.staff_key (ORDER_STAFF_KEY) to that of the other services, and start it again";
    log.info(action::STAFF_KEY_MISSING, message).emit();
    tokio::select! {
        () = shutdown.begun() => Ok(None),
        ended = tasks.ended() => Err(ended.why),
    }
}
