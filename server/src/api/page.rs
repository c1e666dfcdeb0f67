//! Pages of lists: sizes, and opaque tokens that belong to one list with one filter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use super::permissions::Call;
use super::status::ApiError;
use aq_proto::v1 as pb;

/// Entries of a page when the caller names no number.
const DEFAULT_SIZE: u32 = 50;
/// Most entries of a page.
const MAX_SIZE: u32 = 200;
/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 1024;
/// Bytes of the filter's hash in a token.
const HASH: usize = 8;

/// A request for a page.
pub(super) trait Paged: Call + Message + Clone {
    /// The size and the token.
    fn paging(&mut self) -> (&mut u32, &mut String);
}

macro_rules! paged {
    ($($request:ident),+ $(,)?) => {$(
        impl Paged for pb::$request {
            fn paging(&mut self) -> (&mut u32, &mut String) {
                (&mut self.page_size, &mut self.page_token)
            }
        }
    )+};
}

paged!(
    ListProjectsRequest,
    ListWorkspacesRequest,
    ListTasksRequest,
    ListRunsRequest,
    ListAgentsRequest,
    ListAccountsRequest,
    ListEventsRequest,
    ListApiKeysRequest,
    ListAuditRecordsRequest,
    ListPermissionGrantsRequest,
    ListQuestionsRequest,
    ListArchivedTasksRequest,
    ListPlansRequest,
    ListBranchesRequest,
    ListCommitsRequest,
    ListNotesRequest,
    ListPromptsRequest,
    ListRecordsRequest,
    ListHooksRequest,
    ListHookRunsRequest,
);

/// The page that a request asks for: how many entries, and behind which key.
#[derive(Clone, Debug)]
pub(super) struct Page<K> {
    /// How many entries.
    pub size: u32,
    /// The key of the last entry of the page before; `None`: the first page.
    pub after: Option<K>,
    hash: [u8; HASH],
}

impl<K: Serialize + DeserializeOwned> Page<K> {
    /// Reads size and token. A token of another list, or of the same list with another filter, is refused. Api R6.
    pub(super) fn of<Q: Paged>(request: &Q) -> Result<Self, ApiError> {
        let mut bare = request.clone();
        let (size, token) = bare.paging();
        let (size, token) = (std::mem::take(size), std::mem::take(token));
        if size > MAX_SIZE {
            return Err(ApiError::invalid("page_size", format!("is {size}; at most {MAX_SIZE} are allowed")));
        }
        let mut hasher = Sha256::new();
        hasher.update(Q::PATH.as_bytes());
        hasher.update(bare.encode_to_vec());
        let mut hash = [0; HASH];
        hash.iter_mut().zip(hasher.finalize()).for_each(|(to, from)| *to = from);
        let size = if size == 0 { DEFAULT_SIZE } else { size };
        if token.is_empty() {
            return Ok(Self { size, after: None, hash });
        }
        let stale = || ApiError::invalid("page_token", "does not belong to this list with this filter; begin with the first page");
        let bytes = if token.len() <= MAX_TOKEN { URL_SAFE_NO_PAD.decode(&token).ok() } else { None };
        let bytes = bytes.ok_or_else(stale)?;
        let (given, key) = bytes.split_at_checked(HASH).ok_or_else(stale)?;
        if given != hash {
            return Err(stale());
        }
        let after = serde_json::from_slice(key).map_err(|_| stale())?;
        Ok(Self { size, after: Some(after), hash })
    }

    /// The token of the page behind the entry with this key; empty for `None`.
    pub(super) fn token(&self, last: Option<&K>) -> String {
        let Some(last) = last else { return String::new() };
        let mut bytes = self.hash.to_vec();
        // Keys are numbers, texts and tuples of them, which always have a JSON form.
        bytes.extend(serde_json::to_vec(last).unwrap_or_default());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// A page cut out of a whole list in memory.
pub(super) struct Slice<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The token of the next page.
    pub next: String,
    /// How many entries there are, over all pages.
    pub total: u32,
}

impl<K: Serialize + DeserializeOwned + Ord> Page<K> {
    /// Cuts this page out of `all`, ordered by `key` ascending.
    pub(super) fn slice<T>(&self, mut all: Vec<T>, key: impl Fn(&T) -> K) -> Slice<T> {
        let total = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all.sort_by_key(&key);
        if let Some(after) = &self.after {
            all.retain(|item| key(item) > *after);
        }
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let more = all.len() > size;
        all.truncate(size);
        let last = if more { all.last().map(key) } else { None };
        Slice { next: self.token(last.as_ref()), items: all, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Api R6, AIP-158.
    #[test]
    fn pages_go_on_where_they_ended_and_belong_to_their_filter() {
        let mut request = pb::ListAgentsRequest { page_size: 2, ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let page = Page::<u32>::of(&request).unwrap();
            let slice = page.slice(vec![5, 3, 1, 4, 2], |item| *item);
            assert_eq!(slice.total, 5);
            seen.extend(slice.items);
            request.page_token = slice.next;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        let token = Page::<u32>::of(&pb::ListAgentsRequest::default()).unwrap().token(Some(&3));
        let other = pb::ListAgentsRequest { runtime: 1, page_token: token.clone(), ..Default::default() };
        assert!(Page::<u32>::of(&other).is_err());
        assert_eq!(
            Page::<u32>::of(&pb::ListAgentsRequest { page_size: 7, page_token: token, ..Default::default() }).unwrap().after,
            Some(3)
        );
        for bad in ["x", "====", &"A".repeat(4000)] {
            assert!(Page::<u32>::of(&pb::ListAgentsRequest { page_token: bad.into(), ..Default::default() }).is_err());
        }
        assert!(Page::<u32>::of(&pb::ListAgentsRequest { page_size: 201, ..Default::default() }).is_err());
    }
}
