//! The settings of a private RabbitMQ server.

use std::ffi::OsString;
use std::path::Path;

use secrecy::ExposeSecret;

use super::cluster::Membership;
use super::home::Home;
use super::{Ports, RabbitmqOptions, RabbitmqTls};
use crate::server_tls::{CERTIFICATE, CLIENTS, KEY};
use crate::{Credentials, tool};

/// `+S`: two schedulers are enough for development, and need less memory than one per core.
///
/// `+hmbs`, in words of 8 bytes: as soon as the messages waiting in a queue exceed this, every
/// garbage collection of Erlang 25 scans all that the queue holds, old or new. With the default of
/// 371 kB, a fifth to a quarter of RabbitMQ's time was spent there. With four times this value, a
/// fast-growing queue reached RabbitMQ's memory limit before it was collected.
const ERLANG_ARGUMENTS: &str = "-noinput +S 2:2 +hmbs 2000000 -kernel inet_dist_use_interface {127,0,0,1}";

/// For a node of a cluster, of which a machine runs several.
const ERLANG_ARGUMENTS_OF_MEMBERS: &str =
    "-noinput +S 1:1 +hmbs 500000 -kernel inet_dist_use_interface {127,0,0,1}";

/// The largest accepted message, in bytes. `bus::message::LARGEST_ORDER` is far below. Docker and
/// Kubernetes use the same limit (`deploy/`).
const MAX_MESSAGE_SIZE: usize = 4_194_304;

/// `rabbitmq.conf`.
pub(super) fn rabbitmq_conf(ports: Ports) -> String {
    let Ports { amqp, management, .. } = ports;
    format!(
        "# Written anew at every start.\n\
         listeners.tcp.1 = 127.0.0.1:{amqp}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {management}\n\
         # Not a share of the whole machine's memory.\n\
         vm_memory_high_watermark.absolute = 1500MB\n\
         disk_free_limit.absolute = 50MB\n\
         # An order has some kilobytes: a message that fills the memory of its reader is refused here.\n\
         max_message_size = {MAX_MESSAGE_SIZE}\n\
         log.console = true\n\
         log.console.level = info\n\
         log.file = false\n"
    )
}

/// The lines of `rabbitmq.conf` for a node of a cluster. The first node to start finds no other one
/// and stays alone; each further one joins it. A node that sees less than half of the others stops
/// serving, so that there are never two clusters. The log of quorum queues is cut early: by default
/// it grows to 512 MB.
pub(super) fn clustering(membership: &Membership) -> String {
    let lines = "cluster_formation.peer_discovery_backend = classic_config\n\
                     cluster_partition_handling = pause_minority\n\
                     raft.wal_max_size_bytes = 33554432\n"
        .to_owned();
    let node =
        |(number, node): (u8, String)| format!("cluster_formation.classic_config.nodes.{number} = {node}\n");
    (1..).zip(membership.nodes()).map(node).fold(lines, |lines, node: String| lines + &node)
}

/// The lines of `rabbitmq.conf` for TLS, of AMQP and of the management plugin. A client may log in
/// over AMQP by its certificate, as the user of its common name.
pub(super) fn encryption(tls: &RabbitmqTls, ports: Ports, folder: &Path) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    let clients = if tls.certificate.clients.is_some() {
        format!(
            "ssl_options.cacertfile = {clients}\n\
             ssl_options.verify = verify_peer\n\
             ssl_options.fail_if_no_peer_cert = {demands}\n\
             management.ssl.cacertfile = {clients}\n\
             management.ssl.verify = verify_peer\n\
             management.ssl.fail_if_no_peer_cert = {demands}\n\
             ssl_cert_login_from = common_name\n\
             auth_mechanisms.1 = PLAIN\n\
             auth_mechanisms.2 = AMQPLAIN\n\
             auth_mechanisms.3 = EXTERNAL\n",
            clients = path(CLIENTS),
            demands = tls.demands_certificate,
        )
    } else {
        "ssl_options.verify = verify_none\n".to_owned()
    };
    format!(
        "listeners.ssl.1 = 127.0.0.1:{}\n\
         ssl_options.certfile = {certificate}\n\
         ssl_options.keyfile = {key}\n\
         management.ssl.ip = 127.0.0.1\n\
         management.ssl.port = {}\n\
         management.ssl.certfile = {certificate}\n\
         management.ssl.keyfile = {key}\n\
         {clients}",
        ports.amqps,
        ports.management_over_tls,
        certificate = path(CERTIFICATE),
        key = path(KEY),
    )
}

/// The lines of `rabbitmq.conf` for the plugin that Prometheus asks. They are wrong without it.
pub(super) fn metrics(ports: Ports) -> String {
    format!("prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {}\n", ports.metrics)
}

