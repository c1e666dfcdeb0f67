//! Closed lists whose members have a fixed stored name. The macro keeps the name, the list and the reading in one place.
//!
//! What each list means lives beside its use. Spec: specs/server/core/README.md R4.

/// A text that is not a member of a closed list. Says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{text}`; allowed: {allowed}")]
pub struct UnknownName {
    /// What was expected, for example `task type`.
    pub kind: &'static str,
    /// The text as given.
    pub text: String,
    /// Every allowed name, separated by `, `.
    pub allowed: String,
}

macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every member, in the order shown to people.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The exact text used in the store and the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Reads a text written by `as_str`; `None` for anything else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Reads a text that a person or a program gave.
            ///
            /// # Errors
            /// [`crate::text_enum::UnknownName`] lists what is allowed.
            pub fn read(text: &str) -> Result<Self, crate::text_enum::UnknownName> {
                Self::parse(text).ok_or_else(|| crate::text_enum::UnknownName {
                    kind: $kind,
                    text: text.to_owned(),
                    allowed: [$($text,)+].join(", "),
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use text_enum;

#[cfg(test)]
mod tests {
    use super::UnknownName;
    use crate::project::ProjectStatus;

    /// README R4.
    #[test]
    fn names_are_read_back_and_strangers_are_told_the_list() {
        for status in ProjectStatus::ALL {
            assert_eq!(ProjectStatus::read(status.as_str()), Ok(*status));
        }
        let error = ProjectStatus::read("Active").unwrap_err();
        assert_eq!(error, UnknownName { kind: "project status", text: "Active".into(), allowed: "ACTIVE, PAUSED, ARCHIVED".into() });
        assert_eq!(error.to_string(), "unknown project status `Active`; allowed: ACTIVE, PAUSED, ARCHIVED");
    }
}
