//! Attacks with messages: lengths that are not true, bombs, nonsense, halves and crumbs.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tonic::Code;

use super::arena::{Arena, CREATE, HEALTH, LIST, answer, bare, message};
use super::wire::{DATA, END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, PATIENCE, call, frame};

/// Four gigabytes announced, eight megabytes sent: OUT_OF_RANGE, before they are there.
pub(super) async fn too_large(arena: &Arena) {
    let caller = arena.caller().await;
    for length in [u32::MAX as usize, 1 << 31, 8 << 20, (1 << 20) + 1] {
        let answer = caller.call(arena.request(CREATE), message(0, length, b"x")).await.unwrap();
        assert_eq!(answer.code(), Some(Code::OutOfRange), "{length}: {answer:?}");
    }
    for _ in 0..8 {
        let sent = caller.call(arena.request(CREATE), message(0, 8 << 20, &vec![b'x'; 8 << 20])).await;
        match sent {
            Ok(answer) => assert_eq!(answer.code(), Some(Code::OutOfRange), "{answer:?}"),
            // The rest is not taken, which breaks the stream off, not the connection.
            Err(error) => assert!(error.is_reset(), "{error:?}"),
        }
    }
}

/// A message that says it is packed, with and without the name of a way to unpack it: UNIMPLEMENTED, and nothing is unpacked.
pub(super) async fn packed(arena: &Arena) {
    let caller = arena.caller().await;
    for (encoding, code) in [
        (Some("gzip"), Code::Unimplemented),
        (Some("deflate"), Code::Unimplemented),
        (Some("zstd"), Code::Unimplemented),
        (Some("bomb"), Code::Unimplemented),
        (None, Code::Internal),
    ] {
        let mut request = arena.request(CREATE);
        if let Some(encoding) = encoding {
            request.headers_mut().insert("grpc-encoding", encoding.parse().unwrap());
        }
        // What gzip makes of zeros, without an end.
        let body = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0; 100_000]].concat();
        let answer = caller.call(request, message(1, body.len(), &body)).await.unwrap();
        assert_eq!(answer.code(), Some(code), "{encoding:?}: {answer:?}");
    }
    let answer = caller.call(arena.request(CREATE), message(7, 2, b"\x0a\x00")).await.unwrap();
    assert_eq!(answer.code(), Some(Code::Internal), "{answer:?}");
}

/// Bytes that are no message, and groups within groups, ten thousand deep: a status each time.
pub(super) async fn nonsense(arena: &Arena) {
    let caller = arena.caller().await;
    // Field 1 as a message within field 1, and so on; unknown groups within each other; texts that are not UTF-8; numbers without an end.
    let mut nested: Vec<u8> = Vec::new();
    for _ in 0..10_000 {
        let mut length = Vec::new();
        prost::encoding::encode_varint(nested.len() as u64, &mut length);
        drop(nested.splice(0..0, [&[0xfa, 1][..], &length].concat()));
    }
    let groups = [vec![0x7b; 100_000], vec![0x7c; 100_000]].concat();
    let bodies = [
        nested,
        groups,
        vec![0xff; 1000],
        b"\x0a\x04\xff\xfe\xfd\xfc".to_vec(),
        vec![0x0a; 65_000],
        vec![0x08, 0x80, 0x80, 0x80],
        vec![0; 64],
    ];
    let mut refused = 0;
    for body in &bodies {
        for path in [CREATE, LIST, "/agentqueue.v1.PlanService/CreatePlan", "/agentqueue.v1.HookService/CreateHook"] {
            let answer = caller.call(arena.request(path), message(0, body.len(), body)).await.unwrap();
            assert!(answer.status.is_some(), "{path}: {answer:?}");
            refused += usize::from(answer.code() != Some(Code::Ok));
        }
    }
    assert!(refused >= 20, "{refused}");
}

/// Half a message and then silence, on as many streams as there are, with a key and without: others have room all the same, and each call ends with its
/// deadline.
pub(super) async fn halves(arena: &Arena) -> BoxFuture<'static, ()> {
    let mut waiting = Vec::new();
    for host in [30, 31, 32, 33] {
        let (send, connection) = h2::client::handshake(arena.socket_from(host).await).await.unwrap();
        tokio::spawn(connection);
        for number in 0..256 {
            let request =
                if host % 2 == 0 { bare(HEALTH) } else { arena.request(if number % 2 == 0 { LIST } else { super::arena::OUTPUT }) };
            let (response, mut stream) = send.clone().ready().await.unwrap().send_request(request, false).unwrap();
            let _ended_before = stream.send_data(Bytes::from_static(&[0, 0, 0, 0, 9, 1]), false);
            waiting.push((response, stream));
        }
    }
    Box::pin(async move {
        let (mut late, mut room) = (0, 0);
        for (response, stream) in waiting {
            let ended = tokio::time::timeout(PATIENCE, async { answer(response.await?).await }).await.expect("half a call never ended");
            drop(stream);
            match ended.map(|answer| answer.code()) {
                Ok(Some(Code::DeadlineExceeded)) => late += 1,
                Ok(Some(Code::ResourceExhausted)) | Err(_) => room += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(late > 0 && room > 0, "{late} ended with their deadline, {room} had no room");
    })
}

/// A message in crumbs of one byte, and a hundred thousand frames with none: the connection is closed, as such frames cost more than they carry.
pub(super) async fn crumbs(arena: &Arena) {
    for crumb in [&b"x"[..], b""] {
        let mut wire = arena.wire().await;
        wire.send(&frame(HEADERS, END_HEADERS, 1, &call(CREATE, Some(&arena.key)))).await;
        wire.send(&frame(DATA, 0, 1, &message(0, 1_000_000, b""))).await;
        wire.flood(&frame(DATA, 0, 1, crumb), 100_000).await;
        assert_eq!(wire.taken().await, Some(ENHANCE_YOUR_CALM));
    }
}
