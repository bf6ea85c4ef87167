//! What each service's user may do on both servers, found by trying everything: its service's part,
//! and nothing else.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use amqprs::BasicProperties;
use amqprs::channel::{
    BasicConsumeArguments, BasicPublishArguments, BasicQosArguments, Channel, ConfirmSelectArguments,
    ExchangeDeclareArguments, QueueBindArguments, QueueDeclareArguments, QueuePurgeArguments,
};
use amqprs::connection::{Connection, OpenConnectionArguments};
use bus::requests::RequestIntake;
use bus::{EventStream, Publisher, permissions};
use db::rights;
use devcluster::Credentials;
use domain::{ServerUser, ServiceName};
use testkit::database::Database;
use testkit::shared_servers::Address;
use testkit::wait::{eventually, within};
use testkit::{Launch, Stage, http, orders};

const PASSWORD: &str = "a-password-that-nobody-else-has";

#[tokio::test]
async fn a_database_role_may_do_what_is_listed_and_nothing_else_to_any_table() {
    let stage = Stage::new().await;
    make_roles(&stage).await;
    let database = stage.database().await;
    let tables = database
        .rows(
            "select relname as name, (select string_agg(attname, ',' order by attnum) from pg_attribute
                                      where attrelid = pg_class.oid and attnum > 0 and not attisdropped) as columns
             from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'",
        )
        .await;
    assert!(tables.len() >= 10, "{tables:?}");
    for user in rights::users() {
        let listed = rights::of(user).unwrap();
        let user = format!("{}_{}", stage.name, user.short_name());
        let address =
            Address { user: user.clone(), password: PASSWORD.to_owned(), ..stage.servers.postgres.clone() };
        let role = Database::connect(&address, &stage.name).await;
        let (listed, mut may) = (columns_of(listed, &tables), BTreeSet::new());
        for table in &tables {
            let (name, columns) = (table["name"].as_str().unwrap(), table["columns"].as_str().unwrap());
            let mut questions = vec![
                ("insert".to_owned(), format!("insert into {name} default values")),
                ("delete".to_owned(), format!("delete from {name}")),
                ("truncate".to_owned(), format!("truncate {name}")),
                ("alter".to_owned(), format!("alter table {name} disable trigger all")),
                ("drop".to_owned(), format!("drop table {name}")),
            ];
            for column in columns.split(',') {
                questions.extend([
                    (format!("select {column}"), format!("select \"{column}\" from {name}")),
                    (format!("update {column}"), format!("update {name} set \"{column}\" = default")),
                ]);
            }
            for (verb, statement) in questions {
                if is_allowed(&role, &statement).await {
                    may.insert((name.to_owned(), verb));
                }
            }
        }
        assert_eq!(may, listed, "{user}");
        let unlisted =
            "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
            and has_table_privilege(relname::text, 'references, trigger')";
        assert_eq!(role.value(unlisted).await, 0, "{user}");
    }
    drop_roles(&stage).await;
}

/// The listed rights, those to read and to change column by column.
fn columns_of(listed: rights::Rights, tables: &[serde_json::Value]) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for (table, verbs) in listed {
        let row = tables.iter().find(|row| row["name"] == *table).unwrap();
        for verb in verbs.split(", ") {
            let (verb, columns) = match verb.split_once(" (") {
                Some((verb, columns)) => (verb, columns.trim_end_matches(')')),
                None => (verb, row["columns"].as_str().unwrap()),
            };
            let each: Vec<String> = match verb {
                "select" | "update" => columns.split(',').map(|column| format!("{verb} {column}")).collect(),
                _ => vec![verb.to_owned()],
            };
            all.extend(each.into_iter().map(|right| ((*table).to_owned(), right)));
        }
    }
    all
}

/// Whether the role may execute the statement. The statement is rolled back.
async fn is_allowed(role: &Database, statement: &str) -> bool {
    role.execute("begin").await;
    let outcome = role.client.batch_execute(statement).await;
    role.execute("rollback").await;
    let code = outcome.err().and_then(|why| why.code().map(|code| code.code().to_owned()));
    code.as_deref() != Some("42501")
}

