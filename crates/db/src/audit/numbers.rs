//! Checks order numbers: gapless and unique per day, and equal to the day's counter. What a restore
//! skipped is a gap that is known.

use tokio_postgres::Transaction;

use super::{Finding, LowerBound, findings};
use crate::database::DbError;

/// Compares whole days, from the first one of the scope on.
///
/// A number is unique in its table and has one spelling. So if a day has as many numbers as its
/// highest one, with those of its known gaps, none is missing, and none lies in a gap.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Vec<Finding>, DbError> {
    let broken = "
        select 'order_numbers', format('%s is not an order number', number) from orders
        where number >= $1 and number !~ '^ORD_[0-9]{8}_(?!000)([0-9]{3}|[1-9][0-9]{3,8})$'
        union all
        select 'order_numbers',
               format('%s: %s orders, the highest is number %s, the counter says %s', day, orders, highest, counter)
               || coalesce('; missing: ' || missing, '')
        from (
            select day, coalesce(orders, 0) as orders, coalesce(counter, 0) as counter, coalesce(skipped, 0) as skipped,
                   greatest(highest, last_skipped, 0) as highest
            from (
                select substr(number, 5, 8) as day, count(*) as orders, max(substr(number, 14)::bigint) as highest
                from (
                    select case when number ~ '^ORD_[0-9]{8}_(?!000)([0-9]{3}|[1-9][0-9]{3,8})$' then number end as number
                    from orders where number >= $1
                ) as spelled
                where number is not null group by 1
            ) as numbered
            full join (
                select to_char(day, 'YYYYMMDD') as day, last_number as counter from order_counters
                where 'ORD_' || to_char(day, 'YYYYMMDD') >= $1
            ) as counters using (day)
            left join (
                select to_char(day, 'YYYYMMDD') as day, sum(last_number - first_number + 1) as skipped,
                       max(last_number) as last_skipped
                from number_gaps group by 1
            ) as gaps using (day)
        ) as days
        left join lateral (
            select string_agg(lpad(sequence::text, greatest(3, length(sequence::text)), '0'), ', ') as missing
            from (
                select sequence from generate_series(1, greatest(highest, counter)) as sequence
                where orders + skipped <> greatest(highest, counter) and not exists (
                    select from orders
                    where number = 'ORD_' || day || '_' || lpad(sequence::text, greatest(3, length(sequence::text)), '0'))
                    and not exists (select from number_gaps where to_char(number_gaps.day, 'YYYYMMDD') = days.day
                                                                  and sequence between first_number and last_number)
                limit 10
            ) as absent
        ) as absent on true
        where orders + skipped <> highest or highest <> counter";
    findings(transaction, broken, &[&from.number]).await
}
