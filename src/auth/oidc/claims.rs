//! What the provider says about a person, and what that means here.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{OidcError, OidcOptions};
use crate::protocol::limits::GROUPS;
use crate::protocol::{AccountName, Role};

/// Whom the provider vouches for.
#[derive(Debug)]
pub(super) struct Person {
    /// The provider's own id for the person.
    pub(super) subject: String,
    /// What else it says, by the names of the claims.
    pub(super) claims: Map<String, Value>,
}

impl Person {
    /// Whether the provider has to be asked for more.
    pub(super) fn lacks(&self, options: &OidcOptions) -> bool {
        !self.claims.contains_key(&options.username_claim) || !self.claims.contains_key(&options.groups_claim)
    }

    /// Adds what was not said before; what was proved stays.
    pub(super) fn add(&mut self, more: Map<String, Value>) {
        for (name, value) in more {
            self.claims.entry(name).or_insert(value);
        }
    }

    /// What the person is called.
    pub(super) fn name(&self, options: &OidcOptions) -> Result<AccountName, OidcError> {
        let claim = &options.username_claim;
        match self.claims.get(claim) {
            None => Err(OidcError::Claim(claim.clone(), "is missing, and is to be the user's name".to_owned())),
            Some(Value::String(name)) => AccountName::new(name)
                .map_err(|e| OidcError::Claim(claim.clone(), format!("cannot be the name of a user: {e}"))),
            Some(_) => Err(OidcError::Claim(claim.clone(), "is no text, and is to be the user's name".to_owned())),
        }
    }

    /// The groups of the person, as far as they can be named here, and the highest role that they have. A person without
    /// the claim is in no group.
    pub(super) fn groups(&self, options: &OidcOptions) -> Result<(BTreeSet<AccountName>, Option<Role>), OidcError> {
        let claim = &options.groups_claim;
        let named: Vec<&str> = match self.claims.get(claim) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(group)) => vec![group],
            Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).collect(),
            Some(_) => {
                return Err(OidcError::Claim(claim.clone(), "is no list, and is to hold the groups".to_owned()));
            }
        };
        if named.len() > GROUPS {
            return Err(OidcError::ManyGroups);
        }
        let roles = options.roles.iter().filter(|(group, _)| named.contains(&group.as_str())).map(|(_, role)| *role);
        let role = roles.max().or(options.default_role);
        Ok((named.into_iter().filter_map(|group| AccountName::new(group).ok()).collect(), role))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options() -> OidcOptions {
        OidcOptions {
            issuer: "https://a.test".to_owned(),
            client_id: "deblox".to_owned(),
            client_secret: None,
            redirect_url: OidcOptions::redirect_url("https://b.test/auth/oidc/callback").unwrap(),
            username_claim: OidcOptions::USERNAME_CLAIM.to_owned(),
            groups_claim: OidcOptions::GROUPS_CLAIM.to_owned(),
            roles: vec![("/all".to_owned(), Role::Viewer), ("ops".to_owned(), Role::Operator)],
            default_role: None,
            scopes: Vec::new(),
        }
    }

    fn person(claims: Value) -> Person {
        let Value::Object(claims) = claims else { panic!("an object") };
        Person { subject: "1".to_owned(), claims }
    }

    #[test]
    fn the_highest_role_counts_and_groups_that_cannot_be_named_are_left_out() {
        let groups = |claims| {
            let (groups, role) = person(claims).groups(&options()).unwrap();
            (groups.iter().map(AccountName::to_string).collect::<Vec<_>>(), role)
        };
        assert_eq!(groups(json!({"groups": ["/all", "ops", 1]})), (vec!["ops".to_owned()], Some(Role::Operator)));
        assert_eq!(groups(json!({"groups": "/all"})), (vec![], Some(Role::Viewer)));
        assert_eq!(groups(json!({"groups": ["dev"]})), (vec!["dev".to_owned()], None));
        assert_eq!(groups(json!({})), (vec![], None));
        assert!(person(json!({"groups": {"a": 1}})).groups(&options()).is_err());
        let many: Vec<String> = (0..=GROUPS).map(|number| format!("g{number}")).collect();
        assert!(matches!(person(json!({"groups": many})).groups(&options()), Err(OidcError::ManyGroups)));
    }

    #[test]
    fn what_was_proved_is_not_replaced() {
        let mut ada = person(json!({"preferred_username": "ada"}));
        assert!(ada.lacks(&options()));
        ada.add(person(json!({"preferred_username": "eve", "groups": []})).claims);
        assert!(!ada.lacks(&options()) && ada.name(&options()).unwrap().as_str() == "ada");
        for bad in [json!({}), json!({"preferred_username": "a b"}), json!({"preferred_username": 1})] {
            assert!(person(bad.clone()).name(&options()).is_err(), "{bad}");
        }
    }
}
