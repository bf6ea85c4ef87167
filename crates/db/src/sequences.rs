//! The sequences of ids: how much of each is used, and whether it is behind its table.

use crate::database::Database;
use crate::error::DbError;
use crate::ids::{TABLES, catch_up, cost_of_extending, extend};

/// The state of a table's sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// The table.
    pub table: &'static str,
    /// The last id that was assigned, if any.
    pub last: Option<i64>,
    /// The used part of its ids, 0 to 1. Only ids that fit both the sequence and the column count.
    pub used: f64,
    /// The highest id in the table, among those that the sequence has yet to assign.
    pub highest: Option<i64>,
}

impl Sequence {
    /// Whether the next ids exist already. Inserts with these ids fail.
    pub fn is_behind(&self) -> bool {
        self.highest > self.last
    }

    /// The statement that advances the sequence to its table.
    pub fn catch_up(&self) -> String {
        catch_up(self.table)
    }

    /// The statement that makes room for more ids.
    pub fn extend(&self) -> String {
        extend(self.table)
    }

    /// How that affects other transactions; empty if not at all.
    pub fn cost_of_extending(&self) -> String {
        cost_of_extending(self.table).map_or_else(String::new, |cost| format!(" ({cost})"))
    }
}

/// Inspects the sequences that this user may read.
///
/// # Errors
/// The database failed.
pub async fn inspect(db: &Database) -> Result<Vec<Sequence>, DbError> {
    let readable = "
        select name from unnest($1::text[]) as name
        where has_table_privilege(to_regclass(name), 'select')
          and has_sequence_privilege(case when to_regclass(name) is not null then pg_get_serial_sequence(name, 'id') end,
                                     'usage')";
    let rows = db.query(readable, &[&TABLES.as_slice()]).await?;
    let readable = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    let mut sequences = Vec::new();
    for table in TABLES.into_iter().filter(|table| readable.iter().any(|name| name == table)) {
        // The rows are those of the statement's start, and the sequence is read after that. So
        // concurrent inserts never make it look behind. A sequence that restarted below zero must
        // only pass the negative ids.
        let sql = format!(
            "select last, (last - least)::float8 / (greatest - least),
                    case when coalesce(last, least) < 0 then (select max(id)::bigint from {table} where id < 0)
                         else (select max(id)::bigint from {table}) end
             from (
                 select pg_sequence_last_value(seqrelid) as last, seqmin::numeric as least,
                        least(seqmax, case atttypid when 'int4'::regtype then 2147483647 else seqmax end) as greatest
                 from pg_sequence join pg_attribute on attrelid = to_regclass('{table}') and attname = 'id'
                 where seqrelid = pg_get_serial_sequence('{table}', 'id')::regclass
             ) as sequence"
        );
        if let Some(row) = db.query_opt(&sql, &[]).await? {
            sequences.push(Sequence {
                table,
                last: row.try_get(0)?,
                used: row.try_get::<_, Option<f64>>(1)?.unwrap_or(0.0),
                highest: row.try_get(2)?,
            });
        }
    }
    Ok(sequences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_behind_if_its_table_has_a_higher_id() {
        for (last, highest, is_behind) in [
            (None, None, false),
            (None, Some(1), true),
            (Some(1), None, false),
            (Some(5), Some(5), false),
            (Some(5), Some(6), true),
        ] {
            let sequence = Sequence { table: "orders", last, used: 0.0, highest };
            assert_eq!(sequence.is_behind(), is_behind, "{sequence:?}");
        }
    }
}
