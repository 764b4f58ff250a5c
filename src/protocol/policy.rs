//! Who may do what: the rights, how far each role's reach, and whose an instance is. Pure data; workers enforce it, the
//! auth manager and the documentation tell it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccountName, ErrorCode, Failure, Role, Session};

/// What a right covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Looking.
    View,
    /// Changing what is there.
    Operate,
    /// Running something inside an instance, and reading or writing its files.
    Exec,
    /// Making something new.
    Create,
    /// Removing something.
    Delete,
    /// Deciding whose an instance is and who shares it; any call to a daemon.
    Admin,
    /// Changing which docks take part.
    Dock,
}

impl Access {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::View, Self::Operate, Self::Exec, Self::Create, Self::Delete, Self::Admin, Self::Dock];

    /// Those that an owner can give to others.
    pub const SHARED: [Self; 4] = [Self::View, Self::Operate, Self::Exec, Self::Delete];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Exec => "exec",
            Self::Dock => "dock",
            Self::Admin => "admin",
        }
    }
}

/// How far a right reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// To nothing.
    Nothing,
    /// To instances of one's own, and to those that are shared with that right.
    Own,
    /// To everything.
    All,
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// An instance; its owner, if it has one, and what is known of that beside its labels.
    Instance(Option<&'a str>, Option<&'a Ownership>),
    /// An offer of an instance, which is for the user to whom it is made and for the owner; as for `Instance`.
    Offer(Option<&'a str>, Option<&'a Ownership>),
    /// A new instance, which will be the caller's own.
    NewInstance,
    /// Whatever instances a dock has, whoever owns them.
    AllInstances,
    /// Docks, images, networks, volumes, templates, daemons.
    Rest,
}

/// A right, and how far it reaches for each of [`Role::ALL`].
pub type Row = (Access, [Reach; 4]);

/// What may be done to instances.
pub static INSTANCES: [Row; 6] = {
    use Reach::{All, Nothing, Own};
    [
        (Access::View, [All, Own, All, All]),
        (Access::Operate, [Nothing, Own, All, All]),
        (Access::Exec, [Nothing, Own, All, All]),
        (Access::Create, [Nothing, Own, All, All]),
        (Access::Delete, [Nothing, Own, All, All]),
        (Access::Admin, [Nothing, Own, All, All]),
    ]
};

/// What may be done to docks, images, networks, volumes, templates and daemons, which nobody owns.
pub static REST: [Row; 6] = {
    use Reach::{All, Nothing};
    [
        (Access::View, [All, All, All, All]),
        (Access::Operate, [Nothing, Nothing, All, All]),
        (Access::Create, [Nothing, Nothing, All, All]),
        (Access::Delete, [Nothing, Nothing, All, All]),
        (Access::Admin, [Nothing, Nothing, All, All]),
        (Access::Dock, [Nothing, Nothing, Nothing, All]),
    ]
};

impl Role {
    /// How far a right of this role reaches, by that table.
    pub fn reach(self, table: &[Row], access: Access) -> Reach {
        let row = table.iter().find(|(right, _)| *right == access);
        row.map_or(Reach::Nothing, |(_, reaches)| reaches[self as usize])
    }
}

/// The owner that the label of an instance names if nobody said whose it is; no user is called so.
pub const ANONYMOUS: &str = "anonymous";

/// One entry of `deblox.ownership`: what has been said about an instance that its labels, which cannot be changed, do not
/// say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// Whose it is now, if that was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AccountName>,
    /// The user to whom the owner offers it, who has not accepted it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<AccountName>,
    /// Users who share it, with their rights.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<AccountName, BTreeSet<Access>>,
    /// Groups whose members share it, with their rights.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<AccountName, BTreeSet<Access>>,
}

impl Ownership {
    /// Whose the instance is whose label says `label`.
    pub fn owner<'a>(ownership: Option<&'a Self>, label: Option<&'a str>) -> Option<&'a str> {
        ownership.and_then(|ownership| ownership.owner.as_ref()).map(AccountName::as_str).or(label)
    }

