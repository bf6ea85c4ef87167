//! The rules that RabbitMQ and the database keep together: every waiting order has a message, and
//! every message has a worker.

use bus::inspection::{Found, Queues};
use bus::topology::{DEAD_LETTER_QUEUE, SAFETY_NET_QUEUE, kitchen_queue};
use config::Config;
use db::Database;
use db::audit::{Audit, WaitingOrder};
use deadlines::kitchen::HOLDINGS_PAUSE;
use domain::OrderType;
use runtime::with_causes;
use tokio::time::sleep;

use crate::view::verdict::Verdict;

/// The largest number of examples.
const EXAMPLES: usize = 10;

/// Compares the queues with the orders whose messages should be in them.
pub async fn verdicts(
    db: &Database,
    audit: &Audit,
    queues: &Queues,
    config: &Config,
    settled: bool,
) -> Vec<Verdict> {
    let mut verdicts = vec![presence(queues), messages(db, audit, queues, config).await];
    verdicts.push(attention(audit, queues));
    verdicts.push(dead_letters(queues));
    if settled {
        verdicts.push(emptiness(queues));
    }
    verdicts
}

fn presence(queues: &Queues) -> Verdict {
    let missing: Vec<String> = queues
        .0
        .iter()
        .filter_map(|queue| match &queue.found {
            Found::There(_) => None,
            Found::Absent => Some(queue.name.to_owned()),
            Found::Untold(reason) => Some(format!("{}: {reason}", queue.name)),
        })
        .collect();
    if missing.is_empty() {
        return Verdict::ok("queues", format!("all {} are there", queues.0.len()));
    }
    let to_do = "those without a reason were deleted, or no service has run yet. Any order service or worker declares those of orders when it connects: restart one. An order service with intake.enabled declares those of orders by message. If one stays away, 'restaurant-ctl doctor' says why";
    let found = format!("queues that are not there, or cannot be used: {}", missing.len());
    Verdict::fail("queues", found, to_do).with_examples(missing.len() as u64, missing)
}

/// Finds orders that wait although their queues hold too few messages. The check is slow but
/// certain. The queues are counted twice, and the higher number is used, because a message that a
/// worker requeued in between is not missing. After either count it waits, so that messages just
/// taken out of a queue can be claimed, or written down as held.
async fn messages(db: &Database, audit: &Audit, queues: &Queues, config: &Config) -> Verdict {
    let check = "messages";
    if let Some(verdict) = untold(check, queues, holds_orders) {
        return verdict;
    }
    let mut missed = missing(&audit.waiting, |order_type| queues.messages_of(order_type));
    if !missed.is_empty() {
        sleep(HOLDINGS_PAUSE).await;
        let again =
            match bus::inspection::queues(&config.rabbitmq, "restaurant-ctl: audit", config.intake.enabled)
                .await
            {
                Ok(queues) => queues,
                Err(why) => return Verdict::unknown(check, with_causes(&why), "start the audit again"),
            };
        sleep(HOLDINGS_PAUSE).await;
        // Orders claimed in the meantime had a message. Only those that wait in both rounds count.
        match db::audit::still_waiting(db, &audit.waiting).await {
            Ok(still) => {
                let most = |order_type| queues.messages_of(order_type).max(again.messages_of(order_type));
                missed = missing(&still, most);
            }
            Err(why) => return Verdict::unknown(check, with_causes(&why), "start the audit again"),
        }
    }
    if missed.is_empty() {
        return Verdict::ok(check, "no order waits without a message");
    }
    let examples: Vec<String> = missed
        .iter()
        .take(EXAMPLES)
        .map(|order| format!("{} ({}) waits, and its message is in no queue", order.number, order.order_type))
        .collect();
    let to_do = "a queue was purged, deleted or lost. The order service's rescuer sends such orders again: see that one runs";
    Verdict::fail(check, format!("orders that wait without a message: at least {}", missed.len()), to_do)
        .with_examples(missed.len() as u64, examples)
}

