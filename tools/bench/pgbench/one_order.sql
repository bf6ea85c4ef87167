-- An order as a straightforward implementation stores it: a transaction of its own, a statement for each table. The day's
-- counter row is locked from the first statement to the commit.
\set table_number random(1, 100)
\set quantity random(1, 10)
begin;
insert into order_counters as counter (day, last_number) values ((now() at time zone 'utc')::date, 1)
    on conflict (day) do update set last_number = counter.last_number + 1
    returning 'ORD_' || to_char(day, 'YYYYMMDD') || '_'
        || lpad(last_number::text, greatest(3, length(last_number::text)), '0') as order_number \gset
insert into orders (number, customer_name, type, table_number, total_amount, priority, status)
    values (:order_number, 'Ada Lovelace', 'dine_in', :table_number, 42.47, 1, 'received')
    returning id as order_id \gset
insert into order_items (order_id, name, quantity, price)
    values (:order_id, 'Margherita Pizza', :quantity, 15.99), (:order_id, 'Caesar Salad', 1, 8.99);
insert into order_status_log (order_id, status, changed_by) values (:order_id, 'received', 'order-service');
commit;
