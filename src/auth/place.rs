//! Where a login comes from, as failed ones are counted.

use std::net::{IpAddr, Ipv6Addr};

use super::secrets::digest;
use crate::bus::Throttles;
use crate::protocol::Origin;

/// What an address counts as: itself, or of IPv6 its /64, all of which one person may have.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// What an attempt to log in as `username` is counted by. A client on the bus can claim any address, or none. So for the
/// account all of the bus is one place, and an address that a client claims only adds a bound, apart from the addresses
/// that nodes have seen.
pub(super) fn throttles(username: &str, origin: &Origin) -> Throttles {
    let (place, address) = match origin {
        Origin::Node { address, .. } => {
            let address = format!("address {}", network(*address));
            (address.clone(), Some(address))
        }
        Origin::Bus { claimed } => {
            let claimed = claimed.as_ref().and_then(|claimed| claimed.parse::<IpAddr>().ok());
            ("bus".to_owned(), claimed.map(|claimed| format!("claimed {}", network(claimed))))
        }
    };
    // A name need not be one, and might be a password that was typed in the wrong place.
    Throttles {
        account_and_place: digest(&format!("pair {place} {username}")),
        account: digest(&format!("user {username}")),
        known_places: digest(&format!("places of {username}")),
        address: address.as_deref().map(digest),
        place: digest(&place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_and_an_address_in_ipv6_form_count_as_one() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"));
        assert_eq!(network("::ffff:192.0.2.7"), network("192.0.2.7"));
    }

    #[test]
    fn what_a_client_on_the_bus_claims_is_no_place_of_its_own() {
        let bus = |claimed: Option<&str>| throttles("ada", &Origin::Bus { claimed: claimed.map(str::to_owned) });
        let node = throttles("ada", &Origin::Node { address: "192.0.2.7".parse().unwrap(), agent: None });
        let (none, forged) = (bus(None), bus(Some("192.0.2.7")));
        assert_eq!((&none.account_and_place, &none.place), (&forged.account_and_place, &forged.place));
        assert_ne!(forged.place, node.place);
        assert!(none.address.is_none() && bus(Some("my laptop")).address.is_none());
        assert!(forged.address.is_some() && forged.address != node.address);
        assert_eq!(none.account, node.account);
    }
}
