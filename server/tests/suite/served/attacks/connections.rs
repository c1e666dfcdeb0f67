//! Attacks on connections: peers that say nothing, nonsense, too much, or never listen.

use aq_proto::v1 as pb;
use futures_util::future::BoxFuture;
use tokio::io::AsyncWriteExt as _;
use tonic::Code;

use super::arena::{Arena, HEALTH, LIST, bare, whole};
use super::wire::{self, END_HEADERS, HEADERS, PING, PREFACE, PRIORITY, SETTINGS, WINDOW_UPDATE, Wire, call, closed, frame};

/// Nothing, or half a preface, and then silence: closed when its time for a first call is over.
pub(super) async fn no_preface(arena: &Arena) -> BoxFuture<'static, ()> {
    let mut sockets = Vec::new();
    for number in 0..24 {
        let mut socket = arena.socket_from(20).await;
        socket.write_all(&PREFACE[..number]).await.unwrap();
        sockets.push(socket);
    }
    Box::pin(async move {
        for socket in &mut sockets {
            closed(socket).await;
        }
    })
}

/// A preface and settings, acknowledged pings even, but never a call: closed when its time for a first call is over.
pub(super) async fn no_call(arena: &Arena) -> BoxFuture<'static, ()> {
    let mut wires = Vec::new();
    for _ in 0..24 {
        wires.push(Wire::greeted(arena.socket_from(21).await, &[]).await);
    }
    Box::pin(async move {
        for wire in &mut wires {
            wire.ended().await;
        }
    })
}

/// Calls with large answers into wide windows, and not a byte taken from the socket: closed when nothing has left for half a minute.
pub(super) async fn never_reads(arena: &Arena) -> BoxFuture<'static, ()> {
    let mut sockets = Vec::new();
    for _ in 0..4 {
        let mut socket = arena.socket_from(22).await;
        let windows = [0, 4, 0x7f, 0xff, 0xff, 0xff];
        let mut bytes = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &windows)].concat();
        bytes.extend(frame(WINDOW_UPDATE, 0, 0, &0x7000_0000_u32.to_be_bytes()));
        let body = whole(&pb::ListTasksRequest { page_size: 200, include_finished: true, ..Default::default() });
        for stream in (1..32).step_by(2) {
            bytes.extend(frame(HEADERS, END_HEADERS, stream, &call(LIST, Some(&arena.key))));
            bytes.extend(frame(wire::DATA, wire::END_STREAM, stream, &body));
        }
        socket.write_all(&bytes).await.unwrap();
        sockets.push(socket);
    }
    let arena = arena.clone();
    Box::pin(async move {
        // What has not been read hides the end from this side.
        arena.gone(22).await;
        drop(sockets);
    })
}

/// Garbage, the hello of TLS, a request of HTTP/1.1: closed at once, without an answer.
pub(super) async fn other_protocols(arena: &Arena) {
    // The beginning of a hello of TLS 1.2.
    let hello: Vec<u8> = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 501]].concat();
    let garbage: Vec<u8> = (0..1_000_000_u32).map(|number| u8::try_from(number.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    let http = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    for bytes in [hello, garbage, http] {
        for _ in 0..20 {
            let mut socket = arena.socket().await;
            // It may be closed before all is written.
            let _written = socket.write_all(&bytes).await;
            let told = closed(&mut socket).await;
            assert!(told < 200, "{told} bytes came back");
        }
    }
}

/// Settings of 16 KiB, then floods of settings, priorities and window updates: each is read and nothing piles up.
pub(super) async fn frames_without_calls(arena: &Arena) {
    // Unknown settings are to be ignored, however many.
    let enormous = [0xff, 1, 0, 0, 0, 1].repeat(2730);
    let mut wire = Wire::greeted(arena.socket().await, &enormous).await;
    assert_eq!(wire.taken().await, None);
    for flood in [
        frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]),
        frame(PRIORITY, 0, 5, &[0, 0, 0, 3, 200]),
        frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
    ] {
        wire.flood(&flood, 50_000).await;
        assert_eq!(wire.taken().await, None);
    }
}

/// A hundred thousand pings, their answers read: each is answered. Then more of them, their answers not read: the server reads no more, and closes.
pub(super) async fn pings(arena: &Arena) -> BoxFuture<'static, ()> {
    let mut wire = Wire::greeted(arena.socket_from(23).await, &[]).await;
    assert!(wire.flood(&frame(PING, 0, 0, b"and back"), 100_000).await);
    assert_eq!(wire.taken().await, None);
    let mut deaf = arena.socket_from(23).await;
    Box::pin(async move {
        let greeting = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
        let many = frame(PING, 0, 0, b"and back").repeat(4096);
        let flood = async {
            let _closed = deaf.write_all(&greeting).await;
            while deaf.write_all(&many).await.is_ok() {}
        };
        tokio::time::timeout(wire::PATIENCE, flood).await.expect("the server never closed it");
    })
}

/// As many connections as there are places, each address its share and one more: those who have a place on the Unix socket do not notice, and the places
/// are free again when the time for a first call is over.
pub(super) async fn every_place(arena: &Arena) {
    let mut held = Vec::new();
    for host in 100..110 {
        for _ in 0..33 {
            held.push(arena.socket_from(host).await);
        }
    }
    for socket in &mut held {
        closed(socket).await;
    }
    let caller = arena.caller().await;
    let answer = caller.call(bare(HEALTH), whole(&tonic_health::pb::HealthCheckRequest::default())).await.unwrap();
    assert_eq!(answer.code(), Some(Code::Ok), "{answer:?}");
}
