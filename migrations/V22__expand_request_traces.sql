-- As for order_outbox: the place in a trace of the message that made a request. Its events are sent
-- when it is decided, maybe by another service.
alter table order_requests add column traceparent text;
