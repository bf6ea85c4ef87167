//! Checks order numbers: gapless and unique per day, and equal to the day's counter. The numbers of
//! pruned orders are given out, as those of orders that are there.

use tokio_postgres::Transaction;

use super::{Finding, LowerBound, findings};
use crate::database::DbError;

/// Compares whole days, from the first one of the scope on.
///
/// A number is unique in its table and has one spelling. So if a day has as many numbers as its
/// highest one, none is missing. A pruned number whose order is there was given out twice.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Vec<Finding>, DbError> {
    let broken = "
        select 'order_numbers', format('%s is not an order number', number) from orders
        where number >= $1 and number !~ '^ORD_[0-9]{8}_(?!000)([0-9]{3}|[1-9][0-9]{3,8})$'
        union all
        select 'order_numbers',
               format('%s: %s orders, the highest is number %s, the counter says %s', day, orders, highest, counter)
               || case when pruned > 0 then format('; %s are pruned', pruned) else '' end
               || case when twice > 0 then format('; pruned and there: %s', twice) else '' end
               || coalesce('; missing: ' || missing, '')
        from (
            select day, coalesce(orders, 0) as orders, coalesce(twice, 0) as twice,
                   greatest(numbered.highest, removed.highest, 0) as highest,
                   coalesce(counter, 0) as counter, coalesce(pruned, 0) as pruned, numbers
            from (
                select day, count(*) as orders, max(sequence) as highest,
                       count(*) filter (where numbers @> sequence::int) as twice
                from (
                    select substr(number, 5, 8) as day, substr(number, 14)::bigint as sequence
                    from (
                        select case when number ~ '^ORD_[0-9]{8}_(?!000)([0-9]{3}|[1-9][0-9]{3,8})$' then number end as number
                        from orders where number >= $1
                    ) as spelled
                    where number is not null
                ) as split
                left join pruned_orders using (day)
                group by day
            ) as numbered
            full join (
                select day, numbers, upper(numbers)::bigint - 1 as highest,
                       (select sum(upper(part) - lower(part)) from unnest(numbers) as part)::bigint as pruned
                from pruned_orders where 'ORD_' || day >= $1
            ) as removed using (day)
            full join (
                select to_char(day, 'YYYYMMDD') as day, last_number as counter from order_counters
                where 'ORD_' || to_char(day, 'YYYYMMDD') >= $1
            ) as counters using (day)
        ) as days
        left join lateral (
            select string_agg(lpad(sequence::text, greatest(3, length(sequence::text)), '0'), ', ') as missing
            from (
                select sequence from generate_series(1, greatest(highest, counter)) as sequence
                where orders + pruned - twice <> greatest(highest, counter)
                  and not coalesce(numbers @> sequence::int, false) and not exists (
                    select from orders
                    where number = 'ORD_' || day || '_' || lpad(sequence::text, greatest(3, length(sequence::text)), '0'))
                limit 10
            ) as gaps
        ) as gaps on true
        where orders + pruned - twice <> highest or highest <> counter or twice > 0";
    findings(transaction, broken, &[&from.number]).await
}
