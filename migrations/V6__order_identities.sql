-- What only one order has: a random id, made before the order is stored. Numbers and ids can come again (a failover that lost
-- the newest rows, a database that was restored or made anew); an identity does not. An order's message and token carry it.
--
-- An identity without an order bars one: its transaction had an unknown outcome, and its client was told that nothing was
-- stored. A late transaction collides with the row. Such rows are few, and stay: nobody knows how late a transaction can be.
create table order_identities (
    identity    uuid     primary key,
    order_id    integer  unique,
    request_id  text,     -- the request that placed the order; null if nobody knows it any more
    contents    bytea     -- what the order's message must say: SHA-256 of the total and the lines as they were placed; null
                          -- for an order of an older version: a worker compares the rows then
);

-- An identity goes with its order. A foreign key would see to that as well, and would look up each order that is placed, a
-- tenth of what it costs to store one; orders are removed by hand only.
create function forget_identities() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'TRUNCATE' then
        delete from order_identities where order_id is not null;
    else
        delete from order_identities using removed where order_id = removed.id;
    end if;
    return null;
end $$;
create trigger forget_identities after delete on orders referencing old table as removed
    for each statement execute function forget_identities();
create trigger forget_all_identities after truncate on orders
    for each statement execute function forget_identities();

-- The order services of the version before store orders while the next migration gives identities
-- to those that are there. Until that is done, theirs get one here, so that nobody has to stop them
-- and look for what they stored meanwhile. They have no right to the table themselves.
create function give_identities() returns trigger language plpgsql security definer as $$
begin
    insert into order_identities (identity, order_id, request_id)
    select gen_random_uuid(), placed.id, outbox.request_id
    from placed left join order_outbox as outbox on outbox.order_id = placed.id and outbox.purpose = 'placed'
    on conflict (order_id) do nothing;
    return null;
end $$;
-- A table of the same name that an order service makes for its session alone must not come before
-- ours.
do $$ begin
    execute format('alter function give_identities() set search_path = %s, pg_temp', current_setting('search_path'));
end $$;
create trigger give_identities after insert on orders referencing new table as placed
    for each statement execute function give_identities();

-- The purpose 'barred' of order_outbox is not used any more. Its rows of the version before still bar its transactions.
