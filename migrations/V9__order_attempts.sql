-- A message that the broker refuses backs off by itself: it was refused so often, and `due_at` says
-- when it is tried again.
alter table order_outbox add column attempts integer not null default 0;
