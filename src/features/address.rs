//! The address of a proxy, as curl reads the variables.

use std::fmt;

/// An address in pieces. It is shown without user and password, so that it may stand in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    scheme: &'a str,
    /// Name or address, and the port if there is one.
    place: &'a str,
}

impl<'a> Address<'a> {
    /// Any text has these pieces; see [`Address::endpoint`].
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        // Before the path, because a password that nobody has escaped may have a `/` in it.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        Self { scheme, place: rest.split('/').next().unwrap_or_default() }
    }

    /// Host and port; the ports that are left out are those that curl takes.
    #[must_use]
    pub fn endpoint(&self) -> Option<(&'a str, u16)> {
        let (host, port) = match self.place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (self.place, if self.scheme == "https" { 443 } else { 1080 }),
        };
        Some((host.trim_matches(['[', ']']), port)).filter(|(host, _)| !host.is_empty())
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, place } = self;
        if scheme.is_empty() { write!(formatter, "{place}") } else { write!(formatter, "{scheme}://{place}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_curl_reads() {
        for (text, endpoint, shown) in [
            ("http://p.example:3128", Some(("p.example", 3128)), "http://p.example:3128"),
            ("p.example:80/x", Some(("p.example", 80)), "p.example:80"),
            ("https://u:p@[::1]:1", Some(("::1", 1)), "https://[::1]:1"),
            ("http://u:p/a@b@h:1/", Some(("h", 1)), "http://h:1"),
            ("https://p.example", Some(("p.example", 443)), "https://p.example"),
            ("socks5h://[::1]", Some(("::1", 1080)), "socks5h://[::1]"),
            ("http://p.example:x", None, "http://p.example:x"),
            ("http://", None, "http://"),
        ] {
            let address = Address::parse(text);
            assert_eq!((address.endpoint(), &*address.to_string()), (endpoint, shown), "{text}");
        }
    }
}
