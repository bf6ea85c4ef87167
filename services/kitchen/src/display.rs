//! The page of a manual worker: its port, its server, and their end.

use std::sync::Arc;

use actix_web::dev::ServerHandle;
use config::Config;
use db::Database;
use domain::ServiceName;
use http_service::drain::Drain;
use http_service::server;
use http_service::staff::Gate;
use logging::{Log, action};
use runtime::Shutdown;
use service::Tasks;
use tokio::sync::mpsc;

use crate::error::ServiceError;
use crate::health::Health;
use crate::http::{self, Api};
use crate::manual::{Board, Bumping, Recall};

/// What the task of the HTTP server does.
pub const ANSWERS: &str = "answers requests";
/// The most recalls that wait to be carried out.
const MOST_RECALLS: usize = 16;

/// An open page.
pub struct Display {
    handle: ServerHandle,
    drain: Drain,
    /// Streams end when it begins.
    closing: Shutdown,
    /// The recalls that people ask for.
    pub recalls: mpsc::Receiver<Recall>,
}

/// What a page shows, and what it works with.
pub struct Backing<'a> {
    pub config: &'a Config,
    pub board: &'a Board,
    pub db: &'a Database,
    pub health: &'a Arc<Health>,
    pub shutdown: &'a Shutdown,
    pub log: &'a Log,
}

impl Display {
    /// Opens the port. It is served at once: while the servers are away, it says so.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub fn open(
        port: u16,
        backing: &Backing<'_>,
        tasks: &mut Tasks<ServiceError>,
    ) -> Result<Self, ServiceError> {
        let Backing { config, board, db, health, shutdown, log } = *backing;
        let listener = server::listen(config.http.bind, port)?;
        let port = listener.local_addr()?.port();
        let (asking, recalls) = mpsc::channel(MOST_RECALLS);
        let closing = Shutdown::new();
        let bumping =
            Bumping { board: board.clone(), db: db.clone(), recalls: asking, shutdown: shutdown.clone() };
        let api = Api {
            bumping,
            board: board.clone(),
            gate: Gate::new(config),
            pages: web::Settings::of(ServiceName::Kitchen, &config.web, &config.restaurant),
            closing: closing.clone(),
            log: log.clone(),
        };
        let probes: Arc<dyn http_service::health::Health> = Arc::clone(health) as _;
        let drain = Drain::of(&listener)?;
        let routes = move |app: &mut actix_web::web::ServiceConfig| http::routes(app, api, &probes);
        let (handle, serving) = server::start(listener, &config.http, &config.web, log, routes)?;
        tasks.spawn(ANSWERS, async { Ok(serving.await?) });
        log.info(
            action::SERVICE_STARTED,
            format!("Kitchen display of {} started on port {port}", board.worker()),
        )
        .detail("port", port)
        .emit();
        Ok(Self { handle, drain, closing, recalls })
    }

    /// Takes no recall any more. Whoever waits for one is told at once.
    pub fn begin_no_more(&mut self) {
        self.recalls.close();
        // Each has its way to whoever asked, who learns by its end that nothing came of it.
        while self.recalls.try_recv().is_ok() {}
    }

    /// Ends the streams, then closes the port and lets what was asked be answered.
    pub async fn close(self) {
        self.closing.begin();
        self.drain.run(&self.handle).await;
    }
}
