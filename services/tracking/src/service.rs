//! Builds and runs the service.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use db::schema::SchemaError;
use db::{Access, Database, DbError, Reads};
use deadlines::tracking::AFTER_ANSWERING;
use domain::ServiceName;
use http_service::drain::Drain;
use http_service::server::{self, BindError};
use http_service::staff::Gate;
use logging::action;
use runtime::Shutdown;
use service::{Failure, Process, TaskEnded, Tasks};

use crate::NAME;
use crate::events::Events;
use crate::figures::SharedFigures;
use crate::http::{self, Api};
use crate::lookups::Lookups;

/// What the task of the HTTP server does.
const ANSWERS: &str = "answers requests";

/// A bound port. No request has been answered yet.
pub struct TrackingService {
    listener: TcpListener,
    http: config::Http,
    pages: config::Web,
    port: u16,
    api: Api,
    tasks: Tasks<ServiceError>,
    shutdown: Shutdown,
}

/// Why the service cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Settings(#[from] DbError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("the HTTP server failed: {0}")]
    Http(#[from] std::io::Error),
    #[error(transparent)]
    TaskEnded(#[from] TaskEnded),
}

impl Failure for ServiceError {}

/// Where names and addresses are read: under a role of its own if there is one, and then only if
/// somebody can be staff.
fn staff_database(
    settings: &config::Database,
    db: &Database,
    has_staff: bool,
) -> Result<Option<Database>, DbError> {
    if settings.staff_user.is_empty() {
        return Ok(Some(db.clone()));
    }
    if !has_staff {
        return Ok(None);
    }
    // It is the same server: what one of them finds out, the other need not.
    Ok(Some(Database::for_staff(settings, NAME)?.with_breaker_of(db).for_requests()))
}

impl TrackingService {
    /// Binds the port.
    ///
    /// # Errors
    /// The port cannot be bound, or the settings are bad.
    pub fn build(port: u16, process: Process) -> Result<Self, ServiceError> {
        let Process { config, log, shutdown, probes } = process;
        let listener = server::listen(config.http.bind, port)?;
        let port = listener.local_addr()?.port();
        let background = Database::new(&config.database, NAME, Access::ReadPrimary)?.with_breaker(&log);
        let db = background.for_requests();
        let reads = Reads::new(&config.database, db.clone(), NAME, config.tracking.max_replica_lag)?;
        let gate = Gate::new(&config);
        let staff_db = staff_database(&config.database, &db, gate.has_key())?;
        let kitchen_db = staff_db.clone().unwrap_or_else(|| db.clone());
        let (lookups, lookups_tasks) =
            Lookups::start(db.clone(), reads.clone(), kitchen_db, config.board.keep_minutes);
        let (events, reader) = Events::start(background, log.clone());
        let api = Api {
            figures: SharedFigures::new(db.clone()),
            db,
            reads: reads.clone(),
            staff_db,
            lookups,
            events,
            gate,
            cooking_seconds: config.kitchen.cooking_seconds,
            schema_ready: Arc::new(AtomicBool::new(false)),
            shutdown: shutdown.clone(),
            pages: web::Settings::of(ServiceName::Tracking, &config.web, &config.restaurant),
            log: log.clone(),
        };
        probes.ask(Arc::new(api.clone()));
        let mut tasks = Tasks::new();
        tasks.adopt_set("looks orders up", lookups_tasks);
        tasks.adopt("reads the status log", reader);
        tasks.adopt("watches the read replica", tokio::spawn(reads.watch(log)));
        let (http, pages) = (config.http, config.web);
        Ok(Self { listener, http, pages, port, api, tasks, shutdown })
    }

    /// Serves until the shutdown begins. The service becomes ready once the tables exist.
    ///
    /// # Errors
    /// This program cannot use the database's schema, or the HTTP server failed.
    pub async fn run(self) -> Result<(), ServiceError> {
        let Self { listener, http, pages, port, api, mut tasks, shutdown } = self;
        let (log, db, schema_ready) =
            (api.log.clone(), api.db.in_background(), Arc::clone(&api.schema_ready));
        log.info(action::SERVICE_STARTED, format!("Tracking Service started on port {port}"))
            .detail("port", port)
            .emit();

        let drain = Drain::of(&listener)?;
        let (handle, http) = server::start(listener, &http, &pages, &log, move |app| http::routes(app, api))?;
        tasks.spawn(ANSWERS, async { Ok(http.await?) });
        let asked_to_stop = async {
            let read = async || Ok(());
            while db::startup::current(&db, ServiceName::Tracking, &log, &shutdown, read).await?.is_some() {
                schema_ready.store(true, Ordering::Relaxed);
                if shutdown.or(db.tables_lost()).await.is_none() {
                    break;
                }
            }
            shutdown.begun().await;
            Ok(())
        };
        let outcome = tokio::select! {
            outcome = asked_to_stop => outcome,
            ended = tasks.ended() => Err(ended.why),
        };
        shutdown.begin();
        log.info(action::GRACEFUL_SHUTDOWN, "Tracking Service stops").emit();
        if shutdown.within_grace(AFTER_ANSWERING, drain.run(&handle)).await.is_none() {
            tasks.stop(ANSWERS).await;
            log.info(action::SHUTDOWN_INCOMPLETE, "The grace is over before every client was answered")
                .emit();
        }
        let answered = tasks.join_within_grace(ANSWERS, &shutdown, Duration::ZERO).await;
        outcome.and(answered.unwrap_or(Ok(())))
    }
}
