//! Where a call comes from, also behind proxies: RFC 7239 and its forerunner `X-Forwarded-For`.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies that a node believes when they name the address of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Believes the addresses in these networks, and no others.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether the proxy at that address is believed.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client. `peer` is the other end of the connection. Each proxy adds to the right what it has seen,
    /// so the headers are read from there, and only as far as trusted proxies wrote them: what stands further left is what
    /// the client says itself. If a proxy passes on a header that it does not write, and the two headers name different
    /// clients, neither is believed.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let clients = [(FORWARDED, forwarded as fn(&str) -> Option<IpAddr>), (X_FORWARDED_FOR, address)]
            .map(|(name, read)| self.named(peer, headers, &name, read));
        match clients {
            [Some(client), None] | [None, Some(client)] => client,
            [Some(one), Some(other)] if one == other => one,
            _ => peer,
        }
    }

    /// The client that the header `name` tells of, if it is there.
    fn named(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        name: &HeaderName,
        read: fn(&str) -> Option<IpAddr>,
    ) -> Option<IpAddr> {
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        if lines.is_empty() {
            return None;
        }
        let mut client = peer;
        for line in lines.into_iter().rev() {
            // What cannot be read was not written by a proxy that is believed.
            let Ok(line) = line.to_str() else { return Some(client) };
            for element in line.rsplit(',') {
                match read(element.trim()) {
                    Some(address) => client = address,
                    None => return Some(client),
                }
                if !self.trusts(client) {
                    return Some(client);
                }
            }
        }
        Some(client)
    }
}

/// The address in an element of `Forwarded`. One with half of a quoted text may be part of something that a client wrote.
fn forwarded(element: &str) -> Option<IpAddr> {
    if !element.matches('"').count().is_multiple_of(2) || element.contains('\\') {
        return None;
    }
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(node.trim_matches('"'))
}

/// An address with or without a port; of IPv6 perhaps in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, headers: &[(HeaderName, &'static str)]) -> String {
        let networks = ["10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1/32"].map(|network| network.parse().unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        TrustedProxies::new(networks).client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn only_trusted_proxies_name_the_client() {
        let x = |value| client("10.0.0.1", &[(X_FORWARDED_FOR, value)]);
        assert_eq!(client("198.51.100.9", &[(X_FORWARDED_FOR, "192.0.2.7")]), "198.51.100.9");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(x("192.0.2.7"), "192.0.2.7");
        assert_eq!(x("192.0.2.99, 192.0.2.7"), "192.0.2.7", "what the client sent is further left");
        assert_eq!(x("192.0.2.99, 192.0.2.7, 10.2.3.4,10.2.3.5"), "192.0.2.7", "through several proxies");
        assert_eq!(x("10.9.9.9, 10.2.3.4"), "10.9.9.9", "a client inside");
        assert_eq!(x("192.0.2.99, unknown, 10.2.3.4"), "10.2.3.4", "no further than can be read");
        for nothing in ["", ",", "unknown", "192.0.2.7, _hidden", "192.0.2.7, 300.1.1.1"] {
            assert_eq!(x(nothing), "10.0.0.1", "{nothing}");
        }
        for (text, read) in [
            ("192.0.2.7:4711", "192.0.2.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(x(text), read);
        }
        assert_eq!(client("::ffff:10.0.0.1", &[(X_FORWARDED_FOR, "192.0.2.7")]), "192.0.2.7");
        assert_eq!(client("2001:db8:1::1", &[(X_FORWARDED_FOR, "2001:db8:2::1")]), "2001:db8:2::1");
        let lines = [(X_FORWARDED_FOR, "192.0.2.99"), (X_FORWARDED_FOR, "192.0.2.7, 10.1.1.1")];
        assert_eq!(client("10.0.0.1", &lines), "192.0.2.7", "lines are one list");
    }

    #[test]
    fn forwarded_is_read_and_nobody_smuggles_an_element_into_it() {
        let of = |value| client("10.0.0.1", &[(FORWARDED, value)]);
        assert_eq!(of("for=192.0.2.7"), "192.0.2.7");
        assert_eq!(of("For=\"[2001:db8::7]:4711\";proto=https;by=10.0.0.1"), "2001:db8::7");
        assert_eq!(of("for=192.0.2.99, for=192.0.2.7;host=deblox.test, for=10.1.1.1"), "192.0.2.7");
        assert_eq!(of("proto=https"), "10.0.0.1");
        assert_eq!(of("for=192.0.2.7;host=\"x, for=203.0.113.1\""), "10.0.0.1");
        assert_eq!(of("for=192.0.2.7;host=\"x, for=203.0.113.1;a=\""), "10.0.0.1");
        assert_eq!(of("for=192.0.2.7;host=\"x\\\", for=203.0.113.1;a=\\\"\""), "10.0.0.1");
    }

    #[test]
    fn a_header_that_the_proxy_only_passes_on_is_not_believed() {
        let both = |forwarded, x| client("10.0.0.1", &[(FORWARDED, forwarded), (X_FORWARDED_FOR, x)]);
        assert_eq!(both("for=203.0.113.1", "192.0.2.7"), "10.0.0.1");
        assert_eq!(both("for=192.0.2.7", "203.0.113.1, 192.0.2.7"), "192.0.2.7");
    }
}
