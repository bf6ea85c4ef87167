//! Reads and changes a test's vhost.

use amqprs::channel::{
    BasicAckArguments, BasicGetArguments, BasicPublishArguments, BasicRejectArguments, Channel,
    QueueBindArguments, QueueDeclareArguments, QueueDeleteArguments, QueuePurgeArguments,
};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::{BasicProperties, FieldTable};
use devcluster::{RabbitmqAdmin, RabbitmqConsole, path_segment};
use serde_json::Value;

use crate::shared_servers::ServerPair;
use crate::wait::{eventually, within};

/// A connection to the vhost.
pub struct Broker {
    connection: Connection,
    channel: Channel,
    /// In transaction mode: a commit is confirmed once every queue has its message.
    transactions: Channel,
    admin: RabbitmqAdmin,
    console: RabbitmqConsole,
    vhost: String,
}

/// A message taken from a queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its exchange.
    pub exchange: String,
    /// Its routing key.
    pub routing_key: String,
    /// Its properties.
    pub properties: BasicProperties,
    /// Its body.
    pub body: String,
}

impl Message {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("not JSON ({why}): {self:?}"))
    }

    /// The text of a header.
    pub fn header(&self, name: &str) -> String {
        let headers = self.properties.headers().unwrap_or_else(|| panic!("no headers: {self:?}"));
        let name = name.try_into().expect("short");
        headers.get(&name).unwrap_or_else(|| panic!("no header {name}: {self:?}")).to_string()
    }
}

impl Broker {
    /// Connects to a vhost of the servers.
    pub async fn connect(servers: &ServerPair, vhost: &str) -> Self {
        Self::connect_as(servers, vhost, &servers.rabbitmq.user, &servers.rabbitmq.password).await
    }

    /// Connects as this user.
    pub async fn connect_as(servers: &ServerPair, vhost: &str, user: &str, password: &str) -> Self {
        let arguments = OpenConnectionArguments::new("127.0.0.1", servers.rabbitmq.port, user, password)
            .virtual_host(vhost)
            .finish();
        let connection =
            within("a broker connection", Connection::open(&arguments)).await.expect("a connection");
        let channel = connection.open_channel(None).await.expect("a channel");
        let transactions = connection.open_channel(None).await.expect("a channel");
        transactions.tx_select().await.expect("transactions");
        let (admin, console) = (servers.rabbitmq_admin(), servers.console.clone());
        Self { connection, channel, transactions, admin, console, vhost: vhost.to_owned() }
    }

    /// Binds a new queue that gets a copy of everything published to an exchange with such a key.
    /// Returns its name.
    pub async fn tap(&self, exchange: &str, key: &str) -> String {
        let queue = format!("tap-{:08x}", rand::random::<u32>());
        self.channel
            .queue_declare(QueueDeclareArguments::transient_autodelete(&queue))
            .await
            .expect("a queue");
        self.channel.queue_bind(QueueBindArguments::new(&queue, exchange, key)).await.expect("a binding");
        queue
    }

    /// Declares a durable queue with these arguments.
    pub async fn declare(&self, queue: &str, arguments: FieldTable) {
        let declaration = QueueDeclareArguments::durable_client_named(queue).arguments(arguments).finish();
        self.channel.queue_declare(declaration).await.expect("a queue");
    }

    /// Publishes a body, and waits until it is in its queues.
    pub async fn publish(&self, exchange: &str, key: &str, properties: BasicProperties, body: &str) {
        let (arguments, body) = (BasicPublishArguments::new(exchange, key), body.as_bytes().to_vec());
        self.transactions.basic_publish(properties, body, arguments).await.expect("published");
        within("a commit", self.transactions.tx_commit()).await.expect("committed");
    }

    /// Publishes bytes, and waits until they are sent. They may reach their queues after the next
    /// operation.
    pub async fn publish_bytes(&self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) {
        let arguments = BasicPublishArguments::new(exchange, key);
        self.channel.basic_publish(properties, body.to_vec(), arguments).await.expect("published");
    }

    /// Waits for the next message of a queue, and acknowledges it.
    pub async fn take(&self, queue: &str) -> Message {
        eventually(&format!("a message in {queue}"), async || self.take_now(queue).await).await
    }

