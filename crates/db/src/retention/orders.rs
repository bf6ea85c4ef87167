//! Orders that are completed or cancelled, with all that hangs on them.

use domain::order_status::RECALL_NOTE;
use tokio_postgres::types::ToSql;

use super::{Action, BLANK, Horizon, PIECE, count};
use crate::database::{Database, DbError};

/// What a piece found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderPiece {
    /// The highest id that it looked at: the next piece begins behind it. `None` at the end.
    pub last: Option<i64>,
    /// Old completed orders that are counted, removed or blanked.
    pub completed: u64,
    /// Old cancelled orders, likewise.
    pub cancelled: u64,
    /// Orders that changed last as long ago and are received, cooking or ready: they stay.
    pub open: u64,
    /// Old completed or cancelled orders that stay: a message about them must still go out, a claim
    /// is left of them, or their number is none.
    pub unsettled: u64,
}

/// Old enough, at the end of its life, and nobody waits for anything of it. Each row is looked up
/// by its key (`offset 0`), however many messages wait, and each order by its id: `number || ''`
/// makes no range of the index of numbers.
const DUE: &str = "
    updated_at < $3 and status in ('completed', 'cancelled')
    and number || '' ~ '^ORD_[0-9]{8}_(?!000)([0-9]{3}|[1-9][0-9]{3,8})$'
    and not exists (select from order_outbox where order_outbox.order_id = orders.id offset 0)
    and not exists (select from order_claims where order_claims.order_id = orders.id offset 0)
    and not exists (select from status_outbox where status_outbox.order_number = orders.number offset 0)
    and not exists (
        select from order_requests as request where placed_as = orders.id
        and (request.status = 'PROCESSING'
             or exists (select from request_outbox where request_outbox.order_id = request.order_id offset 0))
        offset 0)";

/// Acts on the next [`PIECE`] orders behind the id `after` (`None`: from the first on), in one
/// transaction.
///
/// # Errors
/// The database failed. A repetition finds what is left.
pub async fn order_piece(
    db: &Database,
    horizon: &Horizon,
    action: Action,
    after: Option<i64>,
) -> Result<OrderPiece, DbError> {
    let sql = statement(action);
    let after = after.unwrap_or(i64::MIN);
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&after, &horizon.above, &horizon.moment];
    if matches!(action, Action::Remove | Action::Anonymise) {
        parameters.push(&RECALL_NOTE);
    }
    let row = db.query_opt(&sql, &parameters).await?.ok_or_else(|| DbError::unexpected("no row"))?;
    let [completed, cancelled, open, old] =
        [count(&row, 1)?, count(&row, 2)?, count(&row, 3)?, count(&row, 4)?];
    Ok(OrderPiece {
        last: row.try_get(0)?,
        completed,
        cancelled,
        open,
        unsettled: old.saturating_sub(completed + cancelled),
    })
}

/// It steps from id to id: a plan that was made for few orders would else read and sort all ids.
fn statement(action: Action) -> String {
    // Only those with a name or an address count as old, if that is what is asked for.
    let named = match action {
        Action::Count | Action::Remove => String::new(),
        Action::CountNamed | Action::Anonymise => {
            format!("and (customer_name <> '{BLANK}' or delivery_address <> '{BLANK}')")
        }
    };
    let (lock, work) = match action {
        Action::Count | Action::CountNamed => ("", ""),
        Action::Remove => ("for update of orders skip locked", REMOVING),
        Action::Anonymise => ("for update of orders skip locked", BLANKING),
    };
    let work = work.replace("$BLANK", BLANK);
    format!(
        "with recursive looked as (
            (select id, 1 as place from orders
             where id > $1::bigint and id < $2::bigint order by id limit 1)
            union all
            select next.id, place + 1 from looked cross join lateral (
                select id from orders where orders.id > looked.id and orders.id < $2::bigint
                order by id limit 1
            ) as next where place < {PIECE}
        ), due as materialized (
            select id, number, status from orders
            where id = any(array(select id from looked)) and {DUE} {named}
            order by id {lock}
        ){work}
        select (select max(id)::bigint from looked),
               (select count(*) from due where status = 'completed'),
               (select count(*) from due where status = 'cancelled'),
               count(*) filter (where status in ('received', 'cooking', 'ready')),
               count(*) filter (where status in ('completed', 'cancelled') {named})
        from orders where id = any(array(select id from looked)) and updated_at < $3"
    )
}

/// What is gone is recorded first: every part sees the rows as they were when the statement began.
/// Rows are looked up by the ids themselves, not by a join: so the plan cannot be to read a table.
/// The triggers of `orders` remove identities and adjustments; that of `order_requests` the events.
///
/// The audit weighs the log's rows in the same way (`audit::flow`).
const REMOVING: &str = ", recorded as (
            insert into pruned_orders as known (day, numbers)
            select substr(number, 5, 8), range_agg(int4range(sequence, sequence + 1))
            from due cross join lateral (select substr(number, 14)::int as sequence) as numbered
            group by 1 order by 1
            on conflict (day) do update set numbers = known.numbers + excluded.numbers
        ), work as (
            insert into pruned_work as known (worker, since, orders_processed)
            select changed_by,
                   case when changed_at >= workers.created_at then workers.created_at else '-infinity' end as since,
                   sum(case log.status when 'ready' then 1 else -1 end)
            from order_status_log as log left join workers on workers.name = changed_by
            where order_id = any(array(select id from due)) and changed_by is not null
              and (log.status = 'ready' or log.status = 'cooking' and notes = $4)
            group by 1, 2 order by 1, 2
            on conflict (worker, since)
                do update set orders_processed = known.orders_processed + excluded.orders_processed
        ), stock as (
            insert into pruned_stock as known (item_id, delta)
            select item_id, sum(delta) from inventory_movements
            where order_id = any(array(select id from due))
            group by 1 order by 1
            on conflict (item_id) do update set delta = known.delta + excluded.delta
        ), movements as (
            delete from inventory_movements where order_id = any(array(select id from due))
        ), items as (
            delete from order_items where order_id = any(array(select id from due))
        ), log as (
            delete from order_status_log where order_id = any(array(select id from due))
        ), keys as (
            delete from idempotency_keys where order_id = any(array(select id from due))
        ), rescues as (
            delete from rescue_attempts where order_id = any(array(select id from due))
        ), sweeps as (
            delete from order_sweeps where order_id = any(array(select id from due))
        ), requests as (
            delete from order_requests where placed_as = any(array(select id from due))
        ), gone as (
            delete from orders where id = any(array(select id from due))
        )";

/// Notes say why somebody cancelled, in words that may name somebody. That of a recall is ours. The
/// fingerprint of a request could confirm a guess of who placed it.
const BLANKING: &str = ", blanked as (
            update orders set customer_name = '$BLANK',
                              delivery_address = case when delivery_address is not null then '$BLANK' end
            where id = any(array(select id from due))
        ), notes as (
            update order_status_log set notes = null
            where order_id = any(array(select id from due)) and notes <> $4
        ), requests as (
            update order_requests set fingerprint = '', errors = null
            where placed_as = any(array(select id from due))
        )";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_counts_changes_nothing() {
        for action in [Action::Count, Action::CountNamed] {
            let sql = statement(action);
            for word in ["delete", "update ", "insert", "$4"] {
                assert!(!sql.contains(word), "{action:?}: {sql}");
            }
        }
    }
}
