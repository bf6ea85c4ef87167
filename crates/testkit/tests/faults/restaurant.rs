//! All services of a restaurant, each role behind proxies of its own.

use std::sync::{Arc, Mutex};

use testkit::{Launch, Proxy, Service, Stage};

use crate::load::Load;

/// The ways to the servers that a scenario may break.
pub struct Links {
    pub orders_to_postgres: Proxy,
    pub orders_to_rabbitmq: Proxy,
    pub kitchen_to_postgres: Proxy,
    pub kitchen_to_rabbitmq: Proxy,
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
}

const CLIENTS: usize = 8;
pub const COOKS: [&str; 2] = ["chef_anna", "chef_mario"];

impl Restaurant {
    /// On the servers that all tests share.
    pub async fn open() -> Self {
        Self::on(Stage::new().await).await
    }

    /// On servers of its own, for scenarios that break them.
    pub async fn open_with_own_servers() -> Self {
        Self::on(Stage::with_own_servers().await).await
    }

    async fn on(stage: Stage) -> Self {
        let links = Links {
            orders_to_postgres: stage.postgres_proxy().await,
            orders_to_rabbitmq: stage.rabbitmq_proxy().await,
            kitchen_to_postgres: stage.postgres_proxy().await,
            kitchen_to_rabbitmq: stage.rabbitmq_proxy().await,
        };
        let first = order_service(&stage, &links).start().await;
        let order_services = vec![first, order_service(&stage, &links).start().await];
        let mut cooks = Vec::new();
        for name in COOKS {
            cooks.push(cook(&stage, &links, name).start().await);
        }
        let subscriber = stage.subscriber().start().await;
        let ports = order_services.iter().map(Service::port).collect();
        Self { stage, links, order_services, cooks, subscriber, ports: Arc::new(Mutex::new(ports)) }
    }

    /// Lets the clients in.
    pub fn load(&self) -> Load {
        Load::start(CLIENTS, &self.ports)
    }

    /// A new order service in the place of one that has ended.
    pub async fn replace_order_service(&mut self, place: usize) {
        self.order_services[place] = order_service(&self.stage, &self.links).start().await;
        let ports = self.order_services.iter().map(Service::port).collect();
        *self.ports.lock().unwrap() = ports;
    }

    /// A new cook in the place of one that has ended, under his name.
    pub async fn replace_cook(&mut self, place: usize) {
        self.cooks[place] = cook(&self.stage, &self.links, COOKS[place]).start().await;
    }

    /// As [`order_service`], for scenarios that start one in their own way.
    pub fn order_service(&self) -> Launch {
        order_service(&self.stage, &self.links)
    }

    /// Every service, with a name for messages.
    pub fn services(&mut self) -> Vec<(&'static str, &mut Service)> {
        let orders = self.order_services.iter_mut().map(|service| ("order service", service));
        let cooks = self.cooks.iter_mut().map(|service| ("cook", service));
        orders.chain(cooks).chain([("subscriber", &mut self.subscriber)]).collect()
    }
}

fn order_service(stage: &Stage, links: &Links) -> Launch {
    stage
        .order_service()
        .env("DB_PORT", links.orders_to_postgres.port().to_string())
        .env("RABBITMQ_PORT", links.orders_to_rabbitmq.port().to_string())
        .env("ORDER_RESEND_AFTER", "2")
}

fn cook(stage: &Stage, links: &Links, name: &str) -> Launch {
    stage
        .kitchen_worker(name)
        .arg("--concurrency=4")
        .env("DB_PORT", links.kitchen_to_postgres.port().to_string())
        .env("RABBITMQ_PORT", links.kitchen_to_rabbitmq.port().to_string())
}