/// The excess orders of each type for which its queues hold no message: the oldest, although it may
/// be others.
fn missing(waiting: &[WaitingOrder], messages: impl Fn(OrderType) -> u64) -> Vec<WaitingOrder> {
    let mut missing = Vec::new();
    for order_type in OrderType::ALL {
        let orders = waiting.iter().filter(|order| order.order_type == order_type.as_str());
        let seen = usize::try_from(messages(order_type)).unwrap_or(usize::MAX);
        let count = orders.clone().count().saturating_sub(seen);
        missing.extend(orders.take(count).cloned());
    }
    missing
}

/// Whether orders wait in the queue of this name.
fn holds_orders(name: &str) -> bool {
    name == SAFETY_NET_QUEUE || OrderType::ALL.into_iter().any(|order_type| kitchen_queue(order_type) == name)
}

/// The answer of a check if RabbitMQ does not tell how many messages are in some of these queues.
fn untold(check: &'static str, queues: &Queues, is_meant: impl Fn(&str) -> bool) -> Option<Verdict> {
    let is_untold = |found: &Found| matches!(found, Found::Untold(_));
    let untold = queues.0.iter().filter(|queue| is_meant(queue.name) && is_untold(&queue.found));
    let names: Vec<&str> = untold.map(|queue| queue.name).collect();
    let found = format!("RabbitMQ does not tell how many messages are in {}", names.join(", "));
    let to_do = "do first what the check 'queues' says";
    (!names.is_empty()).then(|| Verdict::unknown(check, found, to_do))
}

/// Messages without an online worker that could take them.
fn attention(audit: &Audit, queues: &Queues) -> Verdict {
    if let Some(verdict) = untold("attention", queues, holds_orders) {
        return verdict;
    }
    let waits = |name| queues.depth(name).is_some_and(|depth| depth.messages > 0);
    let mut unattended: Vec<String> = OrderType::ALL
        .into_iter()
        .filter(|order_type| !audit.online.iter().any(|worker| worker.specialisation.cooks(*order_type)))
        .map(kitchen_queue)
        .filter(|name| waits(name))
        .map(str::to_owned)
        .collect();
    let general = domain::Specialisation::General;
    if waits(SAFETY_NET_QUEUE) && !audit.online.iter().any(|worker| worker.specialisation == general) {
        unattended.push(SAFETY_NET_QUEUE.to_owned());
    }
    if unattended.is_empty() {
        return Verdict::ok("attention", "a worker is there for every order that waits");
    }
    let found = "orders wait, and no worker that cooks them is online";
    Verdict::warn(
        "attention",
        found,
        "start a worker without --order-types, or with the type that is missing",
    )
    .with_examples(unattended.len() as u64, unattended)
}

fn dead_letters(queues: &Queues) -> Verdict {
    if let Some(verdict) = untold("dead_letters", queues, |name| name == DEAD_LETTER_QUEUE) {
        return verdict;
    }
    match queues.depth(DEAD_LETTER_QUEUE).map_or(0, |depth| depth.messages) {
        0 => Verdict::ok("dead_letters", "none"),
        count => Verdict::warn(
            "dead_letters",
            format!("messages that could not be cooked: {count}"),
            "'restaurant-ctl dlq list' says why each is there, and 'dlq replay' sends it back".to_owned(),
        )
        .with_examples(count.into(), Vec::new()),
    }
}

/// Streams keep their messages, and dead letters wait for an operator, so both are ignored. Of a
/// stream, no consumers are known.
fn emptiness(queues: &Queues) -> Verdict {
    if let Some(verdict) = untold("queues_at_rest", queues, |name| name != DEAD_LETTER_QUEUE) {
        return verdict;
    }
    let full: Vec<String> = queues
        .0
        .iter()
        .filter(|queue| queue.name != DEAD_LETTER_QUEUE)
        .filter_map(|queue| {
            Some((queue.name, queue.found.depth().filter(|depth| depth.consumers.is_some())?))
        })
        .filter(|(_, depth)| depth.messages > 0)
        .map(|(name, depth)| format!("{name}: {}", depth.messages))
        .collect();
    if full.is_empty() {
        return Verdict::ok("queues_at_rest", "no message waits");
    }
    Verdict::fail(
        "queues_at_rest",
        "messages still wait",
        "start workers (for orders by message an order service), or wait until they have taken them",
    )
    .with_examples(full.len() as u64, full)
}
