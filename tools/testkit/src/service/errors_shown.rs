//! What a service logged as errors, for whoever reads why a test failed.

use super::Service;

/// A test that fails may have seen an answer whose cause is in the log only.
const MOST_ERRORS_SHOWN: usize = 20;

impl Service {
    /// Prints its last errors.
    pub(super) fn show_errors(&self) {
        let lines = self.stdout.lines();
        let errors: Vec<&String> = lines.iter().filter(|line| line.contains(r#""level":"ERROR""#)).collect();
        for line in errors.iter().skip(errors.len().saturating_sub(MOST_ERRORS_SHOWN)) {
            eprintln!("{} logged {line}", self.program);
        }
    }
}
