//! The proxy that Windows' user has, for services: WSL gives it to its own sessions alone (W§6.3).

use std::io;
use std::path::Path;
use std::time::Duration;

use super::address::Address;
use super::windows::Interop;
use crate::system::error::{Context, Failure};
use crate::system::program::Limits;
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

/// Asks Windows, and writes `file`. Gives the proxy for https, and whether the file has
/// another content than before; without a proxy it is empty.
///
/// # Errors
/// Windows does not answer, or has a proxy that cannot be told, or the file cannot be written: then it is what it was.
pub fn update(interop: Interop<'_>, file: &Path) -> Result<(String, bool), Failure> {
    let answer = interop.powershell(QUESTION, LIMITS).and_then(|answer| parse(&answer));
    let proxy = answer.map_err(io::Error::other).doing("ask Windows for its proxy")?;
    let text = proxy.environment();
    let changed = std::fs::read_to_string(file).unwrap_or_default() != text;
    if changed {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).at(folder)?;
        }
        // A proxy's address may have a password in it.
        replace::write(file, text.as_bytes(), Attributes::mode(0o600), Durability::None)?;
    }
    let shown = if proxy.https.is_empty() { "none".into() } else { Address::parse(&proxy.https).to_string() };
    Ok((shown, changed))
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

/// Reads what PowerShell has said.
fn parse(answer: &str) -> Result<Proxy, String> {
    let line = |name: &str| {
        let mut lines = answer.lines().map(str::trim);
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.trim()))
    };
    let variable = |name: &str| line(name).ok_or_else(|| "PowerShell does not say it".to_owned());
    let address = |name: &str, value: &str| {
        let refused = || format!("the proxy for {name} has characters that no file of variables can have");
        plain(value).then(|| value.to_owned()).ok_or_else(refused)
    };
    let mut proxy = Proxy {
        http: address("http", variable("http")?)?,
        https: address("https", variable("https")?)?,
        without: items(variable("no")?).collect::<Vec<_>>().join(","),
    };
    if proxy.http.is_empty() && proxy.https.is_empty() && line("enabled") == Some("1") {
        let server = line("server").unwrap_or_default();
        proxy.http = address("http", &of_scheme(server, "http"))?;
        proxy.https = address("https", &of_scheme(server, "https"))?;
        proxy.without = without(line("override").unwrap_or_default());
    }
    Ok(proxy)
}

/// What can stand in the file as it is.
fn plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'))
}

/// The items of a list, without those that cannot stand in the file: commas are between them in variables, and semicolons
/// in Windows' settings.
fn items(list: &str) -> impl Iterator<Item = &str> {
    let items = list.split([',', ';', ' ']).map(str::trim);
    items.filter(|item| !item.is_empty() && plain(item))
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
    // `<local>` and `<-loopback>` are words.
    let named = items(list).filter(|item| !item.starts_with('<'));
    let named = named.map(|item| item.strip_prefix('*').unwrap_or(item)).filter(|item| !item.contains('*'));
    own.into_iter().chain(named.map(str::to_owned)).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(variables: [&str; 3], settings: [&str; 3]) -> Result<Proxy, String> {
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
            Ok(proxy(
                "http://p.example:3128",
                "http://p.example:3128",
                &format!("localhost,127.0.0.1,::1,{own}")
            ))
        );
        assert_eq!(
            answer(["http://a:1", "http://a:2", "b"], settings),
            Ok(proxy("http://a:1", "http://a:2", "b"))
        );
        assert_eq!(answer(["", "", ""], ["0", "p.example:3128", ""]), Ok(proxy("", "", "")));
        let by_scheme = ["1", "ftp=f:1;HTTP=h:2;https=https://s:3", ""];
        assert_eq!(
            answer(["", "", ""], by_scheme),
            Ok(proxy("http://h:2", "https://s:3", "localhost,127.0.0.1,::1"))
        );
        assert_eq!(parse("error: not let").unwrap_err(), "PowerShell does not say it");
    }

    #[test]
    fn lists_are_those_that_people_write() {
        let without = |list: &str| answer(["http://a:1", "http://a:1", list], ["", "", ""]).unwrap().without;
        assert_eq!(
            without("localhost, .corp.example;10.0.0.1 intra ,"),
            "localhost,.corp.example,10.0.0.1,intra"
        );
        assert_eq!(without("*"), "*");
        assert_eq!(without(" "), "");
        assert_eq!(without("a,\"b\",c\rd=e,f"), "a,f", "one that cannot be told is left out alone");
        let settings = ["1", "p:1", "*.a.example; b.example;<-loopback>;<local>;ü.example"];
        let without = answer(["", "", ""], settings).unwrap().without;
        assert_eq!(without, "localhost,127.0.0.1,::1,.a.example,b.example");
    }

    #[test]
    fn a_value_that_would_be_another_line_is_none() {
        for value in ["http://a\"b", "http://a b", "http://a\rhttps_proxy=http://b:1"] {
            let refused = answer([value, "", ""], ["", "", ""]).unwrap_err();
            assert!(refused.starts_with("the proxy for http has characters"), "{refused}");
            let refused = answer(["", "", ""], ["1", &format!("https={value}"), ""]).unwrap_err();
            assert!(refused.starts_with("the proxy for https has"), "{refused}");
        }
        // A line of its own is one of the answer's, and its first is taken.
        let lines = "http=http://a:1\nhttps=http://b:1\nhttps=http://c:1\nno=d\nLD_PRELOAD=e\n";
        assert_eq!(parse(lines), Ok(proxy("http://a:1", "http://b:1", "d")));
        let proxy = proxy("", "http://u:p@h:1", "x");
        assert_eq!(
            proxy.environment(),
            "https_proxy=http://u:p@h:1\nHTTPS_PROXY=http://u:p@h:1\nno_proxy=x\nNO_PROXY=x\n"
        );
    }
}
