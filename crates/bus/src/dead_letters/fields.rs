//! AMQP's properties and headers as JSON, to show them and to compute ids from them. Like amqprs,
//! it walks nested tables by recursion.

use amqprs::{BasicProperties, FieldTable, FieldValue};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Number, Value};

/// The properties without the headers, in AMQP's order.
pub(super) fn properties(from: &BasicProperties) -> Map<String, Value> {
    let text = |value: Option<&String>| value.cloned().map(Value::from);
    let all = [
        ("content_type", text(from.content_type())),
        ("content_encoding", text(from.content_encoding())),
        ("delivery_mode", from.delivery_mode().map(Value::from)),
        ("priority", from.priority().map(Value::from)),
        ("correlation_id", text(from.correlation_id())),
        ("reply_to", text(from.reply_to())),
        ("expiration", text(from.expiration())),
        ("message_id", text(from.message_id())),
        ("timestamp", from.timestamp().map(Value::from)),
        ("type", text(from.message_type())),
        ("user_id", text(from.user_id())),
        ("app_id", text(from.app_id())),
        ("cluster_id", text(from.cluster_id())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The headers, sorted by name.
pub(super) fn headers(from: &BasicProperties) -> Map<String, Value> {
    from.headers().map(table).unwrap_or_default()
}

fn table(from: &FieldTable) -> Map<String, Value> {
    let mut fields: Vec<_> = from.as_ref().iter().collect();
    fields.sort_by(|(name, _), (other, _)| name.as_ref().cmp(other.as_ref()));
    fields.into_iter().map(|(name, value)| (name.to_string(), json(value))).collect()
}

fn json(field: &FieldValue) -> Value {
    let number =
        |number: f64| Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::from);
    match field {
        FieldValue::A(array) => Vec::from(array.clone()).iter().map(json).collect(),
        FieldValue::F(inner) => table(inner).into(),
        FieldValue::t(value) => (*value).into(),
        FieldValue::b(value) => (*value).into(),
        FieldValue::B(value) => (*value).into(),
        FieldValue::s(value) => (*value).into(),
        FieldValue::u(value) => (*value).into(),
        FieldValue::I(value) => (*value).into(),
        FieldValue::i(value) => (*value).into(),
        FieldValue::l(value) => (*value).into(),
        FieldValue::T(seconds) => (*seconds).into(),
        FieldValue::f(value) => number(f64::from(*value)),
        FieldValue::d(value) => number(*value),
        FieldValue::D(value) => value.to_string().into(),
        FieldValue::S(text) => text.as_ref().clone().into(),
        FieldValue::x(bytes) => BASE64_STANDARD.encode(Vec::from(bytes.clone())).into(),
        FieldValue::V => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use amqprs::FieldArray;
    use serde_json::json;

    use super::*;
    use crate::headers::{insert, text};

    #[test]
    fn every_kind_of_field_is_shown() {
        let mut inner = FieldTable::new();
        insert(&mut inner, "empty", FieldValue::A(FieldArray::new()));
        let mut outer = FieldTable::new();
        insert(&mut outer, "b", FieldValue::x(vec![255, 0].try_into().unwrap()));
        insert(&mut outer, "a", FieldValue::A(vec![text("x"), FieldValue::d(f64::NAN)].try_into().unwrap()));
        insert(&mut outer, "c", FieldValue::F(inner));
        insert(&mut outer, "d", FieldValue::V);
        let shown = Value::Object(table(&outer)).to_string();
        assert_eq!(shown, json!({"a": ["x", "NaN"], "b": "/wA=", "c": {"empty": []}, "d": null}).to_string());
    }
}
