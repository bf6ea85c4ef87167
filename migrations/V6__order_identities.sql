-- What only one order has: a random id, made before the order is stored. Numbers and ids can come again (a failover that lost
-- the newest rows, a database that was restored or made anew); an identity does not. An order's message and token carry it.
--
-- An identity without an order bars one: its transaction had an unknown outcome, and its client was told that nothing was
-- stored. A late transaction collides with the row. Such rows are few, and stay: nobody knows how late a transaction can be.
create table order_identities (
    identity    uuid     not null,
    order_id    integer,
    request_id  text      -- the request that placed the order; null for orders from before this table
);

insert into order_identities (identity, order_id, request_id)
select gen_random_uuid(), orders.id, outbox.request_id
from orders left join order_outbox as outbox on outbox.order_id = orders.id and outbox.purpose = 'placed';

alter table order_identities add primary key (identity);
alter table order_identities add unique (order_id);

-- What was placed meanwhile gets its identity too; from here on nobody writes to orders until the commit. An order service of
-- the version before, if it still runs after that, stores orders without: they are cooked, but their guests cannot cancel.
lock table orders in share row exclusive mode;
insert into order_identities (identity, order_id)
select gen_random_uuid(), id from orders
where not exists (select from order_identities where order_id = orders.id);

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

-- The purpose 'barred' of order_outbox is not used any more. Its rows of the version before still bar its transactions.
