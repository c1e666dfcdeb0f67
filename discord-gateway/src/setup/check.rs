//! Whether everything is as it should be, line by line, with what helps.

use std::io::Write;
use std::sync::Arc;

use aq_proto::client::Connection;
use aq_proto::v1 as pb;

use super::{invite, probe};
use crate::config::DiscordSection;
use crate::discord::Http;
use crate::outbound::Outbound;

/// Lines as they are found; counts what is wrong.
struct Report<W> {
    output: W,
    wrong: u32,
}

impl<W: Write> Report<W> {
    fn good(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.output, "ok    {text}")
    }

    fn bad(&mut self, text: &str, remedy: &str) -> std::io::Result<()> {
        self.wrong += 1;
        writeln!(self.output, "WRONG {text}\n      {remedy}")
    }
}

/// Checks everything and writes what is found; true when nothing is wrong.
pub(crate) async fn check(section: &DiscordSection, server: Result<Connection, String>, output: impl Write) -> std::io::Result<bool> {
    let mut report = Report { output, wrong: 0 };
    report.good("the configuration is complete")?;
    discord(section, &mut report).await?;
    match server {
        Err(problem) => report.bad(&format!("the server: {problem}"), "start it, or name it with --endpoint or --home")?,
        Ok(connection) => match connection.admin().get_server_info(pb::GetServerInfoRequest {}).await {
            Ok(info) => {
                report.good(&format!("the server answers, version {}", info.into_inner().version))?;
                let request = pb::ListRecordsRequest { consumer: crate::backend::CONSUMER.to_owned(), page_size: 1, ..Default::default() };
                match connection.events().list_records(request).await {
                    Ok(_) => report.good("the API key may keep the gateway's records")?,
                    Err(status) => report.bad(
                        &format!("the API key: {}", status.message()),
                        "make one with `aqctl key create --role gateway` and name its file with --api-key-file",
                    )?,
                }
            }
            Err(status) => report.bad(&format!("the server: {}", status.message()), "start it, or name it with --endpoint or --home")?,
        },
    }
    Ok(report.wrong == 0)
}

async fn discord<W: Write>(section: &DiscordSection, report: &mut Report<W>) -> std::io::Result<()> {
    let http = match Http::new(&section.api_url, section.bot_token.clone()) {
        Ok(http) => http,
        Err(error) => return report.bad(&error.to_string(), "check the network of this machine"),
    };
    let out = Outbound::new(Arc::new(http));
    let application = match probe::application(&out).await {
        Ok(application) => application,
        Err(problem) => return report.bad(&problem, "the other questions to Discord need a token that it accepts"),
    };
    report.good(&format!("Discord knows the bot `{}`", application.name))?;
    if application.reads {
        report.good("the bot may read messages")?;
    } else {
        report.bad(
            "the bot may not read messages",
            "switch on `Message Content Intent` in the developer portal (Bot, Privileged Gateway Intents)",
        )?;
    }
    let making = section.channels.auto_create;
    let link = invite::link(application.id, Some(section.guild_id), making);
    match probe::guilds(&out).await {
        Err(problem) => report.bad(&problem, "try again in a minute")?,
        Ok(guilds) => match guilds.iter().find(|(id, ..)| *id == section.guild_id) {
            None => return report.bad(&format!("the bot is not in the guild {}", section.guild_id), &format!("invite it: {link}")),
            Some((_, name, rights)) => {
                report.good(&format!("the bot is in the guild `{name}`"))?;
                match invite::missing(*rights, making).as_slice() {
                    [] => report.good("the bot has the rights that it needs")?,
                    missing => report.bad(&format!("the bot may not: {}", missing.join(", ")), &format!("invite it again: {link}"))?,
                }
            }
        },
    }
    match probe::channels(&out, section.guild_id).await {
        Err(problem) => report.bad(&problem, "give the bot the right to view channels"),
        Ok(channels) => {
            let wanted = section.channel.trim_start_matches('#');
            if channels.iter().any(|(_, name)| name.eq_ignore_ascii_case(wanted)) {
                report.good(&format!("the main channel #{wanted} is there"))
            } else {
                report.bad(
                    &format!("the main channel #{wanted} is not there"),
                    "make it in Discord, or name another in discord.channels.channel",
                )
            }
        }
    }
}
