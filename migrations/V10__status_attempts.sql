-- As for order_outbox.
alter table status_outbox add column attempts integer not null default 0;
