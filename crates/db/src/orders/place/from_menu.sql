, sold as (
    update inventory_items as item set "left" = item."left" - wanted.quantity, updated_at = now()
    from wanted, admitted where item.item_id = wanted.item_id
    returning item.item_id, item."left", wanted.quantity as wanted
), moved as (
    insert into inventory_movements (created_at, item_id, order_id, delta, left_after, quantity, reason, changed_by)
    select now(), item_id, (select array_agg(id order by place) from numbered)[sale.place], -quantity,
           "left" + wanted - sum(quantity) over (partition by item_id order by line), quantity, 'order', $changed_by
    from unnest($sale_places::int[], $sale_items::text[], $sale_quantities::int[]) with ordinality
        as sale (place, item_id, quantity, line) join sold using (item_id)
    order by line
), adjusted as (
    insert into order_adjustments (order_id, place, kind, rule, label, line, base, amount, included)
    select (select array_agg(id order by place) from numbered)[adjustment.order_place], adjustment.place, kind, rule,
           label, line, base::numeric, amount::numeric, included::numeric
    from admitted,
         unnest($adjustment_orders::int[], $adjustment_places::int[], $adjustment_kinds::text[],
                $adjustment_rules::text[], $adjustment_labels::text[], $adjustment_lines::int[],
                $adjustment_bases::text[], $adjustment_amounts::text[], $adjustment_includeds::text[])
             as adjustment (order_place, place, kind, rule, label, line, base, amount, included)
)
