//! The gateway: hello, identify, resume, heartbeats, events.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::world::{BOT, Fake, GUILD, Session, TOKEN};

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() }))
}

impl Fake {
    pub(super) async fn gateway(&self, stream: TcpStream) {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        let (cut, mut orders) = {
            let state = self.state();
            (state.cut, state.orders.len())
        };
        let text = |value: Value| Message::Text(value.to_string());
        if socket.send(text(json!({ "op": 10, "d": { "heartbeat_interval": 5000 } }))).await.is_err() {
            return;
        }
        let mut changes = self.changed.subscribe();
        let mut session: Option<String> = None;
        let mut sent = 0;
        loop {
            if self.state().cut != cut {
                return;
            }
            let given: Vec<Value> = self.state().orders.iter().skip(orders).cloned().collect();
            for order in given {
                orders += 1;
                let invalid = order["op"] == 9;
                if socket.send(text(order)).await.is_err() {
                    return;
                }
                if invalid {
                    session = None;
                }
            }
            let fresh: Vec<Value> = session
                .as_ref()
                .and_then(|name| self.state().sessions.get(name).map(|session| session.events.iter().skip(sent).cloned().collect()))
                .unwrap_or_default();
            for event in fresh {
                sent += 1;
                if socket.send(text(event)).await.is_err() {
                    return;
                }
            }
            let incoming = tokio::select! {
                message = socket.next() => message,
                changed = changes.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
            };
            let Some(Ok(Message::Text(message))) = incoming else { return };
            let Ok(message) = serde_json::from_str::<Value>(&message) else { return };
            let data = &message["d"];
            match message["op"].as_u64() {
                Some(1) => drop(socket.send(text(json!({ "op": 11 }))).await),
                Some(2) => {
                    if data["token"].as_str().is_none_or(|token| token.trim_start_matches("Bot ") != TOKEN) {
                        drop(socket.send(close(4004, "Authentication failed")).await);
                        return;
                    }
                    if self.state().intents_refused && data["intents"].as_u64().unwrap_or(0) & (1 << 15) != 0 {
                        drop(socket.send(close(4014, "Disallowed intent(s)")).await);
                        return;
                    }
                    let name = self.change(|state| {
                        let name = format!("session-{}", state.id());
                        let ready = json!({ "op": 0, "t": "READY", "s": 1, "d": {
                            "v": 10, "user": { "id": BOT.to_string(), "username": "queue", "discriminator": "0", "avatar": null, "bot": true,
                                "verified": true, "mfa_enabled": false, "email": null },
                            "guilds": [{ "id": GUILD.to_string(), "unavailable": true }], "session_id": name, "shard": [0, 1],
                            "resume_gateway_url": format!("ws://127.0.0.1:{}/gw", self.port), "application": { "id": BOT.to_string(), "flags": 1 << 19 },
                        } });
                        state.sessions.insert(name.clone(), Session { events: vec![ready], valid: true });
                        name
                    });
                    (session, sent) = (Some(name), 0);
                }
                Some(6) => {
                    let name = data["session_id"].as_str().unwrap_or_default().to_owned();
                    if self.state().sessions.get(&name).is_some_and(|session| session.valid) {
                        sent = usize::try_from(data["seq"].as_u64().unwrap_or(0)).unwrap_or(0);
                        self.change(|state| {
                            if let Some(session) = state.sessions.get_mut(&name) {
                                let seq = session.events.len() + 1;
                                session.events.push(json!({ "op": 0, "t": "RESUMED", "s": seq, "d": { "_trace": [] } }));
                            }
                        });
                        session = Some(name);
                    } else if socket.send(text(json!({ "op": 9, "d": false }))).await.is_err() {
                        return;
                    }
                }
                _ => {}
            }
        }
    }
}
