//! `status`: shows what runs.

use std::time::Duration;

use argh::FromArgs;
use runtime::console::{Console, Style};
use runtime::{Exit, clock};

use crate::cluster::record::{Member, Phase};
use crate::cluster::state::State;

/// Shows which servers and services run, where, and for how long; exit code 1 if the
/// restaurant is not open.
#[derive(FromArgs, Debug)]
pub struct Arguments {}

/// Runs the command.
pub fn run(_: &Arguments) -> Result<(), Exit> {
    let console = Console::new();
    let State::Present { supervisor, record, .. } = State::now() else {
        return Err(Exit::Failed("the restaurant is closed; 'cargo xtask up' opens it".to_owned()));
    };
    let Some(record) = record else {
        return Err(Exit::Failed(format!("the restaurant is about to open (process {supervisor})")));
    };
    let word = match record.phase {
        Phase::Opening => "opening",
        Phase::Open => "open",
        Phase::Closing => "closing",
    };
    console.print(&format!("The restaurant is {word} (supervisor: process {supervisor}).\n"));
    let rows: Vec<_> = record.members.iter().map(|member| row(member, clock::unix_seconds())).collect();
    for (index, line) in table(&rows).iter().enumerate() {
        let is_bad = index > 0 && record.members.get(index - 1).is_some_and(Member::is_down);
        let style = if index == 0 { Some(Style::Bold) } else { is_bad.then_some(Style::Red) };
        let line = console.fitted(line);
        console.print(&style.map_or(line.clone(), |style| console.paint(style, &line)));
    }
    for member in &record.members {
        if let Some(trouble) = &member.trouble {
            console.print(&console.paint(Style::Red, &format!("\n{}: {trouble}", member.name)));
        }
    }
    if let Some(url) = &record.management_url {
        console.print(&format!("\nRabbitMQ's management page: {url}"));
    }
    if let Some(url) = &record.prometheus_url {
        console.print(&format!("\nPrometheus: {url}"));
    }
    if record.phase == Phase::Open { Ok(()) } else { Err(Exit::Logged) }
}

type Row = [String; 5];

fn row(member: &Member, now: u64) -> Row {
    let uptime = member.since.map(|since| clock::readable(Duration::from_secs(now.saturating_sub(since))));
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    [
        member.name.clone(),
        member.state.clone(),
        shown(member.pid.map(|pid| pid.to_string())),
        shown(member.address.clone()),
        shown(uptime),
    ]
}

/// A table with aligned columns and a head.
fn table(rows: &[Row]) -> Vec<String> {
    let head = ["NAME", "STATE", "PID", "ADDRESS", "UPTIME"].map(str::to_owned);
    let all: Vec<&Row> = std::iter::once(&head).chain(rows).collect();
    let widths = std::array::from_fn::<usize, 5, _>(|column| {
        all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    });
    all.into_iter()
        .map(|row| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let member = |name: &str, pid| Member {
            name: name.to_owned(),
            pid,
            state: "running".to_owned(),
            address: None,
            since: Some(100),
            trouble: None,
        };
        let rows = [row(&member("order", Some(7)), 142), row(&member("chef_luigi", None), 90)];
        assert_eq!(
            table(&rows),
            [
                "NAME        STATE    PID  ADDRESS  UPTIME",
                "order       running  7    -        42 s",
                "chef_luigi  running  -    -        0 s",
            ]
        );
    }
}
