//! The exact statements of programs of schema version 5.

/// Settings of each of their sessions.
pub const OPTIONS: &str = "-c statement_timeout=10s -c idle_in_transaction_session_timeout=30s \
    -c default_transaction_isolation=read\\ committed -c enable_seqscan=off -c jit=off -c plan_cache_mode=force_generic_plan";

/// Reserves ids of orders.
pub const RESERVE: &str =
    "select nextval(pg_get_serial_sequence('orders', 'id'))::int from generate_series(1, $1)";

/// Stores orders.
pub const PLACE: &str = "
    with counter as (
        insert into order_counters as counter (day, last_number)
        values ((now() at time zone 'utc')::date, $1)
        on conflict (day) do update set last_number = counter.last_number + excluded.last_number
        returning day, last_number - $1 as last_before
    ), numbered as (
        select input.*, day, (last_before + place)::int as sequence,
               'ORD_' || to_char(day, 'YYYYMMDD') || '_'
                   || lpad((last_before + place)::text, greatest(3, length((last_before + place)::text)), '0') as number
        from counter, unnest($2::int[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::int[],
                             $9::text[], $10::text[], $11::bytea[])
            with ordinality
            as input (id, customer_name, type, table_number, delivery_address, total_amount, priority, request_id,
                      key, fingerprint, place)
    ), placed as (
        insert into orders (id, created_at, updated_at, number, customer_name, type, table_number, delivery_address,
                            total_amount, priority, status)
        select id, now(), now(), number, customer_name, type, table_number, delivery_address,
               total_amount::numeric, priority, 'received'
        from numbered order by place
    ), stored_items as (
        insert into order_items (order_id, name, quantity, price)
        select order_id, name, quantity, price::numeric
        from unnest($12::int[], $13::text[], $14::int[], $15::text[]) with ordinality
            as item (order_id, name, quantity, price, line)
        order by line
    ), logged as (
        insert into order_status_log (order_id, status, changed_by, changed_at)
        select id, 'received', $16, now() from numbered order by place
    ), outgoing as (
        insert into order_outbox (order_id, request_id) select id, request_id from numbered
    ), recognised as (
        insert into idempotency_keys (key, fingerprint, order_id)
        select key, fingerprint, id from numbered where key is not null
    )
    select id, day, sequence, now() from numbered order by place";

/// Forgets messages of orders that were confirmed.
pub const SETTLE_ORDERS: &str = "with unhurried as materialized (select set_config('synchronous_commit', 'off', true)) delete from order_outbox using unhurried where order_id = any($1)";

/// Takes messages of orders that are due.
pub const RELAY_ORDERS: &str = "
    select outbox.order_id, outbox.request_id, o.created_at, 
    json_build_object(
        'order_number', o.number, 'customer_name', o.customer_name, 'order_type', o.type,
        'table_number', o.table_number, 'delivery_address', o.delivery_address,
        'items', (select json_agg(json_build_object('name', i.name, 'quantity', i.quantity, 'price', i.price) order by i.id)
                  from order_items i where i.order_id = o.id),
        'total_amount', o.total_amount, 'priority', o.priority
    )::text as message
    from order_outbox outbox join orders o on o.id = outbox.order_id
    where outbox.due_at <= now() and outbox.purpose <> 'barred'
    order by outbox.order_id limit $1
    for update of outbox skip locked";

/// Claims orders.
pub const CLAIM: &str = "
    with wish as (
        select * from unnest($1::text[], $2::float8[], $3::text[]) with ordinality
            as wish (number, cooking, request_id, place)
    ), target as (
        select id, number, status from orders where number = any($1) order by id for update
    ), granted as (
        insert into order_claims as claim (order_id, worker, token, attempt, lease_until, estimated_completion)
        select id, $4, $5, 1, now() + make_interval(secs => $6), now() + make_interval(secs => cooking)
        from target join wish using (number) where status = any($7) or status = 'cooking' order by id
        on conflict (order_id) do update
            set worker = excluded.worker, token = excluded.token, attempt = claim.attempt + 1,
                lease_until = excluded.lease_until, estimated_completion = excluded.estimated_completion
            where claim.lease_until <= now() or claim.token = excluded.token
        returning order_id, attempt, estimated_completion
    ), started as (
        update orders set status = 'cooking', processed_by = $4,
            updated_at = case status when 'received' then now() else updated_at end
        where id = any(array(select order_id from granted))
    ), logged as (
        insert into order_status_log (order_id, status, changed_by, changed_at)
        select order_id, 'cooking', $4, now() from granted join target on id = order_id
        where status = 'received' order by id
    ), announced as (
        insert into status_outbox (request_id, order_number, old_status, new_status, changed_by, changed_at,
                                   estimated_completion)
        select request_id, number, 'received', 'cooking', $4, now(), estimated_completion
        from granted join target on id = order_id join wish using (number) where status = 'received' order by id
        returning id, order_number
    )
    select target.id, target.status, attempt, estimated_completion, now() as changed_at, announced.id as announced_id,
           case when attempt is null then
               (select extract(epoch from lease_until - now())::float8 from order_claims where order_id = target.id)
           end as remaining,
           target.id is null and exists (select 1 from orders where number = wish.number) as locked
    from wish left join target using (number) left join granted on order_id = target.id
        left join announced on order_number = wish.number
    order by place";

/// Writes a heartbeat.
pub const HEARTBEAT: &str = "
        with worker as (
            select id from workers where name = $1 for update
        ), session as (
            select worker_id from worker_sessions join worker on worker_id = worker.id
            where token = $2 for update of worker_sessions
        ), beat as (
            update workers set last_seen = now(), status = 'online'
            from session where id = worker_id
            returning id
        ), claimed as (
            select order_id from order_claims, beat where token is not distinct from $2 and order_id = any($4)
            order by order_id for update of order_claims
        ), renewed as (
            update order_claims set lease_until = now() + make_interval(secs => $3) from claimed
            where order_claims.order_id = claimed.order_id
            returning claimed.order_id
        )
        select array(select order_id from renewed) from beat";

/// Registers a worker.
pub const REGISTER: &str = "
        with registered as (
            insert into workers as worker (name, type, status, last_seen) values ($1, $2, 'online', now())
            on conflict (name) do update set type = excluded.type, status = 'online', last_seen = now()
                where worker.status is distinct from 'online'
                   or worker.last_seen < now() - make_interval(secs => 2 * coalesce(
                          (select heartbeat_seconds from worker_sessions where worker_id = worker.id), $4::int))
                   or (select token from worker_sessions where worker_id = worker.id) = $3
            returning id
        ), session as (
            insert into worker_sessions as session (worker_id, token, heartbeat_seconds)
            select id, $3, $4 from registered
            on conflict (worker_id) do update set token = excluded.token, heartbeat_seconds = excluded.heartbeat_seconds
        ), predecessors as (
            select order_id from order_claims, registered
            where worker = $1 and token <> $3 and lease_until > now()
            order by order_id for update of order_claims
        ), freed as (
            update order_claims set lease_until = now() from predecessors
            where order_claims.order_id = predecessors.order_id
        )
        select id from registered";

/// Makes orders ready.
pub const FINISH: &str = "
    with cooked as (
        select * from unnest($1::int[], $2::int[], $3::text[]) with ordinality
            as cooked (order_id, attempt, request_id, place)
    ), cook as (
        select id from workers where name = $4 for update
    ), target as (
        select orders.id, orders.number, status from orders, cook
        where orders.id = any($1) order by orders.id for update of orders
    ), released as (
        delete from order_claims as claim using target join cooked on cooked.order_id = target.id
        where claim.order_id = any($1) and claim.order_id = target.id and status = any($6)
            and token is not distinct from $5 and claim.attempt = cooked.attempt
        returning claim.order_id, number, request_id
    ), done as (
        update orders set status = 'ready', completed_at = now(), updated_at = now()
        where id = any(array(select order_id from released))
    ), counted as (
        update workers set orders_processed = coalesce(orders_processed, 0) + finished
        from cook, (select count(*)::int as finished from released) as counting
        where workers.id = cook.id and finished > 0
    ), logged as (
        insert into order_status_log (order_id, status, changed_by, changed_at)
        select order_id, 'ready', $4, now() from released order by order_id
    ), announced as (
        insert into status_outbox (request_id, order_number, old_status, new_status, changed_by, changed_at)
        select request_id, number, 'cooking', 'ready', $4, now() from released order by order_id
        returning id, order_number
    )
    select announced.id as announced_id, now() as changed_at,
           target.id is null and exists (select 1 from cook) as locked
    from cooked left join target on target.id = cooked.order_id left join announced on order_number = number
    order by place";

/// Forgets status updates that were confirmed.
pub const SETTLE_STATUS: &str = "with unhurried as materialized (select set_config('synchronous_commit', 'off', true)) delete from status_outbox using unhurried where id = any($1)";

/// Inserts orders into the outbox whose messages seem lost.
pub const SEND_AGAIN: &str = "with found as (
            select o.id, o.number 
    from orders as o
    where o.type = $1 and o.status in ('received', 'cooking') and o.created_at < now() - make_interval(secs => $2)
      and not exists (select 1 from order_outbox where order_outbox.order_id = o.id)
      and not exists (select 1 from order_claims as claim where claim.order_id = o.id
                      and claim.lease_until > now() - make_interval(secs => $2)) and 
    not exists (select 1 from order_sweeps as swept where swept.order_id = o.id
                and swept.swept_at > now() - make_interval(secs => $2 * 2 ^ least(swept.times - 1, 10)))
            order by o.created_at limit $3 for update of o skip locked
        ), 
    noted as (
        insert into order_sweeps as swept (order_id, swept_at, times) select id, now(), 1 from found
        on conflict (order_id) do update set swept_at = now(), times = swept.times + 1
    ), entered as (
        insert into order_outbox (order_id, request_id, due_at, purpose)
        select id, 'sweep-' || id, now(), 'again' from found order by id
        on conflict (order_id) do update set due_at = now()
    )
    select number from found";

