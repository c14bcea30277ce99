//! Variables of a proxy: WSL gives those of Windows to shells (W§6.3), and nobody gives them to services.

use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::{OFlags, fstat};

use super::super::finding::{FILE_LIMIT, Finding, FindingKind, finding};
use super::reach::reach;
use crate::features::address::Address;
use crate::features::proxy::FILE;
use crate::system::root::Root;

const ADVICE: &str = "networking.proxy.default sets all of them for shells and services; autoProxy in .wslconfig is \
                      Windows' part";

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

/// Those that services read (`wsl.proxy.fromWindows`); nothing for who may not read them.
fn of_services(root: &Root) -> Option<BTreeMap<String, String>> {
    let text = root.read(FILE, FILE_LIMIT).ok()?;
    let text = String::from_utf8_lossy(&text);
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Some(parse(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))))
}

/// Whether somebody listens where the variables say that a proxy is, and the file that services read.
pub fn unreachable(root: &Root, variables: &BTreeMap<String, String>) -> Vec<Finding> {
    let services = of_services(root).unwrap_or_default();
    let named = variables.iter().chain(&services);
    let proxies = named.filter(|(name, _)| !name.eq_ignore_ascii_case("no_proxy")).map(|(_, value)| value);
    let proxies: BTreeSet<&String> = proxies.collect();
    let advice = "start the proxy, or take it out of networking.proxy or of Windows' settings: until then nothing is downloaded";
    let fault = |proxy: &&String| {
        let proxy = Address::parse(proxy);
        let reason = reach(&proxy).err()?;
        let fault = format!("no proxy answers at {proxy}: {reason}");
        Some(finding(FindingKind::ProxyUnreachable, fault, advice))
    };
    proxies.iter().filter_map(fault).collect()
}

/// Whether the service that downloads for everybody has the proxy of this shell.
#[must_use]
pub fn service(
    root: &Root,
    variables: &BTreeMap<String, String>,
    unit: &str,
    environment: &str,
) -> Option<Finding> {
    let https = |variables: &BTreeMap<String, String>| {
        variables.keys().any(|name| name.eq_ignore_ascii_case("https_proxy"))
    };
    // What Windows' proxy is, the service reads from a file, which is empty where there is none. Others than root see its size.
    let size = || root.open(FILE, OFlags::PATH).and_then(fstat).map_or(0, |file| file.st_size);
    let filled = environment.contains(FILE)
        && of_services(root).map_or_else(|| size() > 0, |services| https(&services));
    let set = |text: &str| filled || text.to_ascii_lowercase().contains("https_proxy=");
    let here = https(variables);
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

    /// A root where services read this.
    fn services(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let file = Root::new(folder.path()).path(FILE);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        folder
    }

    #[test]
    fn a_proxy_that_nobody_answers_for_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let proxy = format!("http://me:secret@127.0.0.1:{port}");
        let nothing = services("");
        let variables = |name: &str| parse([(name.to_owned(), proxy.clone())].into_iter());
        let found = unreachable(&Root::new(nothing.path()), &variables("https_proxy"));
        assert_eq!(found.len(), 1, "{found:?}");
        let fault = &found[0].fault;
        assert!(
            fault.contains(&format!("at http://127.0.0.1:{port}: ")) && !fault.contains("secret"),
            "{fault}"
        );
        assert_eq!(unreachable(&Root::new(nothing.path()), &variables("no_proxy")), []);
        let here = services(&format!("http_proxy={proxy}\nno_proxy=localhost\n"));
        assert_eq!(unreachable(&Root::new(here.path()), &BTreeMap::new()), found);
    }

    #[test]
    fn a_service_without_the_proxy_is_named() {
        let here = parse([("https_proxy".to_owned(), "http://p:1".to_owned())].into_iter());
        let file = format!("EnvironmentFiles={FILE} (ignore_errors=yes)");
        for (text, variables, environment, named) in [
            ("", &here, "PATH=/x CURL_CA_BUNDLE=/y", true),
            ("", &here, "PATH=/x https_proxy=http://p:1", false),
            ("", &BTreeMap::new(), "PATH=/x", false),
            ("https_proxy=http://p:1\n", &here, "PATH=/x", true),
            ("https_proxy=http://p:1\n", &here, &file, false),
            ("http_proxy=http://p:1\n", &here, &file, true),
            ("", &here, &file, true),
        ] {
            let folder = services(text);
            let found = service(&Root::new(folder.path()), variables, "nix-daemon.service", environment);
            assert_eq!(found.is_some(), named, "{text}, {environment}");
        }
    }
}
