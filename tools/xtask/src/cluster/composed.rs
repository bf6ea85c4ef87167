//! What `deploy/docker/compose.yaml` says about our containers, for processes on this machine.

use std::collections::BTreeMap;
use std::path::Path;

use devcluster::Error;
use domain::ServiceName;
use serde::Deserialize;
use serde_yaml::Value;

use crate::cluster::limits::Limits;
use crate::cluster::plan::Plan;

/// Where a container finds its secrets.
const MOUNTED: &str = "/run/secrets/";
/// Our images, before their names.
const OURS: &str = "localhost/restaurant/";
/// Where the files of secrets are, as the file has it.
const SECRETS: &str = "${SECRETS:-./secrets}/";

/// The containers, and the files of their secrets.
#[derive(Debug, Deserialize)]
pub struct Composed {
    services: BTreeMap<String, Container>,
    secrets: BTreeMap<String, SecretFile>,
}

#[derive(Debug, Deserialize)]
struct SecretFile {
    file: String,
}

/// A container.
#[derive(Clone, Debug, Deserialize)]
pub struct Container {
    image: String,
    /// What follows its program.
    #[serde(default)]
    pub command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    deploy: Deploy,
}

#[derive(Clone, Debug, Deserialize)]
struct Deploy {
    resources: Resources,
}

#[derive(Clone, Debug, Deserialize)]
struct Resources {
    limits: Limits,
}

/// Where things are on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Endpoints<'a> {
    /// The folder of the secrets.
    pub secrets: &'a Path,
    /// PostgreSQL's port.
    pub database: u16,
    /// RabbitMQ's port for TLS.
    pub broker: u16,
}

impl Composed {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or is not as expected.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
        parse(&text).map_err(|why| Error::file("understand", path)(std::io::Error::other(why)))
    }

    /// The container of this name.
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.services.get(name)
    }

    /// The container of a planned process. Of workers, the one with the same name.
    pub fn of(&self, plan: &Plan) -> Option<&Container> {
        let worker = format!("--worker-name={}", plan.name);
        let runs = |container: &&Container| container.program() == Some(plan.service.binary());
        let is_meant = |container: &&Container| {
            plan.service != ServiceName::Kitchen || container.command.contains(&worker)
        };
        self.services.values().find(|container| runs(container) && is_meant(container))
    }

    /// The variables of a container, with the files and ports of this machine.
    pub fn environment(&self, container: &Container, endpoints: Endpoints<'_>) -> Vec<(String, String)> {
        let (database, broker) = (endpoints.database.to_string(), endpoints.broker.to_string());
        let here = |name: &str, value: &str| match name {
            "DB_HOST" | "RABBITMQ_HOST" => "127.0.0.1".to_owned(),
            "DB_PORT" => database.clone(),
            "RABBITMQ_PORT" => broker.clone(),
            _ => self.file(value, endpoints.secrets).unwrap_or_else(|| default_of(value).to_owned()),
        };
        let variables = container.environment.iter().map(|(name, value)| (name.clone(), here(name, value)));
        variables.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The file of a secret that a variable names.
    fn file(&self, value: &str, folder: &Path) -> Option<String> {
        let secret = self.secrets.get(value.strip_prefix(MOUNTED)?)?;
        let name = secret.file.strip_prefix(SECRETS)?;
        Some(folder.join(name).display().to_string())
    }
}

impl Container {
    /// The program of its image; `None` if it is not one of ours.
    pub fn program(&self) -> Option<&str> {
        self.image.strip_prefix(OURS)?.split(':').next()
    }

    /// A variable as it stands in the file.
    pub fn variable(&self, name: &str) -> &str {
        self.environment.get(name).map_or("", String::as_str)
    }

    /// What it may take.
    pub fn limits(&self) -> &Limits {
        &self.deploy.resources.limits
    }
}

fn parse(text: &str) -> Result<Composed, serde_yaml::Error> {
    let mut value: Value = serde_yaml::from_str(text)?;
    // What `<<` merges may have a `<<` of its own, and a call resolves one of them.
    loop {
        let before = value.clone();
        value.apply_merge()?;
        if value == before {
            return serde_yaml::from_value(value);
        }
    }
}

/// `${NAME:-default}` or `${NAME-default}` without its variable: nothing of this machine's
/// environment gets in.
fn default_of(value: &str) -> &str {
    let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    // No name has a minus.
    inner.map_or(value, |inner| inner.split_once('-').map_or("", |(_, default)| default))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use devcluster::project;

    use super::*;
    use crate::cluster::plan;

    fn composed() -> Composed {
        Composed::read(&project::root().join("deploy/docker/compose.yaml")).unwrap()
    }

    fn of(name: &str) -> BTreeMap<String, String> {
        let (composed, secrets) = (composed(), Path::new("/secrets"));
        let endpoints = Endpoints { secrets, database: 1, broker: 2 };
        composed.environment(composed.container(name).unwrap(), endpoints).into_iter().collect()
    }

    #[test]
    fn every_planned_process_has_its_container() {
        let composed = composed();
        for plan in plan::restaurant(1, 2) {
            let container = composed.of(&plan).unwrap();
            assert_eq!(container.program(), Some(plan.service.binary()), "{}", plan.name);
            assert!(container.limits().memory > 0);
        }
        let luigi = plan::restaurant(1, 2).into_iter().find(|plan| plan.name == "chef_luigi").unwrap();
        assert!(composed.of(&luigi).unwrap().command.contains(&"--order-types=delivery".to_owned()));
    }

    #[test]
    fn what_a_variable_may_replace_has_its_default() {
        for (value, expected) in [
            ("${NAME:-a-b}", "a-b"),
            ("${NAME-a=b:-c}", "a=b:-c"),
            ("${NAME}", ""),
            ("${NAME:-}", ""),
            ("a-b", "a-b"),
        ] {
            assert_eq!(default_of(value), expected, "{value}");
        }
        let publishers = of("kitchen-anna")["RABBITMQ_PUBLISHERS"].parse::<config::Publishers>();
        assert!(publishers.is_ok_and(|publishers| publishers != config::Publishers::default()));
    }

    #[test]
    fn secrets_are_files_of_this_machine() {
        let order = of("order-service");
        assert_eq!(order["DB_PASSWORD_FILE"], "/secrets/order_db_password");
        assert_eq!(order["DB_TLS_CA"], "/secrets/ca.pem");
        assert_eq!((&*order["DB_HOST"], &*order["DB_PORT"]), ("127.0.0.1", "1"));
        assert_eq!((&*order["RABBITMQ_HOST"], &*order["RABBITMQ_PORT"]), ("127.0.0.1", "2"));
        assert_eq!(order["HTTP_ALLOWED_HOSTS"], "order-service,tracking-service");
        assert!(!order.contains_key("WEB_ORDER_URL"), "what is empty is not set");
        assert!(order.values().all(|value| !value.contains("/run/") && !value.contains("${")), "{order:?}");
        assert!(!of("tracking-service").keys().any(|name| name.starts_with("RABBITMQ")));
    }
}
