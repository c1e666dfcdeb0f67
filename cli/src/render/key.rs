//! API keys.

use aq_proto::v1::{ApiKey, ListApiKeysResponse, Role};

use super::sheet::Sheet;
use super::table::{Cell, table};
use super::time;
use crate::look::{Look, Tone};
use crate::words;

fn state(look: &Look, key: &ApiKey) -> (String, Tone) {
    if key.revoked_at.is_some() {
        return (format!("revoked {}", time::relative(look, key.revoked_at.as_ref())), Tone::Bad);
    }
    match time::instant(key.expires_at.as_ref()) {
        Some(instant) if instant <= look.now => ("expired".to_owned(), Tone::Bad),
        Some(_) => (format!("expires {}", time::relative(look, key.expires_at.as_ref())), Tone::Plain),
        None => ("valid".to_owned(), Tone::Plain),
    }
}

/// A page of keys.
#[must_use]
pub(crate) fn list(look: &Look, page: &ListApiKeysResponse) -> String {
    table(
        look,
        &["KEY", "ROLE", "PROJECTS", "STATE", "LAST USED", "DESCRIPTION"],
        page.api_keys.iter().map(|key| {
            let (state, tone) = state(look, key);
            vec![
                Cell::new(&key.kid),
                Cell::new(words::phrase::<Role>(key.role)),
                Cell::new(if key.project_ids.is_empty() { "all".to_owned() } else { key.project_ids.join(", ") }),
                Cell::new(state).tone(tone),
                Cell::new(time::relative(look, key.last_used_at.as_ref())),
                Cell::new(&key.description),
            ]
        }),
    )
}

/// Everything about one key.
#[must_use]
pub(crate) fn show(look: &Look, key: &ApiKey) -> String {
    let mut sheet = Sheet::new(look, &key.kid);
    let (state, tone) = state(look, key);
    sheet.toned("state", state, tone).field("role", words::phrase::<Role>(key.role));
    sheet.field("projects", if key.project_ids.is_empty() { "all".to_owned() } else { key.project_ids.join(", ") });
    sheet.field("description", &key.description).field("created", time::both(look, key.created_at.as_ref()));
    sheet.field("expires", if key.expires_at.is_some() { time::both(look, key.expires_at.as_ref()) } else { "never".to_owned() });
    sheet.field("last used", if key.last_used_at.is_some() { time::both(look, key.last_used_at.as_ref()) } else { "never".to_owned() });
    sheet.field("revoked", time::both(look, key.revoked_at.as_ref()));
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-237: keys with their state; no secret has a place here.
    #[test]
    fn keys() {
        let at = |seconds: i64| Some(prost_types::Timestamp { seconds: Look::plain().now.as_second() + seconds, nanos: 0 });
        let valid = ApiKey {
            kid: "k1".into(),
            role: Role::Admin.into(),
            description: "laptop".into(),
            expires_at: at(86_400),
            ..Default::default()
        };
        let expired = ApiKey {
            kid: "k2".into(),
            role: Role::Viewer.into(),
            project_ids: vec!["web".into()],
            expires_at: at(-1),
            ..Default::default()
        };
        let revoked = ApiKey { kid: "k3".into(), revoked_at: at(-60), last_used_at: at(-120), ..valid.clone() };
        insta::assert_snapshot!(list(
            &Look::plain(),
            &ListApiKeysResponse { api_keys: vec![valid, expired, revoked.clone()], ..Default::default() }
        ));
        insta::assert_snapshot!("one_key", show(&Look::plain(), &revoked));
    }
}
