//! A credential of a client: `aq_<kid>_<secret>`. What it may do is known to the server only.
//!
//! Spec: specs/proto/client.md

use std::fmt;
use std::str::FromStr;

/// Shortest and longest secret accepted, in characters. A key made by the server has 43 (256 random bits).
const SECRET_CHARS: std::ops::RangeInclusive<usize> = 22..=128;

/// Why a text is not an API key. The text itself is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    /// It does not have the form `aq_<kid>_<secret>`.
    #[error("an API key has the form aq_<kid>_<secret>")]
    Form,
    /// The secret is too short or too long, or holds other characters than letters and digits.
    #[error("the secret of an API key has 22 to 128 letters and digits")]
    Secret,
}

/// A credential. Printing it shows the public part only.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    kid: String,
    secret: String,
}

impl ApiKey {
    /// The public part: names the key in lists and logs.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The secret part. Never log it.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The whole key as text, for the wire and for the file it is kept in.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("aq_{}_{}", self.kid, self.secret)
    }
}

impl FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        let rest = text.trim().strip_prefix("aq_").ok_or(InvalidApiKey::Form)?;
        let (kid, secret) = rest.split_once('_').ok_or(InvalidApiKey::Form)?;
        let word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric());
        if kid.is_empty() || kid.len() > 32 || !word(kid) {
            return Err(InvalidApiKey::Form);
        }
        if !SECRET_CHARS.contains(&secret.len()) || !word(secret) {
            return Err(InvalidApiKey::Secret);
        }
        Ok(Self { kid: kid.to_owned(), secret: secret.to_owned() })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey(aq_{}_…)", self.kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdefABCDEFGH";

    /// Client R2: a key is read with the line end of its file, and told back whole.
    #[test]
    fn keys_are_read_and_told_back() {
        let key: ApiKey = format!("aq_k1_{SECRET}\n").parse().unwrap();
        assert_eq!((key.kid(), key.secret()), ("k1", SECRET));
        assert_eq!(key.reveal(), format!("aq_k1_{SECRET}"));
    }

    /// Client R2, invariant I-44: the secret is not printed.
    #[test]
    fn the_secret_is_not_printed() {
        let key: ApiKey = format!("aq_k1_{SECRET}").parse().unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(aq_k1_…)");
    }

    /// Client R2: anything else is refused without repeating it.
    #[test]
    fn other_texts_are_refused() {
        for text in ["", "aq_", "aq_k1", "aq__x", "sk-ant-123", &format!("aq_k-1_{SECRET}")] {
            assert_eq!(text.parse::<ApiKey>(), Err(InvalidApiKey::Form), "{text}");
        }
        assert_eq!("aq_k1_short".parse::<ApiKey>(), Err(InvalidApiKey::Secret));
        assert_eq!(format!("aq_k1_{SECRET}_x").parse::<ApiKey>(), Err(InvalidApiKey::Secret));
    }
}
