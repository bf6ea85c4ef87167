//! Binds the port that a server listens on.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, SockAddr, Socket, Type};

/// Length of the accept queue. The system may limit it further (`net.core.somaxconn`).
const BACKLOG: i32 = 1_024;
/// The kernel's buffers of a connection, in bytes. Its defaults grow to megabytes for a client that
/// sends but does not read. Responses and bodies are small.
const SEND_BUFFER: usize = 8 * 1_024;
const RECEIVE_BUFFER: usize = 8 * 1_024;
/// What both buffers may occupy: the kernel doubles them for its bookkeeping. They count towards a
/// container's limit.
pub(crate) const KERNEL_BUFFERS: usize = 2 * (SEND_BUFFER + RECEIVE_BUFFER);

/// Why a service cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {why}{}", hint(why, settings))]
pub struct BindError {
    address: SocketAddr,
    settings: &'static Settings,
    why: std::io::Error,
}

/// Where port and address of a listener are set.
#[derive(Debug)]
struct Settings {
    port: &'static str,
    bind: &'static str,
}

const PUBLIC: Settings = Settings { port: "--port", bind: "http.bind (HTTP_BIND)" };
const ADMIN: Settings = Settings { port: "admin.port (ADMIN_PORT)", bind: "admin.bind (ADMIN_BIND)" };
const EXPORTER: Settings = Settings { port: "--port", bind: "admin.bind (ADMIN_BIND)" };

fn hint(why: &std::io::Error, Settings { port, bind }: &Settings) -> String {
    match why.kind() {
        ErrorKind::AddrInUse => {
            format!(". Another program uses this port: stop it, or choose another with {port}")
        }
        ErrorKind::PermissionDenied => {
            format!(". Ports below 1024 need privileges: choose another with {port}")
        }
        ErrorKind::AddrNotAvailable => format!(". This machine has no such address: check {bind}"),
        _ => String::new(),
    }
}

/// Binds the port. With 0 the system chooses one, which the listener can be asked for. `::` means
/// all addresses of both families, or of IPv4 on a machine without IPv6.
///
/// # Errors
/// The address or the port is not available.
pub fn listen(address: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    listen_by(&PUBLIC, address, port)
}

/// As [`listen`], for the admin listener: an error names its settings.
///
/// # Errors
/// The address or the port is not available.
pub fn listen_for_admin(address: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    listen_by(&ADMIN, address, port)
}

/// As [`listen`], for the exporter.
///
/// # Errors
/// The address or the port is not available.
pub fn listen_for_exporter(address: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    listen_by(&EXPORTER, address, port)
}

fn listen_by(settings: &'static Settings, address: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    let cannot = |address| move |why| BindError { address: SocketAddr::new(address, port), settings, why };
    match bind(address, port) {
        Err(why) if address == Ipv6Addr::UNSPECIFIED && is_without_ipv6(&why) => {
            let address = Ipv4Addr::UNSPECIFIED.into();
            bind(address, port).map_err(cannot(address))
        }
        bound => bound.map_err(cannot(address)),
    }
}

fn bind(address: IpAddr, port: u16) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address((address, port).into()), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(address != Ipv6Addr::UNSPECIFIED)?;
    }
    // Like std: closing connections of an earlier server must not block the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    // Accepted connections inherit both sizes.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(&SockAddr::from(SocketAddr::new(address, port)))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Whether binding failed because IPv6 is missing or disabled on this machine.
pub(crate) fn is_without_ipv6(why: &std::io::Error) -> bool {
    let no_such_family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    matches!(why.kind(), ErrorKind::AddrNotAvailable | ErrorKind::NetworkUnreachable | ErrorKind::Unsupported)
        || why.raw_os_error() == Some(no_such_family)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn the_kernel_keeps_no_more_for_a_connection_than_is_counted() {
        let listener = listen(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let accepted = Socket::from(listener.accept().unwrap().0);
        let both = accepted.send_buffer_size().unwrap() + accepted.recv_buffer_size().unwrap();
        assert!(both <= KERNEL_BUFFERS, "{both}");
    }

    #[test]
    fn all_addresses_are_those_of_both_families() {
        let listener = listen(Ipv6Addr::UNSPECIFIED.into(), 0).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        match TcpStream::connect((Ipv6Addr::LOCALHOST, port)) {
            Ok(_) => {}
            Err(why) => assert!(is_without_ipv6(&why), "{why}"),
        }
    }

    #[test]
    fn a_port_that_is_taken_is_named_with_what_to_do() {
        let taken = listen(Ipv4Addr::LOCALHOST.into(), 0).unwrap();
        let why = listen(Ipv4Addr::LOCALHOST.into(), taken.local_addr().unwrap().port()).unwrap_err();
        assert!(why.to_string().contains("choose another with --port"), "{why}");
        let why =
            listen_for_admin(Ipv4Addr::LOCALHOST.into(), taken.local_addr().unwrap().port()).unwrap_err();
        assert!(why.to_string().contains("choose another with admin.port (ADMIN_PORT)"), "{why}");
    }
}
