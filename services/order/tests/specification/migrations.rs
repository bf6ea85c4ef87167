//! "Migrations": whichever service starts first creates the tables, to the word
//! of the specification.

use testkit::orders::takeout;
use testkit::{Stage, eventually};

#[tokio::test]
async fn the_tables_are_the_specifications() {
    let stage = Stage::new().await;
    let _service = stage.order_service().start().await;
    let columns = "select table_name || '.' || column_name || ' ' || udt_name
                          || coalesce('(' || case when data_type = 'numeric' then numeric_precision || ',' || numeric_scale end || ')', '')
                          || case is_nullable when 'NO' then ' not null' else '' end
                          || coalesce(' default ' || column_default, '') as column
                   from information_schema.columns
                   where table_name in ('orders', 'order_items', 'order_status_log')
                   order by array_position(array['orders', 'order_items', 'order_status_log'], table_name::text), ordinal_position";
    let columns = stage.database().await.rows(columns).await;
    let columns: Vec<_> = columns.iter().map(|row| row["column"].as_str().unwrap()).collect();
    assert_eq!(
        columns,
        [
            "orders.id int4 not null default nextval('orders_id_seq'::regclass)",
            "orders.created_at timestamptz not null default now()",
            "orders.updated_at timestamptz not null default now()",
            "orders.number text not null",
            "orders.customer_name text not null",
            "orders.type text not null",
            "orders.table_number int4",
            "orders.delivery_address text",
            "orders.total_amount numeric(10,2) not null",
            "orders.priority int4 default 1",
            "orders.status text default 'received'::text",
            "orders.processed_by text",
            "orders.completed_at timestamptz",
            "order_items.id int4 not null default nextval('order_items_id_seq'::regclass)",
            "order_items.created_at timestamptz not null default now()",
            "order_items.order_id int4",
            "order_items.name text not null",
            "order_items.quantity int4 not null",
            "order_items.price numeric(8,2) not null",
            "order_status_log.id int4 not null default nextval('order_status_log_id_seq'::regclass)",
            "order_status_log.created_at timestamptz not null default now()",
            "order_status_log.order_id int4",
            "order_status_log.status text",
            "order_status_log.changed_by text",
            "order_status_log.changed_at timestamptz default CURRENT_TIMESTAMP",
            "order_status_log.notes text",
        ]
    );
}

#[tokio::test]
async fn of_several_services_that_start_at_once_one_creates_the_tables() {
    let stage = Stage::new().await;
    let launch = stage.order_service();
    let services =
        tokio::join!(launch.start(), launch.start(), launch.start(), launch.start(), launch.start());
    let services = [services.0, services.1, services.2, services.3, services.4];
    for service in &services {
        service.place(&takeout()).await;
        assert!(service.logged("db_connection_failed").is_empty(), "{:?}", service.log_lines());
    }
    let migrated: Vec<_> = services.iter().flat_map(|service| service.logged("schema_migrated")).collect();
    assert_eq!(migrated.len(), 1, "{migrated:?}");
    assert_eq!(migrated[0]["details"]["versions"][0], 1);
    assert_eq!(stage.database().await.value("select count(*) from orders").await, 5);
}

#[tokio::test]
async fn orders_survive_the_next_start() {
    let stage = Stage::new().await.at_noon().await;
    let mut first = stage.order_service().start().await;
    first.place(&takeout()).await;
    first.stop().await;
    let second = stage.order_service().start().await;
    assert!(second.logged("schema_migrated").is_empty());
    assert!(second.place(&takeout()).await.ends_with("_002"));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let stage = Stage::new().await;
    let mut older = stage.order_service().start().await;
    older.stop().await;
    let database = stage.database().await;
    database
        .execute("insert into refinery_schema_history (version, name, applied_on, checksum) values (999, 'future', '', '0')")
        .await;
    let ended = stage.order_service().run_to_end().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let failed = ended.stdout.lines().find(|line| line.contains("service_failed")).unwrap();
    let expected = "the database's schema has version 999, this program knows versions up to ";
    assert!(
        failed.contains(expected) && failed.contains("run a newer version of it, or another database"),
        "{failed}"
    );
}

