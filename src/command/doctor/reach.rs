//! Whether somebody listens where a proxy is said to be.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::features::address::Address;
use crate::features::as_user;
use crate::namespace::privileges::caller;
use crate::system::error::Context;

/// How long a proxy may take to accept a connection, and a name to be found.
const PATIENCE: Duration = Duration::from_secs(3);

/// Connects to the first address that takes it.
///
/// # Errors
/// A phrase that says why nobody is reached.
pub fn reach(proxy: &Address<'_>) -> Result<(), String> {
    let (host, port) = proxy.endpoint().ok_or("this is no address with a port")?;
    let mut last = "the name has no address".to_owned();
    for address in addresses(host, port)?.into_iter().take(2) {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// The addresses of a name. It is looked up in a process of its own: a server that never answers holds up the library's
/// function as long as resolv.conf says.
fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let mut said = String::new();
    let asked = as_user::read(
        caller(),
        PATIENCE,
        |pipe| match (host, port).to_socket_addrs() {
            Ok(found) => found.take(2).try_for_each(|address| writeln!(pipe, "{address}")),
            Err(error) => writeln!(pipe, "{error}"),
        },
        |pipe| pipe.take(4096).read_to_string(&mut said).doing("look the name up"),
    );
    asked.map_err(|error| error.to_string())?;
    let found: Vec<_> = said.lines().filter_map(|line| line.parse().ok()).collect();
    if found.is_empty() && !said.is_empty() { Err(said.trim().to_owned()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_reached_and_nobody_else() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let reached = |text: String| reach(&Address::parse(&text));
        assert_eq!(reached(format!("http://127.0.0.1:{port}")), Ok(()));
        assert_eq!(reached(format!("127.0.0.1:{port}/")), Ok(()));
        drop(listener);
        assert!(reached(format!("http://127.0.0.1:{port}")).is_err());
        assert_eq!(reached("http://".into()).unwrap_err(), "this is no address with a port");
    }
}
