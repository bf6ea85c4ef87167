with stock as (
    select item_id, "left" from inventory_items where item_id = any($removed::text[]) order by item_id for update
), moved as (
    insert into inventory_movements (created_at, item_id, delta, quantity, reason, changed_by)
    select now(), item_id, -"left", "left", 'removed', $changed_by from stock order by item_id
), removed as (
    delete from menu_items where id = any($removed::text[]) returning id
), input as (
    select id, name, description, category, price::numeric as price, string_to_array(order_types, ',') as order_types,
           position, available, sold_out, sold_out_until
    from unnest($ids::text[], $names::text[], $descriptions::text[], $categories::text[], $prices::text[],
                $order_types::text[], $positions::int[], $availables::boolean[], $sold_outs::boolean[],
                $ends::timestamptz[])
        as input (id, name, description, category, price, order_types, position, available, sold_out, sold_out_until)
), changed as (
    update menu_items as item
    set name = input.name, description = input.description, category = input.category, price = input.price,
        order_types = input.order_types, position = input.position, available = input.available,
        sold_out = input.sold_out, sold_out_until = input.sold_out_until, updated_at = now()
    from input
    where item.id = input.id
      and (item.name, item.description, item.category, item.price, item.order_types, item.position, item.available,
           item.sold_out, item.sold_out_until)
          is distinct from
          (input.name, input.description, input.category, input.price, input.order_types, input.position,
           input.available, input.sold_out, input.sold_out_until)
    returning item.id
), added as (
    insert into menu_items (id, name, description, category, price, order_types, position, available, sold_out,
                            sold_out_until)
    select id, name, description, category, price, order_types, position, available, sold_out, sold_out_until
    from input where not exists (select from menu_items where menu_items.id = input.id) order by id
    returning id
)
select id, 'changed' as change from changed union all select id, 'added' from added
union all select id, 'removed' from removed
