//! Shows in a metric when the certificates end that are in use.

use std::time::Duration;

use rustls::sign::CertifiedKey;
use telemetry::labels::CertificateOf;
use telemetry::metrics::CERTIFICATE_ENDS;

use crate::files::Section;
use crate::validity;

/// The process uses this certificate from now on.
pub(crate) fn own(section: Section, pair: &CertifiedKey) {
    let of = match section {
        Section::Database => CertificateOf::DatabaseClient,
        Section::Rabbitmq => CertificateOf::RabbitmqClient,
        Section::Http => CertificateOf::Http,
        // A collector is shown none.
        Section::Telemetry => return,
    };
    show(of, pair.cert.first().and_then(validity::end));
}

/// A server has shown one that ends then, counted from 1970.
pub(crate) fn of_server(section: Section, end: Duration) {
    let of = match section {
        Section::Database => CertificateOf::DatabaseServer,
        Section::Rabbitmq => CertificateOf::RabbitmqServer,
        Section::Telemetry => CertificateOf::CollectorServer,
        // Only a process that asks itself, which looks at no certificate.
        Section::Http => return,
    };
    show(of, Some(end));
}

/// What cannot be read counts as none.
fn show(of: CertificateOf, end: Option<Duration>) {
    let seconds = end.and_then(|end| i64::try_from(end.as_secs()).ok());
    CERTIFICATE_ENDS.of(of).set(seconds.unwrap_or(0));
}
