//! Attacks with headers: without an end, too large, compressed bombs, and values that nobody should send.

use aq_proto::v1 as pb;
use http::header::HeaderValue;
use tonic::Code;

use super::arena::{Arena, HEALTH, LIST, bare, whole};
use super::wire::{
    CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, WINDOW_UPDATE, call, frame, header, numbered, remembered,
};

/// A block of headers that goes on for ever (CVE-2024-27316): the connection is closed, with empty pieces and with full ones.
pub(super) async fn no_end(arena: &Arena) {
    for piece in [Vec::new(), header(b"x-more", b"and more")] {
        let mut wire = arena.wire().await;
        wire.send(&frame(HEADERS, 0, 1, &call(HEALTH, None))).await;
        let all = wire.flood(&frame(CONTINUATION, 0, 1, &piece), 1_000_000).await;
        assert!(!all, "a million pieces were read");
        wire.ended().await;
    }
}

/// A million bytes of metadata, in one header, in thousands of them, and in references to one: never a call, and the next one on a new connection is.
pub(super) async fn too_many_bytes(arena: &Arena) {
    let tiny: Vec<u8> = (0..20_000).flat_map(|number| header(format!("x{number}").as_bytes(), b"")).collect();
    for block in [header(b"x-large", &vec![b'x'; 1_000_000]), tiny, header(b"x-large", &vec![b'x'; 40_000])] {
        let mut wire = arena.wire().await;
        let mut pieces = block.chunks(16_000);
        wire.send(&frame(HEADERS, 0, 1, &call(LIST, Some(&arena.key)))).await;
        let mut open = true;
        while let (true, Some(piece)) = (open, pieces.next()) {
            open = wire.send(&frame(CONTINUATION, if pieces.len() == 0 { END_HEADERS } else { 0 }, 1, piece)).await;
        }
        let told = wire.until(|frame| frame.kind == HEADERS || frame.kind == RST_STREAM).await;
        // Refused by its status (431) when it can be read to its end; else the connection goes.
        if let Some(told) = told {
            assert_eq!((told.stream, told.flags & END_STREAM), (1, END_STREAM), "{told:?}");
        }
    }
}

/// One header of 4 KB, remembered, and named sixteen thousand times in one frame: 64 MB out of 20 KB are refused.
pub(super) async fn bomb(arena: &Arena) {
    for _ in 0..20 {
        let mut wire = arena.wire().await;
        let block = [call(HEALTH, None), remembered(b"x-bomb", &[b'x'; 4000])].concat();
        wire.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)).await;
        let block = [call(HEALTH, None), numbered(62).repeat(15_000)].concat();
        wire.send(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &block)).await;
        let told = wire.until(|frame| frame.kind == GOAWAY || (frame.stream == 3 && frame.kind != WINDOW_UPDATE)).await;
        // Refused by its status, as above, or the connection goes.
        assert!(told.is_none_or(|frame| frame.kind == GOAWAY || frame.flags & END_STREAM != 0));
    }
}

/// Services and methods that are not there, paths that are none, and bodies of another kind: a status each time.
pub(super) async fn unknown_calls(arena: &Arena) {
    let caller = arena.caller().await;
    let long = format!("/agentqueue.v1.TaskService/{}", "x".repeat(8000));
    for path in
        ["/agentqueue.v1.TaskService/Explode", "/no.Service/At", "/", "//", "/agentqueue.v1.TaskService", "/../../etc/passwd", &long]
    {
        let answer = caller.call(arena.request(path), whole(&pb::ListTasksRequest::default())).await.unwrap();
        assert_eq!(answer.code(), Some(Code::Unimplemented), "{path}: {answer:?}");
    }
    for kind in ["text/html", "application/json", "application/grpc-web", "", "application/grpc+thrift"] {
        let mut request = arena.request(LIST);
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        let answer = caller.call(request, whole(&pb::ListTasksRequest::default())).await.unwrap();
        assert!(answer.http == 415 || answer.status.is_some(), "{kind}: {answer:?}");
    }
    for method in ["GET", "PUT", "DELETE", "BREW"] {
        let mut request = arena.request(LIST);
        *request.method_mut() = method.parse().unwrap();
        let answer = caller.call(request, whole(&pb::ListTasksRequest::default())).await.unwrap();
        assert!(answer.http == 405 || answer.status.is_some(), "{method}: {answer:?}");
    }
}

/// Deadlines that are none are refused; the longest that can be written is answered as any other.
pub(super) async fn deadlines(arena: &Arena) {
    let caller = arena.caller().await;
    for (text, code) in [
        ("-1S", Code::InvalidArgument),
        ("soon", Code::InvalidArgument),
        ("", Code::InvalidArgument),
        ("999999999S", Code::InvalidArgument),
        ("18446744073709551616H", Code::InvalidArgument),
        ("99999999H", Code::Ok),
        ("0n", Code::DeadlineExceeded),
        ("999u", Code::DeadlineExceeded),
    ] {
        let mut request = arena.request(LIST);
        request.headers_mut().insert("grpc-timeout", text.parse().unwrap());
        let answer = caller.call(request, whole(&pb::ListTasksRequest::default())).await.unwrap();
        assert_eq!(answer.code(), Some(code), "{text}: {answer:?}");
    }
}

/// Three thousand keys: none, guessed, huge, and bytes that are no text. None gets in, and a right key from the same address does.
pub(super) async fn guesses(arena: &Arena) {
    let caller = arena.caller().await;
    let (kid, _) = arena.key.rsplit_once('_').unwrap();
    let mut waits = 0;
    for number in 0..3000 {
        let key = match number % 5 {
            0 => None,
            1 => Some(format!("Bearer {kid}_{number:024}").into_bytes()),
            2 => Some([&b"Bearer aq_"[..], &vec![b'x'; 8000]].concat()),
            3 => Some([&b"Bearer "[..], &[0xff_u8, 0x80, 0xfe].repeat(20)].concat()),
            _ => Some(format!("Basic {number}").into_bytes()),
        };
        let mut request = bare(LIST);
        if let Some(key) = key {
            request.headers_mut().insert("authorization", HeaderValue::from_bytes(&key).unwrap());
        }
        let answer = caller.call(request, whole(&pb::ListTasksRequest::default())).await.unwrap();
        match answer.code() {
            Some(Code::Unauthenticated) => {}
            Some(Code::ResourceExhausted) => waits += 1,
            _ => panic!("{answer:?}"),
        }
    }
    // Ten a minute are told what is wrong, however slow the machine is.
    assert!(waits > 2000, "{waits} of 2400");
    let answer = caller.call(arena.request(LIST), whole(&pb::ListTasksRequest::default())).await.unwrap();
    assert_eq!(answer.code(), Some(Code::Ok), "{answer:?}");
}

/// Metadata that says it is binary and is not base64, ids and persons of strange letters: an answer each time, and nothing of it in its headers.
pub(super) async fn binary_metadata(arena: &Arena) {
    let caller = arena.caller().await;
    let strange: [&[u8]; 5] = [b"====", b"\xff\xfe\x80", b"AAA", &[b'='; 4000], b"%00%0a\t"];
    for value in strange {
        for name in ["x-trace-bin", "grpc-status-details-bin", "grpc-tags-bin", "x-request-id", "user-agent", "grpc-encoding-bin"] {
            let mut request = arena.request(LIST);
            request.headers_mut().insert(name, HeaderValue::from_bytes(value).unwrap());
            let answer = caller.call(request, whole(&pb::ListTasksRequest::default())).await.unwrap();
            assert_eq!(answer.code(), Some(Code::Ok), "{name}: {answer:?}");
        }
    }
}
