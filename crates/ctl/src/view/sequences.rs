//! The check of the sequences that ids come from, for doctor and audit.

use db::DbError;
use db::sequences::Sequence;
use runtime::with_causes;

use crate::view::verdict::Verdict;

/// The used share from which on the operator should plan an extension.
const HALF: f64 = 0.5;
/// The used share from which on the operator must act.
const NEARLY_ALL: f64 = 0.95;

/// One verdict for all sequences.
pub fn verdict(sequences: Result<Vec<Sequence>, DbError>) -> Verdict {
    let check = "sequences";
    let sequences = match sequences {
        Ok(sequences) => sequences,
        Err(why) => {
            return Verdict::unknown(check, with_causes(&why), "see that this user may read the tables");
        }
    };
    let count = |cases: &[String]| u64::try_from(cases.len()).unwrap_or(u64::MAX);
    let behind: Vec<&Sequence> = sequences.iter().filter(|sequence| sequence.is_behind()).collect();
    if let Some(first) = behind.first() {
        let say = |id: Option<i64>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
        let cases: Vec<String> = behind
            .iter()
            .map(|sequence| {
                let (highest, last) = (say(sequence.highest), say(sequence.last));
                format!("{}: the highest id is {highest}, the sequence gave {last} last", sequence.table)
            })
            .collect();
        let to_do = format!("as the tables' owner run, for each: {}", first.catch_up());
        return Verdict::fail(check, format!("sequences behind their tables: {}", cases.len()), to_do)
            .with_examples(count(&cases), cases);
    }
    let full: Vec<&Sequence> = sequences.iter().filter(|sequence| sequence.used >= HALF).collect();
    let most = full.iter().max_by(|one, other| one.used.total_cmp(&other.used));
    let Some(most) = most else {
        return Verdict::ok(check, "there are enough ids left");
    };
    let cases: Vec<String> = full
        .iter()
        .map(|sequence| format!("{}: {:.2} % of the ids are used", sequence.table, sequence.used * 100.0))
        .collect();
    let (extend, cost) = (most.extend(), most.cost_of_extending());
    let to_do = format!("when no order is in progress{cost} run, as the tables' owner, for each: {extend}");
    let found = format!("tables that run out of ids: {}", cases.len());
    let verdict = if most.used >= NEARLY_ALL {
        Verdict::fail(check, found, to_do)
    } else {
        Verdict::warn(check, found, to_do)
    };
    verdict.with_examples(count(&cases), cases)
}
