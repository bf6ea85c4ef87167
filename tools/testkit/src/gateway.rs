//! A gateway in front of several services, as nginx would be: one address, and a path for each.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::wait::DEADLINE;

const MAX_HEAD: usize = 64 << 10;
const NOTHING_HERE: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What a gateway does with the path of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// The service sees paths without it.
    Stripped,
    /// The service sees paths as the browser asked for them.
    PassedOn,
}

/// A running gateway. Dropping it ends it, and all its connections.
pub struct Gateway {
    port: u16,
    _serving: JoinSet<()>,
}

/// Where requests go.
struct Routes {
    prefix: Prefix,
    /// Paths such as `/r/order`, and the ports of the services on 127.0.0.1.
    services: Vec<(&'static str, u16)>,
}

impl Gateway {
    /// Opens one for services at these paths. They may start later.
    pub async fn open(prefix: Prefix, services: &[(&'static str, u16)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let routes = Arc::new(Routes { prefix, services: services.to_vec() });
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        // Such as too many open files, which would be so again at once.
                        let Ok((client, _)) = accepted else { break };
                        let routes = Arc::clone(&routes);
                        // A browser may close a connection whenever it wants, and a service too.
                        connections.spawn(async move { drop(routes.serve(client).await) });
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { port, _serving: serving }
    }

    /// The port that browsers ask.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Routes {
    /// Answers one request. Both connections end with it.
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        // A browser also opens connections on which it then asks nothing.
        let begun = timeout(DEADLINE, self.begin(&mut client)).await.map_err(io::Error::from)?;
        let Some(mut server) = begun? else { return Ok(()) };
        copy_bidirectional(&mut client, &mut server).await.map(drop)
    }

    /// Reads the head of a request, and hands it on to its service. `None`: there is none.
    async fn begin(&self, client: &mut TcpStream) -> io::Result<Option<TcpStream>> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
                break end + 4;
            }
            if bytes.len() > MAX_HEAD || client.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        };
        let Some((port, head)) = self.forwarded(&String::from_utf8_lossy(&bytes[..end])) else {
            return client.write_all(NOTHING_HERE).await.map(|()| None);
        };
        let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
        server.write_all(head.as_bytes()).await?;
        server.write_all(&bytes[end..]).await?;
        Ok(Some(server))
    }

    /// The port of the service that a request is for, and the head that it gets. As with nginx,
    /// `Host` is the service's own, unless somebody configures it otherwise.
    fn forwarded(&self, head: &str) -> Option<(u16, String)> {
        let (first, rest) = head.split_once("\r\n")?;
        let mut words = first.splitn(3, ' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        let (path, port, below) = self.services.iter().find_map(|(path, port)| {
            let below = target.strip_prefix(path)?;
            (below.is_empty() || below.starts_with(['/', '?'])).then_some((*path, *port, below))
        })?;
        let target = match self.prefix {
            Prefix::PassedOn => format!("{path}{below}"),
            // Relative links of a page there would lead beside it: a gateway redirects.
            Prefix::Stripped if !below.starts_with('/') => return None,
            Prefix::Stripped => below.to_owned(),
        };
        let is_ours = |line: &str| {
            let name = line.split(':').next().unwrap_or_default();
            name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case("connection")
        };
        let kept: String = rest
            .split_terminator("\r\n")
            .filter(|line| !line.is_empty() && !is_ours(line))
            .flat_map(|line| [line, "\r\n"])
            .collect();
        let own = format!("Host: 127.0.0.1:{port}\r\nConnection: close\r\n");
        Some((port, format!("{method} {target} {version}\r\n{own}{kept}\r\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: [(&str, u16); 2] = [("/r/order", 3000), ("/r/tracking", 3002)];

    fn forwarded(prefix: Prefix, target: &str) -> Option<(u16, String)> {
        let routes = Routes { prefix, services: SERVICES.to_vec() };
        let head = format!("GET {target} HTTP/1.1\r\nHOST: x:1\r\nconnection: keep-alive\r\nA: b\r\n\r\n");
        routes.forwarded(&head)
    }

    #[test]
    fn a_request_goes_to_the_service_of_its_path() {
        let head = |port, target: &str| {
            let rest = "Connection: close\r\nA: b\r\n\r\n";
            Some((port, format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{rest}")))
        };
        for (target, passed_on, stripped) in [
            ("/r/order/", head(3000, "/r/order/"), head(3000, "/")),
            (
                "/r/tracking/board?lang=ar",
                head(3002, "/r/tracking/board?lang=ar"),
                head(3002, "/board?lang=ar"),
            ),
            ("/r/order", head(3000, "/r/order"), None),
            ("/r/orders", None, None),
            ("/board", None, None),
        ] {
            assert_eq!(forwarded(Prefix::PassedOn, target), passed_on, "{target}");
            assert_eq!(forwarded(Prefix::Stripped, target), stripped, "{target}");
        }
    }
}
