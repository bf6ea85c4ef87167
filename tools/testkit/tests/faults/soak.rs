//! Random faults of all kinds, in sequence, for the requested time: `SOAK=10m`. The seed is
//! printed: `SEED=…` repeats the same faults.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use testkit::Signal;
use tokio::time::{Instant, sleep};

use crate::load::Load;
use crate::refusing_queues::{accept_again, refuse};
use crate::restaurant::{COOKS, Restaurant};
use crate::scale::soak;
use crate::signals;
use crate::verdict::{holds_to_the_end, recovers, report};

#[derive(Clone, Copy, Debug)]
enum Fault {
    OrderServiceKilled,
    OrderServiceFrozen,
    OrderServiceHungUp,
    CookKilled,
    CookFrozen,
    CookHungUp,
    LinkReset,
    LinkAway,
    LinkHalfOpen,
    LinkLate,
    LinkSlow,
    BackendsTerminated,
    BackendFrozen,
    PostgresKilled,
    ReadOnly,
    TablesAltered,
    SequenceSetBack,
    ConnectionsClosed,
    MemoryAlarm,
    RabbitmqFrozen,
    RabbitmqKilled,
    QueueDeleted,
    QueuePurged,
    QueueRefuses,
}

/// Faults with a slow recovery occur less often.
const FAULTS: [Fault; 34] = {
    use Fault::*;
    [
        OrderServiceKilled,
        OrderServiceKilled,
        OrderServiceFrozen,
        OrderServiceHungUp,
        CookKilled,
        CookKilled,
        CookFrozen,
        CookHungUp,
        LinkReset,
        LinkReset,
        LinkReset,
        LinkAway,
        LinkHalfOpen,
        LinkLate,
        LinkSlow,
        BackendsTerminated,
        BackendsTerminated,
        BackendFrozen,
        PostgresKilled,
        ReadOnly,
        TablesAltered,
        TablesAltered,
        SequenceSetBack,
        SequenceSetBack,
        ConnectionsClosed,
        ConnectionsClosed,
        MemoryAlarm,
        RabbitmqFrozen,
        RabbitmqKilled,
        QueueDeleted,
        QueuePurged,
        QueuePurged,
        QueueRefuses,
        QueueRefuses,
    ]
};

const QUEUES: [&str; 4] =
    ["kitchen_takeout_queue", "kitchen_delivery_queue", "kitchen_dine_in_queue", "kitchen_queue"];

/// The backends of the database, except the one that asks.
const OTHERS: &str = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

struct Scene {
    restaurant: Restaurant,
    random: StdRng,
}

impl Scene {
    /// Waits for the duration of a fault: from zero to longer than most deadlines.
    async fn lasts(&mut self) {
        let milliseconds = self.random.random_range(0..4_000);
        sleep(Duration::from_millis(milliseconds)).await;
    }

    async fn strikes(&mut self, fault: Fault) {
        let place = self.random.random_range(0..COOKS.len());
        let link = self.random.random_range(0..5);
        match fault {
            Fault::OrderServiceKilled => {
                self.restaurant.order_services[place].kill().await;
                self.restaurant.replace_order_service(place).await;
            }
            Fault::CookKilled => {
                self.restaurant.cooks[place].kill().await;
                self.restaurant.replace_cook(place).await;
            }
            Fault::OrderServiceHungUp => {
                let service = &mut self.restaurant.order_services[place];
                service.signal(Signal::HUP);
                service.wait().await;
                self.restaurant.replace_order_service(place).await;
            }
            Fault::CookHungUp => {
                let cook = &mut self.restaurant.cooks[place];
                cook.signal(Signal::HUP);
                cook.wait().await;
                self.restaurant.replace_cook(place).await;
            }
            Fault::OrderServiceFrozen => {
                self.restaurant.order_services[place].signal(Signal::STOP);
                self.lasts().await;
                self.restaurant.order_services[place].signal(Signal::CONT);
            }
            Fault::CookFrozen => {
                self.restaurant.cooks[place].signal(Signal::STOP);
                self.lasts().await;
                self.restaurant.cooks[place].signal(Signal::CONT);
            }
            Fault::LinkReset | Fault::LinkAway | Fault::LinkHalfOpen | Fault::LinkLate | Fault::LinkSlow => {
                let proxy = self.restaurant.links.all()[link].1;
                match fault {
                    Fault::LinkHalfOpen => proxy.silence(),
                    Fault::LinkLate => proxy.delay(Duration::from_secs(2)),
                    Fault::LinkSlow => proxy.throttle(1_000),
                    _ => proxy.cut(),
                }
                if !matches!(fault, Fault::LinkReset) {
                    self.lasts().await;
                }
                self.restaurant.links.all()[link].1.mend();
            }
            Fault::BackendsTerminated | Fault::BackendFrozen | Fault::PostgresKilled => {
                self.database(fault).await;
            }
            Fault::ReadOnly | Fault::TablesAltered | Fault::SequenceSetBack => self.tables(fault).await,
            Fault::ConnectionsClosed
            | Fault::MemoryAlarm
            | Fault::RabbitmqFrozen
            | Fault::RabbitmqKilled
            | Fault::QueueDeleted
            | Fault::QueuePurged
            | Fault::QueueRefuses => self.broker(fault).await,
        }
    }

