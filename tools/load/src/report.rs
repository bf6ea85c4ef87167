//! The results, as text, as JSON, and as a page with plots.

use std::fmt::Write as _;

use restaurant_load::plot::{PLOT_STYLE, Plot, escaped};
use serde_json::json;

use crate::recorder::{Failures, Results};

const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

#[expect(clippy::cast_precision_loss, reason = "an hour has fewer microseconds than 2^52")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// The results as text.
pub fn text(title: &str, results: &Results) -> String {
    let mut text = format!("{title}\n");
    if let Some(interrupted) = results.interrupted() {
        let _ = writeln!(text, "{interrupted}");
    }
    let _ = writeln!(text, "answers   {} of 200, {:.1}/s", results.accepted, results.rate());
    failures(&mut text, "", &results.failures);
    failures(&mut text, "outside the time measured: ", &results.outside);
    if let Some(first) = &results.first_mispriced {
        let _ = writeln!(text, "totals    {} are wrong (the first: {first})", results.mispriced);
    }
    let latencies: Vec<String> = QUANTILES
        .iter()
        .map(|(name, quantile)| {
            format!("{name} {:.2}", millis(results.latencies.value_at_quantile(*quantile)))
        })
        .collect();
    let _ = writeln!(text, "latency   {} ms", latencies.join(" · "));
    if let Some(found) = &results.follow_up {
        let _ = writeln!(
            text,
            "audit     {} acknowledged · {} found · {} lost · {} doubled{}",
            found.acknowledged,
            found.found,
            found.lost,
            found.doubled,
            if found.unknown > 0 {
                let why = if found.first_reason.is_some() { "could not be" } else { "interrupted: not" };
                format!(" · {why} asked about {}", found.unknown)
            } else {
                String::new()
            }
        );
        for example in &found.examples {
            let _ = writeln!(text, "          {example}");
        }
    }
    text
}

fn failures(text: &mut String, when: &str, failures: &Failures) {
    for (code, count) in &failures.refused_by_menu {
        let _ = writeln!(text, "          {when}{count} refused by the menu: {code}");
    }
    for (status, count) in &failures.refused {
        let _ = writeln!(text, "          {when}{count} answered {status}");
    }
    if failures.unanswered > 0 {
        let why = failures.first_reason.as_deref().unwrap_or_default();
        let _ = writeln!(text, "          {when}{} without answer (the first: {why})", failures.unanswered);
    }
}

/// The results as JSON.
pub fn json(results: &Results) -> serde_json::Value {
    let latencies: serde_json::Map<_, _> = QUANTILES
        .iter()
        .map(|(name, quantile)| {
            ((*name).to_owned(), json!(millis(results.latencies.value_at_quantile(*quantile))))
        })
        .collect();
    json!({
        "seconds": results.window.duration.as_secs_f64(),
        "interrupted": results.interrupted().is_some(),
        "accepted": results.accepted,
        "per_second": results.rate(),
        "refused_by_menu": results.failures.refused_by_menu,
        "refused": results.failures.refused,
        "unanswered": results.failures.unanswered,
        "first_reason": results.failures.first_reason,
        "outside_time_measured": results.outside,
        "latency_ms": latencies,
        "accepted_by_second": results.by_second,
        "mispriced": results.mispriced,
        "first_mispriced": results.first_mispriced,
        "audit": results.follow_up,
    })
}

/// The results as a self-contained page, under a heading.
pub fn page(heading: &str, title: &str, results: &Results) -> String {
    let heading = escaped(heading);
    let summary = escaped(&text(title, results));
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{heading}</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em}}\
         pre{{background:#f4f4f4;padding:1em;white-space:pre-wrap}}{PLOT_STYLE}</style>\n\
         <h1>{heading}</h1>\n<pre>{summary}</pre>\n{}{}</html>\n",
        throughput(results).html(2),
        percentiles(results).html(2),
    )
}

/// Steps: each second's responses, from its start to its end, or to the end of the measured time.
#[expect(clippy::cast_precision_loss, reason = "for a plot")]
fn throughput(results: &Results) -> Plot {
    let end = results.window.duration.as_secs_f64();
    let seconds = results.by_second.iter().enumerate();
    let points = seconds
        .map(|(second, count)| (second as f64, *count as f64))
        .flat_map(|(second, count)| [(second, count), ((second + 1.0).min(end), count)])
        .collect();
    Plot::new("Answers of 200 per second, over time", "seconds", "a second", [("answers", points)])
}

