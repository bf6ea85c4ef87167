//! Everything together, a second at a time.

use std::collections::HashMap;
use std::time::Duration;

use db::outbox::{self, OrderOutboxRow, Published};
use db::{Access, Database, schema};
use deadlines::outbox::POLL_INTERVAL;
use domain::{OrderMessage, OrderType};
use logging::Log;
use serde_json::{Value, json};
use testkit::Stage;
use testkit::database;

use super::Event;
use super::kitchen::{COOKS, Cook};
use super::queues::ModelQueues;
use crate::relay::Wakeup;
use crate::relay::pace::{BATCH, Look, Next, Pace};
use crate::rescuer::Rescuer;

const RESEND_AFTER: Duration = Duration::from_secs(4);
const MAX_WAIT: Duration = Duration::from_secs(12);
/// From the moment at which an order should be lifted until it must be: until the next look, and a
/// second for each second that the model cannot tell apart.
const LIFTED_WITHIN: u64 = 4;
/// Longest time until a message that was refused is due again.
const MAX_PAUSE: f64 = 60.0;

/// The lanes of the relay, by their types, and when each is looked at again.
struct Lane {
    order_type: OrderType,
    pace: Pace,
    next_look: Duration,
    can_be_woken: bool,
}

pub struct World {
    db: Database,
    look: database::Database,
    queues: ModelQueues,
    rescuer: Rescuer<ModelQueues>,
    wakeup: Wakeup,
    cooks: Vec<Cook>,
    lanes: Vec<Lane>,
    /// Seconds since the beginning: no clock that anybody sets.
    now: u64,
    /// When each order was placed, and seen in the outbox for the last time.
    placed: HashMap<String, u64>,
    in_outbox: HashMap<String, u64>,
}

impl World {
    pub async fn on(stage: &Stage) -> Self {
        let settings = stage.database_settings();
        schema::migrate(&Database::new(&settings, "schedules", Access::ReadWrite).unwrap()).await.unwrap();
        let clock = stage.database().await;
        clock
            .execute(&format!(
                "create schema test_clock;
             create table test_clock.clock (moment timestamptz not null);
             insert into test_clock.clock values ('2026-11-20 12:00:00+00');
             create function test_clock.now() returns timestamptz language sql stable
                 as $$ select moment from test_clock.clock $$;
             create function test_clock.statement_timestamp() returns timestamptz language sql stable
                 as $$ select moment from test_clock.clock $$;
             alter database {} set search_path = test_clock, pg_catalog, public",
                stage.name
            ))
            .await;
        let (db, look) =
            (Database::new(&settings, "schedules", Access::ReadWrite).unwrap(), stage.database().await);
        let (queues, wakeup) = (ModelQueues::default(), Wakeup::default());
        let (log, flush) = logging::start_on("schedules", logging::Level::Error, std::io::stderr());
        // Its lines are told as long as the test runs.
        std::mem::forget(flush);
        let rescuer = rescuer(&db, &queues, &wakeup, log);
        let (cooks, lanes) = (Vec::new(), Vec::new());
        let (placed, in_outbox) = (HashMap::new(), HashMap::new());
        Self { db, look, queues, rescuer, wakeup, cooks, lanes, now: 0, placed, in_outbox }
    }

    /// An empty restaurant with all cooks.
    pub async fn begin(&mut self) {
        self.look
            .execute(
                "truncate orders, order_counters, order_outbox, status_outbox,
                          workers, worker_sessions restart identity cascade;
                 update test_clock.clock set moment = '2026-11-20 12:00:00+00'",
            )
            .await;
        self.queues.reset();
        self.cooks = (0..COOKS.len()).map(Cook::new).collect();
        let lane = |order_type| Lane {
            order_type,
            pace: Pace::new(BATCH),
            next_look: Duration::ZERO,
            can_be_woken: true,
        };
        self.lanes = OrderType::ALL.into_iter().map(lane).collect();
        self.now = 0;
        self.placed.clear();
        self.in_outbox.clear();
        for cook in &mut self.cooks {
            cook.start(&self.db, &self.queues).await;
        }
    }