    async fn database(&mut self, fault: Fault) {
        if matches!(fault, Fault::PostgresKilled) {
            self.restaurant.stage.own_servers().postgres.kill();
            self.restaurant.stage.own_servers().postgres.restart().await.unwrap();
            return;
        }
        let database = self.restaurant.stage.database().await;
        if matches!(fault, Fault::BackendsTerminated) {
            database.rows(&format!("select pg_terminate_backend(pid) {OTHERS}")).await;
            return;
        }
        let backends = database.rows(&format!("select pid {OTHERS} order by pid")).await;
        let Some(backend) = backends.choose(&mut self.random) else { return };
        let pid = backend["pid"].as_u64().unwrap().try_into().unwrap();
        signals::send(pid, Signal::STOP);
        self.lasts().await;
        signals::send(pid, Signal::CONT);
    }

    /// PostgreSQL runs, but has changed.
    async fn tables(&mut self, fault: Fault) {
        let database = self.restaurant.stage.database().await;
        match fault {
            Fault::ReadOnly => {
                let name = self.restaurant.stage.name.clone();
                let read_only =
                    |value| format!("alter database {name} set default_transaction_read_only = {value}");
                database.execute(&read_only("on")).await;
                // The setting applies to new sessions.
                database.rows(&format!("select pg_terminate_backend(pid) {OTHERS}")).await;
                self.lasts().await;
                database.execute(&read_only("off")).await;
            }
            Fault::TablesAltered => {
                let column_type = ["text", "varchar(100)"].choose(&mut self.random).unwrap();
                for column in ["orders alter column processed_by", "workers alter column name"] {
                    database.execute(&format!("alter table {column} type {column_type}")).await;
                }
            }
            _ => {
                // Each order that is refused for it advances the sequence again.
                let set_back =
                    "select setval('orders_id_seq', greatest(1, last_value - 20)) from orders_id_seq";
                database.rows(set_back).await;
            }
        }
    }

    async fn broker(&mut self, fault: Fault) {
        match fault {
            Fault::MemoryAlarm => {
                for watermark in ["{absolute, 1}", "{absolute, 1500000000}"] {
                    let set = format!("vm_memory_monitor:set_vm_memory_high_watermark({watermark}).");
                    let console = self.restaurant.stage.own_servers().rabbitmq.console();
                    console.evaluate(&set).await.unwrap();
                    self.lasts().await;
                }
            }
            Fault::RabbitmqFrozen => {
                let pid = self.restaurant.stage.own_servers().rabbitmq.pid();
                signals::send_to_tree(pid, Signal::STOP);
                self.lasts().await;
                signals::send_to_tree(pid, Signal::CONT);
            }
            Fault::RabbitmqKilled => {
                self.restaurant.stage.own_servers().rabbitmq.kill();
                self.restaurant.stage.own_servers().rabbitmq.restart().await.unwrap();
            }
            _ => {
                let queue = QUEUES.choose(&mut self.random).unwrap();
                let broker = self.restaurant.stage.broker().await;
                match fault {
                    Fault::QueueRefuses => {
                        refuse(&broker, queue).await;
                        self.lasts().await;
                        accept_again(&broker, &self.restaurant).await;
                    }
                    Fault::QueueDeleted => broker.delete(queue).await,
                    Fault::QueuePurged => broker.purge_if_there(queue).await,
                    _ => broker.close_all_connections(1).await,
                }
                broker.close().await;
            }
        }
    }
}

#[tokio::test]
async fn random_faults() {
    let seed = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    let time = soak();
    println!("random faults for {time:?}: SEED={seed}");
    let restaurant = Restaurant::open_with_own_servers().await;
    let mut scene = Scene { restaurant, random: StdRng::seed_from_u64(seed) };
    let load = scene.restaurant.load();
    let (struck, recovery) = break_things(&mut scene, &load, time).await;
    for (fault, times) in &struck {
        println!("  {times:>4} × {fault}");
    }
    let faults: usize = struck.values().sum();
    let scenario = format!("random faults for {} s ({faults} faults, seed {seed})", time.as_secs());
    holds_to_the_end(&scenario, scene.restaurant, load, recovery).await;
    for (fault, times) in struck {
        report(&format!("| … of these {fault} | {times} times | | | | |"));
    }
}

/// Causes faults, and returns their counts and the longest recovery.
async fn break_things(scene: &mut Scene, load: &Load, time: Duration) -> (BTreeMap<String, usize>, Duration) {
    let (start, mut struck, mut longest) = (Instant::now(), BTreeMap::new(), Duration::ZERO);
    while start.elapsed() < time {
        load.accepts(5).await;
        let fault = *FAULTS.choose(&mut scene.random).unwrap();
        println!("  {:>7.1} s {fault:?}", start.elapsed().as_secs_f64());
        scene.strikes(fault).await;
        longest = longest.max(recovers(load).await);
        *struck.entry(format!("{fault:?}")).or_default() += 1;
    }
    (struck, longest)
}