/// The x axis shows nines: 0, 90, 99, 99.9 … per cent are equally far apart.
fn percentiles(results: &Results) -> Plot {
    const NINES: u32 = 4;
    const STEPS: u32 = 25;
    let points = (0..=NINES * STEPS)
        .map(|step| {
            let nines = f64::from(step) / f64::from(STEPS);
            let quantile = 1.0 - 10_f64.powf(-nines);
            (nines, millis(results.latencies.value_at_quantile(quantile)))
        })
        .collect();
    let labels = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"];
    let labels = (0..=NINES).map(f64::from).zip(labels.map(str::to_owned)).collect();
    Plot::new("Latency in ms, by percentile", "percentile", "ms", [("latency", points)]).labelled(labels)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use domain::basket::RefusalCode;

    use crate::recorder::{CountedBy, Recorder};
    use crate::response::Response;
    use crate::window::Window;

    #[test]
    fn failures_outside_the_time_measured_are_told_if_there_are_any() {
        let now = Instant::now();
        let window = Window { from: now, duration: Duration::from_mins(1) };
        let recorder = Recorder::new(window, CountedBy::Due).unwrap();
        recorder.record(now, Response::Refused(503));
        recorder.give_up(now, 2, "gone");
        let told = text("", &recorder.results());
        assert!(
            told.contains("  1 answered 503\n") && told.contains("  2 without answer (the first: gone)\n"),
            "{told}"
        );
        assert!(!told.contains("outside"), "{told}");
        recorder.give_up(now - Duration::from_secs(1), 3, "not there");
        let results = recorder.results();
        let told = text("", &results);
        assert!(
            told.contains("  outside the time measured: 3 without answer (the first: not there)\n"),
            "{told}"
        );
        let json = json(&results);
        assert_eq!((&json["unanswered"], &json["first_reason"]), (&json!(2), &json!("gone")));
        let outside =
            json!({"refused_by_menu": {}, "refused": {}, "unanswered": 3, "first_reason": "not there"});
        assert_eq!(json["outside_time_measured"], outside);
    }

    #[test]
    fn refusals_of_the_menu_and_wrong_totals_are_told_apart_from_failures() {
        let now = Instant::now();
        let window = Window { from: now, duration: Duration::from_mins(1) };
        let recorder = Recorder::new(window, CountedBy::Due).unwrap();
        recorder.record(now, Response::RefusedByMenu(RefusalCode::OutOfStock));
        for (number, mispriced) in
            [("ORD_1", None), ("ORD_2", Some("too much")), ("ORD_3", Some("too little"))]
        {
            let mispriced = mispriced.map(str::to_owned);
            recorder.record(now, Response::Accepted { number: number.to_owned(), mispriced });
        }
        let results = recorder.results();
        let told = text("", &results);
        assert!(told.contains("  1 refused by the menu: out_of_stock\n"), "{told}");
        assert!(told.contains("totals    2 are wrong (the first: too much)\n"), "{told}");
        let json = json(&results);
        assert_eq!(
            (&json["refused"], &json["mispriced"], &json["accepted"]),
            (&json!({}), &json!(2), &json!(3))
        );
        assert_eq!(json["refused_by_menu"], json!({"out_of_stock": 1}));
    }

    /// A page about one response, this many seconds after the measured time began.
    fn page_after(began: f64, duration: f64) -> String {
        let now = Instant::now();
        let window = Window {
            from: if began < 0.0 {
                now + Duration::from_secs_f64(-began)
            } else {
                now - Duration::from_secs_f64(began)
            },
            duration: Duration::from_secs_f64(duration),
        };
        let recorder = Recorder::new(window, CountedBy::Answered).unwrap();
        recorder.record(now, Response::Status);
        recorder.interrupt();
        page("Load of <us>", "16 connections", &recorder.results())
    }

    /// The text between the first `before` and the next `after`.
    fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
        page.split_once(before).unwrap().1.split_once(after).unwrap().0
    }

    #[test]
    fn even_a_single_second_is_a_line() {
        let page = page_after(0.5, 0.6);
        let line: Vec<&str> = between(&page, "points=\"", "\"").split(' ').collect();
        let [(left, here), (right, there)] = [line[0], line[1]].map(|point| point.split_once(',').unwrap());
        assert_eq!((left, here, line.len()), ("70.0", there, 2), "{line:?}");
        assert!(right.parse::<f64>().unwrap() > 600.0, "{line:?}");
        // Without a second there is no curve.
        let page = page_after(-60.0, 60.0);
        assert_eq!(between(&page, "points=\"", "\""), "");
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }

    #[test]
    fn the_page_names_what_it_is_about_and_breaks_long_lines() {
        let page = page_after(0.5, 60.0);
        assert_eq!(between(&page, "<title>", "</title>"), "Load of &lt;us&gt;");
        assert_eq!(between(&page, "<h1>", "</h1>"), "Load of &lt;us&gt;");
        assert_eq!(page.matches("<h2>").count(), 2, "one for each plot: {page}");
        assert!(between(&page, "pre{", "}").contains("white-space:pre-wrap"), "{page}");
        assert!(between(&page, "<pre>", "</pre>").contains("interrupted after 0.5 s of 60"), "{page}");
    }
}
