with stock as materialized (
    select item_id, "left" from inventory_items where item_id = any($items) order by item_id for update
)
select null::uuid as order_id, item_id, "left" from stock
union all
-- Looked up by their keys, whatever the plan was made for.
select request, null, null from unnest($requests::uuid[]) as request
cross join lateral (select from order_requests where order_id = request limit 1) as known
