with wanted as (
    select item_id, quantity, item
    from unnest($wanted_items::text[], $wanted_quantities::bigint[]) with ordinality as wanted (item_id, quantity, item)
)
