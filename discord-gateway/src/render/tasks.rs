//! The list of tasks (F-223): sections by status that open and close, a select for details; the tree and compact views in pages.

use aq_proto::v1 as pb;
use pb::TaskStatus;

use super::style::status_of;
use crate::custom_id::{Action, write};
use crate::message::{Button, ButtonStyle, Choice, Message, Select};
use crate::text::{cut, length, one_line, plural, split};

/// The order of the sections; the position is the bit in the button.
const ORDER: [TaskStatus; 11] = [
    TaskStatus::InProgress,
    TaskStatus::Assigned,
    TaskStatus::Ready,
    TaskStatus::Defined,
    TaskStatus::Paused,
    TaskStatus::WaitingInput,
    TaskStatus::AwaitingApproval,
    TaskStatus::Verifying,
    TaskStatus::Failed,
    TaskStatus::Blocked,
    TaskStatus::Completed,
];

/// Open when nobody chose: what is under way or wants somebody.
const OPEN: [TaskStatus; 8] = [
    TaskStatus::InProgress,
    TaskStatus::Assigned,
    TaskStatus::Ready,
    TaskStatus::Failed,
    TaskStatus::Blocked,
    TaskStatus::Paused,
    TaskStatus::WaitingInput,
    TaskStatus::AwaitingApproval,
];

/// Longest text of the list, and of a page of a tree.
const LONGEST: usize = 1950;
/// Above this a tree is attached as a whole too.
const ATTACHED: usize = 6000;

/// What is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskList<'a> {
    /// The project; empty: all.
    pub(crate) project: &'a str,
    /// The tasks.
    pub(crate) tasks: &'a [pb::Task],
    /// Numbers by status, also of tasks beyond those.
    pub(crate) counts: &'a [pb::TaskStatusCount],
    /// `l`, `t` or `c`.
    pub(crate) view: char,
    /// Open sections; `None`: nobody chose.
    pub(crate) open: Option<u16>,
    /// The page of a tree.
    pub(crate) page: u16,
}

fn bit(status: TaskStatus) -> u16 {
    ORDER.iter().position(|other| *other == status).map_or(0, |at| 1 << at)
}

/// A bar of a part of a whole.
fn bar(done: u64, all: u64, width: u64) -> String {
    let filled = (done * width).checked_div(all).unwrap_or(0);
    let cells = |count: u64, cell: &str| cell.repeat(usize::try_from(count).unwrap_or(0));
    format!("{}{} {} %", cells(filled, "█"), cells(width - filled.min(width), "░"), (done * 100).checked_div(all).unwrap_or(0))
}

