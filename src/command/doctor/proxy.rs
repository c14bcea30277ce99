//! Variables of a proxy: WSL gives those of Windows to shells (W§6.3), and nobody gives them to services.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::super::finding::{Finding, FindingKind, finding};
use crate::features::proxy::{FILE, without_password};

const ADVICE: &str = "networking.proxy.default sets all of them for shells and services; autoProxy in .wslconfig is \
                      Windows' part";
/// How long a proxy may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// The variables of this process that are about a proxy and not empty.
#[must_use]
pub fn variables() -> BTreeMap<String, String> {
    parse(
        std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())),
    )
}

/// Those of a list that are.
pub fn parse(list: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let about = |name: &str| {
        ["http_proxy", "https_proxy", "no_proxy"].iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    list.filter(|(name, value)| about(name) && !value.is_empty()).collect()
}

/// Whether every program that takes a variable takes the same one.
#[must_use]
pub fn examine(variables: &BTreeMap<String, String>) -> Vec<Finding> {
    let get = |name: &str| variables.get(name);
    let either = |name: &str| get(name).or_else(|| get(&name.to_ascii_uppercase()));
    let mut findings = Vec::new();
    let mut push = |fault: String| findings.push(finding(FindingKind::Proxy, fault, ADVICE));
    // curl and Nix take no HTTP_PROXY in capital letters, because a web server's scripts get one from strangers.
    for name in ["http_proxy", "https_proxy"] {
        let capital = name.to_ascii_uppercase();
        match (get(name), get(&capital)) {
            (None, Some(_)) => push(format!("{capital} is set and {name} is not, which curl and Nix read")),
            (Some(one), Some(other)) if one != other => {
                push(format!("{name} and {capital} name two proxies, and each program takes its own"));
            }
            _ => {}
        }
    }
    let half = match (either("http_proxy"), either("https_proxy")) {
        (Some(_), None) => Some("http_proxy is set and https_proxy is not: downloads go without a proxy"),
        (None, Some(_)) => Some("https_proxy is set and http_proxy is not"),
        _ => None,
    };
    if let Some(fault) = half {
        push(fault.into());
    }
    findings
}

/// Whether somebody listens where the variables say that a proxy is, and the file that services read.
pub fn unreachable(variables: &BTreeMap<String, String>) -> Vec<Finding> {
    let services = fs::read_to_string(FILE).unwrap_or_default();
    let services = services.lines().filter_map(|line| line.split_once('='));
    let services = parse(services.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let named = variables.iter().chain(&services);
    let proxies = named.filter(|(name, _)| !name.eq_ignore_ascii_case("no_proxy")).map(|(_, value)| value);
    let proxies: BTreeSet<&String> = proxies.collect();
    let advice = "start the proxy, or take it out of networking.proxy or of Windows' settings: until then nothing is downloaded";
    let fault = |proxy: &&String| {
        let reason = reach(proxy).err()?;
        let fault = format!("no proxy answers at {}: {reason}", without_password(proxy));
        Some(finding(FindingKind::ProxyUnreachable, fault, advice))
    };
    proxies.iter().filter_map(fault).collect()
}

/// Connects to the first address that takes it.
fn reach(proxy: &str) -> Result<(), String> {
    let (host, port) = address(proxy).ok_or("this is no address with a port")?;
    let addresses = (host, port).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut last = "the name has no address".to_owned();
    for address in addresses.take(2) {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

/// Host and port; the ports that are left out are those that curl takes.
fn address(proxy: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("", proxy));
    let rest = rest.split('/').next()?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (rest, if scheme == "https" { 443 } else { 1080 }),
    };
    Some((host.trim_matches(['[', ']']), port)).filter(|(host, _)| !host.is_empty())
}

/// Whether the service that downloads for everybody has the proxy of this shell.
#[must_use]
pub fn service(variables: &BTreeMap<String, String>, unit: &str, environment: &str) -> Option<Finding> {
    // What Windows' proxy is, the service reads from a file that is empty where there is none.
    let filled = environment.contains(FILE) && fs::metadata(FILE).is_ok_and(|file| file.len() > 0);
    let set = |text: &str| filled || text.to_ascii_lowercase().contains("https_proxy=");
    let here = variables.keys().any(|name| name.eq_ignore_ascii_case("https_proxy"));
    (here && !set(environment)).then(|| {
        finding(
            FindingKind::Proxy,
            format!(
                "https_proxy is set in this shell and not for {unit}, whose downloads go without a proxy"
            ),
            ADVICE,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(list: &[(&str, &str)]) -> usize {
        let list = list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        examine(&parse(list)).len()
    }

    #[test]
    fn halves_of_a_proxy_are_named() {
        let all = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"].map(|name| (name, "http://p:1"));
        assert_eq!(found(&all), 0);
        assert_eq!(found(&[]), 0);
        assert_eq!(found(&all[..2]), 1, "nothing for https");
        assert_eq!(found(&[("HTTP_PROXY", "a"), ("HTTPS_PROXY", "a")]), 2, "capitals alone");
        assert_eq!(found(&[("http_proxy", "a"), ("HTTP_PROXY", "b"), ("https_proxy", "a")]), 1);
        assert_eq!(found(&[("http_proxy", ""), ("no_proxy", "localhost"), ("PATH", "/")]), 0);
    }

    #[test]
    fn a_proxy_that_nobody_answers_for_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let named = |proxy: String| unreachable(&parse([("https_proxy".to_owned(), proxy)].into_iter()));
        assert_eq!(named(format!("http://127.0.0.1:{port}")), []);
        assert_eq!(named(format!("127.0.0.1:{port}/")), []);
        drop(listener);
        let found = named(format!("http://me:secret@127.0.0.1:{port}"));
        assert_eq!(found.len(), 1, "{found:?}");
        let fault = &found[0].fault;
        assert!(
            fault.contains(&format!("at http://127.0.0.1:{port}: ")) && !fault.contains("secret"),
            "{fault}"
        );
        assert!(
            unreachable(&parse([("no_proxy".to_owned(), "127.0.0.1:1".to_owned())].into_iter())).is_empty()
        );
    }

    #[test]
    fn addresses_are_those_that_curl_reads() {
        for (proxy, expected) in [
            ("http://p.example:3128", Some(("p.example", 3128))),
            ("p.example:80/x", Some(("p.example", 80))),
            ("https://u:p@[::1]:1", Some(("::1", 1))),
            ("https://p.example", Some(("p.example", 443))),
            ("socks5h://[::1]", Some(("::1", 1080))),
            ("http://p.example:x", None),
            ("http://", None),
        ] {
            assert_eq!(address(proxy), expected, "{proxy}");
        }
    }

    #[test]
    fn a_service_without_the_proxy_is_named() {
        let here = parse([("https_proxy".to_owned(), "http://p:1".to_owned())].into_iter());
        assert!(service(&here, "nix-daemon.service", "PATH=/x CURL_CA_BUNDLE=/y").is_some());
        assert!(service(&here, "nix-daemon.service", "PATH=/x https_proxy=http://p:1").is_none());
        assert!(service(&BTreeMap::new(), "nix-daemon.service", "PATH=/x").is_none());
    }
}
