//! The crypto provider of every program.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// Makes ring the provider of libraries that do not name one. The first line of every `main`.
pub fn install_provider() {
    // An error says that there is one already: it is the same, since no other is built in.
    let _ = ring::default_provider().install_default();
}

/// The provider.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
