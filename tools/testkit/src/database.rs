//! Reads and changes a test's database.

use serde_json::Value;
use tokio_postgres::{Client, NoTls};

use crate::shared_servers::Address;

/// A connection.
pub struct Database {
    /// For everything that the methods here do not do.
    pub client: Client,
}

impl Database {
    /// Connects as administrator, outside of every test's database.
    pub async fn admin(server: &Address) -> Self {
        Self::connect(server, "postgres").await
    }

    /// Connects to a database by name.
    pub async fn connect(server: &Address, name: &str) -> Self {
        let mut settings = tokio_postgres::Config::new();
        settings
            .host("127.0.0.1")
            .port(server.port)
            .user(&server.user)
            .password(&server.password)
            .dbname(name);
        let (client, connection) = settings.connect(NoTls).await.unwrap_or_else(|why| panic!("{why:?}"));
        tokio::spawn(connection);
        Self { client }
    }

    /// Runs statements that return nothing.
    pub async fn execute(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|why| panic!("{sql}: {why:?}"));
    }

    /// The rows of a query as JSON objects.
    pub async fn rows(&self, sql: &str) -> Vec<Value> {
        let wrapped = format!("select to_jsonb(result)::text from ({sql}) as result");
        let rows = self.client.query(&wrapped, &[]).await.unwrap_or_else(|why| panic!("{sql}: {why:?}"));
        rows.iter().map(|row| serde_json::from_str(row.get(0)).expect("PostgreSQL makes JSON")).collect()
    }

    /// The value of a query with one row and one column, as JSON.
    pub async fn value(&self, sql: &str) -> Value {
        let rows = self.rows(sql).await;
        let [Value::Object(row)] = rows.as_slice() else { panic!("{sql}: not one row: {rows:?}") };
        row.values().next().cloned().expect("a column")
    }

    /// Makes `now()` of this database run from `moment` on, for sessions that start later.
    pub async fn start_clock_at(&self, moment: &str) {
        let offset = format!("(timestamptz '{moment}' - pg_catalog.clock_timestamp())::text");
        let offset: String = self.client.query_one(&format!("select {offset}"), &[]).await.unwrap().get(0);
        self.define_clock(&format!("pg_catalog.now() + interval '{offset}'")).await;
    }

    /// Makes `now()` of this database return `moment`, for sessions that start later.
    pub async fn set_clock(&self, moment: &str) {
        self.define_clock(&format!("timestamptz '{moment}'")).await;
    }

    /// Moves `now()` of this database ahead by an interval such as `1 hour`: for sessions that
    /// start later. From the second call on it affects all other sessions, too.
    pub async fn set_clock_ahead(&self, interval: &str) {
        self.define_clock(&format!("pg_catalog.now() + interval '{interval}'")).await;
    }

    async fn define_clock(&self, now: &str) {
        let name: String = self.client.query_one("select current_database()", &[]).await.unwrap().get(0);
        self.execute(&format!(
            "create schema if not exists test_clock;
             create or replace function test_clock.now() returns timestamptz language sql stable
                 as $$ select {now} $$;
             create or replace function test_clock.statement_timestamp() returns timestamptz language sql stable
                 as $$ select {now} $$;
             alter database {name} set search_path = test_clock, pg_catalog, public"
        ))
        .await;
    }
}
