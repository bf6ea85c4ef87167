//! A private PgBouncer, configured as the documentation says.

use devcluster::{Credentials, PrivatePgbouncer, ProcessGuard, project};

use crate::shared_servers::{Address, workspace};
use crate::stage::Stage;

/// A running PgBouncer. Dropping it ends the process.
pub struct Pgbouncer {
    bouncer: PrivatePgbouncer,
    _folder: tempfile::TempDir,
}

impl Pgbouncer {
    /// Starts a PgBouncer in front of a server, for its administrator, with these lines of
    /// settings.
    pub async fn before(server: &Address, settings: &[&str]) -> Self {
        let packages = project::packages();
        let tell = |line: &str| eprintln!("{line}");
        let program =
            devcluster::ensure_pgbouncer(&packages, &tell).await.unwrap_or_else(|why| panic!("{why}"));
        let folder =
            tempfile::Builder::new().prefix("restaurant-test-").tempdir().expect("a temporary folder");
        let guard = ProcessGuard::new().expect("a guard process");
        let user = Credentials { user: server.user.clone(), password: server.password.clone().into() };
        let (place, users) = (folder.path().join("pgbouncer"), [user]);
        let starting = PrivatePgbouncer::start(&program, &place, server.port, &users, settings, Some(&guard));
        let bouncer = starting.await.unwrap_or_else(|why| panic!("{why}"));
        Self { bouncer, _folder: folder }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.bouncer.port()
    }
}

/// The documented settings and SQL for PgBouncer.
pub struct Documented {
    /// Lines of `pgbouncer.ini`.
    pub settings: Vec<String>,
    /// Statements for the user `restaurant_user` of the database `restaurant_db`.
    pub sql: String,
}

impl Documented {
    /// Reads them from the documentation.
    pub fn read() -> Self {
        let document = workspace().join("docs/operations.md");
        let operations = std::fs::read_to_string(document).expect("the document is there");
        let (_, section) = operations.split_once("## Behind PgBouncer\n").expect("the section is there");
        let block = |language: &str| {
            let (_, block) = section.split_once(&format!("```{language}\n")).expect("a block");
            block.split_once("```").expect("its end").0.to_owned()
        };
        let settings = block("ini").lines().filter(|line| line.contains('=')).map(str::to_owned).collect();
        Self { settings, sql: block("sql") }
    }
}

impl Stage {
    /// A PgBouncer in front of this stage's PostgreSQL; both are set up as documented. Start
    /// services with its port as `DB_PORT`.
    pub async fn pgbouncer(&self) -> Pgbouncer {
        let Documented { settings, sql } = Documented::read();
        let server = &self.servers.postgres;
        let sql = sql.replace("restaurant_user", &server.user).replace("restaurant_db", &self.name);
        self.database().await.execute(&sql).await;
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        Pgbouncer::before(server, &settings).await
    }
}
