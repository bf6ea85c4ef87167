//! All services of a restaurant, each role behind its own proxies.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use testkit::{Launch, Proxy, Service, Stage, eventually};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::load::Load;
use crate::menu;
use crate::requests::Requests;

/// More of them at once would measure the load of the machine.
const MOST_OPEN: u32 = 4;
static OPEN: Semaphore = Semaphore::const_new(MOST_OPEN as usize);
/// Each pair of servers takes some seconds to start, and 150 MB.
static OWN_SERVERS: Semaphore = Semaphore::const_new(2);

/// The connections that a scenario may break.
pub struct Links {
    pub orders_to_postgres: Proxy,
    pub orders_to_rabbitmq: Proxy,
    pub kitchen_to_postgres: Proxy,
    pub kitchen_to_rabbitmq: Proxy,
    pub subscriber_to_rabbitmq: Proxy,
}

impl Links {
    /// All links, with names for people.
    pub fn all(&self) -> [(&'static str, &Proxy); 5] {
        [
            ("order service to PostgreSQL", &self.orders_to_postgres),
            ("order service to RabbitMQ", &self.orders_to_rabbitmq),
            ("cooks to PostgreSQL", &self.kitchen_to_postgres),
            ("cooks to RabbitMQ", &self.kitchen_to_rabbitmq),
            ("subscriber to RabbitMQ", &self.subscriber_to_rabbitmq),
        ]
    }
}

/// Two order services, two workers, a subscriber. A scenario restarts what it kills.
pub struct Restaurant {
    pub stage: Stage,
    pub links: Links,
    pub order_services: Vec<Service>,
    pub cooks: Vec<Service>,
    pub subscriber: Service,
    /// The ports of the order services, for clients.
    pub ports: Arc<Mutex<Vec<u16>>>,
    /// Whether orders go by a menu with a stock, whose sum the verdict checks.
    pub has_menu: bool,
    /// A program that orders by message, until the verdict.
    pub requests: Option<Requests>,
    /// Additional variables for every service.
    environment: Vec<(&'static str, String)>,
    /// Where the programs of another release lie, of which services are started.
    other_release: Option<PathBuf>,
    _turns: Vec<SemaphorePermit<'static>>,
}

/// Connections of an order service that takes messages: orders, status updates, two streams of
/// events, and the messages themselves.
const CONNECTIONS: usize = 5;

pub const COOKS: [&str; 2] = ["chef_anna", "chef_mario"];

impl Restaurant {
    /// Starts a restaurant on the shared servers.
    pub async fn open() -> Self {
        let turns = vec![OPEN.acquire().await.unwrap()];
        Self::on(Stage::new().await, Vec::new(), None, turns).await
    }

    /// Like [`Restaurant::open`], with the services of another release, whose programs lie there.
    /// Those that are started after [`Restaurant::updates`] are of this release.
    pub async fn open_with_release(programs: Option<PathBuf>) -> Self {
        let turns = vec![OPEN.acquire().await.unwrap()];
        Self::on(Stage::new().await, Vec::new(), programs, turns).await
    }