    pub async fn happens(&mut self, event: Event) {
        match event {
            Event::Place { order_type, dear, sent } => self.place(order_type, dear, sent).await,
            Event::Refuse(order_type, refuses) => self.queues.refuse(order_type, refuses),
            Event::Break(broken) => self.queues.break_connection(broken),
            Event::Purge(order_type) => self.queues.purge(order_type),
            Event::Delete(order_type) => self.queues.delete(order_type),
            Event::Kill(place) => self.cooks[place].kill(&self.queues),
            Event::Start(place) => self.cooks[place].start(&self.db, &self.queues).await,
            Event::SetClockBack => {
                self.look.execute("update test_clock.clock set moment = moment - interval '1 hour'").await;
            }
        }
    }

    /// Nothing is broken any more.
    pub async fn calm_down(&mut self) {
        for order_type in OrderType::ALL {
            self.queues.refuse(order_type, false);
        }
        self.queues.break_connection(false);
    }

    async fn place(&mut self, order_type: OrderType, dear: bool, sent: bool) {
        let number = format!("ORD_20261120_{:03}", self.placed.len() + 1);
        let (priority, total) = if dear { (10, "150.00") } else { (1, "5.00") };
        self.look
            .execute(&format!(
                "with placed as (
                    insert into orders (created_at, number, customer_name, type, total_amount, priority, table_number,
                                               delivery_address)
                    values (now(), '{number}', 'Ada', '{order_type}', {total}, {priority},
                            case '{order_type}' when 'dine_in' then 1 end,
                            case '{order_type}' when 'delivery' then '12 Long Lane, Town' end)
                    returning id
                ), stored_items as (
                    insert into order_items (order_id, name, quantity, price) select id, 'Feast', 1, {total} from placed
                )
                insert into order_outbox (order_id, request_id, due_at)
                select id, 'placed-' || id, now() from placed where not {sent}"
            ))
            .await;
        if sent {
            let total: Value = serde_json::from_str(total).unwrap();
            let message = json!({
                "order_number": number, "customer_name": "Ada", "order_type": order_type.as_str(),
                "table_number": (order_type == OrderType::DineIn).then_some(1),
                "delivery_address": (order_type == OrderType::Delivery).then_some("12 Long Lane, Town"),
                "items": [{"name": "Feast", "quantity": 1, "price": total}], "total_amount": total, "priority": priority
            });
            let message = OrderMessage::parse(message.to_string().as_bytes()).unwrap();
            // One that the broker does not take would have been answered otherwise.
            self.queues.return_one(message);
        }
        self.placed.insert(number, self.now);
    }

    /// A second passes.
    pub async fn second(&mut self) -> Result<(), String> {
        self.now += 1;
        self.look.execute("update test_clock.clock set moment = moment + interval '1 second'").await;
        for cook in &mut self.cooks {
            if self.placed.is_empty() || cook.alive {
                cook.work(&self.db, &self.queues).await;
            }
        }
        if self.now.is_multiple_of(self.rescuer.interval().as_secs()) {
            let held: Vec<String> = self
                .cooks
                .iter()
                .filter(|cook| cook.alive)
                .flat_map(Cook::holds)
                .map(|held| held.to_string())
                .collect();
            let before = self.redelivered(&held).await;
            self.rescuer.pass().await;
            // Notes of orders that are over are forgotten.
            if self.redelivered(&held).await > before {
                return Err(format!("an order in a cook's hands was redelivered: one of {held:?}"));
            }
        }
        self.relay().await?;
        self.look_at_orders().await
    }

    /// All cooks come back, if their names are free.
    async fn cooks_come(&mut self) {
        for cook in &mut self.cooks {
            cook.start(&self.db, &self.queues).await;
        }
    }

    /// How often orders were redelivered.
    async fn redelivered(&self, numbers: &[String]) -> Option<i64> {
        let sql = format!(
            "select coalesce(sum(times), 0) from rescue_attempts join orders on id = order_id
             where action = 'redeliver' and number = any('{{{}}}')",
            numbers.join(",")
        );
        self.look.value(&sql).await.as_i64()
    }

    async fn relay(&mut self) -> Result<(), String> {
        let now = Duration::from_secs(self.now);
        let woken = tokio::time::timeout(Duration::ZERO, self.wakeup.woken()).await.is_ok();
        for lane in &mut self.lanes {
            if woken && lane.can_be_woken {
                lane.next_look = now;
            }
        }
        while self.lanes.iter().any(|lane| lane.next_look <= now) {
            let due = outbox::due(&self.db).await.map_err(|why| why.to_string())?;
            for lane in self.lanes.iter_mut().filter(|lane| lane.next_look <= now) {
                let next = if due.orders.contains(&lane.order_type) {
                    look_at(lane, &self.db, &self.queues).await?
                } else {
                    Next::WhenWoken
                };
                lane.can_be_woken = !matches!(next, Next::After(_));
                lane.next_look = now
                    + match next {
                        Next::AtOnce => Duration::ZERO,
                        Next::WhenWoken => POLL_INTERVAL,
                        Next::After(pause) => pause,
                    };
            }
        }
        Ok(())
    }

    /// Whether each order is where it should be by now.
    async fn look_at_orders(&mut self) -> Result<(), String> {
        for order in self.open().await {
            let number = order["number"].as_str().unwrap().to_owned();
            if let Some(due_in) = order["due_in"].as_f64() {
                self.in_outbox.insert(number.clone(), self.now);
                if order["attempts"] != 0 && due_in > MAX_PAUSE && due_in < 3_000.0 {
                    return Err(format!("{order} was refused and is due only in {due_in} s"));
                }
                continue;
            }
            let overdue = self.placed[&number] + MAX_WAIT.as_secs();
            let since = overdue.max(self.in_outbox.get(&number).copied().unwrap_or(0));
            if order["status"] == "received" && order["priority"] != 10 && self.now > since + LIFTED_WITHIN {
                return Err(format!("{order} should have been lifted {} s ago", self.now - since));
            }
        }
        Ok(())
    }

    async fn open(&self) -> Vec<Value> {
        self.look
            .rows(
                "select number, status, priority, attempts,
                        extract(epoch from due_at - (select moment from test_clock.clock))::float8 as due_in
                 from orders left join order_outbox on order_id = id
                 where status in ('received', 'cooking') order by id",
            )
            .await
    }

    /// Whether all is over; until then every cook who is away tries to come back.
    pub async fn all_are_ready(&mut self) -> bool {
        self.cooks_come().await;
        self.open().await.is_empty()
    }

    pub async fn open_orders(&self) -> String {
        Value::Array(self.open().await).to_string()
    }
}

