//! The proxy that Windows' user has, for services: WSL gives it to its own sessions alone (W§6.3).

use std::io;
use std::path::Path;
use std::time::Duration;

use super::windows::{Limits, powershell};
use crate::system::error::{Context, Failure};
use crate::system::replace::{self, Attributes, Durability};

/// What systemd reads for the services that have it (`EnvironmentFile=`).
pub const FILE: &str = "/run/nixos-wsl/proxy.env";

const LIMITS: Limits = Limits { patience: Duration::from_secs(30), length: 1 << 16 };
/// Windows' variables first, as its own programs do; then the setting of the user's connections.
const QUESTION: &str = "$s = Get-ItemProperty \
    'HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings'; 'http=' + $env:HTTP_PROXY; \
    'https=' + $env:HTTPS_PROXY; 'no=' + $env:NO_PROXY; 'enabled=' + $s.ProxyEnable; 'server=' + $s.ProxyServer; \
    'override=' + $s.ProxyOverride";

/// A proxy, in the form of the variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proxy {
    /// `http_proxy`.
    pub http: String,
    /// `https_proxy`.
    pub https: String,
    /// `no_proxy`.
    pub without: String,
}

/// Asks Windows, whose drives are below `drives`, and writes `file`. Gives the proxy for https, and whether the file has
/// another content than before; without a proxy it is empty.
///
/// # Errors
/// Windows does not answer, or the file cannot be written: then it is what it was.
pub fn update(drives: &Path, file: &Path) -> Result<(String, bool), Failure> {
    let answer = powershell(drives, QUESTION, LIMITS).doing("ask Windows for its proxy")?;
    let proxy =
        parse(&answer).ok_or_else(|| io::Error::other("no answer")).doing("ask Windows for its proxy")?;
    let text = proxy.environment();
    let changed = std::fs::read_to_string(file).unwrap_or_default() != text;
    if changed {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).at(folder)?;
        }
        // A proxy's address may have a password in it.
        replace::write(file, text.as_bytes(), Attributes::mode(0o600), Durability::None)?;
    }
    Ok((if proxy.https.is_empty() { "none".into() } else { without_password(&proxy.https) }, changed))
}

impl Proxy {
    /// The lines of an environment file, in small and in capital letters.
    fn environment(&self) -> String {
        let pairs = [("http_proxy", &self.http), ("https_proxy", &self.https), ("no_proxy", &self.without)];
        if self.http.is_empty() && self.https.is_empty() {
            return String::new();
        }
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        let lines =
            pairs.map(|(name, value)| format!("{name}={value}\n{}={value}\n", name.to_ascii_uppercase()));
        lines.collect::<Vec<_>>().concat()
    }
}

/// Reads what PowerShell has said; nothing if it has not answered.
fn parse(answer: &str) -> Option<Proxy> {
    let get = |name: &str| {
        let lines = answer.lines().map(str::trim);
        lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).find(|value| plain(value))
    };
    let mut proxy =
        Proxy { http: get("http")?.into(), https: get("https")?.into(), without: get("no")?.into() };
    if proxy.http.is_empty() && proxy.https.is_empty() && get("enabled") == Some("1") {
        let server = get("server").unwrap_or_default();
        proxy.http = of_scheme(server, "http");
        proxy.https = of_scheme(server, "https");
        proxy.without = without(get("override").unwrap_or_default());
    }
    Some(proxy)
}

/// What can stand in the file as it is.
fn plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'))
}

/// `host:port` for everything, or `http=host:port;https=host:port`.
fn of_scheme(server: &str, scheme: &str) -> String {
    let address = if server.contains('=') {
        let mut pairs = server.split(';').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| name.eq_ignore_ascii_case(scheme)).map(|(_, address)| address)
    } else {
        Some(server)
    };
    match address.unwrap_or_default() {
        "" => String::new(),
        address if address.contains("://") => address.into(),
        address => format!("http://{address}"),
    }
}

/// `*.example.com;10.*;<local>`: of the patterns `no_proxy` knows the ends of names alone.
fn without(list: &str) -> String {
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let named = list.split(';').filter(|item| !item.is_empty() && *item != "<local>");
    let named = named.map(|item| item.strip_prefix('*').unwrap_or(item)).filter(|item| !item.contains('*'));
    own.into_iter().chain(named.map(str::to_owned)).collect::<Vec<_>>().join(",")
}

/// An address as it may stand in a log.
#[must_use]
pub fn without_password(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() { host.into() } else { format!("{scheme}://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(variables: [&str; 3], settings: [&str; 3]) -> Option<Proxy> {
        let names = ["http", "https", "no", "enabled", "server", "override"];
        let pairs = names.iter().zip(variables.iter().chain(&settings));
        parse(&pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\r\n"))
    }

    fn proxy(http: &str, https: &str, without: &str) -> Proxy {
        Proxy { http: http.into(), https: https.into(), without: without.into() }
    }

    #[test]
    fn variables_come_before_settings() {
        let settings = ["1", "p.example:3128", "*.corp.example;10.*;<local>;intra"];
        let own = ".corp.example,intra";
        assert_eq!(
            answer(["", "", ""], settings),
            Some(proxy(
                "http://p.example:3128",
                "http://p.example:3128",
                &format!("localhost,127.0.0.1,::1,{own}")
            ))
        );
        assert_eq!(
            answer(["http://a:1", "http://a:2", "b"], settings),
            Some(proxy("http://a:1", "http://a:2", "b"))
        );
        assert_eq!(answer(["", "", ""], ["0", "p.example:3128", ""]), Some(proxy("", "", "")));
        let by_scheme = ["1", "ftp=f:1;HTTP=h:2;https=https://s:3", ""];
        assert_eq!(
            answer(["", "", ""], by_scheme),
            Some(proxy("http://h:2", "https://s:3", "localhost,127.0.0.1,::1"))
        );
        assert_eq!(parse("error: not let"), None);
    }

    #[test]
    fn a_value_that_would_be_another_line_is_none() {
        assert_eq!(answer(["http://a\"b", "", ""], ["", "", ""]), None);
        let proxy = proxy("", "http://u:p@h:1", "x");
        assert_eq!(
            proxy.environment(),
            "https_proxy=http://u:p@h:1\nHTTPS_PROXY=http://u:p@h:1\nno_proxy=x\nNO_PROXY=x\n"
        );
        assert_eq!(without_password(&proxy.https), "http://h:1");
    }
}
