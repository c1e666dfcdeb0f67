//! Texts that every client shows the same: icons, progress bars, trees and dependency lists of tasks.
//!
//! Embeds, tables and colours of a terminal live in the clients.
//!
//! Spec: specs/server/core/render.md

mod archive_note;
mod dependency_list;
mod icon;
mod line;
mod progress;
mod tree;

pub use archive_note::{ArchiveNote, archive_note};
pub use dependency_list::{DependencyEntry, dependency_list};
pub use icon::{PropertyTag, Style, status_colour, status_emoji, type_emoji};
pub use line::TEXT_BUDGET;
pub use progress::{DEFAULT_BAR_WIDTH, progress_bar};
pub use tree::{DEFAULT_TREE_DEPTH, TreeNode, compact_tree, task_tree};
