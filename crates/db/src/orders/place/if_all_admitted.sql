, stock as (
    select item_id, "left" from inventory_items where item_id = any($wanted_items) order by item_id for update
), known as (
    -- Looked up by their keys, whatever the plan was made for.
    select from unnest($requested::uuid[]) as request
    cross join lateral (select from order_requests where order_id = request limit 1) as found
    where request is not null
), admitted as materialized (
    select where not exists (select from stock join wanted using (item_id) where "left" < quantity)
             and not exists (select from known)
)
