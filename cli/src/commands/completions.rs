//! `aqctl completions`: how a shell learns to complete.

use crate::context::Context;
use crate::error::CliError;

/// A shell that can complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// elvish
    Elvish,
    /// PowerShell
    Powershell,
}

/// Print the line that makes a shell complete commands, options and ids
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<(), CliError> {
    let (line, file) = match args.shell {
        Shell::Bash => ("source <(COMPLETE=bash aqctl)", "~/.bashrc"),
        Shell::Zsh => ("source <(COMPLETE=zsh aqctl)", "~/.zshrc"),
        Shell::Fish => ("COMPLETE=fish aqctl | source", "~/.config/fish/config.fish"),
        Shell::Elvish => ("eval (E:COMPLETE=elvish aqctl | slurp)", "~/.elvish/rc.elv"),
        Shell::Powershell => {
            ("$env:COMPLETE = \"powershell\"; aqctl | Out-String | Invoke-Expression; Remove-Item Env:\\COMPLETE", "$PROFILE")
        }
    };
    context.ui.print(line)?;
    context.ui.talk(format!("add this line to {file}"));
    Ok(())
}
