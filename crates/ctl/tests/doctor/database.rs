//! PostgreSQL.

use testkit::pgbouncer::Documented;
use testkit::{Launch, Pgbouncer, PrimaryAndStandby, Stage};

use crate::visit::{doctor, visit};

#[tokio::test]
async fn a_database_that_can_be_used_before_and_after_its_migration() {
    let stage = Stage::new().await;
    let found = visit(&doctor(&stage)).await;
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
    assert!(found.found("schema").contains("the first service that starts brings it to version"));
    let tables = "select count(*) from pg_class join pg_namespace on pg_namespace.oid = relnamespace where nspname = 'public'";
    assert_eq!(stage.database().await.value(tables).await, 0);
    stage.migrate().await;
    let found = visit(&doctor(&stage)).await;
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
    assert!(found.found("schema").contains("as this version needs it"));
}

#[tokio::test]
async fn servers_of_tests_lose_orders_in_a_power_cut() {
    let stage = Stage::new().await;
    let found = visit(&doctor(&stage)).await;
    assert!(found.found("durability").contains("fsync is off"), "{:?}", found.ended);
}

#[tokio::test]
async fn a_server_that_cannot_be_used() {
    let stage = Stage::new().await;
    for (name, value, part) in [
        ("DB_PORT", "1", ":1 cannot be reached"),
        ("DB_NAME", "nowhere", "does not exist"),
        ("DB_USER", "nobody", "nobody"),
    ] {
        visit(&doctor(&stage).env(name, value)).await.assert_only("postgresql fail", part);
    }
}

#[tokio::test]
async fn a_server_with_another_language_that_demands_tls() {
    // If German is installed, the server's messages are German. The advice is the same in either
    // case.
    let mut stage = Stage::with_own_servers_under(&[("LANGUAGE", "de".to_owned())]).await;
    let database = stage.database().await;
    database.execute("alter system set lc_messages = 'C.UTF-8'").await;
    database.execute("select pg_reload_conf()").await;
    for (name, value, part) in [("DB_PASSWORD", "wrong", "DB_PASSWORD"), ("DB_NAME", "nowhere", "createdb")] {
        visit(&doctor(&stage).env(name, value)).await.assert_to_do("postgresql fail", part);
    }
    // The server answers a client without TLS that no entry of pg_hba.conf matches.
    stage.own_servers().postgres.demand_tls().await.unwrap();
    visit(&doctor(&stage)).await.assert_to_do("postgresql fail", "set database.tls (DB_TLS)");
}