/// `enabled_plugins`.
pub(super) fn plugins(options: &RabbitmqOptions) -> String {
    let knows_clients = options.tls.as_ref().is_some_and(|tls| tls.certificate.clients.is_some());
    let mut plugins = vec!["rabbitmq_management"];
    plugins.extend(knows_clients.then_some("rabbitmq_auth_mechanism_ssl"));
    plugins.extend(options.shows_metrics.then_some("rabbitmq_prometheus"));
    format!("[{}].\n", plugins.join(","))
}

/// `advanced.config`. Here a name or password may contain every character, and a setting that a
/// version does not know is ignored.
///
/// Version 2 of classic queues, which is the only one in RabbitMQ 4: it confirms after writing, and
/// does not sync one file per confirm and priority as version 1 does. The database still has what a
/// power cut removes from it. An order without others in parallel takes about 1 ms longer.
///
/// RabbitMQ 3 moves messages to disk from a third of the memory limit on. RabbitMQ 4 does so by
/// default.
pub(super) fn advanced_config(credentials: &Credentials) -> String {
    format!(
        "[{{rabbit, [{{default_user, {}}}, {{default_pass, {}}},\n  \
         {{classic_queue_default_version, 2}},\n  \
         {{vm_memory_high_watermark_paging_ratio, 0.33}}]}}].\n",
        binary(&credentials.user),
        binary(credentials.password.expose_secret())
    )
}

/// An Erlang binary, byte by byte.
fn binary(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    format!("<<{}>>", bytes.join(","))
}

/// All variables that RabbitMQ's scripts read, pointing into the folder.
pub(super) fn environment(
    folder: &Path,
    home: &Home,
    ports: Ports,
    node: &str,
    is_member: bool,
) -> Vec<(OsString, OsString)> {
    let arguments = if is_member { ERLANG_ARGUMENTS_OF_MEMBERS } else { ERLANG_ARGUMENTS };
    let in_folder = |name: &str| folder.join(name).into_os_string();
    let text = |value: &str| OsString::from(value);
    let mut variables = tool::clean_environment();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(home.erlang.clone()).chain(std::env::split_paths(&path));
    variables.extend(
        [
            // Beside the cookie: `erl` of the right installation is found first.
            ("PATH", std::env::join_paths(path).unwrap_or_default()),
            ("HOME", in_folder("")),
            ("RABBITMQ_SCRIPTS_DIR", home.path.join("sbin").into_os_string()),
            ("RABBITMQ_NODENAME", text(node)),
            ("RABBITMQ_USE_LONGNAME", text("true")),
            ("RABBITMQ_DIST_PORT", text(&ports.distribution.to_string())),
            // Only to keep those of the system from being read.
            ("RABBITMQ_CONF_ENV_FILE", in_folder("rabbitmq-env.conf")),
            ("RABBITMQ_CONFIG_FILE", in_folder("rabbitmq.conf")),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", in_folder("advanced.config")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", in_folder("enabled_plugins")),
            ("RABBITMQ_MNESIA_BASE", in_folder("data")),
            ("RABBITMQ_LOG_BASE", in_folder("logs")),
            ("RABBITMQ_FEATURE_FLAGS_FILE", in_folder("feature_flags")),
            ("RABBITMQ_PID_FILE", in_folder("rabbitmq.pid")),
            ("RABBITMQ_LOGS", text("-")),
            ("RABBITMQ_LOG", text("-color")),
            // With this, the script replaces itself by Erlang instead of waiting for it, so its
            // process is the server's.
            ("RABBITMQ_ALLOW_INPUT", text("true")),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", text(arguments)),
            ("ERL_EPMD_ADDRESS", text("127.0.0.1")),
            ("ERL_EPMD_PORT", text(&ports.epmd.to_string())),
            // Otherwise Erlang starts an epmd that nothing ends.
            ("ERL_AFLAGS", text("-start_epmd false")),
            ("ERL_CRASH_DUMP_SECONDS", text("0")),
        ]
        .map(|(name, value)| (OsString::from(name), value)),
    );
    if let Some(libraries) = &home.programs.libraries {
        variables.push(("LD_LIBRARY_PATH".into(), libraries.clone()));
    }
    if let Some(unpacked) = &home.unpacked {
        variables.push((
            crate::programs::ERLANG_ROOT.into(),
            unpacked.path().join("usr/lib/erlang").into_os_string(),
        ));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_watched_has_the_plugin_for_it() {
        let options = RabbitmqOptions::default();
        assert_eq!(plugins(&options), "[rabbitmq_management].\n");
        let options = RabbitmqOptions { shows_metrics: true, ..options };
        assert_eq!(plugins(&options), "[rabbitmq_management,rabbitmq_prometheus].\n");
    }

    #[test]
    fn a_password_may_contain_anything() {
        let credentials = Credentials { user: "a".to_owned(), password: "\"#>é".into() };
        let written = advanced_config(&credentials);
        assert!(
            written.starts_with("[{rabbit, [{default_user, <<97>>}, {default_pass, <<34,35,62,195,169>>},\n"),
            "{written}"
        );
    }
}
