//! The one table of everything that can be set.
//!
//! An entry of the table is
//!
//! ```text
//! /// What it is for, in sentences.
//! key: type = default, "VARIABLE", KIND;
//! ```
//!
//! It stands below the section that it belongs to, which becomes a struct with the entry as a
//! public field. The kind says which values are allowed, and how one is read and shown: see
//! [`crate::kinds`]. The rest follows: reading the file and the environment, what the doctor shows,
//! `config.yaml` and `docs/configuration.md`. So a new key is one entry here, and a call of
//! `cargo xtask config-docs`, which writes the two files; a test fails if they differ.
//!
//! A section within another one is also named `with` it. The comments here are the help in all of
//! these places: plain text, no links.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use domain::TimeZone;
use secrecy::SecretString;

use crate::key::settings;
use crate::kinds::{
    ADDRESS, BASE_PATH, CONNECTIONS, COUNT, CURRENCY, GRACE, HOST_NAMES, HOSTS, LEVEL, MENU_MODE, MINUTES,
    MOST_WAITING, NAME, NAME_OR_NONE, ORIGINS, PASSWORD, PORT, PORT_OR_NONE, SECONDS, STAFF_KEY, SWITCH,
    TEXT, TIME_ZONE, WEB_URL,
};
use crate::load_kinds::{NETWORKS, RATE};
use crate::server_kinds::{HOSTS_OR_NONE, PUBLISHERS, QUEUE_TYPE};
use crate::telemetry_kinds::{OTLP_HEADERS, RATIO, TRACES_SAMPLER};
use crate::tls_kinds::{FILE, TLS_MODE};
use crate::{
    BasePath, HostNames, MenuMode, Networks, Origins, Publishers, QueueType, TlsMode, TracesSampler, WebUrl,
};