/// The queues of orders.
const ORDER_QUEUES: [&str; 4] =
    ["kitchen_dine_in_queue", "kitchen_takeout_queue", "kitchen_delivery_queue", "kitchen_queue"];
/// The queues of other messages.
const OTHER_QUEUES: [&str; 6] = [
    "validated_orders",
    "kitchen_dlq",
    "notifications_queue",
    "order_status_updates",
    "db_write_order_status",
    "strangers",
];
/// The queues that cannot be purged.
const STREAMS: [&str; 3] = ["notifications_queue", "order_status_updates", "db_write_order_status"];
/// The exchanges to which the services publish.
const EXCHANGES: [&str; 4] = ["orders_topic", "orders_unrouted", "orders_dlx", "notifications_fanout"];
/// The exchanges of orders by message; the first leads to every queue.
const INTAKE_EXCHANGES: [&str; 3] = ["", "order_status_updates", "db_write_order_status"];
/// Other exchanges.
const OTHER_EXCHANGES: [&str; 2] = ["amq.topic", "strangers"];

#[tokio::test]
async fn a_broker_user_may_do_its_services_part_and_nothing_else() {
    let stage = Stage::new().await;
    // These declare the whole topology.
    let mut orders = stage.order_service().start().await;
    orders.declared_all().await;
    declare_intake(&stage).await;
    let broker = stage.broker().await;
    let own = Credentials {
        user: stage.servers.rabbitmq.user.clone(),
        password: stage.servers.rabbitmq.password.as_str().into(),
    };
    let owner = connect(&stage, &own.user, &stage.servers.rabbitmq.password).await;
    for question in [Question::DeclareQueue("strangers"), Question::DeclareExchange("strangers")] {
        assert!(is_granted(&owner, question).await, "{question:?}");
    }
    let everything: Vec<Question> = ORDER_QUEUES
        .into_iter()
        .chain(OTHER_QUEUES)
        .flat_map(|queue| {
            let consume = Question::Consume(queue);
            [consume, Question::Bind(queue, "strangers"), Question::Bind("strangers", queue_source(queue))]
        })
        .chain(
            ORDER_QUEUES
                .into_iter()
                .chain(["validated_orders", "kitchen_dlq", "strangers"])
                .map(Question::Purge),
        )
        .chain(EXCHANGES.into_iter().chain(INTAKE_EXCHANGES).chain(OTHER_EXCHANGES).map(Question::Publish))
        .chain(["strangers", "mine"].into_iter().map(Question::DeclareQueue))
        .chain(["strangers", "mine"].into_iter().map(Question::DeclareExchange))
        .collect();
    for question in &everything {
        assert!(is_granted(&owner, *question).await, "the owner may not: {question:?}");
    }
    let part = |publishes: &[&'static str], consumes: &[&'static str]| -> BTreeSet<Question> {
        let purges = consumes.iter().filter(|queue| !STREAMS.contains(queue));
        (publishes.iter().map(|exchange| Question::Publish(exchange)))
            .chain(consumes.iter().map(|queue| Question::Consume(queue)))
            .chain(purges.map(|queue| Question::Purge(queue)))
            .collect()
    };
    let publishes = [&EXCHANGES[..], &INTAKE_EXCHANGES].concat();
    // A right covers a name: whoever may bind to these exchanges may read the streams too.
    let consumes =
        [&ORDER_QUEUES[..], &["validated_orders", "order_status_updates", "db_write_order_status"]].concat();
    for (of, expected) in [
        (ServiceName::Order.into(), part(&publishes, &consumes)),
        (ServiceName::Kitchen.into(), part(&EXCHANGES, &ORDER_QUEUES)),
        (ServiceName::Notifier.into(), part(&[], &["notifications_queue"])),
        (ServerUser::Exporter, BTreeSet::new()),
    ] {
        let user = user_of(&stage, of);
        let rights = permissions::of(of).unwrap();
        let admin = stage.servers.rabbitmq_admin();
        admin
            .ensure_user(&user, &stage.name, [&rights.configure, &rights.write, &rights.read])
            .await
            .unwrap();
        let connection = connect(&stage, &user.user, PASSWORD).await;
        let mut may = BTreeSet::new();
        for question in &everything {
            if is_granted(&connection, *question).await {
                may.insert(*question);
            }
        }
        assert_eq!(may, expected, "{of:?}");
        admin.request("DELETE", &format!("/api/users/{}", user.user), None).await.unwrap();
    }
    broker.close().await;
    assert_eq!(orders.stop().await, Some(0));
}