impl TaskList<'_> {
    fn count(&self, status: TaskStatus) -> u64 {
        self.counts.iter().find(|count| count.status() == status).map_or(0, |count| count.count)
    }

    fn of(&self, status: TaskStatus) -> Vec<&pb::Task> {
        self.tasks.iter().filter(|task| task.status() == status).collect()
    }

    fn opened(&self) -> u16 {
        if let Some(open) = self.open {
            return open;
        }
        let usual: u16 = OPEN.iter().filter(|status| self.count(**status) > 0).map(|status| bit(*status)).sum();
        if usual > 0 {
            return usual;
        }
        ORDER.iter().find(|status| self.count(**status) > 0).map_or(0, |status| bit(*status))
    }

    fn link(&self, view: char, open: u16, page: u16) -> Option<String> {
        write(&Action::Tasks { project: self.project.to_owned(), view, open, page })
    }

    fn head(&self) -> String {
        let all: u64 = self.counts.iter().map(|count| count.count).sum();
        let done = self.count(TaskStatus::Completed);
        let name = if self.project.is_empty() { "All projects".to_owned() } else { one_line(self.project) };
        format!("**{name}** {} · {} active of {all}", bar(done, all, 10), all - done.min(all))
    }

    fn section(&self, status: TaskStatus, most: usize, text: &mut String) {
        let (word, emoji, _) = status_of(status);
        text.extend([format!("\n### {emoji} {} ({})", title(word), self.count(status))]);
        let tasks = self.of(status);
        for task in tasks.iter().take(most) {
            text.extend([format!("\n`{}` {}", task.id, cut(&one_line(&task.title), 80))]);
            if task.subtask_count > 0 {
                text.extend([format!("\n  {}", bar(task.subtask_completed_count.into(), task.subtask_count.into(), 8))]);
            }
        }
        let more = self.count(status).saturating_sub(u64::try_from(tasks.len().min(most)).unwrap_or(0));
        if more > 0 {
            text.extend([format!("\n_...and {more} more_")]);
        }
    }

    fn list(&self) -> Message {
        let open = self.opened();
        let shown: Vec<TaskStatus> = ORDER.into_iter().filter(|status| open & bit(*status) != 0 && self.count(*status) > 0).collect();
        let mut text = String::new();
        for most in [15, 8, 4, 2] {
            text = self.head();
            for status in &shown {
                self.section(*status, most, &mut text);
            }
            if length(&text) <= LONGEST {
                break;
            }
        }
        let done = self.count(TaskStatus::Completed);
        if shown.is_empty() && done > 0 {
            text.extend([match done {
                1 => "\nThe 1 task is completed. Press the button to see it.".to_owned(),
                _ => format!("\nAll {done} tasks are completed. Press the button to see them."),
            }]);
        } else if self.counts.iter().all(|count| count.count == 0) {
            text.push_str("\n_No tasks yet._ `/task add` makes one.");
        }
        let choice = |task: &&pb::Task| Choice {
            label: cut(&format!("{} {}", status_of(task.status()).1, one_line(&task.title)), 95),
            value: task.id.clone(),
            description: task.id.clone(),
        };
        let choices = self.tasks.iter().filter(|task| shown.contains(&task.status())).collect::<Vec<_>>();
        let mut message = Message::text(cut(&text, LONGEST));
        let toggles = ORDER.into_iter().filter(|status| self.count(*status) > 0).filter_map(|status| {
            let (word, emoji, _) = status_of(status);
            let style = if open & bit(status) != 0 { ButtonStyle::Primary } else { ButtonStyle::Secondary };
            let id = self.link('l', open ^ bit(status), 0)?;
            Some(Button::new(id, format!("{} ({})", title(word), self.count(status)), emoji, style))
        });
        let mut toggles: Vec<Button> = toggles.collect();
        toggles.truncate(15);
        message = message.with_buttons(toggles);
        if let Some(id) = write(&Action::Choose) {
            let choices = choices.iter().take(25).map(choice).collect();
            message = message.with_select(Select { id, placeholder: "Show a task".to_owned(), choices });
        }
        let view = |view, label: &str| self.link(view, open, 0).map(|id| Button::new(id, label, "", ButtonStyle::Secondary));
        let views: Vec<Button> = [view('t', "Tree"), view('c', "Compact"), self.refresh(open)].into_iter().flatten().collect();
        message.with_buttons(views)
    }

    fn refresh(&self, open: u16) -> Option<Button> {
        self.link(self.view, open, self.page).map(|id| Button::new(id, "Refresh", "🔁", ButtonStyle::Secondary))
    }

    /// The tasks as a tree: those without a parent in the list are roots.
    fn tree_text(&self, compact: bool) -> (String, usize) {
        let known: std::collections::HashSet<&str> = self.tasks.iter().map(|task| task.id.as_str()).collect();
        let roots: Vec<&pb::Task> = self.tasks.iter().filter(|task| !known.contains(task.parent_task_id.as_str())).collect();
        let mut text = String::new();
        for root in &roots {
            self.branch(root, "", "", compact, 0, &mut text);
        }
        (text, roots.len())
    }

    fn branch(&self, task: &pb::Task, lead: &str, below: &str, compact: bool, depth: usize, text: &mut String) {
        let emoji = status_of(task.status()).1;
        let title = cut(&one_line(&task.title), if compact { 40 } else { 60 }).replace('`', "ˋ");
        text.extend([format!("{lead}{emoji} {} {title}", task.id)]);
        if compact && task.subtask_count > 0 {
            text.extend([format!("  {}", bar(task.subtask_completed_count.into(), task.subtask_count.into(), 8))]);
        }
        text.push('\n');
        if compact || depth > 12 {
            return;
        }
        let children: Vec<&pb::Task> = self.tasks.iter().filter(|child| child.parent_task_id == task.id && child.id != task.id).collect();
        for (index, child) in children.iter().enumerate() {
            let last = index + 1 == children.len();
            let (branch, under) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.branch(child, &format!("{below}{branch}"), &format!("{below}{under}"), compact, depth + 1, text);
        }
    }

    fn tree(&self) -> Message {
        let compact = self.view == 'c';
        let (text, roots) = self.tree_text(compact);
        let name = if compact { "Compact View" } else { "Tree View" };
        let head = format!("**{name}** — {}, {} in all", plural(roots as u64, "root task"), self.tasks.len());
        let pages = split(&text, LONGEST - length(&head) - 60);
        let page = usize::from(self.page).min(pages.len().saturating_sub(1));
        let shown = pages.get(page).map_or("(no tasks)", String::as_str).trim_end();
        let place = if pages.len() > 1 { format!(" · page {} of {}", page + 1, pages.len()) } else { String::new() };
        let mut message = Message::text(format!("{head}{place}\n```\n{shown}\n```"));
        if length(&text) > ATTACHED {
            message = message.with_file("task_tree.txt", text.into_bytes());
        }
        let to = |page: usize, label: &str| {
            let page = u16::try_from(page).ok()?;
            self.link(self.view, self.open.unwrap_or(0), page).map(|id| Button::new(id, label, "", ButtonStyle::Secondary))
        };
        let mut buttons = Vec::new();
        if page > 0 {
            buttons.extend(to(page - 1, "◀ Prev"));
        }
        if page + 1 < pages.len() {
            buttons.extend(to(page + 1, "Next ▶"));
        }
        let other = if compact { ('t', "Tree") } else { ('c', "Compact") };
        for (view, label) in [('l', "List"), other] {
            buttons.extend(self.link(view, self.opened(), 0).map(|id| Button::new(id, label, "", ButtonStyle::Secondary)));
        }
        buttons.extend(self.refresh(self.open.unwrap_or(0)));
        message.with_buttons(buttons)
    }
}

