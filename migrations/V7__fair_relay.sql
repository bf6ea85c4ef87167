-- A message that the broker refuses backs off by itself: it was refused so often, and `due_at` says when it is tried again.
alter table order_outbox add column attempts integer not null default 0;
alter table status_outbox add column attempts integer not null default 0;

-- What the rescuer tries, each with a pace of its own: an order that is sent again and again is lifted in time all the same.
alter table order_sweeps add column action text not null default 'redeliver'
    check (action in ('redeliver', 'escalate', 'reclaim'));
alter table order_sweeps alter column action drop default;
alter table order_sweeps drop constraint order_sweeps_pkey;
alter table order_sweeps add primary key (order_id, action);

-- How long a lease is at most. One that ends later than so much from now was given before the database's clock was set back.
-- The default is the lease of a worker that has not said otherwise (two heartbeats of 30 s).
alter table order_claims add column lease_seconds double precision not null default 60;

-- Orders whose messages a worker holds without cooking them, by number: they are in no queue, and not lost. Null: it holds
-- nothing that it does not cook.
alter table worker_sessions add column unclaimed text[];