/// An update must be able to go back: a pod of the version before may start on the new tables.
#[tokio::test]
async fn a_newer_version_that_only_adds_is_used() {
    let stage = Stage::new().await;
    let mut older = stage.order_service().start().await;
    older.stop().await;
    let database = stage.database().await;
    database
        .execute(
            "create table of_the_future (id int);
             insert into refinery_schema_history (version, name, applied_on, checksum)
             values (998, 'expand_future', '', '0'), (999, 'contract_20_past', '', '0')",
        )
        .await;
    let mut service = stage.order_service().start().await;
    service.place(&takeout()).await;
    assert!(service.logged("schema_migrated").is_empty());
    assert_eq!(service.stop().await, Some(0));
}

#[tokio::test]
async fn a_database_user_who_may_create_nothing_waits_for_somebody_who_may() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    let user = format!("{}_guest", stage.name);
    database
        .execute(&format!(
            "create role {user} login password 'guest'; revoke create on schema public from public"
        ))
        .await;
    let launch = stage.order_service().env("DB_USER", &user).env("DB_PASSWORD", "guest");
    let service = launch.clone().ready_when_logged("schema_awaited").start().await;
    let line = service.log("schema_awaited").await;
    assert!(line["message"].as_str().unwrap().contains("restaurant-ctl migrate"), "{line}");
    let stack = line["error"]["stack"].as_str().unwrap();
    assert!(stack.contains("permission denied for schema public"), "{stack}");
    assert_eq!(service.get("/readyz").await.status, 503);
    assert_eq!(service.post("/orders", &takeout().to_string()).await.status, 503);

    // Once the tables are there, it needs no such right.
    let mut owner = stage.order_service().start().await;
    owner.stop().await;
    database
        .execute(&format!(
            "grant select, insert, update, delete on all tables in schema public to {user};
             grant usage on all sequences in schema public to {user}"
        ))
        .await;
    service.until_status("/readyz", 200).await;
    service.place(&takeout()).await;
    assert_eq!(service.logged("schema_awaited").len(), 1, "said once, not at every look");

    // An update brings tables that it may not make either.
    let newest =
        "from refinery_schema_history where version = (select max(version) from refinery_schema_history)";
    let updated = database.rows(&format!("select * {newest}")).await.remove(0);
    database.execute(&format!("delete {newest}")).await;
    let after_update = launch.ready_when_logged("schema_awaited").start().await;
    assert_eq!(after_update.get("/readyz").await.status, 503);
    let migrated = format!(
        "insert into refinery_schema_history select * from jsonb_populate_record(null::refinery_schema_history, '{updated}')"
    );
    database.execute(&migrated).await;
    after_update.until_status("/readyz", 200).await;
    drop((service, after_update));
    database.execute(&format!("drop owned by {user}; drop role {user}")).await;
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_a_migration_is_no_end() {
    let stage = Stage::new().await;
    let database = stage.database().await;
    database
        .execute(
            "create function public.wait() returns event_trigger language plpgsql as $$ begin perform pg_sleep(60); end $$;
             create event trigger wait on ddl_command_start when tag in ('CREATE INDEX') execute function public.wait()",
        )
        .await;
    let service = stage.order_service().ready_when_logged("service_started").start().await;
    let of_it = "from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    let count = format!("select count(*) {of_it}");
    eventually("a migration that waits", async || (database.value(&count).await == 1).then_some(())).await;
    // The next attempt, at once, does not wait.
    database.execute("drop event trigger wait").await;
    assert_eq!(database.value(&format!("select pg_terminate_backend(pid) {of_it}")).await, true);
    service.log("db_connection_failed").await;
    service.until_status("/readyz", 200).await;
    service.place(&takeout()).await;
}
