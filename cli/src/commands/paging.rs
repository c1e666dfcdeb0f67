//! Pages of lists: how many entries, which page, what is said about the rest (rendering R6, R7).

use crate::ui::Ui;

/// Which part of a list is shown.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Paging {
    /// Most entries shown, 1 to 200
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
    /// Show the page behind this token
    #[arg(long, value_name = "TOKEN")]
    pub(crate) page_token: Option<String>,
    /// Show every page
    #[arg(long, conflicts_with = "page_token")]
    pub(crate) all: bool,
}

impl Paging {
    /// Entries of one call.
    #[must_use]
    pub(crate) const fn size(&self) -> u32 {
        if self.all { 200 } else { self.limit }
    }

    /// The token of the first call.
    #[must_use]
    pub(crate) fn token(&self) -> String {
        self.page_token.clone().unwrap_or_default()
    }
}

/// Says what is not shown; for an empty list, `empty`: the command that fills it.
pub(crate) fn note(ui: &Ui, shown: usize, total: u32, next: &str, empty: &str) {
    if shown == 0 && next.is_empty() {
        ui.talk(empty);
    } else if !next.is_empty() {
        ui.talk(format!("{shown} of {total} shown; all: --all, next page: --page-token {next}"));
    }
}

/// Says which rows the server could not read: the list is shown without them.
pub(crate) fn unreachable(ui: &Ui, names: &[String]) {
    if let Some(first) = names.first() {
        let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
        ui.warn(format!("the server cannot read {first}{more} in its database; what is wrong and what helps: aqctl doctor"));
    }
}

/// Calls a list, page after page when `--all` is given, and answers with the pages put together: their `$items`.
macro_rules! pages {
    ($paging:expr, $client:expr, $call:ident, $request:expr, $($items:ident),+) => {{
        let mut request = $request;
        request.page_size = $paging.size();
        request.page_token = $paging.token();
        let mut answer = $client.$call(request.clone()).await?.into_inner();
        while $paging.all && !answer.next_page_token.is_empty() {
            request.page_token = std::mem::take(&mut answer.next_page_token);
            let next = $client.$call(request.clone()).await?.into_inner();
            $(answer.$items.extend(next.$items);)+
            answer.next_page_token = next.next_page_token;
        }
        answer
    }};
}
pub(crate) use pages;
