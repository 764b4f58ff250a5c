//! Which roles may give a parameter a value: of the fields of actions, and of calls to the daemon's own API.

use super::bounds::refusal;
use super::{Action, Arguments, Demand, Field, On};
use crate::protocol::{Failure, INSTANCES, REST, Reach, Role, Row};

/// Which roles may give a parameter a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every role that may do the action. The text says why the parameter reaches nothing beyond it, or what checks that.
    Everyone(&'static str),
    /// Operators and admins. The text says what the parameter reaches.
    Operators(&'static str),
    /// Operators and admins, because nobody has classified it: a test fails as long as there is one.
    Unclassified,
}

impl Audience {
    /// Refuses a parameter to a caller whose rights are bounded.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`](crate::protocol::ErrorCode::Forbidden), with the name of the parameter.
    pub(super) fn check(self, name: &str) -> Result<(), Failure> {
        match self {
            Self::Everyone(_) => Ok(()),
            Self::Operators(why) => Err(refusal(name, why)),
            Self::Unclassified => Err(refusal(name, "it is not known to do no harm")),
        }
    }
}

impl Action {
    /// Refuses the fields that only operators may set, to a caller whose rights are bounded.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`](crate::protocol::ErrorCode::Forbidden), with the name of the field.
    pub(super) fn check_fields(&self, arguments: &Arguments) -> Result<(), Failure> {
        self.fields
            .iter()
            .filter(|field| arguments.has(field.name))
            .try_for_each(|field| field.audience.check(field.name))
    }

    /// Whether the policy lets only operators and admins do it at all, whatever its fields say.
    pub fn is_for_operators(&self) -> bool {
        let Demand { access, on } = self.demand(&Arguments::default());
        let table: &[Row] = if on == On::Rest { &REST } else { &INSTANCES };
        let others = [Role::Viewer, Role::User].iter().any(|role| role.reach(table, access) != Reach::Nothing);
        // What a call of the daemon's own API needs says its path.
        !others && self.name != "docker"
    }

    /// The fields that nobody has classified.
    pub fn unclassified(&self) -> impl Iterator<Item = &'static Field> {
        let open = !self.is_for_operators();
        self.fields.iter().filter(move |field| open && field.audience == Audience::Unclassified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::Kind;
    use crate::protocol::ErrorCode;

    #[test]
    fn every_field_that_users_or_viewers_could_set_is_classified() {
        let unclassified: Vec<String> = Action::all()
            .flat_map(|action| action.unclassified().map(|field| format!("{}.{}", action.name, field.name)))
            .collect();
        assert!(unclassified.is_empty(), "say `.safe(reason)` or `.operators(reason)` of {unclassified:?}");
        let open = Action::all().filter(|action| !action.is_for_operators());
        let (actions, fields) =
            open.fold((0, 0), |(actions, fields), action| (actions + 1, fields + action.fields.len()));
        assert!(actions >= 45 && fields >= 110, "{actions} actions with {fields} fields are too few to be all");
        let reasons = Action::all().flat_map(|action| action.fields).filter_map(|field| match field.audience {
            Audience::Everyone(why) | Audience::Operators(why) => Some((field.name, why)),
            Audience::Unclassified => None,
        });
        for (name, why) in reasons {
            assert!(why.len() >= 8, "{name}: {why:?} is no reason");
        }
    }

    #[test]
    fn a_field_that_nobody_has_classified_is_found_and_refused() {
        let invented = Field::new("invented", Kind::Text, "a field without a class");
        assert_eq!(invented.audience, Audience::Unclassified);
        let refused = invented.audience.check(invented.name).unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        assert!(refused.message.contains("`invented`") && refused.message.contains("operators"), "{refused}");
    }
}
