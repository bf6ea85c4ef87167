//! The text that Prometheus reads.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;

use crate::hooks;
use crate::metrics;
use crate::program::Program;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of a program, as they are now.
///
/// # Errors
/// A metric cannot be written.
pub fn render(program: Program) -> Result<String, fmt::Error> {
    hooks::call();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Shown(program)));
    let mut shown = String::new();
    text::encode(&mut shown, &registry)?;
    Ok(shown)
}

/// Those of a program.
#[derive(Debug)]
struct Shown(Program);

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in metrics::ALL.iter().filter(|metric| metric.shown_by.contains(&self.0)) {
            let instrument = metric.instrument();
            if instrument.is_known() {
                let (name, help) = (family(metric.name), metric.help());
                instrument.show(encoder.encode_descriptor(name, &help, None, instrument.kind())?)?;
            }
        }
        Ok(())
    }
}

/// The name without the suffix of its series, as the format wants it in front of them.
fn family(name: &str) -> &str {
    name.strip_suffix("_total").or_else(|| name.strip_suffix("_info")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::PriorityLevel;

    #[test]
    fn a_program_shows_its_own_metrics_with_known_labels_at_zero() {
        let shown = render(Program::Kitchen).unwrap();
        assert!(shown.contains("restaurant_order_wait_seconds_count{type=\"takeout\"} 0\n"), "{shown}");
        assert!(shown.contains("# TYPE restaurant_lease_takeovers counter\n"), "{shown}");
        assert!(shown.contains("restaurant_build_info{version="), "{shown}");
        assert!(!shown.contains("restaurant_orders_total"), "{shown}");
        assert!(shown.ends_with("# EOF\n"));
    }

    #[test]
    fn what_is_not_known_is_not_shown() {
        let waiting = || render(Program::Exporter).unwrap().contains("restaurant_waiting_orders{");
        assert!(!waiting());
        metrics::WAITING.set((domain::OrderType::Takeout, PriorityLevel::Middle), 2.0);
        let shown = render(Program::Exporter).unwrap();
        assert!(
            shown.contains("restaurant_waiting_orders{type=\"takeout\",priority=\"5\"} 2.0\n"),
            "{shown}"
        );
        metrics::WAITING.forget();
        assert!(!waiting());
    }
}
