//! NoteService over the wire: names that cannot escape, texts, events, scope, and the comparison with specs (F-169, D-74).

use aq_core::event::EventKind;
use aq_core::principal::{Principal, Role};
use aq_proto::v1 as pb;
use aq_server::store::events;
use tonic::Code;

use super::fixture::{Server, principal, refusal};

fn write(title: &str, content: &str, request_id: &str) -> pb::WriteNoteRequest {
    pb::WriteNoteRequest {
        project_id: "web".into(),
        title: title.into(),
        content: content.into(),
        request_id: request_id.into(),
        ..Default::default()
    }
}

fn append(title: &str, text: &str, request_id: &str) -> pb::AppendNoteRequest {
    pb::AppendNoteRequest { project_id: "web".into(), title: title.into(), text: text.into(), request_id: request_id.into() }
}

fn get(name: &str) -> pb::GetNoteRequest {
    pb::GetNoteRequest { project_id: "web".into(), name: name.into() }
}

/// F-169: written, appended, read by name, title and file name, listed with its title, deleted; each change is one event.
#[tokio::test]
async fn a_note_lives_and_is_told_about() {
    let server = Server::start().await;
    let (admin, _project) = (server.admin(), server.admin().project("Web").await);
    let mut notes = admin.notes();
    let made = notes.append_note(append("Release plan", "first", "a")).await.unwrap().into_inner();
    assert_eq!((made.name.as_str(), made.title.as_str()), ("release-plan", "Release plan"));
    assert_eq!(
        notes.append_note(append("Release plan", "first", "a")).await.unwrap().into_inner(),
        made,
        "the kept answer, no second text"
    );
    let more = notes.append_note(append("release-plan.md", "second", "b")).await.unwrap().into_inner();
    assert_eq!(more.content, "# Release plan\n\nfirst\n\nsecond\n");
    for name in ["release-plan", "release-plan.md", "Release plan"] {
        assert_eq!(notes.get_note(get(name)).await.unwrap().into_inner(), more, "{name}");
    }
    let stale = pb::WriteNoteRequest { if_revision: made.revision.clone(), ..write("Release plan", "over", "") };
    assert_eq!(refusal(&notes.write_note(stale.clone()).await.unwrap_err()).1, "NOTE_CHANGED");
    let fresh = pb::WriteNoteRequest { if_revision: more.revision.clone(), ..stale };
    assert_eq!(notes.write_note(fresh).await.unwrap().into_inner().title, "release-plan", "a text without heading is called by its name");
    notes.write_note(write("Ideas", "# Big ideas\n", "")).await.unwrap();

    let list = pb::ListNotesRequest { project_id: "web".into(), page_size: 1, ..Default::default() };
    let first = notes.list_notes(list.clone()).await.unwrap().into_inner();
    assert_eq!((first.notes[0].title.as_str(), first.notes[0].content.as_str(), first.total_size), ("Big ideas", "", 2));
    let second = notes.list_notes(pb::ListNotesRequest { page_token: first.next_page_token, ..list }).await.unwrap().into_inner();
    assert_eq!((second.notes[0].name.as_str(), second.next_page_token.as_str()), ("release-plan", ""));

    let delete = pb::DeleteNoteRequest { project_id: "web".into(), name: "ideas.md".into(), ..Default::default() };
    assert_eq!(notes.delete_note(delete.clone()).await.unwrap().into_inner().title, "Big ideas");
    assert_eq!(refusal(&notes.delete_note(delete).await.unwrap_err()).1, "NOTE_NOT_FOUND");
    let told = server.inner.reader.read(|db| events::after(db, 0, 1000)).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .filter(|event| event.kind.as_str().starts_with("note."))
        .map(|event| (event.kind, event.payload["note_name"].as_str().unwrap().to_owned(), event.payload["operation"].clone()))
        .collect();
    let expected = [
        (EventKind::NoteCreated, "release-plan", "created"),
        (EventKind::NoteUpdated, "release-plan", "appended"),
        (EventKind::NoteUpdated, "release-plan", "updated"),
        (EventKind::NoteCreated, "ideas", "created"),
        (EventKind::NoteDeleted, "ideas", "deleted"),
    ];
    assert_eq!(told, expected.map(|(kind, name, operation)| (kind, name.to_owned(), operation.into())));
}

