with removed as (
    delete from price_rules where id = any($removed::text[]) returning id
), input as (
    select id, kind, label, coalesce(priority::int, 0) as priority, percent::numeric as percent, rate::numeric as rate,
           amount::numeric as amount, item, category, min_total::numeric as min_total, below::numeric as below,
           string_to_array(coalesce(order_types, 'dine_in,takeout,delivery'), ',') as order_types,
           string_to_array(coalesce(weekdays, 'mon,tue,wed,thu,fri,sat,sun'), ',') as weekdays,
           split_part(hours, '-', 1)::time as hours_from, split_part(hours, '-', 2)::time as hours_until,
           valid_from::date as valid_from, valid_until::date as valid_until, included is not null as included
    from unnest($id::text[], $kind::text[], $label::text[], $priority::text[], $percent::text[], $rate::text[],
                $amount::text[], $item::text[], $category::text[], $min_total::text[], $below::text[],
                $order_types::text[], $weekdays::text[], $hours::text[], $valid_from::text[], $valid_until::text[],
                $included::text[])
        as input (id, kind, label, priority, percent, rate, amount, item, category, min_total, below, order_types,
                  weekdays, hours, valid_from, valid_until, included)
), changed as (
    update price_rules as rule
    set kind = input.kind, label = input.label, priority = input.priority, percent = input.percent,
        rate = input.rate, amount = input.amount, item = input.item, category = input.category,
        min_total = input.min_total, below = input.below, order_types = input.order_types,
        weekdays = input.weekdays, hours_from = input.hours_from, hours_until = input.hours_until,
        valid_from = input.valid_from, valid_until = input.valid_until, included = input.included,
        updated_at = now()
    from input
    where rule.id = input.id
      and (rule.kind, rule.label, rule.priority, rule.percent, rule.rate, rule.amount, rule.item, rule.category,
           rule.min_total, rule.below, rule.order_types, rule.weekdays, rule.hours_from, rule.hours_until,
           rule.valid_from, rule.valid_until, rule.included)
          is distinct from
          (input.kind, input.label, input.priority, input.percent, input.rate, input.amount, input.item,
           input.category, input.min_total, input.below, input.order_types, input.weekdays, input.hours_from,
           input.hours_until, input.valid_from, input.valid_until, input.included)
    returning rule.id
), added as (
    insert into price_rules (id, kind, label, priority, percent, rate, amount, item, category, min_total, below,
                             order_types, weekdays, hours_from, hours_until, valid_from, valid_until, included)
    select id, kind, label, priority, percent, rate, amount, item, category, min_total, below, order_types, weekdays,
           hours_from, hours_until, valid_from, valid_until, included
    from input where not exists (select from price_rules where price_rules.id = input.id) order by id
    returning id
)
select id, 'changed' as change from changed union all select id, 'added' from added
union all select id, 'removed' from removed
