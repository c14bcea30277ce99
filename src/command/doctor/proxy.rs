//! Variables of a proxy: WSL gives those of Windows to shells (W§6.3), and nobody gives them to services.

use std::collections::BTreeMap;

use super::super::finding::{Finding, FindingKind, finding};

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

/// Whether the service that downloads for everybody has the proxy of this shell.
#[must_use]
pub fn service(variables: &BTreeMap<String, String>, unit: &str, environment: &str) -> Option<Finding> {
    let set = |text: &str| text.to_ascii_lowercase().contains("https_proxy=");
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
    fn a_service_without_the_proxy_is_named() {
        let here = parse([("https_proxy".to_owned(), "http://p:1".to_owned())].into_iter());
        assert!(service(&here, "nix-daemon.service", "PATH=/x CURL_CA_BUNDLE=/y").is_some());
        assert!(service(&here, "nix-daemon.service", "PATH=/x https_proxy=http://p:1").is_none());
        assert!(service(&BTreeMap::new(), "nix-daemon.service", "PATH=/x").is_none());
    }
}
