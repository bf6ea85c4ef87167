//! Real names in the scripts of the world: customers and workers may have all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // tests fail by panicking

use std::collections::BTreeSet;

use domain::{WorkerName, text_rules};
use icu_properties::PropertyParser;
use icu_properties::props::{EnumeratedProperty as _, Script};

struct Row {
    scripts: Vec<Script>,
    name: &'static str,
}

fn rows() -> Vec<Row> {
    let parser = PropertyParser::<Script>::new();
    let lines = include_str!("names.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut columns = line.split('\t');
            let scripts = columns.next().unwrap().split(',');
            let scripts =
                scripts.map(|name| parser.get_strict(name).unwrap_or_else(|| panic!("no script {name}")));
            Row { scripts: scripts.collect(), name: columns.next().unwrap() }
        })
        .collect()
}

#[test]
fn every_name_is_written_in_the_script_that_its_row_says() {
    for Row { scripts, name } in rows() {
        let written: BTreeSet<Script> = name
            .chars()
            .map(Script::for_char)
            .filter(|script| ![Script::Common, Script::Inherited].contains(script))
            .collect();
        assert_eq!(written, scripts.into_iter().collect(), "{name}");
    }
}

#[test]
fn there_are_a_hundred_names_in_forty_scripts() {
    let rows = rows();
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    let scripts: BTreeSet<Script> = rows.iter().flat_map(|row| row.scripts.clone()).collect();
    assert!(names.len() >= 100 && names.len() == rows.len(), "{} names", names.len());
    assert!(scripts.len() >= 40, "{} scripts", scripts.len());
}

#[test]
fn each_is_a_name_of_a_customer_of_a_worker_and_of_an_item() {
    for Row { name, .. } in rows() {
        let escaped = name.escape_unicode();
        assert_eq!(text_rules::customer_name(name), [], "{name} {escaped}");
        assert_eq!(text_rules::item_name(name), [], "{name} {escaped}");
        assert_eq!(name.parse::<WorkerName>().unwrap().as_str(), name);
    }
}
