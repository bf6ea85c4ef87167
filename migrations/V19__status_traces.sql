-- As for order_outbox.
alter table status_outbox add column traceparent text;