/// F-169, D-74: no name reaches a file outside the folder, on any call, and nothing is made there.
#[tokio::test]
async fn names_cannot_escape() {
    let server = Server::start().await;
    let (admin, _project) = (server.admin(), server.admin().project("Web").await);
    let mut notes = admin.notes();
    let home = server.inner.home.path();
    std::fs::write(home.join("secret.md"), "secret").unwrap();
    notes.write_note(write("Real", "x", "")).await.unwrap();
    let folder = home.join("projects/web/notes");
    std::os::unix::fs::symlink(home.join("secret.md"), folder.join("link.md")).unwrap();
    for title in ["../secret", "../../../secret.md", "a/b", "a\\b", "/etc/passwd", "..", ".md", "con", "a\0b", "a\nb", "", &"y".repeat(300)]
    {
        for refused in
            [notes.write_note(write(title, "evil", "")).await.unwrap_err(), notes.append_note(append(title, "evil", "")).await.unwrap_err()]
        {
            assert_eq!((refused.code(), refusal(&refused).2.as_str()), (Code::InvalidArgument, "title"), "{title:?}");
        }
        let unread = notes.get_note(get(title)).await.unwrap_err();
        assert!(matches!(unread.code(), Code::NotFound | Code::InvalidArgument), "{title:?}: {unread:?}");
        let delete = pb::DeleteNoteRequest { project_id: "web".into(), name: title.into(), ..Default::default() };
        assert!(matches!(notes.delete_note(delete).await.unwrap_err().code(), Code::NotFound | Code::InvalidArgument), "{title:?}");
    }
    assert_eq!(refusal(&notes.get_note(get("link")).await.unwrap_err()).1, "NOT_A_FILE");
    assert_eq!(refusal(&notes.append_note(append("link", "evil", "")).await.unwrap_err()).1, "NOT_A_FILE");
    let list = pb::ListNotesRequest { project_id: "web".into(), ..Default::default() };
    assert_eq!(notes.list_notes(list).await.unwrap().into_inner().total_size, 1);
    assert_eq!(std::fs::read_to_string(home.join("secret.md")).unwrap(), "secret");
    let long = notes.write_note(write("Long", &"x".repeat(256 * 1024 + 1), "")).await.unwrap_err();
    assert_eq!(refusal(&long).2, "content");
    notes.write_note(write("Long", &"x".repeat(256 * 1024 - 10), "")).await.unwrap();
    let full = notes.append_note(append("Long", "more than fits in here", "")).await.unwrap_err();
    assert_eq!((full.code(), refusal(&full).2.as_str()), (Code::InvalidArgument, "text"));
}

/// Notes R12, api R2: an agent works with the notes of its own project; other projects are not there; looking is not writing.
#[tokio::test]
async fn notes_stay_in_their_project() {
    let server = Server::start().await;
    let admin = server.admin();
    admin.project("Web").await;
    admin.project("Other").await;
    admin.notes().write_note(write("Plan", "text", "")).await.unwrap();
    let own = server.client(Principal { role: Role::Run, ..principal(Role::Run, &["web"]) });
    let foreign = server.client(principal(Role::Run, &["other"]));
    assert_eq!(own.notes().get_note(get("plan")).await.unwrap().into_inner().content, "text");
    own.notes().append_note(append("plan", "by the agent", "")).await.unwrap();
    let delete = pb::DeleteNoteRequest { project_id: "web".into(), name: "plan".into(), ..Default::default() };
    assert_eq!(own.notes().delete_note(delete).await.unwrap_err().code(), Code::PermissionDenied);
    for refused in [
        foreign.notes().get_note(get("plan")).await.unwrap_err(),
        foreign.notes().append_note(append("plan", "evil", "")).await.unwrap_err(),
    ] {
        assert_eq!(refusal(&refused).1, "PROJECT_NOT_FOUND");
    }
    let viewer = server.role(Role::Viewer, &[]);
    assert_eq!(viewer.notes().write_note(write("x", "y", "")).await.unwrap_err().code(), Code::PermissionDenied);
}

/// F-169: specs of the repository beside notes; a folder that leads out is refused.
#[tokio::test]
async fn notes_are_compared_with_specs() {
    let server = Server::start().await;
    let source = super::git::repository(&server);
    std::fs::create_dir_all(source.join("specs/deep")).unwrap();
    std::fs::write(source.join("specs/api.md"), "# The API\n").unwrap();
    std::fs::write(source.join("specs/deep/store.md"), "x\n").unwrap();
    super::git::git(&source, &["add", "-A"]);
    super::git::git(&source, &["commit", "-qm", "specs"]);
    let project = super::git::project(&server, &source).await;
    let admin = server.admin();
    admin.notes().write_note(write("Store", "y", "")).await.unwrap();
    let compare = pb::CompareNotesRequest { project_id: project, specs_path: String::new() };
    let found = admin.notes().compare_notes(compare.clone()).await.unwrap().into_inner();
    let specs: Vec<_> = found.specs.iter().map(|line| (line.name.as_str(), line.title.as_str(), line.counterpart.as_str())).collect();
    assert_eq!(specs, [("api", "The API", ""), ("deep/store", "deep/store", "store")]);
    assert_eq!((found.notes[0].counterpart.as_str(), found.specs_path.as_str()), ("deep/store", "specs"));
    for bad in ["../x", "/etc", "a//b", "."] {
        let refused = admin.notes().compare_notes(pb::CompareNotesRequest { specs_path: bad.into(), ..compare.clone() }).await.unwrap_err();
        assert_eq!(refusal(&refused).2, "specs_path", "{bad}");
    }
}
