counter as (
    insert into order_counters as counter (day, last_number)
    select (now() at time zone 'utc')::date, $count from admitted
    on conflict (day) do update set last_number = counter.last_number + excluded.last_number
    returning day, last_number - $count as last_before
), numbered as (
    select nextval('orders_id_seq')::int as id,
           input.*, day, (last_before + place)::int as sequence,
           'ORD_' || to_char(day, 'YYYYMMDD') || '_'
               || lpad((last_before + place)::text, greatest(3, length((last_before + place)::text)), '0') as number
    from counter, unnest($identities::uuid[], $customer_names::text[], $types::text[], $table_numbers::int[],
                         $delivery_addresses::text[], $total_amounts::text[], $priorities::int[],
                         $request_ids::text[], $keys::text[], $fingerprints::bytea[], $contents::bytea[],
                         $traceparents::text[])
        with ordinality
        as input (identity, customer_name, type, table_number, delivery_address, total_amount, priority, request_id,
                  key, fingerprint, contents, traceparent, place)
), placed as (
    insert into orders (id, created_at, updated_at, number, customer_name, type, table_number, delivery_address,
                        total_amount, priority, status)
    select id, now(), now(), number, customer_name, type, table_number, delivery_address,
           total_amount::numeric, priority, 'received'
    from numbered order by place
), recognisable as (
    insert into order_identities (identity, order_id, request_id, contents)
    select identity, id, request_id, contents from numbered order by place
), stored_items as (
    insert into order_items (order_id, name, quantity, price)
    select (select array_agg(id order by place) from numbered)[item.place], name, quantity, price::numeric
    from admitted,
         unnest($item_places::int[], $item_names::text[], $item_quantities::int[], $item_prices::text[]) with ordinality
             as item (place, name, quantity, price, line)
    order by line
), logged as (
    insert into order_status_log (order_id, status, changed_by, changed_at)
    select id, 'received', $changed_by, now() from numbered order by place
), outgoing as (
    insert into order_outbox (order_id, request_id, due_at, traceparent)
    select id, request_id, now() + make_interval(secs => $relay_grace), traceparent from numbered
), recognised as (
    insert into idempotency_keys (key, fingerprint, order_id)
    select key, fingerprint, id from numbered where key is not null
)
