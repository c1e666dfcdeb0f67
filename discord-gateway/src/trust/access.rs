//! The lists, and what follows from them for one person in one place.

use std::collections::BTreeSet;

/// What somebody may do, as the server names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Look.
    Viewer,
    /// Look and work with tasks.
    Operator,
    /// Everything that a gateway may do.
    Admin,
}

impl Role {
    /// The server's word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Somebody, as Discord tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Person {
    /// The user.
    pub(crate) id: u64,
    /// The name to show.
    pub(crate) name: String,
    /// The roles in the guild.
    pub(crate) roles: Vec<u64>,
}

/// Where something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Where {
    /// The guild. `None`: a direct message.
    pub(crate) guild: Option<u64>,
    /// The channel or thread.
    pub(crate) channel: u64,
    /// The channel that a thread belongs to.
    pub(crate) parent: Option<u64>,
}

/// Users and roles with one right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    /// Users.
    pub(crate) users: BTreeSet<u64>,
    /// Roles of the guild.
    pub(crate) roles: BTreeSet<u64>,
}

impl List {
    fn holds(&self, person: &Person) -> bool {
        self.users.contains(&person.id) || person.roles.iter().any(|role| self.roles.contains(role))
    }

    /// True when nobody is on it.
    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.roles.is_empty()
    }
}

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// The one guild.
    pub(crate) guild: u64,
    /// Only in these channels and their threads. Empty: in all of the guild.
    pub(crate) channels: BTreeSet<u64>,
    /// Who may do everything.
    pub(crate) admins: List,
    /// Who may work with tasks.
    pub(crate) operators: List,
    /// Who may look.
    pub(crate) viewers: List,
    /// What everybody in the guild may do; written out, or nothing.
    pub(crate) everyone: Option<Role>,
}

impl Access {
    /// True when nobody may do anything: the gateway does not start.
    pub(crate) fn is_empty(&self) -> bool {
        self.admins.is_empty() && self.operators.is_empty() && self.viewers.is_empty() && self.everyone.is_none()
    }

    /// What `person` may do at `place`; `None`: nothing.
    pub(crate) fn role(&self, person: &Person, place: Where) -> Option<Role> {
        if place.guild != Some(self.guild) {
            return None;
        }
        let within = |channel: u64| self.channels.contains(&channel);
        if !self.channels.is_empty() && !within(place.channel) && !place.parent.is_some_and(within) {
            return None;
        }
        let lists = [(&self.admins, Role::Admin), (&self.operators, Role::Operator), (&self.viewers, Role::Viewer)];
        let named = lists.into_iter().find(|(list, _)| list.holds(person)).map(|(_, role)| role);
        named.max(self.everyone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(users: &[u64], roles: &[u64]) -> List {
        List { users: users.iter().copied().collect(), roles: roles.iter().copied().collect() }
    }

    /// F-189, D-101, trust R1 to R3: deny by default; the highest right wins; other guilds, direct messages and other channels have none.
    #[test]
    fn rights_follow_the_lists() {
        let access =
            Access { guild: 9, admins: list(&[1], &[]), operators: list(&[2], &[50]), viewers: list(&[1, 3], &[]), ..Access::default() };
        let person = |id, roles: &[u64]| Person { id, name: String::new(), roles: roles.to_vec() };
        let here = Where { guild: Some(9), channel: 100, parent: None };
        for (who, may) in [
            (person(1, &[]), Some(Role::Admin)),
            (person(2, &[]), Some(Role::Operator)),
            (person(3, &[]), Some(Role::Viewer)),
            (person(3, &[50]), Some(Role::Operator)),
            (person(4, &[51]), None),
        ] {
            assert_eq!(access.role(&who, here), may, "{who:?}");
        }
        assert_eq!(access.role(&person(1, &[]), Where { guild: Some(8), ..here }), None);
        assert_eq!(access.role(&person(1, &[]), Where { guild: None, ..here }), None);
        let narrow = Access { channels: BTreeSet::from([100]), everyone: Some(Role::Viewer), ..access };
        assert_eq!(narrow.role(&person(4, &[]), here), Some(Role::Viewer));
        assert_eq!(narrow.role(&person(1, &[]), Where { channel: 101, ..here }), None);
        assert_eq!(narrow.role(&person(1, &[]), Where { channel: 101, parent: Some(100), ..here }), Some(Role::Admin));
        assert!(Access::default().is_empty() && !narrow.is_empty());
    }
}
