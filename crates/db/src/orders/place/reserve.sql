with reserved as (
    insert into order_requests (order_id, fingerprint, request_id, status, created_at, updated_at)
    select order_id, fingerprint, request_id, 'PROCESSING', now(), now()
    from unnest($request_orders::uuid[], $request_fingerprints::bytea[], $request_ids::text[])
        as input (order_id, fingerprint, request_id)
    order by order_id
    on conflict (order_id) do nothing
    returning order_id
), stock as (
    select item_id, "left" from inventory_items where item_id = any($items) order by item_id for update
)
select order_id, null as item_id, null::integer as "left" from reserved
union all
select null, item_id, "left" from stock
