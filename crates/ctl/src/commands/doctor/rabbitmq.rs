//! Checks RabbitMQ: reachable, accepting messages, with the rights that the services need, and
//! without exchanges or queues that have other settings.

mod priorities;

use bus::SessionError;
use bus::inspection::{Inspection, Needs, PartState};
use bus::topology::REQUESTS_QUEUE;
use config::{Config, QueueType, parse_hosts};
use domain::ServiceName;
use runtime::with_causes;
use tls::Section;

use self::priorities::Priorities;
use super::Services;
use crate::view::verdict::Verdict;

/// The oldest version whose streams lose nothing for a reconnecting subscriber is 3.10.
const OLDEST_VERSION: (u32, u32) = (3, 10);

/// Runs all checks.
pub async fn check(config: &Config, services: &Services) -> Vec<Verdict> {
    let settings = &config.rabbitmq;
    let needs = Needs {
        orders: services.contain(ServiceName::Order) || services.contain(ServiceName::Kitchen),
        intake: services.contain(ServiceName::Order) && config.intake.enabled,
        notifications: services.contain(ServiceName::Notifier),
    };
    match bus::inspection::inspect(settings, "restaurant-ctl: doctor", needs).await {
        Ok(found) => {
            let mut verdicts = vec![
                version(settings, &found),
                publishing(&found),
                rights(settings, &found),
                topology(&found),
            ];
            verdicts.extend(needs.orders.then(|| queue_type(settings, &found)));
            verdicts.extend(needs.intake.then(|| intake(&found)));
            verdicts
        }
        Err(why) => vec![unusable(&why)],
    }
}

fn unusable(why: &SessionError) -> Verdict {
    let to_do = match why {
        SessionError::LoginRefused { .. } => {
            "correct rabbitmq.user or rabbitmq.password; 'guest' may only log in from the broker's own machine"
        }
        SessionError::Refused { .. } => {
            "make the virtual host (rabbitmqctl add_vhost) and let the user in (rabbitmqctl set_permissions), or correct rabbitmq.vhost"
        }
        SessionError::Unreachable { .. } => {
            "start RabbitMQ, or correct rabbitmq.host and rabbitmq.port (RABBITMQ_HOST, RABBITMQ_PORT)"
        }
        SessionError::Tls { why, .. } => why.advice(Section::Rabbitmq),
        SessionError::TlsFiles { .. } => {
            "correct rabbitmq.tls_ca, rabbitmq.tls_cert and rabbitmq.tls_key (RABBITMQ_TLS_CA, RABBITMQ_TLS_CERT, RABBITMQ_TLS_KEY)"
        }
        _ => "see what the broker's log says of it",
    };
    Verdict::fail("rabbitmq", with_causes(why), to_do)
}

fn version(settings: &config::Rabbitmq, found: &Inspection) -> Verdict {
    let place = format!(
        "{} {} at {}, virtual host {}",
        found.product,
        found.version,
        config::addresses(&settings.host, settings.port),
        settings.vhost
    );
    match numbers_of(&found.version) {
        Some(numbers) if numbers >= OLDEST_VERSION => Verdict::ok("rabbitmq", place),
        Some(_) => {
            let (major, minor) = OLDEST_VERSION;
            Verdict::fail("rabbitmq", place, format!("use version {major}.{minor} or later"))
        }
        None => {
            Verdict::warn("rabbitmq", place, "its version is not one that this program knows how to read")
        }
    }
}

