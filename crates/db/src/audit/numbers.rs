//! Checks order numbers: gapless and unique per day, and equal to the day's counter. The numbers of
//! pruned orders are given out, as those of orders that are there. What a restore skipped is a gap
//! that is known.

use tokio_postgres::Transaction;

use super::{Finding, LowerBound, findings};
use crate::database::DbError;

/// Compares whole days, from the first one of the scope on.
///
/// A number is unique in its table and has one spelling. So if a day has as many numbers as its
/// highest one, with those that are pruned or skipped, none is missing. One of these whose order is
/// there was given out twice.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Vec<Finding>, DbError> {
    let broken = "
        with known as (
            select day, range_agg(part) as numbers from (
                select day, unnest(numbers) as part from pruned_orders
                union all
                select to_char(day, 'YYYYMMDD'), int4range(first_number, last_number, '[]') from number_gaps
            ) as parts
            group by day
        )
        select 'order_numbers', format('%s is not an order number', number) from orders
        where number >= $1 and number !~ '^ORD_[0-9]{8}_(?!000)([0-9]{3}|[1-9][0-9]{3,8})$'
        union all
        select 'order_numbers',
               format('%s: %s orders, the highest is number %s, the counter says %s', day, orders, highest, counter)
               || case when known > 0 then format('; %s are pruned, or skipped by a restore', known) else '' end
               || case when twice > 0 then format('; among them and there: %s', twice) else '' end
               || coalesce('; missing: ' || missing, '')
        from (
            select day, coalesce(orders, 0) as orders, coalesce(twice, 0) as twice,
                   greatest(numbered.highest, known.highest, 0) as highest,
                   coalesce(counter, 0) as counter, coalesce(known.known, 0) as known, numbers
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
                left join known using (day)
                group by day
            ) as numbered
            full join (
                select day, numbers, upper(numbers)::bigint - 1 as highest,
                       (select sum(upper(part) - lower(part)) from unnest(numbers) as part)::bigint as known
                from known where 'ORD_' || day >= $1
            ) as known using (day)
            full join (
                select to_char(day, 'YYYYMMDD') as day, last_number as counter from order_counters
                where 'ORD_' || to_char(day, 'YYYYMMDD') >= $1
            ) as counters using (day)
        ) as days
        left join lateral (
            select string_agg(lpad(sequence::text, greatest(3, length(sequence::text)), '0'), ', ') as missing
            from (
                select sequence from generate_series(1, greatest(highest, counter)) as sequence
                where orders + known - twice <> greatest(highest, counter)
                  and not coalesce(numbers @> sequence::int, false) and not exists (
                    select from orders
                    where number = 'ORD_' || day || '_' || lpad(sequence::text, greatest(3, length(sequence::text)), '0'))
                limit 10
            ) as gaps
        ) as gaps on true
        where orders + known - twice <> highest or highest <> counter or twice > 0";
    findings(transaction, broken, &[&from.number]).await
}
