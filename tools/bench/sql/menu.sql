-- :items items on the menu in five categories, each with a stock of a million; two price rules: a
-- discount on a category, and a tax on the order.
begin;
insert into menu_items (id, name, category, price)
select 'dish-' || number, 'Dish ' || number, 'Course ' || (number - 1) % 5 + 1, 2.5 + number * 1.15
from generate_series(1, :items) as number;
insert into inventory_items (item_id, "left") select id, 1000000 from menu_items;
insert into inventory_movements (item_id, delta, left_after, quantity, reason, changed_by)
select id, 1000000, 1000000, 1000000, 'set', 'bench' from menu_items;
insert into price_rules (id, kind, label, percent, rate, category) values
    ('tenth', 'discount', 'A tenth less', 10, null, 'Course 1'),
    ('sales-tax', 'tax', 'Sales tax', null, 7.5, null);
commit;