settings! {
    /// Everything that can be set.
    [] Config with {
        database: Database,
        rabbitmq: Rabbitmq,
        order: Order,
        restaurant: Restaurant,
        menu: Menu,
        intake: Intake,
        kitchen: Kitchen,
        tracking: Tracking,
        board: Board,
        web: Web,
        http: Http,
        admin: Admin,
        log: Log,
        telemetry: Telemetry,
        shutdown: Shutdown,
    } {}

    /// How PostgreSQL is reached.
    [database] Database {
        /// Where the server is. Several, separated by commas, are tried in turn: the first that is
        /// no standby is used. So the servers of a cluster all stand here.
        host: String = "localhost".to_owned(), "DB_HOST", HOSTS;
        /// TCP port of the server.
        port: u16 = 5432, "DB_PORT", PORT;
        /// The role that a service logs in as.
        user: String = "restaurant_user".to_owned(), "DB_USER", NAME;
        /// The role's password.
        password: SecretString = "restaurant_pass".into(), "DB_PASSWORD", PASSWORD;
        /// The role with which the tracking service reads names and addresses, for the staff and
        /// for the guest of an order. Where it is set, `user` needs no right to them, and without
        /// a staff key nothing logs in as it. Empty: `user` reads them.
        staff_user: String = String::new(), "DB_STAFF_USER", NAME_OR_NONE;
        /// That role's password.
        staff_password: SecretString = "".into(), "DB_STAFF_PASSWORD", PASSWORD;
        /// Name of the database.
        database: String = "restaurant_db".to_owned(), "DB_NAME", NAME;
        /// Most connections that one service opens.
        max_connections: usize = 8, "DB_MAX_CONNECTIONS", CONNECTIONS;
        /// Where a standby is that the tracking service may read from, as long as it keeps up: see
        /// `tracking.max_replica_lag`. Empty: it reads from the primary only.
        read_replica: Option<String> = None, "DB_READ_REPLICA", HOSTS_OR_NONE;
        /// Whether PostgreSQL is reached over TLS. disable: no. require: yes, and a server
        /// without TLS is refused; its certificate is checked against `tls_ca` if that is set, for
        /// any name. verify-full: yes, and its certificate must also be for the name in `host`.
        tls: TlsMode = TlsMode::Disable, "DB_TLS", TLS_MODE;
        /// File with the certificates (PEM) of the authorities that may have signed the server's.
        /// Empty: verify-full trusts those of the system, and require trusts any.
        tls_ca: Option<PathBuf> = None, "DB_TLS_CA", FILE;
        /// File with the certificate (PEM) that the service shows the server, and those that lead
        /// to its authority. Empty: it shows none.
        tls_cert: Option<PathBuf> = None, "DB_TLS_CERT", FILE;
        /// File with the private key (PEM) of `tls_cert`.
        tls_key: Option<PathBuf> = None, "DB_TLS_KEY", FILE;
    }

    /// How RabbitMQ is reached.
    [rabbitmq] Rabbitmq {
        /// Where the server is. Several, separated by commas, are the nodes of one cluster: they
        /// are tried in random order, and the first that lets the user in is used.
        host: String = "localhost".to_owned(), "RABBITMQ_HOST", HOSTS;
        /// TCP port of the server.
        port: u16 = 5672, "RABBITMQ_PORT", PORT;
        /// The user that a service logs in as.
        user: String = "guest".to_owned(), "RABBITMQ_USER", NAME;
        /// The user's password.
        password: SecretString = "guest".into(), "RABBITMQ_PASSWORD", PASSWORD;
        /// The virtual host.
        vhost: String = "/".to_owned(), "RABBITMQ_VHOST", TEXT;
        /// Which queues orders and dead letters wait in. classic: on one node, with priorities.
        /// quorum: on several nodes of a cluster, so orders go on while one of them is away; they
        /// have no priorities before RabbitMQ 4.0, and two from then on. All services need the
        /// same. Existing queues keep their type.
        queue_type: QueueType = QueueType::Classic, "RABBITMQ_QUEUE_TYPE", QUEUE_TYPE;
        /// Which users of RabbitMQ may send which kind of message. A service takes no message from
        /// any other user, nor one that names none: it goes to the dead letters with the reason
        /// `untrusted_publisher`, and a status update is not shown. Services that copy messages and
        /// who replays dead letters are publishers too. Empty: nobody is checked.
        publishers: Publishers = Publishers::default(), "RABBITMQ_PUBLISHERS", PUBLISHERS;
        /// Whether RabbitMQ is reached over TLS. disable: no. require: yes, and a server
        /// without TLS is refused; its certificate is checked against `tls_ca` if that is set, for
        /// any name. verify-full: yes, and its certificate must also be for the name in `host`.
        /// `restaurant-ctl broker-users` asks the management plugin in the same way.
        tls: TlsMode = TlsMode::Disable, "RABBITMQ_TLS", TLS_MODE;
        /// File with the certificates (PEM) of the authorities that may have signed the server's.
        /// Empty: verify-full trusts those of the system, and require trusts any.
        tls_ca: Option<PathBuf> = None, "RABBITMQ_TLS_CA", FILE;
        /// File with the certificate (PEM) that the service shows the server, and those that lead
        /// to its authority. Empty: it shows none. With one, and without a
        /// password of its own, it logs in by it (EXTERNAL).
        tls_cert: Option<PathBuf> = None, "RABBITMQ_TLS_CERT", FILE;
        /// File with the private key (PEM) of `tls_cert`.
        tls_key: Option<PathBuf> = None, "RABBITMQ_TLS_KEY", FILE;
    }

    /// How the order service answers.
    [order] Order {
        /// What happens to an order while RabbitMQ is away. false: it is refused (500). true: it is
        /// accepted once it is stored, and goes to the kitchen when RabbitMQ is back.
        accept_while_broker_down: bool = false, "ORDER_ACCEPT_WHILE_BROKER_DOWN", SWITCH;
        /// The staff's key: as `Authorization: Bearer ...`, and to sign in to the staff's pages.
        /// All services with pages need the same one. A new key signs everybody out. Empty:
        /// nobody is staff. `openssl rand -base64 24` makes one.
        staff_key: SecretString = "".into(), "ORDER_STAFF_KEY", STAFF_KEY;
        /// Seconds after which an order that no worker took is looked for, and sent again if its
        /// message is gone.
        resend_after: Duration = deadlines::outbox::RESEND_AFTER, "ORDER_RESEND_AFTER", SECONDS;
    }

    /// What holds for the whole restaurant.
    [restaurant] Restaurant {
        /// The currency of all prices, as the menu shows it.
        currency: String = "USD".to_owned(), "RESTAURANT_CURRENCY", CURRENCY;
        /// The time zone that the restaurant's clocks show: hours and days of price rules, and the
        /// end of a day on which something is sold out.
        time_zone: TimeZone = TimeZone::UTC, "RESTAURANT_TIME_ZONE", TIME_ZONE;
    }

    /// What guests can order.
    [menu] Menu {
        /// on: guests order what is on the menu, and the menu says what it costs. off: guests order
        /// anything, at the price that they name.
        mode: MenuMode = MenuMode::Off, "MENU_MODE", MENU_MODE;
    }

    /// How orders are taken in.
    [intake] Intake {
        /// true: the order service also takes orders from the queue `validated_orders`, and says in
        /// events what becomes of them. false: it takes orders over HTTP only.
        enabled: bool = false, "INTAKE_ENABLED", SWITCH;
        /// Most orders of one type that may wait for a cook. The next one is refused (503) until
        /// one of them is cooked. 0: no limit.
        max_waiting: u32 = 0, "INTAKE_MAX_WAITING", MOST_WAITING;
    }

    /// How the kitchen cooks.
    [kitchen] Kitchen with { cooking_seconds: CookingSeconds, } {
        /// Seconds after which a waiting order goes before all others, however cheap it is.
        max_wait: Duration = Duration::from_mins(15), "KITCHEN_MAX_WAIT", SECONDS;
    }

    /// How long each type of order takes to cook, in seconds.
    [kitchen.cooking_seconds] CookingSeconds {
        /// An order at a table.
        dine_in: Duration = Duration::from_secs(8), "KITCHEN_COOKING_SECONDS_DINE_IN", SECONDS;
        /// An order over the counter.
        takeout: Duration = Duration::from_secs(10), "KITCHEN_COOKING_SECONDS_TAKEOUT", SECONDS;
        /// An order by courier.
        delivery: Duration = Duration::from_secs(12), "KITCHEN_COOKING_SECONDS_DELIVERY", SECONDS;
    }

    /// How the tracking service reads.
    [tracking] Tracking {
        /// Seconds by which `database.read_replica` may be behind the primary. If it is further
        /// behind, or nobody knows, reads go to the primary. 0: they always do.
        max_replica_lag: Duration = Duration::from_secs(5), "TRACKING_MAX_REPLICA_LAG", SECONDS;
    }

    /// The board that guests look at.
    [board] Board {
        /// Minutes for which the number of a ready order stays on the board, unless it is completed
        /// before.
        keep_minutes: Duration = Duration::from_mins(15), "BOARD_KEEP_MINUTES", MINUTES;
    }

    /// The pages of the services, as browsers reach them.
    [web] Web {
        /// The URL of the order service, where a gateway stands before it. Pages of the tracking
        /// service link to it, and the two services accept each other's pages. Empty: the host that
        /// the browser asks for, at port 3000.
        order_url: Option<WebUrl> = None, "WEB_ORDER_URL", WEB_URL;
        /// The URL of the tracking service, in the same way. Empty: the host that the browser asks
        /// for, at port 3002.
        tracking_url: Option<WebUrl> = None, "WEB_TRACKING_URL", WEB_URL;
        /// The path below which a gateway shows this service, if it passes the path on as it is.
        /// Requests without it are answered too, so probes need no change.
        base_path: BasePath = BasePath::default(), "WEB_BASE_PATH", BASE_PATH;
    }

    /// Where the HTTP services (order, tracking) listen, and to whom.
    [http] Http {
        /// The address that they listen on; ports are flags. `::` stands for all addresses of IPv6
        /// and IPv4. The images set it.
        bind: IpAddr = Ipv4Addr::LOCALHOST.into(), "HTTP_BIND", ADDRESS;
        /// Most open connections. 0: as many as fit the memory limit.
        max_connections: usize = 0, "HTTP_MAX_CONNECTIONS", COUNT;
        /// Most open connections of one peer address. 0: half of all.
        max_connections_per_address: usize = 0, "HTTP_MAX_CONNECTIONS_PER_ADDRESS", COUNT;
        /// Memory that the service may use, in MiB. 0: its container's limit, or the machine's
        /// memory.
        memory_limit_mib: usize = 0, "HTTP_MEMORY_LIMIT_MIB", COUNT;
        /// Most requests that one client may send in a second, twice as many if it was quiet
        /// before. Further ones are refused (429). Probes are not counted. Guests behind one router
        /// share an address. 0: no limit.
        rate_limit: u32 = 0, "HTTP_RATE_LIMIT", RATE;
        /// Proxies that stand before the services, such as `10.0.0.0/8`: of what comes from them,
        /// the client is who they say, in `X-Forwarded-For` or `Forwarded`. Empty: the client is
        /// who connects.
        trusted_proxies: Networks = Networks::default(), "HTTP_TRUSTED_PROXIES", NETWORKS;
        /// Web pages of other sites that may use the services (CORS), such as
        /// `https://shop.example, https://till.example:8443`. They never count as staff by a
        /// cookie.
        allowed_origins: Origins = Origins::default(), "HTTP_ALLOWED_ORIGINS", ORIGINS;
        /// Names under which the services may be called, such as `order-service, shop.example`,
        /// beside localhost, IP addresses, and the hosts of allowed origins. Empty: any name if
        /// `bind` is no loopback address, else none. Set it where a container's port is published
        /// on the host's loopback: a web page's DNS can make its name point there.
        allowed_hosts: HostNames = HostNames::default(), "HTTP_ALLOWED_HOSTS", HOST_NAMES;
        /// File with the certificate (PEM) of the services, and those that lead to its authority.
        /// With it they answer over TLS only, at the same port. The admin listener stays without
        /// TLS. A file that changes is read again within a minute. Empty: they answer without TLS.
        tls_cert: Option<PathBuf> = None, "HTTP_TLS_CERT", FILE;
        /// File with the private key (PEM) of `tls_cert`.
        tls_key: Option<PathBuf> = None, "HTTP_TLS_KEY", FILE;
    }

    /// Where those who run a service ask it: `GET /livez`, `/readyz`, `/health` and `/metrics`.
    [admin] Admin {
        /// The port of the admin listener, which every service can have, the kitchen and the
        /// subscriber too. Each process on a machine needs a port of its own. Where it is set,
        /// `--healthcheck` asks it. 0: there is no admin listener. The images set 9090.
        port: u16 = 0, "ADMIN_PORT", PORT_OR_NONE;
        /// The address that it listens on. `::` stands for all addresses of IPv6 and IPv4. The
        /// images set it.
        bind: IpAddr = Ipv4Addr::LOCALHOST.into(), "ADMIN_BIND", ADDRESS;
    }

    /// What is logged.
    [log] Log {
        /// Lines below this level are not written.
        level: String = "debug".to_owned(), "LOG_LEVEL", LEVEL;
    }

    /// Traces: what becomes of a request in all services, by OpenTelemetry.
    [telemetry] Telemetry {
        /// Where a collector takes traces: OTLP over HTTP, at `/v1/traces` below this URL. Empty:
        /// no trace is recorded, and what callers say of theirs is passed on.
        otlp_endpoint: Option<WebUrl> = None, "OTEL_EXPORTER_OTLP_ENDPOINT", WEB_URL;
        /// Headers that the collector wants, such as `api-key=secret,tenant=kitchen`. What is
        /// special in a value is percent-encoded.
        otlp_headers: SecretString = "".into(), "OTEL_EXPORTER_OTLP_HEADERS", OTLP_HEADERS;
        /// File with the certificates (PEM) of the authorities that may have signed that of a
        /// collector with `https`. Empty: those of the system. With `http` it is a mistake.
        otlp_ca: Option<PathBuf> = None, "OTEL_EXPORTER_OTLP_CERTIFICATE", FILE;
        /// Which traces are recorded. `always_on`: all. `always_off`: none. `traceidratio`: as many
        /// as `traces_sampler_arg` says. With `parentbased_` in front: those of callers that say
        /// so, and none of callers that say no; what follows is for the others.
        traces_sampler: TracesSampler = TracesSampler::default(), "OTEL_TRACES_SAMPLER", TRACES_SAMPLER;
        /// Which part of the traces a sampler with a ratio records.
        traces_sampler_arg: f64 = 0.01, "OTEL_TRACES_SAMPLER_ARG", RATIO;
        /// false: whether a trace is recorded is decided here, whatever callers say. Each request
        /// then begins a trace of its own, with a link to the caller's. Set it where strangers
        /// call.
        trust_incoming: bool = true, "TELEMETRY_TRUST_INCOMING", SWITCH;
    }

    /// How services stop.
    [shutdown] Shutdown {
        /// Longest time from SIGTERM to the end of a service, in seconds. Whatever sends the signal
        /// must wait for longer before it kills. A worker takes the last 10 s for signing off:
        /// longer cooking times need a longer grace.
        grace_seconds: Duration = deadlines::stop::GRACE, "SHUTDOWN_GRACE_SECONDS", GRACE;
    }
}