/// Declares what an order service needs for orders by message.
async fn declare_intake(stage: &Stage) {
    let server = &stage.servers.rabbitmq;
    let settings = config::Rabbitmq {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        user: server.user.clone(),
        password: server.password.clone().into(),
        vhost: stage.name.clone(),
        ..config::Rabbitmq::default()
    };
    let (log, _flush) = logging::start_on("test", logging::Level::Error, std::io::sink());
    let intake = RequestIntake::start(settings.clone(), "test", 1, log.clone());
    let (publisher, _) = Publisher::start(&settings, ServiceName::Order, "test", &EventStream::ALL, &log);
    within("the streams", publisher.events_possible()).await;
    let link = intake.link();
    eventually("requests to be consumed", async || link.is_up().then_some(())).await;
    intake.close().await;
}

/// Every service runs under its own user on both servers, through all that can happen to it. No
/// right is missing.
#[tokio::test]
async fn with_users_of_their_own_the_services_live_a_whole_life() {
    const STAFF: (&str, &str) = ("Authorization", "Bearer a-key-that-only-the-staff-has");
    let stage = Stage::new().await;
    make_users(&stage).await;
    let alone = |launch: Launch, role: &str| {
        let user = format!("{}_{role}", stage.name);
        launch
            .env("DB_USER", user.clone())
            .env("DB_PASSWORD", PASSWORD)
            .env("RABBITMQ_USER", user)
            .env("RABBITMQ_PASSWORD", PASSWORD)
    };
    // Each service finds nothing of the topology, declares its part, and works.
    let launch = stage
        .order_service()
        .env("ORDER_STAFF_KEY", "a-key-that-only-the-staff-has")
        .env("ORDER_RESEND_AFTER", "2");
    let mut notifier = alone(stage.subscriber(), "notifier").start().await;
    let mut orders = alone(launch, "order").start().await;
    orders.declared_all().await;
    let mut kitchen = alone(stage.kitchen_worker("chef"), "kitchen").start().await;
    let mut tracking = alone(with_staff_lists(&stage), "tracking").start().await;
    tracking.until_status("/readyz", 200).await;
    let cooked = async |order: serde_json::Value| {
        let number = orders.place(&order).await;
        kitchen.log_where(&number, |line| line["action"] == "order_completed" && names(line, &number)).await;
        number
    };
    let status = async |number: &str| tracking.get(&format!("/orders/{number}/status")).await.json();
    for order in [orders::dine_in(), orders::takeout(), orders::delivery()] {
        let number = cooked(order).await;
        assert_eq!(status(&number).await["current_status"], "ready");
        let path = format!("/orders/{number}/complete");
        let answer = http::send(orders.port(), "POST", &path, &[STAFF], b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        notifier.notification(&format!("order {number}: Status changed from 'ready' to 'completed'")).await;
    }
    all_is_shown(&tracking, STAFF).await;
    let again = [("Content-Type", "application/json"), ("Idempotency-Key", "b1f8f3d4-once")];
    let body = orders::takeout().to_string();
    let place = async || http::send(orders.port(), "POST", "/orders", &again, body.as_bytes()).await;
    let first = place().await;
    // Until the first one's outbox row is gone, the answer is that it is still in work.
    let second = eventually("the first answer", async || {
        let second = place().await;
        (second.status == 200).then_some(second)
    })
    .await;
    assert_eq!(second.body, first.body);

    // Messages that cannot be cooked: one published by the kitchen, one moved by the broker.
    let broker = stage.broker().await;
    for body in ["no order".to_owned(), "x".repeat(300_000)] {
        broker.publish("orders_topic", "kitchen.takeout.1", BasicProperties::default(), &body).await;
    }
    eventually("two dead letters", async || (broker.ready("kitchen_dlq").await == 2).then_some(())).await;

    // The connections break. Queues are deleted, and declared again.
    let connections = |service: &testkit::Service| service.logged("rabbitmq_connected").len();
    let before = [&orders, &kitchen, &notifier].map(connections);
    broker.close_all_connections(5).await;
    let after = [("orders", &orders, before[0] + 2), ("kitchen", &kitchen, before[1] + 1)];
    for (name, service, count) in after.into_iter().chain([("notifier", &notifier, before[2] + 1)]) {
        let what = format!("{name} to be connected again");
        eventually(&what, async || (connections(service) >= count).then_some(())).await;
    }
    cooked(orders::takeout()).await;
    let broker = stage.broker().await;
    for queue in ["kitchen_takeout_queue", "kitchen_queue", "notifications_queue"] {
        let before = [&orders, &kitchen, &notifier].map(connections);
        broker.delete(queue).await;
        if queue == "notifications_queue" {
            eventually("the stream to be read again", async || {
                (connections(&notifier) > before[2]).then_some(())
            })
            .await;
        } else {
            eventually("all queues to be consumed again", async || {
                (connections(&kitchen) > before[1]).then_some(())
            })
            .await;
        }
        let number = cooked(orders::takeout()).await;
        notifier.notification(&format!("order {number}: Status changed from 'cooking' to 'ready'")).await;
    }

    // A lost message is redelivered. A customer cancels an order, while no worker runs.
    assert_eq!(kitchen.stop().await, Some(0));
    let number = orders.place(&orders::delivery()).await;
    broker.purge("kitchen_delivery_queue").await;
    orders.log_where(&number, |line| line["action"] == "order_sent_again" && names(line, &number)).await;
    let path = format!("/orders/{number}/cancel");
    let answer = http::send(orders.port(), "POST", &path, &[STAFF], b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    notifier.notification(&format!("order {number}: Status changed from 'received' to 'cancelled'")).await;
    for service in [&mut orders, &mut notifier, &mut tracking] {
        assert_eq!(service.stop().await, Some(0));
    }
    for service in [&orders, &kitchen, &notifier, &tracking] {
        let said = service.everything();
        let refusals = ["ACCESS_REFUSED", "access refused", "permission denied"];
        let refused: Vec<_> =
            said.lines().filter(|line| refusals.iter().any(|part| line.contains(part))).collect();
        assert_eq!(refused, [] as [&str; 0]);
    }
    broker.close().await;
    drop_users(&stage).await;
}

/// A tracking service that reads names under its second role.
fn with_staff_lists(stage: &Stage) -> Launch {
    let launch = stage.tracking_service().env("ORDER_STAFF_KEY", "a-key-that-only-the-staff-has");
    let launch = launch.env("DB_STAFF_USER", format!("{}_tracking_staff", stage.name));
    launch.env("DB_STAFF_PASSWORD", PASSWORD)
}

/// What everybody may see, and what the staff may.
async fn all_is_shown(tracking: &testkit::Service, staff: (&str, &str)) {
    for path in ["/workers/status", "/board", "/readyz"] {
        assert_eq!(tracking.get(path).await.status, 200, "{path}");
    }
    for path in ["/orders", "/kitchen/tickets", "/staff/figures"] {
        let answer = http::send(tracking.port(), "GET", path, &[staff], b"").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}

/// The documented roles and users, with the documented rights.
async fn make_users(stage: &Stage) {
    make_roles(stage).await;
    for service in ServiceName::ALL {
        let Some(rights) = permissions::of(service) else { continue };
        let user = user_of(stage, service);
        let rights = [&*rights.configure, &rights.write, &rights.read];
        stage.servers.rabbitmq_admin().ensure_user(&user, &stage.name, rights).await.unwrap();
    }
}

async fn drop_users(stage: &Stage) {
    for service in ServiceName::ALL.into_iter().filter(|service| permissions::of(*service).is_some()) {
        let path = format!("/api/users/{}", user_of(stage, service).user);
        stage.servers.rabbitmq_admin().request("DELETE", &path, None).await.unwrap();
    }
    drop_roles(stage).await;
}

async fn make_roles(stage: &Stage) {
    let mut migrate = Launch::new("restaurant-ctl", stage.environment()).arg("migrate").arg("--roles");
    for variable in [
        "ORDER_DB_PASSWORD",
        "KITCHEN_DB_PASSWORD",
        "TRACKING_DB_PASSWORD",
        "TRACKING_STAFF_DB_PASSWORD",
        "EXPORTER_DB_PASSWORD",
        "PRUNER_DB_PASSWORD",
    ] {
        migrate = migrate.env(variable, PASSWORD);
    }
    let ended = migrate.run_to_end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

async fn drop_roles(stage: &Stage) {
    let database = stage.database().await;
    for user in rights::users() {
        let user = format!("{}_{}", stage.name, user.short_name());
        database.execute(&format!("drop owned by {user}; drop role {user}")).await;
    }
}

/// Whether a log line is about this order.
fn names(line: &serde_json::Value, number: &str) -> bool {
    line["message"].as_str().is_some_and(|message| message.contains(number))
}

/// A user on the broker.
fn user_of(stage: &Stage, user: impl Into<ServerUser>) -> Credentials {
    let user = format!("{}_{}", stage.name, user.into().short_name());
    Credentials { user, password: PASSWORD.into() }
}

/// An operation that a user may or may not be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    DeclareQueue(&'static str),
    DeclareExchange(&'static str),
    /// Binds a queue to an exchange.
    Bind(&'static str, &'static str),
    Publish(&'static str),
    Consume(&'static str),
    Purge(&'static str),
}

/// The exchange that a queue is bound to.
fn queue_source(queue: &'static str) -> &'static str {
    match queue {
        "kitchen_queue" => "orders_unrouted",
        "kitchen_dlq" => "orders_dlx",
        "notifications_queue" => "notifications_fanout",
        "order_status_updates" | "db_write_order_status" => queue,
        // Only the default exchange leads to the first, and it takes no bindings.
        "validated_orders" | "strangers" => "strangers",
        _ => "orders_topic",
    }
}

async fn connect(stage: &Stage, user: &str, password: &str) -> Connection {
    let port = stage.servers.rabbitmq.port;
    let arguments =
        OpenConnectionArguments::new("127.0.0.1", port, user, password).virtual_host(&stage.name).finish();
    within("a connection", Connection::open(&arguments)).await.unwrap()
}

/// Whether the broker performs the operation. The owner, who may do everything, is tried as well. A
/// refusal closes the channel.
async fn is_granted(connection: &Connection, question: Question) -> bool {
    let channel = connection.open_channel(None).await.unwrap();
    channel.basic_qos(BasicQosArguments::new(0, 1, false)).await.unwrap();
    let granted = within("an answer", answer(&channel, question)).await.is_ok();
    assert!(connection.is_open(), "{question:?}");
    let _ = channel.close().await;
    granted
}

async fn answer(channel: &Channel, question: Question) -> Result<(), amqprs::error::Error> {
    match question {
        Question::DeclareQueue(name) => {
            channel.queue_declare(QueueDeclareArguments::durable_client_named(name)).await.map(drop)
        }
        Question::DeclareExchange(name) => {
            channel.exchange_declare(ExchangeDeclareArguments::new(name, "fanout")).await
        }
        Question::Bind(queue, exchange) => {
            channel.queue_bind(QueueBindArguments::new(queue, exchange, "nobody.publishes.this")).await
        }
        Question::Publish(exchange) => {
            let arguments = BasicPublishArguments::new(exchange, "nobody.binds.this");
            channel.basic_publish(BasicProperties::default(), b"hostile".to_vec(), arguments).await?;
            // This is answered last, if the channel is still open.
            channel.confirm_select(ConfirmSelectArguments::new(false)).await
        }
        Question::Consume(queue) => {
            channel.basic_consume_rx(BasicConsumeArguments::new(queue, "")).await.map(drop)
        }
        Question::Purge(queue) => channel.queue_purge(QueuePurgeArguments::new(queue)).await.map(drop),
    }
}
