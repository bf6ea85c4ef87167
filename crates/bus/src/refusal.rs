//! RabbitMQ's reasons for a refusal, and what to do about each: one table.
//!
//! A message shows the broker's reason first, then the advice. No advice deletes a queue that may
//! hold orders.

const EVENTS_DIFFER: &str = "It exists with other settings than this version needs. It holds events only, no orders: delete it once nobody needs those (rabbitmqctl delete_queue), or use another vhost";

const OTHER_TYPE: &str = "It is of another type than rabbitmq.queue_type (RABBITMQ_QUEUE_TYPE) says, and may hold orders: set that to the type that it has, or change the queues as docs/operations.md, 'From classic to quorum queues', says (rabbitmqctl delete_queue --if-empty)";

/// Words of a reason and the advice for it. The first matching row counts.
const ADVICE: &[(&[&str], &str)] = &[
    (
        &["queue limit in vhost"],
        "Allow the vhost more queues (rabbitmqctl set_vhost_limits -p VHOST '{\"max-queues\": -1}'), or use a vhost of its own",
    ),
    (
        &["connection limit"],
        "Allow more connections (rabbitmqctl set_vhost_limits or set_user_limits, max-connections), or stop what holds them",
    ),
    (
        &["channel limit"],
        "Allow the user more channels (rabbitmqctl set_user_limits, max-channels), or stop what holds them",
    ),
    (
        &["message size", "larger than"],
        "Raise max_message_size in rabbitmq.conf: orders need up to 16384 bytes",
    ),
    (
        &["inequivalent arg", "for exchange"],
        "The exchange exists with other settings than this version needs. An exchange holds no messages: delete it on the management page, and it is declared anew; or use another vhost",
    ),
    (
        &["inequivalent arg", "'notifications_queue'"],
        "It exists with other settings than this version needs. It holds status updates only, no orders: delete it once nobody needs those (rabbitmqctl delete_queue), or use another vhost",
    ),
    (
        &["inequivalent arg", "'kitchen_dlq'"],
        "It is used as it is. To have it as this version declares it, empty it first ('restaurant-ctl dlq'), then rabbitmqctl delete_queue --if-empty --if-unused",
    ),
    // RabbitMQ names the first argument that differs, and only the queues of one type have these.
    (&["inequivalent arg 'x-queue-type'", "'kitchen_"], OTHER_TYPE),
    (&["inequivalent arg 'x-max-priority'", "'kitchen_", "received none"], OTHER_TYPE),
    (&["inequivalent arg 'x-dead-letter-strategy'", "'kitchen_"], OTHER_TYPE),
    (&["inequivalent arg 'x-delivery-limit'", "'kitchen_", "received none"], OTHER_TYPE),
    (&["inequivalent arg 'x-overflow'", "'kitchen_"], OTHER_TYPE),
    (&["inequivalent arg", "'order_status_updates'"], EVENTS_DIFFER),
    (&["inequivalent arg", "'db_write_order_status'"], EVENTS_DIFFER),
    (
        &["inequivalent arg", "'validated_orders'"],
        "It exists with other settings than this version needs, and may hold orders that nobody has taken: let the program that knows it take them, then rabbitmqctl delete_queue --if-empty --if-unused, which refuses while there is one in it; or use another vhost",
    ),
    (
        &["inequivalent arg"],
        "It exists with other settings than this version needs, and may hold orders: let the workers that know it cook them, then rabbitmqctl delete_queue --if-empty --if-unused, which refuses while there is an order in it; or use another vhost",
    ),
    (
        &["PRECONDITION_FAILED", "quorum"],
        "The vhost makes quorum queues where classic ones are asked for: rabbitmqctl update_vhost_metadata VHOST --default-queue-type classic, or use another vhost",
    ),
    (
        &["user_id property set to"],
        "RabbitMQ knows this service by another name than rabbitmq.user (RABBITMQ_USER): set that to the user it names last",
    ),
    (
        &["RESOURCE_LOCKED"],
        "Another program uses it for itself alone: stop that program, or use another vhost",
    ),
    (
        &["ACCESS_REFUSED"],
        "Grant the user configure, write and read permissions on the vhost (rabbitmqctl set_permissions)",
    ),
    (
        &["is down or inaccessible"],
        "Just after a broker's start this lasts a moment. If it stays so and no node of the cluster is away, see docs/operations.md, Troubleshooting",
    ),
    (
        &["NOT_ALLOWED", "vhost"],
        "Make the vhost (rabbitmqctl add_vhost) and let the user in (rabbitmqctl set_permissions), or correct rabbitmq.vhost",
    ),
];

/// The advice for a reason, as the end of a sentence. Empty for an unknown reason.
pub(crate) fn hint(reason: &str) -> String {
    advice(reason).map(|advice| format!(". {advice}")).unwrap_or_default()
}

pub(crate) fn advice(reason: &str) -> Option<&'static str> {
    let fits = |words: &[&str]| words.iter().all(|word| reason.contains(word));
    ADVICE.iter().find(|(words, _)| fits(words)).map(|(_, advice)| *advice)
}

/// Whether the broker knows a queue but cannot reach it: its node is down, it is still starting, or
/// it was lost.
pub(crate) fn is_inaccessible(reason: &str) -> bool {
    reason.contains("is down or inaccessible")
}

