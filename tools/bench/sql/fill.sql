-- Stores :orders orders of today, as if they had been placed one after the other: each type with each priority in turn (the
-- messages of src/orders.rs), two items each, and all steps of the status log as far as :status. Foreign keys are not checked row by row: what they point to is stored just before.
set session_replication_role = replica;
set synchronous_commit = off;

create temporary table batch as
    select coalesce((select last_number from order_counters where day = (now() at time zone 'utc')::date), 0) as before,
           (now() at time zone 'utc')::date as day;

insert into orders (id, number, customer_name, type, table_number, delivery_address, total_amount, priority, status,
                    processed_by)
select nextval(pg_get_serial_sequence('orders', 'id')),
       'ORD_' || to_char(day, 'YYYYMMDD') || '_' || lpad(place::text, greatest(3, length(place::text)), '0'),
       'Ada Lovelace',
       (array['dine_in', 'takeout', 'delivery'])[1 + place % 3],
       case when place % 3 = 0 then 1 end,
       case when place % 3 = 2 then '12 Harbour Road' end,
       (array[40.97, 72.95, 136.91])[1 + place / 3 % 3], (array[1, 5, 10])[1 + place / 3 % 3], :'status',
       case when :'status' <> 'received' then 'chef_bench' end
from batch, generate_series(before + 1, before + :orders) as place;

insert into order_items (order_id, name, quantity, price)
select id, name, quantity, price
from orders, batch, lateral (values ('Margherita Pizza', floor(total_amount / 16)::int, 15.99), ('Caesar Salad', 1, 8.99)) as item (name, quantity, price)
where substr(number, 14)::int > before;

insert into order_status_log (order_id, status, changed_by)
select id, step, case step when 'received' then 'order-service' else 'chef_bench' end
from orders, batch, unnest(case :'status' when 'received' then array['received'] else array['received', 'cooking', 'ready'] end)
    as step
where substr(number, 14)::int > before;

insert into order_counters as counter (day, last_number) select day, :orders from batch
    on conflict (day) do update set last_number = counter.last_number + excluded.last_number;

set synchronous_commit = on;
vacuum analyze;
checkpoint;
