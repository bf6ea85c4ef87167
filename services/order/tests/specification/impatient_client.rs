//! A client that places an order and does not wait for the answer.

use testkit::orders::takeout;
use testkit::{Service, eventually};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// A client that has sent its order.
pub struct ImpatientClient<'a> {
    service: &'a Service,
    connection: TcpStream,
}

impl<'a> ImpatientClient<'a> {
    /// Sends an order.
    pub async fn of(service: &'a Service) -> Self {
        let body = takeout().to_string();
        let length = body.len();
        let request = format!(
            "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let mut connection = TcpStream::connect(("127.0.0.1", service.port())).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        Self { service, connection }
    }

    /// Resets the connection, and waits until the service has noticed.
    pub async fn hang_up(self) {
        let inode = self.inode();
        let Self { service, connection } = self;
        connection.set_zero_linger().unwrap();
        drop(connection);
        let socket = format!("socket:[{inode}]");
        eventually("the service to notice", async || {
            let files = std::fs::read_dir(format!("/proc/{}/fd", service.pid())).unwrap();
            let mut targets = files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok());
            (!targets.any(|target| target.as_os_str() == socket.as_str())).then_some(())
        })
        .await;
    }

    /// The service's end of the connection.
    fn inode(&self) -> String {
        let own_port = self.connection.local_addr().unwrap().port();
        let ends = format!(" 0100007F:{:04X} 0100007F:{own_port:04X} ", self.service.port());
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let line = sockets.lines().find(|line| line.contains(&ends)).expect("the connection");
        line.split_whitespace().nth(9).expect("as in proc(5)").to_owned()
    }
}
