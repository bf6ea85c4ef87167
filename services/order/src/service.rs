//! The service as a whole: built first, then run.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bus::Publisher;
use config::Config;
use db::schema::SchemaError;
use db::{Access, Database, DbError, secrets};
use domain::ServiceName;
use http_service::door::Door;
use http_service::server::{self, CannotListen};
use logging::Log;
use runtime::Shutdown;
use tokio::task::{JoinError, JoinHandle};

use crate::NAME;
use crate::admission::Admission;
use crate::api::Api;
use crate::arguments::Arguments;
use crate::idempotency::KeysInWork;
use crate::rescuer::{Broker, HOLDINGS_PAUSE, Rescuer};
use crate::staff_key::WrongKeys;
use crate::wakeup::Wakeup;
use crate::writer::Writer;
use crate::{relay, routes};

/// What is left of the grace when clients have been answered: orders of unknown outcome are
/// looked for until then.
const AFTER_ANSWERING: Duration = Duration::from_secs(8);
/// What is left of it when orders have been stored and sent: the connections are closed.
const AFTER_STORING: Duration = Duration::from_secs(3);
/// What is left of it when they have been closed.
const AFTER_SENDING: Duration = Duration::from_secs(1);

/// The port is bound and the sessions with both servers are under way; nothing is answered yet.
pub struct Service {
    listener: TcpListener,
    http: config::Http,
    port: u16,
    max_concurrent: usize,
    api: Api,
    rescuer: Rescuer<Broker>,
    /// Ends when every handle to the writer is gone and every order is answered.
    writer: JoinHandle<()>,
    /// Ends after the writer, when every handle to the publisher is gone.
    publisher: JoinHandle<()>,
    shutdown: Shutdown,
}

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    CannotListen(#[from] CannotListen),
    #[error(transparent)]
    Settings(#[from] DbError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("the HTTP server failed")]
    Http(#[from] std::io::Error),
    #[error("the task that {0} ended unasked")]
    TaskEnded(&'static str),
}

impl Service {
    /// Binds the port and starts the tasks.
    ///
    /// # Errors
    /// The port cannot be bound, or the settings are bad.
    pub fn build(
        arguments: &Arguments,
        config: &Config,
        log: Log,
        shutdown: Shutdown,
    ) -> Result<Self, ServiceError> {
        let listener = server::listen(config.http.bind, arguments.port)?;
        let port = listener.local_addr()?.port();
        let db = Database::with_reserved(&config.database, NAME, Access::ReadWrite, relay::MOST_CONNECTIONS)?;
        let (publisher, publisher_task) = Publisher::start(&config.rabbitmq, ServiceName::Order, NAME, &log);
        let accept = config.order.accept_while_broker_down;
        let relay = Wakeup::default();
        let rescuer = Rescuer {
            db: db.clone(),
            queues: Broker(config.rabbitmq.clone()),
            resend_after: config.order.resend_after,
            max_wait: config.kitchen.max_wait,
            holdings_pause: HOLDINGS_PAUSE,
            relay: relay.clone(),
            log: log.clone(),
        };
        let (writer, writer_task) =
            Writer::start(db.clone(), publisher.clone(), accept, arguments.max_concurrent, log.clone());
        let admission = Admission::new(arguments.max_concurrent);
        Ok(Self {
            listener,
            http: config.http.clone(),
            port,
            max_concurrent: arguments.max_concurrent,
            api: Api {
                settings: config.order.clone(),
                admission,
                keys: KeysInWork::default(),
                wrong_keys: WrongKeys::default(),
                writer,
                relay,
                db,
                order_tokens: Arc::default(),
                publisher,
                has_opened: Arc::default(),
                log,
            },
            rescuer,
            writer: writer_task,
            publisher: publisher_task,
            shutdown,
        })
    }

    /// Serves until the shutdown begins, then lets every order under way end.
    ///
    /// # Errors
    /// The database has a schema that this program cannot use, or the HTTP server failed.
    pub async fn run(self) -> Result<(), ServiceError> {
        let Self { listener, http, port, max_concurrent, api, rescuer, mut writer, mut publisher, shutdown } =
            self;
        let log = api.log.clone();
        log.info("service_started", format!("Order Service started on port {port}"))
            .detail("port", port)
            .detail("max_concurrent", max_concurrent)
            .emit();

        let http_api = api.clone();
        let door = Door::of(&listener)?;
        let (handle, http) = server::start(listener, &http, &log, move |app| routes::routes(app, http_api))?;
        let mut http = tokio::spawn(http);

        let mut outcome = tokio::select! {
            schema = tend_database(api, rescuer, &shutdown) => schema.map_err(ServiceError::from),
            ended = &mut http => return Err(ended_early(ended)),
            _ = &mut writer => Err(ServiceError::TaskEnded("stores orders")),
            _ = &mut publisher => Err(ServiceError::TaskEnded("publishes messages")),
        };
        shutdown.begin();
        log.info("graceful_shutdown", "Order Service stops: no new orders, those in work end").emit();
        if shutdown.within_grace(AFTER_ANSWERING, door.close(&handle)).await.is_none() {
            http.abort();
            log.info("shutdown_incomplete", "The grace is over before every client was answered").emit();
        }
        if let Some(Ok(Err(why))) = shutdown.within_grace(AFTER_STORING, http).await {
            outcome = outcome.and(Err(why.into()));
        }
        // In the order of the work: orders are stored and sent, then the connection goes.
        for (mut task, reserve) in [(writer, AFTER_STORING), (publisher, AFTER_SENDING)] {
            // A panic is in the log.
            if !task.is_finished() && shutdown.within_grace(reserve, &mut task).await.is_none() {
                task.abort();
                log.info("shutdown_incomplete", "The grace is over; a relay sends what is stored").emit();
            }
        }
        outcome
    }
}

/// A server that nobody asked to stop; a panic is in the log.
fn ended_early(ended: Result<std::io::Result<()>, JoinError>) -> ServiceError {
    match ended {
        Ok(Err(why)) => why.into(),
        Ok(Ok(())) | Err(_) => ServiceError::TaskEnded("answers requests"),
    }
}

/// Brings the schema up to date and reads what requests need, then relays and rescues until the
/// shutdown begins. If the tables vanish, it waits until they are back: the key of the tokens
/// is another one then.
async fn tend_database(api: Api, rescuer: Rescuer<Broker>, shutdown: &Shutdown) -> Result<(), SchemaError> {
    let read = async || secrets::order_token_key(&api.db).await;
    let mut found = db::startup::migrated(&api.db, &api.log, shutdown, read).await?;
    while let Some(order_tokens) = found {
        api.set_order_tokens(order_tokens);
        let (db, publisher, log) = (api.db.clone(), api.publisher.clone(), api.log.clone());
        let relay = relay::run(db, publisher, api.relay.clone(), log, shutdown);
        let work = async { tokio::join!(Box::pin(relay), Box::pin(rescuer.run(shutdown))) };
        tokio::select! {
            _ = work => return Ok(()),
            () = api.db.tables_lost() => {}
        }
        found = db::startup::current(&api.db, ServiceName::Order, &api.log, shutdown, read).await?;
    }
    Ok(())
}
