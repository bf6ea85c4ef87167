//! Checks the status log of orders: a legal sequence of transitions, each status once, ending in
//! the present status.
//!
//! A recall undoes the step to `ready` before it. Both rows are taken out first; what is left of
//! the log must be legal.

use domain::OrderStatus;
use domain::order_status::RECALL_NOTE;
use tokio_postgres::{Row, Transaction};

use super::{EXAMPLES, Finding, Invariant, LowerBound};
use crate::database::DbError;

/// The most distinct illegal histories. A table with more of them is beyond diagnosis.
const MOST_PATTERNS: i64 = 1_000;

/// What a recall is called in the histories of this module. It is no status.
const RECALLED: &str = "recalled";

/// Orders with the same illegal history.
struct Pattern {
    /// The statuses of the log, oldest first, without what was recalled.
    log: Vec<String>,
    /// Whether the log has a `ready`, recalled or not.
    was_ready: bool,
    status: String,
    is_completed: bool,
    count: u64,
    numbers: Vec<String>,
}

/// Describes what is wrong with such an order, if anything.
type Rule = fn(&Pattern) -> Option<String>;

/// Checks the orders of the scope. The database filters out legal histories. The rest is checked
/// here against the one table of transitions.
pub(super) async fn check(transaction: &Transaction<'_>, from: &LowerBound) -> Result<Vec<Finding>, DbError> {
    let sql = format!(
        "select log, status, is_completed, count(*), (array_agg(number order by number))[1:{EXAMPLES}]
         from (
             select number, coalesce(orders.status, 'null') as status, completed_at is not null as is_completed,
                    coalesce(array_agg(case when log.status = 'cooking' and notes = $4 then '{RECALLED}'
                                            else coalesce(log.status, 'null') end order by log.id)
                             filter (where log.id is not null), '{{}}')
                        as log
             from orders left join order_status_log as log on order_id = orders.id
             where number >= $1 and orders.created_at >= $2
             group by orders.id
         ) as histories
         where replace(array_to_string(log, ' '), ' ready {RECALLED}', '') <> all($3)
            or (case log[cardinality(log)] when '{RECALLED}' then 'cooking' else log[cardinality(log)] end) <> status
            or is_completed <> (status in ('ready', 'completed'))
         group by log, status, is_completed order by count(*) desc limit {MOST_PATTERNS}"
    );
    let rows =
        transaction.query(&sql, &[&from.number, &from.moment, &legal_histories(), &RECALL_NOTE]).await?;
    let patterns = rows.iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
    let rules: [(Invariant, Rule); 4] = [
        (Invariant::StatusLog, illegal),
        (Invariant::StatusOnce, repeated),
        (Invariant::CurrentStatus, elsewhere),
        (Invariant::CompletedAt, wrongly_completed),
    ];
    Ok(rules.into_iter().filter_map(|(invariant, rule)| judge(invariant, rule, &patterns)).collect())
}

/// All prefixes of legal histories, the statuses separated by spaces.
fn legal_histories() -> Vec<String> {
    fn extend(history: &str, status: OrderStatus, histories: &mut Vec<String>) {
        let history = if history.is_empty() { status.to_string() } else { format!("{history} {status}") };
        for next in OrderStatus::ALL.into_iter().filter(|next| status.may_become(*next)) {
            extend(&history, next, histories);
        }
        histories.push(history);
    }
    let mut histories = Vec::new();
    extend("", OrderStatus::Received, &mut histories);
    histories
}

/// The log without the steps that recalls undid, as the statement sees it: a recall undoes a
/// `ready` directly before it, which is not the first row. A recall of something else stays, and is
/// illegal.
fn without_recalls(log: Vec<String>) -> Vec<String> {
    let mut left: Vec<String> = Vec::with_capacity(log.len());
    let mut can_be_undone = false;
    for status in log {
        if status == RECALLED && can_be_undone {
            left.pop();
            can_be_undone = false;
        } else {
            can_be_undone = !left.is_empty() && status == OrderStatus::RECALL.0.as_str();
            left.push(status);
        }
    }
    left
}

fn pattern(row: &Row) -> Result<Pattern, DbError> {
    let log: Vec<String> = row.try_get(0)?;
    Ok(Pattern {
        was_ready: log.iter().any(|status| status == "ready"),
        log: without_recalls(log),
        status: row.try_get(1)?,
        is_completed: row.try_get(2)?,
        count: u64::try_from(row.try_get::<_, i64>(3)?).map_err(DbError::unexpected)?,
        numbers: row.try_get(4)?,
    })
}

