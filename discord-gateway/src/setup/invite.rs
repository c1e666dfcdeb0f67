//! The link that invites the bot, with exactly the rights that it needs.

/// Rights by name: what the bot may do in its channels.
const RIGHTS: [(&str, u64); 10] = [
    ("view channels", 1 << 10),
    ("send messages", 1 << 11),
    ("embed links", 1 << 14),
    ("attach files", 1 << 15),
    ("read message history", 1 << 16),
    ("add reactions", 1 << 6),
    ("create public threads", 1 << 35),
    ("send messages in threads", 1 << 38),
    ("manage channels", 1 << 4),
    ("manage roles", 1 << 28),
];

/// The last two are only for making private channels of projects.
const FOR_CHANNELS: usize = 2;

/// The sum of the rights; with `channels` also those for making channels.
pub(super) fn rights(channels: bool) -> u64 {
    let count = if channels { RIGHTS.len() } else { RIGHTS.len() - FOR_CHANNELS };
    RIGHTS.iter().take(count).map(|(_, bit)| bit).sum()
}

/// The rights that `has` lacks, by name. An administrator lacks none.
pub(super) fn missing(has: u64, channels: bool) -> Vec<&'static str> {
    if has & (1 << 3) != 0 {
        return Vec::new();
    }
    let wanted = rights(channels);
    RIGHTS.iter().filter(|(_, bit)| wanted & bit != 0 && has & bit == 0).map(|(name, _)| *name).collect()
}

/// The link.
pub(super) fn link(application: u64, guild: Option<u64>, channels: bool) -> String {
    let guild = guild.map(|guild| format!("&guild_id={guild}")).unwrap_or_default();
    let rights = rights(channels);
    format!("https://discord.com/oauth2/authorize?client_id={application}&scope=bot+applications.commands&permissions={rights}{guild}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Setup R3: exactly the rights that are used, and what is missing by name.
    #[test]
    fn the_rights_are_exact() {
        assert!(link(7, Some(9), false).ends_with("client_id=7&scope=bot+applications.commands&permissions=309237763136&guild_id=9"));
        assert_eq!(missing(rights(false), false), Vec::<&str>::new());
        assert_eq!(missing(rights(false), true), ["manage channels", "manage roles"]);
        assert_eq!(missing(1 << 3, true), Vec::<&str>::new());
        assert_eq!(missing(rights(true) - (1 << 35), false), ["create public threads"]);
    }
}
