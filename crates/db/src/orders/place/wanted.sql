with wanted as (
    select item_id, sum(quantity) as quantity
    from unnest($sale_items::text[], $sale_quantities::int[]) as sale (item_id, quantity) group by item_id
)