fn rescuer(db: &Database, queues: &ModelQueues, wakeup: &Wakeup, log: Log) -> Rescuer<ModelQueues> {
    Rescuer {
        db: db.clone(),
        queues: queues.clone(),
        resend_after: RESEND_AFTER,
        max_wait: MAX_WAIT,
        // Here they have written it down before anybody looks.
        holdings_pause: Duration::ZERO,
        relay: wakeup.clone(),
        log,
    }
}

/// A look at a lane, as the relay takes it.
async fn look_at(lane: &mut Lane, db: &Database, queues: &ModelQueues) -> Result<Next, String> {
    let pace = &lane.pace;
    let publish = async |rows: Vec<OrderOutboxRow>| {
        let mut published = Published::default();
        for row in rows {
            match queues.publish(row.message) {
                Ok(()) => published.confirmed.push(row.order_id),
                Err(why) => pace.note(&mut published, row.order_id, &why),
            }
        }
        published
    };
    let relayed = outbox::relay_orders(db, lane.order_type, pace.look(), publish).await;
    let look = Look::from(&relayed.map_err(|why| why.to_string())?);
    let next = lane.pace.after(look);
    if next == Next::AtOnce && look.confirmed == 0 {
        return Err(format!("the relay looks again at once after a look that got nothing done: {look:?}"));
    }
    Ok(next)
}
