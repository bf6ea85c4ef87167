-- What `restaurant-ctl prune` took out of the other tables, so that the audit can still count.

-- The numbers of orders that are gone, by day (YYYYMMDD, as in a number).
create table pruned_orders (
    day      text            primary key check (day ~ '^[0-9]{8}$'),
    numbers  int4multirange  not null
);

-- The orders that are gone and that a worker made ready, without those that it recalled. A worker
-- may be deleted and register again: `since` is when its row was made, or `-infinity` for orders of
-- an earlier row.
create table pruned_work (
    worker            text         not null,
    since             timestamptz  not null,
    orders_processed  integer      not null,
    primary key (worker, since)
);

-- The sum of the movements of stock that are gone, by item.
create table pruned_stock (
    item_id  text    primary key,
    delta    bigint  not null
);

-- An order that is removed looks for the keys that refer to it. The table has the keys of one day.
create index idempotency_keys_by_order on idempotency_keys (order_id);
