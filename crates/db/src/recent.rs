//! Where the recent part of a log begins: its lowest id.
//!
//! No index has the times of rows: each would cost every order. Ids are given in the sequence of
//! time, nearly. So the first recent row is searched for by halving, one look into the index of ids
//! at each step, some twenty in all.

/// Newest rows that are always among the recent ones: times that are out of order by a few rows, as
/// after a change of the clock, hide nothing there.
const ALWAYS: u32 = 1_000;

/// The lowest id of `table` from which on `time_column` is not before `moment`, which is SQL, as
/// two common table expressions: `name_search`, and `name` with the column `id`. Rows of one minute
/// before may be among those behind it: whoever reads them compares their times. Needs `with
/// recursive`.
pub(crate) fn lowest_id(name: &str, table: &str, time_column: &str, moment: &str) -> String {
    format!(
        "{name}_search (low, high) as (
            select (select min(id)::bigint from {table}), (select max(id)::bigint + 1 from {table})
            union all
            select case when is_old then middle + 1 else low end, case when is_old then high else middle end
            from (
                select low, high, middle,
                       coalesce((select {time_column} < {moment} - interval '1 minute' from {table}
                                 where id >= middle order by id limit 1), false) as is_old
                from (select low, high, low + (high - low) / 2 as middle from {name}_search where low < high) as half
            ) as judged
        ), {name} as (
            select least(coalesce(max(low), 0), (select max(id)::bigint from {table}) - {ALWAYS}) as id
            from {name}_search where low >= high
        )"
    )
}
