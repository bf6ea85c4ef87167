-- The same order in one round trip.
\set table_number random(1, 100)
\set quantity random(1, 10)
with counter as (
    insert into order_counters as counter (day, last_number) values ((now() at time zone 'utc')::date, 1)
    on conflict (day) do update set last_number = counter.last_number + 1
    returning 'ORD_' || to_char(day, 'YYYYMMDD') || '_'
        || lpad(last_number::text, greatest(3, length(last_number::text)), '0') as number
), placed as (
    insert into orders (number, customer_name, type, table_number, total_amount, priority, status)
    select number, 'Ada Lovelace', 'dine_in', (:table_number)::int, 42.47, 1, 'received' from counter
    returning id
), items as (
    insert into order_items (order_id, name, quantity, price)
    select id, name, quantity, price
    from placed, (values ('Margherita Pizza', (:quantity)::int, 15.99), ('Caesar Salad', 1, 8.99)) as item (name, quantity, price)
)
insert into order_status_log (order_id, status, changed_by) select id, 'received', 'order-service' from placed;
