//! `snow completion`: the script by which a shell completes.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::app::App;
use super::pick;
use crate::base::error::Failure;
use crate::cli::completion::script;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow completion bash
  snow completion fish > ~/.config/fish/completions/snow.fish

To set it up, add a line to the file of your shell:
  ~/.bashrc     source <(snow completion bash)
  ~/.zshrc      source <(snow completion zsh)
  config.fish   snow completion fish | source
  $PROFILE      snow completion powershell | Out-String |
                Invoke-Expression")]
pub struct CompletionArgs {
    /// The shell [default: the one that SHELL names]
    pub shell: Option<Shell>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl Shell {
    const ALL: [Self; 4] = [Self::Bash, Self::Zsh, Self::Fish, Self::Powershell];

    fn as_str(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
        }
    }

    /// The line that sets it up, and the file where it belongs.
    fn set_up(self) -> (&'static str, &'static str) {
        match self {
            Self::Bash => ("source <(snow completion bash)", "~/.bashrc"),
            Self::Zsh => ("source <(snow completion zsh)", "~/.zshrc"),
            Self::Fish => ("snow completion fish | source", "~/.config/fish/config.fish"),
            Self::Powershell => ("snow completion powershell | Out-String |\n      Invoke-Expression", "$PROFILE"),
        }
    }
}

pub fn run(app: &mut App, arguments: CompletionArgs) -> Result<u8, Failure> {
    let named = app.variables.path("SHELL").and_then(|path| of_program(&path));
    let shell = match (arguments.shell, named) {
        (Some(shell), _) => shell,
        (None, _) if app.console.out.is_terminal => return Ok(choices(app, named)),
        (None, Some(shell)) => {
            app.console.note(&format!("The script for {}, the shell that SHELL names.", shell.as_str()));
            shell
        }
        (None, None) => return Err(pick::missing("SHELL", "shells", Shell::ALL.map(Shell::as_str))),
    };
    app.console.data(&script(shell.as_str()));
    Ok(0)
}

/// How each shell is set up; a script alone would fill the screen.
fn choices(app: &mut App, named: Option<Shell>) -> u8 {
    let paint = app.console.out;
    let mut lines = vec!["Add the line of your shell to its file:".to_owned()];
    for shell in Shell::ALL {
        let (line, file) = shell.set_up();
        let remark = if named == Some(shell) { "   (your shell, by SHELL)" } else { "" };
        lines.push(format!("\n  {}   {}{}", paint.bold(shell.as_str()), paint.dim(file), paint.dim(remark)));
        lines.push(format!("    {}", paint.command(line)));
    }
    app.console.data(&lines.join("\n"));
    0
}

fn of_program(path: &Path) -> Option<Shell> {
    let name = path.file_stem()?.to_str()?;
    Shell::ALL.into_iter().find(|shell| shell.as_str() == name)
}