#[tokio::test]
async fn a_pooler_that_drops_what_the_services_ask_for() {
    let stage = Stage::new().await;
    let Documented { settings, .. } = Documented::read();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let drops = Pgbouncer::before(&stage.servers.postgres, &settings).await;
    let launch = doctor(&stage).env("DB_PORT", drops.port().to_string());
    visit(&launch).await.assert_only("postgresql fail", "synchronous_commit is 'off', not 'on'");
    let as_documented = stage.pgbouncer().await;
    let launch = doctor(&stage).env("DB_PORT", as_documented.port().to_string());
    assert_eq!(visit(&launch).await.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_schema_of_a_newer_version() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let future = "insert into refinery_schema_history (version, name, applied_on, checksum) values (999, 'future', '', '0')";
    stage.database().await.execute(future).await;
    visit(&doctor(&stage)).await.assert_only("schema fail", "version 999; this program knows");
}

#[tokio::test]
async fn a_schema_of_which_tables_are_missing() {
    let stage = Stage::new().await;
    stage.migrate().await;
    stage.database().await.execute("drop table secrets; drop table order_claims").await;
    visit(&doctor(&stage)).await.assert_only("tables fail", "tables of this version are missing: 2");
}

#[tokio::test]
async fn a_server_that_may_not_be_written() {
    let stage = Stage::new().await;
    let alter = format!("alter database {} set default_transaction_read_only = on", stage.name);
    stage.database().await.execute(&alter).await;
    visit(&doctor(&stage)).await.assert_only("durability fail", "read-only");
}

/// As the data of a backup says it, for one database.
#[tokio::test]
async fn a_server_that_was_restored_from_a_backup() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let (database, name) = (stage.database().await, &stage.name);
    let backup = "0b0c8f1e-6d3a-4d0e-9a58-3f1f6f0c2f11";
    database.execute(&format!("alter database {name} set restaurant.backup = '{backup}'")).await;
    let words = "nobody has said yet what becomes of its open orders";
    let fence = |value: &str| format!("alter database {name} set default_transaction_read_only = {value}");
    // Services refuse it whether it takes writes or not.
    for value in ["off", "on"] {
        database.execute(&fence(value)).await;
        let found = visit(&doctor(&stage)).await;
        found.assert_only("restore fail", words);
        found.assert_to_do("restore fail", "run 'restaurant-ctl restore'");
    }
    // `restore` was run by somebody who may not change settings of the server.
    database.execute(&format!("insert into restores (backup, taken_by) values ('{backup}', 'test')")).await;
    let found = visit(&doctor(&stage)).await;
    found.assert_only("durability fail", "restored from a backup, and takes no writes yet");
    found.assert_to_do("durability fail", "run 'restaurant-ctl restore'");
    database.execute(&fence("off")).await;
    assert_eq!(visit(&doctor(&stage)).await.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn too_few_connections() {
    let stage = Stage::new().await;
    let found = visit(&doctor(&stage).env("DB_MAX_CONNECTIONS", "300")).await;
    found.assert_only("connections warn", "one of each service takes up to 900");
}

/// Shadows one of the server's own functions.
async fn pretend(stage: &Stage, function: &str) {
    let sql = format!(
        "create schema pretence; create function pretence.{function};
         alter database {} set search_path = pretence, pg_catalog, public",
        stage.name
    );
    stage.database().await.execute(&sql).await;
}

#[tokio::test]
async fn a_clock_that_is_wrong() {
    let stage = Stage::new().await;
    let late = "clock_timestamp() returns timestamptz language sql as
        $$ select pg_catalog.clock_timestamp() - interval '90 seconds' $$";
    pretend(&stage, late).await;
    // The function is found in a schema in which tables could be created, too.
    let found = visit(&doctor(&stage)).await;
    found.assert_only("clock warn", "s behind this machine's");
    assert!(
        [" 89.", " 90."].iter().any(|seconds| found.found("clock").contains(seconds)),
        "{}",
        found.found("clock")
    );
}

#[tokio::test]
async fn a_version_that_is_too_old() {
    let stage = Stage::new().await;
    let old = "current_setting(name text) returns text language sql as
        $$ select case name when 'server_version_num' then '130012' when 'server_version' then '13.12'
           else pg_catalog.current_setting(name) end $$";
    pretend(&stage, old).await;
    visit(&doctor(&stage)).await.assert_only("postgresql fail", "PostgreSQL 13.12");
}

/// Creates a login role on a migrated stage. Returns a doctor that runs as this role.
async fn with_role(stage: &Stage, grants: &str) -> Launch {
    let role = format!("role_{}", stage.name);
    let database = stage.database().await;
    database.execute(&format!("create role {role} login password 'secret'")).await;
    if !grants.is_empty() {
        database.execute(&grants.replace("$R", &role)).await;
    }
    doctor(stage).env("DB_USER", role).env("DB_PASSWORD", "secret")
}

async fn drop_role(stage: &Stage) {
    let role = format!("role_{}", stage.name);
    stage.database().await.execute(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn a_user_who_may_not_create_the_tables() {
    let stage = Stage::new().await;
    stage.database().await.execute("revoke create on schema public from public").await;
    let launch = with_role(&stage, "").await;
    visit(&launch).await.assert_only("schema fail", "this user may not create tables");
    drop_role(&stage).await;
}

#[tokio::test]
async fn a_user_who_may_only_read_can_track_and_nothing_else() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let launch = with_role(&stage, "grant select on all tables in schema public to $R").await;
    let tracking = visit(&launch.clone().arg("--service=tracking")).await;
    assert_eq!(tracking.findings(), Vec::<String>::new(), "{:?}", tracking.ended);
    let all = visit(&launch).await;
    assert_eq!(all.findings(), ["order_rights fail", "kitchen_rights fail"]);
    let missing = all.examples("order_rights");
    assert!(missing.iter().any(|right| right == "insert on orders"), "{missing:?}");
    assert!(!missing.iter().any(|right| right.starts_with("select")), "{missing:?}");
    drop_role(&stage).await;
}

#[tokio::test]
async fn a_sequence_is_needed_to_insert() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let launch = with_role(&stage, "grant all on all tables in schema public to $R").await;
    let found = visit(&launch.arg("--service=order")).await;
    found.assert_only("order_rights fail", "lacks: 3");
    assert!(found.examples("order_rights").contains(&"usage on the sequence of orders".to_owned()));
    drop_role(&stage).await;
}

#[tokio::test]
async fn sequences_that_run_out_or_are_behind() {
    let stage = Stage::new().await;
    stage.migrate().await;
    let database = stage.database().await;
    database.execute("select setval('order_items_id_seq', 2147483000)").await;
    let extend = "when no order is in progress run, as the tables' owner, for each: \
                  alter sequence order_items_id_seq minvalue -2147483648 restart with -2147483648";
    let found = visit(&doctor(&stage)).await;
    found.assert_only("sequences fail", "tables that run out of ids: 1");
    assert!(found.check("sequences")["to_do"].as_str().unwrap().contains(extend), "{:?}", found.ended);
    database.execute("select setval('order_items_id_seq', 1200000000)").await;
    visit(&doctor(&stage)).await.assert_only("sequences warn", "tables that run out of ids: 1");
    database.execute("select setval('order_items_id_seq', 1, false)").await;
    database.execute("select setval('order_status_log_id_seq', 1200000000)").await;
    let found = visit(&doctor(&stage)).await;
    found.assert_only("sequences warn", "tables that run out of ids: 1");
    let cost = "order_status_log is rewritten: that takes long if it is large, and all orders wait";
    assert!(found.check("sequences")["to_do"].as_str().unwrap().contains(cost), "{:?}", found.ended);
    database.execute("select setval('order_status_log_id_seq', 1, false)").await;
    database.execute("insert into workers (id, name, type) values (7, 'by hand', 'general')").await;
    let found = visit(&doctor(&stage)).await;
    found.assert_only("sequences fail", "sequences behind their tables: 1");
    let catch_up = "select setval(pg_get_serial_sequence('workers', 'id'), (select max(id) from workers where id <= \
                    case when last_value < 0 then -1 else 9223372036854775807 end)) from workers_id_seq";
    assert!(found.check("sequences")["to_do"].as_str().unwrap().contains(catch_up), "{:?}", found.ended);
    database.execute(catch_up).await;
    assert_eq!(visit(&doctor(&stage)).await.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn of_several_servers_the_primary_is_looked_at_and_the_replica_compared_with_it() {
    let servers = PrimaryAndStandby::start().await;
    let stage = servers.stage().await;
    servers.until_replayed().await;
    let both = doctor(&stage)
        .env("DB_HOST", servers.hosts())
        .env("DB_READ_REPLICA", format!("127.0.0.1:{}", servers.standby.port()));
    let found = visit(&both).await;
    assert_eq!(found.findings(), Vec::<String>::new(), "{:?}", found.ended);
    assert!(found.found("read_replica").contains("bytes of the log behind"), "{:?}", found.ended);
    let none = both.env("DB_READ_REPLICA", format!("127.0.0.1:{}", servers.primary.port()));
    visit(&none).await.assert_only("read_replica warn", "no standby");
}
