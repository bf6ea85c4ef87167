//! The service as a whole: built first, then run.

use std::net::TcpListener;
use std::sync::Arc;

use bus::requests::RequestIntake;
use bus::topology::{EventStream, REQUESTS_QUEUE};
use bus::{DeadLetterPublisher, Publisher};
use config::Rabbitmq;
use db::schema::SchemaError;
use db::{Access, Database, DbError, secrets};
use deadlines::kitchen::HOLDINGS_PAUSE;
use deadlines::order::{AFTER_ANSWERING, AFTER_SENDING, AFTER_STORING};
use domain::ServiceName;
use http_service::drain::Drain;
use http_service::server::{self, BindError};
use http_service::staff::Gate;
use logging::{Log, action};
use runtime::Shutdown;
use service::{Failure, Process, TaskEnded, Tasks};
use web::Settings as PageSettings;

use crate::NAME;
use crate::acceptance::Acceptance;
use crate::admission::Admission;
use crate::changes::Changes;
use crate::dead_letters::DeadLetters;
use crate::http::{self, Api};
use crate::intake::{Intake, MessagesLink};
use crate::menu::{Board, Editing, Stock};
use crate::placing::Placing;
use crate::readiness::Readiness;
use crate::relay::{self, Wakeup};
use crate::rescuer::{Broker, Rescuer};

/// What the tasks do.
const ANSWERS: &str = "answers requests";
/// It ends when the messages in work are carried out, or left for the next service.
const TAKES_MESSAGES: &str = "takes orders as messages";
/// It ends when every handle to the acceptance is gone.
const COUNTS: &str = "counts waiting orders";
/// It ends when every handle to the writer is gone and every order is answered.
const STORES: &str = "stores orders";
/// It ends after the writer, when every handle to the publisher is gone.
const PUBLISHES: &str = "publishes messages";

/// What the command line says.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The port of the API; 0 lets the system choose.
    pub port: u16,
    /// Most orders in work at once.
    pub max_concurrent: usize,
}

/// The port is bound and the sessions with both servers are under way; nothing is answered yet.
pub struct OrderService {
    listener: TcpListener,
    http: config::Http,
    pages: config::Web,
    port: u16,
    max_concurrent: usize,
    api: Api,
    upkeep: Upkeep,
    tasks: Tasks<ServiceError>,
    shutdown: Shutdown,
}

/// Why the service cannot run.
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

impl OrderService {
    /// Binds the port and starts the tasks.
    ///
    /// # Errors
    /// The port cannot be bound, or the settings are bad.
    pub fn build(settings: Settings, process: Process) -> Result<Self, ServiceError> {
        let Settings { port, max_concurrent } = settings;
        let Process { config, log, shutdown, probes } = process;
        let gate = Gate::new(&config);
        let listener = server::listen(config.http.bind, port)?;
        let port = listener.local_addr()?.port();
        let db = Database::with_reserved(&config.database, NAME, Access::ReadWrite, relay::MOST_CONNECTIONS)?
            .with_breaker(&log);
        let of_requests = db.for_requests();
        let (intake, relay) = (config.intake.enabled, Wakeup::default());
        let streams: &[EventStream] = if intake { &EventStream::ALL } else { &[] };
        let (publisher, publisher_task) =
            Publisher::start(&config.rabbitmq, ServiceName::Order, NAME, streams, &log);
        // Failures of all who move messages there are backed off together.
        let dead_letters = DeadLetterPublisher::new(publisher.clone());
        let rescuer = Rescuer {
            db: db.clone(),
            queues: Broker {
                settings: config.rabbitmq.clone(),
                dead_letters: dead_letters.clone(),
                log: log.clone(),
            },
            resend_after: config.order.resend_after,
            max_wait: config.kitchen.max_wait,
            holdings_pause: HOLDINGS_PAUSE,
            relay: relay.clone(),
            log: log.clone(),
        };
        let admission = Admission::new(max_concurrent);
        let readiness = Readiness::new(publisher.clone(), config.order.accept_while_broker_down);
        let pages = PageSettings::of(ServiceName::Order, &config.web, &config.restaurant);
        let board = Board::new(db.clone(), config.menu.mode, config.restaurant.time_zone);
        let (acceptance, counting) = Acceptance::start(
            of_requests.clone(),
            config.intake.max_waiting,
            config.kitchen.cooking_seconds,
            log.clone(),
        );
        let (placing, writer) = Placing::start(
            of_requests.clone(),
            publisher.clone(),
            readiness.clone(),
            board.clone(),
            acceptance.clone(),
            admission.clone(),
            log.clone(),
        );
        let upkeep = Upkeep {
            db: db.clone(),
            publisher: publisher.clone(),
            intake,
            readiness: readiness.clone(),
            relay: relay.clone(),
            rescuer,
            board: board.clone(),
            acceptance: acceptance.clone(),
            log: log.clone(),
        };
        let mut tasks = Tasks::new();
        let messages = intake.then(MessagesLink::default);
        if !counting.is_empty() {
            tasks.adopt_set(COUNTS, counting);
        }
        if let Some(link) = messages.clone() {
            let intake = Intake {
                placing: placing.clone(),
                acceptance: acceptance.clone(),
                publishers: config.rabbitmq.publishers.clone(),
                board: board.clone(),
                db: db.clone(),
                dead_letters,
                publisher,
                relay: relay.clone(),
                link,
                log: log.clone(),
            };
            take_messages(&mut tasks, intake, config.rabbitmq.clone(), max_concurrent, shutdown.clone());
        }
        let changes = Changes { db: of_requests.clone(), admission, relay, log: log.clone() };
        tasks.adopt(STORES, writer);
        tasks.adopt(PUBLISHES, publisher_task);
        let api = Api {
            placing,
            acceptance,
            changes,
            editing: Editing { db: of_requests.clone(), board: board.clone(), log: log.clone() },
            stock: Stock { db: of_requests, board: board.clone(), log: log.clone() },
            dead_letters: DeadLetters::new(config.rabbitmq),
            board,
            pages,
            currency: config.restaurant.currency,
            readiness,
            messages,
            gate,
            db,
            log,
        };
        probes.ask(Arc::new(api.health()));
        let (http, pages) = (config.http, config.web);
        Ok(Self { listener, http, pages, port, max_concurrent, api, upkeep, tasks, shutdown })
    }

