//! How many orders lie in the queues.

use amqprs::channel::QueueDeclareArguments;
use domain::{OrderType, Specialisation};
use runtime::config::Rabbitmq;

use crate::session::{Session, SessionError, rpc};
use crate::topology;

/// Orders that wait in the kitchen's queues; those that a worker holds already are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDepths(Vec<(&'static str, usize)>);

impl QueueDepths {
    /// Orders of all queues in which those of this type may lie.
    pub fn reachable_by(&self, order_type: OrderType) -> usize {
        let typed = topology::kitchen_queue(order_type);
        let is_other =
            |queue: &str| OrderType::ALL.into_iter().any(|other| topology::kitchen_queue(other) == queue);
        let depths = self.0.iter().filter(|(queue, _)| *queue == typed || !is_other(queue));
        depths.map(|(_, depth)| depth).sum()
    }
}

/// Asks the broker, over a connection of its own. Queues that are missing are declared.
///
/// # Errors
/// It does not answer.
pub async fn of_orders(settings: &Rabbitmq) -> Result<QueueDepths, SessionError> {
    let mut session = Session::open(settings, "queue depths").await?;
    let depths = async {
        topology::declare_all(&session.channel).await?;
        let mut depths = Vec::new();
        for queue in topology::queues_of(&Specialisation::General) {
            let passive = QueueDeclareArguments::new(queue).passive(true).finish();
            let asking = session.channel.queue_declare(passive);
            let depth = rpc(&format!("asking for the depth of '{queue}'"), asking).await?;
            depths.push((queue, depth.map_or(0, |(_, messages, _)| messages as usize)));
        }
        Ok(QueueDepths(depths))
    };
    let depths = depths.await.map_err(|why| session.explain(why));
    session.close().await;
    depths
}
