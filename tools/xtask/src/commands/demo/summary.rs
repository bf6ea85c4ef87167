//! The summary at the end of the demo.

use std::collections::BTreeMap;
use std::time::Duration;

use runtime::console::{Console, Style};

use crate::commands::demo::board::{Board, seconds};

const WATCH: &str = "'cargo xtask logs kitchen --follow' shows them being cooked";

/// Prints the summary.
pub fn show(console: Console, board: &Board) {
    console.print("");
    console.print(&console.paint(Style::Bold, "Summary"));
    for line in lines(board) {
        console.print(&format!("  {line}"));
    }
}

fn lines(board: &Board) -> Vec<String> {
    let tickets = board.tickets();
    let ready = tickets.iter().filter(|ticket| ticket.status == "ready").count();
    let mut lines =
        vec![format!("{} orders placed, {ready} ready, {} turned away", tickets.len(), board.refused())];
    let waits = tickets.iter().filter_map(|ticket| Some(ticket.started? - ticket.placed)).collect();
    lines.extend(spread("from order to cooking", waits));
    let whole = tickets.iter().filter_map(|ticket| Some(ticket.ready? - ticket.placed)).collect();
    lines.extend(spread("from order to ready", whole));
    let mut cooks: BTreeMap<&str, usize> = BTreeMap::new();
    for cook in
        tickets.iter().filter(|ticket| ticket.status == "ready").filter_map(|ticket| ticket.cook.as_deref())
    {
        *cooks.entry(cook).or_default() += 1;
    }
    if !cooks.is_empty() {
        let shares: Vec<_> = cooks.iter().map(|(cook, count)| format!("{cook} {count}")).collect();
        lines.push(format!("cooked by: {}", shares.join(", ")));
    }
    match board.in_flight().len() {
        0 => {}
        1 => lines.push(format!("1 order is not ready yet; {WATCH}")),
        count => lines.push(format!("{count} orders are not ready yet; {WATCH}")),
    }
    lines
}

fn spread(what: &str, mut times: Vec<Duration>) -> Option<String> {
    times.sort_unstable();
    let (median, longest) = (times.get(times.len() / 2)?, times.last()?);
    Some(format!("{what}: median {}, longest {}", seconds(*median), seconds(*longest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_without_orders() {
        assert_eq!(lines(&Board::default()), ["0 orders placed, 0 ready, 0 turned away"]);
    }

    #[test]
    fn median_and_longest() {
        let times = [3, 1, 2].map(Duration::from_secs).to_vec();
        assert_eq!(spread("x", times).unwrap(), "x: median 2.0 s, longest 3.0 s");
        assert_eq!(spread("x", Vec::new()), None);
    }
}