    /// The next message of a queue, acknowledged, if there is one.
    pub async fn take_now(&self, queue: &str) -> Option<Message> {
        let got = self.channel.basic_get(BasicGetArguments::new(queue)).await.expect("the queue exists");
        let (envelope, properties, body) = got?;
        self.channel
            .basic_ack(BasicAckArguments::new(envelope.delivery_tag(), false))
            .await
            .expect("acknowledged");
        Some(Message {
            exchange: envelope.exchange().clone(),
            routing_key: envelope.routing_key().clone(),
            properties,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    /// Waits for the next message of a queue, and rejects it, so that the broker dead-letters it.
    pub async fn reject(&self, queue: &str) {
        let tag = eventually(&format!("a message in {queue}"), async || {
            let got = self.channel.basic_get(BasicGetArguments::new(queue)).await.expect("the queue exists");
            Some(got?.0.delivery_tag())
        })
        .await;
        self.channel.basic_reject(BasicRejectArguments::new(tag, false)).await.expect("rejected");
    }

    /// The number of ready messages in a queue, without unacknowledged ones.
    pub async fn ready(&self, queue: &str) -> u32 {
        self.counts(queue).await.0
    }

    /// The number of consumers of a queue.
    pub async fn consumers(&self, queue: &str) -> u32 {
        self.counts(queue).await.1
    }

    /// Ready messages and consumers.
    async fn counts(&self, queue: &str) -> (u32, u32) {
        let passive = QueueDeclareArguments::new(queue).passive(true).finish();
        let (_, ready, consumers) =
            self.channel.queue_declare(passive).await.expect("the queue exists").expect("an answer");
        (ready, consumers)
    }

    /// Removes all ready messages of a queue.
    pub async fn purge(&self, queue: &str) {
        self.channel.queue_purge(QueuePurgeArguments::new(queue)).await.expect("the queue exists");
    }

    /// Removes all ready messages of a queue, if it exists.
    pub async fn purge_if_there(&self, queue: &str) {
        self.request("DELETE", &format!("/api/queues/{}/{queue}/contents", self.vhost), None).await;
    }

    /// Deletes a queue with its messages.
    pub async fn delete(&self, queue: &str) {
        self.channel.queue_delete(QueueDeleteArguments::new(queue)).await.expect("the queue is free");
    }

    /// The number of messages in these queues, ready and unacknowledged. The queues are asked
    /// directly, because the management API counts only every few seconds, and so do quorum queues.
    pub async fn messages(&self, queues: &[&str]) -> u64 {
        let names: Vec<String> = queues.iter().map(|queue| format!("<<\"{queue}\">>")).collect();
        let count = format!(
            "lists:sum([begin
                {{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"{}\">>, queue, Name)),
                case amqqueue:get_type(Queue) of
                    rabbit_quorum_queue ->
                        Total = fun rabbit_fifo:query_messages_total/1,
                        {{ok, Held, _}} = ra:consistent_query(amqqueue:get_pid(Queue), Total),
                        Held;
                    _ ->
                        [{{messages, Count}}] = rabbit_amqqueue:info(Queue, [messages]),
                        Count
                end
            end || Name <- [{}]]).",
            self.vhost,
            names.join(", ")
        );
        let said = self.console.evaluate(&count).await.expect("the server answers");
        let number = said.trim().strip_prefix("{ok, ").and_then(|rest| rest.strip_suffix('}'));
        number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number: {said}"))
    }

    /// Closes every connection to the vhost, including this one, as an operator would. It waits
    /// until this number of connections is listed, because the management API lists a connection
    /// some seconds late.
    pub async fn close_all_connections(&self, count: usize) {
        let names = eventually(&format!("{count} connections"), async || {
            let names = self.connections("name").await;
            (names.len() >= count).then_some(names)
        })
        .await;
        for name in &names {
            // It may have ended in the meantime.
            self.request("DELETE", &format!("/api/connections/{}", path_segment(name)), None).await;
        }
    }

    /// The names under which the management API lists the connections to the vhost. It knows of a
    /// connection some seconds after it was made.
    pub async fn connection_names(&self) -> Vec<String> {
        self.connections("user_provided_name").await
    }

    /// The names of all queues of the vhost.
    pub async fn queue_names(&self) -> Vec<String> {
        let queues = self.management(&format!("/api/queues/{}", self.vhost)).await;
        let name = |queue: &Value| Some(queue["name"].as_str()?.to_owned());
        queues.as_array().expect("a list").iter().filter_map(name).collect()
    }

    /// A field of each connection to the vhost.
    async fn connections(&self, field: &str) -> Vec<String> {
        let connections = self.management(&format!("/api/vhosts/{}/connections", self.vhost)).await;
        let text = |connection: &Value| Some(connection[field].as_str()?.to_owned());
        connections.as_array().expect("a list").iter().filter_map(text).collect()
    }

    /// Makes the server lose a queue: it still knows the name, but no longer where the queue is.
    pub async fn lose(&self, queue: &str) {
        self.evaluate(&format!("mnesia:dirty_delete(rabbit_queue, {}).", self.resource(queue))).await;
    }

    /// Frees the name of a lost queue, with the documented expression ("A queue that the broker has
    /// lost").
    pub async fn free_name(&self, queue: &str) {
        let resource = self.resource(queue);
        self.evaluate(&format!("rabbit_amqqueue:internal_delete({resource}, <<\"admin\">>).")).await;
    }

    /// Makes a queue hang: its process accepts messages and does not process them. It must be
    /// [resumed](Self::resume), or the vhost cannot be deleted.
    pub async fn suspend(&self, queue: &str) {
        self.evaluate(&format!("sys:suspend({}).", self.process(queue))).await;
    }

    /// Resumes a hanging queue.
    pub async fn resume(&self, queue: &str) {
        self.evaluate(&format!("sys:resume({}).", self.process(queue))).await;
    }

    fn process(&self, queue: &str) -> String {
        format!("amqqueue:get_pid(element(2, {{ok, _}} = rabbit_amqqueue:lookup({})))", self.resource(queue))
    }

    fn resource(&self, queue: &str) -> String {
        format!("rabbit_misc:r(<<\"{}\">>, queue, <<\"{queue}\">>)", self.vhost)
    }

    async fn evaluate(&self, expression: &str) {
        let answer = self.console.evaluate(expression).await.expect("an answer");
        assert!(answer.contains("{ok, ok}"), "{expression}: {answer}");
    }

    /// Deletes an exchange with its bindings.
    pub async fn delete_exchange(&self, exchange: &str) {
        self.change("DELETE", &format!("/api/exchanges/{}/{exchange}", self.vhost), None).await;
    }

    /// Removes the binding between an exchange and a queue.
    pub async fn unbind(&self, exchange: &str, queue: &str) {
        let path = format!("/api/bindings/{}/e/{exchange}/q/{queue}", self.vhost);
        let bindings = self.management(&path).await;
        for binding in bindings.as_array().expect("a list") {
            let key = path_segment(binding["properties_key"].as_str().expect("a key"));
            self.change("DELETE", &format!("{path}/{key}"), None).await;
        }
    }

    /// Sets an operator policy for the queues whose names match a pattern.
    pub async fn set_policy(&self, name: &str, pattern: &str, definition: Value) {
        let body = serde_json::json!({"pattern": pattern, "definition": definition, "apply-to": "queues"});
        self.change("PUT", &format!("/api/policies/{}/{name}", self.vhost), Some(&body.to_string())).await;
    }

    /// Removes a policy.
    pub async fn clear_policy(&self, name: &str) {
        self.change("DELETE", &format!("/api/policies/{}/{name}", self.vhost), None).await;
    }

    /// Allows the vhost this many queues; with fewer than it has, none can be declared anew. A
    /// negative number lifts the limit.
    pub async fn limit_queues(&self, most: i32) {
        let path = format!("/api/vhost-limits/{}/max-queues", self.vhost);
        let body = serde_json::json!({"value": most});
        self.change("PUT", &path, Some(&body.to_string())).await;
    }

    /// A queue in the management API: `durable`, `arguments`, `type` and so on.
    pub async fn queue(&self, queue: &str) -> Value {
        self.management(&format!("/api/queues/{}/{queue}", self.vhost)).await
    }

    /// An exchange in the management API.
    pub async fn exchange(&self, exchange: &str) -> Value {
        self.management(&format!("/api/exchanges/{}/{exchange}", self.vhost)).await
    }

    /// All bindings of the vhost in the management API.
    pub async fn bindings(&self) -> Value {
        self.management(&format!("/api/bindings/{}", self.vhost)).await
    }

    async fn management(&self, path: &str) -> Value {
        let (_, body) = self.request("GET", path, None).await;
        serde_json::from_str(&body).unwrap_or_else(|why| panic!("{path}: {why}: {body}"))
    }

    async fn change(&self, method: &str, path: &str, body: Option<&str>) {
        let (status, answer) = self.request(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    }

    async fn request(&self, method: &str, path: &str, body: Option<&str>) -> (u16, String) {
        let answer = self.admin.request(method, path, body).await;
        let answer = answer.unwrap_or_else(|why| panic!("{method} {path}: {why}"));
        (answer.status, answer.body)
    }

    /// Closes the connection.
    pub async fn close(self) {
        let _ = self.connection.close().await;
    }
}