    /// What is said after the owner `from`, whose groups are `groups`, has given it to `to`. The owner keeps no share: what it
    /// had of its own and as a member of a group ends, since it would use what another user's quota counts.
    pub fn given(&self, from: Option<&str>, groups: &BTreeSet<AccountName>, to: &AccountName) -> Self {
        let mut given = Self { owner: Some(to.clone()), offered: None, ..self.clone() };
        given.users.retain(|user, _| user != to && from != Some(user.as_str()));
        given.groups.retain(|group, _| !groups.contains(group));
        given
    }

    /// Whether it is offered to that user.
    fn is_offered_to(&self, user: &Session) -> bool {
        self.offered.as_ref() == Some(&user.username)
    }

    /// Whether it gives that right to that user or to one of its groups. Whoever may do anything may look, and so may the
    /// user to whom it is offered.
    fn gives(&self, access: Access, user: &Session) -> bool {
        if access == Access::View && self.is_offered_to(user) {
            return true;
        }
        let own = self.users.get(&user.username);
        let groups = user.groups.iter().filter_map(|group| self.groups.get(group));
        own.into_iter()
            .chain(groups)
            .any(|rights| rights.contains(&access) || (access == Access::View && !rights.is_empty()))
    }
}

impl Session {
    /// How far a right reaches: with a token, no further than that of the token's role does, either.
    fn reach(&self, table: &[Row], access: Access) -> Reach {
        let own = self.role.reach(table, access);
        self.limit.map_or(own, |limit| own.min(limit.reach(table, access)))
    }

    /// Whether it may do that to `subject`.
    pub fn may(&self, access: Access, subject: Subject<'_>) -> bool {
        match subject {
            Subject::Rest => self.reach(&REST, access) == Reach::All,
            Subject::NewInstance => self.reach(&INSTANCES, access) != Reach::Nothing,
            Subject::AllInstances => self.reach(&INSTANCES, access) == Reach::All,
            Subject::Offer(owner, ownership) => match self.reach(&INSTANCES, access) {
                Reach::Nothing => false,
                Reach::All => true,
                Reach::Own => {
                    let is_owner = owner == Some(self.username.as_str());
                    is_owner || ownership.is_some_and(|ownership| ownership.is_offered_to(self))
                }
            },
            Subject::Instance(owner, ownership) => match self.reach(&INSTANCES, access) {
                Reach::Nothing => false,
                Reach::All => true,
                Reach::Own => {
                    let is_owner = owner == Some(self.username.as_str());
                    let is_given = || ownership.is_some_and(|ownership| ownership.gives(access, self));
                    is_owner || (Access::SHARED.contains(&access) && is_given())
                }
            },
        }
    }

    /// Whether what it creates is its own, and bounded.
    pub fn is_bounded(&self) -> bool {
        self.reach(&INSTANCES, Access::Create) != Reach::All
    }

    /// Whether it sees all instances.
    pub fn sees_all(&self) -> bool {
        self.may(Access::View, Subject::AllInstances)
    }

    /// The role it has in effect, as far as one word says it.
    pub fn effective_role(&self) -> Role {
        self.limit.map_or(self.role, |limit| self.role.min(limit))
    }

