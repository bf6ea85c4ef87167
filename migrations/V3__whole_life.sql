-- The whole life of an order: placed twice but stored once, sent again when its message was lost, cancelled, completed.

-- From `due_at` on the relay sends a row. Until then it is in the hands of whoever wrote it and waits for the confirm.
alter table order_outbox rename column created_at to due_at;
alter table status_outbox rename column created_at to due_at;
alter table order_outbox alter column due_at set default now() + interval '15 seconds';
alter table status_outbox alter column due_at set default now() + interval '15 seconds';

-- What a row is for. `placed`: the order's first message; whoever deletes the row decides the answer. `again`: one more.
-- `barred`: none. Order ids are reserved before the order is written, and when the outcome of a commit is unknown, its ids
-- are entered here: this bars a late transaction from storing the order after its client was told that it was not.
alter table order_outbox add column purpose text not null default 'placed'
    check (purpose in ('placed', 'again', 'barred'));
alter table order_outbox drop constraint order_outbox_order_id_fkey;

-- Of one order's updates the oldest goes first.
create index status_outbox_by_order on status_outbox (order_number, id);

-- Answers that were given under an Idempotency-Key, for a day.
create table idempotency_keys (
    key          text         primary key,
    fingerprint  bytea        not null,   -- SHA-256 of the request's body
    order_id     integer      not null references orders(id),
    created_at   timestamptz  not null default now()
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- Orders whose message had to be sent again, because it seems lost, and when.
create table order_sweeps (
    order_id  integer      primary key references orders(id),
    swept_at  timestamptz  not null,
    times     integer      not null
);

-- The sweeper looks at the oldest orders of each type.
drop index open_orders_by_status;
create index open_orders_by_type on orders (type, created_at) where status in ('received', 'cooking');

-- What the order services share and nobody else may know: the key under which order tokens are made.
create table secrets (
    name   text   primary key,
    value  bytea  not null
);
insert into secrets (name, value)
values ('order-token', sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));
