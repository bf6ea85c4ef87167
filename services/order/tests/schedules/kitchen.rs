//! The cooks.

use std::time::Duration;

use db::claims::{self, ClaimOutcome, ClaimRequest, Claimant, FinishRequest, LockMode};
use db::{Database, workers};
use domain::{OrderMessage, OrderNumber, OrderPointer, OrderType, RequestId, Specialisation};

use super::queues::ModelQueues;

/// What they cook, and how many orders they hold at once.
pub const COOKS: [(&str, u16); 3] = [("takeout", 5), ("dine_in,delivery", 3), ("general", 1)];
const HEARTBEAT: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(2);
/// Each order takes so many seconds.
const COOKING: u32 = 2;

/// A cook who cooks one order at a time.
pub struct Cook {
    claimant: Claimant,
    specialisation: Specialisation,
    prefetch: usize,
    pub alive: bool,
    cooking: Option<Cooking>,
    /// Held without being cooked.
    held: Vec<OrderMessage>,
}

struct Cooking {
    message: OrderMessage,
    order_id: i32,
    attempt: i32,
    left: u32,
}

fn request_id() -> RequestId {
    RequestId::startup()
}

impl Cook {
    pub fn new(place: usize) -> Self {
        let (kind, prefetch) = COOKS[place];
        let specialisation = if kind == "general" { Specialisation::General } else { kind.parse().unwrap() };
        let worker = format!("chef_{place}").parse().unwrap();
        let claimant = Claimant { worker, token: rand::random() };
        Self {
            claimant,
            specialisation,
            prefetch: prefetch.into(),
            alive: false,
            cooking: None,
            held: Vec::new(),
        }
    }

    fn types(&self) -> Vec<OrderType> {
        OrderType::ALL.into_iter().filter(|order_type| self.specialisation.cooks(*order_type)).collect()
    }

    /// What it holds without cooking it, as others know.
    pub fn holds(&self) -> Vec<OrderNumber> {
        let mut numbers: Vec<_> = self.held.iter().map(|message| message.order_number).collect();
        numbers.sort();
        numbers
    }

    /// Comes in, if its name is free by now.
    pub async fn start(&mut self, db: &Database, queues: &ModelQueues) {
        if self.alive {
            return;
        }
        self.claimant.token = rand::random();
        let holds_unclaimed = self.prefetch > 1;
        let registering =
            workers::register(db, &self.claimant, &self.specialisation, HEARTBEAT, holds_unclaimed);
        self.alive = registering.await.unwrap() == workers::Registration::Registered;
        if self.alive {
            self.types().into_iter().for_each(|order_type| queues.declare_one(order_type));
        }
    }

    /// Dies. Its claim lasts until its lease has run out.
    pub fn kill(&mut self, queues: &ModelQueues) {
        self.alive = false;
        let cooking = self.cooking.take().map(|cooking| cooking.message);
        self.held.drain(..).chain(cooking).for_each(|message| queues.return_one(message));
    }

    /// Works for a second.
    pub async fn work(&mut self, db: &Database, queues: &ModelQueues) {
        if !self.alive {
            return;
        }
        let cooks: Vec<i32> = self.cooking.iter().map(|cooking| cooking.order_id).collect();
        let kept = workers::heartbeat(db, &self.claimant, &cooks, LEASE).await.unwrap();
        if kept.is_none() {
            return self.kill(queues);
        }
        self.go_on(db).await;
        let general = self.specialisation == Specialisation::General;
        while self.held.len() + usize::from(self.cooking.is_some()) < self.prefetch {
            let Some(message) = queues.take(&self.types(), general) else { break };
            self.held.push(message);
        }
        let mut waiting = std::mem::take(&mut self.held).into_iter();
        while self.cooking.is_none()
            && let Some(message) = waiting.next()
        {
            self.begin(db, message).await;
        }
        self.held.extend(waiting);
        if self.prefetch > 1 {
            workers::hold(db, &self.claimant, &self.holds()).await.unwrap();
        }
    }

    async fn go_on(&mut self, db: &Database) {
        let Some(cooking) = &mut self.cooking else { return };
        cooking.left -= 1;
        if cooking.left > 0 {
            return;
        }
        let request = FinishRequest {
            number: cooking.message.order_number,
            order_id: cooking.order_id,
            attempt: cooking.attempt,
            request_id: request_id(),
        };
        claims::finish(db, &self.claimant, &[request], LockMode::Wait).await.unwrap();
        self.cooking = None;
    }

    /// Claims an order. One that another cooks is held; one that is over is dropped.
    async fn begin(&mut self, db: &Database, message: OrderMessage) {
        let request = ClaimRequest {
            order: OrderPointer::of(&message, None),
            cooking: Duration::from_secs(COOKING.into()),
            request_id: request_id(),
        };
        let outcomes = claims::claim(db, &self.claimant, LEASE, &[request], LockMode::Wait).await.unwrap();
        match outcomes.into_iter().next().flatten() {
            Some(ClaimOutcome::Granted(claim)) => {
                let (order_id, attempt) = (claim.order_id, claim.attempt);
                self.cooking = Some(Cooking { message, order_id, attempt, left: COOKING });
            }
            Some(ClaimOutcome::Held { .. }) => self.held.push(message),
            Some(ClaimOutcome::Over(_) | ClaimOutcome::OnHold) => {}
            other => panic!("{other:?}"),
        }
    }
}
