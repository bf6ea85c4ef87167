, sold as (
    update inventory_items as item set "left" = item."left" - sale.quantity, updated_at = now()
    from (select item_id, sum(quantity) as quantity
          from unnest($sale_items::text[], $sale_quantities::int[]) as sale (item_id, quantity) group by item_id) as sale
    where item.item_id = sale.item_id
), moved as (
    insert into inventory_movements (created_at, item_id, order_id, delta, left_after, quantity, reason, changed_by)
    select now(), item_id, (select array_agg(id order by place) from numbered)[sale.place], -quantity, left_after,
           quantity, 'order', $changed_by
    from unnest($sale_places::int[], $sale_items::text[], $sale_quantities::int[], $sale_lefts::int[]) with ordinality
        as sale (place, item_id, quantity, left_after, line)
    order by line
), adjusted as (
    insert into order_adjustments (order_id, place, kind, rule, label, line, base, amount, included)
    select (select array_agg(id order by place) from numbered)[adjustment.order_place], adjustment.place, kind, rule,
           label, line, base::numeric, amount::numeric, included::numeric
    from unnest($adjustment_orders::int[], $adjustment_places::int[], $adjustment_kinds::text[],
                $adjustment_rules::text[], $adjustment_labels::text[], $adjustment_lines::int[],
                $adjustment_bases::text[], $adjustment_amounts::text[], $adjustment_includeds::text[])
        as adjustment (order_place, place, kind, rule, label, line, base, amount, included)
)
