-- As for order_outbox. A row that had no null before is eight bytes larger: the list of nulls of so
-- many columns takes them.
alter table status_outbox add column traceparent text;