/// Whether nothing has this name.
pub(crate) fn is_not_found(reason: &str) -> bool {
    reason.contains("NOT_FOUND") && !is_inaccessible(reason)
}

/// The name that the broker has for a user, from its refusal of a message that names another one.
/// A long refusal is cut, and names nobody for certain.
pub(crate) fn authenticated_user(reason: &str) -> Option<&str> {
    let (_, user) = reason.split_once("user_id property set to")?.1.split_once("authenticated user was '")?;
    user.strip_suffix('\'').filter(|user| !user.is_empty())
}

/// The broker's message size limit in bytes, from its refusal of a larger message.
pub(crate) fn message_limit(reason: &str) -> Option<usize> {
    let (_, limit) = reason.split_once("message size")?.1.split_once("larger than")?;
    let digits = limit.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact texts of RabbitMQ 3.10 and 4.0.
    #[test]
    fn each_reason_gets_its_own_advice() {
        for (reason, expected) in [
            (
                "406 PRECONDITION_FAILED - cannot declare queue 'kitchen_queue' in vhost '/': queue limit in vhost '/' (3) is reached",
                "max-queues",
            ),
            (
                "530 NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached",
                "max-connections",
            ),
            (
                "406 PRECONDITION_FAILED - message size 40000 is larger than configured max size 20000",
                "max_message_size",
            ),
            (
                "406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'orders_topic' in vhost '/': received 'topic' but current is 'fanout'",
                "An exchange holds no messages",
            ),
            (
                "406 PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'kitchen_takeout_queue' in vhost '/': received the value '10' of type 'signedint' but current is none",
                "--if-empty",
            ),
            (
                "406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'kitchen_dlq' in vhost '/': received 'classic' but current is 'quorum'",
                "used as it is",
            ),
            (
                "406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'kitchen_takeout_queue' in vhost '/': received 'quorum' but current is 'classic'",
                "rabbitmq.queue_type",
            ),
            (
                "406 PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'kitchen_takeout_queue' in vhost '/': received none but current is the value '10' of type 'long'",
                "rabbitmq.queue_type",
            ),
            (
                "406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-strategy' for queue 'kitchen_delivery_queue' in vhost '/': received none but current is the value 'at-least-once' of type 'longstr'",
                "rabbitmq.queue_type",
            ),
            (
                "406 PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'kitchen_queue' in vhost '/' of queue type rabbit_quorum_queue",
                "--default-queue-type classic",
            ),
            (
                "406 PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'validated_orders' in vhost '/': received the value 'orders_dlx' of type 'longstr' but current is none",
                "nobody has taken",
            ),
            (
                "406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'order_status_updates' in vhost '/': received 'stream' but current is 'classic'",
                "events only",
            ),
            (
                "406 PRECONDITION_FAILED - user_id property set to 'order' but authenticated user was 'O=a,CN=order'",
                "rabbitmq.user",
            ),
            (
                "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'kitchen_queue' in vhost '/'",
                "stop that program",
            ),
            (
                "403 ACCESS_REFUSED - configure access to exchange 'orders_topic' in vhost '/' refused for user 'waiter'",
                "set_permissions",
            ),
            (
                "404 NOT_FOUND - queue 'kitchen_queue' in vhost '/' process is stopped by supervisor or is down or inaccessible",
                "Troubleshooting",
            ),
            ("530 NOT_ALLOWED - vhost nowhere not found", "add_vhost"),
        ] {
            let advice = advice(reason).unwrap_or_default();
            assert!(advice.contains(expected), "{reason}: {advice}");
        }
        assert_eq!(hint("320 CONNECTION_FORCED - closed"), "");
    }

    /// A command that deletes unconditionally would lose orders.
    #[test]
    fn no_advice_deletes_what_may_hold_orders() {
        for queue in ["kitchen_takeout_queue", "kitchen_queue", "kitchen_dlq", "validated_orders"] {
            let reason = format!("406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue '{queue}'");
            let advice = advice(&reason).unwrap_or_default();
            let deletes = advice.matches("delete_queue").count();
            assert!(deletes > 0 && deletes == advice.matches("delete_queue --if-empty").count(), "{advice}");
        }
    }

    #[test]
    fn a_user_is_named_by_a_refusal_that_is_whole() {
        let said = |end: &str| {
            format!("406 PRECONDITION_FAILED - user_id property set to '' but authenticated user was {end}")
        };
        for (end, user) in [
            ("'O=client,CN=o'neill'", Some("O=client,CN=o'neill")),
            ("'O=client,CN=a very long na...", None),
            ("''", None),
        ] {
            assert_eq!(authenticated_user(&said(end)), user, "{end}");
        }
        assert_eq!(authenticated_user("403 ACCESS_REFUSED - authenticated user was 'x'"), None);
    }

    #[test]
    fn the_largest_message_is_learned_from_its_refusal() {
        for (reason, limit) in [
            (
                "406 PRECONDITION_FAILED - message size 40000 is larger than configured max size 20000",
                Some(20_000),
            ),
            ("406 PRECONDITION_FAILED - message size 40000 larger than max size 16777216", Some(16_777_216)),
            ("406 PRECONDITION_FAILED - message size is odd", None),
            ("320 CONNECTION_FORCED - closed", None),
        ] {
            assert_eq!(message_limit(reason), limit, "{reason}");
        }
    }
}