fn judge(invariant: Invariant, rule: Rule, patterns: &[Pattern]) -> Option<Finding> {
    let mut finding = Finding { invariant, count: 0, examples: Vec::new() };
    for pattern in patterns {
        let Some(why) = rule(pattern) else { continue };
        finding.count += pattern.count;
        finding.examples.extend(pattern.numbers.iter().map(|number| format!("{number}: {why}")));
    }
    finding.examples.sort_unstable();
    finding.examples.truncate(EXAMPLES);
    (finding.count > 0).then_some(finding)
}

/// Counts only the first occurrence of a status. The next rule finds repeated ones.
fn illegal(Pattern { log, .. }: &Pattern) -> Option<String> {
    let mut firsts: Vec<&str> = Vec::new();
    for status in log {
        if !firsts.contains(&status.as_str()) {
            firsts.push(status);
        }
    }
    (!firsts.is_empty() && !legal_histories().contains(&firsts.join(" ")))
        .then(|| format!("its log says {}", log.join(" → ")))
}

fn repeated(Pattern { log, .. }: &Pattern) -> Option<String> {
    let count = |status: &String| log.iter().filter(|other| *other == status).count();
    log.iter()
        .find(|status| count(status) > 1)
        .map(|status| format!("was {} times {status}: {}", count(status), log.join(" → ")))
}

fn elsewhere(Pattern { log, status, .. }: &Pattern) -> Option<String> {
    match log.last() {
        None => Some(format!("is {status} and has no log")),
        Some(last) if last != status => Some(format!("is {status}, its log ends with {last}")),
        Some(_) => None,
    }
}

/// An order that was `ready` and then cancelled may keep its time.
fn wrongly_completed(Pattern { was_ready, status, is_completed, .. }: &Pattern) -> Option<String> {
    let should = ["ready", "completed"].contains(&status.as_str());
    let may = should || status == "cancelled" && *was_ready;
    match (should, may, is_completed) {
        (true, _, false) => Some(format!("is {status} without completed_at")),
        (_, false, true) => Some(format!("is {status} and has a completed_at")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(log: &str, status: &str, is_completed: bool) -> Pattern {
        let log: Vec<String> = log.split_whitespace().map(str::to_owned).collect();
        let was_ready = log.iter().any(|status| status == "ready");
        let log = without_recalls(log);
        Pattern {
            log,
            was_ready,
            status: status.to_owned(),
            is_completed,
            count: 1,
            numbers: vec!["N".to_owned()],
        }
    }

    #[test]
    fn the_beginnings_of_all_lives() {
        let mut histories = legal_histories();
        histories.sort_unstable();
        assert_eq!(
            histories,
            [
                "received",
                "received cancelled",
                "received cooking",
                "received cooking cancelled",
                "received cooking ready",
                "received cooking ready cancelled",
                "received cooking ready completed",
            ]
        );
    }

    #[test]
    fn each_rule_sees_what_is_its_own() {
        for (log, status, is_completed, broken) in [
            ("received cooking ready", "ready", true, ""),
            ("received cooking ready cancelled", "cancelled", true, ""),
            ("received cooking ready cancelled", "cancelled", false, ""),
            ("received cooking ready recalled", "cooking", false, ""),
            ("received cooking ready recalled", "cooking", true, "completed"),
            ("received cooking ready recalled ready recalled ready completed", "completed", true, ""),
            ("received cooking ready recalled cancelled", "cancelled", false, ""),
            ("received cooking recalled ready", "ready", true, "illegal"),
            ("received cooking ready ready recalled recalled", "cooking", false, "illegal,elsewhere"),
            ("ready recalled", "cooking", false, "illegal,elsewhere"),
            ("received cooking ready completed recalled", "cooking", false, "illegal,elsewhere"),
            ("received cooking ready cancelled recalled", "cooking", false, "illegal,elsewhere"),
            ("received cooking ready cooking", "cooking", false, "repeated"),
            ("received ready", "ready", true, "illegal"),
            ("cooking", "cooking", false, "illegal"),
            ("received burnt", "burnt", false, "illegal"),
            ("received cooking cooking ready", "ready", true, "repeated"),
            ("received cooking cooking ready ready", "ready", true, "repeated"),
            ("received cooking", "ready", true, "elsewhere"),
            ("", "received", false, "elsewhere"),
            ("received cooking ready", "ready", false, "completed"),
            ("received cooking", "cooking", true, "completed"),
            ("received cancelled", "cancelled", true, "completed"),
        ] {
            let pattern = pattern(log, status, is_completed);
            let found = [
                illegal(&pattern).map(|_| "illegal"),
                repeated(&pattern).map(|_| "repeated"),
                elsewhere(&pattern).map(|_| "elsewhere"),
                wrongly_completed(&pattern).map(|_| "completed"),
            ];
            assert_eq!(found.into_iter().flatten().collect::<Vec<_>>().join(","), broken, "{log}, {status}");
        }
    }
}
