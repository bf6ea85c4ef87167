, sold as (
    -- From the locked row. The statement sees the row as it was when it began. PostgreSQL checks
    -- the constraints of what follows from that before it looks for a newer version.
    update inventory_items as item set "left" = stock."left" - wanted.quantity, updated_at = now()
    from wanted join stock using (item_id), admitted where item.item_id = wanted.item_id
    returning wanted.item, item."left"
), moved as (
    insert into inventory_movements (created_at, item_id, order_id, delta, left_after, quantity, reason, changed_by)
    select now(), ($wanted_items::text[])[item], (select array_agg(id order by place) from numbered)[sale.place],
           -quantity, left_behind[item] + later, quantity, 'order', $changed_by
    from (select array_agg("left" order by item) as left_behind from wanted left join sold using (item)) as last,
         unnest($sale_places::int[], $sale_items::int[], $sale_quantities::int[], $sale_laters::bigint[]) with ordinality
             as sale (place, item, quantity, later, line)
    where left_behind[item] is not null
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