    /// Like [`Restaurant::open_on`], while no other one runs: for scenarios that compare times.
    pub async fn open_alone_on(prepare: impl AsyncFnOnce() -> (Stage, Vec<(&'static str, String)>)) -> Self {
        let turns = vec![OPEN.acquire_many(MOST_OPEN).await.unwrap()];
        let (stage, environment) = prepare().await;
        Self::on(stage, environment, None, turns).await
    }

    /// Like [`Restaurant::open`], on a prepared stage, with additional variables for every service.
    pub async fn open_on(prepare: impl AsyncFnOnce() -> (Stage, Vec<(&'static str, String)>)) -> Self {
        let turns = vec![OPEN.acquire().await.unwrap()];
        let (stage, environment) = prepare().await;
        Self::on(stage, environment, None, turns).await
    }

    /// Starts a restaurant on its own servers, for scenarios that break them.
    pub async fn open_with_own_servers() -> Self {
        Self::open_with_own_servers_under(&[]).await
    }

    /// The same, with further variables in PostgreSQL's environment.
    pub async fn open_with_own_servers_under(environment: &[(&str, String)]) -> Self {
        let turns = vec![OWN_SERVERS.acquire().await.unwrap(), OPEN.acquire().await.unwrap()];
        Self::on(Stage::with_own_servers_under(environment).await, Vec::new(), None, turns).await
    }

    /// Like [`Restaurant::open_on`], on its own servers, which it prepares.
    pub async fn open_on_own_servers(
        prepare: impl AsyncFnOnce(Stage) -> (Stage, Vec<(&'static str, String)>),
    ) -> Self {
        let turns = vec![OWN_SERVERS.acquire().await.unwrap(), OPEN.acquire().await.unwrap()];
        let (stage, environment) = prepare(Stage::with_own_servers().await).await;
        Self::on(stage, environment, None, turns).await
    }

    async fn on(
        stage: Stage,
        environment: Vec<(&'static str, String)>,
        other_release: Option<PathBuf>,
        turns: Vec<SemaphorePermit<'static>>,
    ) -> Self {
        let links = Links {
            orders_to_postgres: stage.postgres_proxy().await,
            orders_to_rabbitmq: stage.rabbitmq_proxy().await,
            kitchen_to_postgres: stage.postgres_proxy().await,
            kitchen_to_rabbitmq: stage.rabbitmq_proxy().await,
            subscriber_to_rabbitmq: stage.rabbitmq_proxy().await,
        };
        let of_release = |launch| of_release(launch, other_release.as_deref());
        let order = of_release(order_service(&stage, &links, &environment));
        let (first, second) = tokio::join!(order.start(), order.start());
        let cooks = COOKS.map(|name| of_release(cook(&stage, &links, &environment, name)));
        let subscriber = of_release(subscriber(&stage, &links, &environment));
        let (anna, mario, subscriber) = tokio::join!(cooks[0].start(), cooks[1].start(), subscriber.start());
        let ports = Arc::new(Mutex::new(vec![first.port(), second.port()]));
        let (order_services, cooks) = (vec![first, second], vec![anna, mario]);
        Self {
            stage,
            links,
            order_services,
            cooks,
            subscriber,
            ports,
            has_menu: false,
            requests: None,
            environment,
            other_release,
            _turns: turns,
        }
    }

    /// Switches the menu on: the order services start anew.
    pub async fn with_menu(mut self) -> Self {
        menu::write(&self.stage.database().await).await;
        self.has_menu = true;
        let staff_key = ("ORDER_STAFF_KEY", menu::STAFF_KEY.to_owned());
        self.environment.extend([("MENU_MODE", "on".to_owned()), staff_key]);
        self.restart_order_services().await;
        self
    }

    /// Lets a program order by message, beside the clients: the order services start anew.
    pub async fn with_messages(mut self) -> Self {
        self.environment.push(("INTAKE_ENABLED", "true".to_owned()));
        self.restart_order_services().await;
        for service in &self.order_services {
            service.logs("rabbitmq_connected", CONNECTIONS).await;
        }
        self.requests = Some(Requests::start(self.stage.broker().await, self.has_menu).await);
        self
    }

    async fn restart_order_services(&mut self) {
        for place in 0..self.order_services.len() {
            assert_eq!(self.order_services[place].stop().await, Some(0));
            self.replace_order_service(place).await;
        }
    }

    /// Starts the clients. If there is a menu, they order from it, and some of them cancel.
    pub fn load(&self) -> Load {
        Load::start(&self.ports, self.has_menu)
    }

    /// Starts a new order service in place of an ended one.
    pub async fn replace_order_service(&mut self, place: usize) {
        let launch = self.order_service();
        self.seat_order_service(place, &launch).await;
    }

    /// The same, with this launch.
    pub async fn seat_order_service(&mut self, place: usize, launch: &Launch) {
        let service = launch.start().await;
        self.ports.lock().unwrap()[place] = service.port();
        self.order_services[place] = service;
    }

    /// Starts a new worker in place of an ended one, under the same name, once that is free.
    pub async fn replace_cook(&mut self, place: usize) {
        let database = self.stage.database().await;
        let taken = format!(
            "select count(*) from workers where name = '{}' and status = 'online'
                 and last_seen >= now() - interval '2 seconds'",
            COOKS[place]
        );
        eventually("the name to be free", async || (database.value(&taken).await == 0).then_some(())).await;
        self.cooks[place] = self.cook(COOKS[place]).start().await;
    }

    /// An order service like the others, not started yet.
    pub fn order_service(&self) -> Launch {
        self.of_release(order_service(&self.stage, &self.links, &self.environment))
    }

    /// A worker like the others, not started yet.
    pub fn cook(&self, name: &str) -> Launch {
        self.of_release(cook(&self.stage, &self.links, &self.environment, name))
    }

    /// A subscriber like the running one, not started yet.
    pub fn subscriber(&self) -> Launch {
        self.of_release(subscriber(&self.stage, &self.links, &self.environment))
    }

    /// A tracking service of the same release, not started yet.
    pub fn tracking_service(&self) -> Launch {
        self.of_release(with(self.stage.tracking_service(), &self.environment))
    }

    /// From now on services of this release are started.
    pub fn updates(&mut self) {
        self.other_release = None;
    }

    fn of_release(&self, launch: Launch) -> Launch {
        of_release(launch, self.other_release.as_deref())
    }

    /// Every service, with a name for messages.
    pub fn services(&mut self) -> Vec<(&'static str, &mut Service)> {
        let orders = self.order_services.iter_mut().map(|service| ("order service", service));
        let cooks = self.cooks.iter_mut().map(|service| ("cook", service));
        orders.chain(cooks).chain([("subscriber", &mut self.subscriber)]).collect()
    }
}

fn of_release(launch: Launch, programs: Option<&Path>) -> Launch {
    match programs {
        Some(programs) => launch.built_in(programs),
        None => launch,
    }
}

fn with(mut launch: Launch, environment: &[(&'static str, String)]) -> Launch {
    for (name, value) in environment {
        launch = launch.env(name, value.clone());
    }
    launch
}

fn order_service(stage: &Stage, links: &Links, environment: &[(&'static str, String)]) -> Launch {
    let launch = stage
        .order_service()
        .env("DB_PORT", links.orders_to_postgres.port().to_string())
        .env("RABBITMQ_PORT", links.orders_to_rabbitmq.port().to_string())
        .env("ORDER_RESEND_AFTER", "2");
    with(launch, environment)
}

fn cook(stage: &Stage, links: &Links, environment: &[(&'static str, String)], name: &str) -> Launch {
    // One with a small prefetch and one with a large one: they consume in different ways.
    let places = if name == COOKS[0] { 4 } else { 40 };
    let launch = stage
        .kitchen_worker(name)
        .arg(format!("--concurrency={places}"))
        .env("DB_PORT", links.kitchen_to_postgres.port().to_string())
        .env("RABBITMQ_PORT", links.kitchen_to_rabbitmq.port().to_string());
    with(launch, environment)
}

fn subscriber(stage: &Stage, links: &Links, environment: &[(&'static str, String)]) -> Launch {
    let launch = stage.subscriber().env("RABBITMQ_PORT", links.subscriber_to_rabbitmq.port().to_string());
    with(launch, environment)
}
