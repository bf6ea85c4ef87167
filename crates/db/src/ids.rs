//! Advice for exhausted ids and for sequences that are behind their tables.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Tables whose column `id` has a sequence.
pub(crate) const TABLES: [&str; 5] =
    ["orders", "order_items", "order_status_log", "workers", "status_outbox"];

/// Tables whose ids may become negative: nothing needs them to be positive or to grow for ever. An
/// order's rows get theirs in one statement. The status log is not among them, because its ids
/// order an order's history.
const BELOW_ZERO: [&str; 3] = ["orders", "order_items", "workers"];

/// The statement that advances a table's sequence to its highest id.
pub(crate) fn catch_up(table: &str) -> String {
    // A sequence that restarted below zero must only pass the negative ids.
    let highest = |column: &str, table: &str| {
        format!(
            "(select max({column}) from {table} \
              where {column} <= case when last_value < 0 then -1 else 9223372036854775807 end)"
        )
    };
    let highest = if table == "orders" {
        // Two other tables have its ids as keys, and may still have rows of a deleted order.
        let [orders, identities, outbox] =
            [("id", table), ("order_id", "order_identities"), ("order_id", "order_outbox")]
                .map(|(column, table)| highest(column, table));
        format!("greatest({orders}, {identities}, {outbox})")
    } else {
        highest("id", table)
    };
    format!("select setval(pg_get_serial_sequence('{table}', 'id'), {highest}) from {table}_id_seq")
}

/// How extending the ids affects other transactions.
pub(crate) fn cost_of_extending(table: &str) -> Option<String> {
    let is_rewritten = !BELOW_ZERO.contains(&table);
    is_rewritten.then(|| {
        format!(
            "{table} is rewritten: that takes long if it is large, and all orders wait or are refused \
             meanwhile"
        )
    })
}

/// The statement that makes room for more ids of a table.
pub(crate) fn extend(table: &str) -> String {
    if BELOW_ZERO.contains(&table) {
        // As many ids again.
        return format!("alter sequence {table}_id_seq minvalue -2147483648 restart with -2147483648");
    }
    format!("alter table {table} alter column id type bigint; alter sequence {table}_id_seq as bigint")
}

/// Advice for an error about ids or numbers, in brackets for the end of a message; empty for other
/// errors. It looks at codes and names, because the message is in the server's language.
pub(crate) fn advice(why: &Error) -> String {
    let Some(refusal) = why.as_db_error() else { return String::new() };
    let code = refusal.code();
    let (what, sql) = if *code == SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED {
        let named = |table: &&str| refusal.message().contains(&format!("{table}_id_seq"));
        match TABLES.into_iter().find(named) {
            Some(table) => {
                let cost = cost_of_extending(table).map_or_else(String::new, |cost| format!("; {cost}"));
                (format!("the ids of {table} are used up{cost}"), extend(table))
            }
            None => return " (ids are used up; 'restaurant-ctl doctor' says what to run)".to_owned(),
        }
    } else if *code == SqlState::NUMERIC_VALUE_OUT_OF_RANGE {
        return " (if ids are used up, 'restaurant-ctl doctor' says what to run)".to_owned();
    } else if *code == SqlState::UNIQUE_VIOLATION {
        match (refusal.table(), refusal.constraint()) {
            (Some("orders"), Some("orders_number_key")) => {
                ("the day's counter of numbers is behind the orders".to_owned(), COUNTER.to_owned())
            }
            (_, Some("order_outbox_pkey" | "order_identities_order_id_key")) => {
                (behind("orders"), catch_up("orders"))
            }
            (Some(table), Some(constraint))
                if TABLES.contains(&table) && constraint == format!("{table}_pkey") =>
            {
                (behind(table), catch_up(table))
            }
            _ => return String::new(),
        }
    } else {
        return String::new();
    };
    format!(" ({what}; as the tables' owner run: {sql})")
}

/// Advances the counter of this day to its orders.
const COUNTER: &str = "update order_counters set last_number = (select max(substr(number, 14)::int) from orders \
     where substr(number, 5, 8) = to_char(day, 'YYYYMMDD')) where day = (now() at time zone 'utc')::date";

fn behind(table: &str) -> String {
    format!("the sequence of ids is behind the table {table}")
}
