//! The topology as a file of definitions, which RabbitMQ imports
//! (<https://www.rabbitmq.com/docs/definitions>).

use amqprs::{FieldTable, FieldValue};
use config::QueueType;
use serde_json::{Map, Value, json};

use super::{Exchange, Queue, all, all_with_intake};

/// What belongs to this system in a virtual host: exchanges, queues and bindings. Orders wait in
/// queues of this type. Users, rights and policies are not part of it: they belong to whoever
/// administers the broker.
pub fn definitions(vhost: &str, queue_type: QueueType, with_intake: bool) -> Value {
    let (exchanges, queues) = if with_intake { all_with_intake() } else { all() };
    json!({
        "vhosts": [{ "name": vhost }],
        "exchanges": exchanges.iter().map(|exchange| exchange.definition(vhost)).collect::<Vec<_>>(),
        "queues": queues.iter().map(|queue| queue.definition(vhost, queue_type)).collect::<Vec<_>>(),
        "bindings": queues.iter().filter_map(|queue| queue.binding_definition(vhost)).collect::<Vec<_>>(),
    })
}

impl Exchange {
    fn definition(&self, vhost: &str) -> Value {
        let arguments = match self.alternate {
            Some(alternate) => json!({ "alternate-exchange": alternate }),
            None => json!({}),
        };
        json!({
            "name": self.name, "vhost": vhost, "type": self.kind,
            "durable": true, "auto_delete": false, "internal": false, "arguments": arguments,
        })
    }
}

impl Queue {
    fn definition(&self, vhost: &str, queue_type: QueueType) -> Value {
        json!({
            "name": self.name, "vhost": vhost,
            "durable": true, "auto_delete": false, "arguments": as_json(&self.arguments(queue_type)),
        })
    }

    fn binding_definition(&self, vhost: &str) -> Option<Value> {
        let (exchange, key) = self.binding.as_ref()?;
        Some(json!({
            "source": exchange, "vhost": vhost, "destination": self.name,
            "destination_type": "queue", "routing_key": key, "arguments": {},
        }))
    }
}

/// Our arguments are texts and numbers.
fn as_json(arguments: &FieldTable) -> Value {
    let mut members: Vec<_> = arguments
        .as_ref()
        .iter()
        .filter_map(|(name, value)| {
            let name: &String = name.as_ref();
            let value = match value {
                FieldValue::S(text) => Value::from(text.as_ref().as_str()),
                FieldValue::l(number) => Value::from(*number),
                _ => return None,
            };
            Some((name.clone(), value))
        })
        .collect();
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    Value::Object(members.into_iter().collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(file: &Value, name: &str) -> Value {
        let queues = file["queues"].as_array().unwrap();
        queues.iter().find(|queue| queue["name"] == name).unwrap().clone()
    }

    #[test]
    fn every_queue_is_there_with_its_arguments() {
        let file = definitions("shop", QueueType::Classic, true);
        assert_eq!(file["queues"].as_array().unwrap().len(), all_with_intake().1.len());
        let takeout = named(&file, "kitchen_takeout_queue");
        assert_eq!((&takeout["vhost"], &takeout["durable"]), (&json!("shop"), &json!(true)));
        assert_eq!(takeout["arguments"]["x-max-priority"], 10);
        assert_eq!(named(&file, "notifications_queue")["arguments"]["x-queue-type"], "stream");
        for queue in all_with_intake().1 {
            let arguments = queue.arguments(QueueType::Classic);
            let shown = as_json(&arguments);
            assert_eq!(shown.as_object().unwrap().len(), arguments.as_ref().len(), "{}", queue.name);
        }
        let bindings = file["bindings"].as_array().unwrap();
        assert!(bindings.iter().any(|binding| {
            binding["source"] == "orders_topic" && binding["routing_key"] == "kitchen.takeout.*"
        }));
    }

    #[test]
    fn queues_of_orders_are_of_the_type_that_is_set() {
        let file = definitions("/", QueueType::Quorum, true);
        for name in ["kitchen_takeout_queue", "kitchen_dlq"] {
            assert_eq!(named(&file, name)["arguments"]["x-queue-type"], "quorum", "{name}");
        }
        assert_eq!(named(&file, "validated_orders")["arguments"]["x-queue-type"], "classic");
    }

    #[test]
    fn without_orders_by_message_their_queues_are_left_out() {
        let file = definitions("/", QueueType::Classic, false);
        assert!(file["queues"].as_array().unwrap().iter().all(|queue| queue["name"] != "validated_orders"));
    }
}