    /// Serves until the shutdown begins, then lets every order under way end.
    ///
    /// # Errors
    /// The database has a schema that this program cannot use, or the HTTP server failed.
    pub async fn run(self) -> Result<(), ServiceError> {
        let Self { listener, http, pages, port, max_concurrent, api, upkeep, mut tasks, shutdown } = self;
        let log = api.log.clone();
        log.info(action::SERVICE_STARTED, format!("Order Service started on port {port}"))
            .detail("port", port)
            .detail("max_concurrent", max_concurrent)
            .emit();

        let drain = Drain::of(&listener)?;
        let (handle, http) = server::start(listener, &http, &pages, &log, move |app| http::routes(app, api))?;
        tasks.spawn(ANSWERS, async { Ok(http.await?) });

        let mut outcome = tokio::select! {
            schema = upkeep.run(&shutdown) => schema.map_err(ServiceError::from),
            ended = tasks.ended() => Err(ended.why),
        };
        shutdown.begin();
        log.info(action::GRACEFUL_SHUTDOWN, "Order Service stops: no new orders, those in work end").emit();
        if shutdown.within_grace(AFTER_ANSWERING, drain.run(&handle)).await.is_none() {
            tasks.stop(ANSWERS).await;
            log.info(action::SHUTDOWN_INCOMPLETE, "The grace is over before every client was answered")
                .emit();
        }
        // In the order of the work: clients are answered, orders are stored and sent, then the
        // connection goes.
        if let Some(answered) = tasks.join_within_grace(ANSWERS, &shutdown, AFTER_STORING).await {
            outcome = outcome.and(answered);
        }
        for (task, reserve) in
            [(TAKES_MESSAGES, AFTER_STORING), (STORES, AFTER_STORING), (PUBLISHES, AFTER_SENDING)]
        {
            // A panic is in the log.
            if tasks.join_within_grace(task, &shutdown, reserve).await.is_none() {
                log.info(action::SHUTDOWN_INCOMPLETE, "The grace is over; a relay sends what is stored")
                    .emit();
            }
        }
        outcome
    }
}

/// Starts the task that takes orders by message.
fn take_messages(
    tasks: &mut Tasks<ServiceError>,
    intake: Intake,
    broker: Rabbitmq,
    max_concurrent: usize,
    shutdown: Shutdown,
) {
    let name = format!("{NAME}: {REQUESTS_QUEUE}");
    // More would only wait for a permit.
    let prefetch = u16::try_from(max_concurrent).unwrap_or(u16::MAX);
    let log = intake.log.clone();
    let consume = move || RequestIntake::start(broker.clone(), &name, prefetch, log.clone());
    tasks.spawn(TAKES_MESSAGES, async {
        intake.run(consume, shutdown).await;
        Ok(())
    });
}

/// Keeps the database in use, and sends what placing left behind.
struct Upkeep {
    db: Database,
    publisher: Publisher,
    intake: bool,
    readiness: Readiness,
    relay: Wakeup,
    rescuer: Rescuer<Broker>,
    board: Board,
    acceptance: Acceptance,
    log: Log,
}

impl Upkeep {
    /// Brings the schema up to date and reads what requests need, then relays and rescues until the
    /// shutdown begins. If the tables vanish, it waits until they are back: the key of the tokens
    /// is another one then.
    async fn run(self, shutdown: &Shutdown) -> Result<(), SchemaError> {
        let Self { db, publisher, intake, readiness, relay, rescuer, board, acceptance, log } = self;
        let read = async || {
            if board.is_on() {
                board.refreshed().await?;
            }
            // A pause outlives the service.
            Box::pin(acceptance.refresh()).await?;
            secrets::order_token_key(&db).await
        };
        let mut found = db::startup::migrated(&db, &log, shutdown, read).await?;
        while let Some(order_tokens) = found {
            readiness.set_order_tokens(order_tokens);
            let relay =
                relay::run(db.clone(), publisher.clone(), intake, relay.clone(), log.clone(), shutdown);
            let menu = Box::pin(board.keep_fresh(&log, shutdown));
            let pause = Box::pin(acceptance.keep_fresh(shutdown));
            let work = async { tokio::join!(Box::pin(relay), Box::pin(rescuer.run(shutdown)), menu, pause) };
            tokio::select! {
                _ = work => return Ok(()),
                () = db.tables_lost() => {}
            }
            found = db::startup::current(&db, ServiceName::Order, &log, shutdown, read).await?;
        }
        Ok(())
    }
}
