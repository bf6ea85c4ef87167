//! Virtual hosts and users of a private server, through its management API.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use runtime::http_client::{Request, Response, send};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Credentials, Error};

const LIMIT: Duration = Duration::from_secs(30);
/// How often a virtual host is asked for.
const CREATE_ATTEMPTS: u32 = 3;
const ALL_RIGHTS: &str = r#"{"configure":".*","write":".*","read":".*"}"#;

/// Creates and deletes virtual hosts, and creates users. It needs only port and credentials, so
/// other processes than the server's owner can use it.
#[derive(Clone, Debug)]
pub struct RabbitmqAdmin {
    pub(super) port: u16,
    pub(super) credentials: Credentials,
}

impl RabbitmqAdmin {
    /// An admin for the server whose management API listens on this port of 127.0.0.1.
    pub fn new(port: u16, credentials: Credentials) -> Self {
        Self { port, credentials }
    }

    /// Creates a virtual host in which the administrator has all rights. An existing one is not
    /// changed.
    ///
    /// # Errors
    /// The server refuses, or does not answer.
    pub async fn create_vhost(&self, name: &str) -> Result<(), Error> {
        let (name, user) = (path_segment(name), path_segment(&self.credentials.user));
        self.create_within_limit(&format!("/api/vhosts/{name}")).await?;
        self.change("PUT", &format!("/api/permissions/{name}/{user}"), Some(ALL_RIGHTS)).await
    }

    /// Creates a user, or changes its password and its rights in a virtual host. The regular
    /// expressions name what it may configure, write and read.
    ///
    /// # Errors
    /// The server refuses, or does not answer.
    pub async fn ensure_user(&self, user: &Credentials, vhost: &str, rights: [&str; 3]) -> Result<(), Error> {
        let (name, vhost) = (path_segment(&user.user), path_segment(vhost));
        let account = json!({"password": user.password.expose_secret(), "tags": ""}).to_string();
        self.change("PUT", &format!("/api/users/{name}"), Some(&account)).await?;
        let [configure, write, read] = rights;
        let rights = json!({"configure": configure, "write": write, "read": read}).to_string();
        self.change("PUT", &format!("/api/permissions/{vhost}/{name}"), Some(&rights)).await
    }

    /// Deletes a virtual host with its contents, if it exists. Its connections are closed.
    ///
    /// # Errors
    /// The server refuses, or does not answer.
    pub async fn delete_vhost(&self, name: &str) -> Result<(), Error> {
        match self.change("DELETE", &format!("/api/vhosts/{}", path_segment(name)), None).await {
            Err(Error::Api { status: 404, .. }) => Ok(()),
            other => other,
        }
    }

    /// Sends any request to the management API. `path` starts with `/api/` and is percent-encoded.
    ///
    /// # Errors
    /// The server does not answer. A refusal is a response, not an error.
    pub async fn request(&self, method: &str, path: &str, body: Option<&str>) -> Result<Response, Error> {
        let login = format!("{}:{}", self.credentials.user, self.credentials.password.expose_secret());
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(login));
        let headers = [("Authorization", authorization.as_str())];
        send(self.port, &Request { method, path, headers: &headers, body }, LIMIT)
            .await
            .map_err(|source| Error::NoApi { request: format!("{method} {path}"), source })
    }

    /// Asks again if there is no answer: nodes that have just formed a cluster sometimes leave the
    /// first request for a virtual host unanswered. The request may be repeated.
    async fn create_within_limit(&self, path: &str) -> Result<(), Error> {
        for _ in 1..CREATE_ATTEMPTS {
            let asking = tokio::time::timeout(LIMIT / CREATE_ATTEMPTS, self.change("PUT", path, None));
            if let Ok(created) = asking.await {
                return created;
            }
        }
        self.change("PUT", path, None).await
    }

    async fn change(&self, method: &str, path: &str, body: Option<&str>) -> Result<(), Error> {
        let response = self.request(method, path, body).await?;
        if (200..300).contains(&response.status) {
            return Ok(());
        }
        Err(Error::Api { request: format!("{method} {path}"), status: response.status, body: response.body })
    }

    /// Whether the API answers and accepts the login.
    pub(super) async fn answers(&self) -> bool {
        self.request("GET", "/api/whoami", None).await.is_ok_and(|response| response.status == 200)
    }

    /// Creates a stream and deletes it, because the server starts its stream coordinator with the
    /// first one.
    pub(super) async fn start_streams(&self) -> Result<(), Error> {
        let path = format!("/api/queues/%2F/first-stream-{:08x}", rand::random::<u32>());
        let stream = r#"{"durable":true,"arguments":{"x-queue-type":"stream"}}"#;
        self.change("PUT", &path, Some(stream)).await?;
        self.change("DELETE", &path, None).await
    }

    /// Whether every existing stream can be declared again with its own settings.
    pub(super) async fn has_all_streams(&self) -> bool {
        let columns = "/api/queues?columns=vhost,name,type,durable,auto_delete,arguments";
        let Ok(answer) = self.request("GET", columns, None).await else { return false };
        let Ok(queues) = serde_json::from_str::<Vec<Queue>>(&answer.body) else { return false };
        for queue in queues.iter().filter(|queue| queue.kind == "stream") {
            let path = format!("/api/queues/{}/{}", path_segment(&queue.vhost), path_segment(&queue.name));
            let body = json!(queue.settings).to_string();
            if self.change("PUT", &path, Some(&body)).await.is_err() {
                return false;
            }
        }
        true
    }
}

#[derive(Deserialize)]
struct Queue {
    vhost: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// The settings of a declaration.
    #[serde(flatten)]
    settings: Map<String, Value>,
}

/// Percent-encodes a name for a path of the management API: `/` becomes `%2F`.
pub fn path_segment(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}