/// Inserts orders into the outbox that wait too long.
pub const LIFT: &str = "with found as (
            select o.id, o.number from orders as o
            where o.type = $1 and o.status = 'received' and o.created_at < now() - make_interval(secs => $2)
              and 
    not exists (select 1 from order_sweeps as swept where swept.order_id = o.id
                and swept.swept_at > now() - make_interval(secs => $2 * 2 ^ least(swept.times - 1, 10)))
            order by o.created_at limit $3 for update skip locked
        ), lifted as (
            update orders set priority = $4 from found where orders.id = found.id and priority < $4
        ), 
    noted as (
        insert into order_sweeps as swept (order_id, swept_at, times) select id, now(), 1 from found
        on conflict (order_id) do update set swept_at = now(), times = swept.times + 1
    ), entered as (
        insert into order_outbox (order_id, request_id, due_at, purpose)
        select id, 'sweep-' || id, now(), 'again' from found order by id
        on conflict (order_id) do update set due_at = now()
    )
    select number from found";

/// Inserts orders into the outbox whose worker was lost.
pub const FREE_ABANDONED: &str = "with found as (
            select o.id, o.number from orders as o join order_claims as claim on claim.order_id = o.id
            where o.type = $1 and o.status = 'cooking' and claim.lease_until < now() - make_interval(secs => $2)
              and 
    not exists (select 1 from order_sweeps as swept where swept.order_id = o.id
                and swept.swept_at > now() - make_interval(secs => $2 * 2 ^ least(swept.times - 1, 10)))
            order by o.created_at limit $3 for update of o skip locked
        ), lifted as (
            update orders set priority = $4 from found where orders.id = found.id and priority < $4
        ), 
    noted as (
        insert into order_sweeps as swept (order_id, swept_at, times) select id, now(), 1 from found
        on conflict (order_id) do update set swept_at = now(), times = swept.times + 1
    ), entered as (
        insert into order_outbox (order_id, request_id, due_at, purpose)
        select id, 'sweep-' || id, now(), 'again' from found order by id
        on conflict (order_id) do update set due_at = now()
    )
    select number from found";

/// Deletes the sweeper's records.
pub const PRUNE: &str = "
        delete from order_sweeps using orders
        where orders.id = order_sweeps.order_id and orders.status not in ('received', 'cooking')";
