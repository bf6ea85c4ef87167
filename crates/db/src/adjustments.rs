//! What price rules changed about an order, as JSON.

/// A scalar subquery: the adjustments of the order with this id, in the order of application, as
/// the text of a JSON array of [`Adjustment`](domain::pricing::Adjustment). Null without any.
pub(crate) fn of_order(id: &str) -> String {
    format!(
        "(select json_agg(json_strip_nulls(json_build_object(
                     'kind', kind, 'rule', rule, 'label', label, 'line', line, 'base', base,
                     'amount', amount, 'included', included)) order by place)::text
          from order_adjustments where order_adjustments.order_id = {id})"
    )
}