/// `IN_PROGRESS` as people write it.
fn title(word: &str) -> String {
    let lower = word.to_lowercase().replace('_', " ");
    let mut letters = lower.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The list as asked for.
pub(crate) fn task_list(list: TaskList<'_>) -> Message {
    if list.view == 'l' { list.list() } else { list.tree() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Row;

    fn task(id: &str, status: TaskStatus, parent: &str) -> pb::Task {
        let title = format!("Title of {id}");
        pb::Task { id: id.into(), title, status: status.into(), parent_task_id: parent.into(), ..Default::default() }
    }

    fn counts(tasks: &[pb::Task]) -> Vec<pb::TaskStatusCount> {
        let count = |status: &TaskStatus| pb::TaskStatusCount {
            status: (*status).into(),
            count: tasks.iter().filter(|task| task.status() == *status).count() as u64,
        };
        ORDER.iter().map(count).collect()
    }

    fn shown(tasks: &[pb::Task], view: char, open: Option<u16>, page: u16) -> Message {
        task_list(TaskList { project: "app", tasks, counts: &counts(tasks), view, open, page })
    }

    /// F-223: sections in their order, those that want somebody open, a toggle for each, a select of what is shown.
    #[test]
    fn the_list_has_sections() {
        let mut tasks: Vec<pb::Task> = (0..20).map(|n| task(&format!("ready-{n}"), TaskStatus::Ready, "")).collect();
        tasks.push(task("done-1", TaskStatus::Completed, ""));
        tasks.push(task("works-1", TaskStatus::InProgress, ""));
        let message = shown(&tasks, 'l', None, 0);
        insta::assert_snapshot!(message.content);
        assert!(matches!(&message.rows[0], Row::Buttons(buttons) if buttons.len() == 3));
        assert!(matches!(&message.rows[1], Row::Select(select) if select.choices.len() == 21));
        let closed = shown(&tasks, 'l', Some(0), 0);
        assert!(closed.content.contains("The 1 task is completed") && !closed.content.contains("###"));
    }

    /// F-223: a list never exceeds a message, however long titles are.
    #[test]
    fn the_list_fits() {
        let mut tasks: Vec<pb::Task> = Vec::new();
        for status in ORDER {
            for n in 0..40 {
                tasks.push(pb::Task { title: "🦀".repeat(300), ..task(&format!("t-{n}-{}", status.as_str_name().len()), status, "") });
            }
        }
        let message = shown(&tasks, 'l', Some(0x7ff), 0);
        assert!(length(&message.content) <= LONGEST && message.rows.len() <= 5);
    }

    /// F-223: a tree in pages; the whole as a file when it is long.
    #[test]
    fn trees_are_paged() {
        let mut tasks = vec![task("root", TaskStatus::InProgress, ""), task("child-a", TaskStatus::Ready, "root")];
        tasks.push(task("grandchild", TaskStatus::Completed, "child-a"));
        tasks.push(task("child-b", TaskStatus::Defined, "root"));
        insta::assert_snapshot!(shown(&tasks, 't', None, 0).content);
        tasks.extend((0..300).map(|n| task(&format!("more-{n}"), TaskStatus::Ready, "")));
        let pages: Vec<Message> = (0..9).map(|page| shown(&tasks, 't', None, page)).collect();
        assert!(pages.iter().all(|page| length(&page.content) <= 2000 && page.content.matches("```").count() == 2));
        assert!(pages[0].content.contains("page 1 of") && !pages[0].files.is_empty());
        assert_ne!(pages[0].content, pages[1].content);
    }
}
