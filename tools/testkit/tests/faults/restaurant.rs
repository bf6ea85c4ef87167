//! All services of a restaurant, each role behind proxies of its own.

use std::sync::{Arc, Mutex};

use testkit::{Launch, Proxy, Service, Stage, eventually};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::load::Load;

/// More at once would measure how busy the machine is.
const MOST_OPEN: u32 = 4;
static OPEN: Semaphore = Semaphore::const_new(MOST_OPEN as usize);
/// Each pair of servers takes some seconds to start, and 150 MB.
static OWN_SERVERS: Semaphore = Semaphore::const_new(2);

/// The ways to the servers that a scenario may break.
pub struct Links {
    pub orders_to_postgres: Proxy,
    pub orders_to_rabbitmq: Proxy,
    pub kitchen_to_postgres: Proxy,
    pub kitchen_to_rabbitmq: Proxy,
    pub subscriber_to_rabbitmq: Proxy,
}

impl Links {
    /// Every way, with its name for people.
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

/// Two order services, two cooks, a subscriber. What is killed is started again by the scenario.
pub struct Restaurant {
    pub stage: Stage,
    pub links: Links,
    pub order_services: Vec<Service>,
    pub cooks: Vec<Service>,
    pub subscriber: Service,
    /// Where clients find the order services.
    pub ports: Arc<Mutex<Vec<u16>>>,
    /// What every service gets besides.
    environment: Vec<(&'static str, String)>,
    _turns: Vec<SemaphorePermit<'static>>,
}

pub const COOKS: [&str; 2] = ["chef_anna", "chef_mario"];

impl Restaurant {
    /// On the servers that all tests share.
    pub async fn open() -> Self {
        let turns = vec![OPEN.acquire().await.unwrap()];
        Self::on(Stage::new().await, Vec::new(), turns).await
    }

    /// As [`Restaurant::open_on`], while no other one is open: for scenarios that compare times.
    pub async fn open_alone_on(prepare: impl AsyncFnOnce() -> (Stage, Vec<(&'static str, String)>)) -> Self {
        let turns = vec![OPEN.acquire_many(MOST_OPEN).await.unwrap()];
        let (stage, environment) = prepare().await;
        Self::on(stage, environment, turns).await
    }

    /// As [`Restaurant::open`], on a stage that was prepared, with further
    /// variables for every service.
    pub async fn open_on(prepare: impl AsyncFnOnce() -> (Stage, Vec<(&'static str, String)>)) -> Self {
        let turns = vec![OPEN.acquire().await.unwrap()];
        let (stage, environment) = prepare().await;
        Self::on(stage, environment, turns).await
    }

    /// On servers of its own, for scenarios that break them.
    pub async fn open_with_own_servers() -> Self {
        Self::open_with_own_servers_under(&[]).await
    }

    /// The same, with further variables in PostgreSQL's environment.
    pub async fn open_with_own_servers_under(environment: &[(&str, String)]) -> Self {
        let turns = vec![OWN_SERVERS.acquire().await.unwrap(), OPEN.acquire().await.unwrap()];
        Self::on(Stage::with_own_servers_under(environment).await, Vec::new(), turns).await
    }

    async fn on(
        stage: Stage,
        environment: Vec<(&'static str, String)>,
        turns: Vec<SemaphorePermit<'static>>,
    ) -> Self {
        let links = Links {
            orders_to_postgres: stage.postgres_proxy().await,
            orders_to_rabbitmq: stage.rabbitmq_proxy().await,
            kitchen_to_postgres: stage.postgres_proxy().await,
            kitchen_to_rabbitmq: stage.rabbitmq_proxy().await,
            subscriber_to_rabbitmq: stage.rabbitmq_proxy().await,
        };
        let order = order_service(&stage, &links, &environment);
        let (first, second) = tokio::join!(order.start(), order.start());
        let cooks = COOKS.map(|name| cook(&stage, &links, &environment, name));
        let subscriber = subscriber(&stage, &links, &environment);
        let (anna, mario, subscriber) = tokio::join!(cooks[0].start(), cooks[1].start(), subscriber.start());
        let ports = Arc::new(Mutex::new(vec![first.port(), second.port()]));
        let (order_services, cooks) = (vec![first, second], vec![anna, mario]);
        Self { stage, links, order_services, cooks, subscriber, ports, environment, _turns: turns }
    }

    /// Lets the clients in.
    pub fn load(&self) -> Load {
        Load::start(&self.ports)
    }

    /// A new order service in the place of one that has ended.
    pub async fn replace_order_service(&mut self, place: usize) {
        let launch = self.order_service();
        self.seat_order_service(place, &launch).await;
    }

    /// The same, started in its own way.
    pub async fn seat_order_service(&mut self, place: usize, launch: &Launch) {
        let service = launch.start().await;
        self.ports.lock().unwrap()[place] = service.port();
        self.order_services[place] = service;
    }

    /// A new cook in the place of one that has ended, under his name: it is free again
    /// when he counts as dead.
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

    /// An order service as all others, not started yet.
    pub fn order_service(&self) -> Launch {
        order_service(&self.stage, &self.links, &self.environment)
    }

    /// A cook as all others, not started yet.
    pub fn cook(&self, name: &str) -> Launch {
        cook(&self.stage, &self.links, &self.environment, name)
    }

    /// A subscriber as the one that is there, not started yet.
    pub fn subscriber(&self) -> Launch {
        subscriber(&self.stage, &self.links, &self.environment)
    }

    /// Every service, with a name for messages.
    pub fn services(&mut self) -> Vec<(&'static str, &mut Service)> {
        let orders = self.order_services.iter_mut().map(|service| ("order service", service));
        let cooks = self.cooks.iter_mut().map(|service| ("cook", service));
        orders.chain(cooks).chain([("subscriber", &mut self.subscriber)]).collect()
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
    // One with few places and one with many: they consume in different ways.
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
