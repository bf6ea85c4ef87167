//! RabbitMQ as relay and rescuer see it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bus::PublishError;
use bus::inspection::{Depth, Found, QueueDepth, Queues};
use bus::safety_net::{ClearError, UnroutedOrder};
use bus::topology;
use db::DbError;
use domain::{OrderMessage, OrderType};

use crate::rescuer::KitchenQueues;

/// The queues of the kitchen; a handle to them.
#[derive(Clone, Default)]
pub struct ModelQueues(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    /// Absent: deleted.
    typed: HashMap<OrderType, Vec<OrderMessage>>,
    safety_net: Vec<OrderMessage>,
    refusing: Vec<OrderType>,
    broken: bool,
}

impl ModelQueues {
    /// As they are declared.
    pub fn reset(&self) {
        *self.0.borrow_mut() = State::default();
        for order_type in OrderType::ALL {
            self.declare_one(order_type);
        }
    }

    /// Declares the queue of a type.
    pub fn declare_one(&self, order_type: OrderType) {
        self.0.borrow_mut().typed.entry(order_type).or_default();
    }

    /// Takes a message in.
    pub fn publish(&self, message: OrderMessage) -> Result<(), PublishError> {
        let mut state = self.0.borrow_mut();
        if state.broken {
            return Err(PublishError::Lost);
        }
        if state.refusing.contains(&message.order_type) {
            return Err(PublishError::Rejected);
        }
        let state = &mut *state;
        state.typed.get_mut(&message.order_type).unwrap_or(&mut state.safety_net).push(message);
        Ok(())
    }

    /// Gives a message back that a worker held.
    pub fn return_one(&self, message: OrderMessage) {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        state.typed.get_mut(&message.order_type).unwrap_or(&mut state.safety_net).push(message);
    }

    /// The most urgent message of these types, and of the safety net if it is read.
    pub fn take(&self, types: &[OrderType], reads_safety_net: bool) -> Option<OrderMessage> {
        let mut state = self.0.borrow_mut();
        let State { typed, safety_net, .. } = &mut *state;
        let mut queues: Vec<&mut Vec<OrderMessage>> = typed
            .iter_mut()
            .filter(|(order_type, _)| types.contains(order_type))
            .map(|(_, queue)| queue)
            .collect();
        if reads_safety_net {
            queues.push(safety_net);
        }
        let urgent = |queue: &&mut Vec<OrderMessage>| queue.iter().map(|message| message.priority).max();
        let queue = queues.into_iter().filter(|queue| !queue.is_empty()).max_by_key(urgent)?;
        let highest = queue.iter().map(|message| message.priority).max()?;
        let place = queue.iter().position(|message| message.priority == highest)?;
        Some(queue.remove(place))
    }

    pub fn purge(&self, order_type: OrderType) {
        if let Some(queue) = self.0.borrow_mut().typed.get_mut(&order_type) {
            queue.clear();
        }
    }

    pub fn delete(&self, order_type: OrderType) {
        self.0.borrow_mut().typed.remove(&order_type);
    }

    pub fn refuse(&self, order_type: OrderType, refuses: bool) {
        let refusing = &mut self.0.borrow_mut().refusing;
        refusing.retain(|refused| *refused != order_type);
        refusing.extend(refuses.then_some(order_type));
    }

    pub fn break_connection(&self, broken: bool) {
        self.0.borrow_mut().broken = broken;
    }
}

impl KitchenQueues for ModelQueues {
    async fn declare(&self) -> Result<(), bus::SessionError> {
        for order_type in OrderType::ALL {
            self.declare_one(order_type);
        }
        Ok(())
    }

    async fn clear_safety_net(
        &self,
        mut take: impl AsyncFnMut(&[UnroutedOrder]) -> Result<Vec<bool>, DbError>,
    ) -> Result<(), ClearError<DbError>> {
        let shown = std::mem::take(&mut self.0.borrow_mut().safety_net);
        let shown: Vec<_> = shown.into_iter().map(|order| UnroutedOrder { order, identity: None }).collect();
        let taken = take(&shown).await.map_err(ClearError::Take)?;
        let left = shown.into_iter().zip(taken).filter(|(_, taken)| !taken).map(|(stray, _)| stray.order);
        self.0.borrow_mut().safety_net.extend(left);
        Ok(())
    }

    async fn messages(&self) -> Result<Queues, bus::SessionError> {
        let state = self.0.borrow();
        let depth = |order_type: OrderType| {
            let messages = u32::try_from(state.typed.get(&order_type)?.len()).ok()?;
            Some(Depth { messages, consumers: Some(0) })
        };
        let typed = OrderType::ALL.map(|order_type| QueueDepth {
            name: topology::kitchen_queue(order_type),
            found: depth(order_type).map_or(Found::Absent, Found::There),
        });
        Ok(Queues(typed.to_vec()))
    }
}
