//! The texts of the rules about stored data: what holds, what is broken, what to do.

use db::audit::{Audit, Invariant, Restores};

use crate::view::verdict::Verdict;

/// The texts of a rule.
struct Words {
    /// If it holds.
    holds: &'static str,
    /// If it is broken, before the number of cases.
    broken: &'static str,
    to_do: &'static str,
}

/// One verdict for each checked rule.
pub fn verdicts(audit: &Audit, settled: bool) -> Vec<Verdict> {
    Invariant::ALL
        .into_iter()
        .filter(|invariant| settled || *invariant != Invariant::AtRest)
        .map(|invariant| {
            let Words { holds, broken, to_do } = words(invariant);
            match audit.findings.iter().find(|finding| finding.invariant == invariant) {
                None => Verdict::ok(invariant.as_str(), holds),
                Some(finding) => {
                    Verdict::fail(invariant.as_str(), format!("{broken}: {}", finding.count), to_do)
                        .with_examples(finding.count, finding.examples.clone())
                }
            }
        })
        .collect()
}

/// What restores left for a person. No rule is broken by it.
pub fn of_restores(restores: &Restores) -> [Verdict; 2] {
    let Restores { held, lost, skipped } = restores;
    let held = if held.count == 0 {
        Verdict::ok("held_orders", "no order is held since a restore")
    } else {
        Verdict::warn(
            "held_orders",
            format!("orders that are held since a restore, neither sent nor cooked: {}", held.count),
            "ask the kitchen which were cooked; 'restaurant-ctl release' lets the others be cooked, and the staff cancels what nobody \
             wants any more",
        )
        .with_examples(held.count, held.examples.clone())
    };
    let numbers = format!("numbers that a restore left out: {skipped}");
    let lost = if lost.count == 0 {
        let found = if *skipped == 0 { "no order was lost by a restore".to_owned() } else { numbers };
        Verdict::ok("lost_orders", found)
    } else {
        Verdict::warn(
            "lost_orders",
            format!("acknowledged orders that a restore lost: {}; {numbers}", lost.count),
            "tell their guests: nobody cooks them, and their tokens open nothing. Then remove them: delete from lost_orders",
        )
        .with_examples(lost.count, lost.examples.clone())
    };
    [held, lost]
}

fn words(invariant: Invariant) -> Words {
    let (holds, broken, to_do) = match invariant {
        Invariant::OrderNumbers => (
            "every day's numbers are without gap or double",
            "numbers or days with gaps, or unlike their counter",
            "the tables were changed by hand, or orders were removed otherwise than by 'restaurant-ctl prune': compare them with a backup",
        ),
        Invariant::Identities => (
            "every order is recognised by an identity of its own",
            "orders without an identity, or identities of orders that are gone",
            db::audit::GIVE_IDENTITIES,
        ),
        Invariant::StatusLog => (
            "every order's log is the beginning of a legal life",
            "orders with an impossible life",
            "no service writes this: find who changed the rows (column changed_by, the server's log), and correct the log by hand",
        ),
        Invariant::StatusOnce => (
            "no order was cooked, or anything else, twice, unless it was recalled",
            "orders had a status more than once",
            "ask the kitchen whether the order was made twice, and find who wrote the second row (column changed_by)",
        ),
        Invariant::CurrentStatus => (
            "every log ends with its order's status",
            "orders whose log ends otherwise",
            "one of the two was written by hand: the log tells by whom and when; correct the other",
        ),
        Invariant::CompletedAt => (
            "set for what is ready or completed, and for nothing else",
            "orders with completed_at set or missing wrongly",
            "set it to changed_at of the log's row 'ready', or to null",
        ),
        Invariant::Items => (
            "every order has 1 to 20 items",
            "orders with no items or too many",
            "items were removed or added by hand: compare with a backup, or ask the customer",
        ),
        Invariant::TotalAmount => (
            "every total is the sum of its items and of what price rules changed",
            "orders whose total is not that sum",
            "correct the total or the items before the customer pays",
        ),
        Invariant::Priority => (
            "every priority follows from its total",
            "orders whose priority does not follow from their total",
            "set it: 10 above 100, 5 from 50 to 100, else 1",
        ),
        Invariant::Stock => (
            "what is left of every item is the sum of its movements",
            "items or orders whose stock does not agree with its movements",
            "the tables were changed by hand. As their owner, enter the difference: insert into inventory_movements (item_id, delta, left_after, quantity, reason, changed_by) \
             values ('ITEM', DIFFERENCE, LEFT, 0, 'set', 'YOU'). For an order that was cancelled and gave nothing back: restock its items",
        ),
        Invariant::Requests => (
            "the request of every message agrees with its order",
            "requests of messages that do not agree with their orders",
            "the tables were changed by hand: the order decides. Correct the row of order_requests, and tell who sent the message",
        ),
        Invariant::CookingIsClaimed => (
            "every order that is cooking has a worker",
            "orders that are cooking without a worker",
            "start a worker for their types; it takes over what has a message. If that does not help, the message is gone: the order service's rescuer sends it again",
        ),
        Invariant::ClaimedIsCooking => (
            "every claim is of an order that is cooking",
            "claims of orders that are not cooking",
            "delete these rows of order_claims; no service leaves them behind",
        ),
        Invariant::Outbox => (
            "every message leaves in time",
            "messages are overdue",
            "an order service sends them as soon as it runs and reaches RabbitMQ: see its /health and its log (rabbitmq_publish_failed)",
        ),
        Invariant::OrdersProcessed => (
            "every worker's count agrees with the orders",
            "workers whose count differs from their orders",
            "the orders decide: set orders_processed to their number, unless old orders were removed on purpose",
        ),
        Invariant::WorkersAlive => (
            "every worker that is online sends heartbeats",
            "workers say that they are online and are silent",
            "see whether they still run. Other workers take over a killed worker's orders; starting it again takes its name back",
        ),
        Invariant::AtRest => (
            "nothing is in progress",
            "orders, messages or claims are still in progress",
            "wait for the workers, or look at the checks above for what holds them up",
        ),
    };
    Words { holds, broken, to_do }
}