    /// Checks that it may do that to `subject`, which people know as `name`.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`], with the right that is missing and whose the instance is.
    pub fn check(&self, access: Access, subject: Subject<'_>, name: &str) -> Result<(), Failure> {
        if self.may(access, subject) {
            return Ok(());
        }
        let (user, role, right) = (&self.username, self.effective_role(), access.as_str());
        let whose = match subject {
            Subject::Instance(Some(owner), _) | Subject::Offer(Some(owner), _) if owner != ANONYMOUS => {
                format!("it belongs to `{owner}`")
            }
            Subject::Instance(..) | Subject::Offer(..) => "it belongs to nobody, so to operators".to_owned(),
            Subject::NewInstance => "creating is for users, operators and admins".to_owned(),
            Subject::AllInstances => "it shows the instances of all users".to_owned(),
            Subject::Rest if access == Access::Dock => "that is for admins".to_owned(),
            Subject::Rest => "that is for operators and admins".to_owned(),
        };
        let on = match subject {
            Subject::Instance(..) | Subject::Offer(..) => format!("the right `{right}` on `{name}`"),
            _ => format!("the right `{right}` for `{name}`"),
        };
        let message = format!("`{user}`, whose role is {role}, does not have {on}: {whose}");
        Err(Failure::new(ErrorCode::Forbidden, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> AccountName {
        AccountName::new(name).unwrap()
    }

    fn user(role: Role, limit: Option<Role>) -> Session {
        Session { username: name("ada"), groups: [name("crew")].into(), role, limit, token: None }
    }

    #[test]
    fn a_user_reaches_its_own_and_what_is_shared() {
        let ada = user(Role::User, None);
        let shared = Ownership { users: [(name("ada"), [Access::Exec].into())].into(), ..Ownership::default() };
        let grouped = Ownership { groups: [(name("crew"), [Access::Operate].into())].into(), ..Ownership::default() };
        let instance = |owner, ownership| Subject::Instance(owner, ownership);
        for access in [Access::View, Access::Operate, Access::Exec, Access::Create, Access::Delete, Access::Admin] {
            assert!(ada.may(access, instance(Some("ada"), None)), "{access:?}");
            assert!(!ada.may(access, instance(Some("bob"), None)), "{access:?}");
            assert!(!ada.may(access, instance(None, None)), "{access:?}");
            let exec = matches!(access, Access::View | Access::Exec);
            assert_eq!(ada.may(access, instance(Some("bob"), Some(&shared))), exec, "{access:?}");
            let operate = matches!(access, Access::View | Access::Operate);
            assert_eq!(ada.may(access, instance(Some("bob"), Some(&grouped))), operate, "{access:?}");
        }
        assert!(!ada.sees_all() && ada.is_bounded());
    }

    #[test]
    fn an_offer_is_for_the_one_it_is_made_to() {
        let offered = Ownership { offered: Some(name("ada")), ..Ownership::default() };
        let ada = user(Role::User, None);
        for (access, may) in [(Access::View, true), (Access::Operate, false), (Access::Admin, false)] {
            assert_eq!(ada.may(access, Subject::Instance(Some("bob"), Some(&offered))), may, "{access:?}");
        }
        assert!(ada.may(Access::Admin, Subject::Offer(Some("bob"), Some(&offered))));
        assert!(ada.may(Access::Admin, Subject::Offer(Some("ada"), None)), "the owner may withdraw it");
        assert!(!ada.may(Access::Admin, Subject::Offer(Some("bob"), None)));
        assert!(!user(Role::Viewer, None).may(Access::Admin, Subject::Offer(Some("bob"), Some(&offered))));
        assert!(!user(Role::User, Some(Role::Viewer)).may(Access::Admin, Subject::Offer(None, Some(&offered))));
    }

    #[test]
    fn the_giver_keeps_no_share() {
        let rights = BTreeSet::from([Access::Exec]);
        let share = |names: &[&str]| names.iter().map(|user| (name(user), rights.clone())).collect();
        let (users, groups) = (share(&["ada", "bob", "eve"]), share(&["crew", "night"]));
        let said = Ownership { offered: Some(name("bob")), users, groups, ..Ownership::default() };
        let given = said.given(Some("ada"), &[name("crew")].into(), &name("bob"));
        assert_eq!((given.owner, given.offered), (Some(name("bob")), None));
        assert_eq!((given.users, given.groups), (share(&["eve"]), share(&["night"])));
    }

    #[test]
    fn a_token_reaches_no_further_than_either_role() {
        let token = user(Role::User, Some(Role::Viewer));
        assert!(!token.sees_all(), "a viewer sees all, its user does not");
        assert!(token.may(Access::View, Subject::Instance(Some("ada"), None)));
        assert!(!token.may(Access::Operate, Subject::Instance(Some("ada"), None)));
        assert!(!token.may(Access::Create, Subject::NewInstance));
        assert!(user(Role::Admin, Some(Role::User)).is_bounded());
    }

    #[test]
    fn a_refusal_says_whose_it_is_and_what_is_missing() {
        let refusal = |subject| user(Role::User, None).check(Access::Operate, subject, "web").unwrap_err().message;
        insta::assert_snapshot!(refusal(Subject::Instance(Some("bob"), None)), @"`ada`, whose role is user, does not have the right `operate` on `web`: it belongs to `bob`");
        insta::assert_snapshot!(refusal(Subject::Instance(None, None)), @"`ada`, whose role is user, does not have the right `operate` on `web`: it belongs to nobody, so to operators");
        insta::assert_snapshot!(refusal(Subject::Rest), @"`ada`, whose role is user, does not have the right `operate` for `web`: that is for operators and admins");
    }
}
