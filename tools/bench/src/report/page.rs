//! The report as a self-contained HTML page.

use std::fmt::Write as _;

use restaurant_load::plot::{PLOT_STYLE, escaped};

use crate::outcome::Outcome;
use crate::report::{HEADINGS, Report, cells, reached};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:980px;margin:2em auto;padding:0 1em;color:#222}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35em .6em;border-bottom:1px solid #ddd;\
    vertical-align:top}td:nth-child(2):not(:last-child),td:nth-child(3){white-space:nowrap}.goal{color:#2e7d32}.least{color:#8a6d00}.no{color:#b3261e}\
    .quick{background:#fff3cd;padding:.6em}";

/// The whole page.
pub fn of(report: &Report) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Benchmarks</title>\n<style>{STYLE}{PLOT_STYLE}</style>\n\
         <h1>Benchmarks</h1>\n<p{}>{} {}</p>\n<table>\n",
        if report.quick { " class=\"quick\"" } else { "" },
        escaped(&report.when),
        escaped(&report.method())
    );
    for (name, value) in report.machine.lines() {
        let _ = writeln!(html, "<tr><th>{name}<td>{}", escaped(&value));
    }
    html += "</table>\n<h2>The table</h2>\n<table>\n<tr>";
    for heading in HEADINGS {
        let _ = write!(html, "<th>{heading}");
    }
    html.push('\n');
    for line in report.scenarios.iter().flat_map(|measurement| &measurement.outcome.lines) {
        let _ = write!(html, "<tr class=\"{}\">", reached(line));
        for cell in cells(line) {
            let _ = write!(html, "<td>{}", escaped(&cell));
        }
        html.push('\n');
    }
    html += "</table>\n";
    let has_more = |outcome: &Outcome| !outcome.remarks.is_empty() || !outcome.plots.is_empty();
    for measurement in report.scenarios.iter().filter(|measurement| has_more(&measurement.outcome)) {
        let _ = writeln!(html, "<h2 id=\"{}\">{}</h2>", measurement.scenario, escaped(measurement.title));
        for remark in &measurement.outcome.remarks {
            let _ = writeln!(html, "<p>{}</p>", escaped(remark));
        }
        for plot in &measurement.outcome.plots {
            html += &plot.html(3);
        }
    }
    html + "</html>\n"
}
