//! Where connections live: on the runtime that made the pool, whoever asks for them.
//!
//! The threads of the HTTP server have runtimes of their own, which end before the service does. A connection that was made
//! on one of them would break in the hands of an order that is still in work.

use std::pin::Pin;

use deadpool_postgres::Connect;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls};

/// Makes connections on one runtime.
pub(crate) struct OnRuntime(pub(crate) Handle);

impl Connect for OnRuntime {
    fn connect(
        &self,
        settings: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        let settings = settings.clone();
        let connecting = self.0.spawn(async move {
            let (client, connection) = settings.connect(NoTls).await?;
            // Its errors reach whoever waits for an answer.
            let driver = tokio::spawn(async { drop(connection.await) });
            Ok((client, driver))
        });
        Box::pin(async {
            match connecting.await {
                Ok(connected) => connected,
                // The runtime is ending: there is no connection any more. The pool's deadline ends the wait.
                Err(_) => std::future::pending().await,
            }
        })
    }
}
