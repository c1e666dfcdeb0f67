//! Attacks with streams: too many, broken off at once, never read, never closed.

use aq_proto::v1 as pb;
use futures_util::future::BoxFuture;
use tonic::Code;
use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_request::MessageRequest};

use super::arena::{Arena, HEALTH, LIST, OUTPUT, answer, bare, whole};
use super::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, GOAWAY, HEADERS, PATIENCE, PROTOCOL_ERROR,
    REFUSED_STREAM, RST_STREAM, STREAM_CLOSED, WINDOW_UPDATE, Wire, call, frame,
};

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// Calls that are broken off in the same breath (CVE-2023-44487), twenty thousand of them.
pub(super) async fn rapid_reset(arena: &Arena) {
    let mut wire = arena.wire().await;
    let headers = call(LIST, Some(&arena.key));
    let mut open = true;
    for first in (1..40_000).step_by(200) {
        let mut bytes = Vec::new();
        for stream in (first..first + 200).step_by(2) {
            bytes.extend(frame(HEADERS, END_HEADERS, stream, &headers));
            bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        }
        open = open && wire.send(&bytes).await;
    }
    assert_eq!(wire.ended().await, [ENHANCE_YOUR_CALM]);
}

/// Calls that make the server break them off (CVE-2025-8671): window updates of nothing and beyond the end, bodies behind the end. Counted, and closed.
pub(super) async fn made_you_reset(arena: &Arena) {
    let nothing = |stream| frame(WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes());
    let beyond = |stream| frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
    let behind = |stream| frame(DATA, END_STREAM, stream, &[]);
    for (number, bad) in [&nothing as &(dyn Fn(u32) -> Vec<u8> + Sync), &beyond, &behind].into_iter().enumerate() {
        let mut wire = arena.wire().await;
        let headers = call(LIST, Some(&arena.key));
        let flags = if number == 2 { END_HEADERS | END_STREAM } else { END_HEADERS };
        for stream in (1..8000).step_by(2) {
            let bytes = [frame(HEADERS, flags, stream, &headers), bad(stream)].concat();
            if !wire.send(&bytes).await {
                break;
            }
        }
        // Those that the server had answered before are no resets, and count for nothing.
        let code = wire.taken().await;
        assert!(
            code.is_none_or(|code| [ENHANCE_YOUR_CALM, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED].contains(&code)),
            "{number}: {code:?}"
        );
    }
    // The window of the connection.
    let mut wire = arena.wire().await;
    wire.flood(&beyond(0), 64).await;
    assert_eq!(wire.taken().await, Some(FLOW_CONTROL_ERROR));
    // Frames that have no place where they stand.
    for lost in [
        frame(CONTINUATION, END_HEADERS, 1, b""),
        frame(DATA, 0, 0, b"x"),
        frame(DATA, 0, 7, b"x"),
        frame(HEADERS, END_HEADERS, 2, &call(HEALTH, None)),
    ] {
        let mut wire = arena.wire().await;
        wire.send(&lost).await;
        assert!(!wire.ended().await.is_empty());
    }
}

/// A thousand calls at once on one connection: 256 are taken, the others are refused unread.
pub(super) async fn too_many(arena: &Arena) {
    let mut wire = arena.wire().await;
    let headers = call(HEALTH, None);
    let all: Vec<u8> = (1..2000).step_by(2).flat_map(|stream| frame(HEADERS, END_HEADERS, stream, &headers)).collect();
    wire.send(&all).await;
    let refused = wire.until(|frame| frame.kind == GOAWAY || (frame.kind == RST_STREAM && frame.code == REFUSED_STREAM)).await;
    assert!(refused.is_some(), "a thousand streams were taken");
}

/// Large answers into a window of one byte, two hundred and fifty at once, on a connection that lives and pings: few are made, and it is closed when they are
/// not taken.
pub(super) async fn zero_window(arena: &Arena) -> BoxFuture<'static, ()> {
    let mut wire = Wire::greeted(arena.socket_from(40).await, &[0, 4, 0, 0, 0, 1]).await;
    let body = whole(&pb::ListTasksRequest { page_size: 200, include_finished: true, ..Default::default() });
    for stream in (1..500).step_by(2) {
        wire.send(&frame(HEADERS, END_HEADERS, stream, &call(LIST, Some(&arena.key)))).await;
        wire.send(&frame(DATA, END_STREAM, stream, &body)).await;
    }
    Box::pin(async move { wire.ended_while_alive().await })
}

/// Streams that follow a run, as many as a key may have and more, then silence without an end, as when a machine is switched off: the share holds, and when
/// nobody answers the server's pings the streams are free again.
pub(super) async fn abandoned(arena: &Arena) -> BoxFuture<'static, ()> {
    let headers = call(OUTPUT, Some(&arena.key));
    let body = whole(&pb::StreamRunOutputRequest { task_id: arena.task.clone(), follow: true, ..Default::default() });
    let mut wire = Wire::greeted(arena.socket_from(41).await, &[]).await;
    for stream in (1..200).step_by(2) {
        wire.send(&frame(HEADERS, END_HEADERS, stream, &headers)).await;
        wire.send(&frame(DATA, END_STREAM, stream, &body)).await;
    }
    // Those beyond the share are answered by headers that end the stream.
    assert!(wire.until(|frame| frame.kind == HEADERS && frame.flags & END_STREAM != 0).await.is_some());
    let arena = arena.clone();
    Box::pin(async move {
        wire.ended().await;
        let caller = arena.caller().await;
        let (response, mut stream) = caller.send.clone().ready().await.unwrap().send_request(arena.request(OUTPUT), false).unwrap();
        stream.send_data(body, true).unwrap();
        let head = tokio::time::timeout(PATIENCE, response).await.unwrap().unwrap();
        assert!(!head.headers().contains_key("grpc-status"), "{head:?}");
    })
}

/// Reflection asked ten thousand times on one stream, and as many streams as there are: answered, or turned away.
pub(super) async fn reflection(arena: &Arena) {
    let caller = arena.caller().await;
    let asked = |text: &str| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(text.to_owned())),
    };
    let body: Vec<u8> = (0..10_000).flat_map(|_| whole(&asked("agentqueue.v1.NotThere")).to_vec()).collect();
    let got = caller.call(arena.request(REFLECTION), body.into()).await;
    assert!(got.is_ok_and(|answer| answer.status.is_some()));
    let mut open = Vec::new();
    for _ in 0..250 {
        let (response, mut stream) = caller.send.clone().ready().await.unwrap().send_request(arena.request(REFLECTION), false).unwrap();
        let _ended_before = stream.send_data(whole(&asked("agentqueue.v1.TaskService")), false);
        open.push((response, stream));
    }
    let mut turned_away = 0;
    for (response, _stream) in open {
        let head = tokio::time::timeout(PATIENCE, response).await.unwrap();
        turned_away += usize::from(head.is_ok_and(|head| head.headers().contains_key("grpc-status")));
    }
    assert!(turned_away > 0, "250 streams of one key");
    drop(caller);
    let caller = arena.caller().await;
    let (response, _) = caller.send.clone().ready().await.unwrap().send_request(bare(REFLECTION), true).unwrap();
    assert_eq!(answer(response.await.unwrap()).await.unwrap().code(), Some(Code::Unauthenticated));
}
