-- What the specified tables have no place for. They stay as they are; everything here stands beside them.

-- The last order number of each UTC day. Its row is taken in the transaction that inserts the order,
-- so numbers have no gaps and no doubles.
create table order_counters (
    day          date     primary key,
    last_number  integer  not null check (last_number > 0)
);

-- Who cooks an order, and until when nobody else may. A row exists from the first claim until the order is ready
-- or cancelled.
create table order_claims (
    order_id              integer      primary key references orders(id),
    worker                text         not null,
    token                 bigint       not null,  -- the worker process; a name alone could be its successor's
    attempt               integer      not null,
    lease_until           timestamptz  not null,
    estimated_completion  timestamptz  not null
);
create index order_claims_by_token on order_claims (token);

-- Which process goes by a worker's name, and how often it says that it lives.
create table worker_sessions (
    worker_id          integer  primary key references workers(id),
    token              bigint   not null,
    heartbeat_seconds  integer  not null check (heartbeat_seconds > 0)
);

-- Messages that must go out because their transaction committed. A row goes when the broker has confirmed its message.
create table order_outbox (
    order_id    integer      primary key references orders(id),
    request_id  text         not null,
    created_at  timestamptz  not null default now()
);

create table status_outbox (
    id                    bigint       primary key generated always as identity,
    request_id            text         not null,
    created_at            timestamptz  not null default now(),
    order_number          text         not null,
    old_status            text         not null,
    new_status            text         not null,
    changed_by            text         not null,
    changed_at            timestamptz  not null,
    estimated_completion  timestamptz
);

create index order_items_by_order on order_items (order_id);
create index order_status_log_by_order on order_status_log (order_id);
create index open_orders_by_status on orders (status, created_at) where status in ('received', 'cooking');
