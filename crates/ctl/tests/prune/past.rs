//! Orders of the last months, with all that hangs on them, as services would have left them.

use testkit::database::Database;

/// The days over which orders are spread.
pub const DAYS: u32 = 180;
/// What is in every name, every address and every reason, and nowhere else.
pub const MARKS: [&str; 3] = ["Jane Doe", "Elm Street", "Mr Smith"];

/// Orders from `DAYS` days ago on, evenly, the last one an hour ago. Of a dozen, eight are
/// completed, three cancelled, and one is ready. One of five was ready and recalled before.
const ORDERS: &str = "
    insert into orders (created_at, updated_at, number, customer_name, type, delivery_address, total_amount, status,
                        processed_by, completed_at)
    select at, at, 'ORD_' || to_char(at at time zone 'utc', 'YYYYMMDD') || '_'
                   || case when sequence < 1000 then lpad(sequence::text, 3, '0') else sequence::text end,
           'Jane Doe', case when n % 2 = 0 then 'delivery' else 'takeout' end,
           case when n % 2 = 0 then n || ' Elm Street' end, 25.08, status,
           case when status <> 'cancelled' then 'chef_anna' end,
           case when status <> 'cancelled' then at end
    from (
        select *, row_number() over (partition by (at at time zone 'utc')::date order by n) as sequence
        from (
            select n, now() - interval '1 hour' - ($COUNT - n) * (interval '$DAYS days' / $COUNT) as at,
                   case when drawn < 96 then 'completed' when drawn < 132 then 'cancelled' else 'ready' end as status
            from generate_series(1, $COUNT) as n,
                 lateral (select abs(hashtext('$SEED ' || n)) % 144 as drawn) as lot
        ) as drawn
    ) as numbered
    order by n";

/// What services write beside an order.
const REST: [&str; 12] = [
    "insert into order_counters
     select to_date(substr(number, 5, 8), 'YYYYMMDD'), max(substr(number, 14)::int) from orders group by 1",
    "insert into order_identities select gen_random_uuid(), id, 'a-request', 'contents' from orders",
    "insert into order_items (order_id, name, quantity, price)
     select id, name, 1, price from orders, (values ('Margherita', 15.99), ('Caesar Salad', 8.99)) as item (name, price)",
    "insert into order_adjustments (order_id, place, kind, rule, label, base, amount)
     select id, 1, 'fee', 'bag', 'Bag', 24.98, 0.10 from orders",
    "insert into workers (name, type, status, created_at, last_seen)
     values ('chef_anna', 'general', 'offline', now() - interval '1 year', now()),
            ('chef_mario', 'general', 'offline', now() - interval '100 days', now()),
            ('chef_gone', 'general', 'offline', now() - interval '1 year', now() - interval '95 days')",
    "insert into worker_sessions (worker_id, token, heartbeat_seconds) select id, id, 30 from workers",
    "insert into order_status_log (created_at, order_id, status, changed_by, changed_at, notes)
     select updated_at, id, step,
            case when step in ('cooking', 'ready') then case when id % 3 = 0 then 'chef_mario' else 'chef_anna' end
                 when step = 'received' then 'order-service' else 'staff' end,
            updated_at,
            case when step = 'cancelled' then 'For Mr Smith (request a-request)'
                 when step = 'cooking' and place > 2 then 'recalled' end
     from orders, lateral (
         select case when status = 'cancelled' then array['received', 'cancelled']
                     else array['received', 'cooking', 'ready'] || case when id % 5 = 0 then array['cooking', 'ready'] else '{}' end
                          || case when status = 'completed' then array['completed'] else '{}' end end as steps
     ) as life, unnest(steps) with ordinality as step (step, place)
     order by id, place",
    "update workers set orders_processed = coalesce((
         select sum(case status when 'ready' then 1 else -1 end) from order_status_log
         where changed_by = name and (status = 'ready' or notes = 'recalled') and changed_at >= workers.created_at), 0)",
    "insert into menu_items (id, name, category, price) values ('margherita', 'Margherita', 'Pizza', 15.99);
     insert into inventory_movements (item_id, delta, left_after, quantity, reason, changed_by)
     values ('margherita', 1000000, 1000000, 1000000, 'set', 'staff');
     insert into inventory_movements (item_id, order_id, delta, left_after, quantity, reason, changed_by)
     select 'margherita', id, -1, 1, 1, 'order', 'order-service' from orders where id % 4 > 0
     union all
     select 'margherita', id, 1, 1, 1, 'cancel', 'staff' from orders where id % 4 > 0 and status = 'cancelled';
     insert into inventory_items (item_id, \"left\") select 'margherita', sum(delta) from inventory_movements",
    "insert into order_requests (order_id, fingerprint, request_id, status, placed_as, order_number, total_amount,
                                 created_at, updated_at)
     select gen_random_uuid(), 'a body', 'a-request', 'CONFIRMED', id, number, total_amount, created_at, updated_at
     from orders where id % 3 = 0 and status <> 'cancelled'",
    "insert into order_requests (order_id, fingerprint, request_id, status, code, reason, errors, created_at, updated_at)
     select gen_random_uuid(), 'a body', 'a-request', 'FAILED', 'validation_failed', 'No.',
            '[{\"detail\": \"invalid type: string Jane Doe\"}]', created_at, updated_at
     from orders where id % 10 = 0",
    "insert into idempotency_keys (key, fingerprint, order_id, created_at)
     select 'key ' || id, 'a body', id, created_at from orders where id % 7 = 0;
     insert into rescue_attempts (order_id, action, last_at, times) select id, 'redeliver', now(), 1 from orders where id % 50 = 0",
];

/// Fills a database that has no order yet. The seed draws the statuses.
pub async fn write(database: &Database, count: u32, seed: u32) {
    let orders = ORDERS.replace("$COUNT", &count.to_string()).replace("$DAYS", &DAYS.to_string());
    database.execute(&orders.replace("$SEED", &seed.to_string())).await;
    for statement in REST {
        database.execute(statement).await;
    }
}
