//! `up --like-production`: what the compose file says holds for the processes of this machine.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use config::TlsMode;
use db::{Access, Database, workers};
use devcluster::project;
use runtime::http_client::{Request, send};
use serde_json::Value;

use crate::workspace::{ONE_AT_A_TIME, Workspace, eventually};

const ORDER: &str = r#"{"customer_name":"Ada","order_type":"delivery","delivery_address":"12 Long Road",
    "items":[{"name":"Soup","quantity":1,"price":9.5}]}"#;
const LIMIT: Duration = Duration::from_secs(10);
/// The processes, and their users.
const USERS: [(&str, &str); 5] = [
    ("order", "restaurant_db_order"),
    ("chef_luigi", "restaurant_db_kitchen"),
    ("tracking", "restaurant_db_tracking"),
    ("subscriber_1", "restaurant_db_notifier"),
    ("exporter", "restaurant_db_exporter"),
];

/// The environment of a process.
fn environment(workspace: &Workspace, name: &str) -> BTreeMap<String, String> {
    let path = format!("/proc/{}/environ", workspace.pid_of(name).unwrap());
    let text = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
    let variables = text.split('\0').filter_map(|variable| variable.split_once('='));
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// An answer of a service at this URL.
async fn ask(
    url: &Value,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> (u16, Value) {
    let port = url.as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    let answer = send(port, &Request { method, path, headers, body }, LIMIT).await.unwrap();
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

/// Its admin listener says that it is ready. `up` waits only until a subscriber has started.
async fn becomes_ready(workspace: &Workspace, name: &str) {
    let port = environment(workspace, name)["ADMIN_PORT"].parse().unwrap();
    let start = Instant::now();
    loop {
        let answer = send(port, &Request::get("/readyz"), LIMIT).await.unwrap();
        if answer.status == 200 {
            return;
        }
        assert!(start.elapsed() < LIMIT, "{name}: {}", answer.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A database for whoever has the environment of this process.
fn database(environment: &BTreeMap<String, String>, tls: TlsMode) -> Database {
    let password = std::fs::read_to_string(&environment["DB_PASSWORD_FILE"]).unwrap();
    let settings = config::Database {
        host: environment["DB_HOST"].clone(),
        port: environment["DB_PORT"].parse().unwrap(),
        user: environment["DB_USER"].clone(),
        password: password.trim_end().into(),
        tls,
        tls_ca: Some(environment["DB_TLS_CA"].clone().into()),
        ..config::Database::default()
    };
    Database::new(&settings, "test", Access::ReadPrimary).unwrap()
}

#[tokio::test]
async fn processes_have_what_the_compose_file_says() {
    tls::install_provider();
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut workspace = Workspace::new();
    // Nothing of this reaches a container.
    workspace.set("MENU_MODE", "on");
    workspace.set("DB_USER", "somebody");
    std::fs::create_dir_all(workspace.local("")).unwrap();
    std::fs::create_dir_all(project::packages()).unwrap();
    std::os::unix::fs::symlink(project::packages(), workspace.local("packages")).unwrap();
    workspace.run(&["up", "--detach", "--like-production"]).expect(
        0,
        &["over TLS", "each service has a user of its own on both servers", "The restaurant is open"],
    );
    let record = workspace.record();
    for (name, user) in USERS {
        let variables = environment(&workspace, name);
        let users = ["DB_USER", "RABBITMQ_USER"].map(|variable| variables.get(variable).cloned());
        assert!(users.iter().flatten().all(|found| found == user), "{name}: {users:?}");
        assert!(users.iter().flatten().next().is_some(), "{name} has a user");
        let secret = |name: &String| name.ends_with("PASSWORD") || name.ends_with("KEY");
        assert_eq!(variables.keys().find(|name| secret(name)), None, "{name}: secrets are files");
        assert!(!variables.contains_key("MENU_MODE") && !variables.contains_key("HOME"), "{variables:?}");
        for tls in ["DB_TLS", "RABBITMQ_TLS"] {
            assert!(variables.get(tls).is_none_or(|mode| mode == "verify-full"), "{name}: {variables:?}");
        }
    }
    let tracking = environment(&workspace, "tracking");
    assert_eq!(tracking["DB_STAFF_USER"], "restaurant_db_tracking_staff");

    for name in ["order", "chef_anna", "tracking", "subscriber_2"] {
        becomes_ready(&workspace, name).await;
    }

    // An order from the request to the plate; its name is for the staff only.
    let (status, placed) = ask(&record["order_url"], "POST", "/orders", &[], Some(ORDER)).await;
    assert_eq!(status, 200, "{placed}");
    let number = placed["order_number"].as_str().unwrap().to_owned();
    let ready = format!("order {number}: Status changed from 'cooking' to 'ready'");
    eventually("it is cooked, and everybody is told", Duration::from_secs(40), || {
        workspace.run(&["logs", "subscriber_1"]).text.contains(&ready)
    });
    let key = std::fs::read_to_string(workspace.local("production/secrets/staff_key")).unwrap();
    let bearer = format!("Bearer {}", key.trim_end());
    let staff = [("Authorization", bearer.as_str())];
    let (status, list) = ask(&record["tracking_url"], "GET", "/orders", &staff, None).await;
    assert_eq!((status, &list["orders"][0]["customer_name"]), (200, &"Ada".into()), "{list}");
    let (status, _) = ask(&record["tracking_url"], "GET", "/orders", &[], None).await;
    assert_eq!(status, 401);

    // Who has a role's password gets in with TLS and not without.
    let order = environment(&workspace, "order");
    assert!(workers::all(&database(&order, TlsMode::VerifyFull)).await.unwrap().len() >= 3);
    let why = workers::all(&database(&order, TlsMode::Disable)).await.unwrap_err();
    assert!(why.to_string().contains("TLS") || format!("{why:?}").contains("no encryption"), "{why:?}");

    // As the exporter does: its users suffice.
    let audit = Command::new(project::programs().unwrap().join("restaurant-ctl"))
        .arg("audit")
        .env_clear()
        .envs(environment(&workspace, "exporter"))
        .output()
        .unwrap();
    assert!(audit.status.success(), "{audit:?}");
    for name in ["order", "exporter"] {
        limits_hold_where_there_are_some(&workspace, name);
    }
    workspace.run(&["down"]).expect(0, &["closed"]);
    workspace.is_closed();
    workspace.run(&["reset", "--yes"]).expect(0, &["deleted"]);
    assert!(!workspace.local("production").exists());
}

/// With cgroups, each is in one with the limit of its container; without, it computes
/// with the same. Prints which of both was seen.
fn limits_hold_where_there_are_some(workspace: &Workspace, name: &str) {
    let pid = workspace.pid_of(name).unwrap();
    let group = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let variables = environment(workspace, name);
    if let Some(memory) = variables.get("HTTP_MEMORY_LIMIT_MIB") {
        assert_eq!(memory, "256", "no cgroups: {group}");
        println!("{name}: no cgroup can be made here, so only its variable was looked at: {memory} MiB");
        return;
    }
    let own = group.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
    let limit = std::fs::read_to_string(format!("/sys/fs/cgroup/{own}/memory.max")).unwrap();
    assert_eq!(limit.trim_end(), (256 << 20).to_string(), "{own}");
    assert!(own.contains("restaurant-") && own.ends_with(name), "{own}");
    println!("{name}: its cgroup '{own}' has the limit of its container");
}