/// The first two numbers of a version such as `3.13.7`.
fn numbers_of(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// What the queues of orders cost, with this version and so many nodes.
fn queue_type(settings: &config::Rabbitmq, found: &Inspection) -> Verdict {
    let check = "queue_type";
    match settings.queue_type {
        QueueType::Classic => {
            let has_several = parse_hosts(&settings.host, settings.port).is_ok_and(|hosts| hosts.len() > 1);
            if !has_several {
                return Verdict::ok(check, "orders wait in classic queues, the highest priority first");
            }
            Verdict::warn(
                check,
                "orders wait in classic queues, each on one node of the cluster: while it is away, so are they",
                "set rabbitmq.queue_type to quorum (RABBITMQ_QUEUE_TYPE): docs/operations.md, 'From classic to quorum queues'",
            )
        }
        QueueType::Quorum => Verdict::warn(
            check,
            format!("orders wait in quorum queues, {}", Priorities::of(&found.version).words()),
            "nothing, if orders must go on while a node is away; else set rabbitmq.queue_type to classic (RABBITMQ_QUEUE_TYPE)",
        ),
    }
}

fn publishing(found: &Inspection) -> Verdict {
    let check = "publishing";
    match found.takes_messages {
        Some(true) => Verdict::ok(check, "it takes messages: no memory or disk alarm"),
        Some(false) => Verdict::fail(
            check,
            "it takes no messages: probably a memory or disk alarm",
            "see 'rabbitmq-diagnostics alarms'; give it memory or disk space",
        ),
        None => Verdict::unknown(
            check,
            "this user may not write to the default exchange, so an alarm cannot be seen",
            "ask 'rabbitmq-diagnostics alarms' on the broker's machine",
        ),
    }
}

fn rights(settings: &config::Rabbitmq, found: &Inspection) -> Verdict {
    let check = "broker_rights";
    let missing: Vec<String> =
        found.missing_rights.iter().map(|(right, name)| format!("{right} on {name}")).collect();
    if missing.is_empty() {
        let found = format!("'{}' may configure, write and read what it must", settings.user);
        return Verdict::ok(check, found);
    }
    let to_do =
        format!("rabbitmqctl set_permissions -p '{}' '{}' '.*' '.*' '.*'", settings.vhost, settings.user);
    Verdict::fail(check, format!("rights that '{}' lacks: {}", settings.user, missing.len()), to_do)
        .with_examples(missing.len() as u64, missing)
}

/// Of all queues, only this one is published to by programs that do not declare it.
fn intake(found: &Inspection) -> Verdict {
    let check = "intake";
    let is_absent =
        |name| found.parts.iter().any(|part| part.name == name && part.state == PartState::Absent);
    if !is_absent(REQUESTS_QUEUE) {
        return Verdict::ok(check, format!("orders by message have their queue '{REQUESTS_QUEUE}'"));
    }
    Verdict::warn(
        check,
        format!("the queue '{REQUESTS_QUEUE}' is not there: RabbitMQ drops orders that come by message now"),
        "start an order service with intake.enabled (INTAKE_ENABLED=true), which declares it, before anybody sends orders to it",
    )
}

fn topology(found: &Inspection) -> Verdict {
    let check = "topology";
    let states =
        |has_state: fn(&PartState) -> bool| found.parts.iter().filter(|part| has_state(&part.state)).count();
    let (there, absent) =
        (states(|state| *state == PartState::AsDeclared), states(|state| *state == PartState::Absent));
    let others: Vec<String> = found
        .parts
        .iter()
        .filter_map(|part| match &part.state {
            PartState::Absent | PartState::AsDeclared => None,
            PartState::Inaccessible(reason)
            | PartState::Differs(reason)
            | PartState::NotComparable(reason) => Some(format!("{} {}: {reason}", part.kind, part.name)),
        })
        .collect();
    let words = format!("{there} exchanges and queues are as they should be, {absent} will be declared");
    if others.is_empty() {
        return Verdict::ok(check, words);
    }
    let any = |has_state: fn(&PartState) -> bool| found.parts.iter().any(|part| has_state(&part.state));
    let differing = found.parts.iter().find_map(|part| match &part.state {
        PartState::Differs(reason) => Some(reason),
        _ => None,
    });
    let needed =
        found.parts.iter().any(|part| matches!(part.state, PartState::Differs(_)) && !part.is_dispensable());
    let inaccessible = any(|state| matches!(state, PartState::Inaccessible(_)));
    let found = format!("{words}, not as they should be: {}", others.len());
    let count = others.len() as u64;
    if inaccessible {
        let to_do = "start the missing node of the broker's cluster; if none is missing: docs/operations.md, Troubleshooting, 'A queue that the broker has lost'";
        Verdict::fail(check, found, to_do).with_examples(count, others)
    } else if let Some(reason) = differing {
        let to_do = bus::inspection::advice(reason).unwrap_or("use another virtual host");
        // Different settings matter only for the parts that the services must use.
        let verdict = if needed { Verdict::fail } else { Verdict::warn };
        verdict(check, found, to_do).with_examples(count, others)
    } else {
        Verdict::warn(check, found, "give the user the right to configure them, so that they can be compared")
            .with_examples(count, others)
    }
}
