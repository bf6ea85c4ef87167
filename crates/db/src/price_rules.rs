//! `price_rules`: discounts, fees and taxes, as staff edit them.
//!
//! Every edit counts once in `menu_version`. Stored orders keep what was applied to them.

use std::collections::HashSet;
use std::sync::LazyLock;

use domain::pricing::{PriceRule, RuleId, RuleSet};
use domain::record::{Record, Value};
use tokio_postgres::Row;

use crate::database::{Database, DbError, Decision, Reading};
use crate::edit::{Changes, Edit};
use crate::named::NamedStatement;

/// Adds rules, changes those that are different, and removes others.
static WRITE: LazyLock<NamedStatement> =
    LazyLock::new(|| NamedStatement::new(include_str!("price_rules/write.sql")));

/// Fields of a rule's record as texts; null if the record has none. Text never depends on the
/// session's settings, and the domain parses it exactly.
pub(crate) const READ: &str = "
    select id, kind, label, priority::text, percent::text, amount::text, item, category, below::text, rate::text,
           case when included then 'true' end as included, min_total::text, order_types, weekdays,
           to_char(hours_from, 'HH24:MI') || '-' || to_char(hours_until, 'HH24:MI') as hours,
           to_char(valid_from, 'YYYY-MM-DD') as valid_from, to_char(valid_until, 'YYYY-MM-DD') as valid_until
    from price_rules order by id";

/// The fields of [`READ`] and of the statement that writes.
const TEXTS: [&str; 15] = [
    "id",
    "kind",
    "label",
    "priority",
    "percent",
    "amount",
    "item",
    "category",
    "below",
    "rate",
    "included",
    "min_total",
    "hours",
    "valid_from",
    "valid_until",
];
const LISTS: [&str; 2] = ["order_types", "weekdays"];

/// Waits for other edits of the rules, and for nobody else.
const LOCKED: &str = "begin; lock table price_rules in share row exclusive mode";

/// Reads all rules.
///
/// # Errors
/// The database failed, or a row was written by hand that breaks a rule of the domain: the error
/// names it.
pub async fn read(db: &Database) -> Result<RuleSet, DbError> {
    rule_set(&db.query(READ, &[]).await?)
}

/// Adds these rules or replaces those of their ids, in one transaction. All others stay.
///
/// # Errors
/// The database failed. A second call tells what it did.
pub async fn merge(db: &Database, rules: &RuleSet) -> Result<Edit<PriceRule, RuleId>, DbError> {
    write(db, |_| false, rules).await
}

/// Makes these rules the only ones, in one transaction.
///
/// # Errors
/// As [`merge`].
pub async fn replace(db: &Database, rules: &RuleSet) -> Result<Edit<PriceRule, RuleId>, DbError> {
    let kept: HashSet<&str> = rules.rules().iter().map(|rule| rule.id.as_str()).collect();
    write(db, |id| !kept.contains(id), rules).await
}

/// Reads the rows of [`READ`].
pub(crate) fn rule_set(rows: &[Row]) -> Result<RuleSet, DbError> {
    let rules = rows.iter().map(rule).collect::<Result<_, _>>()?;
    RuleSet::new(rules).map_err(DbError::unexpected)
}

fn rule(row: &Row) -> Result<PriceRule, DbError> {
    let mut record = Record::default();
    for field in TEXTS {
        record = record.with_some(field, row.try_get::<_, Option<&str>>(field)?);
    }
    for field in LISTS {
        record = record.with_list(field, row.try_get::<_, Vec<&str>>(field)?);
    }
    PriceRule::from_record(&record).map_err(|faults| {
        let faults = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let id: &str = row.try_get("id").unwrap_or_default();
        DbError::unexpected(format!("the row '{id}' of price_rules: {faults}"))
    })
}

/// Writes rules, and removes some of those that are there.
async fn write(
    db: &Database,
    is_removed: impl Fn(&str) -> bool,
    rules: &RuleSet,
) -> Result<Edit<PriceRule, RuleId>, DbError> {
    let records: Vec<Record> = rules.rules().iter().map(PriceRule::to_record).collect();
    let decide = |rows: &[Row]| {
        let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<String>, _>>()?;
        let removed: Vec<String> = ids.into_iter().filter(|id| is_removed(id)).collect();
        let mut parameters = WRITE.bind().with("removed", removed);
        for field in TEXTS.into_iter().chain(LISTS) {
            parameters = parameters.with(field, texts(&records, field));
        }
        let before = rows.iter().filter_map(|row| rule(row).ok()).collect();
        Ok(Decision { result: before, writing: Some(parameters) })
    };
    let all = Reading { begin: LOCKED, sql: READ, parameters: &[] };
    let (before, rows) = db.read_then_write(all, WRITE.sql(), decide).await?;
    Ok(Edit { before, changes: Changes::of(&rows)? })
}

/// A field of each record; a list with commas between its texts.
fn texts(records: &[Record], field: &'static str) -> Vec<Option<String>> {
    let text = |record: &Record| match record.get(field)? {
        Value::Text(text) => Some(text.clone()),
        Value::List(list) => Some(list.join(",")),
    };
    records.iter().map(text).collect()
}
